"""Sampled columns, as the meta-features read them: numbers free of their unit, and discrete levels."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from autometa.task import ColumnKind, column_kind

NUMBERS = frozenset({ColumnKind.NUMERIC, ColumnKind.DATETIME})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Column:
    """One column over the sampled rows.

    Parameters
    ----------
    kind : ColumnKind
        The kind of the column in the task.
    n_distinct : int
        Number of distinct values, missing not counted.
    is_missing : ndarray of shape (n,)
        Where the value is missing or infinite.
    levels : ndarray of shape (n,)
        Discrete form, 0, 1, ...: the value of a nominal column, by falling frequency; the
        equal-frequency bin of a number. Missing is a level of its own.
    numbers : ndarray of shape (n,), optional
        Numbers and dates over a power of two, so that they lie in [-1, 1]; NaN = missing. None for nominal
        columns.
    """

    kind: ColumnKind
    n_distinct: int
    is_missing: NDArray[np.bool_]
    levels: NDArray[np.int64]
    numbers: NDArray[np.float64] | None = None

    @property
    def varies(self) -> bool:
        """Whether there are at least two distinct values."""
        return self.n_distinct > 1

    def imputed(self) -> NDArray[np.float64]:
        """Return the numbers (n,) of a column that varies: median 0 and largest size 1, missing at 0."""
        if self.numbers is None or not self.varies:
            raise ValueError(f"a {self.kind} column with {self.n_distinct} distinct values has no numbers")
        centred = self.numbers - np.median(self.numbers[~self.is_missing])
        centred[self.is_missing] = 0.0
        return np.asarray(centred / np.abs(centred).max())

    def encoded(self, n_levels: int) -> list[NDArray[np.float64]]:
        """Return what learners read, arrays (n,) that vary.

        A number is itself. A nominal column is one indicator for each of its ``n_levels`` most frequent
        levels, and, if it has more, the frequency of the level.
        """
        if self.numbers is not None:
            return [self.imputed()] if self.varies else []
        counts = np.bincount(self.levels)
        n_indicators = 1 if len(counts) == 2 else min(n_levels, len(counts))
        encoded = [(self.levels == level).astype(np.float64) for level in range(n_indicators)]
        if len(counts) > n_levels:
            encoded.append(counts[self.levels] / len(self.levels))
        return [values for values in encoded if values.min() < values.max()]


def read_column(values: pd.Series) -> Column:
    """Return the column of a task over the sampled rows, ``values`` of shape (n,)."""
    kind = column_kind(values.dtype)
    if kind not in NUMBERS:
        levels, n_distinct, is_missing = _nominal_levels(values)
        return Column(kind=kind, n_distinct=n_distinct, is_missing=is_missing, levels=levels)
    numbers = _as_floats(values, kind)
    numbers[~np.isfinite(numbers)] = np.nan
    is_missing = np.isnan(numbers)
    numbers, _ = without_unit(numbers)
    levels = np.zeros(len(numbers), dtype=np.int64)
    present = numbers[~is_missing]
    if len(present):
        levels[~is_missing] = equal_frequency_bins(present, n_rows=len(numbers))
        levels[is_missing] = levels.max() + 1
    return Column(
        kind=kind,
        n_distinct=len(np.unique(present)),
        is_missing=is_missing,
        levels=compact(levels),
        numbers=numbers,
    )


def without_unit(numbers: NDArray[np.float64]) -> tuple[NDArray[np.float64], int]:
    """Return the numbers over a power of two, all in [-1, 1], and its exponent; NaN stays.

    A power of two changes no digit, and sums and squares of the result cannot overflow.
    """
    largest = np.nanmax(np.abs(numbers)) if not np.isnan(numbers).all() else 0.0
    exponent = int(np.frexp(largest)[1])
    return np.ldexp(numbers, -exponent), exponent


def equal_frequency_bins(numbers: NDArray[np.float64], *, n_rows: int) -> NDArray[np.int64]:
    """Return the bin (n,) of each number, about equally many in each.

    There are as many bins as the cubic root of ``n_rows``, rounded down, fewer where quantiles coincide:
    the rule of pymfe (Alcobaça et al., MFE: Towards reproducible meta-feature extraction, JMLR 21(111),
    2020).
    """
    n_bins = int(n_rows ** (1 / 3))
    upper_edges = np.unique(np.quantile(numbers, np.linspace(0, 1, n_bins + 1)[1:]))
    # The last edge is the maximum, which rounding inside quantile must not push below a number.
    return np.minimum(np.searchsorted(upper_edges, numbers, side="left"), len(upper_edges) - 1)


def compact(levels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the levels (n,) renumbered in their order, without gaps."""
    return np.unique(levels, return_inverse=True)[1].astype(np.int64)


def _nominal_levels(values: pd.Series) -> tuple[NDArray[np.int64], int, NDArray[np.bool_]]:
    """Return level numbers by falling frequency (ties by label), the number of distinct values, missing."""
    codes, labels = pd.factorize(values)  # missing: -1
    counts = np.bincount(codes + 1, minlength=len(labels) + 1)
    names = ["", *(str(label) for label in labels)]
    order = sorted(range(len(names)), key=lambda index: (-counts[index], names[index], index))
    rank = np.empty(len(names), dtype=np.int64)
    rank[order] = np.arange(len(names))
    return compact(rank[codes + 1]), len(labels), codes < 0


def _as_floats(values: pd.Series, kind: ColumnKind) -> NDArray[np.float64]:
    """Return a copy of numbers or dates as floats (n,), NaN = missing."""
    if kind is ColumnKind.NUMERIC:
        return np.array(values.to_numpy(), dtype=np.float64)
    moments = pd.DatetimeIndex(values)
    floats = np.array(moments.asi8, dtype=np.float64)
    floats[np.asarray(moments.isna())] = np.nan
    return floats
