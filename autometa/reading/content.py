"""`Content`: the bytes of a file or of standard input, unpacked, to be read as often as needed.

Whether and how a file is packed is found by looking at its first bytes; its name is not asked.
"""

import bz2
import difflib
import gzip
import io
import lzma
import os
import sys
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

import pyarrow as pa

from autometa.errors import DataError
from autometa.reading.encoding import find_encoding
from autometa.reading.wording import count, enumerate_names, quote

STANDARD_INPUT = "-"

MAX_HELD_BYTES = 1 << 32
"""Content that is no plain file on disk is held in memory: more of it is not read."""

BINARY_MAGIC = {b"PAR1": ".parquet", b"ARROW1": ".feather", b"\xff\xff\xff\xff": ".arrow"}
"""How a table begins that is no text, and the ending that it should have."""

_HEAD_BYTES = 1 << 16
_PIECE_BYTES = 1 << 22
_STDIN_LABEL = "standard input"
PACKINGS = {"gzip": b"\x1f\x8b\x08", "bzip2": b"BZh", "xz": b"\xfd7zXZ\0", "zip": b"PK\x03\x04"}
_UNPACKERS: dict[str, Callable[[BinaryIO], gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile]] = {
    "gzip": lambda file: gzip.GzipFile(fileobj=file),
    "bzip2": bz2.BZ2File,
    "xz": lzma.LZMAFile,
}
_BZIP2_BLOCK = b"1AY&SY"  # follows "BZh9", so that a text may begin with these letters
_OFFICE = {"[Content_Types].xml", "content.xml"}


@dataclass(frozen=True, kw_only=True)
class Content:
    """The bytes of a table in any format.

    Parameters
    ----------
    name : str
        What to call the table: the file's name without endings.
    ending : str
        The last ending of the unpacked file's name, in lower case, such as ".csv"; empty if it has none.
    label : str
        What messages call it.
    held : Path or bytes
        Where the bytes are: in a plain file, or here.
    """

    name: str
    ending: str
    label: str
    held: Path | bytes = field(repr=False)

    def open(self) -> BinaryIO:
        """Return a new file object at the first byte."""
        return io.BytesIO(self.held) if isinstance(self.held, bytes) else self.held.open("rb")

    def open_arrow(self) -> "pa.NativeFile":
        """Return a new file object at the first byte, as Arrow reads it fastest; it guesses nothing from a name."""
        # bytes, for a name need not be UTF-8
        return pa.BufferReader(self.held) if isinstance(self.held, bytes) else pa.OSFile(os.fsencode(self.held))

    @cached_property
    def head(self) -> bytes:
        """The first 64 KiB."""
        try:
            with self.open() as file:
                return file.read(_HEAD_BYTES)
        except OSError as error:
            raise DataError(f"{self.label} cannot be read: {error.strerror}; copy it to a file that can") from error


def open_content(source: str | Path) -> Content:
    """Return the content of a file, or of standard input for ``"-"``; gzip, bzip2, xz and zip are unpacked.

    Raises
    ------
    DataError
        If there is no such file, it cannot be opened or unpacked, or it is empty.
    """
    if str(source) == STANDARD_INPUT:
        content = Content(name="stdin", ending="", label=_STDIN_LABEL, held=_read_standard_input())
    else:
        content = _open_file(Path(source))
    content = _unpack(content)
    if not content.head.strip():
        raise DataError(f"{content.label} is empty; give a table with a header and rows")
    return content


def _read_standard_input() -> bytes:
    """Return all that is piped into this process."""
    if sys.stdin is None:
        return b""
    if sys.stdin.isatty():
        raise DataError("standard input is a terminal; pipe a table into it, or give the path of a file")
    return _read_all(sys.stdin.buffer, _STDIN_LABEL)


def _open_file(path: Path) -> Content:
    """Return the content of a file as it is, or say why it cannot be opened."""
    try:
        with path.open("rb") as file:  # a pipe can be read only once
            held = path if path.is_file() else _read_all(file, quote(path.name))
    except FileNotFoundError as error:
        near = difflib.get_close_matches(path.name, _siblings(path), n=3)
        hint = f"did you mean {enumerate_names(near)}?" if near else "check the path"
        raise DataError(f"no such file: {quote(str(path))}; {hint}") from error
    except IsADirectoryError as error:
        raise DataError(f"{quote(str(path))} is a directory; give a file in it") from error
    except PermissionError as error:
        raise DataError(f"no permission to read {quote(str(path))}; change its mode or owner") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise DataError(f"cannot open {quote(str(path))}: {error}; check the path") from error
    name = os.fsencode(path.stem).decode("utf-8", errors="replace")  # it need not be UTF-8, and is to be printed
    return Content(name=name, ending=path.suffix.lower(), label=quote(path.name), held=held)


def _read_all(file: IO[bytes] | io.BufferedIOBase, label: str) -> bytes:
    """Return all that a stream gives; it may have no end, so junk is refused by its beginning, else by its length."""
    held = io.BytesIO()
    held.write(head := file.read(_HEAD_BYTES))
    is_known = any(head.startswith(magic) for magic in (*BINARY_MAGIC, *PACKINGS.values()))
    if head.strip() and not is_known and find_encoding(head) is None:
        raise describe_junk(head, label)
    while piece := file.read(_PIECE_BYTES):
        held.write(piece)
        if held.tell() > MAX_HELD_BYTES:
            gigabytes = MAX_HELD_BYTES / 2**30
            raise DataError(f"{label} gives more than {gigabytes:g} GiB; write it to a plain file and give that")
    return held.getvalue()


def describe_junk(head: bytes, label: str) -> DataError:
    """Return the error that says that content beginning like this is no text."""
    start = quote(head[:8])
    return DataError(f"{label} is binary, not text (it starts with {start}); save it as UTF-8 text or Parquet")


def _siblings(path: Path) -> list[str]:
    """Return the names beside a path, none where they cannot be listed."""
    try:
        return [other.name for other in path.parent.iterdir()]
    except OSError:
        return []


def _unpack(content: Content) -> Content:
    """Return the content as it was before it was packed, in one of four ways, if it was."""
    packing = next((name for name, magic in PACKINGS.items() if content.head.startswith(magic)), None)
    if packing is None or (packing == "bzip2" and content.head[4:10] != _BZIP2_BLOCK):
        return content
    try:
        with content.open() as file:
            if packing == "zip":
                return _unzip(content, file)
            held = _read_all(_UNPACKERS[packing](file), content.label)
    except (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, NotImplementedError) as error:
        raise DataError(f"{content.label} is a damaged {packing} file ({error}); pack it anew") from error
    return _renamed(replace(content, held=held), content.name)


def _unzip(content: Content, file: BinaryIO) -> Content:
    """Return the one file in an archive."""
    with zipfile.ZipFile(file) as archive:
        members = [member for member in archive.infolist() if not member.is_dir() and not _is_hidden(member.filename)]
        names = [member.filename for member in members]
        if _OFFICE.intersection(names):
            raise DataError(f"{content.label} is an office document; save its sheet as CSV")
        if len(members) != 1:
            listed = f": {enumerate_names(names)}" if names else ""
            raise DataError(f"{content.label} holds {count(len(names), 'file')}{listed}; pack one table alone")
        if members[0].flag_bits & 1:
            raise DataError(f"{content.label} is locked with a password; unpack it first")
        inside = PurePosixPath(names[0]).name
        label = f"{quote(inside)} in {content.label}"
        with archive.open(members[0]) as unpacked:
            held = _read_all(unpacked, label)
    return _renamed(replace(content, held=held, label=label), inside)


def _is_hidden(name: str) -> bool:
    """Return whether a name in an archive is one that a file manager put there."""
    return name.startswith("__MACOSX/") or PurePosixPath(name).name.startswith(".")


def _renamed(content: Content, file_name: str) -> Content:
    """Return the content under the name that its unpacked file has or would have."""
    path = PurePosixPath(file_name)
    return replace(content, name=path.stem or content.name, ending=path.suffix.lower())
