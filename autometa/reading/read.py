"""`read_task`: the door of this floor."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from autometa.errors import DataError
from autometa.reading.cautions import find_cautions, find_class_cautions
from autometa.reading.columns import (
    ALIKE,
    ALL_MISSING,
    CONSTANT,
    DURATION,
    GAPS,
    MIXED,
    READ_AS_NUMBERS,
    Tidied,
    as_category,
    tidy_column,
)
from autometa.reading.dates import READ_AS_DATES
from autometa.reading.identifiers import find_identifiers, find_measures
from autometa.reading.loaded import Loaded, check_names
from autometa.reading.loading import Source, load
from autometa.reading.number_styles import NumberStyle
from autometa.reading.options import ReadOptions
from autometa.reading.sampling import sample_rows
from autometa.reading.target import find_positive_class, infer_kind, prepare_target, settle_kind
from autometa.reading.wording import count, enumerate_names, quote
from autometa.task import Task
from autometa.task_kind import TaskKind

Labels = pd.Series | pd.Index | np.ndarray[Any, Any] | Sequence[Any]  # of any type
UNNAMED = ("", "Unnamed: 0")  # what pandas and R write, and pandas reads, for an index

_HEAD_ROWS = 1_000


def read_task(  # noqa: PLR0913 - what a user says of a table, each with a default
    source: Source,
    y: Labels | None = None,
    *,
    target: str | int | None = None,
    kind: TaskKind | str | None = None,
    ignore_columns: Sequence[str] = (),
    categorical: Sequence[str] = (),
    positive_class: str | None = None,
    max_rows: int | None = None,
    name: str | None = None,
    family: str = "",
    licence: str = "not stated",
) -> Task:
    """Return the task of predicting one column of a table from the others.

    The same table gives the same fingerprint whatever it is stored in. What was inferred, changed, left out or
    is worth a caution stands in ``task.notes``.

    Parameters
    ----------
    source : str, Path, ndarray of shape (n_rows, n_columns), or table of shape (n_rows, n_columns)
        Path of a file, ``"-"`` for standard input, or the table itself: of pandas, polars, pyarrow or any
        other library that speaks Arrow, never changed; an index is no column. A file is delimited text (CSV,
        TSV, ...), Parquet, Feather or Arrow, ARFF or JSON lines, plain or packed by gzip, bzip2, xz or zip; all
        of that, the delimiter, the decimal sign and the encoding are found by looking at its content. The
        columns of an array are named "x0", "x1", ...
    y : array-like of shape (n_rows,), optional
        The target, if it is apart from the table; it goes with the rows by position, and a column of the
        table with its name is left out. Without a name of its own it is called "target".
    target : str or int, optional
        Name or position (from 0, or from the end if negative) of the target column; by default the last
        column that is not ignored. Beside ``y``, the target's name.
    kind : {"binary", "multiclass", "regression", "classification"}, optional
        Kind of the task; by default inferred from the target, see `autometa.reading.target.settle_kind`.
    ignore_columns : sequence of str
        Names of columns to leave out.
    categorical : sequence of str
        Names of columns whose values are categories, numbers included; none of them is taken for an identifier.
    positive_class : str, optional
        The class of a binary target that is to be called the positive one; it must be there. No metric of
        ours depends on it.
    max_rows : int, optional
        Of a longer table a stratified sample of so many rows is kept, the same every time; the fingerprint
        stays that of the full table.
    name : str, optional
        Name of the task; by default that of the file.
    family : str, optional
        Name shared with near-relatives of the task; by default the fingerprint.
    licence : str, optional
        Licence of the data.

    Returns
    -------
    task : Task
        Rows without a target and columns without a value, or with the same in all rows, are left out; kinds of
        columns: see `autometa.reading.columns`. Cautions: see `autometa.reading.cautions`. Columns that look like
        identifiers stay in the table, but pipelines leave them out, see `autometa.reading.identifiers`.

    Raises
    ------
    DataError
        If the source cannot be read, or nothing can be learned from it; the message says what to do next.
    OptionError
        If an argument makes no sense for this table.

    Examples
    --------
    >>> table = pd.DataFrame({"size": [1.0, 2.0, 3.5, 4.0], "colour": ["red", "blue", "red", "red"]})
    >>> task = read_task(table, [0, 1, 1, 0], target="sold", name="toys")
    >>> task.kind.value, task.n_rows, task.n_columns
    ('binary', 4, 2)
    >>> task.notes
    ("binary, since 'sold' has 2 distinct whole numbers in 4 rows",)
    """
    options = ReadOptions(
        target=target,
        kind=kind,
        ignore_columns=ignore_columns,
        categorical=categorical,
        positive_class=positive_class,
        max_rows=max_rows,
    )
    loaded = load(source)
    notes = list(loaded.notes)
    y_raw = _pick_target(loaded.frame, options, notes) if y is None else _join_target(loaded.frame, y, target)
    names = _choose_columns(loaded.frame, str(y_raw.name), options, notes)
    frame, y_tidy, y_style = _keep_complete(loaded, y_raw, options, notes)
    task_kind, reason = settle_kind(y_tidy, options.kind)
    notes.append(reason)
    y_ready = prepare_target(y_tidy, task_kind)
    if positive_class is not None:
        label = find_positive_class(y_ready, task_kind, positive_class)
        notes.append(f"positive class: {quote(label)}, as asked for")
    X, date_orders, number_styles = _tidy_table(replace(loaded, frame=frame[names]), options, notes)
    identifiers = _pick_identifiers(X, y_ready, options, notes)
    task = Task(
        name=name or loaded.name,
        X=X,
        y=y_ready,
        kind=task_kind,
        target=str(y_tidy.name),
        family=family,
        notes=(*notes, *find_class_cautions(y_ready, task_kind), *find_cautions(X, y_ready, identifiers)),
        licence=licence,
        identifiers=identifiers,
        date_orders=date_orders,
        number_styles=number_styles | ({str(y_tidy.name): y_style} if y_style else {}),
    )
    return task if max_rows is None else sample_rows(task, max_rows)


def _pick_target(frame: pd.DataFrame, options: ReadOptions, notes: list[str]) -> pd.Series:
    """Return the raw target, a column of the table."""
    names = list(frame.columns)
    if len(names) == 1:
        raise DataError(
            f"the table has one column, {quote(names[0])}; give a table with a target and columns to predict it from"
        )
    position = options.pick_target(names)
    if options.target is None:
        notes.append(f"target: {quote(names[position])}, the last column, since none was named")
    return frame.iloc[:, position]


def _join_target(frame: pd.DataFrame, y: Labels, target: str | int | None) -> pd.Series:
    """Return the raw target, given apart from the table."""
    if not isinstance(y, pd.Series):
        if isinstance(y, np.ndarray) and y.ndim == 2 and y.shape[1] == 1:
            y = y.ravel()
        if getattr(y, "ndim", 1) != 1:
            raise DataError(f"a target of shape {np.shape(y)} is no column; give one value per row")
        y = pd.Series(y, name="target")
    if len(y) != len(frame):
        raise DataError(f"the target has {count(len(y), 'value')} for {count(len(frame), 'row')}; give one per row")
    name = y.name if target is None else target
    name = "target" if name is None else str(name)
    check_names([name], "the target")
    return y.reset_index(drop=True).rename(name)


def _choose_columns(frame: pd.DataFrame, target: str, options: ReadOptions, notes: list[str]) -> list[str]:
    """Return the names of the columns to predict from: all but the target, ignored ones and nameless row numbers."""
    options.check_names(list(frame.columns), target)
    names = [name for name in frame.columns if name != target and name not in options.ignore_columns]
    if options.ignore_columns:
        notes.append(f"left out, as asked for: {enumerate_names(options.ignore_columns)}")
    if len(names) > 1 and names[0] in UNNAMED and _counts_rows(frame[names[0]]):
        notes.append("the first column has no name and counts the rows: left out")
        names = names[1:]
    if not names:
        raise DataError(f"no column is left beside the target {quote(target)}; ignore fewer columns")
    return names


def _counts_rows(column: pd.Series) -> bool:
    """Return whether the values are 0, 1, 2, ... or 1, 2, 3, ..."""
    if column.dtype.kind != "i" or column.isna().any():
        return False
    values = column.to_numpy(dtype="int64")
    return values[0] in (0, 1) and np.array_equal(values, np.arange(values[0], values[0] + len(values)))


def _keep_complete(
    loaded: Loaded, y: pd.Series, options: ReadOptions, notes: list[str]
) -> tuple[pd.DataFrame, pd.Series, str]:
    """Return the rows that have a target, the tidied target, and the style of its numbers, if they have one."""
    tidied, remarks = _tidy_target(y, loaded, options)
    if ALL_MISSING in remarks:
        raise DataError(f"all values of the target {quote(y.name)} are missing; name another column")
    told = [_tell(remark, y) for remark in remarks if remark in (DURATION, MIXED, GAPS) or _style_in(remark)]
    notes.extend(f"{remark}: {quote(y.name)}" for remark in told)
    style = next((style for remark in remarks if (style := _style_in(remark))), "")
    is_missing = tidied.isna().to_numpy()
    if not is_missing.any():
        return loaded.frame, tidied, style
    n_missing = int(is_missing.sum())
    notes.append(f"left out, for the target {quote(y.name)} is missing or infinite: {count(n_missing, 'row')}")
    frame = loaded.frame.loc[~is_missing].reset_index(drop=True)
    tidied, _ = _tidy_target(y.loc[~is_missing].reset_index(drop=True), loaded, options)
    return frame, tidied, style


def _tidy_target(y: pd.Series, loaded: Loaded, options: ReadOptions) -> Tidied:
    """Return the tidied target, and remarks; strings that make classes stay as they are, "5%" among them."""
    is_label = options.asks_for_classes
    tidied, remarks = tidy_column(y, is_typed=loaded.is_typed, is_label=is_label, decimal=loaded.decimal)
    is_open = options.kind is None and any(_style_in(remark) for remark in remarks)
    if is_open and infer_kind(tidied.dropna()).is_classification:
        return tidy_column(y, is_typed=loaded.is_typed, is_label=True, decimal=loaded.decimal)
    return tidied, remarks


def _style_in(remark: str) -> str:
    """Return the style of numbers that a remark names, empty for another remark."""
    return remark.removeprefix(READ_AS_NUMBERS) if remark.startswith(READ_AS_NUMBERS) else ""


def _tell(remark: str, raw: pd.Series) -> str:
    """Return a remark for users: of a style of numbers with one of the values."""
    style = _style_in(remark)
    if not style:
        return remark
    return READ_AS_NUMBERS + NumberStyle.parse(style).tell(raw.iloc[:_HEAD_ROWS].dropna().map(str))


def _tidy_table(
    loaded: Loaded, options: ReadOptions, notes: list[str]
) -> tuple[pd.DataFrame, dict[str, str], dict[str, str]]:
    """Return the tidied columns whose values vary, the orders of their dates, and the styles of their numbers.

    Remarks go to the notes.
    """
    frame = loaded.frame
    columns: dict[str, pd.Series] = {}
    remarked: dict[str, list[str]] = defaultdict(list)
    for name in frame.columns:
        is_label = name in options.categorical
        tidied, remarks = tidy_column(frame[name], is_typed=loaded.is_typed, is_label=is_label, decimal=loaded.decimal)
        for remark in remarks:
            remarked[remark].append(name)
        if not {ALL_MISSING, CONSTANT, ALIKE}.intersection(remarks):
            columns[name] = as_category(tidied) if is_label else tidied
    if not columns:
        raise DataError("no column has values that vary, to predict from; give a table with columns beside the target")
    date_orders: dict[str, str] = {}
    number_styles: dict[str, str] = {}
    for remark, remarkable in remarked.items():
        notes.append(f"{_tell(remark, frame[remarkable[0]])}: {enumerate_names(remarkable)}")
        if remark.startswith(READ_AS_DATES):
            date_orders |= dict.fromkeys(remarkable, remark.removeprefix(READ_AS_DATES))
        if style := _style_in(remark):
            number_styles |= dict.fromkeys(remarkable, style)
    return pd.DataFrame(columns, copy=False), date_orders, number_styles


def _pick_identifiers(X: pd.DataFrame, y: pd.Series, options: ReadOptions, notes: list[str]) -> tuple[str, ...]:
    """Return the columns that pipelines leave out, none where all would be; the notes say which."""
    alike = tuple(name for name in find_identifiers(X) if name not in options.categorical)
    measures = find_measures(X, y, alike)
    if measures:
        notes.append(
            f"kept, for the target depends on it, though it may number the rows: {enumerate_names(measures)}; "
            "ignore it if it does"
        )
    found = tuple(name for name in alike if name not in measures)
    if not found:
        return ()
    if len(found) == X.shape[1]:
        notes.append(f"all columns look like identifiers, so none is left out: {enumerate_names(found)}")
        return ()
    notes.append(f"looks like an identifier, left out of every pipeline: {enumerate_names(found)}")
    return found
