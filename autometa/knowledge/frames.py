"""Frames: what learning reads, as arrays."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from autometa.errors import OptionError
from autometa.metric import Metric
from autometa.space import Configuration
from autometa.task import TaskDescription
from autometa.task_kind import TaskKind

HIGH = 0.9
COMMON_SHARE = 0.5
MIN_COMMON = 5
_FAR = 100.0  # times the distance from the best to the median: what lies beyond says no more


@dataclass(frozen=True, slots=False, kw_only=True, eq=False)
class Experience:
    """The past runs of one kind of task under one protocol, for one metric.

    Rows and columns are joined by fingerprint and key, never by position in some other list.

    Parameters
    ----------
    kind : TaskKind
        The kind of all its tasks.
    metric : Metric
        The metric of the losses.
    revision : int
        Revision of the knowledge base that it was read from.
    descriptions : tuple of TaskDescription, n_tasks of them
        The tasks.
    configurations : tuple of Configuration, n_configurations of them
        The configurations, sorted by key.
    losses : ndarray of shape (n_tasks, n_configurations)
        Mean loss over the folds; inf = tried, and failed or timed out; NaN = not tried, or without this metric.
    fit_seconds : ndarray of shape (n_tasks, n_configurations)
        CPU seconds of one fit; NaN = unknown.
    memory_bytes : ndarray of shape (n_tasks, n_configurations)
        Peak memory of an evaluation; NaN = unknown.
    predict_seconds : ndarray of shape (n_tasks, n_configurations), optional
        CPU seconds of predicting the rows of one test fold; NaN = unknown, which is the default.
    weights : ndarray of shape (n_tasks,), optional
        How much each task counts, positive: see `autometa.knowledge.origins.Trust`; default: all alike.

    Raises
    ------
    ValueError
        If the shapes do not agree.
    """

    kind: TaskKind
    metric: Metric
    revision: int
    descriptions: tuple[TaskDescription, ...]
    configurations: tuple[Configuration, ...]
    losses: np.ndarray = field(repr=False)
    fit_seconds: np.ndarray = field(repr=False)
    memory_bytes: np.ndarray = field(repr=False)
    predict_seconds: np.ndarray = field(repr=False, default_factory=lambda: np.full((0, 0), np.nan))
    weights: np.ndarray = field(repr=False, default_factory=lambda: np.ones(0))

    def __post_init__(self) -> None:
        shape = (len(self.descriptions), len(self.configurations))
        if self.predict_seconds.shape == (0, 0):
            object.__setattr__(self, "predict_seconds", np.full(shape, np.nan))
        for array in (self.losses, self.fit_seconds, self.memory_bytes, self.predict_seconds):
            if array.shape != shape:
                raise ValueError(f"an array of shape {array.shape} in an experience of {shape}")
        if self.weights.shape == (0,):
            object.__setattr__(self, "weights", np.ones(len(self.descriptions)))
        if self.weights.shape != shape[:1] or not (self.weights > 0).all():
            raise ValueError(f"{self.weights.shape} weights, all positive, for {len(self.descriptions)} tasks")

    @property
    def n_tasks(self) -> int:
        """Number of tasks."""
        return len(self.descriptions)

    @property
    def n_configurations(self) -> int:
        """Number of configurations."""
        return len(self.configurations)

    @cached_property
    def families(self) -> tuple[str, ...]:
        """Family of each task."""
        return tuple(description.family for description in self.descriptions)

    @cached_property
    def position_of(self) -> dict[str, int]:
        """Column of each configuration, by key."""
        return {configuration.key: column for column, configuration in enumerate(self.configurations)}

    @cached_property
    def is_tried(self) -> np.ndarray:
        """Whether a configuration was tried on a task: ndarray of bool, (n_tasks, n_configurations)."""
        return np.asarray(~np.isnan(self.losses))

    @cached_property
    def is_common(self) -> np.ndarray:
        """Whether a configuration was tried on half of the tasks or more: ndarray of bool, (n_configurations,)."""
        return np.asarray(self.is_tried.sum(axis=0) >= COMMON_SHARE * self.n_tasks)

    @cached_property
    def best(self) -> np.ndarray:
        """Best loss of each task: ndarray of shape (n_tasks,); NaN where nothing succeeded.

        It, the median and what else tasks are scaled by are taken over what is common: a task on which a thousand
        configurations were tried beside those that all have is not one on which these are worse. Where fewer than
        `MIN_COMMON` of them succeeded, over all.
        """
        return self._quantile_of_ok(0.0)

    @cached_property
    def median(self) -> np.ndarray:
        """Median loss of the successful evaluations of each task: ndarray of shape (n_tasks,); see `best`."""
        return self._quantile_of_ok(0.5)

    @cached_property
    def normalised_losses(self) -> np.ndarray:
        """Losses on a common scale: ndarray of shape (n_tasks, n_configurations).

        (loss - best) / (median - best) of the task, clipped to [0, 1]: 0 is the best known result, 1 the median or
        worse. Failures count 1, NaN = not tried; 0 in a task where all results are equal.
        """
        return self._scaled(self.median)

    @cached_property
    def costs(self) -> np.ndarray:
        """Losses on a scale that tells bad from worse: ndarray of shape (n_tasks, n_configurations).

        (loss - best) / (high - best) of the task, clipped to [0, 1], where nine tenths of its successful results are
        at most ``high``: where the median is the end, a portfolio learns nothing about what never is near the best,
        and the worst is whatever the wildest run came to. Failures count 1, NaN = not tried; 0 in a task where all
        results up to ``high`` are equal.
        """
        return self._scaled(self._quantile_of_ok(HIGH))

    @cached_property
    def stretch(self) -> float:
        """How many times as far as the median the end of the costs lies above the best, on a usual task."""
        has_any = np.isfinite(self.best)
        high = (self._quantile_of_ok(HIGH) - self.best)[has_any]
        middle = (self.median - self.best)[has_any]
        ratios = high[middle > 0] / middle[middle > 0]
        return float(np.median(ratios)) if len(ratios) else 1.0

    def overshoot(self, weights: np.ndarray) -> np.ndarray:
        """Return how far beyond the scale of `normalised_losses` configurations lie: ndarray (n_configurations,), >= 1.

        What a configuration loses above the best of its tasks, by the geometric mean, in relation to what the clipped
        losses say of it: 1 where it hardly ever is worse than the median, 5 where it usually is, by far.

        Parameters
        ----------
        weights : ndarray of shape (n_tasks,)
            How much each task counts; they sum to the number of tasks that they are worth.
        """
        return _overshoot(self._logs_above(self.median), self.normalised_losses, weights)

    @cached_property
    def cost_overshoot(self) -> np.ndarray:
        """How far beyond the scale of `costs` configurations lie, over all tasks; see `overshoot`."""
        return _overshoot(self._logs_above(self._quantile_of_ok(HIGH)), self.costs, self.weights)

    @cached_property
    def digest(self) -> str:
        """A digest of all that a recommender learns from, predict times not among it: equal experiences, equal ones."""
        texts = {
            "kind": str(self.kind),
            "metric": self.metric.name,
            "tasks": [
                [each.fingerprint, each.family, each.n_rows, each.n_columns, sorted(each.metafeatures.items())]
                for each in self.descriptions
            ],
            "configurations": [configuration.key for configuration in self.configurations],
            "embeddings": [each.embedding for each in self.descriptions],
        }
        digest = hashlib.sha256(json.dumps(texts).encode())
        for array in (self.losses, self.fit_seconds, self.memory_bytes, self.weights):
            digest.update(np.ascontiguousarray(array, dtype=float).tobytes())
        return digest.hexdigest()

    def without(self, families: Sequence[str]) -> "Experience":
        """Return the experience without the tasks of these families."""
        hidden = set(families)
        return self.of_tasks(np.array([family not in hidden for family in self.families], dtype=bool))

    def of_tasks(self, is_kept: np.ndarray) -> "Experience":
        """Return the experience of the tasks where ``is_kept``, an ndarray of bool (n_tasks,), holds."""
        kept = np.flatnonzero(is_kept)
        return Experience(
            kind=self.kind,
            metric=self.metric,
            revision=self.revision,
            descriptions=tuple(self.descriptions[row] for row in kept),
            configurations=self.configurations,
            losses=self.losses[kept],
            fit_seconds=self.fit_seconds[kept],
            memory_bytes=self.memory_bytes[kept],
            predict_seconds=self.predict_seconds[kept],
            weights=self.weights[kept],
        )

    def beside(self, other: "Experience", *, weight: float = 1.0) -> "Experience":
        """Return its tasks, and after them those of another experience, which count ``weight`` times as much.

        Of configurations it has those that both have; a task of both stands there twice.
        """
        keys = [configuration.key for configuration in self.configurations if configuration.key in other.position_of]
        mine, theirs = self.of_configurations(keys), other.of_configurations(keys)

        def stacked(name: str) -> np.ndarray:
            return np.concatenate([getattr(mine, name), getattr(theirs, name)])

        return Experience(
            kind=self.kind,
            metric=self.metric,
            revision=self.revision,
            descriptions=(*mine.descriptions, *theirs.descriptions),
            configurations=mine.configurations,
            losses=stacked("losses"),
            fit_seconds=stacked("fit_seconds"),
            memory_bytes=stacked("memory_bytes"),
            predict_seconds=stacked("predict_seconds"),
            weights=np.concatenate([mine.weights, weight * theirs.weights]),
        )

    def of_share(self, min_share: float) -> "Experience":
        """Return the experience of configurations tried on at least this share of the tasks, 0 to 1.

        Raises
        ------
        OptionError
            If that is no share, or none was.
        """
        if not 0.0 <= min_share <= 1.0:
            raise OptionError(f"a share is a number from 0 to 1, got {min_share}")
        shares = self.is_tried.sum(axis=0) / max(self.n_tasks, 1)
        kept = [c.key for c, share in zip(self.configurations, shares, strict=True) if share >= min_share]
        if self.configurations and not kept:
            raise OptionError(f"no configuration was tried on {min_share:.0%} of the tasks; most: {shares.max():.0%}")
        return self.of_configurations(kept)

    def of_configurations(self, keys: Sequence[str]) -> "Experience":
        """Return the experience of those configurations among ``keys`` that it has."""
        wanted = set(keys)
        kept = [column for column, c in enumerate(self.configurations) if c.key in wanted]
        return Experience(
            kind=self.kind,
            metric=self.metric,
            revision=self.revision,
            descriptions=self.descriptions,
            configurations=tuple(self.configurations[column] for column in kept),
            losses=self.losses[:, kept],
            fit_seconds=self.fit_seconds[:, kept],
            memory_bytes=self.memory_bytes[:, kept],
            predict_seconds=self.predict_seconds[:, kept],
            weights=self.weights,
        )

    def _scaled(self, top: np.ndarray) -> np.ndarray:
        """Return losses between the best, 0, and ``top`` (n_tasks,) or worse, 1."""
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            scaled = (self.losses - self.best[:, None]) / (top - self.best)[:, None]
        is_flat = (top == self.best)[:, None] & np.isfinite(self.losses)
        scaled = np.where(is_flat, np.where(self.losses <= top[:, None], 0.0, 1.0), scaled)
        scaled = np.where(np.isposinf(self.losses), 1.0, np.clip(scaled, 0.0, 1.0))
        return np.where(self.is_tried, scaled, np.nan)

    def _logs_above(self, top: np.ndarray) -> np.ndarray:
        """Return log(1 + relative loss), (n_tasks, n_configurations), where ``top`` (n_tasks,) has a relative one of 1.

        NaN = failed or not tried, or nothing to be relative to.
        """
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            relative = (self.losses - self.best[:, None]) / (top - self.best)[:, None]
        return np.asarray(np.log1p(np.clip(np.where(np.isfinite(relative), relative, np.nan), 0.0, _FAR)))

    def _quantile_of_ok(self, share: float) -> np.ndarray:
        """Return a quantile of the successful losses of each task; NaN where there are none."""
        ok = np.where(np.isfinite(self.losses), self.losses, np.nan)
        common = np.where(self.is_common, ok, np.nan)
        ok = np.where((np.isfinite(common).sum(axis=1) >= MIN_COMMON)[:, None], common, ok)
        return _quantile(ok, share)


def _overshoot(logs: np.ndarray, clipped: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the geometric means of relative losses over the means of the clipped ones, with one more task of 1."""
    weight = np.where(np.isnan(logs), 0.0, weights[:, None])
    total = weight.sum(axis=0) + 1.0
    whole = np.expm1(((weight * np.nan_to_num(logs)).sum(axis=0) + np.log(2.0)) / total)
    below = ((weight * np.nan_to_num(clipped)).sum(axis=0) + 1.0) / total
    return np.asarray(np.maximum(whole / below, 1.0))


def _quantile(values: np.ndarray, share: float) -> np.ndarray:
    """Return what ``numpy.nanquantile(values, share, axis=1)`` does, which takes row by row; NaN = no value."""
    if values.shape[1] == 0:
        return np.full(len(values), np.nan)
    ordered = np.sort(values, axis=1)
    place = np.maximum(share * (np.isfinite(values).sum(axis=1) - 1), 0)
    below, above = np.floor(place).astype(int), np.ceil(place).astype(int)
    low, high = (np.take_along_axis(ordered, each[:, None], axis=1)[:, 0] for each in (below, above))
    return np.asarray(low + (high - low) * (place - below))
