"""Boosted trees over tasks and configurations, on a world where both matter."""

import numpy as np
import pytest

from autometa.knowledge.frames import Experience
from autometa.recommenders.average import BestOnAverage
from autometa.recommenders.boosted import Boosted, BoostedCosts, BoostedRanks
from autometa.recommenders.copula import QuantileCopula
from autometa.recommenders.gaussian import ConditionalGaussian
from autometa.recommenders.proximity import ProximityAverage
from tests.recommenders.experiences import make_evaluation, make_experience, reordered
from tests.recommenders.test_proximity import HIGH, LOW, two_worlds

BOOSTED = [BoostedCosts, BoostedRanks]


@pytest.fixture(scope="module")
def experience() -> Experience:
    return two_worlds(120)


@pytest.mark.parametrize("make", [*BOOSTED, ProximityAverage])
def test_what_is_good_here_comes_first(make: type[Boosted], experience: Experience) -> None:
    recommender = make().fit(experience)
    assert set(recommender.rank(LOW, experience.configurations)[:3]) == {0, 1, 2}
    assert set(recommender.rank(HIGH, experience.configurations)[:3]) == {3, 4, 5}


@pytest.mark.parametrize("make", BOOSTED)
def test_expected_losses_are_on_the_common_scale(make: type[Boosted], experience: Experience) -> None:
    recommender = make().fit(experience)
    for description, columns in ((LOW, [0, 1, 2]), (HIGH, [3, 4, 5])):
        mean = recommender.predict(description, experience.configurations).mean
        assert mean[columns].max() < 0.35
        assert np.delete(mean, columns).min() > 0.6


@pytest.mark.parametrize("make", BOOSTED)
def test_the_order_of_the_experience_does_not_matter(make: type[Boosted], experience: Experience) -> None:
    rng = np.random.default_rng(0)
    other = reordered(experience, rng.permutation(120).tolist(), rng.permutation(12).tolist())
    one, two = (make().fit(each).predict(HIGH, experience.configurations).mean for each in (experience, other))
    np.testing.assert_allclose(one, two, atol=1e-9)


def test_normal_scores_are_those_of_the_ranks() -> None:
    experience = make_experience([[0.1, 0.4, 0.2, 0.3], [1e9, 1.0, 2.0, float("nan")]])
    scores = QuantileCopula().fit(experience).costs_
    from scipy.stats import norm

    np.testing.assert_allclose(scores[0], norm.ppf([0.125, 0.875, 0.375, 0.625]))
    np.testing.assert_allclose(scores[1, :3], norm.ppf([5 / 6, 1 / 6, 0.5]))
    assert np.isnan(scores[1, 3])


def test_a_wild_run_does_not_change_what_the_copula_says() -> None:
    rng = np.random.default_rng(1)
    traits = rng.normal(size=(80, 1))
    losses = 10.0 + traits * np.linspace(-1, 1, 12) + 0.1 * rng.normal(size=(80, 12))
    wild = losses.copy()
    worst = losses.argmax(axis=1)
    wild[np.arange(80), worst] = 1e6
    posteriors = []
    for each in (losses, wild):
        experience = make_experience(each.tolist())
        observed = [make_evaluation(experience.configurations[c], 1.0 - 10.0 - 0.5 * c / 11) for c in (0, 5, 11)]
        posterior = QuantileCopula().fit(experience).posterior(LOW, observed)
        assert posterior is not None
        posteriors.append(posterior.mean)
    np.testing.assert_allclose(posteriors[0], posteriors[1], atol=0.05)
    assert issubclass(QuantileCopula, ConditionalGaussian)


def test_few_runs_are_averaged() -> None:
    few = two_worlds(40)  # 480 runs
    for make in BOOSTED:
        np.testing.assert_array_equal(
            make().fit(few).predict(LOW, few.configurations).mean,
            BestOnAverage().fit(few).predict(LOW, few.configurations).mean,
        )
