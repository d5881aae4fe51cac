"""Predictions, and the shrinkage that all recommenders by mean share."""

import numpy as np
import pytest

from autometa.recommenders.base import UNKNOWN_MEAN, UNKNOWN_STD, Prediction
from autometa.recommenders.nearest import NearestTasks
from tests.recommenders.experiences import make_description, make_experience


def test_losses_are_location_plus_scale_times_mean() -> None:
    prediction = Prediction(mean=np.array([0.0, 0.5, 1.0]), std=np.zeros(3), location=0.1, scale=0.2)
    np.testing.assert_allclose(prediction.losses, [0.1, 0.2, 0.3])


@pytest.mark.parametrize(
    ("mean", "std", "location", "scale", "message"),
    [
        ([0.0, 1.0], [0.0], 0.1, 0.2, "vectors of one length"),
        ([[0.0]], [[0.0]], 0.1, 0.2, "vectors of one length"),
        ([np.nan], [0.0], 0.1, 0.2, "must be finite"),
        ([np.inf], [0.0], 0.1, 0.2, "must be finite"),
        ([0.0], [np.nan], 0.1, 0.2, "must be finite"),
        ([0.0], [-0.1], 0.1, 0.2, "std >= 0"),
        ([0.0], [0.1], np.nan, 0.2, "location nan and scale 0.2 must be positive and finite"),
        ([0.0], [0.1], 0.0, 0.2, "must be positive and finite"),
        ([0.0], [0.1], 0.1, np.inf, "must be positive and finite"),
        ([0.0], [0.1], 0.1, -1.0, "must be positive and finite"),
    ],
)
def test_a_prediction_that_makes_no_sense_is_refused(
    mean: list[float], std: list[float], location: float, scale: float, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Prediction(mean=np.array(mean), std=np.array(std), location=location, scale=scale)


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
