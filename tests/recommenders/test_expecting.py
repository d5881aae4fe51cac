"""What is expected of the first pipeline beside LightGBM's default."""

from dataclasses import replace

import numpy as np
import pytest

from autometa.recommenders.average import BestOnAverage
from autometa.recommenders.calibration import REFERENCE, Calibration
from autometa.recommenders.expecting import VAGUE, expected_losses, predicted_gain, score_intervals, vague_ones
from autometa.space import Configuration
from tests.recommenders.experiences import make_description, make_evaluation, make_experience

NEW = make_description("new")
GAINS = Calibration(residuals=np.zeros(0), weights=np.zeros(0), n_tasks=0, gains=np.linspace(-1.0, 1.0, 39))


@pytest.fixture
def ranker() -> BestOnAverage:
    experience = make_experience([[0.3, 0.1, 0.2, 0.5]] * 20)
    return BestOnAverage().fit(replace(experience, configurations=(REFERENCE, *experience.configurations[1:])))


def first(ranker: BestOnAverage, observed: list = []) -> tuple[Configuration, float]:  # type: ignore[type-arg] # noqa: B006
    best = ranker.experience_.configurations[1]
    return best, float(expected_losses(ranker, NEW, [best], observed)[0])


def test_a_gain_is_the_difference_of_what_is_expected(ranker: BestOnAverage) -> None:
    gain = predicted_gain(ranker, NEW, first(ranker), (), GAINS)
    assert gain is not None
    losses = expected_losses(ranker, NEW, [REFERENCE, ranker.experience_.configurations[1]], ())
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


def test_what_is_expected_to_be_no_better_than_the_median_has_an_open_interval(ranker: BestOnAverage) -> None:
    candidates = ranker.experience_.configurations
    mean = ranker.predict(NEW, candidates).mean
    bad = [c for c, m in zip(candidates, mean, strict=True) if m >= VAGUE]
    assert 0 < len(bad) < len(candidates)
    vague = vague_ones(ranker, NEW, candidates, ())
    assert vague == {each.key for each in bad}
    assert vague_ones(ranker, NEW, candidates, [make_evaluation(bad[0], 0.6)]) == vague - {bad[0].key}
    calibration = Calibration(residuals=np.linspace(-0.1, 0.1, 99), weights=np.ones(99), n_tasks=99)
    metric, losses = ranker.experience_.metric, expected_losses(ranker, NEW, candidates, ())
    pairs = [(c, float(loss)) for c, loss in zip(candidates, losses, strict=True)]
    plain = score_intervals(metric, NEW, pairs, (), calibration)
    opened = score_intervals(metric, NEW, pairs, (), calibration, vague)
    for candidate, (score, interval), (same, wider) in zip(candidates, plain, opened, strict=True):
        assert score == same
        if candidate.key in vague:
            assert wider == (0.5, interval[1]), "guessing scores 0.5, and nothing is worse"
        else:
            assert wider == interval
