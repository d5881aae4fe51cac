"""How far a target depends on one column."""

import numpy as np
import pandas as pd

from autometa._random import generator
from autometa.task import ColumnKind, column_kind

MIN_DEPENDENCE = 0.1
"""A target depends on a column whose rank correlation or xi with it is larger, and beyond chance."""

_MAX_ROWS = 5_000
_STANDARD_ERRORS = 4.0  # chance goes beyond in 1 of 16,000 columns; one is 1 / sqrt(n) at most for either coefficient


def depends(target: pd.Series, column: pd.Series) -> bool:
    """Return whether a target depends on a column, as at most 5,000 rows tell that are drawn once.

    Spearman's rank correlation finds what rises or falls, xi what does both; classes count in sorted order.

    Parameters
    ----------
    target : Series of shape (n_rows,)
        Complete: numbers or labels.
    column : Series of shape (n_rows,)
        Complete numbers.
    """
    n_rows = min(len(column), _MAX_ROWS)
    # in random order, so that ties do not stand in the order of the file
    rows = generator(0, "reading", "dependence").choice(len(column), n_rows, replace=False)
    numbers, outcome = to_numbers(column.iloc[rows]), to_numbers(target.iloc[rows])
    n_telling = n_rows - int(np.unique(outcome, return_counts=True)[1].max())  # a few rows of a class lie as they fall
    if n_telling == 0:
        return False
    least = max(MIN_DEPENDENCE, _STANDARD_ERRORS / np.sqrt(n_telling))
    return bool(max(abs(_spearman(numbers, outcome)), xi(numbers, outcome)) > least)


def _spearman(first: np.ndarray, second: np.ndarray) -> float:
    """Return the correlation of the ranks of two columns (n_rows,); 0 where one is constant."""
    x, y = (pd.Series(values).rank().to_numpy(dtype="float64") for values in (first, second))
    is_constant = x.min() == x.max() or y.min() == y.max()
    return 0.0 if is_constant else float(np.corrcoef(x, y)[0, 1])


def xi(column: np.ndarray, target: np.ndarray) -> float:
    """Return Chatterjee's coefficient of how far a target is a function of a column: 1 wholly, about 0 not at all.

    Parameters
    ----------
    column, target : ndarray of shape (n_rows,)
        Numbers; only their order counts. Ties in the column are taken in the order of the rows.

    References
    ----------
    S. Chatterjee, A new coefficient of correlation, Journal of the American Statistical Association 116
    (2021), https://doi.org/10.1080/01621459.2020.1758115
    """
    n = len(target)
    ascending = np.sort(target)
    at_most = np.searchsorted(ascending, target, side="right")  # r_i: how many are not above
    at_least = n - np.searchsorted(ascending, target, side="left")  # l_i: how many are not below
    in_order = at_most[np.argsort(column, kind="stable")]
    spread = 2.0 * float(np.sum(at_least * (n - at_least)))
    return 1.0 - n * float(np.sum(np.abs(np.diff(in_order)))) / spread if spread else 0.0


def to_numbers(values: pd.Series) -> np.ndarray:
    """Return a column as floats (n_rows,) that are in the order of its values; missing ones are NaN or last."""
    if column_kind(values.dtype) in (ColumnKind.NUMERIC, ColumnKind.BOOLEAN):
        return values.to_numpy(dtype="float64")
    codes = pd.factorize(values, sort=True)[0]
    return np.where(codes < 0, len(values), codes).astype("float64")
