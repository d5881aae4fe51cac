"""Delimited text: CSV, TSV and the like; faults are named with their line.

Arrow's reader does the work; Python's csv module looks at the head of a file, and searches a file that
Arrow refuses for the line to blame.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any  # of pyarrow.csv, which carries no types

import pyarrow as pa

from autometa.errors import DataError
from autometa.reading.columns import MISSING_MARKERS
from autometa.reading.dialect import Dialect, sniff
from autometa.reading.loaded import MAX_COLUMNS, Loaded, to_frame
from autometa.reading.text import Text
from autometa.reading.wording import count, enumerate_names, quote

_BLOCK_BYTES = 4_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    """The names of the columns, and the line they stand on."""

    line: int
    names: list[str]


def load_delimited(text: Text) -> Loaded:
    """Return the table of a delimited text with a header.

    Columns are integers, floats, booleans, dates, timestamps or strings, whatever all their values are.
    A column without a name gets the one that pandas gives it, such as ``Unnamed: 0``.

    Raises
    ------
    DataError
        If it has one column, too many or two of one name, or a line of another length.
    """
    content = text.content
    dialect = sniff(text.head)
    header = _read_header(text, dialect)
    _check_header(header.names, content.label)
    notes = [*text.notes, *_remark(dialect, header, is_tsv=content.ending == ".tsv")]
    with _translated(text, dialect, header):
        table = _parse(text, dialect, header)
    frame = to_frame(table, is_ours=True)
    return Loaded(
        frame=frame,
        name=content.name,
        label=content.label,
        is_typed=False,
        notes=tuple(notes),
        decimal=dialect.decimal,
    )


def stream_delimited(text: Text) -> tuple[str, "Iterator[pa.Table]"]:
    """Return the decimal sign of a delimited text, and its rows block by block, every column as strings.

    The first block may have no rows; all have the columns of the header. What a value is, is not asked: a block
    may look other than the whole.

    Raises
    ------
    DataError
        As `load_delimited`, but one column is enough; for a line that is wrong only when its block is reached.
    """
    dialect = sniff(text.head)
    header = _read_header(text, dialect)
    _check_header(header.names, text.content.label, n_needed=1)
    return dialect.decimal, _stream(text, dialect, header)


def _stream(text: Text, dialect: Dialect, header: _Header) -> "Iterator[pa.Table]":
    """Yield the blocks."""
    import pyarrow.csv as arrow_csv

    with _translated(text, dialect, header), text.content.open_arrow() as file:
        options = _options(text, dialect, header, header.names)
        yield pa.table({name: pa.array([], pa.string()) for name in header.names})
        with arrow_csv.open_csv(file, *options) as reader:
            for batch in reader:
                yield pa.Table.from_batches([batch])


@contextmanager
def _translated(text: Text, dialect: Dialect, header: _Header) -> Iterator[None]:
    """Raise what Arrow finds wrong as an error that names the line to blame."""
    try:
        yield
    except UnicodeError as error:
        raise DataError(f"{text.content.label} is no {text.encoding} text ({error}); save it as UTF-8") from error
    except (pa.ArrowException, OSError) as error:
        raise _explain(text, dialect, len(header.names), str(error)) from error


def _read_header(text: Text, dialect: Dialect) -> _Header:
    """Return the first record that is not blank, an empty name as pandas would fill it in."""
    with text.open(errors="replace", newline="") as file:
        line, fields = next(dialect.split(file), (1, []))
    return _Header(line=line, names=[name or f"Unnamed: {position}" for position, name in enumerate(fields)])


def _check_header(names: list[str], label: str, n_needed: int = 2) -> None:
    """Raise unless there are at least two columns, not too many, each with its own name."""
    if len(names) < n_needed:
        found = f"one column, {quote(names[0])}" if names else "no header"
        raise DataError(f"{label} has {found}; fields are to be separated by a comma, semicolon, tab or |")
    if len(names) > MAX_COLUMNS:
        raise DataError(f"{label} has {len(names):,} columns, more than {MAX_COLUMNS:,}; select some of them")
    repeated = [name for name, n_times in Counter(names).items() if n_times > 1]
    if repeated:
        raise DataError(
            f"the header of {label} repeats {enumerate_names(repeated)}; rename columns, "
            f"or put a header above the first line if that is data"
        )


def _remark(dialect: Dialect, header: _Header, *, is_tsv: bool) -> list[str]:
    """Return what is unusual about how the table is written."""
    notes = []
    if dialect.delimiter != ("\t" if is_tsv else ","):
        notes.append(f"fields are separated by {dialect.spoken_delimiter}")
    if dialect.quote != '"':
        notes.append(f"fields are quoted by {dialect.quote}")
    if dialect.decimal == ",":
        notes.append("numbers have a decimal comma")
    if all(_is_number(name) for name in header.names):
        notes.append("every name in the header is a number; if the first line holds data, put a header above it")
    return notes


def _parse(text: Text, dialect: Dialect, header: _Header) -> "pa.Table":
    """Return the table; times of day stay strings, for Arrow would write "9:30" back as "09:30:00"."""
    table = _read(text, dialect, header, as_strings=[])
    times = [column.name for column in table.schema if pa.types.is_time(column.type)]
    return _read(text, dialect, header, as_strings=times) if times else table


def _read(text: Text, dialect: Dialect, header: _Header, *, as_strings: list[str]) -> "pa.Table":
    """Return what Arrow reads, these columns as strings."""
    import pyarrow.csv as arrow_csv

    with text.content.open_arrow() as file:
        return arrow_csv.read_csv(file, *_options(text, dialect, header, as_strings))


def _options(text: Text, dialect: Dialect, header: _Header, as_strings: list[str]) -> "tuple[Any, Any, Any]":
    """Return how Arrow is to read, parse and convert the text, these columns as strings."""
    import pyarrow.csv as arrow_csv

    return (
        arrow_csv.ReadOptions(
            skip_rows=header.line - 1,
            column_names=header.names,
            skip_rows_after_names=1,
            encoding="utf8" if text.is_utf8 else text.encoding,
            block_size=_BLOCK_BYTES + 1000 * len(header.names),  # every line must fit into a block
        ),
        arrow_csv.ParseOptions(
            delimiter=dialect.delimiter,
            quote_char=dialect.quote,
            escape_char=dialect.escape or False,
            newlines_in_values=True,
        ),
        arrow_csv.ConvertOptions(
            null_values=sorted(MISSING_MARKERS),
            strings_can_be_null=True,
            true_values=["true", "True", "TRUE"],  # Arrow's own list has "1"
            false_values=["false", "False", "FALSE"],
            decimal_point=dialect.decimal,
            column_types=dict.fromkeys(as_strings, pa.string()),
        ),
    )


def _explain(text: Text, dialect: Dialect, n_columns: int, reason: str) -> DataError:
    """Return the error that names the first line to blame, or Arrow's reason if there is none."""
    label = text.content.label
    with text.open(errors="replace", newline="") as file:
        for line, fields in dialect.split(file):
            if not fields:
                return DataError(f"{label}: a quoted field starts on line {line} and does not end; close it")
            if len(fields) != n_columns:
                return DataError(
                    f"{label}: line {line} has {count(len(fields), 'field')}, the header {n_columns}; "
                    f"mend it, or quote the field that holds {dialect.spoken_delimiter}"
                )
    if "straddling" in reason:
        return DataError(f"{label}: a quoted field does not end, or a line is longer than 4 MB; look for a lone quote")
    return DataError(f"{label} cannot be read as delimited text ({reason[:100]!r}); write it anew")


def _is_number(text: str) -> bool:
    """Return whether a text is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True
