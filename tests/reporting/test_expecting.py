"""What to expect of advice is what following it would have brought on hidden tasks."""

from pathlib import Path

import numpy as np
import pytest

from autometa.benchmark.replay import Method, replay
from autometa.recommenders.average import BestOnAverage
from autometa.recommenders.hybrid import Hybrid
from autometa.recommenders.portfolio import GreedyPortfolio
from autometa.reporting.expecting import N_STEPS, Advised, Expected, expect
from tests.recommenders.experiences import NAN, draw_experience, make_configurations, make_evaluation, make_experience

EXPERIENCE = draw_experience(4, n_tasks=15, n_configurations=40)


def test_regret_is_that_of_the_first_of_the_list_on_each_hidden_task() -> None:
    expected = expect(EXPERIENCE, BestOnAverage)
    assert isinstance(expected, Expected)
    by_hand = []
    for row, family in enumerate(EXPERIENCE.families):
        tried = np.flatnonzero(EXPERIENCE.is_tried[row])
        recommender = BestOnAverage().fit(EXPERIENCE.without([family]))
        candidates = [EXPERIENCE.configurations[column] for column in tried]
        first = recommender.rank(EXPERIENCE.descriptions[row], candidates)[:N_STEPS]
        losses = EXPERIENCE.normalised_losses[row, tried[list(first)]]
        by_hand.append(np.minimum.accumulate(losses))
    np.testing.assert_allclose(expected.advice, np.mean(by_hand, axis=0))
    assert (expected.n_tasks, expected.n_families) == (15, 15)
    assert (np.diff(expected.chance) <= 0).all()


def test_of_the_portfolio_it_is_the_replay() -> None:
    expected = expect(EXPERIENCE, GreedyPortfolio)
    assert isinstance(expected, Expected)
    replayed = replay(EXPERIENCE, [Method(name="p", make=GreedyPortfolio)], n_steps=N_STEPS)
    np.testing.assert_allclose(expected.advice, replayed.regrets("p").mean(axis=0))


def test_a_list_is_followed_whatever_the_results() -> None:
    inner = Hybrid().fit(EXPERIENCE)
    advised = Advised(Hybrid).fit(EXPERIENCE)
    task, candidates = EXPERIENCE.descriptions[0], list(EXPERIENCE.configurations)
    order = advised.rank(task, candidates)
    observed = [make_evaluation(candidates[position], 0.5 + 0.01 * place) for place, position in enumerate(order[:6])]
    assert advised.rank(task, candidates, observed) == order[6:]
    assert Advised(Hybrid).fit(EXPERIENCE).rank(task, candidates, observed) == order[6:], (
        "asked late for the first time"
    )
    assert inner.rank(task, candidates, observed) != order[6:], "it goes on from the results itself"


def test_shades_are_put_off_as_in_the_advice() -> None:
    # a0, a3, ... are of one algorithm, and all alike: without the rule, the first ten would be of it.
    configurations = make_configurations(40)
    level = {"a": 0.1, "b": 0.2, "c": 0.3}
    losses = [[level[c.algorithm] for c in configurations] for _ in range(12)]
    experience = make_experience(losses)
    order = Advised(BestOnAverage).fit(experience).rank(experience.descriptions[0], configurations)
    assert [configurations[position].algorithm for position in order[:3]] in (["a", "b", "c"], ["a", "c", "b"])


@pytest.mark.parametrize(
    ("losses", "words"),
    [
        ([[0.1, 0.2, 0.3]] * 5, "fewer than 20"),
        ([[0.1 + 0.01 * i for i in range(25)]], "one family"),
        ([[NAN]], "fewer"),
    ],
)
def test_where_nothing_can_be_hidden_the_reason_is_told(losses: list[list[float]], words: str) -> None:
    assert words in str(expect(make_experience(losses), BestOnAverage))


def test_what_is_kept_serves_again_and_for_the_same_recommender_alone(tmp_path: Path) -> None:
    first, again = (expect(EXPERIENCE, GreedyPortfolio, folder=tmp_path) for _ in "ab")
    assert isinstance(first, Expected)
    assert isinstance(again, Expected)
    assert len(list(tmp_path.iterdir())) == 2, "the advice, and a random order"
    np.testing.assert_array_equal(again.advice, first.advice)
    np.testing.assert_array_equal(again.chance, first.chance)
    other = expect(EXPERIENCE, BestOnAverage, folder=tmp_path)
    assert isinstance(other, Expected)
    assert len(list(tmp_path.iterdir())) == 3, "the random order is the same"
    assert not np.array_equal(other.advice, first.advice)
