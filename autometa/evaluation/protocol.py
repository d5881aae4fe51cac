"""Protocols: which rows of a task are used, and how they are split into folds.

Rows and folds derive from the task's fingerprint, the protocol's name and the seed alone, so every
configuration meets the same ones, in every process. Both are dealt here and not by scikit-learn: its
stratified splitters refuse classes that are smaller than the number of folds, which real tables have.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from autometa._random import draw_stratified, generator, group_shuffled
from autometa.errors import OptionError
from autometa.task import Task


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prepared:
    """The rows of a task that a protocol uses, and their folds.

    Parameters
    ----------
    X : DataFrame of shape (n_sampled, n_columns)
        The sampled rows in their original order, numbered from 0.
    y : Series of shape (n_sampled,)
        Their target.
    rows : ndarray of shape (n_sampled,)
        Positions of the sampled rows in the task, ascending.
    folds : tuple of (ndarray of shape (n_train,), ndarray of shape (n_test,))
        Per fold the positions of training and test rows in the sample, ascending.
    """

    X: pd.DataFrame = field(repr=False)
    y: pd.Series = field(repr=False)
    rows: np.ndarray = field(repr=False)
    folds: tuple[tuple[np.ndarray, np.ndarray], ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """Cross-validation, or a holdout, on at most ``row_limit`` rows, stratified by class.

    Parameters
    ----------
    name : str
        Name with version; a change in what it does asks for a new one.
    row_limit : int
        Most rows that are used; a larger task is sampled.
    small_rows : int
        Tasks of at most so many rows have ``n_small_folds``, others ``n_folds``.
    n_small_folds, n_folds : int
        Numbers of folds, at least 2.
    is_holdout : bool
        Whether only the first fold is measured: one part held out, all others to learn from.

    Raises
    ------
    OptionError
        If there are fewer than two folds or two rows.

    Examples
    --------
    >>> X = pd.DataFrame({"a": np.arange(600.0)})
    >>> task = Task(name="line", X=X, y=X["a"] * 2, kind="regression", target="b")
    >>> [len(test) for train, test in CV_V1.prepare(task, seed=0).folds]
    [200, 200, 200]
    """

    name: str
    row_limit: int
    small_rows: int
    n_small_folds: int
    n_folds: int
    is_holdout: bool = False

    def __post_init__(self) -> None:
        if min(self.row_limit, self.n_small_folds, self.n_folds) < 2:
            raise OptionError(f"cross-validation needs two rows and two folds or more, got {self}")

    def folds_of(self, n_rows: int) -> int:
        """Return into how many folds a task with ``n_rows`` is dealt, if it has a row for each."""
        return self.n_small_folds if n_rows <= self.small_rows else self.n_folds

    def fit_rows(self, n_rows: int) -> int:
        """Return on how many rows a pipeline is fitted in one fold of a task with ``n_rows``."""
        used = min(n_rows, self.row_limit)
        return used - used // self.folds_of(n_rows)

    def predict_rows(self, n_rows: int) -> int:
        """Return for how many rows, at least, a fitted pipeline predicts in one fold of a task with ``n_rows``."""
        return min(n_rows, self.row_limit) - self.fit_rows(n_rows)

    def prepare(self, task: Task, seed: int) -> Prepared:
        """Return the rows that are used, at most ``row_limit``, and their folds.

        In the sample each class has its share of the rows to within one row, but keeps at least one row per
        fold as long as the task has so many. In the folds, sizes differ by one at most, and so do the rows of
        a class.
        """
        classes = task.class_numbers
        n_folds = self.folds_of(task.n_rows)
        path = ("protocol", self.name, task.fingerprint)
        rows = draw_stratified(classes, self.row_limit, n_folds, generator(seed, *path, "rows"))
        dealt = _dealt(classes[rows], min(n_folds, len(rows)), generator(seed, *path, "folds"))
        measured = range(1 if self.is_holdout else dealt.max() + 1)
        folds = tuple((np.flatnonzero(dealt != fold), np.flatnonzero(dealt == fold)) for fold in measured)
        return Prepared(
            X=task.X.iloc[rows].reset_index(drop=True),
            y=task.y.iloc[rows].reset_index(drop=True),
            rows=rows,
            folds=folds,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OwnSplits:
    """Folds that are given, on all rows of one task.

    Parameters
    ----------
    folds : tuple of (ndarray of shape (n_train,), ndarray of shape (n_test,))
        Per fold the positions in the task of training and test rows.
    called : str
        A name for them, where splits of several tasks are made by one procedure; default: one of their own.

    Raises
    ------
    OptionError
        If there is no fold, or one without rows to learn from or to test on.

    Examples
    --------
    >>> OwnSplits(folds=((np.arange(3), np.array([3, 4])),)).name
    'own:c060ce43861c'
    """

    folds: tuple[tuple[np.ndarray, np.ndarray], ...] = field(repr=False)
    called: str = ""

    def __post_init__(self) -> None:
        if not self.folds or any(len(part) == 0 for fold in self.folds for part in fold):
            raise OptionError("splits of one's own need a fold at least, and each rows to learn from and to test on")

    @property
    def name(self) -> str:
        """What they are called; else a name that differs between splits."""
        if self.called:
            return self.called
        digest = hashlib.sha256()
        for fold in self.folds:
            for part in fold:
                digest.update(np.asarray(part, dtype="<i8").tobytes() + b"|")
        return f"own:{digest.hexdigest()[:12]}"

    def fit_rows(self, n_rows: int) -> int:
        """Return on how many rows a pipeline is fitted in the largest fold."""
        return max(len(train) for train, _ in self.folds)

    def prepare(self, task: Task, seed: int) -> Prepared:
        """Return all rows, and the folds as they were given.

        Raises
        ------
        OptionError
            If a fold has a row that the task has not.
        """
        for fold in self.folds:
            if any(part.min() < 0 or part.max() >= task.n_rows for part in fold):
                raise OptionError(f"the splits have rows beyond the {task.n_rows} of the table; give positions from 0")
        return Prepared(X=task.X, y=task.y, rows=np.arange(task.n_rows), folds=self.folds)


Splits = Protocol | OwnSplits


def _dealt(classes: np.ndarray, n_folds: int, rng: np.random.Generator) -> np.ndarray:
    """Return the fold of each row (n_rows,): shuffled, grouped by class, dealt out like cards."""
    folds = np.empty(len(classes), dtype=np.int64)
    folds[group_shuffled(classes, rng)] = np.arange(len(classes)) % n_folds
    return folds


def larger_than(protocol: Protocol, others: Iterable[Protocol], n_rows: int) -> Protocol | None:
    """Return which of others takes most rows, if that is more than a protocol takes of a table with ``n_rows``."""
    most = max(others, key=lambda each: each.row_limit)
    return most if min(n_rows, most.row_limit) > protocol.row_limit else None


CV_V1 = Protocol(name="cv-v1", row_limit=3_000, small_rows=500, n_small_folds=5, n_folds=3)
HOLDOUT_V1 = Protocol(name="holdout-v1", row_limit=20_000, small_rows=0, n_small_folds=3, n_folds=3, is_holdout=True)

PROTOCOLS: dict[str, Protocol] = {protocol.name: protocol for protocol in (CV_V1, HOLDOUT_V1)}
