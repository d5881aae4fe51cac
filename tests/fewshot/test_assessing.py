"""What is expected is compared with costs in the units of costs."""

import numpy as np
import pytest

from autometa.fewshot.assessing import assess
from autometa.recommenders.average import BestOnAverage
from autometa.recommenders.gaussian import ConditionalGaussian
from tests.recommenders.experiences import make_experience


def test_the_average_of_tasks_that_are_all_alike_is_hardly_off() -> None:
    losses = [0.1, 0.11, 0.12, 0.13, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]  # most configurations are far beyond the median
    experience = make_experience([losses] * 40)
    found = assess(BestOnAverage().fit(experience), experience)
    assert found.errors.max() < 0.1


@pytest.mark.parametrize("make", [BestOnAverage, ConditionalGaussian])
def test_who_knows_more_is_less_off(make: type[BestOnAverage] | type[ConditionalGaussian]) -> None:
    rng = np.random.default_rng(0)
    usual = np.linspace(0.1, 0.6, 10)
    alike = make_experience((usual + 0.02 * rng.normal(size=(40, 10))).tolist())
    none = make_experience(rng.permuted(np.tile(usual, (40, 1)), axis=1).tolist())
    first, second = (assess(make().fit(each), each) for each in (alike, none))
    assert first.errors.mean() < 0.5 * second.errors.mean()
    assert first.losses.mean() < second.losses.mean()
