"""Predictions, and the shrinkage that all recommenders by mean share."""

import numpy as np
import pytest

from autometa.recommenders.average import BestOnAverage
from autometa.recommenders.base import UNKNOWN_MEAN, UNKNOWN_STD, Prediction
from autometa.recommenders.nearest import NearestTasks
from tests.recommenders.experiences import make_description, make_experience


def test_losses_are_location_plus_scale_times_mean_and_go_on_beyond_the_median() -> None:
    mean, overshoot = np.array([0.0, 0.5, 1.0, 1.0, -0.5]), np.array([1.0, 1.0, 1.0, 3.0, 3.0])
    prediction = Prediction(mean=mean, std=np.zeros(5), overshoot=overshoot, location=0.2, scale=0.2)
    np.testing.assert_allclose(prediction.losses, [0.2, 0.3, 0.4, 0.8, 0.1])


@pytest.mark.parametrize(
    ("mean", "std", "overshoot", "location", "scale", "message"),
    [
        ([0.0, 1.0], [0.0], [1.0], 0.1, 0.2, "vectors of one length"),
        ([0.0, 1.0], [0.0, 0.0], [1.0], 0.1, 0.2, "vectors of one length"),
        ([[0.0]], [[0.0]], [[1.0]], 0.1, 0.2, "vectors of one length"),
        ([np.nan], [0.0], [1.0], 0.1, 0.2, "must be finite"),
        ([np.inf], [0.0], [1.0], 0.1, 0.2, "must be finite"),
        ([0.0], [np.nan], [1.0], 0.1, 0.2, "must be finite"),
        ([0.0], [0.1], [np.inf], 0.1, 0.2, "must be finite"),
        ([0.0], [-0.1], [1.0], 0.1, 0.2, "std must be at least 0"),
        ([0.0], [0.1], [0.9], 0.1, 0.2, "overshoot at least 1"),
        ([0.0], [0.1], [1.0], np.nan, 0.2, "location nan and scale 0.2 must be positive and finite"),
        ([0.0], [0.1], [1.0], 0.0, 0.2, "must be positive and finite"),
        ([0.0], [0.1], [1.0], 0.1, np.inf, "must be positive and finite"),
        ([0.0], [0.1], [1.0], 0.1, -1.0, "must be positive and finite"),
    ],
)
def test_a_prediction_that_makes_no_sense_is_refused(
    mean: list[float], std: list[float], overshoot: list[float], location: float, scale: float, message: str
) -> None:
    arrays = {"mean": np.array(mean), "std": np.array(std), "overshoot": np.array(overshoot)}
    with pytest.raises(ValueError, match=message):
        Prediction(**arrays, location=location, scale=scale)


def test_what_is_far_worse_than_the_median_everywhere_is_expected_to_be_so() -> None:
    # Beside four good ones, the last loses five times as much above the best as the median does.
    experience = make_experience([[0.1, 0.15, 0.2, 0.25, 0.6]] * 30)
    prediction = BestOnAverage().fit(experience).predict(make_description("new"), experience.configurations)
    above = prediction.losses - prediction.location
    assert prediction.mean[4] == pytest.approx(1.0)
    assert prediction.overshoot[:3] == pytest.approx(1.0)
    assert above[4] / above[2] == pytest.approx(5.0, rel=0.1)
    assert prediction.mean.argsort(kind="stable").tolist() == [0, 1, 2, 3, 4]  # ranks are as before


def test_a_single_wild_task_hardly_moves_what_is_expected() -> None:
    usual = [[0.1, 0.15, 0.2, 0.21]] * 30
    tame, wild = make_experience(usual), make_experience([*usual, [0.1, 0.15, 0.2, 1e6]])
    usually, once = tame.overshoot(tame.weights)[3], wild.overshoot(wild.weights)[3]
    assert usually < once < 1.25 * usually


def test_what_is_bad_elsewhere_is_not_expected_to_be_bad_here() -> None:
    # The last is the best of its tasks where a meta-feature is high, and far worse than the median elsewhere.
    losses = [[0.2, 0.25, 0.3, 0.35, 0.1]] * 20 + [[0.1, 0.15, 0.2, 0.25, 3.0]] * 20
    features = [{"size": 1.0 + 0.01 * (row % 7)} for row in range(20)] + [
        {"size": 0.01 * (row % 7)} for row in range(20)
    ]
    experience = make_experience(losses, metafeatures=features)
    near, far = (
        NearestTasks(10)
        .fit(experience)
        .predict(make_description("new", metafeatures={"size": size}), experience.configurations)
        for size in (1.03, 0.03)
    )
    assert near.overshoot[4] == pytest.approx(1.0)
    assert far.overshoot[4] > 5
    assert near.losses[4] == near.losses.min()
    assert far.losses[4] == far.losses.max()


def test_one_task_moves_the_expectation_half_way_from_the_median() -> None:
    experience = make_experience([[0.1, 0.2, 0.3]])  # normalised: 0, 1, 1
    prediction = NearestTasks().fit(experience).predict(make_description("new"), experience.configurations)
    np.testing.assert_allclose(prediction.mean, [0.5 * UNKNOWN_MEAN, 1.0, 1.0])
    # (0 - 0.5)^2 of the task, 0.5^2 and (1 - 0.5)^2 of the unknown, over two; (0.5^2) over two where all agree
    np.testing.assert_allclose(prediction.std**2, [0.75 / 2, UNKNOWN_STD**2 / 2, UNKNOWN_STD**2 / 2])


def test_expectations_approach_the_mean_and_its_spread_with_many_tasks() -> None:
    experience = make_experience([[0.0, 0.5, 1.0, 1.0, 1.0]] * 500 + [[0.5, 0.0, 1.0, 1.0, 1.0]] * 500)
    prediction = NearestTasks(1000).fit(experience).predict(make_description("new"), experience.configurations)
    np.testing.assert_allclose(prediction.mean, [0.25, 0.25, 1.0, 1.0, 1.0], atol=0.02)
    np.testing.assert_allclose(prediction.std, [0.25, 0.25, 0.0, 0.0, 0.0], atol=0.02)
