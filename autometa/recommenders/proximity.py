"""Proximity: which known tasks are alike in what works on them, as far as meta-features tell."""

import contextlib
import hashlib
from collections.abc import Sequence
from typing import Self

import numpy as np

from autometa import _array_cache
from autometa._random import spawn
from autometa.evaluation.record import Evaluation
from autometa.knowledge.frames import COMMON_SHARE, Experience
from autometa.recommenders.average import BestOnAverage
from autometa.recommenders.base import UNKNOWN_MEAN, Normalised, measured_losses
from autometa.recommenders.landmarks import log_ratios
from autometa.recommenders.location import names_of
from autometa.recommenders.portfolio import GreedyPortfolio
from autometa.recommenders.split_trees import SplitTrees
from autometa.space import Configuration
from autometa.task import TaskDescription

N_TREES = 150
MIN_LEAF_TASKS = 3
FEATURE_SHARE = 0.5  # of the meta-features, looked at for each split
N_COMPONENTS = 30
ALIKE_SHARE = 0.7
VERSION = 2  # of what the trees are grown from and how, for those that are kept
MIN_CELLS = 1_000  # of losses: below, the trees are grown in no time
PATTERN_ERROR = 0.3  # standard deviation of a cost between tasks that are alike


class Proximity:
    """Weighs known tasks by how often they share a leaf with a new one.

    The trees are a random forest on the meta-features and on what quick learners lose more than others; a split is good
    if it tells tasks apart on which different configurations are good. What they predict are the first principal
    components of the normalised losses: the variance within leaves is nearly that of all, and hundreds of
    configurations take no longer than thirty.

    References
    ----------
    Breiman, L. (2001). Random forests. Machine Learning 45. https://doi.org/10.1023/A:1010933404324
    Lin, Y., Jeon, Y. (2006). Random forests and adaptive nearest neighbors. JASA 101.
    https://doi.org/10.1198/016214505000001230
    """

    def fit(self, experience: Experience, seed: int = 0) -> Self:
        """Grow the trees; what was not tried on a task counts as usual for the configuration.

        Grown trees are kept in the user's cache, under all that they depend on.
        """
        self.names_ = names_of(experience.descriptions)
        self.families_ = np.array(experience.families, dtype=object)
        self._last: tuple[TaskDescription, np.ndarray] | None = None
        values = self._table(experience.descriptions)
        is_shared = np.isfinite(values[:, : len(self.names_)]).any(axis=0)
        self.shared_names_ = [name for name, shared in zip(self.names_, is_shared, strict=True) if shared]
        self.centre_ = _middles(values)
        values = self._filled(values)
        # In one order, whatever was given: sums in another differ in the last digits, and splits are chosen by them.
        order = np.argsort([known.fingerprint for known in experience.descriptions])
        columns = np.argsort([configuration.key for configuration in experience.configurations])
        losses = experience.normalised_losses[np.ix_(order, columns)]
        self.trees_ = _grown(values[order], losses, experience.weights[order], seed)
        self.leaves_ = self.trees_.apply(values)  # (n_tasks, n_trees)
        return self

    def weights(self, description: TaskDescription) -> np.ndarray:
        """Return the weight of each known task, (n_tasks,); they sum to 1, all alike where nothing tells them apart."""
        if self._last is None or self._last[0] is not description:
            own = self.trees_.apply(self._filled(self._table([description])))[0]
            self._last = (description, _shares(self.leaves_ == own))
        return self._last[1]

    def can_tell(self, description: TaskDescription) -> bool:
        """Return whether any meta-feature of a task is known that a known task has too."""
        return any(np.isfinite(description.metafeatures.get(name, np.nan)) for name in self.shared_names_)

    def weights_among_known(self) -> np.ndarray:
        """Return what `weights` says of each known task, were it and its family new: (n_tasks, n_tasks).

        The trees have seen those tasks, so these are a little more telling than weights of new ones.
        """
        n_tasks = len(self.families_)
        weights = np.full((n_tasks, n_tasks), 1.0 / n_tasks)
        for row in range(n_tasks):
            is_same = self.leaves_ == self.leaves_[row]
            is_same[self.families_ == self.families_[row]] = False
            if is_same.any():
                weights[row] = _shares(is_same)
        return weights

    def _table(self, descriptions: Sequence[TaskDescription]) -> np.ndarray:
        """Return what the trees look at, (n_tasks, n_metafeatures + n_pairs of landmarkers), NaN = missing."""
        rows = [[each.metafeatures.get(name, np.nan) for name in self.names_] for each in descriptions]
        values = np.array(rows, dtype=float).reshape(len(descriptions), len(self.names_))
        return np.hstack([values, log_ratios(descriptions)])

    def _filled(self, values: np.ndarray) -> np.ndarray:
        """Return meta-features without gaps and within single precision, which the trees use."""
        limit = float(np.finfo(np.float32).max)
        return np.clip(np.where(np.isfinite(values), values, self.centre_), -limit, limit)


class ProximityPortfolio(GreedyPortfolio):
    """A greedy portfolio in which tasks that are alike weigh more.

    The first pick is what the trees expect the least normalised loss of, which they are grown on: a greedy one may be
    the best on a few tasks only. It was tried on tasks that have half of the weight or more, if anything was: of many
    that were tried on a few, one is the best there by chance. Then most of the weight goes by `Proximity`, the rest is
    shared by all tasks alike: so it is never far from the portfolio that is good everywhere. From the second result on,
    a task weighs the less the more its costs differ from those observed, whatever their level: as if tasks that are
    alike had costs with an error of `PATTERN_ERROR` between them.
    """

    name = "proximity"
    version = 4  # 1 began with a greedy pick, 2 with the least root of the cost, 3 saw the unit of the target
    n_folds = 10

    def _learn(self, experience: Experience, seed: int) -> None:
        super()._learn(experience, seed)
        self.proximity_ = Proximity().fit(experience, seed)

    def _task_weights(self, description: TaskDescription) -> np.ndarray:
        return np.asarray(self.experience_.weights * blended(self.proximity_.weights(description)))

    def _lead(self, description: TaskDescription) -> np.ndarray | None:
        weights = self.experience_.weights * self.proximity_.weights(description)
        mean = self._mean(_worth(weights))
        is_proved = weights @ self.experience_.is_tried >= COMMON_SHARE * weights.sum()
        return np.where(is_proved, mean, mean + UNKNOWN_MEAN)

    def _told_weights(self, description: TaskDescription, observed: Sequence[Evaluation]) -> np.ndarray:
        weights = super()._told_weights(description, observed)
        measured = measured_losses(observed, self.experience_.metric)
        position_of = self.experience_.position_of
        columns = [position_of[key] for key in measured if key in position_of and measured[key] < np.inf]
        if len(columns) < 2:
            return weights
        losses = np.array([measured[self.experience_.configurations[column].key] for column in columns])
        width = self.location_.predict(description)[1] * self.experience_.stretch
        left = losses / width - self.experience_.costs[:, columns]
        is_tried = ~np.isnan(left)
        counts = np.maximum(is_tried.sum(axis=1, keepdims=True), 1)
        left = left - np.where(is_tried, left, 0.0).sum(axis=1, keepdims=True) / counts  # whatever the level is
        squares = np.where(is_tried, left**2, 0.0)
        usual = squares.sum(axis=0) / np.maximum(is_tried.sum(axis=0), 1)
        misfit = np.where(is_tried, squares, usual).sum(axis=1) / PATTERN_ERROR**2
        return np.asarray(weights * np.exp(-0.5 * (misfit - misfit.min())))

    def _normalised(self, description: TaskDescription, observed: Sequence[Evaluation]) -> Normalised:
        return self._weighted(_worth(self._told_weights(description, observed)))


class ProximityAverage(BestOnAverage):
    """Ranks by the mean normalised loss over known tasks, weighted by `Proximity` alone: what the trees predict."""

    name = "trees"
    version = 3  # 1 grew extremely randomised trees on costs, 2 saw the unit of the target
    n_folds = 10

    def _learn(self, experience: Experience, seed: int) -> None:
        self.proximity_ = Proximity().fit(experience, seed)

    def _normalised(self, description: TaskDescription, observed: Sequence[Evaluation]) -> Normalised:
        return self._weighted(_worth(self.experience_.weights * self.proximity_.weights(description)))

    def support(self, description: TaskDescription, configurations: Sequence[Configuration]) -> np.ndarray:
        """Return weight of the task x (1 - normalised loss)."""
        return np.asarray(super().support(description, configurations) * self.proximity_.weights(description))


def blended(weights: np.ndarray) -> np.ndarray:
    """Return weights of tasks that are worth as many as there are, from weights (..., n_tasks) that sum to 1."""
    return np.asarray((1.0 - ALIKE_SHARE) + ALIKE_SHARE * weights * weights.shape[-1])


def _worth(weights: np.ndarray) -> np.ndarray:
    """Return weights, (n_tasks,), that sum to the number of equal ones that would be as telling."""
    return np.asarray(weights * (weights.sum() / (weights**2).sum()))


def _shares(is_same: np.ndarray) -> np.ndarray:
    """Return the mean over trees of shares in the new task's leaf, (n_tasks,), from bool (n_tasks, n_trees)."""
    counts = is_same.sum(axis=0)
    has_any = counts > 0
    return np.asarray((is_same[:, has_any] / counts[has_any]).mean(axis=1))


def _grown(values: np.ndarray, losses: np.ndarray, weights: np.ndarray, seed: int) -> SplitTrees:
    """Return the trees for values (n_tasks, n_columns) and losses (n_tasks, n_configurations), kept or grown."""
    seed = spawn(seed, "proximity")
    inputs = [np.ascontiguousarray(each, dtype=float) for each in (values, losses, weights)]
    identity = {
        "version": VERSION,
        "seed": seed,
        "shapes": [each.shape for each in inputs],
        "inputs": hashlib.sha256(b"".join(each.tobytes() for each in inputs)).hexdigest(),
    }
    folder = _array_cache.cache_folder("trees")
    kept = _array_cache.load_arrays(folder, identity)
    if kept is not None:
        with contextlib.suppress(KeyError, ValueError):
            return SplitTrees.from_arrays(kept)
    trees = SplitTrees.grow(
        values,
        _components(losses, weights),
        weights,
        n_trees=N_TREES,
        min_leaf=MIN_LEAF_TASKS,
        feature_share=FEATURE_SHARE,
        seed=seed,
    )
    if losses.size >= MIN_CELLS:
        _array_cache.keep_arrays(folder, identity, trees.arrays())
    return trees


def _middles(values: np.ndarray) -> np.ndarray:
    """Return the median of each column, 0 where nothing is known; the same in any order of the rows."""
    middles = np.zeros(values.shape[1])
    has_any = np.isfinite(values).any(axis=0)
    middles[has_any] = np.nanmedian(np.where(np.isfinite(values), values, np.nan)[:, has_any], axis=0)
    return middles


def _components(losses: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the first principal components of losses, (n_tasks, n_components); gaps count as the mean."""
    is_tried = ~np.isnan(losses)
    weight = is_tried * weights[:, None]
    mean = (weight * np.nan_to_num(losses)).sum(axis=0) / np.maximum(weight.sum(axis=0), 1e-12)
    left, sizes, _ = np.linalg.svd(np.where(is_tried, losses - mean, 0.0), full_matrices=False)
    is_used = sizes[:N_COMPONENTS] > 1e-9
    used = (left * sizes)[:, :N_COMPONENTS][:, is_used]
    return np.asarray(used if used.shape[1] else np.zeros((len(losses), 1)))
