"""Temperatures: by hand, and of probabilities whose miscalibration is known."""

import numpy as np
import pytest

from autometa.ensembling import apply_temperature, temperature_of
from autometa.errors import DataError, OptionError


def drawn(n_rows: int, n_classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities (n_rows, n_classes) and classes (n_rows,) that are drawn from them."""
    rng = np.random.default_rng(seed)
    logits = 1.5 * rng.normal(size=(n_rows, n_classes))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return probabilities, (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)


def log_loss(probabilities: np.ndarray, y_positions: np.ndarray) -> float:
    """Return the mean negative logarithm of the true class's probability."""
    return float(-np.mean(np.log(probabilities[np.arange(len(y_positions)), y_positions])))


def test_a_temperature_is_applied_as_by_hand() -> None:
    # Squares of 0.2 and 0.8 are 0.04 and 0.64; square roots of 0.1, 0.1, 0.8 are 0.316, 0.316, 0.894.
    np.testing.assert_allclose(apply_temperature(np.array([[0.2, 0.8]]), 0.5), [[0.04 / 0.68, 0.64 / 0.68]])
    roots = np.sqrt([[0.1, 0.1, 0.8]])
    np.testing.assert_allclose(apply_temperature(np.array([[0.1, 0.1, 0.8]]), 2.0), roots / roots.sum())


def test_a_temperature_of_one_changes_no_bit() -> None:
    probabilities = np.array([[0.0, 1.0], [0.3, 0.7]])
    np.testing.assert_array_equal(apply_temperature(probabilities, 1.0), probabilities)


@pytest.mark.parametrize("temperature", [0.05, 0.7, 3.0, 20.0])
def test_rows_still_sum_to_one_in_the_same_order(temperature: float) -> None:
    probabilities = np.vstack([drawn(200, 4)[0], [[0.0, 0.0, 0.0, 1.0]]])
    found = apply_temperature(probabilities, temperature)
    np.testing.assert_allclose(found.sum(axis=1), 1.0)
    np.testing.assert_array_equal(found.argmax(axis=1), probabilities.argmax(axis=1))


@pytest.mark.parametrize("n_classes", [2, 3, 7])
@pytest.mark.parametrize("temperature", [0.5, 0.8, 1.5, 3.0])
def test_a_known_miscalibration_is_found(n_classes: int, temperature: float) -> None:
    probabilities, y = drawn(8000, n_classes)
    miscalibrated = apply_temperature(probabilities, 1 / temperature)
    found = temperature_of(miscalibrated, y)
    assert found == pytest.approx(temperature, rel=0.06)
    assert log_loss(apply_temperature(miscalibrated, found), y) < log_loss(miscalibrated, y)


def test_the_temperature_has_the_least_log_loss_of_a_grid() -> None:
    probabilities, y = drawn(500, 3)
    too_sure = apply_temperature(probabilities, 0.5)
    found = log_loss(apply_temperature(too_sure, temperature_of(too_sure, y)), y)
    assert (
        found <= min(log_loss(apply_temperature(too_sure, t), y) for t in np.geomspace(0.1, 10, 200)) + 1e-4
    )  # of smoothing


def test_calibrated_probabilities_are_mostly_left_alone_and_never_changed_much() -> None:
    found = np.array([temperature_of(*drawn(300, 3, seed=seed)) for seed in range(40)])
    assert np.mean(found == 1.0) > 0.6
    assert np.abs(np.log(found)).max() < 0.4


@pytest.mark.parametrize(("n_rows", "n_classes"), [(60, 2), (60, 5), (1000, 2)])
def test_what_was_never_wrong_is_not_made_certain(n_rows: int, n_classes: int) -> None:
    # After n successes of n, the chance of an error is 1 / (n + 2).
    probabilities = np.full((n_rows, n_classes), 0.1 / (n_classes - 1))
    probabilities[:, 0] = 0.9
    found = temperature_of(probabilities, np.zeros(n_rows, dtype=int))
    assert 1 - apply_temperature(probabilities, found)[0, 0] == pytest.approx(1 / (n_rows + 2), rel=0.01)


def test_what_a_few_rows_suggest_by_chance_is_not_taken() -> None:
    # Four of five rows each give their class 0.6; the fit on all is surer than that, and on no four the same helps.
    probabilities = np.array([[0.6, 0.4]] * 5)
    assert temperature_of(probabilities, np.array([0, 0, 0, 1, 1])) == 1.0


def test_the_same_rows_have_the_same_temperature() -> None:
    probabilities, y = drawn(100, 3)
    too_sure = apply_temperature(probabilities, 0.5)
    assert temperature_of(too_sure, y) == temperature_of(too_sure.copy(), y.copy())


def test_probabilities_of_zero_for_the_true_class_are_endured() -> None:
    probabilities = np.tile([0.0, 1.0], (50, 1))
    y = (np.arange(50) % 5 > 0).astype(int)
    found = temperature_of(probabilities, y)
    np.testing.assert_allclose(apply_temperature(probabilities, found)[0], [0.2, 0.8], atol=0.06)


def test_one_row_or_class_has_no_temperature() -> None:
    assert temperature_of(np.ones((9, 1)), np.zeros(9, dtype=int)) == 1.0
    assert temperature_of(np.array([[0.1, 0.9]]), np.array([0])) == 1.0


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan"), float("inf")])
def test_a_temperature_that_is_none_is_refused(temperature: float) -> None:
    with pytest.raises(OptionError, match="positive number"):
        apply_temperature(np.array([[0.5, 0.5]]), temperature)


@pytest.mark.parametrize(
    ("probabilities", "y", "message"),
    [
        (np.full((3, 2), 0.5), np.array([0, 1]), "a class a row"),
        (np.full(3, 0.5), np.array([0, 1, 0]), "a class a row"),
        (np.full((2, 2), 0.5), np.array([0.0, 1.0]), "a class a row"),
        (np.full((2, 2), 0.5), np.array([0, 2]), "one of the 2 columns"),
        (np.full((2, 2), 0.5), np.array([0, -1]), "one of the 2 columns"),
        (np.array([[0.5, np.nan]]), np.array([0]), "not finite"),
        (np.array([[1.5, -0.5]]), np.array([0]), "below 0"),
    ],
)
def test_what_has_no_temperature_is_refused(probabilities: np.ndarray, y: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        temperature_of(probabilities, y)
