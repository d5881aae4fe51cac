"""Sources: a path, standard input or a table in memory becomes a `Loaded`.

The format is found by looking at the content; the ending of the name decides only where that says nothing.
A further format is one more function to a `Loaded` and one more entry in one of the tables below.
"""

import re
from collections.abc import Callable
from pathlib import Path

from autometa.errors import DataError
from autometa.reading.arff import load_arff
from autometa.reading.binary import load_arrow, load_parquet
from autometa.reading.content import BINARY_MAGIC, Content, open_content
from autometa.reading.delimited import load_delimited
from autometa.reading.frames import Frame, load_frame
from autometa.reading.json_lines import load_json_lines
from autometa.reading.loaded import Loaded
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
    content = open_content(source)
    shown = next((ending for magic, ending in BINARY_MAGIC.items() if content.head.startswith(magic)), None)
    load_binary = _BINARY_ENDINGS.get(shown or content.ending)
    if load_binary:
        return load_binary(content)
    text = decode(content)
    return _choose_text_loader(text)(text)


def _choose_text_loader(text: Text) -> Callable[[Text], Loaded]:
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
