"""Attempts: configurations that are measured on cheap rungs first, and on dearer ones if they deserve it.

::

    rows of the task     rungs
    at most 500          all folds of cv-v1
    at most 3,000        the first fold of cv-v1; all of them
    more                 the same on 3,000 rows; then holdout-v1 on up to 20,000
    own splits           the first of them; all of them

An attempt goes on to the next rung if it is among the better half of those that were measured on this one, and to
`holdout-v1` among the better third: successive halving, decided as results come in.

References
----------
Jamieson, K., Talwalkar, A. (2016). Non-stochastic best arm identification and hyperparameter optimization. AISTATS.
https://doi.org/10.48550/arXiv.1502.07943
Li, L. et al. (2020). A system for massively parallel hyperparameter tuning. MLSys.
https://doi.org/10.48550/arXiv.1810.05934
"""

import math
import threading
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from statistics import fmean

import numpy as np

from autometa.evaluation.limits import Limits
from autometa.evaluation.protocol import CV_V1, HOLDOUT_V1, OwnSplits, Splits
from autometa.evaluation.record import Evaluation, Status
from autometa.evaluation.running import Evaluator, Measurement
from autometa.pipelines.learners import LEARNERS
from autometa.refinement.objective import Objective
from autometa.space import Configuration
from autometa.task import Task

_LEAST_SECONDS = 0.01  # that a measurement is given, however late it is
# Exponents of the time of a fit in the number of rows, where more are fitted than were measured: usual ones, and those
# of learners that compare all pairs of rows.
_GROWTH = 1.2
_FAST_GROWTH = 2.5

SEED = 0  # of rows and folds: those of the stored runs


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


def rungs_of(task: Task, own_splits: OwnSplits | None = None) -> tuple[Rung, ...]:
    """Return the rungs for a task, cheapest first."""
    splits: Splits = own_splits or CV_V1
    n_folds = len(splits.prepare(task, SEED).folds)
    if n_folds == 1 or (own_splits is None and task.n_rows <= CV_V1.small_rows):
        return (Rung(splits=splits, fold_numbers=tuple(range(n_folds))),)
    rungs = (
        Rung(splits=splits, fold_numbers=(0,)),
        Rung(splits=splits, fold_numbers=tuple(range(1, n_folds)), keep_share=1 / 2),
    )
    if own_splits is not None or task.n_rows <= CV_V1.row_limit:
        return rungs
    return (*rungs, Rung(splits=HOLDOUT_V1, fold_numbers=(0,), keep_share=1 / 3))


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
        One of each splits that it has results of, all folds that were measured together; a failure is the last.
    measurement : Measurement, optional
        Of the last rung, with all folds of its splits; None unless it is whole.
    losses : tuple of float
        Loss after each rung that it came through.
    score : float
        On the last of them; NaN if there is none.
    """

    number: int
    configuration: Configuration
    source: Source
    is_whole: bool
    evaluations: tuple[Evaluation, ...]
    measurement: Measurement | None = field(default=None, repr=False)
    losses: tuple[float, ...] = ()
    score: float = math.nan

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


class Ladder:
    """What attempts climb: knows the losses on every rung, and who goes on. Threads may share it.

    Parameters
    ----------
    rungs : sequence of Rung
        Cheapest first.
    n_kept : int
        So many attempts, the first, are measured on all folds of the first splits whatever the others do.
    """

    def __init__(self, rungs: Sequence[Rung], n_kept: int) -> None:
        self.rungs = tuple(rungs)
        self._n_kept = n_kept
        self._lock = threading.Lock()
        self._losses: list[dict[int, float]] = [{} for _ in self.rungs]  # by number of the attempt

    def goes_on(self, number: int, place: int, loss: float, *, among: Collection[int] | None = None) -> bool:
        """Take the loss of an attempt on a rung, and return whether it goes on to the next.

        Parameters
        ----------
        number, place : int
            Of the attempt and of the rung.
        loss : float
            There.
        among : collection of int, optional
            Only attempts of these numbers are looked at, so that it does not depend on who came first.
        """
        with self._lock:
            self._losses[place][number] = loss
            known = self._losses[place].items()
            others = [each for other, each in known if other != number and (among is None or other in among)]
        if place + 1 == len(self.rungs) or math.isinf(loss):
            return False
        following = self.rungs[place + 1]
        if following.splits is self.rungs[place].splits and number < self._n_kept:
            return True
        return sum(each < loss for each in others) < max(1, math.ceil(following.keep_share * (len(others) + 1)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What one attempt may use, all its measurements together.

    Parameters
    ----------
    memory_bytes : int
        As of `Limits`.
    deadline : float
        When it must be over, as `time.monotonic` tells it.
    cpu_seconds : float
        Of each measurement.

    Examples
    --------
    >>> Allowance().limits() == Limits()
    True
    """

    memory_bytes: int = Limits().memory_bytes
    deadline: float = math.inf
    cpu_seconds: float = Limits().cpu_seconds

    def limits(self) -> Limits:
        """Return the limits of a measurement that begins now."""
        left = max(self.deadline - time.monotonic(), _LEAST_SECONDS)
        return Limits(cpu_seconds=min(self.cpu_seconds, left), memory_bytes=self.memory_bytes, max_wall_seconds=left)


def cpu_seconds_of(own_splits: OwnSplits | None) -> float:
    """Return the CPU seconds that a measurement may take: more where the user's splits have more rows than ours."""
    usual = Limits().cpu_seconds
    if own_splits is None:
        return usual
    n_usual = CV_V1.n_folds * CV_V1.fit_rows(CV_V1.row_limit)
    return usual * max(1.0, sum(len(train) for train, _ in own_splits.folds) / n_usual)


def measure(
    evaluator: Evaluator,
    ladder: Ladder,
    objective: Objective,
    attempt: Attempt,
    allowance: Allowance,
    *,
    among: Collection[int] | None = None,
) -> Attempt:
    """Return an attempt after its climb.

    Parameters
    ----------
    evaluator : Evaluator
        Where it is measured.
    ladder : Ladder
        What it climbs.
    objective : Objective
        What counts.
    attempt : Attempt
        Not begun.
    allowance : Allowance
        What all its measurements may use.
    among : collection of int, optional
        As of `Ladder.goes_on`.
    """
    measurement: Measurement | None = None
    for place, rung in enumerate(ladder.rungs):
        is_same = place > 0 and rung.splits is ladder.rungs[place - 1].splits
        new = evaluator.measure(
            objective.task,
            attempt.configuration,
            splits=rung.splits,
            seed=SEED,
            limits=allowance.limits(),
            fold_numbers=rung.fold_numbers,
            sample_weight=objective.sample_weight,
        )
        measurement = joined(measurement, new) if is_same and measurement is not None else new
        is_ok = measurement.evaluation.status is Status.OK
        score = objective.score(measurement.predictions, measurement.rows) if is_ok else math.nan
        earlier = attempt.evaluations[:-1] if is_same else attempt.evaluations
        attempt = replace(attempt, evaluations=(*earlier, measurement.evaluation))
        if not is_ok:
            return attempt
        attempt = replace(attempt, losses=(*attempt.losses, objective.loss(score)), score=score)
        has_more = place + 1 < len(ladder.rungs) and ladder.rungs[place + 1].splits is rung.splits
        if math.isnan(score) and objective.metric is not None and has_more:  # these folds tell nothing of anything
            continue
        if not ladder.goes_on(attempt.number, place, attempt.losses[-1], among=among):
            break
    is_whole = len(attempt.losses) == len(ladder.rungs) and not attempt.has_failed
    return replace(attempt, is_whole=is_whole, measurement=measurement if is_whole else None)


def joined(first: Measurement, second: Measurement) -> Measurement:
    """Return two measurements of one configuration, on different folds of the same splits, as one.

    A failure of the second is that of both.
    """
    a, b = first.evaluation, second.evaluation
    if b.status is not Status.OK:
        return second
    n_first, n_second = len(first.predictions), len(second.predictions)
    weights = np.array([n_first, n_second]) / (n_first + n_second)
    evaluation = replace(
        b,
        fold_scores={
            name: (*a.fold_scores[name], *b.fold_scores[name]) for name in a.fold_scores if name in b.fold_scores
        },
        absent={**a.absent, **b.absent},
        fit_seconds=float(weights @ [a.fit_seconds, b.fit_seconds]),
        predict_seconds=float(weights @ [a.predict_seconds, b.predict_seconds]),
        peak_memory_bytes=max(a.peak_memory_bytes, b.peak_memory_bytes),
    )
    return Measurement(
        evaluation=evaluation,
        predictions={**first.predictions, **second.predictions},
        rows={**first.rows, **second.rows},
    )


def spread_of(attempt: Attempt, objective: Objective) -> float:
    """Return the standard error over folds of an attempt's score; NaN of a single fold, or where they are unknown."""
    parts = attempt.measurement
    if parts is not None:
        scores = objective.fold_scores(parts.predictions, parts.rows)
    elif objective.is_plain and not attempt.has_failed:  # of a study that goes on, predictions are gone
        scores = attempt.last.fold_scores.get(objective.name, ())
    else:
        scores = ()
    if len(scores) < 2:
        return math.nan
    middle = fmean(scores)
    return math.sqrt(sum((score - middle) ** 2 for score in scores) / (len(scores) - 1) / len(scores))


def fit_seconds_on_all(attempt: Attempt, task: Task, splits: Splits) -> float:
    """Return CPU seconds that a fit on all rows is expected to take, from what it took on those of a fold."""
    ratio = max(task.n_rows / max(splits.fit_rows(task.n_rows), 1), 1.0)
    growth = _GROWTH if LEARNERS[attempt.configuration.algorithm].max_rows is None else _FAST_GROWTH
    seconds = attempt.last.fit_seconds * ratio**growth
    return seconds if math.isfinite(seconds) else math.inf
