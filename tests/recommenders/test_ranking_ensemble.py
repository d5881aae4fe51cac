"""RGPE: what past tasks bring, and when they bring nothing."""

import numpy as np
import pytest
from scipy.stats import norm

from autometa.recommenders.ranking_ensemble import MAX_RUNS, RankingEnsemble, WeightedProcesses, normal_scores

INF = float("inf")


def bowl(points: np.ndarray, centre: float = 0.3) -> np.ndarray:
    """Return losses that are least at a place."""
    return np.asarray(((points - centre) ** 2).sum(axis=1))


def drawn(n: int, seed: int = 0) -> np.ndarray:
    """Return points in two dimensions."""
    return np.random.default_rng(seed).random((n, 2))


def conditioned(past: list[tuple[np.ndarray, np.ndarray]], points: np.ndarray, losses: np.ndarray) -> WeightedProcesses:
    """Return what is expected after some results."""
    return RankingEnsemble().fit(past).condition(points, losses, np.random.default_rng(0))


def test_normal_scores_are_those_of_the_ranks() -> None:
    expected = norm.ppf([0.125, 0.375, 0.75, 0.75])
    np.testing.assert_allclose(normal_scores(np.array([1.0, 2.0, 7.0, 7.0])), expected)


def test_a_past_task_like_the_new_one_tells_where_to_look() -> None:
    points = drawn(6, seed=5)
    past = [(drawn(40, seed), bowl(drawn(40, seed))) for seed in (1, 2)]
    grid = drawn(400, seed=9)
    mean, std = conditioned(past, points, 100.0 + 7.0 * bowl(points)).predict(grid)
    assert np.linalg.norm(grid[np.argmin(mean)] - 0.3) < 0.15
    assert (std > 0).all()


def test_a_past_task_that_ranks_the_results_wrongly_has_no_say() -> None:
    points = drawn(12, seed=5)
    past = [(drawn(40, 1), -bowl(drawn(40, 1)))]
    with_it = conditioned(past, points, bowl(points)).predict(drawn(50, 9))
    alone = conditioned([], points, bowl(points)).predict(drawn(50, 9))
    np.testing.assert_allclose(with_it, alone)


def test_weights_sum_to_one_and_the_least_is_that_of_standardised_losses() -> None:
    points = drawn(8, seed=3)
    losses = bowl(points)
    found = conditioned([(drawn(40, s), bowl(drawn(40, s), 0.1 * s)) for s in range(6)], points, losses)
    assert sum(weight for _, weight in found.processes) == pytest.approx(1.0)
    assert found.least == pytest.approx((losses.min() - losses.mean()) / losses.std())


def test_leaving_one_out_in_closed_form_is_leaving_it_out() -> None:
    points, values = drawn(10, seed=4), np.sin(7.0 * drawn(10, seed=4)[:, 0])
    ((process, weight),) = conditioned([], points, values).processes
    assert weight == 1.0
    kernel = process._regressor.kernel_
    known = process._values
    for i in range(10):
        others = np.arange(10) != i
        covariance = kernel(points[others])
        expected = kernel(points[[i]], points[others]) @ np.linalg.solve(covariance, known[others])
        assert process.left_out()[i] == pytest.approx(expected[0], abs=1e-4)


def test_what_failed_counts_as_the_worst() -> None:
    points = drawn(8, seed=3)
    losses = bowl(points)
    worst, failed = losses.copy(), losses.copy()
    worst[2], failed[2] = losses.max(), INF
    one, other = (conditioned([], points, each).predict(drawn(20, 9)) for each in (worst, failed))
    np.testing.assert_allclose(one, other)
    assert np.isfinite(conditioned([], points, np.full(8, INF)).predict(drawn(20, 9))).all()


def test_past_tasks_with_few_runs_are_left_out_and_long_ones_thinned() -> None:
    ensemble = RankingEnsemble().fit([(drawn(4), bowl(drawn(4))), (drawn(500, 1), bowl(drawn(500, 1)))])
    (process,) = ensemble.past_
    assert len(process._values) == MAX_RUNS
    assert process._values.min() == pytest.approx(norm.ppf(0.5 / 500)), "the best is kept, with its rank among all"
    expected = ensemble.expected(drawn(300, 9))
    assert expected.shape == (1, 300)
    assert np.corrcoef(expected[0], bowl(drawn(300, 9)))[0, 1] > 0.8
