"""Honest intervals: how far predictions were off on families that the recommender had not seen."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt

from autometa._random import generator
from autometa.knowledge.frames import Experience
from autometa.recommenders.base import Recommender
from autometa.recommenders.location import unit
from autometa.space import Configuration

REFERENCE = Configuration(algorithm="lightgbm")  # what people take out of habit: its library's default

_FLOOR = 1e-3  # relative to the unit: smaller differences of small losses do not widen intervals
_N_FOLDS = 10
_N_ADVISED = 10


@dataclass(frozen=True, kw_only=True, eq=False)
class Calibration:
    """Errors of predicted losses of advised configurations on held-out families.

    Parameters
    ----------
    residuals : ndarray of shape (n_residuals,)
        log((loss + floor) / (predicted loss + floor)), losses relative to the task's unit, predicted by a recommender.
    weights : ndarray of shape (n_residuals,)
        Each task has weight 1 in all.
    first : ndarray of shape (n_tasks,)
        The residuals of the first advice on a new task alone, one for each held-out task: they spread otherwise than
        those of what is advised after it.
    n_tasks : int
        Number of held-out tasks.
    gains : ndarray of shape (n_gains,)
        Errors of predicted gains of the first advice over `REFERENCE`, from `centred` losses, in units of the task's
        predicted scale: one for each held-out task on which both were measured.

    References
    ----------
    Vovk, V., Gammerman, A., Shafer, G. (2005). Algorithmic learning in a random world. Springer (split conformal
    intervals). https://doi.org/10.1007/b106715
    """

    residuals: np.ndarray = field(repr=False)
    weights: np.ndarray = field(repr=False)
    first: np.ndarray = field(repr=False)
    n_tasks: int
    gains: np.ndarray = field(repr=False, default_factory=lambda: np.zeros(0))

    @cached_property
    def centre(self) -> float:
        """The median residual, 0 where there is none: how much too good predictions usually are."""
        if len(self.residuals) == 0:
            return 0.0
        order = np.argsort(self.residuals, kind="stable")
        mass = np.cumsum(self.weights[order]) / self.weights.sum()
        return float(self.residuals[order][min(int(np.searchsorted(mass, 0.5)), len(mass) - 1)])

    def centred(self, losses: npt.NDArray[np.float64], size: float) -> npt.NDArray[np.float64]:
        """Return a recommender's losses, on a task whose unit is ``size``, moved so that half of all are too high."""
        moved = (losses / size + _FLOOR) * np.exp(self.centre) - _FLOOR
        return np.asarray(np.maximum(moved, 0.0) * size)

    def thinned(self, n: int = 200) -> "Calibration":
        """Return the calibration by ``n`` residuals of equal weight, at quantiles of these; itself if it has fewer."""
        if len(self.residuals) <= n:
            return self
        order = np.argsort(self.residuals, kind="stable")
        mass = np.cumsum(self.weights[order]) / self.weights.sum()
        places = np.minimum(np.searchsorted(mass, (np.arange(n) + 0.5) / n), len(order) - 1)
        return replace(self, residuals=self.residuals[order][places], weights=np.ones(n))

    def interval(
        self, loss: float, size: float, coverage: float = 0.8, *, is_first: bool = False
    ) -> tuple[float, float]:
        """Return the interval of losses around a `centred` ``loss`` on a task whose unit is ``size``.

        It would have held the measured loss on a share ``coverage`` of the held-out tasks, of the first advice or of
        all that was advised; (0, inf) where too few tasks are known to say so.
        """
        residuals, weights = (self.first, np.ones(len(self.first))) if is_first else (self.residuals, self.weights)
        tail = (1.0 - coverage) / 2.0
        # With the correction for finite samples; rounded, so that 36 / 39 of the mass is where it should be.
        level = round((1.0 - tail) * (self.n_tasks + 1) / max(self.n_tasks, 1), 12)
        if level > 1.0 or self.n_tasks == 0:
            return 0.0, np.inf
        order = np.argsort(residuals, kind="stable")
        residuals, mass = residuals[order], np.round(np.cumsum(weights[order]) / weights.sum(), 12)
        low = residuals[min(int(np.searchsorted(mass, round(1.0 - level, 12), side="right")), len(mass) - 1)]
        high = residuals[min(int(np.searchsorted(mass, level)), len(mass) - 1)]
        relative = loss / size + _FLOOR
        return (
            float(max(relative * np.exp(low - self.centre) - _FLOOR, 0.0) * size),
            float(max(relative * np.exp(high - self.centre) - _FLOOR, 0.0) * size),
        )

    def gain_interval(self, gain: float, scale: float, coverage: float = 0.8) -> tuple[float, float]:
        """Return the interval around a predicted gain, in the unit of the loss, on a task of this predicted scale.

        It would have held the measured gain on a share ``coverage`` of the held-out tasks; (-inf, inf) where too few
        are known to say so.
        """
        n_gains = len(self.gains)
        below = math.floor(
            round((1.0 - coverage) / 2.0 * (n_gains + 1), 9)
        )  # residuals that may lie under the interval
        if below < 1:
            return -np.inf, np.inf
        ordered = np.sort(self.gains)
        return gain + scale * float(ordered[below - 1]), gain + scale * float(ordered[n_gains - below])


def calibrate(make: Callable[[], Recommender], experience: Experience, seed: int = 0) -> Calibration:
    """Return the calibration of a recommender by grouped cross-validation over families.

    Each family is hidden once, in at most ten folds; on its tasks the recommender predicts the ten configurations
    that it would advise first among those that were tried there and succeeded.
    """
    families = sorted(set(experience.families))
    shuffled = generator(seed, "calibration").permutation(len(families))
    n_folds = min(_N_FOLDS, len(families))
    told: list[_Told] = []
    for fold in range(n_folds if len(families) > 1 else 0):
        hidden = {families[i] for i in shuffled[fold::n_folds]}
        is_hidden = np.array([family in hidden for family in experience.families])
        recommender = make().fit(experience.of_tasks(~is_hidden), seed)
        told += [_Told.of(recommender, experience, int(row)) for row in np.flatnonzero(is_hidden)]
    told = [each for each in told if len(each.measured)]
    empty = [np.zeros(0)]
    made = Calibration(
        residuals=np.concatenate([each.residuals for each in told] or empty),
        weights=np.concatenate([np.full(len(each.measured), 1.0 / len(each.measured)) for each in told] or empty),
        first=np.array([each.residuals[0] for each in told]),
        n_tasks=len(told),
    )
    gains = [each.gain_error(made) for each in told]
    return replace(made, gains=np.array([gain for gain in gains if gain is not None]))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Told:
    """What a recommender says of the configurations that it advises first on a held-out task, and what is measured.

    Parameters
    ----------
    measured, predicted : ndarray of shape (n_advised,)
        Losses, in the order of the advice.
    reference : tuple of float or None
        Measured and predicted loss of `REFERENCE`, where that was measured.
    size, scale : float
        Of the task: its unit, and its predicted scale.
    """

    measured: npt.NDArray[np.float64]
    predicted: npt.NDArray[np.float64]
    reference: tuple[float, float] | None
    size: float
    scale: float

    @classmethod
    def of(cls, recommender: Recommender, experience: Experience, row: int) -> Self:
        """Return what is said of a task that the recommender has not seen."""
        description, losses = experience.descriptions[row], experience.losses[row]
        tried = np.flatnonzero(np.isfinite(losses))
        configurations = [experience.configurations[column] for column in tried]
        order = list(recommender.rank(description, configurations, n=_N_ADVISED))
        prediction = recommender.predict(description, configurations)
        column = experience.position_of.get(REFERENCE.key, -1)
        reference = None
        if column in tried:
            at = int(np.searchsorted(tried, column))
            reference = (float(losses[column]), float(prediction.losses[at]))
        return cls(
            measured=losses[tried[order]],
            predicted=prediction.losses[order],
            reference=reference,
            size=unit(experience.metric, description),
            scale=prediction.scale,
        )

    @property
    def residuals(self) -> npt.NDArray[np.float64]:
        """Errors of the predicted losses, (n_advised,)."""
        return np.asarray(np.log((self.measured / self.size + _FLOOR) / (self.predicted / self.size + _FLOOR)))

    def gain_error(self, calibration: Calibration) -> float | None:
        """Return the error of the predicted gain of the first advice over the reference, where that was measured."""
        if self.reference is None:
            return None
        measured, predicted = self.reference
        of_reference, of_first = calibration.centred(np.array([predicted, self.predicted[0]]), self.size)
        return float((measured - self.measured[0] - (of_reference - of_first)) / self.scale)
