"""Sources: a path, standard input or a table in memory becomes a `Loaded`.

The format is found by looking at the content; the ending of the name decides only where that says nothing.
A further format is one more function to a `Loaded` and one more entry in one of the tables below.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any  # the content of a binary file, or a text: what its loader takes

import pyarrow as pa

from autometa.errors import DataError
from autometa.reading.arff import load_arff
from autometa.reading.binary import load_arrow, load_parquet, stream_parquet
from autometa.reading.content import BINARY_MAGIC, Content, open_content
from autometa.reading.delimited import load_delimited, stream_delimited
from autometa.reading.frames import Frame, load_frame
from autometa.reading.json_lines import load_json_lines
from autometa.reading.loaded import Loaded, to_frame
from autometa.reading.text import Text, decode

Source = str | Path | Frame

_BINARY_ENDINGS: dict[str, Callable[[Content], Loaded]] = {
    ".parquet": load_parquet,
    ".pq": load_parquet,
    ".feather": load_arrow,
    ".arrow": load_arrow,
}
_TEXT_ENDINGS: dict[str, Callable[[Text], Loaded]] = {
    ".arff": load_arff,
    ".jsonl": load_json_lines,
    ".ndjson": load_json_lines,
}
_JSON_ARRAY = re.compile(r"\[\s*\{")


def load(source: Source) -> Loaded:
    """Return the table of a source, "-" for standard input; a table in memory is never changed.

    Raises
    ------
    DataError
        If the source is of no known kind, cannot be read, or holds no table that could be learned from.
    """
    if not isinstance(source, str | Path):
        return load_frame(source)
    opened, loader = _choose(source)
    return loader(opened)


def read_chunks(source: Source, n_rows: int) -> Iterator[Loaded]:
    """Yield a table in pieces of ``n_rows`` rows, the last of which may be shorter; there is at least one.

    Delimited text and Parquet are read piece by piece, in memory that does not grow with the file (unless it is
    packed, or comes from standard input); other formats and tables in memory whole. The columns of delimited text
    are strings, for a piece may look other than the whole.

    Raises
    ------
    DataError
        As `load`; for a line that is wrong only when its piece is reached.
    """
    if not isinstance(source, str | Path):
        yield from _split(load_frame(source), n_rows)
        return
    opened, loader = _choose(source)
    if loader is load_parquet:
        yield from _regroup(stream_parquet(opened, n_rows), n_rows, opened, is_typed=True)
    elif loader is load_delimited:
        decimal, blocks = stream_delimited(opened)
        yield from _regroup(blocks, n_rows, opened.content, is_typed=False, decimal=decimal)
    else:
        yield from _split(loader(opened), n_rows)


def _split(loaded: Loaded, n_rows: int) -> Iterator[Loaded]:
    """Yield the pieces of a table in memory."""
    for start in range(0, len(loaded.frame), n_rows):
        yield replace(loaded, frame=loaded.frame.iloc[start : start + n_rows].reset_index(drop=True))


def _regroup(
    blocks: "Iterator[pa.Table]", n_rows: int, content: Content, *, is_typed: bool, decimal: str = "."
) -> Iterator[Loaded]:
    """Yield the rows of blocks in pieces of ``n_rows``; the checks of `Loaded` refuse a table without rows."""
    waiting = next(blocks)
    is_first = True

    def piece(table: "pa.Table") -> Loaded:
        frame = to_frame(table, is_ours=False)
        return Loaded(frame=frame, name=content.name, label=content.label, is_typed=is_typed, decimal=decimal)

    for block in blocks:
        waiting = pa.concat_tables([waiting, block])
        while waiting.num_rows >= n_rows:
            yield piece(waiting.slice(0, n_rows))
            waiting, is_first = waiting.slice(n_rows), False
    if is_first or waiting.num_rows:
        yield piece(waiting)


def _choose(source: str | Path) -> tuple[Any, Callable[[Any], Loaded]]:
    """Return the content of a source, decoded if it is text, and what loads it."""
    content = open_content(source)
    load_binary = choose_binary_loader(content)
    if load_binary:
        return content, load_binary
    text = decode(content)
    return text, choose_text_loader(text)


def choose_binary_loader(content: Content) -> Callable[[Content], Loaded] | None:
    """Return what loads such bytes: Parquet or Arrow; None for what is to be read as text."""
    shown = next((ending for magic, ending in BINARY_MAGIC.items() if content.head.startswith(magic)), None)
    return _BINARY_ENDINGS.get(shown or content.ending)


def choose_text_loader(text: Text) -> Callable[[Text], Loaded]:
    """Return what loads a text like this: ARFF, JSON lines, else delimited text."""
    for line in text.head.splitlines():
        stripped = line.strip()
        if not stripped or stripped.startswith("%"):
            continue
        if stripped.lower().startswith("@relation"):
            return load_arff
        if stripped.startswith("{"):
            return load_json_lines
        break
    if _JSON_ARRAY.match(text.head.lstrip()):
        raise DataError(f"{text.content.label} is one JSON array; write one object a line, without brackets")
    return _TEXT_ENDINGS.get(text.content.ending, load_delimited)
