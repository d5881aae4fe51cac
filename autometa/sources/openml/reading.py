"""`from_openml`: a data set or a task of OpenML as a `Task`, its columns of the kinds that OpenML says."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from autometa.errors import DataError, OptionError
from autometa.reading import read_task
from autometa.reading.columns import find_markers
from autometa.reading.target import find_target
from autometa.reading.wording import enumerate_names, quote
from autometa.sources.openml.answers import (
    CLASSIFICATION,
    NOMINAL,
    NUMERIC,
    REGRESSION,
    ColumnInfo,
    DatasetInfo,
    TaskInfo,
    dataset_name_to_family,
    labels_of,
)
from autometa.sources.openml.connection import Connection
from autometa.sources.openml.fetching import fetch_columns, fetch_data, fetch_dataset, fetch_task
from autometa.task import Task
from autometa.task_kind import TaskKind

PREFIX = "openml:"
"""How a source that lies at OpenML begins."""

_REFERENCE = re.compile(r"(?:openml:)?(?:(?P<kind>task|data)/)?(?P<number>-?\d{1,9})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A data set of OpenML, or a task, by its id.

    Examples
    --------
    >>> str(Reference.parse("openml:task/3")), str(Reference.parse(31))
    ('openml:task/3', 'openml:31')
    """

    number: int
    is_task: bool = False

    @classmethod
    def parse(cls, words: str | int) -> "Reference":
        """Return what words stand for: 31, "31", "openml:31", "data/31" or "task/3".

        Raises
        ------
        OptionError
            If they are none of these.
        """
        found = _REFERENCE.fullmatch(str(words).strip())
        if found is None:
            raise OptionError(
                f"not a data set or task of OpenML: {quote(str(words))}; write openml:31 or openml:task/3"
            )
        return cls(number=int(found["number"]), is_task=found["kind"] == "task")

    def __str__(self) -> str:
        return f"{PREFIX}{'task/' if self.is_task else ''}{self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A task, with the positions of its rows (n_rows,) in the file of the data set, which has ``n_file_rows``."""

    task: Task
    rows: np.ndarray = field(repr=False)
    n_file_rows: int

    def check_rows(self) -> None:
        """Raise a DataError if the task lacks rows, so that splits, which name rows by position, do not fit."""
        if len(self.rows) != self.task.n_rows:
            raise DataError("rows with an infinite target were left out, so the splits of OpenML do not fit")


def is_at_openml(source: object) -> bool:
    """Return whether a source of a table is written as one that lies at OpenML."""
    return isinstance(source, str) and source.startswith(PREFIX)


def from_openml(  # noqa: PLR0913 - as of `read_task`, each with a default
    reference: str | int,
    *,
    target: str | int | None = None,
    kind: TaskKind | str | None = None,
    ignore_columns: Sequence[str] = (),
    categorical: Sequence[str] = (),
    positive_class: str | None = None,
    max_rows: int | None = None,
    offline: bool = False,
) -> Task:
    """Return a data set or a task of OpenML as a task of ours.

    Columns are of the kinds that OpenML says: nominal ones are categories even if their values look like numbers, and
    numeric ones are never classes; columns that OpenML says to ignore, or that number the rows, are left out. All
    versions of a data set are of one family. Where it comes from stands in ``task.notes``.

    Parameters
    ----------
    reference : str or int
        Id of a data set, 31 or "31", or of a task, "task/3"; with "openml:" before it or not.
    target : str or int, optional
        Name or position of the target; default: that of OpenML. A task has its own.
    kind : {"binary", "multiclass", "regression", "classification"}, optional
        Default: by the type of the task, or of the target: classes if it is nominal, else a regression.
    ignore_columns, categorical, positive_class, max_rows
        As of `autometa.read_task`.
    offline : bool
        Whether what the `openml` library has in its cache must do.

    Raises
    ------
    NotOfferedError
        If OpenML has no such data set or task.
    SourceError
        If OpenML does not answer, or offline, what is not in the cache.
    DataError
        If the data cannot be read, or nothing can be learned from them.
    OptionError
        If there is no target, or an argument makes no sense.
    """
    asked: dict[str, Any] = {  # arguments of several types
        "target": target,
        "kind": kind,
        "ignore_columns": ignore_columns,
        "categorical": categorical,
        "positive_class": positive_class,
        "max_rows": max_rows,
    }
    return fetch(Connection(is_offline=offline), Reference.parse(reference), **asked).task


def fetch(
    connection: Connection,
    reference: Reference,
    *,
    target: str | int | None = None,
    kind: TaskKind | str | None = None,
    categorical: Sequence[str] = (),
    **asked: Any,  # Any: arguments of several types
) -> Fetched:
    """Return a data set or a task of OpenML, and which rows of its file are in it; all else as of `from_openml`.

    Parameters
    ----------
    connection : Connection
        How OpenML is asked.
    reference : Reference
        What is read.
    """
    info = fetch_task(connection, reference.number) if reference.is_task else None
    if info is not None and (target is not None or kind is not None):
        raise OptionError(
            f"{reference} says itself what is to be predicted; leave that out, or give its data set: "
            f"{Reference(number=info.dataset)}"
        )
    dataset = fetch_dataset(connection, reference.number if info is None else info.dataset)
    columns = fetch_columns(connection, dataset.number)
    if info is not None and info.type not in (CLASSIFICATION, REGRESSION):
        raise DataError(f"{reference} is neither a classification nor a regression; choose another task")
    notes = [_provenance(dataset, info)]
    frame = _typed(fetch_data(connection, dataset), columns, dataset, notes)
    name = _target(frame, dataset, info, target)
    frame = _without(frame, _left_out(frame, dataset, columns, name), name, notes)
    is_present = frame[name].notna().to_numpy()
    given = (categorical,) if isinstance(categorical, str) else tuple(categorical)
    nominal = [str(each) for each, dtype in frame.dtypes.items() if isinstance(dtype, pd.CategoricalDtype)]
    task = read_task(
        frame.loc[is_present].reset_index(drop=True),
        target=name,
        kind=_kind(frame[name], info) if kind is None else kind,
        categorical=[*dict.fromkeys(each for each in (*nominal, *given) if each != name or each in given)],
        name=f"{dataset.name} ({reference})",
        family=dataset_name_to_family(dataset.name),
        licence=dataset.licence or "not stated",
        **asked,
    )
    n_missing = int((~is_present).sum())
    if n_missing:
        notes.append(f"left out, for the target {quote(name)} is missing: {n_missing} rows")
    return Fetched(
        task=replace(task, notes=(*notes, *task.notes)), rows=np.flatnonzero(is_present), n_file_rows=len(frame)
    )


def _provenance(dataset: DatasetInfo, info: TaskInfo | None) -> str:
    """Return where a table comes from."""
    of_task = "" if info is None else f", as task {info.number} has it"
    licence = dataset.licence or "not stated"
    of_version = f"{quote(dataset.name)}, version {dataset.version}"
    return f"data set {dataset.number} of OpenML: {of_version}{of_task}; licence: {licence}"


def _typed(
    frame: pd.DataFrame, columns: tuple[ColumnInfo, ...] | None, dataset: DatasetInfo, notes: list[str]
) -> pd.DataFrame:
    """Return the table with columns of the types that OpenML says: nominal ones as categories of strings."""
    if columns is None:
        notes.append("OpenML says nothing of its columns: they are of the types that the file says")
        return frame
    names = [column.name for column in columns]
    if len(names) != frame.shape[1]:
        raise DataError(
            f"data set {dataset.number} of OpenML has {frame.shape[1]} columns in its file and {len(names)} in its "
            "description; report it to OpenML"
        )
    if set(names) == set(frame.columns):
        frame = frame[names]
    typed = {column.name: _column(frame.iloc[:, at], column) for at, column in enumerate(columns)}
    spelt = [name for name, values in typed.items() if _has_markers(values)]
    if spelt:
        notes.append(
            f"labels that look like missing values, and are none by OpenML, stand in quotes: {enumerate_names(spelt)}"
        )
    return pd.DataFrame({name: _quoted_markers(values) for name, values in typed.items()}, copy=False)


def _column(values: pd.Series, column: ColumnInfo) -> pd.Series:
    """Return a column in the type that OpenML says."""
    if column.type == NUMERIC and not (isinstance(values.dtype, np.dtype) and values.dtype.kind in "biuf"):
        try:
            return pd.Series(pd.to_numeric(values.astype(object)), name=column.name)
        except (ValueError, TypeError) as error:
            raise DataError(
                f"column {quote(column.name)} is numeric by OpenML, and is not in its file ({error}); "
                "report it to OpenML"
            ) from error
    if column.type != NOMINAL:
        return values
    codes, distinct = pd.factorize(values)  # missing: -1
    texts = labels_of(distinct, column.labels)
    labels = list(dict.fromkeys((*column.labels, *(sorted(texts) if not column.labels else texts))))
    place = {label: number for number, label in enumerate(labels)}
    numbers = np.array([*(place[text] for text in texts), -1], dtype=np.int64)
    return pd.Series(
        pd.Categorical.from_codes(numbers[codes], categories=pd.Index(labels, dtype="str")), name=column.name
    )


def _has_markers(values: pd.Series) -> bool:
    """Return whether labels of a category would be taken for missing values."""
    if not isinstance(values.dtype, pd.CategoricalDtype):
        return False
    used = values.cat.remove_unused_categories().cat.categories
    return bool(find_markers(used.astype("str")).any())


def _quoted_markers(values: pd.Series) -> pd.Series:
    """Return a category whose labels cannot be taken for missing values; other columns as they are."""
    if not _has_markers(values):
        return values
    labels = values.cat.categories
    is_marker = find_markers(labels)
    return values.cat.rename_categories(
        [f"'{label}'" if marker else label for label, marker in zip(labels, is_marker, strict=True)]
    )


def _target(frame: pd.DataFrame, dataset: DatasetInfo, info: TaskInfo | None, asked: str | int | None) -> str:
    """Return the name of the target."""
    names = [str(name) for name in frame.columns]
    if asked is not None:
        return names[find_target(names, asked)]
    wanted = dataset.target if info is None else info.target
    if wanted in names:
        return wanted
    several = _split(wanted, names)
    if not wanted:
        raise OptionError(
            f"data set {dataset.number} of OpenML ({quote(dataset.name)}) has no default target; name one with "
            f"--target: {enumerate_names(names)}"
        )
    if len(several) > 1:
        raise OptionError(
            f"data set {dataset.number} of OpenML has several targets; name one with --target: "
            f"{enumerate_names(several)}"
        )
    raise DataError(
        f"data set {dataset.number} of OpenML has no column {quote(wanted)}, its target; name one with --target"
    )


def _left_out(
    frame: pd.DataFrame, dataset: DatasetInfo, columns: tuple[ColumnInfo, ...] | None, target: str
) -> list[str]:
    """Return the columns that OpenML says to leave out, and its other targets, in the order of the table."""
    names = [str(name) for name in frame.columns]
    said = {column.name for column in columns or () if column.is_left_out}
    said |= {name for words in (*dataset.left_out, dataset.target) for name in _split(words, names)}
    return [name for name in names if name in said and name != target]


def _split(words: str, names: Sequence[str]) -> list[str]:
    """Return the columns that words name: one, or several with commas between them."""
    return [words] if words in names else [part.strip() for part in words.split(",") if part.strip() in names]


def _without(frame: pd.DataFrame, left_out: list[str], target: str, notes: list[str]) -> pd.DataFrame:
    """Return the table without columns, which the notes name."""
    if not left_out:
        return frame
    if len(left_out) + 1 >= frame.shape[1]:
        raise DataError(
            f"OpenML says to leave out all columns but the target {quote(target)}; name another with --target"
        )
    notes.append(f"left out, as OpenML says (ignored, row numbers, other targets): {enumerate_names(left_out)}")
    return frame.drop(columns=left_out)


def _kind(y: pd.Series, info: TaskInfo | None) -> str:
    """Return the kind by the type of the task, else by that of the target: its values do not matter."""
    if info is not None:
        return "classification" if info.type == CLASSIFICATION else str(TaskKind.REGRESSION)
    is_number = isinstance(y.dtype, np.dtype) and y.dtype.kind in "iuf"
    return str(TaskKind.REGRESSION) if is_number else "classification"
