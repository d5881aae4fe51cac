"""ARFF, the format of Weka and of OpenML: declared attributes, nominal values, ``?`` for missing ones.

A reader of our own, since scipy's has no strings and no sparse rows, and liac-arff no dates, and takes
exponential time on a nominal declaration that lacks its brace.

References
----------
Weka wiki, ARFF (stable version), https://waikato.github.io/weka-wiki/formats_and_processing/arff_stable/
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
import pandas as pd

from autometa.errors import DataError
from autometa.reading.columns import MISSING_MARKERS
from autometa.reading.loaded import Loaded, check_names
from autometa.reading.text import Text
from autometa.reading.wording import count, quote

_QUOTED = r"""'(?P<single>(?:[^'\\]|\\.)*)'|"(?P<double>(?:[^"\\]|\\.)*)\""""
_END = r"\s*(?P<end>,|\Z)"
_VALUE = re.compile(rf"\s*(?:{_QUOTED}|(?P<bare>[^,'\"\s][^,]*)?){_END}")
_SPARSE_VALUE = re.compile(rf"\s*(?P<position>\d{{1,9}})\s+(?:{_QUOTED}|(?P<bare>[^,'\"\s][^,]*)){_END}")
_ATTRIBUTE = re.compile(rf"@attribute\s+(?:{_QUOTED}|(?P<bare>[^\s{{'\"][^\s{{]*))\s*(?P<type>\S.*)", re.IGNORECASE)
_IS_PLAIN = re.compile(r"""[^'"\\{]*""")
_ESCAPED = re.compile(r"\\(.)")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
_NUMBERS = ("numeric", "real", "integer")
_STRINGS = ("string", "date")  # dates are recognised as in any column of strings
_BATCH_ROWS = 50_000

_Line = tuple[int, str]
_Row = list[str | None]  # None: missing


class _FaultError(ValueError):
    """What is wrong with a line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attribute:
    """A column: its name, its labels if it is nominal, and whether it holds numbers if it is not."""

    name: str
    labels: tuple[str, ...] | None = None
    is_number: bool = False

    @property
    def unwritten(self) -> str | None:
        """The value that a sparse row leaves out."""
        if self.labels:
            return self.labels[0]
        return "0" if self.is_number else None


def load_arff(text: Text) -> Loaded:
    """Return the table of an ARFF file, dense or sparse; nominal columns are categories in the declared order.

    Raises
    ------
    DataError
        If a declaration or a row cannot be read, or a nominal value is not declared; the line is named.
    """
    content = text.content
    try:
        with text.open() as file:
            lines = _significant(file)
            attributes = _read_declarations(lines, content.label)
            check_names([attribute.name for attribute in attributes], content.label)
            batches = iter(lambda: list(islice(lines, _BATCH_ROWS)), [])
            frames = [_read_rows(batch, attributes, content.label) for batch in batches]
    except UnicodeError as error:
        raise DataError(f"{content.label} is no {text.encoding} text ({error}); save it as UTF-8") from error
    frame = pd.concat(frames, ignore_index=True) if frames else _read_rows([], attributes, content.label)
    return Loaded(frame=frame, name=content.name, label=content.label, is_typed=True, notes=text.notes)


def _significant(file: Iterable[str]) -> Iterator[_Line]:
    """Yield the lines that are neither blank nor a comment, stripped, with their numbers."""
    for number, line in enumerate(file, start=1):
        stripped = line.strip()
        if stripped and not stripped.startswith("%"):
            yield number, stripped


def _read_declarations(lines: Iterator[_Line], label: str) -> list[_Attribute]:
    """Return what is declared above the rows."""
    attributes: list[_Attribute] = []
    for number, line in lines:
        word = line.split(maxsplit=1)[0].lower()
        if word == "@data":
            return attributes
        if word == "@attribute":
            try:
                attributes.append(_parse_attribute(line))
            except _FaultError as error:
                raise DataError(f"{label}: line {number} {error}") from error
        elif word != "@relation":
            raise DataError(f"{label}: line {number} is no declaration: {quote(line)}; is the @data line missing?")
    raise DataError(f"{label} has no @data line; put one above its rows")


def _parse_attribute(line: str) -> _Attribute:
    """Return what an @attribute line declares."""
    match = _ATTRIBUTE.fullmatch(line)
    if match is None:
        raise _FaultError("declares no name and type; write: @attribute name numeric")
    name, kind = _value(match) or "", match["type"].strip()
    if kind.startswith("{"):
        if not kind.endswith("}"):
            raise _FaultError("lacks the } after its values; add it")
        values = [_value(part) for part in _scan(_VALUE, kind[1:-1])]
        return _Attribute(name=name, labels=tuple(dict.fromkeys(value for value in values if value is not None)))
    word = re.split(r"[\s\[]", kind, maxsplit=1)[0].lower()
    if word not in (*_NUMBERS, *_STRINGS):
        raise _FaultError(
            f"declares the type {quote(word)}; choose from {', '.join((*_NUMBERS, *_STRINGS))} or {{...}}"
        )
    return _Attribute(name=name, is_number=word in _NUMBERS)


def _read_rows(lines: list[_Line], attributes: list[_Attribute], label: str) -> pd.DataFrame:
    """Return the table of these rows."""
    rows: list[_Row] = []
    for number, line in lines:
        try:
            rows.append(_parse_row(line, attributes))
        except _FaultError as error:
            raise DataError(f"{label}: line {number} {error}") from error
    columns: dict[str, pd.Series | np.ndarray] = {}
    for attribute, values in zip(attributes, zip(*rows, strict=True) if rows else [()] * len(attributes), strict=True):
        column, is_faulty = _convert(attribute, values)
        if is_faulty.any():
            at = int(np.argmax(is_faulty))
            wanted = "numeric" if attribute.is_number else "among the declared values"
            raise DataError(
                f"{label}: line {lines[at][0]} has {quote(values[at])} for {quote(attribute.name)}, "
                f"which is not {wanted}; mend it or the @attribute line"
            )
        columns[attribute.name] = column
    return pd.DataFrame(columns)


def _parse_row(line: str, attributes: list[_Attribute]) -> _Row:
    """Return the values on a line."""
    if line.startswith("{"):
        return _parse_sparse_row(line, attributes)
    if _IS_PLAIN.fullmatch(line):
        values: _Row = [None if (value := part.strip()) in ("", "?") else value for part in line.split(",")]
    else:
        values = [_value(match) for match in _scan(_VALUE, line)]
    if len(values) != len(attributes):
        raise _FaultError(f"has {count(len(values), 'value')} for {count(len(attributes), 'attribute')}; mend it")
    return values


def _parse_sparse_row(line: str, attributes: list[_Attribute]) -> _Row:
    """Return the values on a line such as ``{1 X, 3 Y}``."""
    if not line.endswith("}"):
        raise _FaultError("lacks the } of a sparse row; add it")
    values = [attribute.unwritten for attribute in attributes]
    inside = line[1:-1]
    for match in _scan(_SPARSE_VALUE, inside) if inside.strip() else ():
        position = int(match["position"])
        if position >= len(values):
            raise _FaultError(f"has a value for attribute {position}, the last one is {len(values) - 1}; mend it")
        values[position] = _value(match)
    return values


def _scan(pattern: "re.Pattern[str]", line: str) -> Iterator["re.Match[str]"]:
    """Yield the match of each value between commas."""
    start = 0
    while True:
        match = pattern.match(line, start)
        if match is None:
            raise _FaultError(f"cannot be read from {quote(line[start : start + 20])} on; is a quote missing?")
        yield match
        if not match["end"]:
            return
        start = match.end()


def _value(match: "re.Match[str]") -> str | None:
    """Return the value of a match, None for a question mark or nothing without quotes around."""
    if match["bare"] is not None:
        bare = match["bare"].strip()
        return None if bare == "?" else bare
    quoted = match["single"] if match["single"] is not None else match["double"]
    return None if quoted is None else _ESCAPED.sub(lambda found: _ESCAPES.get(found[1], found[1]), quoted)


def _convert(attribute: _Attribute, values: tuple[str | None, ...]) -> tuple[pd.Series | np.ndarray, np.ndarray]:
    """Return a column in its declared type, and which values do not fit it (n_rows,)."""
    if attribute.is_number:
        numbers = pd.to_numeric(np.array(values, dtype=object), errors="coerce")  # as a Series, slow for many columns
        if numbers.dtype.kind in "iu":
            return numbers, np.zeros(len(values), dtype=bool)
        numbers = numbers.astype("float64", copy=False)
        is_faulty = np.isnan(numbers)
        for at in np.flatnonzero(is_faulty):
            is_faulty[at] = values[at] is not None and values[at] not in MISSING_MARKERS
        return numbers, is_faulty
    raw = pd.Series(values, dtype=object)
    if attribute.labels is not None:
        codes = pd.Index(attribute.labels, dtype=object).get_indexer(pd.Index(raw))
        column = pd.Series(pd.Categorical.from_codes(codes, categories=pd.Index(attribute.labels, dtype="str")))
    else:
        column = raw.astype("str")
    return column, np.asarray(column.isna() & raw.notna(), dtype=bool)
