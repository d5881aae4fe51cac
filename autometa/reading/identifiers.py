"""Identifier-like columns: those that name a row and say nothing about rows not seen yet."""

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from autometa.reading.columns import MAX_CATEGORY_LENGTH
from autometa.reading.dependence import depends
from autometa.reading.resemblance import find_units
from autometa.task import ColumnKind, column_kind

MIN_ROWS = 10
"""In a shorter table, values that do not repeat say little."""

ID_WORDS = frozenset(["id", "ids", "identifier", "idx", "key", "pk", "uid", "uuid", "guid", "rowid", "serial"])
"""A name with one of these words is that of an identifier: "customer_id", "rowId", "ID"."""

INDEX_NAMES = frozenset(["index", "row_index"])
"""So is one of these; in other names an index is a measure, as of prices or of body mass."""

RUN_WORDS = frozenset(
    [
        *("century", "decade", "year", "yr", "season", "quarter", "month", "fortnight", "week", "wk", "day", "hour"),
        *("hr", "minute", "min", "second", "sec", "millisecond", "microsecond", "nanosecond", "date", "datetime"),
        *("time", "timestamp", "timestep", "timepoint", "period", "epoch", "era", "age", "tick", "lag", "duration"),
        *("annual", "annually", "daily", "elapsed"),
        *("rank", "order", "position", "place", "step", "stage", "phase", "level", "grade", "round", "lap", "cycle"),
        *("iteration", "generation", "wave", "percentile"),
        *("dose", "dosage", "amount", "quantity", "size", "length", "width", "height", "depth", "altitude", "weight"),
        *("mass", "volume", "area", "distance", "temperature", "temp", "pressure", "speed", "velocity", "power"),
        *("energy", "voltage", "frequency", "concentration", "angle", "degree", "rate", "score", "rating", "price"),
        *("cost", "income", "salary", "percent", "percentage"),
    ]
)
"""A run of whole numbers under a name with one of these words, or its plural or adverb, says when, in which
place or how much, and not which row."""

RUN_NAMES = frozenset(["t"])
"""So does one with such a name."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_HEAD_ROWS = 1_000


def find_identifiers(X: pd.DataFrame) -> tuple[str, ...]:
    """Return the names of the columns that look like identifiers.

    - Floats, booleans and dates never do.
    - Whole numbers do if no two are alike and they are a run without gaps, in any order, whose name tells of no
      measure, see `has_run_name`, or the name is that of an identifier. What `find_measures` finds among them is
      none after all.
    - Strings and categories do if no two are alike, and they are neither sentences, whose words may say something,
      nor look like numbers with a unit.

    Parameters
    ----------
    X : DataFrame of shape (n_rows, n_columns)
        Columns as a `Task` holds them.

    Returns
    -------
    names : tuple of str
        In the order of the table; none if there are fewer rows than `MIN_ROWS`.
    """
    if len(X) < MIN_ROWS:
        return ()
    return tuple(name for name in X.columns if is_identifier(X[name]))


def find_measures(X: pd.DataFrame, y: pd.Series, identifiers: Sequence[str]) -> tuple[str, ...]:
    """Return which of the columns that look like identifiers are measures, as the target tells.

    That is a run of whole numbers without the name of an identifier, in another order than that of the rows, on
    which the target depends. A run in the order of the rows counts them, and a target may well depend on that, as
    in a file that is sorted by it.

    Parameters
    ----------
    X : DataFrame of shape (n_rows, n_columns)
        Columns as a `Task` holds them.
    y : Series of shape (n_rows,)
        The target, complete.
    identifiers : sequence of str
        What `find_identifiers` finds.
    """
    return tuple(
        name
        for name in identifiers
        if column_kind(X[name].dtype) is ColumnKind.NUMERIC
        and not has_id_name(name)
        and not _counts_rows(X[name].to_numpy())
        and depends(y, X[name])
    )


def is_identifier(column: pd.Series) -> bool:
    """Return whether a column looks like an identifier, by the rules of `find_identifiers`."""
    kind = column_kind(column.dtype)
    if kind is ColumnKind.NUMERIC:
        return column.dtype.kind in "iu" and _numbers_rows(column)
    if kind is ColumnKind.CATEGORICAL:
        return len(column.cat.categories) == len(column) and _are_names(column.cat.categories.to_series())
    return kind is ColumnKind.TEXT and _are_names(column.dropna())


def has_id_name(name: str) -> bool:
    """Return whether a name has one of `ID_WORDS`, or is one of `INDEX_NAMES`.

    Examples
    --------
    >>> [has_id_name(name) for name in ("customerID", "row_id", "Index", "humidity", "price_index")]
    [True, True, True, False, False]
    """
    words = _split_name(name)
    return not ID_WORDS.isdisjoint(words) or "_".join(words) in INDEX_NAMES


def has_run_name(name: str) -> bool:
    """Return whether a name has one of `RUN_WORDS`, also in the plural or as an adverb, or is one of `RUN_NAMES`.

    Examples
    --------
    >>> [has_run_name(name) for name in ("Year", "years", "Monthly", "birth_order", "T", "store", "t_shirt")]
    [True, True, True, True, True, False, False]
    """
    words = _split_name(name)
    return "_".join(words) in RUN_NAMES or any(not RUN_WORDS.isdisjoint(_singulars(word)) for word in words)


def _singulars(word: str) -> tuple[str, ...]:
    """Return what a word may be the plural or adverb of, the word itself first."""
    return word, word.removesuffix("s"), word.removesuffix("ly"), f"{word.removesuffix('ies')}y"


def _counts_rows(values: np.ndarray) -> bool:
    """Return whether whole numbers (n_rows,) that are a run rise or fall with the rows."""
    step = int(values[1]) - int(values[0])
    return step in (-1, 1) and bool((values[1:] > values[:-1] if step == 1 else values[1:] < values[:-1]).all())


def _split_name(name: str) -> list[str]:
    """Return the words of a name, in lower case."""
    return [word.lower() for word in _WORD.findall(name)]


def _numbers_rows(column: pd.Series) -> bool:
    """Return whether whole numbers are unique, and a run that is no measure or under the name of an identifier."""
    name, values = str(column.name), column.to_numpy()
    is_run = int(values.max()) - int(values.min()) == len(values) - 1
    is_candidate = has_id_name(name) or (is_run and not has_run_name(name))
    return is_candidate and _is_unique(column)


def _are_names(values: pd.Series) -> bool:
    """Return whether strings are unique and no sentences; labels that are numbers are names, too."""
    if len(values) < MIN_ROWS or not _is_unique(values):
        return False
    head = values.iloc[:_HEAD_ROWS].astype("str")
    return float(head.str.len().mean()) <= MAX_CATEGORY_LENGTH and not find_units(head.tolist())


def _is_unique(values: pd.Series) -> bool:
    """Return whether no two values are alike; most columns show it in their first rows that some are."""
    return bool(values.iloc[:_HEAD_ROWS].is_unique and values.is_unique)
