"""The bounded, seeded sample of a task that all meta-features are computed from."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from autometa._random import generator
from autometa.metafeatures.columns import (
    Column,
    compact,
    equal_frequency_bins,
    read_column,
    without_unit,
)
from autometa.task import ColumnKind, Task

SAMPLE_ROWS = 2_000
SAMPLE_COLUMNS = 100
# Of each nominal column up to MAX_LEVELS levels become indicators, fewer where columns are many.
MAX_LEVELS = 8
MAX_INDICATORS = 200
# Trees over thousands of classes take minutes: learners see the rows of the most frequent ones.
LEARNER_CLASSES = 100
BLOCK_COLUMNS = 8


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample:
    """At most 2,000 rows and 100 columns of a task, and what is counted over the full table.

    Columns stand in the order of their names, so the order in the table does not matter. Identifiers, which no
    learner sees, are not among them.
    Legend: n sampled rows, d sampled columns, e encoded columns, k classes of the sample.

    Parameters
    ----------
    task : Task
        The task; its table is only read.
    seed : int
        Decides which rows and columns are drawn where there are more.

    Examples
    --------
    >>> X = pd.DataFrame({"width": [1.0, 2.0, 4.0], "colour": ["red", "blue", "red"]})
    >>> task = Task(name="t", X=X, y=pd.Series([0, 1, 0]), kind="binary", target="sold")
    >>> Sample(task=task, seed=0).encoded.shape
    (3, 2)
    """

    task: Task
    seed: int

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """Positions (n,) of the sampled rows, rising."""
        return _choose(self.task.n_rows, SAMPLE_ROWS, generator(self.seed, "metafeatures", "rows"))

    def learner_rows(self, at_most: int) -> NDArray[np.int64]:
        """Return positions within the sample, rising, for learners: at most ``at_most``, of 100 classes."""
        positions = np.arange(len(self.rows))
        if self.task.kind.is_classification:
            frequent = np.argsort(-np.bincount(self.classes), kind="stable")[:LEARNER_CLASSES]
            positions = positions[np.isin(self.classes, frequent)]
        return positions[_choose(len(positions), at_most, generator(self.seed, "metafeatures", "learners"))]

    def outputs(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return what learners predict at positions of the sample, (len(rows), number of outputs).

        An indicator for each class among these rows; for regression one output, the target with mean 0 and
        standard deviation 1 (all 0 where these rows have one value).
        """
        if self.task.kind.is_classification:
            classes = compact(self.classes[rows])
            return np.eye(classes.max() + 1)[classes]
        target = self.target[rows][:, None]
        return standardised(target) if target.min() < target.max() else np.zeros_like(target)

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The sampled columns (d)."""
        names = sorted(self.task.used_columns)
        chosen = _choose(len(names), SAMPLE_COLUMNS, generator(self.seed, "metafeatures", "columns"))
        # One column after the other: a selection of columns would copy the full table.
        return tuple(read_column(self.task.X[names[index]].take(self.rows)) for index in chosen)

    @cached_property
    def numeric(self) -> NDArray[np.float64]:
        """The numeric columns that vary, (n, number of them), missing values at the median."""
        columns = [column.imputed() for column in self.columns if column.kind is ColumnKind.NUMERIC and column.varies]
        return np.column_stack(columns) if columns else np.empty((len(self.rows), 0))

    @cached_property
    def encoded(self) -> NDArray[np.float64]:
        """What learners read, (n, e), e >= 1: every column as numbers, mean 0 and standard deviation 1.

        One column of zeros stands where nothing varies.
        """
        n_nominal = sum(column.numbers is None for column in self.columns)
        n_levels = int(np.clip(MAX_INDICATORS // max(n_nominal, 1), 2, MAX_LEVELS))
        encoded = [values for column in self.columns for values in column.encoded(n_levels)]
        return standardised(np.column_stack(encoded)) if encoded else np.zeros((len(self.rows), 1))

    @cached_property
    def levels(self) -> NDArray[np.int64]:
        """Every column in its discrete form, (n, d)."""
        return np.column_stack([column.levels for column in self.columns])

    @cached_property
    def classes(self) -> NDArray[np.int64]:
        """Class (n,) of each row, 0 to k - 1; for regression the equal-frequency bin of the target."""
        if self.task.kind.is_classification:
            return compact(self._full_classes[self.rows])
        return compact(equal_frequency_bins(self.target, n_rows=len(self.rows)))

    @cached_property
    def target(self) -> NDArray[np.float64]:
        """Target (n,) of a regression, over a power of two."""
        return without_unit(self.full_target[self.rows])[0]

    @cached_property
    def full_target(self) -> NDArray[np.float64]:
        """Target (n_rows,) of a regression over the full table."""
        return np.asarray(self.task.y.to_numpy(dtype=np.float64))

    @cached_property
    def class_counts(self) -> NDArray[np.int64]:
        """Rows of each class over the full table, in the order of the classes; classification alone."""
        return np.bincount(self._full_classes)

    @cached_property
    def missing_counts(self) -> NDArray[np.int64]:
        """Number of missing values in each column, (n_columns,), over the full table, in the table's order."""
        X = self.task.X
        # By blocks of columns: one by one is slow on wide tables, all at once is a copy of narrow types.
        blocks = [X.iloc[:, start : start + BLOCK_COLUMNS] for start in range(0, X.shape[1], BLOCK_COLUMNS)]
        counts = np.concatenate([block.isna().to_numpy().sum(axis=0) for block in blocks])
        return np.asarray(counts[~X.columns.isin(self.task.identifiers)])

    @cached_property
    def _full_classes(self) -> NDArray[np.int64]:
        """Class (n_rows,) of each row over the full table."""
        return np.asarray(pd.factorize(self.task.y, sort=True)[0], dtype=np.int64)


def standardised(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the matrix (n, m) with mean 0 and standard deviation 1 in each column; every column varies."""
    centred = matrix - matrix.mean(axis=0)
    return np.asarray(centred / centred.std(axis=0))


def _choose(n: int, at_most: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Return all of 0 to n - 1, or ``at_most`` of them drawn without replacement, rising."""
    if n <= at_most:
        return np.arange(n)
    return np.sort(random.choice(n, size=at_most, replace=False, shuffle=False))
