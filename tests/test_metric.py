"""Metrics: the directions that scikit-learn gives them, and losses that are their mirror."""

import math

import numpy as np
import pytest
from sklearn import metrics as reference

from autometa.errors import OptionError
from autometa.metric import METRICS, Metric, default_metric, get_metric, metrics_of
from autometa.task_kind import CLASSIFICATION, TaskKind

ALL = pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS.keys())


def _score(metric: Metric, y: np.ndarray, predicted: np.ndarray) -> float:
    """Return scikit-learn's score of predictions: probabilities of class 1, or numbers."""
    hard = (predicted > 0.5).astype(int)
    functions = {
        "accuracy": lambda: reference.accuracy_score(y, hard),
        "balanced_accuracy": lambda: reference.balanced_accuracy_score(y, hard),
        "f1_macro": lambda: reference.f1_score(y, hard, average="macro"),
        "roc_auc": lambda: reference.roc_auc_score(y, predicted),
        "log_loss": lambda: reference.log_loss(y, predicted),
        "rmse": lambda: reference.root_mean_squared_error(y, predicted),
        "mae": lambda: reference.mean_absolute_error(y, predicted),
        "r2": lambda: reference.r2_score(y, predicted),
    }
    return float(functions[metric.name]())


@ALL
def test_better_predictions_have_the_smaller_loss(metric: Metric) -> None:
    y = np.array([0, 1, 0, 1])
    good, bad = np.array([0.1, 0.9, 0.2, 0.7]), np.array([0.6, 0.4, 0.3, 0.8])
    assert metric.loss(_score(metric, y, good)) < metric.loss(_score(metric, y, bad))


@ALL
def test_perfect_predictions_have_loss_zero(metric: Metric) -> None:
    y = np.array([0, 1, 0, 1])
    assert metric.loss(_score(metric, y, y.astype(float))) == pytest.approx(0.0, abs=1e-12)


@ALL
@pytest.mark.parametrize("score", [0.0, 0.2, 0.75, 1.0])
def test_score_undoes_loss(metric: Metric, score: float) -> None:
    assert metric.score(metric.loss(score)) == pytest.approx(score, abs=1e-15)


@ALL
def test_scores_stay_in_the_range_of_the_metric(metric: Metric) -> None:
    for loss in (-1.0, 0.0, 0.5, 2.0, math.inf):
        assert metric.low <= metric.score(loss) <= metric.high
    assert metric.score(math.inf) == (metric.low if metric.greater_is_better else metric.high)


@ALL
def test_an_unknown_loss_is_no_score(metric: Metric) -> None:
    assert math.isnan(metric.score(math.nan))


@pytest.mark.parametrize("metric", metrics_of(TaskKind.REGRESSION), ids=lambda metric: metric.name)
def test_scales_with_target_says_what_the_score_does(metric: Metric) -> None:
    y, predicted = np.array([1.0, 2.0, 4.0]), np.array([1.5, 1.0, 5.0])
    factor = _score(metric, 10 * y, 10 * predicted) / _score(metric, y, predicted)
    assert factor == pytest.approx(10.0 if metric.scales_with_target else 1.0)


def test_metrics_are_listed_by_kind_in_the_order_of_the_record() -> None:
    names = ["accuracy", "balanced_accuracy", "f1_macro", "roc_auc", "log_loss"]
    for kind in CLASSIFICATION:
        assert [metric.name for metric in metrics_of(kind)] == names
    assert [metric.name for metric in metrics_of(TaskKind.REGRESSION)] == ["rmse", "mae", "r2"]


def test_metrics_that_read_probabilities_say_so() -> None:
    assert {metric.name for metric in METRICS.values() if metric.needs_probabilities} == {"roc_auc", "log_loss"}


@pytest.mark.parametrize(
    ("kind", "name"),
    [(TaskKind.BINARY, "roc_auc"), (TaskKind.MULTICLASS, "log_loss"), (TaskKind.REGRESSION, "rmse")],
)
def test_auto_is_the_default_of_the_kind(kind: TaskKind, name: str) -> None:
    assert get_metric("auto", kind) is default_metric(kind) is METRICS[name]


def test_an_unknown_metric_is_refused_with_those_of_the_kind() -> None:
    with pytest.raises(OptionError, match="no metric 'auc' for a regression task; choose one of: mae, r2, rmse"):
        get_metric("auc", TaskKind.REGRESSION)
    with pytest.raises(OptionError, match=r"no metric 'auc'; choose one of: accuracy, .*, rmse"):
        get_metric("auc")


def test_a_metric_of_another_kind_is_refused() -> None:
    with pytest.raises(OptionError, match="no metric 'rmse' for a binary task"):
        get_metric("rmse", TaskKind.BINARY)


def test_auto_without_a_kind_is_refused() -> None:
    with pytest.raises(OptionError, match="no metric 'auto'"):
        get_metric("auto")
