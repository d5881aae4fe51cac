"""What libraries that are not installed would bring."""

import pytest

from autometa.recommenders.lacking import expected_gain
from autometa.recommenders.portfolio import GreedyPortfolio
from tests.recommenders.experiences import INF, NAN, make_description, make_experience

NEW = make_description("new")


def test_the_gain_is_that_of_the_best_among_the_first_k() -> None:
    experience = make_experience(
        [
            [0.20, 0.10, 0.4],  # half of the loss
            [0.20, 0.30, 0.4],  # nothing: the other is still the best
            [0.40, 0.30, 0.5],  # a quarter
            [INF, 0.30, INF],  # nothing to compare with
            [0.20, NAN, 0.4],
        ]
    )
    here, lacking = [experience.configurations[0], experience.configurations[2]], [experience.configurations[1]]
    gain = expected_gain(GreedyPortfolio().fit(experience), NEW, here, lacking, (), k=2)
    assert gain is not None
    assert (gain.n_tasks, gain.share_better, gain.share_worse) == (4, 0.5, 0.0)
    assert gain.median_reduction == pytest.approx(0.125)  # of 0, 0, 0.25 and 0.5


def test_a_list_of_one_may_be_worse_with_more_to_choose_from() -> None:
    experience = make_experience([[0.2, 0.1, 0.5], [0.2, 0.1, 0.5], [0.2, 0.3, 0.5]])
    here, lacking = [experience.configurations[0]], [experience.configurations[1]]
    gain = expected_gain(GreedyPortfolio().fit(experience), NEW, here, lacking, (), k=1)
    assert gain is not None
    assert gain.n_tasks == 3
    assert [gain.share_better, gain.share_worse] == pytest.approx([2 / 3, 1 / 3])
    assert gain.median_reduction == pytest.approx(0.5)


def test_nothing_known_is_no_gain() -> None:
    experience = make_experience([[INF, 0.1], [NAN, 0.2]])
    ranker = GreedyPortfolio().fit(experience)
    assert expected_gain(ranker, NEW, [experience.configurations[0]], [experience.configurations[1]], (), k=3) is None


def test_tasks_that_are_solved_without_the_further_ones_count() -> None:
    experience = make_experience([[0.0, 0.0], [0.0, 0.1], [0.4, 0.1], [0.4, 0.1], [0.4, 0.1], [0.0, 0.0]])
    here, lacking = [experience.configurations[0]], [experience.configurations[1]]
    ranker = GreedyPortfolio().fit(experience)
    of_two = expected_gain(ranker, NEW, here, lacking, (), k=2)
    assert of_two is not None
    assert (of_two.n_tasks, of_two.share_better, of_two.share_worse) == (6, 0.5, 0.0)
    assert of_two.median_reduction == pytest.approx(0.375)  # of 0, 0, 0, 0.75, 0.75 and 0.75
    of_one = expected_gain(ranker, NEW, here, lacking, (), k=1)
    assert of_one is not None
    assert (of_one.n_tasks, of_one.share_better) == (6, 0.5)
    assert of_one.share_worse == pytest.approx(1 / 6)
    assert of_one.median_reduction == pytest.approx(0.375)  # of -1, 0, 0, 0.75, 0.75 and 0.75
