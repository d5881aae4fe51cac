"""Distance between tasks by their meta-features."""

from collections.abc import Sequence
from typing import Self

import numpy as np

from autometa.recommenders.location import names_of
from autometa.task import TaskDescription

_CLIP = 3.0  # robust standard deviations: one odd meta-feature must not decide alone
NOVEL = 0.95  # a task of more novelty counts as unlike all known ones
_TWIN_DISTANCE = 0.05  # added to distances, so that a task at the same place does not decide alone


class Similarity:
    """Root-mean-square distance on robustly scaled meta-features.

    Each meta-feature is centred at its median over the known tasks, divided by its interquartile range (by its
    standard deviation, where that is 0), and clipped to [-3, 3]; a missing one counts as the median. Meta-features
    that do not vary, or that more than half of the tasks lack, are left out.
    """

    def fit(self, descriptions: Sequence[TaskDescription]) -> Self:
        """Learn the scales from known tasks."""
        names = names_of(descriptions)
        values = _table(descriptions, names)
        is_common = np.isfinite(values).mean(axis=0) >= 0.5 if len(values) else np.zeros(0, dtype=bool)
        values, names = values[:, is_common], [n for n, kept in zip(names, is_common, strict=True) if kept]
        low, centre, high = np.nanquantile(values, [0.25, 0.5, 0.75], axis=0) if names else np.zeros((3, 0))
        scale = (high - low) / 1.349  # of a normal distribution: its standard deviation
        scale = np.where(scale > 0, scale, np.nanstd(values, axis=0) if names else scale)
        # Not ``scale > 0``: the computed standard deviation of equal values is seldom exactly 0.
        varies = (np.nanmax(values, axis=0) > np.nanmin(values, axis=0)) & (scale > 0) if names else scale > 0
        self.names_ = tuple(name for name, kept in zip(names, varies, strict=True) if kept)
        self.centre_, self.scale_ = centre[varies], scale[varies]
        self.fingerprints_ = np.array([description.fingerprint for description in descriptions], dtype=str)
        self.known_ = self.transform(descriptions)
        self._nearest: tuple[tuple[str, ...], np.ndarray] | None = None
        return self

    def transform(self, descriptions: Sequence[TaskDescription]) -> np.ndarray:
        """Return the scaled meta-features, an ndarray of shape (n_tasks, n_metafeatures) without NaN."""
        scaled = (_table(descriptions, self.names_) - self.centre_) / self.scale_
        return np.asarray(np.clip(np.nan_to_num(scaled, nan=0.0, posinf=_CLIP, neginf=-_CLIP), -_CLIP, _CLIP))

    def distances(self, description: TaskDescription) -> np.ndarray:
        """Return the distance to each known task, an ndarray of shape (n_tasks,)."""
        if not self.names_:
            return np.zeros(len(self.known_))
        difference = self.known_ - self.transform([description])
        return np.asarray(np.sqrt((difference**2).mean(axis=1)))

    def neighbours(self, description: TaskDescription, n_neighbours: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the nearest known tasks and their weights.

        Equally distant ones stand in the order of their fingerprints, whatever the order in which they were given.

        Returns
        -------
        rows : ndarray of shape (min(n_neighbours, n_tasks),)
            Positions of the tasks, nearest first.
        weights : ndarray of the same shape
            1 / (distance + 0.05).
        """
        distances = np.round(self.distances(description), 12)
        rows = np.lexsort((self.fingerprints_, distances))[:n_neighbours]
        return rows, 1.0 / (distances[rows] + _TWIN_DISTANCE)

    def novelty(self, description: TaskDescription, families: Sequence[str]) -> float:
        """Return how unlike all known tasks this one is, in [0, 1].

        The share of known tasks that lie closer to their nearest task of another family than this one lies to its
        own nearest; 1 means that it is farther from everything than any known task, or that there is nothing to
        compare: no meta-feature that varies, or no two families.
        """
        family = np.array(families, dtype=object)
        others = self.distances(description)[family != description.family]
        if not self.names_ or len(others) == 0 or len(set(families)) < 2:
            return 1.0
        return float((self._nearest_of_other_families(tuple(families)) < others.min()).mean())

    def _nearest_of_other_families(self, families: tuple[str, ...]) -> np.ndarray:
        """Return the distance of each known task to the nearest one of another family, (n_tasks,)."""
        if self._nearest is None or self._nearest[0] != families:
            family = np.array(families, dtype=object)
            nearest = np.empty(len(family))
            for row, known in enumerate(self.known_):
                between = np.sqrt(((self.known_ - known) ** 2).mean(axis=1))
                nearest[row] = between[family != family[row]].min()
            self._nearest = (families, nearest)
        return self._nearest[1]


def _table(descriptions: Sequence[TaskDescription], names: Sequence[str]) -> np.ndarray:
    """Return the named meta-features, an ndarray of shape (n_tasks, n_metafeatures), NaN = missing."""
    rows = [[description.metafeatures.get(name, np.nan) for name in names] for description in descriptions]
    return np.array(rows, dtype=float).reshape(len(descriptions), len(names))
