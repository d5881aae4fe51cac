"""Transfer: what to try next on a new task, from past runs of one algorithm on others and from what was told.

Shapes: n points, p parameters, c candidates, t past tasks.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from autometa.recommenders.population import MIN_RUNS, Population
from autometa.recommenders.surrogate import Surrogate
from autometa.recommenders.unit_cube import UnitCube, parameters_of
from autometa.space import Value

Floats = npt.NDArray[np.float64]
Point = Mapping[str, Value]

N_LEADS = 2_000  # candidates for the first
N_DRAWN = 500  # candidates from all over the space, at each proposal
N_NEAR = 50  # around each of the best results, at each distance
DISTANCES = (0.2, 0.05)
N_BEST = 3  # results that candidates are near to, or runs of each past task that may be the first
FINER = (0.1, 0.03)  # distances at which the most promising candidates are then varied, one after the other
N_REFINED = 4  # of them
N_FINER = 25  # around each
ALONE_EVERY = 5  # of so many trials one goes by the results of the new task alone


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

    The first is good on average over the past tasks, as the surrogate sees these. From then on it is the largest
    expected improvement under what the results make of it; every so often, under what they say alone: where a task is
    unlike all that are past, what these expect may be bad through and through, and nothing near it says so.

    Parameters
    ----------
    past : sequence of PastRuns
        Those of fewer than five runs are left out; one at least must have as many.
    make : callable
        Returns an unfitted surrogate.
    """

    def __init__(self, past: Sequence[PastRuns], make: Callable[[], Surrogate] = Population) -> None:
        self.past = [runs for runs in past if len(runs.losses) >= MIN_RUNS]
        self._make = make
        self._fitted: tuple[tuple[object, ...], Surrogate] | None = None

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
        expected = self._surrogate(cube).expected(cube.coordinates(places)).mean(axis=0)
        return cube.values(places[int(np.argmin(np.round(expected, 12)))])

    def propose(
        self, cube: UnitCube, told: Sequence[Point], losses: Floats, running: Sequence[Point], rng: np.random.Generator
    ) -> Point:
        """Return what to try next.

        Parameters
        ----------
        cube : UnitCube
            The space of the new task.
        told : sequence of mapping, n of them, at least one
            What was tried on it.
        losses : ndarray of shape (n,)
            What came of it; inf = failed.
        running : sequence of mapping
            What is being tried: nothing is proposed again, and what is expected there is taken to come of it.
        rng : Generator
            Draws the candidates.
        """
        places, awaited = cube.places(told), cube.places(running)
        taken = np.vstack([places, awaited])
        candidates = _new(np.vstack(self._candidates(cube, places, losses, rng)), taken)
        if not len(candidates):  # all of a small space is being tried
            return cube.values(cube.drawn(rng, 1)[0])
        surrogate = self._surrogate(cube)
        condition = surrogate.alone if len(taken) % ALONE_EVERY == ALONE_EVERY - 1 else surrogate.condition
        expected = condition(cube.coordinates(places), losses)
        if len(awaited):
            expected = expected.believing(cube.coordinates(awaited))
        gains = expected.log_improvement(cube.coordinates(candidates))
        for distance in FINER:
            best = candidates[np.argsort(-gains, kind="stable")[:N_REFINED]]
            finer = _new(np.vstack([cube.near(rng, place, N_FINER, distance) for place in best]), taken)
            candidates = np.vstack([candidates, finer])
            gains = np.concatenate([gains, expected.log_improvement(cube.coordinates(finer))])
        return cube.values(candidates[int(np.argmax(gains))])

    def _surrogate(self, cube: UnitCube) -> Surrogate:
        """Return what was learned from the past runs in a space; that of the last space is kept."""
        if self._fitted is None or self._fitted[0] != cube.parameters:
            runs = [(cube.coordinates(cube.places(each.points)), each.losses) for each in self.past]
            self._fitted = (cube.parameters, self._make().fit(runs))
        return self._fitted[1]

    def _candidates(self, cube: UnitCube, places: Floats, losses: Floats, rng: np.random.Generator) -> list[Floats]:
        """Return the places of candidates, (c, p) in all: past best ones, around present ones, and from all over."""
        known = cube.places([point for runs in self.past for point in runs.best(1)])
        is_inside = ~np.isnan(known).any(axis=1) & (known >= 0).all(axis=1) & (known <= cube.highest).all(axis=1)
        parts = [cube.drawn(rng, N_DRAWN), cube.snapped(known[is_inside])]
        for place in places[np.argsort(losses, kind="stable")[:N_BEST]]:
            parts += [cube.near(rng, place, N_NEAR, distance) for distance in DISTANCES]
        return parts


def _new(places: Floats, taken: Floats) -> Floats:
    """Return places (c, p), each once, without those that are taken (n, p)."""
    found = np.unique(np.round(places, 9), axis=0)
    is_taken = (found[:, None] == np.round(taken, 9)[None]).all(axis=2).any(axis=1)
    return np.asarray(found[~is_taken])
