"""Climbing: one attempt on its next rung, and which attempt goes on.

References
----------
Jamieson, K., Talwalkar, A. (2016). Non-stochastic best arm identification and hyperparameter optimization. AISTATS.
https://doi.org/10.48550/arXiv.1502.07943
Li, L. et al. (2020). A system for massively parallel hyperparameter tuning. MLSys.
https://doi.org/10.48550/arXiv.1810.05934
"""

import math
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from autometa.evaluation.limits import Limits
from autometa.evaluation.protocol import CV_V1, OwnSplits
from autometa.evaluation.record import Status
from autometa.evaluation.running import Evaluator, Measurement
from autometa.pipelines.rounds import n_rounds
from autometa.refinement.attempts import (
    SAMPLE,
    SEED,
    Attempt,
    Rung,
    Source,
    fit_seconds_at,
    fit_seconds_on_all,
    growth,
    in_few_rounds,
)
from autometa.refinement.objective import Objective
from autometa.space import Configuration
from autometa.task import Task

_LEAST_SECONDS = 0.01  # that a measurement is given, however late it is


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


def climb(
    evaluator: Evaluator, rungs: Sequence[Rung], objective: Objective, attempt: Attempt, allowance: Allowance
) -> Attempt:
    """Return an attempt after its next rung; what fails on the sample is not condemned by it, and comes to the next.

    Parameters
    ----------
    evaluator : Evaluator
        Where it is measured.
    rungs : sequence of Rung
        All, cheapest first.
    objective : Objective
        What counts.
    attempt : Attempt
        Not begun, or waiting.
    allowance : Allowance
        What it may use.
    """
    is_told = False
    while not is_told:
        rung, following = rungs[len(attempt.losses)], rungs[len(attempt.losses) + 1 :][:1]
        is_sample = rung.splits is SAMPLE
        fold_numbers, first = folds_to_measure(attempt, rungs)
        asked = attempt.configuration
        measurement = evaluator.measure(
            objective.task,
            in_few_rounds(asked, objective.task.kind) if is_sample else asked,
            splits=rung.splits,
            seed=SEED,
            limits=allowance.limits(),
            fold_numbers=fold_numbers,
            sample_weight=objective.sample_weight,
        )
        measurement = as_if_of(asked, measurement) if first is None else joined(first, measurement)
        status = measurement.evaluation.status
        is_ok = status is Status.OK
        score, error = math.nan, math.nan
        if is_ok:
            score, error = objective.score_with_error(measurement.predictions, measurement.rows)
        others = (each for each in attempt.evaluations if each.protocol != measurement.evaluation.protocol)
        attempt = replace(
            attempt, evaluations=(*others, measurement.evaluation), measurement=measurement if is_ok else None
        )
        if is_ok:  # these folds may be too few for the metric
            is_told = not (math.isnan(score) and objective.metric is not None and following)
        else:
            is_told = not (is_sample and status is Status.FAILED)
        if is_ok or not is_told:
            attempt = replace(
                attempt, losses=(*attempt.losses, objective.loss(score)), score=score, standard_error=error
            )
    return replace(attempt, is_whole=len(attempt.losses) == len(rungs) and not attempt.has_failed)


def as_if_of(configuration: Configuration, measurement: Measurement) -> Measurement:
    """Return the measurement of one that has fewer rounds as that of a configuration, whose times are in proportion."""
    evaluation = measurement.evaluation
    if evaluation.configuration == configuration:
        return measurement
    ratio = n_rounds(configuration) / n_rounds(evaluation.configuration)
    evaluation = replace(
        evaluation,
        configuration=configuration,
        fit_seconds=ratio * evaluation.fit_seconds,
        predict_seconds=ratio * evaluation.predict_seconds,
    )
    return replace(measurement, evaluation=evaluation)


def folds_to_measure(attempt: Attempt, rungs: Sequence[Rung]) -> tuple[tuple[int, ...], Measurement | None]:
    """Return the folds that an attempt lacks for its next rung, and the measurement of those that it has."""
    place = len(attempt.losses)
    rung = rungs[place]
    same = [each for each in rungs[: place + 1] if each.splits is rung.splits]
    if len(same) > 1 and attempt.measurement is not None:
        return rung.fold_numbers, attempt.measurement
    return tuple(number for each in same for number in each.fold_numbers), None


def climb_seconds(attempt: Attempt, rungs: Sequence[Rung], task: Task, *, n_rungs: int | None = None) -> float:
    """Return CPU seconds that a waiting attempt is expected to take to the end, or on so many of the next rungs."""
    n_rows, place = task.n_rows, len(attempt.losses)
    before = rungs[place - 1].splits
    seconds, fold_numbers = 0.0, folds_to_measure(attempt, rungs)[0]
    for rung in rungs[place:][:n_rungs]:
        n_fit = rung.splits.fit_rows(n_rows)
        ratio = max(n_fit / max(before.fit_rows(n_rows), 1), 1.0)
        predicting = attempt.last.predict_seconds * ratio ** growth(attempt.configuration)
        seconds += len(fold_numbers or rung.fold_numbers) * (fit_seconds_at(attempt, task, before, n_fit) + predicting)
        fold_numbers = ()
    return seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeLeft:
    """Seconds that are left.

    Parameters
    ----------
    climbing : float
        For attempts.
    fitting : float
        For an attempt to the end and its fit on all rows together; infinite where none is to follow.
    """

    climbing: float = math.inf
    fitting: float = math.inf

    def allows(self, attempt: Attempt, rungs: Sequence[Rung], task: Task) -> bool:
        """Return whether an attempt is expected to come to the end in time, and its fit on all rows as well."""
        seconds = climb_seconds(attempt, rungs, task)
        fit_seconds = fit_seconds_on_all(attempt, task, rungs[len(attempt.losses) - 1].splits)
        return seconds <= self.climbing and seconds + fit_seconds <= self.fitting


NO_LIMIT = TimeLeft()


def next_to_climb(
    attempts: Sequence[Attempt],
    rungs: Sequence[Rung],
    task: Task,
    left: TimeLeft = NO_LIMIT,
    *,
    running: Collection[int] = (),
) -> Attempt | None:
    """Return the waiting attempt that goes on to its next rung, None if no one does: successive halving.

    Of those that were measured on a rung the best go on, in the share that the next one keeps, if they are expected to
    come to the end in time; dearer rungs come first, and better attempts. As long as none is at the end, nor running,
    others may, best first; and where none would come to the end, the one that came furthest comes a rung further.

    Parameters
    ----------
    attempts : sequence of Attempt
        All that were measured.
    rungs : sequence of Rung
        Cheapest first.
    task : Task
        The table.
    left : TimeLeft
        Default: no end of it.
    running : collection of int
        Numbers of what is being measured.
    """
    waiting = _waiting(attempts, rungs, running)
    to_the_end = [each for each in waiting if left.allows(each, rungs, task)]
    best = [each for each in to_the_end if _is_among_best(each, attempts, rungs)]
    if best or running or any(each.is_whole for each in attempts):
        return best[0] if best else None
    a_rung_further = (each for each in waiting if climb_seconds(each, rungs, task, n_rungs=1) <= left.climbing)
    return next(iter(to_the_end), None) or next(a_rung_further, None)


def _waiting(attempts: Sequence[Attempt], rungs: Sequence[Rung], running: Collection[int]) -> list[Attempt]:
    """Return the attempts that have a rung before them: those that came furthest first, best first."""
    found = [
        each
        for each in attempts
        if 0 < len(each.losses) < len(rungs) and not each.has_failed and each.number not in running
    ]
    return sorted(found, key=lambda each: (-len(each.losses), each.losses[-1], each.number))


def _is_among_best(attempt: Attempt, attempts: Sequence[Attempt], rungs: Sequence[Rung]) -> bool:
    """Return whether an attempt is among those on its rung that the next one keeps."""
    place = len(attempt.losses)
    reached = sorted(
        (each.losses[place - 1], each.number)
        for each in attempts
        if each.source is not Source.STOPPED  # those have seen the last rung alone
        and len(each.losses) >= place
        and math.isfinite(each.losses[place - 1])
    )
    n_kept = math.ceil(rungs[place].keep_share * len(reached))
    return (attempt.losses[-1], attempt.number) in reached[:n_kept]


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
