"""The level of losses to expect on a task: location and scale in the metric's own unit."""

from collections.abc import Sequence
from typing import Self

import numpy as np

from autometa.knowledge.frames import Experience
from autometa.metric import Metric
from autometa.recommenders.landmarks import are_scored, log_losses
from autometa.task import TaskDescription

_IN_UNIT = "target_std"
_FLOOR = 1e-3  # relative losses below it are told apart no further
_SHRINKAGE = 10.0  # of the coefficients: as many tasks as the assumption is worth, see Location


class Location:
    """Predicts best and median loss of a task from what quick learners score on it.

    The landmarkers' losses, relative to the task's unit (see `unit`), enter as logarithms, their smallest first; the
    logarithms of the best loss and of the distance from there to the median are linear in them. Coefficients are shrunk
    towards: best loss ~ smallest landmark loss, distance to the median ~ constant.
    """

    def fit(self, experience: Experience) -> Self:
        """Learn from the tasks of which an evaluation succeeded: those with landmarkers, if there are any."""
        known = experience.of_tasks(np.isfinite(experience.best))
        is_scored = are_scored(experience.metric, known.descriptions)
        known = known.of_tasks(is_scored) if is_scored.any() else known
        self.metric_ = experience.metric
        self.n_tasks_ = known.n_tasks
        if known.n_tasks == 0:
            return self
        units = np.array([unit(self.metric_, description) for description in known.descriptions])
        marks = self._marks(known.descriptions)
        self.centre_ = marks.mean(axis=0)
        best = np.log(np.maximum(known.best / units, 0.0) + _FLOOR)
        distance = np.log((known.median - known.best) / units + _FLOOR)
        gram = (marks - self.centre_).T @ (marks - self.centre_) + _SHRINKAGE * np.eye(marks.shape[1])
        assumed = np.zeros((marks.shape[1], 2))
        assumed[0, 0] = 1.0
        targets = np.column_stack([best, distance])
        self.mean_ = targets.mean(axis=0)
        left = targets - self.mean_ - (marks - self.centre_) @ assumed
        self.coefficients_ = assumed + np.linalg.solve(gram, (marks - self.centre_).T @ left)
        return self

    def predict(self, description: TaskDescription) -> tuple[float, float]:
        """Return location (the best loss to expect) and scale (from there to the median), both positive."""
        size = unit(self.metric_, description)
        if self.n_tasks_ == 0:
            return size, size
        marks = self._marks([description])[0]
        best, distance = np.exp(self.mean_ + (marks - self.centre_) @ self.coefficients_) - _FLOOR
        return float(max(best, _FLOOR / 10) * size), float(max(distance, _FLOOR / 10) * size)

    def _marks(self, descriptions: Sequence[TaskDescription]) -> np.ndarray:
        """Return log losses of the landmarkers, (n_tasks, 1 + n_landmarks); the first is the smallest.

        A missing one counts as the unit: what is scored without looking at the columns.
        """
        units = np.array([unit(self.metric_, description) for description in descriptions])
        losses = log_losses(self.metric_, descriptions, units)
        smallest = losses.min(axis=1, keepdims=True) if losses.shape[1] else np.zeros((len(descriptions), 1))
        return np.hstack([smallest, losses])


def names_of(descriptions: Sequence[TaskDescription]) -> list[str]:
    """Return the sorted names of the meta-features by which tasks are told apart.

    All but the one in the target's own unit: whether a length is in metres or feet must not matter.
    """
    return sorted({name for description in descriptions for name in description.metafeatures} - {_IN_UNIT})


def unit(metric: Metric, description: TaskDescription) -> float:
    """Return the loss that makes tasks comparable.

    The target's standard deviation for metrics in the target's unit, the entropy of the classes in nats for the
    logarithmic loss (what the class shares alone would score), else 1.
    """
    name = {"log_loss": "class_ent"}.get(metric.name, _IN_UNIT if metric.scales_with_target else "")
    value = description.metafeatures.get(name, np.nan)
    if name == "class_ent":
        value *= np.log(2)  # pymfe's entropy is in bits
    return float(value) if np.isfinite(value) and value > 0 else 1.0
