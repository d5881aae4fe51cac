"""The process of a new task: what past tasks bring, and when they bring nothing."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

from autometa.recommenders.population import MAX_RESULTS, MAX_RUNS, Conditioned, Population, normal_scores

INF = float("inf")
Past = list[tuple[np.ndarray, np.ndarray]]


def bowl(points: np.ndarray, centre: float = 0.3) -> np.ndarray:
    """Return losses that are least at a place."""
    return np.asarray(((points - centre) ** 2).sum(axis=1))


def drawn(n: int, seed: int = 0) -> np.ndarray:
    """Return points in two dimensions."""
    return np.random.default_rng(seed).random((n, 2))


def bowls(*centres: float) -> Past:
    """Return past tasks that are best at some places."""
    return [(drawn(40, seed), bowl(drawn(40, seed), centre)) for seed, centre in enumerate(centres)]


def conditioned(past: Past, points: np.ndarray, losses: np.ndarray) -> Conditioned:
    """Return what is expected after some results."""
    return Population().fit(past).condition(points, losses)


def test_normal_scores_are_those_of_the_ranks() -> None:
    expected = norm.ppf([0.125, 0.375, 0.75, 0.75])
    np.testing.assert_allclose(normal_scores(np.array([1.0, 2.0, 7.0, 7.0])), expected)


def test_a_past_task_is_the_process_that_scikit_learn_fits() -> None:
    ((points, losses),) = bowls(0.4)
    kernel = ConstantKernel(1.0, (0.05, 20.0)) * Matern(np.full(2, 0.5), (0.05, 20.0), nu=2.5)
    process = GaussianProcessRegressor(kernel + WhiteKernel(1e-2, (1e-5, 1.0)))
    noisy = losses + 0.05 * np.random.default_rng(0).normal(size=40)
    expected = process.fit(points, normal_scores(noisy)).predict(drawn(50, 9))
    np.testing.assert_allclose(Population().fit([(points, noisy)]).expected(drawn(50, 9))[0], expected, atol=1e-3)


@pytest.mark.parametrize("scale", [1.0, 7.0])
def test_past_tasks_like_the_new_one_tell_where_to_look(scale: float) -> None:
    points, grid = drawn(3, seed=5), drawn(400, seed=9)
    mean, std = conditioned(bowls(0.25, 0.3, 0.4), points, 100.0 + scale * bowl(points)).predict(grid)
    assert np.linalg.norm(grid[np.argmin(mean)] - 0.3) < 0.15
    assert (std > 0).all()


def test_results_that_no_past_task_lets_expect_outweigh_them() -> None:
    points, grid = drawn(30, seed=5), drawn(400, seed=9)
    few = conditioned(bowls(0.25, 0.3, 0.4), points[:1], bowl(points[:1], 0.9))
    many = conditioned(bowls(0.25, 0.3, 0.4), points, bowl(points, 0.9))
    assert np.linalg.norm(grid[np.argmin(few.predict(grid)[0])] - 0.3) < 0.25
    assert np.linalg.norm(grid[np.argmin(many.predict(grid)[0])] - 0.9) < 0.15
    assert many.shape.departure > few.shape.departure


def test_results_by_themselves_say_nothing_of_where_past_tasks_are_good() -> None:
    points, grid = drawn(2, seed=5), drawn(400, seed=9)
    means = [Population().fit(bowls(*at)).alone(points, bowl(points, 0.9)).predict(grid)[0] for at in ((0.3,), (0.7,))]
    assert all(np.linalg.norm(grid[np.argmin(mean)] - 0.3) > 0.2 for mean in means)
    points = drawn(30, seed=5)
    mean, _ = Population().fit(bowls(0.3)).alone(points, bowl(points, 0.9)).predict(grid)
    assert np.linalg.norm(grid[np.argmin(mean)] - 0.9) < 0.15


def test_what_past_tasks_vary_in_together_is_learned_from_few_results() -> None:
    centres = np.linspace(0.1, 0.9, 9)
    grid = drawn(400, seed=9)
    points = np.array([[0.2, 0.2], [0.5, 0.5], [0.8, 0.8]])
    for centre in (0.2, 0.8):
        mean, _ = conditioned(bowls(*centres), points, bowl(points, centre)).predict(grid)
        assert np.linalg.norm(grid[np.argmin(mean)] - centre) < 0.25


def test_the_posterior_is_that_of_a_gaussian_with_the_stated_covariance() -> None:
    points, losses, grid = drawn(6, 3), bowl(drawn(6, 3), 0.5), drawn(20, 9)
    found = conditioned(bowls(0.2, 0.4, 0.6), points, losses)
    own = found.shape
    both = np.vstack([points, grid])
    expected = found.population.expected(both)
    kernel = Matern(own.stretch * found.population.lengths_, nu=2.5)
    covariance = own.width**2 * (np.cov(expected.T) + own.departure**2 * kernel(both)) + 4.0
    mean = own.width * expected.mean(axis=0)
    seen = covariance[:6, :6] + own.noise_variance * np.eye(6)
    gain = np.linalg.solve(seen, covariance[:6, 6:]).T
    values = (losses - losses.mean()) / losses.std()
    got_mean, got_std = found.predict(grid)
    np.testing.assert_allclose(got_mean, mean[6:] + gain @ (values - mean[:6]), atol=1e-6)
    np.testing.assert_allclose(got_std**2, np.diag(covariance[6:, 6:] - gain @ covariance[:6, 6:]), atol=1e-6)
    assert found.least == pytest.approx(values.min())


def test_the_improvement_is_the_mean_of_what_is_better() -> None:
    points = drawn(6, 3)
    found = conditioned(bowls(0.2, 0.4, 0.6), points, bowl(points, 0.5))
    mean, std = found.predict(points[:1] + 0.1)
    draws = mean + std * np.random.default_rng(0).normal(size=200_000)
    expected = np.maximum(found.least - draws, 0.0).mean()
    assert np.exp(found.log_improvement(points[:1] + 0.1))[0] == pytest.approx(expected, rel=0.05)
    assert np.isfinite(found.log_improvement(drawn(300, 1))).all()


def test_what_is_awaited_is_not_expected_to_improve_again() -> None:
    points, grid = drawn(5, 3), drawn(300, 9)
    found = conditioned(bowls(0.2, 0.4, 0.6), points, bowl(points, 0.5))
    best = grid[[np.argmax(found.log_improvement(grid))]]
    after = found.believing(best)
    assert after.log_improvement(best)[0] < found.log_improvement(best)[0] - 1.0
    assert after.least == found.least


def test_what_failed_counts_as_the_worst() -> None:
    points = drawn(8, seed=3)
    losses = bowl(points)
    worst, failed = losses.copy(), losses.copy()
    worst[2], failed[2] = losses.max(), INF
    one, other = (conditioned(bowls(0.3), points, each).predict(drawn(20, 9)) for each in (worst, failed))
    np.testing.assert_allclose(one, other)
    assert np.isfinite(conditioned(bowls(0.3), points, np.full(8, INF)).predict(drawn(20, 9))).all()


def test_past_tasks_with_few_runs_are_left_out_and_long_ones_thinned() -> None:
    population = Population().fit([(drawn(4), bowl(drawn(4))), (drawn(500, 1), bowl(drawn(500, 1)))])
    (curve,) = population.past_
    assert len(curve.points) == MAX_RUNS
    assert bowl(drawn(500, 1)).min() == pytest.approx(bowl(curve.points).min()), "the best is kept"
    expected = population.expected(drawn(300, 9))
    assert expected.shape == (1, 300)
    assert np.corrcoef(expected[0], bowl(drawn(300, 9)))[0, 1] > 0.8


def test_of_a_long_study_the_best_results_and_some_others_count() -> None:
    points = drawn(250, 3)
    found = conditioned(bowls(0.3), points, bowl(points))
    assert len(found.values) == MAX_RESULTS
    assert found.least == pytest.approx((bowl(points).min() - bowl(points).mean()) / bowl(points).std())
