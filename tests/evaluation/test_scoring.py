import numpy as np
import pytest
from sklearn import metrics

from autometa.errors import DataError
from autometa.evaluation.scoring import (
    NO_PROBABILITIES,
    align_probabilities,
    as_numbers,
    class_positions,
    score_fold,
)
from autometa.metric import metrics_of
from autometa.task_kind import TaskKind

SEEDS = range(5)


def _classification(seed: int, n_classes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return true classes, predicted classes and probabilities, with ties and extreme values."""
    rng = np.random.default_rng(seed)
    y_true = np.concatenate([np.arange(n_classes), rng.integers(0, n_classes, 80)])
    probabilities = np.round(rng.dirichlet(np.ones(n_classes), len(y_true)), 1) + 1e-9
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    probabilities[:3] = np.eye(n_classes)[y_true[:3] - 1]
    return y_true, probabilities.argmax(axis=1), probabilities


@pytest.mark.parametrize("seed", SEEDS)
def test_binary_scores_are_scikit_learns(seed: int) -> None:
    y_true, y_pred, probabilities = _classification(seed, 2)
    expected = {
        "accuracy": metrics.accuracy_score(y_true, y_pred),
        "balanced_accuracy": metrics.balanced_accuracy_score(y_true, y_pred),
        "f1_macro": metrics.f1_score(y_true, y_pred, average="macro"),
        "roc_auc": metrics.roc_auc_score(y_true, probabilities[:, 1]),
        "log_loss": metrics.log_loss(y_true, probabilities),
    }
    fold = score_fold(TaskKind.BINARY, y_true, y_pred, probabilities)
    assert fold.scores == pytest.approx(expected, rel=1e-12)
    assert fold.absent == {}


@pytest.mark.parametrize("seed", SEEDS)
def test_multiclass_scores_are_scikit_learns(seed: int) -> None:
    y_true, y_pred, probabilities = _classification(seed, 5)
    y_pred[y_pred == 3] = 0  # a class that is never predicted
    expected = {
        "accuracy": metrics.accuracy_score(y_true, y_pred),
        "balanced_accuracy": metrics.balanced_accuracy_score(y_true, y_pred),
        "f1_macro": metrics.f1_score(y_true, y_pred, average="macro"),
        "roc_auc": metrics.roc_auc_score(y_true, probabilities, multi_class="ovr", average="macro"),
        "log_loss": metrics.log_loss(y_true, probabilities),
    }
    assert score_fold(TaskKind.MULTICLASS, y_true, y_pred, probabilities).scores == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_scores_of_a_fold_without_one_class_are_scikit_learns(seed: int) -> None:
    y_true, y_pred, probabilities = _classification(seed, 4)
    present = y_true != 2
    y_true, y_pred, probabilities = y_true[present], y_pred[present], probabilities[present]
    assert 2 in y_pred
    scores = score_fold(TaskKind.MULTICLASS, y_true, y_pred, probabilities).scores
    recalls = metrics.recall_score(y_true, y_pred, labels=[0, 1, 3], average="macro")
    areas = [metrics.roc_auc_score(y_true == k, probabilities[:, k]) for k in (0, 1, 3)]
    assert scores["balanced_accuracy"] == pytest.approx(recalls)
    assert scores["f1_macro"] == pytest.approx(metrics.f1_score(y_true, y_pred, average="macro"))
    assert scores["roc_auc"] == pytest.approx(np.mean(areas))
    assert scores["log_loss"] == pytest.approx(metrics.log_loss(y_true, probabilities, labels=range(4)))


@pytest.mark.parametrize("seed", SEEDS)
def test_regression_scores_are_scikit_learns(seed: int) -> None:
    rng = np.random.default_rng(seed)
    y_true, y_pred = rng.normal(size=(2, 50))
    expected = {
        "rmse": metrics.root_mean_squared_error(y_true, y_pred),
        "mae": metrics.mean_absolute_error(y_true, y_pred),
        "r2": metrics.r2_score(y_true, y_pred),
    }
    assert score_fold(TaskKind.REGRESSION, y_true, y_pred).scores == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("y_pred", [np.ones(3), np.arange(3.0)])
def test_r2_of_a_constant_fold_is_scikit_learns(y_pred: np.ndarray) -> None:
    scores = score_fold(TaskKind.REGRESSION, np.ones(3), y_pred).scores
    assert scores["r2"] == metrics.r2_score(np.ones(3), y_pred)


@pytest.mark.parametrize("n_rows", [3, 6, 7, 10])
def test_r2_of_a_constant_fold_is_0_or_1_though_its_mean_is_rounded(n_rows: int) -> None:
    y = np.full(n_rows, 0.1)
    assert score_fold(TaskKind.REGRESSION, y, y + 0.5).scores["r2"] == 0.0
    assert score_fold(TaskKind.REGRESSION, y, y).scores["r2"] == 1.0


@pytest.mark.parametrize("kind", TaskKind)
def test_every_metric_of_a_kind_is_scored_in_the_order_of_record(kind: TaskKind) -> None:
    y = np.array([0, 1, 0, 1])
    fold = score_fold(kind, y, y, np.eye(2)[y] if kind.is_classification else None)
    assert list(fold.scores) == [metric.name for metric in metrics_of(kind)]


def test_metrics_that_need_probabilities_are_absent_without_them() -> None:
    fold = score_fold(TaskKind.BINARY, np.array([0, 1]), np.array([0, 1]))
    assert fold.absent == {"roc_auc": NO_PROBABILITIES, "log_loss": NO_PROBABILITIES}
    assert set(fold.scores) == {"accuracy", "balanced_accuracy", "f1_macro"}


def test_the_area_under_the_curve_is_absent_where_the_fold_has_one_class() -> None:
    y = np.array([1, 1])
    for kind, n_classes in ((TaskKind.BINARY, 2), (TaskKind.MULTICLASS, 3)):
        fold = score_fold(kind, y, y, np.full((2, n_classes), 1 / n_classes))
        assert set(fold.absent) == {"roc_auc"}
        assert fold.scores["log_loss"] == pytest.approx(np.log(n_classes))


def test_r2_of_one_row_is_absent() -> None:
    assert set(score_fold(TaskKind.REGRESSION, np.ones(1), np.ones(1)).absent) == {"r2"}


def test_a_class_that_was_never_seen_has_probability_zero() -> None:
    learned = class_positions(np.array(["a", "c"]), ["a", "b", "c"])
    aligned = align_probabilities(np.array([[0.25, 0.75], [1.0, 0.0]]), learned, 3)
    assert aligned.tolist() == [[0.25, 0.0, 0.75], [1.0, 0.0, 0.0]]


def test_columns_follow_the_classes_of_the_task_and_not_the_learners_order() -> None:
    learned = class_positions(np.array([7, 5]), [5, 7])
    assert align_probabilities(np.array([[0.9, 0.1]]), learned, 2).tolist() == [[0.1, 0.9]]


def test_single_precision_is_made_to_sum_to_one() -> None:
    rough = np.full((1, 3), 1 / 3, dtype=np.float32).astype(float)
    assert align_probabilities(rough, np.arange(3), 3).sum() == pytest.approx(1.0, abs=1e-15)


@pytest.mark.parametrize(
    ("probabilities", "message"),
    [
        ([[0.5, np.nan]], "not finite"),
        ([[1.5, -0.5]], "negative"),
        ([[0.2, 0.2]], "sum to 1"),
        ([[0.0, 0.0]], "sum to 1"),
        ([[1.0]], "2 classes"),
        ([0.5, 0.5], "2 classes"),
    ],
)
def test_what_is_no_probability_is_refused(probabilities: list[object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        align_probabilities(np.array(probabilities), np.arange(2), 2)


def test_a_class_that_is_named_twice_is_refused() -> None:
    with pytest.raises(DataError, match="names one of its 2 classes twice"):
        align_probabilities(np.array([[0.5, 0.5]]), np.array([1, 1]), 2)


@pytest.mark.parametrize("values", [["1.5"], [1j], np.array(["2020-01-01"], dtype="datetime64[D]")])
def test_what_numpy_could_make_numbers_of_is_refused(values: object) -> None:
    with pytest.raises(DataError, match="predictions are no real numbers"):
        as_numbers(values, "predictions")


def test_numbers_of_any_type_are_numbers() -> None:
    for values in ([True, False], [1, 0], np.array([1, 0], dtype=object), np.array([1, 0], dtype=np.float32)):
        assert as_numbers(values, "predictions").tolist() == [1.0, 0.0]


def test_an_unknown_class_is_refused() -> None:
    with pytest.raises(DataError, match="'c' is not one of the 2 classes"):
        class_positions(np.array(["a", "c"]), ["a", "b"])


def test_predictions_of_another_length_are_refused() -> None:
    with pytest.raises(DataError, match=r"\(2,\) for 3 rows"):
        score_fold(TaskKind.REGRESSION, np.zeros(3), np.zeros(2))
    with pytest.raises(DataError, match="for 3 rows"):
        score_fold(TaskKind.BINARY, np.array([0, 1, 0]), np.array([0, 1, 0]), np.full((2, 2), 0.5))


def test_predictions_that_are_not_finite_are_refused() -> None:
    with pytest.raises(DataError, match="1 of the learner's predictions"):
        score_fold(TaskKind.REGRESSION, np.zeros(2), np.array([0.0, np.inf]))
