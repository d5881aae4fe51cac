"""`Text`: content that is text, and its encoding, found by looking."""

import codecs
import io
from dataclasses import dataclass, field
from typing import TextIO

from autometa.reading.content import Content, describe_junk
from autometa.reading.encoding import find_encoding

_FALLBACK = "cp1252"  # what Excel on Windows writes in western Europe and the Americas
_SPOKEN = {"utf-8": "UTF-8", "utf-16": "UTF-16", "utf-32": "UTF-32"}
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
    encoding = find_encoding(content.head)
    if encoding is None:
        raise describe_junk(content.head, content.label)
    if encoding == "utf-8" and not _is_utf8(content):
        encoding = _FALLBACK
    return Text(content=content, encoding=encoding, head=content.head.decode(encoding, errors="ignore"))


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
