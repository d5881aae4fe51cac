"""Identifier-like columns: those that name a row and say nothing about rows not seen yet."""

import re

import pandas as pd

from autometa.reading.columns import MAX_CATEGORY_LENGTH
from autometa.task import ColumnKind, column_kind

MIN_ROWS = 10
"""In a shorter table, values that do not repeat say little."""

ID_WORDS = frozenset(["id", "ids", "identifier", "idx", "key", "pk", "uid", "uuid", "guid", "rowid", "serial"])
"""A name with one of these words is that of an identifier: "customer_id", "rowId", "ID"."""

INDEX_NAMES = frozenset(["index", "row_index"])
"""So is one of these; in other names an index is a measure, as of prices or of body mass."""

RUN_WORDS = frozenset(
    ["year", "quarter", "month", "week", "day", "hour", "date", "time", "period", "season", "age", "rank"]
)
"""A run of whole numbers under a name with one of these words says when, or how good, and not which row."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_HEAD_ROWS = 1_000


def find_identifiers(X: pd.DataFrame) -> tuple[str, ...]:
    """Return the names of the columns that look like identifiers.

    - Floats, booleans and dates never do.
    - Whole numbers do if no two are alike and they are a run without gaps, in any order, whose name has none
      of `RUN_WORDS`, or the name is that of an identifier.
    - Strings and categories do if no two are alike, and they are not sentences, whose words may say something.

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


def _split_name(name: str) -> list[str]:
    """Return the words of a name, in lower case."""
    return [word.lower() for word in _WORD.findall(name)]


def _numbers_rows(column: pd.Series) -> bool:
    """Return whether whole numbers are unique, and a run that is no measure or under the name of an identifier."""
    name, values = str(column.name), column.to_numpy()
    is_run = int(values.max()) - int(values.min()) == len(values) - 1
    is_candidate = has_id_name(name) or (is_run and RUN_WORDS.isdisjoint(_split_name(name)))
    return is_candidate and _is_unique(column)


def _are_names(values: pd.Series) -> bool:
    """Return whether strings are unique and no sentences; labels that are numbers are names, too."""
    if len(values) < MIN_ROWS or not _is_unique(values):
        return False
    head = values.iloc[:_HEAD_ROWS].astype("str")
    return float(head.str.len().mean()) <= MAX_CATEGORY_LENGTH


def _is_unique(values: pd.Series) -> bool:
    """Return whether no two values are alike; most columns show it in their first rows that some are."""
    return bool(values.iloc[:_HEAD_ROWS].is_unique and values.is_unique)
