"""Honest intervals: how far predictions were off on families that the recommender had not seen."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from autometa._random import generator
from autometa.knowledge.frames import Experience
from autometa.recommenders.base import Recommender
from autometa.recommenders.location import unit
from autometa.space import Configuration
from autometa.task import TaskDescription

REFERENCE = Configuration(algorithm="lightgbm")  # what people take out of habit: its library's default

_FLOOR = 1e-3  # relative to the unit: smaller differences of small losses do not widen intervals
_N_FOLDS = 10
_N_ADVISED = 10


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Calibration:
    """Errors of predicted losses of advised configurations on held-out families.

    Parameters
    ----------
    residuals : ndarray of shape (n_residuals,)
        log((loss + floor) / (predicted loss + floor)), losses relative to the task's unit.
    weights : ndarray of shape (n_residuals,)
        Each task has weight 1 in all.
    n_tasks : int
        Number of held-out tasks.
    gains : ndarray of shape (n_gains,)
        Errors of predicted gains of the first advice over `REFERENCE`, in units of the task's predicted scale: one for
        each held-out task on which both were measured.

    References
    ----------
    Vovk, V., Gammerman, A., Shafer, G. (2005). Algorithmic learning in a random world. Springer (split conformal
    intervals). https://doi.org/10.1007/b106715
    """

    residuals: np.ndarray = field(repr=False)
    weights: np.ndarray = field(repr=False)
    n_tasks: int
    gains: np.ndarray = field(repr=False, default_factory=lambda: np.zeros(0))

    def thinned(self, n: int = 200) -> "Calibration":
        """Return the calibration by ``n`` residuals of equal weight, at quantiles of these; itself if it has fewer."""
        if len(self.residuals) <= n:
            return self
        order = np.argsort(self.residuals, kind="stable")
        mass = np.cumsum(self.weights[order]) / self.weights.sum()
        places = np.minimum(np.searchsorted(mass, (np.arange(n) + 0.5) / n), len(order) - 1)
        return Calibration(
            residuals=self.residuals[order][places], weights=np.ones(n), n_tasks=self.n_tasks, gains=self.gains
        )

    def interval(self, loss: float, size: float, coverage: float = 0.8) -> tuple[float, float]:
        """Return the interval of losses around a predicted ``loss`` on a task whose unit is ``size``.

        It would have held the measured loss on a share ``coverage`` of the held-out tasks; (0, inf) where too few
        tasks are known to say so.
        """
        tail = (1.0 - coverage) / 2.0
        # With the correction for finite samples; rounded, so that 36 / 39 of the mass is where it should be.
        level = round((1.0 - tail) * (self.n_tasks + 1) / max(self.n_tasks, 1), 12)
        if level > 1.0 or self.n_tasks == 0:
            return 0.0, np.inf
        order = np.argsort(self.residuals, kind="stable")
        residuals, mass = self.residuals[order], np.round(np.cumsum(self.weights[order]) / self.weights.sum(), 12)
        low = residuals[min(int(np.searchsorted(mass, round(1.0 - level, 12), side="right")), len(mass) - 1)]
        high = residuals[min(int(np.searchsorted(mass, level)), len(mass) - 1)]
        relative = loss / size + _FLOOR
        return (
            float(max(relative * np.exp(low) - _FLOOR, 0.0) * size),
            float(max(relative * np.exp(high) - _FLOOR, 0.0) * size),
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
    residuals: list[np.ndarray] = []
    gains: list[float] = []
    for fold in range(n_folds if len(families) > 1 else 0):
        hidden = {families[i] for i in shuffled[fold::n_folds]}
        is_hidden = np.array([family in hidden for family in experience.families])
        recommender = make().fit(experience.of_tasks(~is_hidden), seed)
        for row in np.flatnonzero(is_hidden):
            found, gain = _errors(recommender, experience.descriptions[row], experience.losses[row], experience)
            if len(found):
                residuals.append(found)
            if gain is not None:
                gains.append(gain)
    empty = [np.zeros(0)]
    return Calibration(
        residuals=np.concatenate(residuals or empty),
        weights=np.concatenate([np.full(len(found), 1.0 / len(found)) for found in residuals] or empty),
        n_tasks=len(residuals),
        gains=np.array(gains),
    )


def _errors(
    recommender: Recommender, description: TaskDescription, losses: np.ndarray, experience: Experience
) -> tuple[np.ndarray, float | None]:
    """Return the errors of predicted losses on one held-out task, and that of the predicted gain where there is one."""
    tried = np.flatnonzero(np.isfinite(losses))
    configurations = [experience.configurations[column] for column in tried]
    order = list(recommender.rank(description, configurations, n=_N_ADVISED))
    prediction = recommender.predict(description, configurations)
    size = unit(experience.metric, description)
    measured, predicted = losses[tried[order]], prediction.losses[order]
    errors = np.asarray(np.log((measured / size + _FLOOR) / (predicted / size + _FLOOR)))
    reference = experience.position_of.get(REFERENCE.key, -1)
    if not order or reference not in tried:
        return errors, None
    at = int(np.searchsorted(tried, reference))
    gain = losses[reference] - measured[0]
    return errors, float((gain - (prediction.losses[at] - predicted[0])) / prediction.scale)
