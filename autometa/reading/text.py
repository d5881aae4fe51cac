"""`Text`: content that is text, and its encoding, found by looking."""

import codecs
import io
from dataclasses import dataclass, field
from typing import TextIO

from autometa.errors import DataError
from autometa.reading.content import Content
from autometa.reading.wording import quote

_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark begins it
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_FALLBACK = "cp1252"  # what Excel on Windows writes in western Europe and the Americas
_SPOKEN = {"utf-8": "UTF-8", "utf-16": "UTF-16", "utf-32": "UTF-32"}
_TEXT_CONTROLS = frozenset("\t\n\v\f\r\x1a\x1b")
_MAX_CONTROL_SHARE = 0.01  # random bytes have 10 %, text has none
_MIN_NUL_SHARE = 0.7  # of every other byte: UTF-16 without a mark, of text that is mostly ASCII
_PIECE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """Content that is text.

    Parameters
    ----------
    content : Content
        The bytes.
    encoding : str
        A name that Python's codecs know.
    head : str
        The first characters, up to some ten thousand.
    """

    content: Content
    encoding: str
    head: str = field(repr=False)

    @property
    def is_utf8(self) -> bool:
        """Whether the bytes are UTF-8, with or without a mark."""
        return self.encoding.startswith("utf-8")

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know of an encoding that is not UTF-8."""
        if self.is_utf8:
            return ()
        if self.encoding == _FALLBACK:
            return (f"the text is not UTF-8, read as {_FALLBACK}",)
        return (f"the text is {_SPOKEN[self.encoding[:6]]}",)

    def open(self, *, errors: str = "strict", newline: str | None = None) -> TextIO:
        """Return a new text file object at the first character."""
        return io.TextIOWrapper(self.content.open(), encoding=self.encoding, errors=errors, newline=newline)


def decode(content: Content) -> Text:
    """Return content as text: by its byte order mark, as UTF-8 if all of it is, else as cp1252.

    Raises
    ------
    DataError
        If it is not text.
    """
    encoding = _find_encoding(content)
    head = content.head.decode(encoding, errors="ignore") if encoding else ""
    n_controls = sum(character < " " and character not in _TEXT_CONTROLS for character in head)
    if not encoding or not head.strip() or n_controls > _MAX_CONTROL_SHARE * len(head):
        start = quote(content.head[:8])
        raise DataError(
            f"{content.label} is binary, not text (it starts with {start}); save it as UTF-8 text or Parquet"
        )
    return Text(content=content, encoding=encoding, head=head)


def _find_encoding(content: Content) -> str | None:
    """Return the encoding of a text, None if it is none."""
    head = content.head
    for mark, encoding in _MARKS.items():
        if head.startswith(mark):
            return encoding
    if b"\0" in head:
        shares = {"utf-16-le": head[1::2].count(0), "utf-16-be": head[::2].count(0)}
        encoding = max(shares, key=lambda name: shares[name])
        return encoding if shares[encoding] > _MIN_NUL_SHARE * len(head) / 2 else None
    return "utf-8" if _is_utf8(content) else _FALLBACK


def _is_utf8(content: Content) -> bool:
    """Return whether all of it is UTF-8; pieces of ASCII are not decoded."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with content.open() as file:
        try:
            while piece := file.read(_PIECE_BYTES):
                if not piece.isascii() or decoder.getstate()[0]:
                    decoder.decode(piece)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True
