"""JSON lines: one object a line, whose keys are the columns; a key that a line lacks is a missing value.

Arrow reads what has one type a column; Python's json module reads the rest, and names the line to blame.
"""

import json

import pandas as pd
import pyarrow as pa

from autometa.errors import DataError
from autometa.reading.loaded import Loaded, check_names, to_frame
from autometa.reading.text import Text
from autometa.reading.wording import quote

_BLOCK_BYTES = 16_000_000  # every line must fit into a block


def load_json_lines(text: Text) -> Loaded:
    """Return the table of a text in JSON lines.

    Raises
    ------
    DataError
        If a line is no JSON object.
    """
    content = text.content
    check_names(list(_first_object(text)), content.label)
    table = _read_fast(text)
    frame = _read_slowly(text) if table is None else to_frame(table, is_ours=True)
    return Loaded(frame=frame, name=content.name, label=content.label, is_typed=True, notes=text.notes)


def _first_object(text: Text) -> dict[str, object]:
    """Return the object on the first line that is not blank."""
    with text.open(errors="replace") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                return _parse(line, number, text.content.label)
    return {}


def _read_fast(text: Text) -> "pa.Table | None":
    """Return what Arrow reads; None for what it refuses."""
    import pyarrow.json as arrow_json

    if text.encoding != "utf-8":
        return None
    try:
        with text.content.open_arrow() as file:
            return arrow_json.read_json(file, arrow_json.ReadOptions(block_size=_BLOCK_BYTES))
    except pa.ArrowException:
        return None


def _read_slowly(text: Text) -> pd.DataFrame:
    """Return the table as Python's json module reads it."""
    label = text.content.label
    try:
        with text.open() as file:
            rows = [_parse(line, number, label) for number, line in enumerate(file, start=1) if line.strip()]
    except UnicodeError as error:
        raise DataError(f"{label} is no {text.encoding} text ({error}); save it as UTF-8") from error
    return pd.DataFrame(rows)


def _parse(line: str, number: int, label: str) -> dict[str, object]:
    """Return the object on a line."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{label}: line {number} is no JSON ({str(error)[:60]}); write one object a line") from error
    if not isinstance(found, dict):
        raise DataError(f"{label}: line {number} is no JSON object but {quote(found)}; write one object a line")
    if "\\u" in line:
        _check_unicode(line, number, label)
    return found


def _check_unicode(line: str, number: int, label: str) -> None:
    """Raise if an escape on a line of JSON is half of a surrogate pair."""
    try:
        json.dumps(json.loads(line), ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        half = error.object[error.start]
        raise DataError(f"{label}: line {number} holds {quote(half)}, which is no Unicode text; mend it") from error
