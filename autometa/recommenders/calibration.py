"""Honest intervals: how far predictions were off on families that the recommender had not seen."""

import math
from collections.abc import Callable, Mapping, Sequence
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
_MIN_FIRST = 9  # first advices of which errors are known: fewer have no tenth


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
        predicted scale: one for each held-out task on which both were measured, and are not the same.
    by_algorithm : mapping of str to (ndarray, ndarray)
        ``first`` and ``gains`` of what is advised first where one algorithm alone is allowed: see `of_algorithm`.

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
    by_algorithm: Mapping[str, tuple[np.ndarray, np.ndarray]] = field(repr=False, default_factory=dict)

    def of_algorithm(self, name: str) -> Self:
        """Return the calibration for a first advice that is the best of one algorithm, rather than of all.

        A weak algorithm is predicted worse: nothing else would be known of it in particular, for it is seldom advised.
        """
        first, gains = self.by_algorithm.get(name, (np.zeros(0), np.zeros(0)))
        return replace(self, first=first, gains=gains)

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

    def thinned(self, n: int = 200, n_of_algorithm: int = 60) -> "Calibration":
        """Return the calibration by ``n`` residuals of equal weight, at quantiles of these; by all if they are fewer.

        Those of each algorithm are thinned to ``n_of_algorithm``, gains as well.
        """
        residuals = _thinned(self.residuals, self.weights, n)
        by_algorithm = {
            name: (_thinned(first, None, n_of_algorithm), _thinned(gains, None, n_of_algorithm))
            for name, (first, gains) in self.by_algorithm.items()
        }
        weights = self.weights if len(residuals) == len(self.residuals) else np.ones(len(residuals))
        return replace(self, residuals=residuals, weights=weights, by_algorithm=by_algorithm)

    def interval(
        self, loss: float, size: float, coverage: float = 0.8, *, is_first: bool = False
    ) -> tuple[float, float]:
        """Return the interval of losses around a `centred` ``loss`` on a task whose unit is ``size``.

        It would have held the measured loss on a share ``coverage`` of the held-out tasks, of the first advice or of
        all that was advised; (0, inf) where too few tasks are known to say so. Where those of the first advice are too
        few, all that was advised says what it can.
        """
        residuals, weights, n_tasks = self.residuals, self.weights, self.n_tasks
        if is_first and len(self.first) >= _MIN_FIRST:
            residuals, weights, n_tasks = self.first, np.ones(len(self.first)), len(self.first)
        tail = (1.0 - coverage) / 2.0
        # With the correction for finite samples; rounded, so that 36 / 39 of the mass is where it should be.
        level = round((1.0 - tail) * (n_tasks + 1) / max(n_tasks, 1), 12)
        if level > 1.0 or n_tasks == 0:
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
        found = (_Told.of(recommender, experience, int(row)) for row in np.flatnonzero(is_hidden))
        told += [each for each in found if each is not None]
    empty = [np.zeros(0)]
    made = Calibration(
        residuals=np.concatenate([each.residuals for each in told] or empty),
        weights=np.concatenate([np.full(len(each.measured), 1.0 / len(each.measured)) for each in told] or empty),
        first=np.array([each.residual(each.first) for each in told]),
        n_tasks=len(told),
    )
    by_algorithm = {}
    for name in sorted({name for each in told for name in each.best_of}):
        own = [(each, each.best_of[name]) for each in told if name in each.best_of]
        first = np.array([each.residual(best) for each, best in own])
        by_algorithm[name] = (first, _known([each.gain_error(made, best) for each, best in own]))
    gains = _known([each.gain_error(made, each.first) for each in told])
    return replace(made, gains=gains, by_algorithm=by_algorithm)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pick:
    """A configuration that is advised first on a held-out task: its measured and predicted loss."""

    measured: float
    predicted: float
    is_reference: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Told:
    """What a recommender says of the configurations that it advises first on a held-out task, and what is measured.

    Parameters
    ----------
    measured, predicted : ndarray of shape (n_advised,)
        Losses, in the order of the advice.
    first : _Pick
        The first of them.
    best_of : dict of str to _Pick
        What is advised first where an algorithm alone is allowed, by its name.
    reference : tuple of float or None
        Measured and predicted loss of `REFERENCE`, where that was measured.
    size, scale : float
        Of the task: its unit, and its predicted scale.
    """

    measured: npt.NDArray[np.float64]
    predicted: npt.NDArray[np.float64]
    first: _Pick
    best_of: dict[str, _Pick]
    reference: tuple[float, float] | None
    size: float
    scale: float

    @classmethod
    def of(cls, recommender: Recommender, experience: Experience, row: int) -> Self | None:
        """Return what is said of a task that the recommender has not seen; None if nothing succeeded there."""
        description, losses = experience.descriptions[row], experience.losses[row]
        tried = np.flatnonzero(np.isfinite(losses))
        if not len(tried):
            return None
        configurations = [experience.configurations[column] for column in tried]
        order = list(recommender.rank(description, configurations, n=_N_ADVISED))
        prediction = recommender.predict(description, configurations)

        def pick(place: int) -> _Pick:
            return _Pick(
                measured=float(losses[tried[place]]),
                predicted=float(prediction.losses[place]),
                is_reference=configurations[place] == REFERENCE,
            )

        places: dict[str, list[int]] = {}
        for place, configuration in enumerate(configurations):
            places.setdefault(configuration.algorithm, []).append(place)
        best_of = {
            name: pick(own[recommender.propose(description, [configurations[place] for place in own])])
            for name, own in places.items()
        }
        reference = next((pick(place) for place, each in enumerate(configurations) if each == REFERENCE), None)
        return cls(
            measured=losses[tried[order]],
            predicted=prediction.losses[order],
            first=pick(order[0]),
            best_of=best_of,
            reference=None if reference is None else (reference.measured, reference.predicted),
            size=unit(experience.metric, description),
            scale=prediction.scale,
        )

    @property
    def residuals(self) -> npt.NDArray[np.float64]:
        """Errors of the predicted losses, (n_advised,)."""
        return np.asarray(np.log((self.measured / self.size + _FLOOR) / (self.predicted / self.size + _FLOOR)))

    def residual(self, pick: _Pick) -> float:
        """Return the error of the predicted loss of one."""
        return math.log((pick.measured / self.size + _FLOOR) / (pick.predicted / self.size + _FLOOR))

    def gain_error(self, calibration: Calibration, pick: _Pick) -> float | None:
        """Return the error of the predicted gain of one over the reference; None if that was not measured, or is it."""
        if self.reference is None or pick.is_reference:
            return None
        measured, predicted = self.reference
        of_reference, of_first = calibration.centred(np.array([predicted, pick.predicted]), self.size)
        return float((measured - pick.measured - (of_reference - of_first)) / self.scale)


def _known(errors: Sequence[float | None]) -> npt.NDArray[np.float64]:
    """Return the errors that are known."""
    return np.array([error for error in errors if error is not None], dtype=float)


def _thinned(values: np.ndarray, weights: np.ndarray | None, n: int) -> np.ndarray:
    """Return ``n`` quantiles of values, weighted or all alike; all of them if there are no more."""
    if len(values) <= n:
        return values
    weights = np.ones(len(values)) if weights is None else weights
    order = np.argsort(values, kind="stable")
    mass = np.cumsum(weights[order]) / weights.sum()
    places = np.minimum(np.searchsorted(mass, (np.arange(n) + 0.5) / n), len(order) - 1)
    return np.asarray(values[order][places])
