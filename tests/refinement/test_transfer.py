"""What is proposed next, from past runs and results."""

from collections.abc import Callable

import numpy as np
import pytest

from autometa.recommenders.population import Population
from autometa.recommenders.surrogate import Surrogate
from autometa.recommenders.unit_cube import UnitCube, parameters_of
from autometa.refinement import transfer
from autometa.refinement.transfer import PastRuns, Transfer


def drawn(n: int, seed: int) -> list[dict[str, float]]:
    return [{"x": x, "y": y} for x, y in np.random.default_rng(seed).random((n, 2)).tolist()]


def bowl(point: dict[str, float], centre: float) -> float:
    return (point["x"] - centre) ** 2 + (point["y"] - centre) ** 2


def past() -> list[PastRuns]:
    return [
        PastRuns(points=points, losses=np.array([bowl(point, centre) for point in points]))
        for points, centre in ((drawn(40, seed), 0.15 + 0.02 * seed) for seed in range(6))
    ]


def searched(
    loss: Callable[[dict[str, float]], float], n: int, make: Callable[[], Surrogate] = Population
) -> list[float]:
    """Return the losses of a search."""
    own = Transfer(past(), make)
    cube = UnitCube(parameters_of([point for runs in past() for point in runs.points]))
    rng = np.random.default_rng(0)
    told = [dict(own.lead(rng))]
    losses = [loss(told[0])]  # type: ignore[arg-type] # numbers only
    for _ in range(n - 1):
        told.append(dict(own.propose(cube, told, np.array(losses), [], rng)))
        losses.append(loss(told[-1]))  # type: ignore[arg-type] # numbers only
    return losses


def needle(point: dict[str, float]) -> float:
    """Return a loss that is the same nearly everywhere, and far from where past tasks are good it is not."""
    return 1.0 - max(0.0, 1.0 - 9.0 * bowl(point, 0.8)) + 1e-3 * bowl(point, 0.2)


def test_a_task_that_is_unlike_all_past_ones_is_searched_all_over(monkeypatch: pytest.MonkeyPatch) -> None:
    assert min(searched(needle, 25)) < 0.2
    monkeypatch.setattr(transfer, "ALONE_EVERY", 1_000)
    assert min(searched(needle, 25)) > 0.8, "by what the past expects alone it is not found"


def test_a_task_that_is_like_past_ones_is_still_begun_well() -> None:
    losses = searched(lambda point: bowl(point, 0.22), 6)
    assert losses[0] < 0.05
    assert min(losses) < 0.002
