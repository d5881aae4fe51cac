"""What is expected of pipelines, and of the first beside LightGBM's default."""

from dataclasses import replace

import numpy as np
import pytest

from autometa.evaluation.record import Evaluation
from autometa.recommenders.average import BestOnAverage
from autometa.recommenders.calibration import REFERENCE, Calibration
from autometa.recommenders.expecting import expected_losses, predicted_gain, score_intervals
from autometa.space import Configuration
from tests.recommenders.experiences import make_description, make_evaluation, make_experience

NEW = make_description("new")
GAINS = Calibration(
    residuals=np.zeros(0), weights=np.zeros(0), first=np.zeros(0), n_tasks=0, gains=np.linspace(-1.0, 1.0, 39)
)


UNLIKE = Calibration(
    residuals=np.linspace(-1.0, 1.0, 39), weights=np.ones(39), first=np.linspace(-0.1, 0.1, 39), n_tasks=39
)


@pytest.fixture
def ranker() -> BestOnAverage:
    experience = make_experience([[0.3, 0.1, 0.2, 0.5]] * 20)
    return BestOnAverage().fit(replace(experience, configurations=(REFERENCE, *experience.configurations[1:])))


def first(ranker: BestOnAverage, observed: list = []) -> tuple[Configuration, float]:  # type: ignore[type-arg] # noqa: B006
    best = ranker.experience_.configurations[1]
    return best, float(expected_losses(ranker, NEW, [best], observed, GAINS)[0])


def test_a_gain_is_the_difference_of_what_is_expected(ranker: BestOnAverage) -> None:
    gain = predicted_gain(ranker, NEW, first(ranker), (), GAINS)
    assert gain is not None
    losses = expected_losses(ranker, NEW, [REFERENCE, ranker.experience_.configurations[1]], (), GAINS)
    assert gain.score == pytest.approx(losses[0] - losses[1])
    assert gain.score > 0
    scale = ranker.location_.predict(NEW)[1]
    # 80 % of 40 places: four residuals lie under it and four above.
    np.testing.assert_allclose(gain.interval, gain.score + scale * np.array([GAINS.gains[3], GAINS.gains[-4]]))


def test_the_default_itself_gains_nothing_and_the_unknown_says_nothing(ranker: BestOnAverage) -> None:
    assert predicted_gain(ranker, NEW, (REFERENCE, 0.3), (), GAINS) is None
    without = BestOnAverage().fit(make_experience([[0.3, 0.1]] * 20))
    assert predicted_gain(without, NEW, (without.experience_.configurations[1], 0.1), (), GAINS) is None


def test_both_measured_give_the_measured_gain_and_one_alone_none(ranker: BestOnAverage) -> None:
    best = ranker.experience_.configurations[1]
    both = [make_evaluation(REFERENCE, 0.80), make_evaluation(best, 0.83)]
    gain = predicted_gain(ranker, NEW, (best, 0.17), both, GAINS)
    assert gain is not None
    assert gain.score == pytest.approx(0.03)
    assert gain.interval == (gain.score, gain.score)
    for one in both:
        assert predicted_gain(ranker, NEW, (best, 0.17), [one], GAINS) is None


def test_too_few_known_gains_are_not_told(ranker: BestOnAverage) -> None:
    few = replace(GAINS, gains=GAINS.gains[:8])
    assert predicted_gain(ranker, NEW, first(ranker), (), few) is None


def test_only_the_first_advice_on_a_new_task_has_the_interval_of_first_ones(ranker: BestOnAverage) -> None:
    metric, candidates = ranker.experience_.metric, ranker.experience_.configurations[1:]
    expected = [(candidate, 0.2) for candidate in candidates]
    failed, other = make_evaluation(candidates[2], None), make_evaluation(candidates[2], 0.7)

    def widths(observed: list[Evaluation], *, is_ranked: bool = True) -> list[float]:
        told = score_intervals(metric, NEW, expected, observed, UNLIKE, is_ranked=is_ranked)
        return [high - low for _, (low, high) in told]

    narrow, wide, last = widths([])
    assert wide == last
    assert narrow < 0.2 * wide
    assert widths([], is_ranked=False) == [wide] * 3
    assert widths([failed]) == [wide] * 3, "what is first after a failure was not so in the calibration"
    assert widths([other])[:2] == [wide] * 2
    single = replace(make_evaluation(candidates[0], 0.8), fold_scores={metric.name: (0.8,)})
    assert widths([single])[0] == wide, "one measured on one fold alone is not predicted"
