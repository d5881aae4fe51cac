"""Evidence and reasons: which past runs speak for a configuration, and why it stands where it does."""

from collections.abc import Sequence

import numpy as np

from autometa.evaluation.record import Evaluation, Status
from autometa.knowledge.frames import Experience
from autometa.recommenders.base import Recommender
from autometa.recommenders.recommendation import Run
from autometa.space import Configuration
from autometa.task import TaskDescription

MEASURED = "measured on this very table"
"""A reason, as `reasons_for` gives it."""

_N_RUNS = 3
_CLOSE = 0.01  # relative distance to the best score at which a configuration is as good as the best


def evidence_for(
    recommender: Recommender, description: TaskDescription, configurations: Sequence[Configuration]
) -> list[tuple[Run, ...]]:
    """Return for each configuration the past runs that speak for it most, at most three, strongest first."""
    experience = recommender.experience_
    support = recommender.support(description, configurations)
    ranks = _ranks(experience.losses)
    fingerprints = [known.fingerprint for known in experience.descriptions]
    result = []
    for configuration, votes in zip(configurations, support, strict=True):
        column = experience.position_of.get(configuration.key, -1)
        speaking = np.flatnonzero((votes > 0) & np.isfinite(experience.losses[:, column]))
        order = sorted(speaking, key=lambda row: (-votes[row], ranks[row, column], fingerprints[row]))
        result.append(
            tuple(
                Run(
                    task=experience.descriptions[row].name,
                    fingerprint=experience.descriptions[row].fingerprint,
                    score=experience.metric.score(float(experience.losses[row, column])),
                    rank=int(ranks[row, column]),
                    n_tried=int(experience.is_tried[row].sum()),
                )
                for row in order[:_N_RUNS]
            )
        )
    return result


def reasons_for(
    recommender: Recommender,
    description: TaskDescription,
    configurations: Sequence[Configuration],
    observed: Sequence[Evaluation] = (),
    *,
    order_by: Experience | None = None,
) -> list[tuple[str, ...]]:
    """Return for each configuration, in the order advised, why it stands there.

    What one adds to those before it is told of a portfolio, by the runs that it was made by: it is no reason where all
    stand by score, and there are none.
    """
    experience = recommender.experience_
    measured = {e.configuration.key: e for e in observed if e.status is Status.OK}
    is_close = is_close_to_best(experience)
    gains = regrets_on_the_way(experience if order_by is None else order_by, configurations)
    result = []
    for configuration, (before, after) in zip(configurations, gains, strict=True):
        reasons = []
        column = experience.position_of.get(configuration.key, -1)
        if configuration.key in measured:
            reasons.append(MEASURED)
        if not configuration.values:
            reasons.append("the library's default")
        if column >= 0:
            n_tried = int(experience.is_tried[:, column].sum())
            n_close = int(is_close[:, column].sum())
            reasons.append(f"within 1 % of the best on {n_close} of {n_tried} known {experience.kind} tasks")
        if order_by is not None and f"{after:.2f}" != f"{before:.2f}":
            reasons.append(f"lowers the mean regret of the advice so far from {before:.2f} to {after:.2f}")
        result.append(tuple(reasons))
    return result


def regrets_on_the_way(experience: Experience, configurations: Sequence[Configuration]) -> list[tuple[float, float]]:
    """Return the mean regret over the known tasks, by their weights, before and after each configuration in turn.

    The regret of a task is the least normalised loss so far: 1 at the start, and where nothing of it was tried.
    """
    least = np.ones(experience.n_tasks)
    result = []
    for configuration in configurations:
        before = float(np.average(least, weights=experience.weights))
        column = experience.position_of.get(configuration.key, -1)
        if column >= 0:
            least = np.fmin(least, experience.normalised_losses[:, column])  # NaN, not tried, lowers nothing
        result.append((before, float(np.average(least, weights=experience.weights))))
    return result


def _ranks(losses: np.ndarray) -> np.ndarray:
    """Return the rank of each loss in its row, 1 = best, ties alike; (n_tasks, n_configurations)."""
    filled = np.where(np.isnan(losses), np.inf, losses)
    return np.array([1 + np.searchsorted(np.sort(row), row) for row in filled], dtype=int)


def is_close_to_best(experience: Experience) -> np.ndarray:
    """Return where a score is within 1 % of the best of its task: bool (n_tasks, n_configurations)."""
    metric = experience.metric
    with np.errstate(invalid="ignore"):
        if metric.greater_is_better:
            best = metric.high - experience.best[:, None]
            return np.asarray(metric.high - experience.losses >= best - _CLOSE * np.abs(best))
        return np.asarray(experience.losses <= experience.best[:, None] * (1.0 + _CLOSE))
