import numpy as np
import pytest

from autometa.benchmark.pooling import pooled
from autometa.benchmark.replay import ORACLE, Method, replay
from autometa.benchmark.scores import scores_of
from autometa.recommenders.average import BestOnAverage
from autometa.recommenders.random_order import RandomOrder
from tests.recommenders.experiences import draw_experience

AVERAGE = Method(name="average", make=BestOnAverage)
RANDOM = Method(name="random", make=RandomOrder)


def test_regrets_of_all_tasks_stand_together_by_the_methods_of_each() -> None:
    one = replay(draw_experience(1, n_tasks=5, n_configurations=40), [AVERAGE, RANDOM], n_steps=3)
    other = replay(draw_experience(2, n_tasks=7, n_configurations=40), [AVERAGE], n_steps=3)
    both = pooled([one, other])
    assert set(both.found) == {"average", ORACLE}
    expected = np.concatenate([one.regrets("average"), other.regrets("average")])
    np.testing.assert_array_equal(both.regrets("average"), expected)
    assert both.fit_seconds["average"].shape == (12, 3)
    assert both.seconds["average"] == one.seconds["average"] + other.seconds["average"]
    assert both.n_left_out == one.n_left_out + other.n_left_out


def test_a_family_with_tasks_in_both_is_one_unit() -> None:
    one = replay(draw_experience(1, n_tasks=5, n_configurations=40), [AVERAGE], n_steps=1)
    alone = scores_of(one, reference="average", ks=(1,))[0]
    twice = scores_of(pooled([one, one]), reference="average", ks=(1,))[0]  # the same families again
    assert twice.regret == pytest.approx(alone.regret)
    assert twice.regret_error == pytest.approx(alone.regret_error)


def test_nothing_cannot_be_pooled() -> None:
    with pytest.raises(ValueError, match="no replays"):
        pooled([])
