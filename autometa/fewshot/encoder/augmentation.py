"""Tables made from tables: parts of rows and columns, merged labels, coarser numbers. The family stays the parent's."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from autometa.fewshot.encoder.tables import Table, by_frequency
from autometa.task_kind import TaskKind

MIN_ROWS = 8  # of a part, as far as the table has them
MIN_COLUMNS = 2
_TRIES = 10

# Makes a table from another; the very same one where it cannot.
Augmentation = Callable[[Table, np.random.Generator], Table]


def subsampled(
    table: Table, rng: np.random.Generator, *, n_rows: int, share: tuple[float, float] = (0.5, 1.0)
) -> Table:
    """Return a drawn part of the rows, at most ``n_rows``, and of the columns; two classes or more are kept.

    Parameters
    ----------
    table : Table
        What is drawn from.
    rng : Generator
        Decides what is drawn.
    n_rows : int
        Most rows.
    share : tuple of float
        Least and largest share of the columns.
    """
    least = min(MIN_ROWS, table.n_rows)
    size = max(min(n_rows, int(table.n_rows * rng.uniform(0.5, 1.0))), least)
    n_columns = max(round(table.n_columns * rng.uniform(*share)), min(MIN_COLUMNS, table.n_columns))
    columns = np.sort(rng.choice(table.n_columns, size=n_columns, replace=False))
    for _ in range(_TRIES):
        rows = np.sort(rng.choice(table.n_rows, size=size, replace=False))
        if np.ptp(table.target[rows]) > 0:
            return table.taken(rows, columns)
    others = np.flatnonzero(table.target != table.target[rows[0]])
    if len(others):  # of a class that is hardly ever drawn
        rows[rng.integers(size)] = rng.choice(others)
    return table.taken(np.sort(rows), columns)


def with_merged_labels(table: Table, rng: np.random.Generator) -> Table:
    """Return the task of fewer classes, at least two, in which drawn ones are one; the very same of a binary one."""
    n_classes = int(table.target.max()) + 1 if table.kind.is_classification else 0
    if n_classes < 3:
        return table
    n_left = int(rng.integers(2, n_classes))
    merged = np.concatenate([np.arange(n_left), rng.integers(n_left, size=n_classes - n_left)])
    target = by_frequency(rng.permutation(merged)[table.target.astype(int)].astype(float))
    return replace(table, target=target, kind=TaskKind.BINARY if n_left == 2 else TaskKind.MULTICLASS)


def with_split_target(table: Table, rng: np.random.Generator) -> Table:
    """Return the classification of 2 to 5 equal ranges of a regression's target; the very same of a classification."""
    if table.kind.is_classification:
        return table
    n_classes = int(rng.integers(2, 6))
    edges = np.unique(np.quantile(table.target, np.linspace(0.0, 1.0, n_classes + 1)[1:-1]))
    target = by_frequency(np.searchsorted(edges, table.target, side="right").astype(float))
    n_made = int(target.max()) + 1
    if n_made < 2:
        return table
    return replace(table, target=target, kind=TaskKind.BINARY if n_made == 2 else TaskKind.MULTICLASS)


def quantised(table: Table, rng: np.random.Generator) -> Table:
    """Return the table with numbers at 2 to 16 levels of equal frequency, in drawn columns; missing stays missing."""
    values = table.values.copy()
    for column in np.flatnonzero(~table.is_nominal & (rng.uniform(size=table.n_columns) < 0.5)):
        there = np.isfinite(values[:, column])
        if there.any():
            levels = np.unique(np.quantile(values[there, column], np.linspace(0.0, 1.0, int(rng.integers(2, 17)))))
            values[there, column] = levels[np.searchsorted(levels, values[there, column], side="right") - 1]
    return replace(table, values=values)


AUGMENTATIONS: dict[str, Augmentation] = {
    "merged labels": with_merged_labels,
    "split target": with_split_target,
    "quantised": quantised,
}


def augmented(table: Table, rng: np.random.Generator) -> Table:
    """Return a task of the same family, by one or two drawn ways."""
    names = rng.permutation(sorted(AUGMENTATIONS))[: rng.integers(1, 3)]
    for name in names:
        table = AUGMENTATIONS[name](table, rng)
    return table
