"""Attempts: configurations that are measured on cheap rungs first, and on dearer ones if they deserve it.

::

    rows of the task     rungs
    at most 500          all folds of cv-v1
    at most 2,400        the first fold of cv-v1; all of them
    at most 3,000        a sample of 1,200 rows, halved; the same two
    more                 a sample; the first fold on 3,000 rows; holdout-v1 on up to 20,000
    own splits           the first of them; all of them

Where runs are recorded, all folds come before the holdout as well: whoever reads the runs compares those. On the sample
CatBoost, which takes as long for a round whatever the rows, has fewer rounds and learns faster.

What was advised comes to the first rung in its order, before anything else does. Of all that were measured on a rung
the better third goes on, decided as results come in, from the twelfth: see `autometa.refinement.climbing`.
"""

import math
from dataclasses import dataclass, field
from enum import StrEnum

from autometa.evaluation.protocol import CV_V1, HOLDOUT_V1, OwnSplits, Protocol, Splits
from autometa.evaluation.record import Evaluation, Status
from autometa.evaluation.running import Measurement
from autometa.pipelines.learners import LEARNERS
from autometa.pipelines.rounds import with_fewer_rounds
from autometa.space import Configuration
from autometa.task import Task
from autometa.task_kind import TaskKind

# Exponents of the time of a fit in the number of rows, where more are fitted than were measured: usual ones, those of
# learners that compare all pairs of rows, and those of boosted trees.
_GROWTH = 1.2
_FAST_GROWTH = 2.5
_ROUNDS_GROWTH = 1.0
# Of the time that boosted trees take on the sample, the share that is the same whatever the rows: that of their rounds.
_FIXED_SHARES = {"catboost": 0.95, "hist_gradient_boosting": 0.75, "lightgbm": 0.75, "xgboost": 0.75}

_N_SAMPLE_ROUNDS = 100  # of CatBoost on the sample, at most
SEED = 0  # of rows and folds: those of the stored runs
RUNGS_VERSION = 4  # raised as rungs change: losses in an older study are of others
KEEP_SHARE = 1 / 3
SAMPLE = Protocol(name="sample-v1", row_limit=1_200, small_rows=0, n_small_folds=2, n_folds=2, is_holdout=True)


class Source(StrEnum):
    """Who proposed what is attempted."""

    ADVISED = "advised"  # before anything was measured
    RECOMMENDED = "recommended"  # by the recommender, from what was measured so far
    NEAR = "near"  # near what is expected to be best
    SEARCHED = "searched"  # by Optuna's sampler
    STOPPED = "stopped"  # with another number of rounds than the best so far


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One step of an attempt.

    Parameters
    ----------
    splits : Protocol or OwnSplits
        Rows and folds.
    fold_numbers : tuple of int
        The folds that are measured now; those of the rung before, of the same splits, are not repeated.
    keep_share : float
        Of the attempts that were measured on the rung before, the share that comes to this one.
    """

    splits: Splits
    fold_numbers: tuple[int, ...]
    keep_share: float = 1.0


def rungs_of(task: Task, own_splits: OwnSplits | None = None, *, is_recorded: bool = False) -> tuple[Rung, ...]:
    """Return the rungs for a task, cheapest first; with all folds of cv-v1 among them where runs are recorded."""
    splits: Splits = own_splits or CV_V1
    n_folds = len(splits.prepare(task, SEED).folds)
    if n_folds == 1 or (own_splits is None and task.n_rows <= CV_V1.small_rows):
        return (Rung(splits=splits, fold_numbers=tuple(range(n_folds))),)
    has_holdout = own_splits is None and task.n_rows > CV_V1.row_limit
    rungs = [Rung(splits=splits, fold_numbers=(0,), keep_share=KEEP_SHARE)]
    if own_splits is None and task.n_rows > 2 * SAMPLE.row_limit:
        rungs.insert(0, Rung(splits=SAMPLE, fold_numbers=(0,)))
    if is_recorded or not has_holdout:
        rungs.append(Rung(splits=splits, fold_numbers=tuple(range(1, n_folds)), keep_share=KEEP_SHARE))
    if has_holdout:
        rungs.append(Rung(splits=HOLDOUT_V1, fold_numbers=(0,), keep_share=KEEP_SHARE))
    return tuple(rungs)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Attempt:
    """A configuration and how far it came.

    Parameters
    ----------
    number : int
        Place among all attempts, from 0.
    configuration : Configuration
        What was measured.
    source : Source
        Who proposed it.
    is_whole : bool
        Whether it came through all rungs.
    evaluations : tuple of Evaluation
        One of each splits that it has results of, all folds that were measured together; a failure is the last, but on
        the sample, by which nothing is condemned.
    measurement : Measurement, optional
        Of the last splits, as far as they were measured; None if it failed there, or is of a run that ended.
    losses : tuple of float
        Loss after each rung that it came through.
    score : float
        On the last of them; NaN if there is none.
    standard_error : float
        Of that score, over folds or parts of one: see `Objective.score_with_error`.
    """

    number: int
    configuration: Configuration
    source: Source
    is_whole: bool
    evaluations: tuple[Evaluation, ...]
    measurement: Measurement | None = field(default=None, repr=False)
    losses: tuple[float, ...] = ()
    score: float = math.nan
    standard_error: float = math.nan

    @property
    def last(self) -> Evaluation:
        """The evaluation that it ended with."""
        return self.evaluations[-1]

    @property
    def has_failed(self) -> bool:
        """Whether it ended by a failure, or a limit."""
        return self.last.status is not Status.OK or math.isinf(self.losses[-1] if self.losses else math.inf)

    @property
    def loss(self) -> float:
        """Loss on the last rung, if it is whole; else infinite, for the others' losses are of other rows."""
        return self.losses[-1] if self.is_whole and self.losses else math.inf


def fit_seconds_on_all(attempt: Attempt, task: Task, splits: Splits) -> float:
    """Return CPU seconds that a fit on all rows is expected to take, from what it took on those of its last splits."""
    return fit_seconds_at(attempt, task, splits, max(task.n_rows, splits.fit_rows(task.n_rows)))


def fit_seconds_at(attempt: Attempt, task: Task, splits: Splits, n_rows: int) -> float:
    """Return CPU seconds that a fit on so many rows is expected to take.

    From what it took on those of its last splits. What it took on the sample before tells how much of that is the same
    whatever the rows; of what is known from the sample alone, or had fewer rounds there, it is assumed.

    Parameters
    ----------
    attempt : Attempt
        Measured, on these splits last.
    task : Task
        The table.
    splits : Protocol or OwnSplits
        Those.
    n_rows : int
        Asked for.
    """
    power = growth(attempt.configuration)
    seconds, n_measured = attempt.last.fit_seconds, max(splits.fit_rows(task.n_rows), 1)
    if not math.isfinite(seconds):
        return math.inf
    fixed = 0.0
    sample = attempt.evaluations[0]
    assumed = _FIXED_SHARES.get(attempt.configuration.algorithm, 0.0)
    if splits is SAMPLE:
        fixed = assumed * seconds
    elif sample.protocol == SAMPLE.name and math.isfinite(sample.fit_seconds):
        share = (SAMPLE.fit_rows(task.n_rows) / n_measured) ** power
        if in_few_rounds(attempt.configuration, task.kind) is not attempt.configuration:
            fixed = seconds * assumed * share / (assumed * share + 1.0 - assumed)
        else:
            fixed = min(max((sample.fit_seconds - share * seconds) / (1.0 - share), 0.0), seconds)
    return float(fixed + (seconds - fixed) * (n_rows / n_measured) ** power)


def in_few_rounds(configuration: Configuration, kind: TaskKind) -> Configuration:
    """Return what stands for a configuration on the sample: CatBoost takes seconds there for many rounds."""
    if configuration.algorithm != "catboost":
        return configuration
    return with_fewer_rounds(configuration, _N_SAMPLE_ROUNDS, kind)


def growth(configuration: Configuration) -> float:
    """Return the exponent of the time of a fit in the number of rows."""
    if LEARNERS[configuration.algorithm].max_rows is not None:
        return _FAST_GROWTH
    return _ROUNDS_GROWTH if configuration.algorithm in _FIXED_SHARES else _GROWTH
