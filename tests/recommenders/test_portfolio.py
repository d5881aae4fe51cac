"""The greedy portfolio, against a hand calculation and against trying every pick."""

import numpy as np
import pytest

from autometa.knowledge.frames import Experience
from autometa.recommenders.average import BestOnAverage
from autometa.recommenders.portfolio import GreedyPortfolio
from autometa.space import Configuration
from tests.recommenders.experiences import NAN, draw_experience, make_description, make_evaluation, make_experience

NEW = make_description("new")
# Best 0, median and nine tenths 1 in every row, so that these are normalised losses and costs already.
# Mean best loss of one pick: 0.6, 0.6, 0.4, 2/3; the five last bring nothing.
BY_HAND = make_experience(
    [
        [0.0, 0.9, 0.4, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
        [0.9, 0.0, 0.4, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
        [0.9, 0.9, 0.4, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0],
    ]
)


def mean_best(experience: Experience, columns: list[int]) -> float:
    """Return the mean over tasks of the least cost of these columns; untried ones count 1."""
    costs = np.nan_to_num(experience.costs[:, columns], nan=1.0)
    return float(np.minimum(1.0, costs.min(axis=1)).mean())


def test_picks_complement_each_other() -> None:
    order = GreedyPortfolio().fit(BY_HAND).rank(NEW, BY_HAND.configurations)
    # After 2, each of 0, 1, 3 saves 0.4 on one task: the lower mean, then the smaller key decide.
    assert order == (2, 0, 1, 3, 4, 5, 6, 7, 8)
    assert BestOnAverage().fit(BY_HAND).rank(NEW, BY_HAND.configurations)[:4] == (2, 0, 1, 3)


def test_a_specialist_goes_before_a_second_allrounder() -> None:
    experience = make_experience(
        [
            [0.0, 0.1, 1.0, 1.0, 1.0, 1.0],
            [0.0, 0.1, 1.0, 1.0, 1.0, 1.0],
            [0.9, 0.8, 0.0, 1.0, 1.0, 1.0],
        ]
    )
    configurations = experience.configurations
    assert GreedyPortfolio().fit(experience).rank(NEW, configurations)[:3] == (0, 2, 1)
    assert BestOnAverage().fit(experience).rank(NEW, configurations)[:3] == (0, 1, 2)


@pytest.mark.parametrize("is_coarse", [False, True])
@pytest.mark.parametrize("seed", range(10))
def test_no_other_pick_would_have_lowered_the_mean_least_cost_more(seed: int, is_coarse: bool) -> None:
    experience = draw_experience(seed, n_tasks=9, n_configurations=10, coarse=is_coarse)
    order = list(GreedyPortfolio().fit(experience).rank(NEW, experience.configurations))
    for place, pick in enumerate(order):
        reached = mean_best(experience, [*order[:place], pick])
        others = [mean_best(experience, [*order[:place], other]) for other in order[place + 1 :]]
        assert all(reached <= other + 1e-12 for other in others)


@pytest.mark.parametrize("seed", range(5))
def test_the_task_does_not_matter_and_a_subset_is_a_portfolio_of_its_own(seed: int) -> None:
    experience = draw_experience(seed, n_tasks=9, n_configurations=10)
    recommender = GreedyPortfolio().fit(experience)
    part = experience.configurations[3:8]
    assert recommender.rank(NEW, part) == recommender.rank(experience.descriptions[0], part)
    first = 3 + recommender.rank(NEW, part)[0]
    assert mean_best(experience, [first]) == min(mean_best(experience, [column]) for column in range(3, 8))


def test_what_was_not_tried_brings_nothing() -> None:
    experience = make_experience([[0.3, 0.0, 1.0, 1.0, 1.0]] + [[0.3, NAN, 0.0, 1.0, 1.0]] * 3)
    # 1 is perfect where it was tried, which is on one task of four.
    assert GreedyPortfolio().fit(experience).rank(NEW, experience.configurations)[:3] == (2, 1, 0)


def test_the_order_goes_on_from_what_was_observed() -> None:
    recommender = GreedyPortfolio().fit(BY_HAND)
    observed = [make_evaluation(BY_HAND.configurations[column]) for column in (0, 1)]
    # With 0 and 1 done, the third task is left: 3 is best there, 2 would bring it to 0.4 alone.
    assert recommender.rank(NEW, BY_HAND.configurations, observed) == (3, 2, 4, 5, 6, 7, 8)


def test_observed_configurations_count_even_if_they_are_not_asked_for() -> None:
    recommender = GreedyPortfolio().fit(BY_HAND)
    observed = [make_evaluation(BY_HAND.configurations[column]) for column in (0, 1)]
    observed.append(make_evaluation(Configuration(algorithm="stranger")))
    assert recommender.rank(NEW, BY_HAND.configurations[2:], observed) == (1, 0, 2, 3, 4, 5, 6)


def test_expected_losses_are_those_of_the_average() -> None:
    one, other = (make().fit(BY_HAND).predict(NEW, BY_HAND.configurations) for make in (GreedyPortfolio, BestOnAverage))
    np.testing.assert_array_equal(one.mean, other.mean)
    np.testing.assert_array_equal(one.std, other.std)


def test_each_task_speaks_for_the_pick_that_helped_it() -> None:
    recommender = GreedyPortfolio().fit(BY_HAND)
    chosen = [BY_HAND.configurations[column] for column in (2, 0, 3, 1)]
    small = 1e-3 * BestOnAverage().fit(BY_HAND).support(NEW, chosen)
    gains = [[0.6, 0.6, 0.6], [0.4, 0, 0], [0, 0, 0.4], [0, 0.4, 0]]
    np.testing.assert_allclose(recommender.support(NEW, chosen), np.array(gains) + small, atol=1e-12)
