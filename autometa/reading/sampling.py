"""Sampling: of a table that is too long, some rows, the same ones every time."""

from dataclasses import replace

import numpy as np
import pandas as pd

from autometa._random import draw_stratified, generator
from autometa.errors import OptionError
from autometa.reading.target import MIN_CLASS_ROWS
from autometa.reading.wording import count, quote
from autometa.task import Task

_N_STRATA = 20  # of a number: each twentieth of the rows, by their target, has its share


def sample_rows(task: Task, max_rows: int) -> Task:
    """Return a task with at most ``max_rows`` rows, a stratified sample in the order of the table, and says so.

    Each class, or each twentieth of a regression's targets, has its share of the rows to within one, but a class
    keeps two rows if it has them. Which rows are drawn follows from the fingerprint, which stays that of the full
    table, and so does the family.

    Raises
    ------
    OptionError
        If so many rows cannot hold two of each class.
    """
    if task.n_rows <= max_rows:
        return task
    n_kept = MIN_CLASS_ROWS if task.kind.is_classification else 0
    n_needed = n_kept * len(task.classes)
    if max_rows < n_needed:
        raise OptionError(
            f"a sample of {count(max_rows, 'row')} cannot hold {MIN_CLASS_ROWS} of each of the {len(task.classes):,} "
            f"classes of {quote(task.target)}; ask for {n_needed:,} rows or more"
        )
    rng = generator(0, "reading", "rows", task.fingerprint)
    rows = draw_stratified(_stratify(task, max_rows), max_rows, n_kept, rng)
    X = task.X.iloc[rows].reset_index(drop=True)
    for name, dtype in X.dtypes.items():
        if isinstance(dtype, pd.CategoricalDtype):
            X[name] = X[name].cat.remove_unused_categories()
    note = f"sampled, stratified by the target: {max_rows:,} of {count(task.n_rows, 'row')}"
    return replace(
        task,
        X=X,
        y=task.y.iloc[rows].reset_index(drop=True),
        notes=(*task.notes, note),
        full_fingerprint=task.fingerprint,
        full_n_rows=task.n_rows,
    )


def _stratify(task: Task, n_drawn: int) -> np.ndarray:
    """Return the number of each row's stratum (n_rows,): its class, or the twentieth of its target."""
    if task.kind.is_classification:
        return task.class_numbers
    rank = np.argsort(np.argsort(task.y.to_numpy(), kind="stable"), kind="stable")
    return np.asarray(rank * min(_N_STRATA, n_drawn) // task.n_rows, dtype=np.int64)
