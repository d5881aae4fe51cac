"""Proximity: which known tasks are alike in what works on them, as far as meta-features tell."""

from collections.abc import Sequence
from typing import Self

import numpy as np

from autometa._random import spawn
from autometa.evaluation.record import Evaluation
from autometa.knowledge.frames import Experience
from autometa.recommenders.portfolio import GreedyPortfolio
from autometa.task import TaskDescription

N_TREES = 200
MIN_LEAF_TASKS = 3
FEATURE_SHARE = 0.5  # of the meta-features, looked at for each split
N_COMPONENTS = 30
ALIKE_SHARE = 0.5


class Proximity:
    """Weighs known tasks by how often they share a leaf with a new one.

    The trees are extremely randomised ones on the meta-features; a split is good if it tells tasks apart on which
    different configurations are good. What they predict are the first principal components of the costs: the variance
    within leaves is nearly that of all costs, and hundreds of configurations take no longer than thirty.

    References
    ----------
    Geurts, P., Ernst, D., Wehenkel, L. (2006). Extremely randomized trees. Machine Learning 63.
    https://doi.org/10.1007/s10994-006-6226-1
    Lin, Y., Jeon, Y. (2006). Random forests and adaptive nearest neighbors. JASA 101.
    https://doi.org/10.1198/016214505000001230
    """

    def fit(self, experience: Experience, seed: int = 0) -> Self:
        """Grow the trees; what was not tried on a task counts as usual for the configuration."""
        from sklearn.ensemble import ExtraTreesRegressor

        self.names_ = sorted({name for known in experience.descriptions for name in known.metafeatures})
        values = self._table(experience.descriptions)
        is_known = np.isfinite(values)
        counts = np.maximum(is_known.sum(axis=0), 1)
        self.centre_ = np.where(is_known, values, 0.0).sum(axis=0) / counts
        targets = _components(experience.costs, experience.weights)
        self.trees_ = None
        self.n_tasks_ = experience.n_tasks
        if targets.shape[1] and is_known.any():
            self.trees_ = ExtraTreesRegressor(
                N_TREES,
                min_samples_leaf=MIN_LEAF_TASKS,
                max_features=FEATURE_SHARE,
                random_state=spawn(seed, "proximity"),
            ).fit(
                self._filled(values),
                targets.squeeze(axis=1) if targets.shape[1] == 1 else targets,
                sample_weight=experience.weights,
            )
            self.leaves_ = self.trees_.apply(self._filled(values))  # (n_tasks, n_trees)
        return self

    def weights(self, description: TaskDescription) -> np.ndarray:
        """Return the weight of each known task, (n_tasks,); they sum to 1, all alike where nothing tells them apart."""
        if self.trees_ is None:
            return np.full(self.n_tasks_, 1.0 / self.n_tasks_)
        own = self.trees_.apply(self._filled(self._table([description])))[0]
        is_same = self.leaves_ == own
        return np.asarray((is_same / is_same.sum(axis=0)).mean(axis=1))

    def _table(self, descriptions: Sequence[TaskDescription]) -> np.ndarray:
        """Return the meta-features, (n_tasks, n_metafeatures), NaN = missing."""
        rows = [[each.metafeatures.get(name, np.nan) for name in self.names_] for each in descriptions]
        return np.array(rows, dtype=float).reshape(len(descriptions), len(self.names_))

    def _filled(self, values: np.ndarray) -> np.ndarray:
        """Return meta-features without gaps and within single precision, which the trees use."""
        limit = float(np.finfo(np.float32).max)
        return np.clip(np.where(np.isfinite(values), values, self.centre_), -limit, limit)


class ProximityPortfolio(GreedyPortfolio):
    """A greedy portfolio in which tasks that are alike weigh more.

    Half of the weight is shared by all tasks alike, the other half goes by `Proximity`: so it is never far from the
    portfolio that is good everywhere.
    """

    name = "proximity"
    n_folds = 10

    def _learn(self, experience: Experience, seed: int) -> None:
        super()._learn(experience, seed)
        self.proximity_ = Proximity().fit(experience, seed)

    def _task_weights(self, description: TaskDescription) -> np.ndarray:
        alike = self.proximity_.weights(description) * self.experience_.n_tasks
        return np.asarray(self.experience_.weights * ((1.0 - ALIKE_SHARE) + ALIKE_SHARE * alike))

    def _normalised(
        self, description: TaskDescription, observed: Sequence[Evaluation]
    ) -> tuple[np.ndarray, np.ndarray]:
        weights = self._task_weights(description)
        return self._weighted(weights * (weights.sum() / (weights**2).sum()))  # worth so many tasks


def _components(costs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the first principal components of costs, (n_tasks, n_components); gaps count as the mean."""
    is_tried = ~np.isnan(costs)
    weight = is_tried * weights[:, None]
    mean = (weight * np.nan_to_num(costs)).sum(axis=0) / np.maximum(weight.sum(axis=0), 1e-12)
    left, sizes, _ = np.linalg.svd(np.where(is_tried, costs - mean, 0.0), full_matrices=False)
    is_used = sizes[:N_COMPONENTS] > 1e-9
    return np.asarray((left * sizes)[:, :N_COMPONENTS][:, is_used])
