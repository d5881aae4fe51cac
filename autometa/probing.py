"""Probing: a few pipelines are measured on the user's own table before the advice is given."""

import time
from collections.abc import Callable, Sequence

from autometa.evaluation.limits import Limits
from autometa.evaluation.protocol import Protocol
from autometa.evaluation.record import Evaluation, Status
from autometa.metric import Metric
from autometa.recommenders.advising import Grounds
from autometa.recommenders.base import measured_losses
from autometa.recommenders.calibration import REFERENCE
from autometa.recommenders.recommendation import Probe
from autometa.space import Configuration
from autometa.task import Task

# What people take out of habit: an advice that loses to one of them on the very table is not given first.
DEFAULTS = {each.algorithm: each for each in (REFERENCE, Configuration(algorithm="random_forest"))}

SEED = 0  # of rows and folds: those of the stored runs, so that scores can be compared with theirs
_FIRST_SHARE = 0.5  # of the time, which the first may take at most, so that some is left to compare it

Report = Callable[[float, str], None]


def probe(
    task: Task,
    grounds: Grounds,
    observed: Sequence[Evaluation],
    *,
    seconds: float,
    protocol: Protocol,
    report: Report | None = None,
) -> Probe:
    """Return what candidates score on the table: the first advised, then defaults, then what results speak for.

    Parameters
    ----------
    task : Task
        The table.
    grounds : Grounds
        What may be advised, and measured: defaults that are not among the candidates are not.
    observed : sequence of Evaluation
        What was measured on the table before; it is not measured again.
    seconds : float
        For all. What does not end in time does not count; the first gets half of it at most.
    protocol : Protocol
        Rows and folds.
    report : callable, optional
        Called before each with (seconds so far, its algorithm).

    Raises
    ------
    EvaluationError
        If the machinery of evaluation breaks.
    """
    from autometa.evaluation.running import Evaluator  # no advice without a probe needs it

    start = time.monotonic()
    first = grounds.candidates[grounds.order(observed, grounds.losses(observed), 1)[0]]
    done = {each.configuration.key for each in observed}
    left = {each.key: each for each in grounds.candidates if each.key not in done}
    waiting = list(dict.fromkeys((first.key, *(default.key for default in DEFAULTS.values()))))
    runs: list[Evaluation] = []
    told = list(observed)
    with Evaluator() as evaluator:
        while left and (spent := time.monotonic() - start) < seconds:
            waiting = [key for key in waiting if key in left]
            upcoming = left.pop(waiting[0]) if waiting else left.pop(_next(grounds, left, told))
            if report is not None:
                report(spent, upcoming.algorithm)
            share = _FIRST_SHARE if upcoming.key == first.key else 1.0
            limits = Limits(cpu_seconds=share * (seconds - spent))
            runs.append(evaluator.evaluate(task, upcoming, protocol=protocol, seed=SEED, limits=limits))
            if runs[-1].status is not Status.TIMED_OUT:
                told.append(runs[-1])
    return Probe(
        first=first,
        runs=tuple(runs),
        n_rows=min(task.n_rows, protocol.row_limit),
        seconds=time.monotonic() - start,
    )


def is_decisive(
    probed: Probe, observed: Sequence[Evaluation], metric: Metric, candidates: Sequence[Configuration]
) -> bool:
    """Return whether the first advised was measured, now or before, and a candidate has a score; else nothing changes.

    What was measured before may be no candidate: nobody can advise it here, or wants it.
    """
    known = (*observed, *probed.ended)
    scored = measured_losses(known, metric)
    return any(each.configuration == probed.first for each in known) and any(each.key in scored for each in candidates)


def _next(grounds: Grounds, left: dict[str, Configuration], told: Sequence[Evaluation]) -> str:
    """Return the key of what the recommender tries next."""
    pool = list(left.values())
    return pool[grounds.ranker.propose(grounds.description, pool, told)].key
