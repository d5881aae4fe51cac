"""What pipelines would bring whose library is not installed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autometa.evaluation.record import Evaluation
from autometa.recommenders.base import Recommender
from autometa.space import Configuration
from autometa.task import TaskDescription


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """What the first k pipelines reach on the known tasks with further candidates, against without them.

    Parameters
    ----------
    n_tasks : int
        Tasks on which both lists have a successful run.
    share_better, share_worse : float
        Of these tasks, where the best loss among the first k is lower or higher with the further candidates.
    median_reduction : float
        Median over these tasks of the share by which it is lower; negative if it is higher. Where the loss is 0
        without them, it cannot be lower: 0 if it is 0 with them too, else -1.
    """

    n_tasks: int
    share_better: float
    share_worse: float
    median_reduction: float


def expected_gain(
    ranker: Recommender,
    description: TaskDescription,
    here: Sequence[Configuration],
    lacking: Sequence[Configuration],
    observed: Sequence[Evaluation],
    k: int,
) -> Gain | None:
    """Return what ``lacking`` would bring beside ``here`` to the first ``k`` pipelines; None if nothing is known.

    The ranker has seen the tasks that it is judged on, with either list.
    """
    without = _best_losses(ranker, description, here, observed, k)
    beside = _best_losses(ranker, description, [*here, *lacking], observed, k)
    is_known = np.isfinite(without) & np.isfinite(beside)
    if not is_known.any():
        return None
    without, beside = without[is_known], beside[is_known]
    scale = np.where(without > 0, without, np.where(beside > 0, beside, 1.0))
    reduction = (without - beside) / scale
    return Gain(
        n_tasks=len(reduction),
        share_better=float(np.mean(reduction > 0)),
        share_worse=float(np.mean(reduction < 0)),
        median_reduction=float(np.median(reduction)),
    )


def _best_losses(
    ranker: Recommender,
    description: TaskDescription,
    candidates: Sequence[Configuration],
    observed: Sequence[Evaluation],
    k: int,
) -> np.ndarray:
    """Return the best loss among the first ``k`` on each known task, (n_tasks,); inf where none succeeded."""
    experience = ranker.experience_
    first = [candidates[position] for position in ranker.rank(description, candidates, observed, k)]
    columns = [experience.position_of[c.key] for c in first if c.key in experience.position_of]
    losses = np.nan_to_num(experience.losses[:, columns], nan=np.inf, posinf=np.inf)
    return np.asarray(losses.min(axis=1, initial=np.inf))
