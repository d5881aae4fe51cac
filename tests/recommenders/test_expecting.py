"""What is expected of pipelines, and of the first beside LightGBM's default."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from autometa.evaluation.record import Evaluation
from autometa.recommenders.average import BestOnAverage
from autometa.recommenders.calibration import REFERENCE, Calibration
from autometa.recommenders.expecting import errors_of_80, expected_losses, predicted_gain, score_intervals
from autometa.recommenders.recommendation import PredictedGain
from autometa.task_kind import TaskKind
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


def gain_of(
    ranker: BestOnAverage, observed: Sequence[Evaluation] = (), calibration: Calibration = GAINS
) -> PredictedGain | None:
    """Return the gain of the best one over the reference."""
    best = ranker.experience_.configurations[1]
    loss, of_reference = expected_losses(ranker, NEW, [best, REFERENCE], observed, calibration).tolist()
    return predicted_gain(ranker, NEW, (best, loss), of_reference, observed, calibration)


def test_a_gain_is_the_difference_of_what_is_expected(ranker: BestOnAverage) -> None:
    gain = gain_of(ranker)
    assert gain is not None
    losses = expected_losses(ranker, NEW, [REFERENCE, ranker.experience_.configurations[1]], (), GAINS)
    assert gain.score == pytest.approx(losses[0] - losses[1])
    assert gain.score > 0
    scale = ranker.location_.predict(NEW)[1]
    # 80 % of 40 places: four residuals lie under it and four above.
    np.testing.assert_allclose(gain.interval, gain.score + scale * np.array([GAINS.gains[3], GAINS.gains[-4]]))


def test_the_default_itself_gains_nothing_and_the_unknown_says_nothing(ranker: BestOnAverage) -> None:
    assert predicted_gain(ranker, NEW, (REFERENCE, 0.3), 0.3, (), GAINS) is None
    without = BestOnAverage().fit(make_experience([[0.3, 0.1]] * 20))
    assert gain_of(without) is None


def test_both_measured_give_the_measured_gain_and_one_alone_none(ranker: BestOnAverage) -> None:
    best = ranker.experience_.configurations[1]
    both = [make_evaluation(REFERENCE, 0.80), make_evaluation(best, 0.83)]
    gain = gain_of(ranker, both)
    assert gain is not None
    assert gain.score == pytest.approx(0.03)
    assert gain.interval == (gain.score, gain.score)
    for one in both:
        assert gain_of(ranker, [one]) is None


def test_a_gain_lies_in_its_interval(ranker: BestOnAverage) -> None:
    flattering = replace(GAINS, gains=np.linspace(-1.0, -0.5, 39))
    gain = gain_of(ranker, calibration=flattering)
    assert gain is not None
    assert gain.interval[0] < gain.score == gain.interval[1]


def test_what_was_measured_of_others_moves_predictions_whatever_the_unit() -> None:
    factors = []
    for size in (1.0, 2.0**-20):
        known = [{"target_std": size}] * 20
        losses = [[0.3 * size, 0.1 * size, 0.2 * size]] * 20
        ranker = BestOnAverage().fit(make_experience(losses, metafeatures=known, kind=TaskKind.REGRESSION))
        new = make_description("new", kind=TaskKind.REGRESSION, metafeatures=known[0])
        candidates = ranker.experience_.configurations
        before = expected_losses(ranker, new, candidates, (), GAINS)
        seen = [make_evaluation(candidates[0], 2 * before[0], metric="rmse")]
        factors.append(expected_losses(ranker, new, candidates, seen, GAINS)[1] / before[1])
    assert factors[0] == pytest.approx(np.sqrt(2), rel=1e-2)
    assert factors[1] == pytest.approx(factors[0])


def test_no_prediction_is_moved_beyond_chance(ranker: BestOnAverage) -> None:
    candidates = ranker.experience_.configurations
    losses = expected_losses(ranker, NEW, candidates, [make_evaluation(candidates[1], 0.4)], GAINS)
    assert losses[1] == pytest.approx(0.6), "that was measured"
    assert max(losses[0], *losses[2:]) == 0.5


def test_intervals_of_measured_scores_are_those_of_students_distribution(ranker: BestOnAverage) -> None:
    metric, (candidate, *_) = ranker.experience_.metric, ranker.experience_.configurations
    folds = (0.7, 0.8, 0.9)
    measured = replace(make_evaluation(candidate, 0.8), fold_scores={metric.name: folds})
    ((score, (low, high)),) = score_intervals(metric, NEW, [(candidate, 0.2)], [measured], UNLIKE, is_ranked=True)
    assert (score, low, high) == pytest.approx(
        (0.8, 0.8 - 1.8856 * 0.1 / np.sqrt(3), 0.8 + 1.8856 * 0.1 / np.sqrt(3)), abs=1e-4
    )
    assert errors_of_80(2) == pytest.approx(3.0777, abs=1e-4)
    assert errors_of_80(1000) == pytest.approx(1.2816, abs=1e-3)


def test_too_few_known_gains_are_not_told(ranker: BestOnAverage) -> None:
    few = replace(GAINS, gains=GAINS.gains[:8])
    assert gain_of(ranker, calibration=few) is None


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
