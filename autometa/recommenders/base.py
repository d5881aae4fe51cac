"""The contract of every recommender: fit on experience, predict and rank for a description."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple, Self

import numpy as np

from autometa.evaluation.record import Evaluation, Status
from autometa.knowledge.frames import Experience
from autometa.metric import Metric
from autometa.recommenders.location import Location
from autometa.space import Configuration
from autometa.task import TaskDescription

# What is expected of a configuration that nothing is known about: the median of its task.
UNKNOWN_MEAN = 1.0
UNKNOWN_STD = 0.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prediction:
    """What a recommender expects of configurations on one task.

    Parameters
    ----------
    mean, std : ndarray of shape (n_configurations,)
        Of the normalised loss: 0 is the best that is known, 1 the median or worse.
    overshoot : ndarray of shape (n_configurations,)
        How many times as far above the best a configuration is, since the normalised loss ends at the median.
    location, scale : float
        Of the task, both positive: loss = location + scale x normalised loss x overshoot, in the metric's unit.

    Raises
    ------
    ValueError
        If a number is missing or out of range, or the shapes differ.
    """

    mean: np.ndarray = field(repr=False)
    std: np.ndarray = field(repr=False)
    overshoot: np.ndarray = field(repr=False)
    location: float
    scale: float

    def __post_init__(self) -> None:
        if not self.mean.shape == self.std.shape == self.overshoot.shape or self.mean.ndim != 1:
            raise ValueError(
                f"mean {self.mean.shape}, std {self.std.shape} and overshoot {self.overshoot.shape} "
                "must be vectors of one length"
            )
        if not all(np.isfinite(numbers).all() for numbers in (self.mean, self.std, self.overshoot)):
            raise ValueError("predictions must be finite")
        if not ((self.std >= 0).all() and (self.overshoot >= 1).all()):
            raise ValueError("std must be at least 0, overshoot at least 1")
        if not (0 < self.location < np.inf and 0 < self.scale < np.inf):
            raise ValueError(f"location {self.location} and scale {self.scale} must be positive and finite")

    @property
    def losses(self) -> np.ndarray:
        """Expected losses in the metric's unit: ndarray of shape (n_configurations,)."""
        above = np.where(self.mean > 0, self.mean * self.overshoot, self.mean)
        return self.location + self.scale * above


class Normalised(NamedTuple):
    """What is expected of the configurations of the experience, an ndarray of shape (n_configurations,) each.

    See `Prediction`.
    """

    mean: np.ndarray
    std: np.ndarray
    overshoot: np.ndarray


class Recommender(ABC):
    """Ranks configurations for a new task from past ones.

    A subclass gives `_learn`, `_normalised` and, where the best order is not that of the means, `rank`.

    Attributes
    ----------
    version : int
        Of what it predicts: what was learned about another version is not used.
    n_folds : int or None
        In how many folds of families a replay fits it; None: it is fitted in no time, so every family alone.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    n_folds: ClassVar[int | None] = None

    def fit(self, experience: Experience, seed: int = 0) -> Self:
        """Learn from past runs of one kind, metric and protocol; nothing of earlier fits remains.

        Raises
        ------
        ValueError
            If there is no task or no configuration to learn from.
        """
        if experience.n_tasks == 0 or experience.n_configurations == 0:
            raise ValueError("there is nothing to learn from: the experience is empty")
        self.experience_ = experience
        self.location_ = Location().fit(experience)
        self._learn(experience, seed)
        return self

    def fit_anew(self, experience: Experience, seed: int = 0) -> Self:
        """Learn as `fit` does, whatever was kept of an earlier fit: where it is measured."""
        return self.fit(experience, seed)

    def predict(
        self,
        description: TaskDescription,
        configurations: Sequence[Configuration],
        observed: Sequence[Evaluation] = (),
    ) -> Prediction:
        """Return what is expected of ``configurations`` on a task, given evaluations already made on it."""
        columns = self._columns(configurations)
        known = self._normalised(description, observed)
        is_known = columns >= 0
        location, scale = self.location_.predict(description)
        return Prediction(
            mean=np.where(is_known, known.mean[columns], UNKNOWN_MEAN),
            std=np.where(is_known, known.std[columns], UNKNOWN_STD),
            overshoot=np.where(is_known, known.overshoot[columns], 1.0),
            location=location,
            scale=scale,
        )

    def rank(
        self,
        description: TaskDescription,
        configurations: Sequence[Configuration],
        observed: Sequence[Evaluation] = (),
        n: int | None = None,
    ) -> tuple[int, ...]:
        """Return positions in ``configurations`` in the order in which to try them, the first ``n`` or all.

        The observed ones are left out; by expected loss, then those that the experience knows first, then by key.
        """
        # Rounded, since the last digits depend on the order in which tasks are summed up.
        mean = np.round(self.predict(description, configurations, observed).mean, 12)
        is_unknown = self._columns(configurations) < 0
        done = {evaluation.configuration.key for evaluation in observed}
        left = [position for position, c in enumerate(configurations) if c.key not in done]
        return tuple(sorted(left, key=lambda p: (mean[p], is_unknown[p], configurations[p].key))[:n])

    def propose(
        self,
        description: TaskDescription,
        configurations: Sequence[Configuration],
        observed: Sequence[Evaluation] = (),
    ) -> int:
        """Return the position of the first in `rank`: what to try next."""
        return self.rank(description, configurations, observed, 1)[0]

    @abstractmethod
    def support(self, description: TaskDescription, configurations: Sequence[Configuration]) -> np.ndarray:
        """Return how much each known task speaks for each configuration.

        Returns
        -------
        ndarray of shape (n_configurations, n_tasks)
            Not negative; 0 where the configuration was not tried on the task.
        """

    @abstractmethod
    def _learn(self, experience: Experience, seed: int) -> None:
        """Learn whatever `_normalised` needs."""

    @abstractmethod
    def _normalised(self, description: TaskDescription, observed: Sequence[Evaluation]) -> Normalised:
        """Return what is expected of each configuration of the experience."""

    def _columns(self, configurations: Sequence[Configuration]) -> np.ndarray:
        """Return the column of each configuration in the experience, -1 for unknown ones."""
        position_of = self.experience_.position_of
        return np.array([position_of.get(c.key, -1) for c in configurations], dtype=int)

    def _mean(self, weights: np.ndarray) -> np.ndarray:
        """Return the mean of `_weighted` alone, (n_configurations,)."""
        return shrunk_mean(self.experience_.normalised_losses, weights)[0]

    def _weighted(self, weights: np.ndarray) -> Normalised:
        """Return weighted mean, std and overshoot over tasks of the normalised losses, shrunk towards the unknown.

        ``weights`` (n_tasks,) sum to the number of tasks that they are worth; one task's worth of the unknown is
        added, so that a configuration tried once is not believed to be the best.
        """
        losses = self.experience_.normalised_losses
        mean, total, weight = shrunk_mean(losses, weights)
        filled = np.nan_to_num(losses, nan=0.0)
        spread = (weight * (filled - mean) ** 2).sum(axis=0) + UNKNOWN_STD**2 + (UNKNOWN_MEAN - mean) ** 2
        return Normalised(mean, np.sqrt(spread / total), self.experience_.overshoot(weights))


def shrunk_mean(values: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the weighted means over tasks of what was tried, with one task's worth of the unknown added.

    Parameters
    ----------
    values : ndarray of shape (n_tasks, n_configurations)
        On a scale on which the unknown counts as `UNKNOWN_MEAN`; NaN = not tried.
    weights : ndarray of shape (n_tasks,)
        They sum to the number of tasks that they are worth.

    Returns
    -------
    mean, total : ndarray of shape (n_configurations,)
        The means, and the weight behind each, the unknown's included.
    weight : ndarray of shape (n_tasks, n_configurations)
        Of each value; 0 where it was not tried.
    """
    weight = np.where(np.isnan(values), 0.0, weights[:, None])
    total = weight.sum(axis=0) + 1.0
    return ((weight * np.nan_to_num(values, nan=0.0)).sum(axis=0) + UNKNOWN_MEAN) / total, total, weight


def measured_losses(observed: Sequence[Evaluation], metric: Metric) -> dict[str, float]:
    """Return configuration key -> loss of what succeeded on a task."""
    scores = {e.configuration.key: e.score(metric.name) for e in observed if e.status is Status.OK}
    return {key: metric.loss(score) for key, score in scores.items() if not math.isnan(score)}


def stored_evaluation(experience: Experience, row: int, column: int) -> Evaluation:
    """Return a stored result, at a row and a column, as an evaluation; of its folds only the mean is known here."""
    metric, loss = experience.metric, float(experience.losses[row, column])
    is_ok = math.isfinite(loss)
    return Evaluation(
        fingerprint=experience.descriptions[row].fingerprint,
        configuration=experience.configurations[column],
        protocol="replay",
        pipelines_version="",
        seed=0,
        status=Status.OK if is_ok else Status.FAILED,
        fold_scores={metric.name: (metric.score(loss),)} if is_ok else {},
        fit_seconds=float(experience.fit_seconds[row, column]),
        predict_seconds=math.nan,
        peak_memory_bytes=0,
        error="" if is_ok else "it failed when it was measured",
        absent={},
        versions={},
    )
