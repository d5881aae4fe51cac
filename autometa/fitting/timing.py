"""Timing: what it takes to finish a fit, and how much of a budget is left for that."""

import math
import time
from collections.abc import Mapping, Sequence

from autometa.evaluation.protocol import Splits
from autometa.fitting.finishing import MAX_MEMBERS, N_CONSIDERED
from autometa.fitting.options import FitOptions
from autometa.refinement.attempts import Attempt, Rung, fit_seconds_on_all
from autometa.refinement.objective import Objective
from autometa.task import Task

SAFETY = 1.3  # fits on all rows take longer than expected as often as not
_FINISH_SECONDS = 0.3  # to close what measures
_CHOOSING_SHARE = 0.1  # of the time, which the choice of an ensemble may take
_N_STEPS = 25  # of that choice, each of which scores an average with every model, are usual


def seconds_left(started: float, time_budget: float | None) -> float:
    """Return the seconds that are left of a budget."""
    return math.inf if time_budget is None else started + time_budget - time.monotonic()


def n_affordable(seconds_per_score: float, time_budget: float) -> int:
    """Return from how many attempts an average can be chosen in time, where one score of it takes so long.

    Examples
    --------
    >>> n_affordable(0.0004, 60.0), n_affordable(0.01, 60.0), n_affordable(0.01, 1.0)
    (50, 24, 1)
    """
    if math.isinf(time_budget):
        return N_CONSIDERED
    affordable = _CHOOSING_SHARE * time_budget / (_N_STEPS * max(seconds_per_score, 1e-9))
    return int(min(max(affordable, 1), N_CONSIDERED))


def reserve_seconds(
    attempts: Sequence[Attempt],
    seconds_on_all: Mapping[int, float],
    time_budget: float,
    n_cores: int,
    seconds_per_score: float = 0.0,
) -> float:
    """Return the seconds to leave for a choice and the fits on all rows: those of the best attempts, within reason.

    Enough for the best; for the members of an ensemble up to a quarter of the budget.
    """
    whole = sorted((each for each in attempts if each.is_whole), key=lambda each: (each.loss, each.number))
    best = [seconds_on_all[each.number] for each in whole[:MAX_MEMBERS]]
    if not best:
        return _FINISH_SECONDS + 0.1 * time_budget
    wanted = max(min(sum(best) / n_cores, 0.25 * time_budget), min(best[0], 0.5 * time_budget))
    n_considered = min(n_affordable(seconds_per_score, time_budget), len(whole))
    return _FINISH_SECONDS + SAFETY * (wanted + _N_STEPS * n_considered * seconds_per_score)


def by_time(
    attempts: Sequence[Attempt], rungs: Sequence[Rung], task: Task, seconds: float
) -> tuple[list[Attempt], list[Attempt]]:
    """Return those attempts whose fits on all rows are expected to take no longer, and the others; in their order."""
    in_time: list[Attempt] = []
    late: list[Attempt] = []
    for each in attempts:
        expected = fit_seconds_on_all(each, task, rungs[len(each.losses) - 1].splits)
        (in_time if expected <= seconds else late).append(each)
    return in_time, late


class FinishTimes:
    """What it takes to finish: fits on all rows, by number of the attempt, and the choice of what is fitted.

    Parameters
    ----------
    objective : Objective
        What is made small.
    splits : Protocol or OwnSplits
        Of the last rung.
    options : FitOptions
        What is asked for.
    """

    def __init__(self, objective: Objective, splits: Splits, options: FitOptions) -> None:
        self._objective = objective
        self._splits = splits
        self._options = options
        self._timed = (0, 0.0)  # rows that were scored, and the seconds that it took

    def of(self, attempts: Sequence[Attempt]) -> dict[int, float]:
        """Return the CPU seconds of whole attempts."""
        task = self._objective.task
        return {each.number: fit_seconds_on_all(each, task, self._splits) for each in attempts if each.is_whole}

    def reserve(self, attempts: Sequence[Attempt]) -> float:
        """Return the seconds to leave for a choice, and fits on all rows."""
        budget, n_cores = self._options.time_budget or math.inf, self._options.n_cores
        per_score = self._seconds_per_score(attempts) if self._options.ensemble else 0.0
        return reserve_seconds(attempts, self.of(attempts), budget, n_cores, per_score)

    def n_considered(self, attempts: Sequence[Attempt]) -> int:
        """Return from how many attempts an average can be chosen in time."""
        budget = self._options.time_budget
        if budget is None:
            return n_affordable(0.0, math.inf)
        return n_affordable(self._seconds_per_score(attempts), budget)

    def _seconds_per_score(self, attempts: Sequence[Attempt]) -> float:
        """Return how long one score takes, on the most rows that any was measured on; 0 where there is nothing."""
        measured = [each.measurement for each in attempts if each.measurement is not None]
        n_rows = [sum(map(len, each.rows.values())) for each in measured]
        most = max(n_rows, default=0)
        if most > self._timed[0]:  # of a later rung than what was timed before
            whole = measured[n_rows.index(most)]
            started = time.perf_counter()
            self._objective.score(whole.predictions, whole.rows)
            self._timed = (most, time.perf_counter() - started)
        return self._timed[1]
