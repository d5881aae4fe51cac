"""Drawing a sketch: one pass over the columns of a task."""

from collections import Counter

import numpy as np
import numpy.typing as npt
import pandas as pd

from autometa.sketches.cells import (
    BLOCK,
    Column,
    as_float32,
    hash_numbers,
    is_in_first_half,
    mix_wide,
    narrow,
    read_column,
    shift,
)
from autometa.sketches.pairs import PairSampler
from autometa.sketches.sketch import EMPTY, SAMPLE_SIZES, Hashes, Sample, Sketch, density_of, overlap_of, smallest
from autometa.task import Task

_N_RARE = 10  # a column in which all rows but fewer than these agree says little
_N_DRAWN = 2**18  # rows drawn at most to estimate the density
_FEW_COUNTS = 1_000_000  # cells of a table of counts; of a larger one only the totals are taken


class _Rows:
    """The hashes of rows, added up column by column; and the same with columns moved against each other."""

    def __init__(self, n_rows: int) -> None:
        self.sums = np.zeros(n_rows, dtype=np.uint64)
        self.drawn = np.zeros(min(n_rows, _N_DRAWN), dtype=np.uint64)
        self.n_columns = 0

    def add(self, hashes: Hashes, start: int) -> None:
        """Add a column of hashes (n_rows,), and the same from row ``start`` on; the order of columns is no matter."""
        self.sums += hashes
        first = hashes[start : start + len(self.drawn)]
        self.drawn[: len(first)] += first
        self.drawn[len(first) :] += hashes[: len(self.drawn) - len(first)]
        self.n_columns += 1

    def include(self, other: "_Rows") -> None:
        """Add all columns of another."""
        self.sums += other.sums
        self.drawn += other.drawn
        self.n_columns += other.n_columns

    def sample(self, n_kept: int) -> Sample:
        """Return the sample of rows; one column alone says nothing of rows."""
        if self.n_columns < 2:
            return EMPTY
        hashes = narrow(mix_wide(self.sums))
        sample = smallest(hashes, n_kept)
        first = is_in_first_half(np.arange(len(hashes)))
        by_nature = overlap_of(hashes[first], hashes[~first], sample.limit)
        density = max(density_of(narrow(mix_wide(self.drawn)), sample), by_nature)
        return Sample(hashes=sample.hashes, limit=sample.limit, density=density)


def draw_sketch(task: Task) -> Sketch:
    """Return the sketch of a task; the target is in it only as classes (or quarters), and as a number in pairs.

    The hashes depend on the content alone: not on names, on the order of rows and columns or on the file format. The
    densities are estimates, and differ a little from one order of rows to another.
    """
    few_valued, many_valued = _Rows(task.n_rows), _Rows(task.n_rows)
    pairs = PairSampler(task.n_rows, task.n_columns + 1)
    classes = _classes(task)
    totals = np.bincount(classes).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)  # all bits depend on the size
    columns: Counter[int] = Counter()
    starts = shift(np.arange(task.n_columns), task.n_rows).tolist()
    for name, start in zip(task.used_columns, starts, strict=True):
        column = read_column(task.X[name])
        (many_valued if column.codes is None else few_valued).add(column.hashes, start)
        if column.numbers is not None and column.codes is None:
            pairs.add(column.numbers, column.hashes)
        columns.update(_column_hash(column, classes, totals))
    if not task.kind.is_classification:
        target = as_float32(task.y.to_numpy())
        pairs.add(target, hash_numbers(target))
    numbers = many_valued.sample(SAMPLE_SIZES["numbers"])
    many_valued.include(few_valued)
    return Sketch(
        rows=many_valued.sample(SAMPLE_SIZES["rows"]),
        numbers=numbers,
        pairs=pairs.sample(SAMPLE_SIZES["pairs"]),
        columns=_column_sample(columns),
    )


def _classes(task: Task) -> npt.NDArray[np.int64]:
    """Return the number of each row's class (n_rows,), for regression of its quarter by the target."""
    if task.kind.is_classification:
        return np.asarray(pd.factorize(task.y)[0], dtype=np.int64)
    target = as_float32(task.y.to_numpy())
    quarters = as_float32(np.quantile(task.y.to_numpy(dtype=np.float64), [0.25, 0.5, 0.75], method="lower"))
    return np.asarray(np.searchsorted(quarters, target), dtype=np.int64)


def _column_hash(column: Column, classes: npt.NDArray[np.int64], totals: npt.NDArray[np.uint64]) -> list[int]:
    """Return the 64-bit hash of a column as a whole in a list, empty where it says too little.

    A class is known by its size, which is what ``totals`` (n_classes,) are made of.

    Every sum runs over rows, values or classes, so that neither their order nor the names of classes matter. Ties to
    the classes tell apart what many tables have: running numbers, dates, flags.
    """
    if column.codes is None:
        return [int(mix_wide(totals + _sums(column.hashes, classes, len(totals))).sum(dtype=np.uint64))]
    counts = _counts(column.codes, classes)
    if counts.sum() - counts.sum(axis=1).max() < _N_RARE or len(counts) > counts.sum() / 2:
        return []
    of_cells = mix_wide((totals if counts.shape[1] > 1 else totals.sum()) + counts.astype(np.uint64))
    return [int(mix_wide(of_cells.sum(axis=1, dtype=np.uint64)).sum(dtype=np.uint64))]


def _sums(hashes: Hashes, classes: npt.NDArray[np.int64], n_classes: int) -> npt.NDArray[np.uint64]:
    """Return the sum of the hashes in each class (n_classes,), of their upper 20 bits: so sums of floats are exact."""
    sums = np.zeros(n_classes)
    for start in range(0, len(hashes), BLOCK):
        weights = (hashes[start : start + BLOCK] >> np.uint32(12)).astype(float)
        sums += np.bincount(classes[start : start + BLOCK], weights=weights, minlength=n_classes)
    return sums.astype(np.uint64)


def _column_sample(columns: Counter[int]) -> Sample:
    """Return the sample of columns; two columns that are the same but for names count as two."""
    numbered = [(column + time) % 2**64 for column, times in columns.items() for time in range(times)]
    return smallest(narrow(mix_wide(np.array(numbered, dtype=np.uint64))), SAMPLE_SIZES["columns"])


def _counts(codes: npt.NDArray[np.int64], classes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return how often each value that occurs stands in each class: (n_values, n_classes), or (n_values, 1)."""
    n_values, n_classes = int(codes.max()) + 1, int(classes.max()) + 1
    if n_values * n_classes > _FEW_COUNTS:
        return np.bincount(codes)[:, np.newaxis]
    return np.bincount(codes * n_classes + classes, minlength=n_values * n_classes).reshape(n_values, n_classes)
