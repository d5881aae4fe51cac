"""Cautions: what a user should know of a sound table before trusting a score on it.

Each looks at a table as a `Task` holds it, at a bounded cost, and changes nothing.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from autometa._random import generator
from autometa.reading.dependence import to_numbers, xi
from autometa.reading.wording import count, enumerate_names, quote
from autometa.task import ColumnKind, column_kind
from autometa.task_kind import TaskKind

MIN_XI = 0.975
"""A column with a higher coefficient predicts the target alone: 99.4 % of the rows, for two classes of one size."""

MIN_LEAK_ROWS = 50
"""In a shorter table, a column may predict the target by chance."""

MIN_REPEATED_SHARE = 0.01
"""So many rows (share of all) must repeat earlier ones to be worth a word."""

MIN_CLASS_FOLDS = 5
"""So many rows a class needs to be in every fold of the usual number."""

_MAX_LEAK_ROWS = 5_000
_MIN_LEAK_ROWS_SAMPLED = 500
_MAX_LEAK_COLUMNS = 10_000
_MAX_LEAK_CELLS = 5_000_000
_FLOAT_BITS = 20  # of the mantissa: six digits
_MAX_EXACT = 2.0**53  # larger floats are all whole
_FIRST_CHECK = 4  # columns after which rows are looked at for the first time
_ODD = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio: spreads the bits (Knuth, TAOCP 3, 6.4)
_HALF = np.uint64(32)


def find_cautions(X: pd.DataFrame, y: pd.Series, identifiers: Sequence[str] = ()) -> list[str]:
    """Return a line for each caution: leaks, dates, repeated rows.

    Parameters
    ----------
    X : DataFrame of shape (n_rows, n_columns + number of identifiers)
        Columns as a `Task` holds them.
    y : Series of shape (n_rows,)
        The target, complete.
    identifiers : sequence of str
        Columns that are not looked at, since nothing is predicted from them.
    """
    X = X.drop(columns=list(identifiers))
    leaks = find_leaks(X, y)
    dates = [str(name) for name, dtype in X.dtypes.items() if column_kind(dtype) is ColumnKind.DATETIME]
    n_repeated = count_repeated_rows(X, y)
    cautions = []
    if leaks:
        cautions.append(f"predicts the target {quote(y.name)} alone, perhaps a leak: {enumerate_names(leaks)}")
    if dates:
        cautions.append(
            f"holds dates, random folds may flatter if the future is to be predicted: {enumerate_names(dates)}"
        )
    if n_repeated >= MIN_REPEATED_SHARE * len(X):
        beside = ", identifiers aside" if identifiers else ""
        cautions.append(
            f"{count(n_repeated, 'row')} ({n_repeated / len(X):.1%}) repeat an earlier one to six digits, target "
            f"included{beside}; random folds may flatter"
        )
    return cautions


def find_class_cautions(y: pd.Series, kind: TaskKind) -> list[str]:
    """Return a line for each caution on the classes of a target: spelled in several ways, or in few rows.

    Parameters
    ----------
    y : Series of shape (n_rows,)
        The target, prepared.
    kind : TaskKind
        The kind that was settled; a regression has no classes.
    """
    if not kind.is_classification:
        return []
    cautions = []
    n_rows = y.value_counts()
    if isinstance(y.dtype, pd.StringDtype):
        words = pd.Series(sorted(n_rows.index))
        folded = words.str.split().str.join(" ").str.casefold()
        alike = words[folded.duplicated(keep=False)]
        if len(alike):
            cautions.append(
                f"classes that differ by case or blanks alone: {enumerate_names(alike.tolist())}; "
                "write them alike if they are one"
            )
    rare = [str(label) for label in sorted(n_rows.index[n_rows < MIN_CLASS_FOLDS])]
    if rare and len(y) >= 2 * MIN_CLASS_FOLDS:  # else no two classes can have them
        cautions.append(
            f"classes with fewer than {MIN_CLASS_FOLDS} rows, too few for each of {MIN_CLASS_FOLDS} folds: "
            f"{enumerate_names(rare)}"
        )
    return cautions


def find_leaks(X: pd.DataFrame, y: pd.Series) -> tuple[str, ...]:
    """Return the names of the columns that predict the target alone: sorted by one, the target hardly changes.

    That is a coefficient xi of `MIN_XI` or more, on at most 5,000 rows that are drawn once; xi is 1 if the
    target is a function of the column, whatever its shape, 0 if they have nothing to do with each other. Of a
    table with more than 1,000 columns fewer rows are drawn, and columns after the 10,000th are not looked at.

    Parameters
    ----------
    X : DataFrame of shape (n_rows, n_columns)
        Columns as a `Task` holds them.
    y : Series of shape (n_rows,)
        The target, complete: numbers or labels.

    See Also
    --------
    autometa.reading.dependence.xi : the coefficient.
    """
    n_rows = min(len(X), _MAX_LEAK_ROWS, max(_MIN_LEAK_ROWS_SAMPLED, _MAX_LEAK_CELLS // X.shape[1]))
    if n_rows < MIN_LEAK_ROWS:
        return ()
    # in random order, so that ties in a column do not stand in the order of the file
    rows = generator(0, "reading", "leaks").choice(len(X), n_rows, replace=False)
    target = to_numbers(y.iloc[rows])
    names = X.columns[:_MAX_LEAK_COLUMNS]
    most = 1 - 3 / (n_rows + 1)  # what xi reaches if the target is a column, all values distinct
    return tuple(name for name in names if xi(to_numbers(X[name].iloc[rows]), target) >= MIN_XI * most)


def count_repeated_rows(X: pd.DataFrame, y: pd.Series) -> int:
    """Return how many rows equal an earlier one in all columns and in the target, columns with fractions to six digits.

    Rows are compared by a hash of 64 bits that takes in a column after the other, text last, and ends as soon
    as all differ; a missing value equals another. No columns, no repeated rows.
    """
    hashes = np.zeros(len(X), dtype=np.uint64)
    _mix_in(y, hashes)
    is_text = {name: column_kind(dtype) is ColumnKind.TEXT for name, dtype in X.dtypes.items()}
    names = sorted(X.columns, key=lambda name: is_text[name])
    n_distinct = len(X)
    next_check = _FIRST_CHECK
    for position, name in enumerate(names, start=1):
        _mix_in(X[name], hashes)
        if position in (next_check, len(names)):
            next_check *= 4
            n_distinct = len(pd.unique(hashes))
            if n_distinct == len(X):
                break
    return len(X) - n_distinct


def _mix_in(column: pd.Series, hashes: np.ndarray) -> None:
    """Change the hashes (n_rows,) by the values of one more column."""
    hashes ^= _to_bits(column)
    hashes *= _ODD
    hashes ^= hashes >> _HALF


def _to_bits(values: pd.Series) -> np.ndarray:
    """Return a column as 64 bits a row (n_rows,), alike for equal values alone; fractions equal to six digits."""
    kind = column_kind(values.dtype)
    if kind is ColumnKind.NUMERIC and values.dtype.kind == "f":
        numbers = values.to_numpy(dtype="float64") + 0.0  # -0.0 becomes 0.0; a task has one NaN alone
        is_whole = np.array_equal(numbers, np.trunc(numbers), equal_nan=True)
        if is_whole and not (np.abs(numbers) > _MAX_EXACT).any():  # an integer column with a gap
            return numbers.view(np.uint64)
        mantissas, exponents = np.frexp(numbers)
        rounded = np.rint(np.ldexp(mantissas, _FLOAT_BITS)) + 0.0
        bits: np.ndarray = rounded.view(np.uint64) ^ exponents.astype(np.uint64)
        return bits
    if kind in (ColumnKind.NUMERIC, ColumnKind.BOOLEAN):
        return values.to_numpy().astype(np.uint64)
    if kind is ColumnKind.CATEGORICAL:
        return values.cat.codes.to_numpy().astype(np.uint64)
    return pd.factorize(values)[0].astype(np.uint64)
