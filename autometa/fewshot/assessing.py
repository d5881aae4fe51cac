"""How well a meta-learner expects costs on tasks that it has not learned from, given a few results of each."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from autometa._random import generator
from autometa.errors import DataError
from autometa.evaluation.record import Evaluation
from autometa.fewshot.recommender import MetaLearner, expected_costs
from autometa.knowledge.frames import Experience
from autometa.recommenders.base import Recommender, stored_evaluation
from autometa.space import Configuration
from autometa.task import TaskDescription

N_DRAWS = 4  # support sets of each task
MAX_TOLD = 8  # runs of one
MIN_RUNS = 3  # of a task
STD_FLOOR = 0.05  # of a cost: below, a density says more of rounding than of a learner
_NINE_TENTHS = 1.6449  # standard deviations to both sides of a normal mean


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Assessment:
    """What a learner expected of costs that it was not told.

    Parameters
    ----------
    families : tuple of str
        Of the tasks.
    losses : ndarray of shape (n_tasks,)
        Mean negative log densities of the costs.
    errors : ndarray of shape (n_tasks,)
        Root mean squared errors.
    inside : ndarray of shape (n_tasks,)
        Shares of the costs in the middle nine tenths of what was expected.
    """

    families: tuple[str, ...]
    losses: npt.NDArray[np.float64] = field(repr=False)
    errors: npt.NDArray[np.float64] = field(repr=False)
    inside: npt.NDArray[np.float64] = field(repr=False)


def assess(learner: Recommender, experience: Experience, seed: int = 0) -> Assessment:
    """Return how a learner does on tasks, each after several drawn support sets of 0 to `MAX_TOLD` runs.

    The draws are the same for every learner. Those configurations count that the learner knows.

    Raises
    ------
    DataError
        If no task has three runs of them.
    """
    known = experience.of_configurations([c.key for c in learner.experience_.configurations])
    rows = [row for row in range(known.n_tasks) if known.is_tried[row].sum() >= MIN_RUNS]
    if not rows:
        raise DataError(
            f"no task has {MIN_RUNS} runs of configurations that '{learner.name}' knows; nothing to judge by"
        )
    figures = []
    for row in rows:
        rng = generator(seed, "assessed", known.descriptions[row].fingerprint)
        tried = sorted(np.flatnonzero(known.is_tried[row]), key=lambda column: known.configurations[column].key)
        drawn = []
        for _ in range(N_DRAWS):
            order = rng.permutation(tried)
            n_told = int(rng.integers(0, min(MAX_TOLD, len(tried) - 2) + 1))
            drawn.append(_figures(learner, known, row, order, n_told))
        figures.append(np.mean(drawn, axis=0))
    losses, squares, inside = np.array(figures).T
    return Assessment(
        families=tuple(known.families[row] for row in rows), losses=losses, errors=np.sqrt(squares), inside=inside
    )


def _figures(
    learner: Recommender, known: Experience, row: int, order: npt.NDArray[np.int64], n_told: int
) -> tuple[float, float, float]:
    """Return negative log density, squared error and share inside, where the first of some columns are told."""
    asked = order[n_told:]
    observed = [stored_evaluation(known, row, column) for column in order[:n_told].tolist()]
    mean, std = _costs(learner, known.descriptions[row], [known.configurations[column] for column in asked], observed)
    std = np.maximum(std, STD_FLOOR)
    left = known.costs[row, asked] - mean
    density = -0.5 * (left / std) ** 2 - np.log(std) - 0.5 * np.log(2.0 * np.pi)
    return float(-density.mean()), float((left**2).mean()), float((np.abs(left) < _NINE_TENTHS * std).mean())


def _costs(
    learner: Recommender,
    description: TaskDescription,
    configurations: Sequence[Configuration],
    observed: Sequence[Evaluation],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return mean and standard deviation of costs, (n_configurations,) each."""
    if isinstance(learner, MetaLearner):
        mean, std = learner.costs(description, configurations, observed)
    else:
        mean, std = expected_costs(learner, description, configurations, observed)
    return mean.astype(float), std.astype(float)
