"""Transfer: what to try next on a new task, from past runs of one algorithm on others and from what was told.

Shapes: n points, p parameters, c candidates, t past tasks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from autometa.recommenders.ranking_ensemble import MIN_RUNS, RankingEnsemble
from autometa.recommenders.unit_cube import UnitCube, parameters_of
from autometa.space import Value

Floats = npt.NDArray[np.float64]
Point = Mapping[str, Value]

N_FIRST = 5  # results after which they, and no more a portfolio over past tasks, decide
N_LEADS = 2_000  # candidates for the first
N_DRAWN = 500  # candidates from all over the space, at each proposal
N_NEAR = 100  # around each of the best results, at each distance
DISTANCES = (0.2, 0.05)
N_BEST = 3  # results, or runs of each past task, that candidates are taken from


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PastRuns:
    """What was tried on one past task.

    Parameters
    ----------
    points : sequence of mapping, n of them
        The values of each run.
    losses : ndarray of shape (n,)
        Smaller is better; inf = failed.
    """

    points: Sequence[Point] = field(repr=False)
    losses: Floats = field(repr=False)

    def best(self, n: int) -> list[Point]:
        """Return the points of the ``n`` runs of least loss."""
        return [self.points[i] for i in np.argsort(self.losses, kind="stable")[:n]]


class Transfer:
    """Proposes what to try next.

    The first is good on average over the past tasks, as `RankingEnsemble` sees these, and the next four complement it:
    a greedy portfolio. From then on it is the largest expected improvement under that ensemble, which weighs past tasks
    by the results.

    Parameters
    ----------
    past : sequence of PastRuns
        Those of fewer than five runs are left out; one at least must have as many.
    """

    def __init__(self, past: Sequence[PastRuns]) -> None:
        self.past = [runs for runs in past if len(runs.losses) >= MIN_RUNS]
        self._fitted: tuple[tuple[object, ...], RankingEnsemble] | None = None

    def lead(self, rng: np.random.Generator) -> Point:
        """Return what to begin with, whatever the space: of all that lies in the ranges of past runs, what they expect
        most of, by the mean over past tasks.

        Nothing, where past runs do not differ in any value.
        """
        cube = UnitCube(parameters_of([point for runs in self.past for point in runs.points]))
        if not cube.parameters:
            return {}
        known = cube.places([point for runs in self.past for point in runs.best(N_BEST)])
        places = np.vstack([known[~np.isnan(known).any(axis=1)], cube.drawn(rng, N_LEADS)])
        expected = self._ensemble(cube).expected(cube.coordinates(places)).mean(axis=0)
        return cube.values(places[int(np.argmin(np.round(expected, 12)))])

    def propose(
        self, cube: UnitCube, told: Sequence[Point], losses: Floats, running: Sequence[Point], rng: np.random.Generator
    ) -> Point:
        """Return what to try next.

        Parameters
        ----------
        cube : UnitCube
            The space of the new task.
        told : sequence of mapping, n of them
            What was tried on it.
        losses : ndarray of shape (n,)
            What came of it; inf = failed.
        running : sequence of mapping
            What is being tried: nothing is proposed again.
        rng : Generator
            Draws the candidates.
        """
        places = cube.places(told)
        candidates = self._candidates(cube, places, losses, np.vstack([places, cube.places(running)]), rng)
        if not len(candidates):  # all of a small space is being tried
            return cube.values(cube.drawn(rng, 1)[0])
        ensemble = self._ensemble(cube)
        points, observed = cube.coordinates(candidates), cube.coordinates(places)
        if len(told) >= N_FIRST:
            chosen = _most_improving(ensemble, points, observed, losses, rng)
        else:
            chosen = _complement(ensemble, points, observed)
        return cube.values(candidates[chosen])

    def _ensemble(self, cube: UnitCube) -> RankingEnsemble:
        """Return the ensemble of the past runs in a space; that of the last space is kept."""
        if self._fitted is None or self._fitted[0] != cube.parameters:
            runs = [(cube.coordinates(cube.places(each.points)), each.losses) for each in self.past]
            self._fitted = (cube.parameters, RankingEnsemble().fit(runs))
        return self._fitted[1]

    def _candidates(
        self, cube: UnitCube, places: Floats, losses: Floats, taken: Floats, rng: np.random.Generator
    ) -> Floats:
        """Return the places of candidates, (c, p): past and present best ones, around these, and from all over."""
        known = cube.places([point for runs in self.past for point in runs.best(N_BEST)])
        is_inside = ~np.isnan(known).any(axis=1) & (known >= 0).all(axis=1) & (known <= cube.highest).all(axis=1)
        parts = [cube.drawn(rng, N_DRAWN), cube.snapped(known[is_inside])]
        for place in places[np.argsort(losses, kind="stable")[:N_BEST]]:
            parts += [cube.near(rng, place, N_NEAR, distance) for distance in DISTANCES]
        found = np.unique(np.round(np.vstack(parts), 9), axis=0)
        is_new = ~(found[:, None] == np.round(taken, 9)[None]).all(axis=2).any(axis=1)
        return np.asarray(found[is_new])


def _costs(expected: Floats) -> Floats:
    """Return what past tasks let expect, (t, c), between the best of the points, 0, and the median run or worse, 1."""
    low = np.minimum(expected.min(axis=1, keepdims=True), -1e-9)
    return np.asarray(np.clip(1.0 - expected / low, 0.0, 1.0))  # in normal scores, the median is 0


def _complement(ensemble: RankingEnsemble, points: Floats, observed: Floats) -> int:
    """Return the position of the point that lowers the mean over past tasks of the least cost so far most."""
    costs = _costs(ensemble.expected(np.vstack([points, observed])))
    least = costs[:, len(points) :].min(axis=1, initial=1.0)
    after = np.minimum(least[:, None], costs[:, : len(points)]).mean(axis=0)
    return int(np.argmin(np.round(after, 12)))


def _most_improving(
    ensemble: RankingEnsemble, points: Floats, observed: Floats, losses: Floats, rng: np.random.Generator
) -> int:
    """Return the position of the point with the largest expected improvement; of the least mean where there is none."""
    from scipy.stats import norm

    conditioned = ensemble.condition(observed, losses, rng)
    mean, std = conditioned.predict(points)
    std = np.maximum(std, 1e-9)
    gap = conditioned.least - mean
    improvement = gap * norm.cdf(gap / std) + std * norm.pdf(gap / std)
    return int(np.argmax(improvement)) if improvement.max() > 1e-12 else int(np.argmin(mean))
