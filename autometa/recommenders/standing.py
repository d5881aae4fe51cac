"""Standing: how an advised configuration did on the known tasks, on the similar ones, and against a default."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autometa.knowledge.frames import Experience
from autometa.recommenders.calibration import REFERENCE
from autometa.recommenders.evidence import is_close_to_best, regrets_on_the_way
from autometa.recommenders.similarity import Similarity
from autometa.space import Configuration
from autometa.task import TaskDescription

N_SIMILAR = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Versus:
    """A configuration against another, on the known tasks on which both were tried and one succeeded.

    Parameters
    ----------
    n_tasks, n_better, n_worse : int
        Those tasks, and on how many its loss is lower or higher.
    median_reduction : float
        Median over the tasks of the share by which its loss is lower; negative if it is higher. Where the other's
        loss is 0 or it failed itself, -1 at worst; 1 where the other failed.
    """

    n_tasks: int
    n_better: int
    n_worse: int
    median_reduction: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How an advised configuration did on known tasks.

    Parameters
    ----------
    regret_before, regret_after : float
        Mean regret over the known tasks of the advice before it, and with it: see `regrets_on_the_way`.
    n_tried, n_close : int
        Known tasks on which it was tried, and on which it was within 1 % of the best score.
    n_similar, n_similar_close : int
        The same among the most similar tasks on which it was tried, at most ten; the task itself does not count.
    similar_share : float
        `n_similar_close` / `n_similar`, each task weighing 1 / (distance + 0.05); NaN without any.
    versus_default : Versus or None
        Against LightGBM's default; None for that itself, or without a common task.
    """

    regret_before: float
    regret_after: float
    n_tried: int
    n_close: int
    n_similar: int
    n_similar_close: int
    similar_share: float
    versus_default: Versus | None


def standings(
    experience: Experience, description: TaskDescription, configurations: Sequence[Configuration]
) -> list[Standing]:
    """Return the standing of each configuration, in the order advised."""
    is_close = is_close_to_best(experience)
    similarity = Similarity().fit(experience.descriptions)
    nearest, weight = similarity.neighbours(description, experience.n_tasks)
    is_other = np.array([experience.descriptions[row].fingerprint != description.fingerprint for row in nearest])
    result = []
    regrets = regrets_on_the_way(experience, configurations)
    for configuration, (before, after) in zip(configurations, regrets, strict=True):
        column = experience.position_of.get(configuration.key)
        tried = experience.is_tried[:, column] if column is not None else np.zeros(experience.n_tasks, dtype=bool)
        similar = np.flatnonzero(is_other & tried[nearest])[:N_SIMILAR]  # places in `nearest`
        close = is_close[:, column] if column is not None else tried
        close_there, likeness = close[nearest[similar]], weight[similar]
        result.append(
            Standing(
                regret_before=before,
                regret_after=after,
                n_tried=int(tried.sum()),
                n_close=int(close.sum()),
                n_similar=len(similar),
                n_similar_close=int(close_there.sum()),
                similar_share=float(np.average(close_there, weights=likeness)) if len(similar) else math.nan,
                versus_default=versus(experience, configuration, REFERENCE),
            )
        )
    return result


def versus(experience: Experience, one: Configuration, other: Configuration) -> Versus | None:
    """Return how one configuration did against another; None if they are the same or have no task in common."""
    column, other_column = (experience.position_of.get(each.key) for each in (one, other))
    if one.key == other.key or column is None or other_column is None:
        return None
    own, others = experience.losses[:, column], experience.losses[:, other_column]
    is_common = ~np.isnan(own) & ~np.isnan(others) & ~(np.isinf(own) & np.isinf(others))
    own, others = own[is_common], others[is_common]
    if len(own) == 0:
        return None
    finite = np.where(np.isfinite(own), own, 0.0), np.where(np.isfinite(others), others, 0.0)
    change = np.divide(finite[1] - finite[0], finite[1], out=np.where(finite[0] > 0, -1.0, 0.0), where=finite[1] > 0)
    reduction = np.where(np.isinf(own), -1.0, np.where(np.isinf(others), 1.0, change))
    return Versus(
        n_tasks=len(own),
        n_better=int((own < others).sum()),
        n_worse=int((own > others).sum()),
        median_reduction=float(np.median(reduction)),
    )
