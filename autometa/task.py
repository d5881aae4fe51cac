"""Tasks: a table and a target to be predicted from it, and what a recommender may know of one."""

import hashlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

import numpy as np
import pandas as pd

from autometa.errors import DataError, OptionError
from autometa.task_kind import TaskKind

_FINGERPRINT_VERSION = b"autometa fingerprint 1"


class ColumnKind(StrEnum):
    """How a column is treated: an identifier is left out of every pipeline, else it follows from the dtype alone."""

    NUMERIC = "numeric"
    BOOLEAN = "boolean"
    CATEGORICAL = "categorical"
    DATETIME = "datetime"
    TEXT = "text"
    IDENTIFIER = "identifier"


@dataclass(frozen=True, slots=False, kw_only=True, eq=False)
class Task:
    """A table, a target, and the kind of prediction.

    Parameters
    ----------
    name : str
        What people call it.
    X : DataFrame of shape (n_rows, n_columns + number of identifiers)
        The columns to predict from: float, int, bool, category, datetime or string; names are unique strings.
    y : Series of shape (n_rows,)
        The target, complete, of numbers for regression.
    kind : TaskKind
        binary, multiclass or regression.
    target : str
        Name of the target column.
    family : str, optional
        Name shared by near-relatives, which never stand on both sides of a split; default: the fingerprint.
    notes : tuple of str
        What was inferred or changed on reading, for the user to see.
    licence : str
        Licence of the data, as far as known.
    full_fingerprint : str, optional
        Fingerprint of the full table where these rows are a sample of it; default: that of these rows.
    full_n_rows : int
        Number of rows of that full table; 0 where these rows are all.
    identifiers : tuple of str
        Columns that name a row and say nothing about others: the table keeps them, every pipeline leaves them
        out, and meta-features do not see them. At least one column is none.
    date_orders : mapping of str to str
        Of columns whose strings were read as dates that are not ISO 8601: the order of their parts, a value of
        `autometa.reading.dates.DATE_FORMATS`, so that further rows are read alike.
    number_styles : mapping of str to str
        Of columns, the target among them, whose strings were read as numbers that are not plain: how the number
        1000.5 looks in their `autometa.reading.number_styles.NumberStyle`, so that further rows are read alike.

    Raises
    ------
    DataError
        If the columns, dtypes, target or identifiers break the rules above.
    OptionError
        If there is no such kind.

    Examples
    --------
    >>> X = pd.DataFrame({"width": [1.0, 2.0, 3.0], "colour": pd.Categorical(["red", "blue", "red"])})
    >>> task = Task(name="toys", X=X, y=pd.Series([0, 1, 0]), kind=TaskKind.BINARY, target="sold")
    >>> {name: str(kind) for name, kind in task.column_kinds.items()}
    {'width': 'numeric', 'colour': 'categorical'}
    >>> turned = Task(name="b", X=X[["colour", "width"]], y=task.y, kind=task.kind, target="t")
    >>> task.fingerprint == turned.fingerprint
    True
    """

    name: str
    X: pd.DataFrame = field(repr=False)
    y: pd.Series = field(repr=False)
    kind: TaskKind
    target: str
    family: str = ""
    notes: tuple[str, ...] = ()
    licence: str = "not stated"
    full_fingerprint: str = ""
    full_n_rows: int = 0
    identifiers: tuple[str, ...] = ()
    date_orders: Mapping[str, str] = field(default_factory=dict, repr=False)
    number_styles: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if self.kind not in list(TaskKind):
            raise OptionError(f"no kind '{self.kind}'; choose one of: {', '.join(TaskKind)}")
        object.__setattr__(self, "kind", TaskKind(self.kind))
        _check_columns(self.X)
        _check_identifiers(self.identifiers, self.X)
        _check_target(self.y, self.X, self.kind, self.target)
        # Lazy copies cost nothing, and what the caller does to theirs later does not reach the task.
        object.__setattr__(self, "X", self.X.copy(deep=False))
        object.__setattr__(self, "y", self.y.copy(deep=False))
        if not self.family:
            object.__setattr__(self, "family", self.fingerprint)

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.X)

    @property
    def n_columns(self) -> int:
        """Number of columns that are predicted from: identifiers do not count."""
        return self.X.shape[1] - len(self.identifiers)

    @cached_property
    def used_columns(self) -> tuple[str, ...]:
        """Names of the columns that are predicted from, in the order of the table: all but identifiers."""
        return tuple(name for name, kind in self.column_kinds.items() if kind is not ColumnKind.IDENTIFIER)

    @cached_property
    def classes(self) -> tuple[object, ...]:
        """The classes, sorted; empty for regression."""
        if not self.kind.is_classification:
            return ()
        return tuple(np.unique(np.asarray(self.y)).tolist())

    @cached_property
    def class_numbers(self) -> np.ndarray:
        """Number of each row's class (n_rows,), as they appear; all alike for a regression.

        Their sorted order would differ between "10" and 10.
        """
        if not self.kind.is_classification:
            return np.zeros(self.n_rows, dtype=np.int64)
        return np.asarray(pd.factorize(self.y)[0], dtype=np.int64)

    @cached_property
    def column_kinds(self) -> dict[str, ColumnKind]:
        """Kind of each column, in the order of the table."""
        kinds = {str(name): column_kind(dtype) for name, dtype in self.X.dtypes.items()}
        return kinds | dict.fromkeys(self.identifiers, ColumnKind.IDENTIFIER)

    @cached_property
    def fingerprint(self) -> str:
        """sha-256 of the content, in hexadecimal.

        Canonical values (numbers as float64, strings, ISO dates) of all columns, identifiers included, in the
        sorted order of their names and of the target, over the full table; independent of the file format, the
        width of integers, the order of columns and the target's name. Whether the target is read as classes or
        as a number is part of it, since these are two tasks.
        """
        if self.full_fingerprint:
            return self.full_fingerprint
        digest = hashlib.sha256(_FINGERPRINT_VERSION)
        digest.update(struct.pack("<qq", *self.X.shape))
        for name in sorted(self.X.columns):
            _update_with_text(digest, name)
            _update_with_values(digest, self.X[name])
        _update_with_text(digest, "classification" if self.kind.is_classification else "regression")
        _update_with_values(digest, self.y)
        return digest.hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskDescription:
    """What a recommender may know of a task; the raw data never reaches it.

    Parameters
    ----------
    name : str
        What people call it; for display alone.
    fingerprint, family : str
        As of the `Task`.
    kind : TaskKind
        binary, multiclass or regression.
    n_rows, n_columns : int
        Size of the full table, identifiers not counted.
    metafeatures : mapping of str to float
        Name to value; NaN where it is undefined or failed.
    embedding : tuple of float, optional
        Embedding by the few-shot encoder, or None.
    """

    name: str
    fingerprint: str
    family: str
    kind: TaskKind
    n_rows: int
    n_columns: int
    metafeatures: Mapping[str, float] = field(repr=False)
    embedding: tuple[float, ...] | None = None


def column_kind(dtype: object) -> ColumnKind:
    """Return the kind of a column with this pandas dtype.

    Raises
    ------
    DataError
        If a task cannot hold columns of that dtype.
    """
    if isinstance(dtype, pd.CategoricalDtype):
        return ColumnKind.CATEGORICAL
    if isinstance(dtype, pd.StringDtype):
        return ColumnKind.TEXT
    if isinstance(dtype, np.dtype):
        kinds = {"f": ColumnKind.NUMERIC, "i": ColumnKind.NUMERIC, "u": ColumnKind.NUMERIC}
        kinds |= {"b": ColumnKind.BOOLEAN, "M": ColumnKind.DATETIME}
        if dtype.kind in kinds:
            return kinds[dtype.kind]
    if isinstance(dtype, pd.DatetimeTZDtype):
        return ColumnKind.DATETIME
    raise DataError(f"a task cannot hold a column of dtype '{dtype}'; read it with autometa.read_task")


def _check_columns(X: pd.DataFrame) -> None:
    """Raise unless the names are unique strings and every dtype has a kind."""
    if X.shape[0] == 0 or X.shape[1] == 0:
        raise DataError(f"a task needs rows and columns, got a table of {X.shape[0]} x {X.shape[1]}")
    if not all(isinstance(name, str) for name in X.columns):
        raise DataError(f"column names must be strings, got {list(X.columns)[:5]}")
    if not X.columns.is_unique:
        repeated = sorted(set(X.columns[X.columns.duplicated()]))
        raise DataError(f"column names must be unique; repeated: {', '.join(repeated[:5])}")
    for dtype in X.dtypes:
        column_kind(dtype)


def _check_identifiers(identifiers: tuple[str, ...], X: pd.DataFrame) -> None:
    """Raise unless the identifiers are distinct columns of the table, and leave one to predict from."""
    unknown = sorted(set(identifiers) - set(X.columns))
    if unknown or len(set(identifiers)) < len(identifiers):
        raise DataError(f"identifiers must be distinct columns of the table, got {list(identifiers)[:5]}")
    if len(identifiers) == X.shape[1]:
        raise DataError(f"all {len(identifiers)} columns are identifiers; a task needs one to predict from")


def _check_target(y: pd.Series, X: pd.DataFrame, kind: TaskKind, target: str) -> None:
    """Raise unless the target has a dtype with a kind, is complete, as long as the table, and fits the kind."""
    if len(y) != len(X):
        raise DataError(f"the target has {len(y)} values for {len(X)} rows")
    y_kind = column_kind(y.dtype)
    if y.isna().any():
        raise DataError(f"the target '{target}' has {int(y.isna().sum())} missing values; drop those rows")
    n_distinct = y.nunique()
    if n_distinct < 2:
        raise DataError(f"the target '{target}' is constant ({y.iloc[0]!r}); name a column that varies")
    if kind == TaskKind.REGRESSION:
        if y_kind is not ColumnKind.NUMERIC or not np.isfinite(y.to_numpy(dtype=float)).all():
            raise DataError(f"the target '{target}' of a regression must hold finite numbers, not {y.dtype}")
    elif (kind == TaskKind.BINARY) != (n_distinct == 2):
        raise DataError(f"the target '{target}' has {n_distinct} classes, which is not a {kind} task")


def _update_with_text(digest: "hashlib._Hash", text: str) -> None:
    """Feed a length and the UTF-8 bytes, so that no two sequences of texts look alike."""
    content = text.encode("utf-8", errors="surrogatepass")
    digest.update(struct.pack("<q", len(content)))
    digest.update(content)


def _update_with_values(digest: "hashlib._Hash", values: pd.Series) -> None:
    """Feed the canonical values of a column."""
    kind = column_kind(values.dtype)
    if kind is ColumnKind.NUMERIC:
        _update_with_numbers(digest, values.to_numpy(dtype="<f8"))
        return
    codes, distinct = pd.factorize(values)  # missing: -1
    if kind is ColumnKind.DATETIME:
        moments = pd.DatetimeIndex(distinct)
        moments = moments.tz_convert("UTC") if moments.tz is not None else moments
        labels = moments.strftime("%Y-%m-%dT%H:%M:%S.%f").tolist()
    else:
        labels = [str(value) for value in distinct]
    numbers = _as_numbers(labels)
    if numbers is not None:  # "1" in one file format is 1 in another, and nothing but missing values has no type
        _update_with_numbers(digest, np.append(numbers, np.nan)[codes])
        return
    order = np.array(sorted(range(len(labels)), key=labels.__getitem__), dtype=np.int64)
    rank = np.empty(len(labels) + 1, dtype="<i8")
    rank[order] = np.arange(len(labels))
    rank[-1] = -1
    digest.update(b"strings")
    for position in order:
        _update_with_text(digest, labels[position])
    digest.update(rank[codes].tobytes())


def _update_with_numbers(digest: "hashlib._Hash", numbers: np.ndarray) -> None:
    """Feed float64 values with one bit pattern for zero and one for missing."""
    canonical = numbers.astype("<f8") + 0.0  # -0.0 becomes 0.0
    canonical[np.isnan(canonical)] = np.nan
    digest.update(b"numbers")
    digest.update(canonical.tobytes())


def _as_numbers(labels: list[str]) -> np.ndarray | None:
    """Return the labels as float64 if every one of them is a number as files write it, else None."""
    if not all(label.isascii() and "_" not in label for label in labels):  # Python alone reads 1_0 as 10
        return None
    try:
        return np.array([float(label) for label in labels], dtype="<f8")
    except ValueError:
        return None
