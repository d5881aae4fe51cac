"""How far a target depends on one column."""

import numpy as np
import pandas as pd

from autometa.task import ColumnKind, column_kind


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
