"""What is made small: metrics of ours, scikit-learn's scorers, functions; with and without weights."""

import functools
import math

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import get_scorer, make_scorer, mean_absolute_error, recall_score

from autometa.errors import OptionError
from autometa.evaluation.scoring import score_predictions
from autometa.metric import METRICS, metrics_of
from autometa.refinement.objective import Objective
from autometa.refinement.weighting import score_weighted
from autometa.task import Task
from autometa.task_kind import TaskKind
from tests.refinement.conftest import numbers, two_classes

FOLDS = {0: np.arange(0, 30), 1: np.arange(30, 60)}


def three_classes() -> Task:
    """Return a table of three classes."""
    rng = np.random.default_rng(2)
    X = pd.DataFrame(rng.normal(size=(60, 2)), columns=["a", "b"])
    y = pd.Series(np.digitize(X["a"], [-0.5, 0.5]), name="c")
    return Task(name="three", X=X, y=y, kind=TaskKind.MULTICLASS, target="c")


TASKS = [two_classes(60), three_classes(), numbers(60)]


def predicted(task: Task) -> tuple[object, dict[int, np.ndarray]]:
    """Return a fitted model and what it predicts for the rows of two folds."""
    is_classes = task.kind.is_classification
    model = (LogisticRegression() if is_classes else Ridge()).fit(task.X[["a"]], task.y)
    predict = model.predict_proba if is_classes else model.predict
    return model, {number: predict(task.X[["a"]].iloc[rows]) for number, rows in FOLDS.items()}


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_our_metrics_are_the_means_of_their_folds(task: Task) -> None:
    _, predictions = predicted(task)
    for metric in metrics_of(task.kind):
        objective = Objective.of(metric.name, task)
        folds = [score_predictions(metric, objective.y[rows], predictions[n]) for n, rows in FOLDS.items()]
        assert objective.score(predictions, FOLDS) == pytest.approx(np.mean(folds))
        assert objective.greater_is_better is metric.greater_is_better
        assert objective.loss(0.25) == metric.loss(0.25)
        assert objective.score_of(objective.loss(0.25)) == 0.25
        assert objective.loss(math.nan) == math.inf


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_the_standard_error_is_that_over_folds_or_parts_of_one(task: Task) -> None:
    _, predictions = predicted(task)
    objective = Objective.of("auto", task)
    score, error = objective.score_with_error(predictions, FOLDS)
    folds = objective.fold_scores(predictions, FOLDS)
    assert (score, error) == pytest.approx((np.mean(folds), np.std(folds, ddof=1) / math.sqrt(2)))
    single, rows = {3: predictions[0]}, {3: FOLDS[0]}
    score, error = objective.score_with_error(single, rows)
    parts = objective.fold_scores(
        {part: predictions[0][part::10] for part in range(10)}, {part: FOLDS[0][part::10] for part in range(10)}
    )
    assert score == objective.score(single, rows), "of all rows at once"
    assert error == pytest.approx(np.std(parts, ddof=1) / math.sqrt(len(parts)))
    one_row = objective.score_with_error({0: predictions[0][:1]}, {0: FOLDS[0][:1]})
    assert math.isnan(one_row[1])


def test_of_a_single_fold_and_the_users_metric_the_error_is_unknown() -> None:
    task = numbers(60)
    objective = Objective.of(make_scorer(mean_absolute_error), task)
    _, predictions = predicted(task)
    score, error = objective.score_with_error({0: predictions[0]}, {0: FOLDS[0]})
    assert math.isfinite(score)
    assert math.isnan(error)
    assert math.isfinite(objective.score_with_error(predictions, FOLDS)[1])


SCORERS = {
    TaskKind.BINARY: ["roc_auc", "f1_weighted", "neg_log_loss"],
    TaskKind.MULTICLASS: ["roc_auc_ovo", "f1_weighted", "jaccard_macro", "top_k_accuracy"],
    TaskKind.REGRESSION: ["neg_mean_absolute_error", "neg_median_absolute_error", "explained_variance"],
}


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
@pytest.mark.filterwarnings("ignore:'k' .* greater than or equal to 'n_classes'")
def test_scorers_by_name_say_of_predictions_what_they_say_of_a_model(task: Task) -> None:
    model, predictions = predicted(task)
    for name in SCORERS[task.kind]:
        objective = Objective.of(name, task)
        scorer = get_scorer(name)
        scores = [scorer(model, task.X[["a"]].iloc[rows], np.asarray(task.y)[rows]) for rows in FOLDS.values()]
        assert objective.score(predictions, FOLDS) == pytest.approx(np.mean(scores))
        assert objective.name == name
        assert objective.greater_is_better


def test_scorers_that_are_made_and_functions_are_asked_as_they_are() -> None:
    task = TASKS[2]
    _, predictions = predicted(task)
    made = Objective.of(make_scorer(mean_absolute_error, greater_is_better=False), task)
    ours = Objective.of("mae", task)
    assert made.name == "mean_absolute_error"
    assert made.score(predictions, FOLDS) == pytest.approx(-ours.score(predictions, FOLDS))
    assert made.loss(-2.0) == 2.0
    assert made.score_of(2.0) == -2.0

    def share_close(estimator: object, X: pd.DataFrame, y: np.ndarray) -> float:
        return float(np.mean(np.abs(estimator.predict(X) - y) < 1))  # type: ignore[attr-defined] # any regressor

    plain = Objective.of(share_close, task)
    assert plain.name == "share_close"
    assert 0 < plain.score(predictions, FOLDS) < 1
    assert Objective.of(functools.partial(share_close), task).name == "partial", "what has no name has that of its type"

    words = Objective.of(make_scorer(recall_score, pos_label="yes"), TASKS[0])
    model, predictions = predicted(TASKS[0])
    y = np.asarray(TASKS[0].y)
    found = model.predict(TASKS[0].X[["a"]])  # type: ignore[attr-defined] # a classifier
    expected = [recall_score(y[rows], found[rows], pos_label="yes") for rows in FOLDS.values()]
    assert words.score(predictions, FOLDS) == pytest.approx(np.mean(expected))


def test_a_metric_that_does_not_exist_or_fit_is_refused() -> None:
    with pytest.raises(OptionError, match="no metric 'magic' for a regression task; choose one of: mae, r2, rmse"):
        Objective.of("magic", TASKS[2])
    with pytest.raises(OptionError, match="no metric 'rmse' for a binary task"):
        Objective.of("rmse", TASKS[0])


def test_a_scorer_that_fails_is_one_line_with_its_name() -> None:
    task = TASKS[0]
    _, predictions = predicted(task)
    with pytest.raises(OptionError, match="the metric 'f1' fails: ValueError: pos_label=1 is not a valid label"):
        Objective.of("f1", task).score(predictions, FOLDS)

    def odd(estimator: object, X: object, y: object) -> str:
        return "much"

    with pytest.raises(OptionError, match="the metric 'odd' fails: ValueError: could not convert string to float"):
        Objective.of(odd, task).score(predictions, FOLDS)  # type: ignore[arg-type] # the harm itself

    def share(estimator: object, X: object, y: object) -> float:
        return 1.0

    weighed = Objective.of(share, task, np.ones(60))
    with pytest.raises(OptionError, match=r"the metric 'share' fails: TypeError: .*'sample_weight'"):
        weighed.score(predictions, FOLDS)


WEIGHED_BY = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced_accuracy",
    "f1_macro": "f1_macro",
    "log_loss": "neg_log_loss",
    "rmse": "neg_root_mean_squared_error",
    "mae": "neg_mean_absolute_error",
    "r2": "r2",
}


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_weighted_scores_are_those_of_scikit_learn(task: Task) -> None:
    model, predictions = predicted(task)
    weights = np.random.default_rng(3).uniform(0.1, 2, size=60)
    for metric in metrics_of(task.kind):
        objective = Objective.of(metric.name, task, weights)
        name = WEIGHED_BY.get(metric.name, "roc_auc")
        if metric.name == "roc_auc" and task.kind is TaskKind.MULTICLASS:
            continue  # scikit-learn's wants all classes in a fold; ours is held to it in two classes
        sign = -1 if name.startswith("neg_") else 1
        expected = [
            sign
            * get_scorer(name)(model, task.X[["a"]].iloc[rows], np.asarray(task.y)[rows], sample_weight=weights[rows])
            for rows in FOLDS.values()
        ]
        assert objective.score(predictions, FOLDS) == pytest.approx(np.mean(expected), rel=1e-9), metric.name


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_equal_weights_change_nothing_and_no_weight_leaves_out(task: Task) -> None:
    _, predictions = predicted(task)
    for metric in metrics_of(task.kind):
        plain = Objective.of(metric.name, task)
        same = Objective.of(metric.name, task, np.full(60, 0.5))
        assert same.score(predictions, FOLDS) == pytest.approx(plain.score(predictions, FOLDS), rel=1e-9), metric.name
        left = np.ones(60)
        left[20:30] = 0
        rows = np.arange(20)
        assert score_weighted(metric, plain.y[FOLDS[0]], predictions[0], left[FOLDS[0]]) == pytest.approx(
            score_predictions(metric, plain.y[rows], predictions[0][:20]), rel=1e-9
        )
        half = Objective.of(metric.name, task, np.repeat([0.0, 1.0], 30))
        assert half.score(predictions, FOLDS) == pytest.approx(plain.fold_score(predictions[1], FOLDS[1]), rel=1e-9)
        nothing = Objective.of(metric.name, task, np.zeros(60))
        assert math.isnan(nothing.score(predictions, FOLDS))


def test_weighted_scores_of_a_fold_without_a_class_are_those_without_weights() -> None:
    y, weights = np.array([0, 0, 1, 1]), np.ones(4)
    probabilities = np.array([[0.6, 0.2, 0.2], [0.1, 0.6, 0.3], [0.2, 0.7, 0.1], [0.3, 0.4, 0.3]])
    for metric in metrics_of(TaskKind.MULTICLASS):
        expected = score_predictions(metric, y, probabilities)
        assert score_weighted(metric, y, probabilities, weights) == pytest.approx(expected, rel=1e-9), metric.name
    assert math.isnan(score_weighted(METRICS["roc_auc"], y[:2], probabilities[:2], weights[:2]))
    assert math.isnan(score_weighted(METRICS["r2"], np.ones(1), np.ones(1), np.ones(1)))
    assert score_weighted(METRICS["r2"], np.ones(2), np.ones(2), np.ones(2)) == 1.0
    tenths = np.full(3, 0.1)  # whose mean is rounded
    assert score_weighted(METRICS["r2"], tenths, tenths + 0.5, tenths * [1, 2, 3]) == 0.0


def test_what_was_foreseen_looks_like_a_fitted_model_to_a_scorer() -> None:
    task = two_classes(60)
    model = DummyClassifier().fit(task.X, task.y)
    predictions = {number: model.predict_proba(task.X.iloc[rows]) for number, rows in FOLDS.items()}
    seen: list[tuple[object, ...]] = []

    def look(estimator: object, X: pd.DataFrame, y: np.ndarray) -> float:
        seen.append((estimator.classes_.tolist(), X.shape, y.shape, estimator.fit(X, y) is estimator))  # type: ignore[attr-defined] # a classifier
        return 0.0

    Objective.of(look, task).score(predictions, FOLDS)
    assert seen == [(["no", "yes"], (30, 4), (30,), True)] * 2
