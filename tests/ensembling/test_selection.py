"""Weights of averages: by hand, beside a plain implementation, and within their bounds on many random cases."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from autometa.ensembling import average, select_weights
from autometa.errors import DataError, OptionError
from autometa.evaluation.scoring import score_fold
from autometa.metric import get_metric
from autometa.task_kind import TaskKind

Loss = Callable[[np.ndarray], float]
METRICS = {TaskKind.REGRESSION: ("rmse", "r2"), TaskKind.BINARY: ("roc_auc",), TaskKind.MULTICLASS: ("log_loss",)}


def squared(average: np.ndarray) -> float:
    """Return the mean square, which is least for 0."""
    return float(np.mean(average**2))


def random_case(seed: int) -> tuple[list[np.ndarray], Loss]:
    """Return 2 to 8 models of 12 to 40 rows of some kind of task, and a loss of one of its metrics."""
    rng = np.random.default_rng(seed)
    kind = list(TaskKind)[seed % 3]
    metric = get_metric(str(rng.choice(METRICS[kind])))
    n_models, n_rows = int(rng.integers(2, 9)), int(rng.integers(12, 41))
    if not kind.is_classification:
        y = rng.normal(size=n_rows)
        models = [y + rng.normal(size=n_rows) * rng.uniform(0.1, 2.0) for _ in range(n_models)]
        return models, lambda predicted: metric.loss(score_fold(kind, y, predicted).scores[metric.name])
    n_classes = 2 if kind is TaskKind.BINARY else 3
    classes = rng.permutation(np.arange(n_rows) % n_classes)
    truth = np.eye(n_classes)[classes]
    models = [
        _probabilities(rng.uniform(0.0, 2.0) * truth + rng.normal(size=truth.shape)).round(1 + seed % 2)
        for _ in range(n_models)
    ]
    models = [model / model.sum(axis=1, keepdims=True) for model in models]

    def loss(probabilities: np.ndarray) -> float:
        return metric.loss(score_fold(kind, classes, probabilities.argmax(axis=1), probabilities).scores[metric.name])

    return models, loss


def _probabilities(logits: np.ndarray) -> np.ndarray:
    """Return the softmax of logits (n_rows, n_classes)."""
    return np.asarray(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True))


def plain_selection(models: Sequence[np.ndarray], loss: Loss) -> np.ndarray:
    """Return the weights that greedy selection finds when every average is made anew from the whole bag."""
    losses = [loss(model) for model in models]
    bag = [losses.index(min(losses))]
    best_bag, best_loss = list(bag), min(losses)
    while len(bag) - len(best_bag) < 10 and len(bag) < 100:
        losses = [loss(np.mean([models[i] for i in [*bag, j]], axis=0)) for j in range(len(models))]
        bag.append(losses.index(min(losses)))
        if min(losses) < best_loss * (1 - 1e-4):
            best_bag, best_loss = list(bag), min(losses)
    return np.bincount(best_bag, minlength=len(models)) / len(best_bag)


def test_weights_are_those_of_a_hand_calculation() -> None:
    # From 1 (mean square 1): with 1 again 1, with -2 (mean -1/2) 1/4, with (0, 3) (means 1/2 and 2) 17/8. So -2 joins;
    # then 1 gives (1 - 2 + 1) / 3 = 0, which is perfect.
    models = [np.array([0.0, 3.0]), np.array([1.0, 1.0]), np.array([-2.0, -2.0])]
    np.testing.assert_allclose(select_weights(models, squared), [0.0, 2 / 3, 1 / 3])


def test_two_opposite_errors_cancel_at_even_weights() -> None:
    models = [np.array([1.0, -1.0]), np.array([-1.0, 1.0])]
    np.testing.assert_array_equal(select_weights(models, squared), [0.5, 0.5])


def test_the_first_of_equals_is_taken() -> None:
    model = np.array([[0.3, 0.7], [0.6, 0.4]])
    np.testing.assert_array_equal(select_weights([model, model, model], squared), [1.0, 0.0, 0.0])


@pytest.mark.parametrize(("part", "n_members"), [(1e-4, 1), (1e-2, 2)])
def test_a_gain_of_less_than_a_part_in_ten_thousand_is_none(part: float, n_members: int) -> None:
    models = [np.array([1.0, 0.0]), np.array([1.0 - part, 1.2])]  # the largest is less where both are in
    found = select_weights(models, lambda predicted: float(predicted.max()))
    assert np.count_nonzero(found) == n_members
    assert found[0] > 0


@pytest.mark.parametrize("seed", range(60))
def test_selection_finds_what_a_plain_implementation_finds(seed: int) -> None:
    models, loss = random_case(seed)
    np.testing.assert_allclose(select_weights(models, loss), plain_selection(models, loss))


def test_the_average_is_never_worse_than_the_best_single_model() -> None:
    n_better = 0
    for seed in range(300):
        models, loss = random_case(seed)
        weights = select_weights(models, loss)
        single = min(loss(model) for model in models)
        assert weights.sum() == pytest.approx(1.0)
        assert (weights >= 0).all()
        assert loss(average(models, weights)) <= single
        n_better += loss(average(models, weights)) < single
    assert n_better > 150


def test_the_bounds_hold() -> None:
    n_tight = 0
    for seed in range(120):
        models, loss = random_case(seed)
        rng = np.random.default_rng(seed)
        costs = rng.uniform(0.0, 1.0, size=len(models))
        max_members, max_cost = int(rng.integers(1, 4)), float(rng.uniform(0.3, 1.5))
        weights = select_weights(models, loss, max_members=max_members, costs=costs.tolist(), max_cost=max_cost)
        single = min(range(len(models)), key=lambda model: loss(models[model]))
        assert np.count_nonzero(weights) <= max_members
        assert costs[weights > 0].sum() <= max_cost or weights[single] == 1.0
        assert loss(average(models, weights)) <= loss(models[single])
        n_tight += bool(np.count_nonzero(weights) < np.count_nonzero(select_weights(models, loss)))
    assert n_tight > 40


def test_a_model_that_costs_too_much_is_left_out() -> None:
    models = [np.array([1.0, 1.0]), np.array([-1.0, -1.0]), np.array([-2.0, -2.0])]
    free = select_weights(models, squared)
    np.testing.assert_array_equal(free, [0.5, 0.5, 0.0])
    bounded = select_weights(models, squared, costs=[1.0, 5.0, 2.0], max_cost=3.0)
    np.testing.assert_allclose(bounded, [2 / 3, 0.0, 1 / 3])


def test_the_best_single_model_may_cost_more_than_the_bound() -> None:
    models = [np.array([1.0]), np.array([-3.0])]
    np.testing.assert_array_equal(select_weights(models, squared, costs=[9.0, 0.1], max_cost=1.0), [1.0, 0.0])


def test_a_model_without_a_loss_is_not_chosen() -> None:
    def loss(predicted: np.ndarray) -> float:
        return float("nan") if predicted.max() > 5 else squared(predicted)

    np.testing.assert_array_equal(select_weights([np.array([9.0]), np.array([2.0])], loss), [0.0, 1.0])


def test_the_precision_of_the_predictions_does_not_matter() -> None:
    models, loss = random_case(2)
    single = [model.astype(np.float32) for model in models]
    seen: set[np.dtype[Any]] = set()

    def watched(predicted: np.ndarray) -> float:
        seen.add(predicted.dtype)
        return loss(predicted)

    np.testing.assert_allclose(select_weights(single, watched), select_weights(models, loss))
    assert seen == {np.dtype(np.float64)}


def test_the_models_are_left_as_they_were() -> None:
    models = [np.array([1.0, 2.0]), np.array([-1.0, -2.0])]
    select_weights(models, squared)
    np.testing.assert_array_equal(models, [[1.0, 2.0], [-1.0, -2.0]])


@pytest.mark.parametrize(
    "predictions",
    [
        [],
        [np.zeros(3), np.zeros(4)],
        [np.zeros((0, 2))],
        [np.zeros((2, 2, 2))],
        [np.array([np.nan, 1.0])],
        [np.array(["a", "b"])],
    ],
    ids=["no models", "other rows", "no rows", "three axes", "not finite", "text"],
)
def test_what_cannot_be_averaged_is_refused(predictions: list[np.ndarray]) -> None:
    with pytest.raises(DataError, match="predictions"):
        select_weights(predictions, lambda predicted: 0.0)


def test_models_of_which_none_has_a_loss_are_refused() -> None:
    with pytest.raises(DataError, match="none of the 2 models has a finite loss"):
        select_weights([np.zeros(3), np.ones(3)], lambda predicted: float("inf"))


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({"max_members": 0}, "max_members=0"),
        ({"costs": [1.0, 1.0]}, "go together"),
        ({"max_cost": 1.0}, "go together"),
        ({"costs": [1.0], "max_cost": 1.0}, "2 models need a finite cost"),
        ({"costs": [1.0, -1.0], "max_cost": 1.0}, "2 models need a finite cost"),
        ({"costs": [1.0, float("nan")], "max_cost": 1.0}, "2 models need a finite cost"),
        ({"costs": [1.0, 1.0], "max_cost": float("nan")}, "max_cost is not a number"),
    ],
)
def test_bounds_that_make_no_sense_are_refused(bounds: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        select_weights([np.zeros(3), np.ones(3)], squared, **bounds)


def test_an_average_weighs_its_parts() -> None:
    parts = [np.array([[0.0, 1.0]]), np.array([[1.0, 0.0]])]
    np.testing.assert_allclose(average(parts, np.array([3.0, 1.0])), [[0.25, 0.75]])
