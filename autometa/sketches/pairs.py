"""Pairs: two numbers of one row, sampled so that a part of a table samples a part of its pairs.

A pair is of two columns, whichever they are; both numbers are different and have three significant digits or more,
since small round numbers go together in any table. Its hash begins with the larger of the two numbers' hashes:
pairs with small hashes are made of numbers with small hashes, so that only those need to be paired.
"""

import numpy as np
import numpy.typing as npt

from autometa.sketches.cells import is_in_first_half, mix, shift
from autometa.sketches.sketch import COMPLETE, EMPTY, PAIR_STEP, Hashes, Sample, density_of, overlap_of, smallest

_N_CELLS = 2**21  # about so many cells are looked at, the ones with the smallest hashes
_N_PAIRS = 2**22  # more pairs are not made at a time
_UPPER = np.uint32(0xFFFF0000)


class PairSampler:
    """Collects the cells of a table, column by column, and samples pairs of them.

    Parameters
    ----------
    n_rows, n_columns : int
        Size of the table.
    """

    def __init__(self, n_rows: int, n_columns: int) -> None:
        self._n_rows = n_rows
        share = min(1.0, _N_CELLS / (n_rows * max(n_columns, 1)))
        self._limit = max(1, round(share * PAIR_STEP)) * PAIR_STEP
        self._parts: list[tuple[npt.NDArray[np.int64], Hashes]] = []

    def add(self, numbers: npt.NDArray[np.float32], hashes: Hashes) -> None:
        """Add a numeric column: its numbers and their hashes (n_rows,)."""
        rows = np.arange(len(hashes)) if self._limit == COMPLETE else np.flatnonzero(hashes < self._limit)
        rows = rows[_is_precise(numbers[rows])]
        if len(rows):
            self._parts.append((rows, hashes[rows]))

    def sample(self, n_kept: int) -> Sample:
        """Return the sample of the pairs."""
        if len(self._parts) < 2:
            return EMPTY
        rows = np.concatenate([rows for rows, _ in self._parts])
        hashes = np.concatenate([hashes for _, hashes in self._parts])
        columns = np.repeat(np.arange(len(self._parts)), [len(rows) for rows, _ in self._parts])
        limit, found = 0, np.empty(0, dtype=np.uint32)
        for tried in self._limits(n_kept):
            is_low = hashes < tried if tried < COMPLETE else np.ones(len(hashes), dtype=bool)
            n_cells = np.bincount(rows[is_low], minlength=self._n_rows).astype(float)
            if (n_cells * (n_cells - 1)).sum() / 2 > _N_PAIRS:
                break
            limit, found = tried, _pairs(rows[is_low], hashes[is_low])
            if len(found) > n_kept:
                break
        if len(found) == 0:
            return EMPTY
        sample = smallest(found, n_kept, limit)
        is_low = hashes < min(limit, COMPLETE - 1)
        rows, hashes, columns = rows[is_low], hashes[is_low], columns[is_low]
        drawn = (rows + shift(columns, self._n_rows)) % self._n_rows
        first = is_in_first_half(rows)
        halves = _pairs(rows[first], hashes[first]), _pairs(rows[~first], hashes[~first])
        density = max(density_of(_pairs(drawn, hashes), sample), overlap_of(*halves, sample.limit))
        return Sample(hashes=sample.hashes, limit=sample.limit, density=density)

    def _limits(self, n_kept: int) -> list[int]:
        """Return the limits to try for cells, ascending: the first would do if no pair came twice."""
        n_columns = len(self._parts)
        n_pairs = self._n_rows * n_columns * (n_columns - 1) / 2
        first = max(1, round(min(1.0, (4 * n_kept / n_pairs) ** 0.5) * PAIR_STEP)) * PAIR_STEP
        limits = []
        while first < self._limit:
            limits.append(first)
            first *= 2
        return [*limits, self._limit]


def _pairs(rows: npt.NDArray[np.int64], hashes: Hashes) -> Hashes:
    """Return the distinct hashes of all pairs of different cells of one row."""
    order = np.argsort(rows, kind="stable")
    rows, hashes = rows[order], hashes[order]
    found = [np.empty(0, dtype=np.uint32)]
    for apart in range(1, len(rows)):
        is_pair = rows[apart:] == rows[:-apart]
        if not is_pair.any():
            break
        one, other = hashes[apart:][is_pair], hashes[:-apart][is_pair]
        differ = one != other
        one, other = one[differ], other[differ]
        found.append(np.unique((np.maximum(one, other) & _UPPER) | (mix(one + other) & ~_UPPER)))
    return np.unique(np.concatenate(found))


def _is_precise(numbers: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Return where a number has three significant digits or more (n_cells,); zero and missing have none."""
    sizes = np.abs(numbers.astype(float))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        two_digits = sizes * 10.0 ** (1 - np.floor(np.log10(sizes)))
        # float32 holds 7 digits: what is nearer to two digits than 1e-4 is rounding
        return np.asarray(np.abs(two_digits - np.rint(two_digits)) > 2e-3)
