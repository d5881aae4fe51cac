"""`Rereading`: how pandas alone reads a table as a pipeline saw it when autometa had read it.

A pipeline takes columns in many dtypes, so that little is to be done after reading; what is, is found by trying: each
column is read, then compared with that of the task as the pipeline sees both, and what does not agree is refused.
"""

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any  # Any: arguments of several types

import numpy as np
import pandas as pd
import pyarrow as pa

from autometa.errors import DataError
from autometa.reading.arff import load_arff
from autometa.reading.binary import load_parquet
from autometa.reading.columns import MISSING_MARKERS
from autometa.reading.content import PACKINGS, STANDARD_INPUT, Content, open_content
from autometa.reading.dates import DATE_FORMATS
from autometa.reading.dialect import sniff
from autometa.reading.json_lines import load_json_lines
from autometa.reading.loading import choose_binary_loader, choose_text_loader
from autometa.reading.number_styles import NumberStyle
from autometa.reading.text import Text, decode
from autometa.reading.wording import quote
from autometa.task import ColumnKind, Task

Calls = tuple["operator.methodcaller", ...]
"""Methods of a table that are called one after another."""

_MARKERS = sorted(MISSING_MARKERS)
_LAST_BIT = 4e-16  # in which pandas' and Arrow's readers of numbers have differed
_TIMES = ("", " %H:%M", " %H:%M:%S")
# What pandas is told of missing values: what it lacks, where a table has nothing of what it has too much; else all.
_SHORT: dict[str, Any] = {"na_values": ["?", "NaT", "Null"]}
_LONG: dict[str, Any] = {"keep_default_na": False, "na_values": _MARKERS}
_DEFAULTS = {"sep": ",", "quotechar": '"', "escapechar": None, "decimal": ".", "encoding": "utf-8"}
_ENDINGS = {"gzip": ".gz", "bzip2": ".bz2", "xz": ".xz", "zip": ".zip"}  # from which pandas knows a packing
_PANDAS_NAMES = {"gzip": "gzip", "bzip2": "bz2", "xz": "xz", "zip": "zip"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rereading:
    """How pandas reads a table.

    Parameters
    ----------
    path : str
        Path of the file.
    target : str
        Name of the target column.
    reader : callable
        The function of pandas that reads it.
    arguments : mapping of str to object
        Its arguments beside the path.
    conversions : mapping of tuple of str to Calls
        What is done to columns after reading.
    target_cleaning : Calls
        What makes values of the target missing that count as missing; rows without a target are dropped then.
    target_conversion : Calls
        What is done to the target of the rows that are kept.
    unused : tuple of str
        Columns of the file that pipelines do not use, beside the target.
    max_rows : int, optional
        The number of rows of which a sample is drawn.

    Examples
    --------
    >>> import tempfile
    >>> from autometa.reading import read_task
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = f"{folder}/days.csv"
    ...     rows = ["day;n;y", "2020-01-01;1,5;a", "2020-01-02;?;b", "2020-01-03;2,5;a", "2020-01-04;3,5;b"]
    ...     _ = Path(path).write_text("\\n".join(rows))
    ...     found = reread(path, read_task(path))
    >>> found.arguments["sep"], found.arguments["decimal"], list(found.conversions)
    (';', ',', [('day',)])
    """

    path: str
    target: str
    reader: Callable[..., pd.DataFrame]
    arguments: Mapping[str, Any]
    conversions: Mapping[tuple[str, ...], Calls]
    target_cleaning: Calls = ()
    target_conversion: Calls = ()
    unused: tuple[str, ...] = ()
    max_rows: int | None = None


def reread(path: str, task: Task, *, max_rows: int | None = None) -> Rereading:
    """Return how pandas reads a file as `read_task` did.

    Parameters
    ----------
    path : str
        Path of the file.
    task : Task
        What `read_task` made of all its rows.
    max_rows : int, optional
        Of how many rows a sample is to be drawn afterwards.

    Raises
    ------
    DataError
        If pandas cannot read it, or reads other values.
    """
    if path == STANDARD_INPUT or not Path(path).is_file():
        what = "standard input" if path == STANDARD_INPUT else quote(path)
        raise DataError(f"a script cannot read {what} once more; write the table to a file and give that")
    reader, arguments = _find_reader(path)
    for more in (_SHORT, _LONG) if reader is pd.read_csv else ({},):
        try:
            return _reread(path, task, max_rows, reader, {**arguments, **more})
        except DataError as error:
            refusal = error
    raise refusal


def _reread(
    path: str, task: Task, max_rows: int | None, reader: Callable[..., pd.DataFrame], arguments: dict[str, Any]
) -> Rereading:
    """Return how a function of pandas reads a file as `read_task` did."""
    raw = _read(path, reader, arguments)
    if "na_values" in arguments and (padded := _padded_markers(raw)):
        arguments["na_values"] = sorted({*arguments["na_values"], *padded})
        raw = _read(path, reader, arguments)
    unknown = [name for name in (*task.used_columns, task.target) if name not in raw.columns]
    if unknown:
        raise DataError(f"pandas finds no column {quote(unknown[0])} in {quote(path)}; save the table as CSV")
    cleaning, is_kept = _clean_target(raw[task.target], task)
    raw = raw.loc[is_kept].reset_index(drop=True)
    return Rereading(
        path=path,
        target=task.target,
        reader=reader,
        arguments=arguments,
        conversions=_find_conversions(raw, task),
        target_cleaning=cleaning,
        target_conversion=_convert_target(_called(raw[task.target], cleaning), task.y),
        unused=tuple(str(name) for name in raw.columns if name not in (*task.used_columns, task.target)),
        max_rows=max_rows if max_rows is not None and max_rows < task.n_rows else None,
    )


def _read(path: str, reader: Callable[..., pd.DataFrame], arguments: Mapping[str, Any]) -> pd.DataFrame:
    """Return what pandas reads."""
    try:
        return reader(path, **arguments)
    except (ValueError, OSError, pa.ArrowException, ImportError) as error:
        raise DataError(f"pandas cannot read {quote(path)} ({str(error)[:100]}); save the table as CSV") from error


def _padded_markers(raw: pd.DataFrame) -> set[str]:
    """Return the markers of missing values that have blanks around them."""
    words = {word for name in raw.columns for word in _distinct_words(raw[name])}
    return {word for word in words if word.strip() in MISSING_MARKERS}


def _find_reader(path: str) -> tuple[Callable[..., pd.DataFrame], dict[str, Any]]:
    """Return the function of pandas that reads a file, and its arguments beside the path."""
    content = open_content(path)
    load_binary = choose_binary_loader(content)
    if load_binary is not None:
        if isinstance(content.held, bytes):
            raise DataError(f"pandas cannot read the packed table {quote(path)}; unpack it first")
        return (pd.read_parquet if load_binary is load_parquet else pd.read_feather), {}
    text = decode(content)
    load_text = choose_text_loader(text)
    encoding = {} if text.encoding == "utf-8" else {"encoding": text.encoding}
    others = {**encoding, **_compression(path, content)}
    if load_text is load_json_lines:
        return pd.read_json, {"lines": True, "dtype": False, "precise_float": True, **others}
    described = _describe_arff(text) if load_text is load_arff else _describe_delimited(text)
    return pd.read_csv, {**described, **others, "low_memory": False}  # one dtype for all rows of a column


def _describe_delimited(text: Text) -> dict[str, Any]:
    """Return how a delimited text is written, as far as pandas would not take it so."""
    dialect = sniff(text.head)
    found = {
        "sep": dialect.delimiter,
        "quotechar": dialect.quote,
        "escapechar": dialect.escape,
        "decimal": dialect.decimal,
    }
    return {name: value for name, value in found.items() if value != _DEFAULTS[name]}


def _describe_arff(text: Text) -> dict[str, Any]:
    """Return how pandas reads the rows of an ARFF file that is not sparse."""
    with text.open() as file:
        n_lines = next(number for number, line in enumerate(file, 1) if line.strip().lower().startswith("@data"))
    return {
        "skiprows": n_lines,
        "names": list(load_arff(text).frame.columns),
        "quotechar": "'",
        "escapechar": "\\",
        "comment": "%",
        "skipinitialspace": True,
    }


def _compression(path: str, content: Content) -> dict[str, str]:
    """Return how a file is packed, if pandas would not know that from its name."""
    if not isinstance(content.held, bytes):
        return {}
    with Path(path).open("rb") as file:
        head = file.read(8)
    packing = next(name for name, magic in PACKINGS.items() if head.startswith(magic))
    return {} if path.lower().endswith(_ENDINGS[packing]) else {"compression": _PANDAS_NAMES[packing]}


def _called(data: Any, calls: Calls) -> Any:
    """Return what the methods give, called one after another."""
    for call in calls:
        data = call(data)
    return data


def _find_conversions(raw: pd.DataFrame, task: Task) -> dict[tuple[str, ...], Calls]:
    """Return what is to be done to which columns, so that a pipeline sees the task's values in all of them."""
    found: dict[str, tuple[list[str], Calls]] = {}
    for name in task.used_columns:
        kind, style = task.column_kinds[name], task.number_styles.get(name, "")
        calls = next(
            (calls for calls in _offers(raw[name], kind, style) if _agrees(raw[[name]], calls, task.X[name], kind)),
            None,
        )
        if calls is None:
            raise DataError(
                f"pandas reads other values in the column {quote(name)}; leave it out with --ignore-columns, "
                "or save the table as Parquet"
            )
        if calls:
            found.setdefault(repr(calls), ([], calls))[0].append(name)
    return {tuple(names): calls for names, calls in found.values()}


def _offers(raw: pd.Series, kind: ColumnKind, style: str) -> Iterator[Calls]:
    """Yield what may have to be done to a column, nothing first."""
    clean = _replace_markers(raw)
    yield ()
    if style:
        yield _make_plain(style)
    if clean:
        yield clean
    if kind is ColumnKind.DATETIME or (kind is ColumnKind.CATEGORICAL and not _are_numbers(raw)):
        as_words = (operator.methodcaller("map", str, na_action="ignore"),) if kind is ColumnKind.CATEGORICAL else ()
        truths = {word: word.capitalize() for word in _distinct_words(raw) if word.lower() in ("true", "false")}
        if kind is ColumnKind.CATEGORICAL and truths:
            yield (*clean, operator.methodcaller("replace", truths))
        for dates in _offer_dates():
            yield (*clean, dates, *as_words)
    if kind in (ColumnKind.CATEGORICAL, ColumnKind.BOOLEAN, ColumnKind.TEXT):
        yield (*clean, operator.methodcaller("map", str, na_action="ignore"))
    if kind is ColumnKind.BOOLEAN:
        yield (operator.methodcaller("replace", {word: word.capitalize() for word in _distinct_words(raw)}),)
    if raw.dtype.kind == "m":
        yield (operator.methodcaller("div", pd.Timedelta(1, "s")),)


def _make_plain(style: str) -> Calls:
    """Return what leaves digits and a decimal point of numbers of a style, as pipelines read them."""
    found = NumberStyle.parse(style)
    with_point = () if found.decimal == "." else (operator.methodcaller("replace", found.decimal, ".", regex=True),)
    return operator.methodcaller("replace", found.signs, "", regex=True), *with_point


def _offer_dates() -> Iterator["operator.methodcaller"]:
    """Yield the ways to read dates, in the order in which autometa tries them."""
    yield operator.methodcaller("apply", pd.to_datetime, format="ISO8601")
    yield operator.methodcaller("apply", pd.to_datetime, format="ISO8601", utc=True)
    for date in DATE_FORMATS:
        for time in _TIMES:
            yield operator.methodcaller("apply", pd.to_datetime, format=date + time)


def _replace_markers(raw: pd.Series) -> Calls:
    """Return what makes the markers in a column missing, none if there are none."""
    words = _distinct_words(raw)
    blank_around = [word for word in words if word.strip() in MISSING_MARKERS]
    if not blank_around:
        return ()
    markers = sorted({*_MARKERS, *blank_around})
    plain = (operator.methodcaller("astype", "object"),) if isinstance(raw.dtype, pd.CategoricalDtype) else ()
    return (*plain, operator.methodcaller("replace", markers, np.nan))


def _distinct_words(raw: pd.Series) -> list[str]:
    """Return the distinct strings of a column."""
    if raw.dtype.kind in "iufbmM":
        return []
    return [word for word in raw.dropna().unique().tolist() if isinstance(word, str)]


def _are_numbers(raw: pd.Series) -> bool:
    """Return whether a raw column has a dtype of numbers or booleans."""
    return raw.dtype.kind in "iufb"


def _agrees(raw: pd.DataFrame, calls: Calls, wanted: pd.Series, kind: ColumnKind) -> bool:
    """Return whether a pipeline sees the wanted values in a raw column that methods were called of."""
    try:
        found = _called(raw, calls).iloc[:, 0]
    except (ValueError, TypeError, OverflowError, AttributeError):
        return False
    return _SEEN[kind](found, wanted)


def _same_numbers(found: pd.Series, wanted: pd.Series) -> bool:
    """Return whether two columns hold the same numbers; infinite ones count as missing."""
    if found.dtype.kind == "m":
        return False
    numbers = [
        pd.to_numeric(column, errors="coerce").to_numpy("float64", na_value=np.nan) for column in (found, wanted)
    ]
    one, other = (np.where(np.isfinite(each), each, np.nan) for each in numbers)
    return np.allclose(one, other, rtol=_LAST_BIT, atol=0.0, equal_nan=True)


def _same_words(found: pd.Series, wanted: pd.Series) -> bool:
    """Return whether two columns hold the same words, in the one form that pipelines bring them to."""
    words = [column.astype("object").convert_dtypes().astype("str") for column in (found, wanted)]
    return bool(words[0].isna().equals(words[1].isna()) and words[0].fillna("").equals(words[1].fillna("")))


def _same_text(found: pd.Series, wanted: pd.Series) -> bool:
    """Return whether two columns hold the same texts; blanks count as missing."""
    texts = [column.astype("str").fillna("").str.replace(r"^\s*$", "", regex=True) for column in (found, wanted)]
    return bool(texts[0].equals(texts[1]))


def _same_moments(found: pd.Series, wanted: pd.Series) -> bool:
    """Return whether two columns hold the same moments in the same zone."""
    if found.dtype.kind != "M" or str(getattr(found.dt, "tz", None)) != str(getattr(wanted.dt, "tz", None)):
        return False
    return bool(found.dt.as_unit("ns").equals(wanted.dt.as_unit("ns").rename(found.name)))


_SEEN: dict[ColumnKind, Callable[[pd.Series, pd.Series], bool]] = {
    ColumnKind.NUMERIC: _same_numbers,
    ColumnKind.BOOLEAN: _same_words,
    ColumnKind.CATEGORICAL: _same_words,
    ColumnKind.TEXT: _same_text,
    ColumnKind.DATETIME: _same_moments,
}


def _clean_target(raw: pd.Series, task: Task) -> tuple[Calls, "pd.Series[bool]"]:
    """Return what makes values of the target missing, and which rows have one then."""
    infinite = (operator.methodcaller("replace", [np.inf, -np.inf], np.nan),)
    style = task.number_styles.get(task.target, "")
    styled = (*_make_plain(style), operator.methodcaller("apply", pd.to_numeric, errors="coerce")) if style else ()
    for calls in (styled,) if style else ((), _replace_markers(raw), infinite):
        is_kept = _called(raw, calls).notna()
        if int(is_kept.sum()) == task.n_rows:
            return calls, is_kept
    raise DataError(
        f"pandas finds the target {quote(task.target)} in {int(raw.notna().sum()):,} rows, not in {task.n_rows:,}; "
        "save the table as Parquet"
    )


def _convert_target(raw: pd.Series, wanted: pd.Series) -> Calls:
    """Return what makes a target the wanted one, in dtype as well."""
    as_wanted = operator.methodcaller("astype", str(wanted.dtype))
    truths = operator.methodcaller("replace", {word: word.capitalize() for word in _distinct_words(raw)})
    of_truths = operator.methodcaller("map", {"True": True, "False": False})
    as_words = operator.methodcaller("map", str)
    as_number = operator.methodcaller("astype", "float64")
    offers: list[Calls] = [(), (as_wanted,), (as_words, as_wanted), (truths, as_wanted), (truths, of_truths)]
    offers += [(as_number, as_wanted)]
    same = partial(_is_target, wanted=wanted)
    found = next((calls for calls in offers if same(raw, calls)), None)
    if found is None:
        raise DataError(f"pandas reads other values in the target {quote(wanted.name)}; save the table as Parquet")
    return found


def _is_target(raw: pd.Series, calls: Calls, *, wanted: pd.Series) -> bool:
    """Return whether methods make a raw target the wanted one."""
    try:
        found = _called(raw, calls)
    except (ValueError, TypeError, OverflowError):
        return False
    return bool(found.dtype == wanted.dtype and found.tolist() == wanted.tolist())
