"""Encodings: how the first bytes of a text say it is encoded, and that bytes are no text."""

import codecs

_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark begins it
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_TEXT_CONTROLS = frozenset("\t\n\v\f\r\x1a\x1b")
_MAX_CONTROL_SHARE = 0.01  # random bytes have 10 %, text has none
_MIN_NUL_SHARE = 0.7  # of every other byte: UTF-16 without a mark, of text that is mostly ASCII


def find_encoding(head: bytes) -> str | None:
    """Return the encoding that the first bytes show, "utf-8" where they show none, or None for what is no text.

    Examples
    --------
    >>> find_encoding(b"a,b"), find_encoding("a,b".encode("utf-16")), find_encoding(bytes(9))
    ('utf-8', 'utf-16', None)
    """
    encoding = _presume(head)
    text = head.decode(encoding, errors="replace") if encoding else ""
    n_controls = sum(character < " " and character not in _TEXT_CONTROLS for character in text)
    return encoding if text.strip() and n_controls <= _MAX_CONTROL_SHARE * len(text) else None


def _presume(head: bytes) -> str | None:
    """Return the encoding if this is a text: by its mark, by its zeros, else UTF-8; None if it is none."""
    for mark, encoding in _MARKS.items():
        if head.startswith(mark):
            return encoding
    if b"\0" not in head:
        return "utf-8"
    shares = {"utf-16-le": head[1::2].count(0), "utf-16-be": head[::2].count(0)}
    encoding = max(shares, key=lambda name: shares[name])
    return encoding if shares[encoding] > _MIN_NUL_SHARE * len(head) / 2 else None
