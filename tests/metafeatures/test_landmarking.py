import math
import threading
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import Ridge
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from autometa._random import generator, spawn
from autometa.metafeatures import extract, landmarking, landmarks
from autometa.metafeatures.sample import standardised
from autometa.task import Task
from autometa.task_kind import TaskKind

RANDOM_STATE = spawn(0, "metafeatures", "landmarkers")


def _out_of_fold(model: BaseEstimator, task: Task, y: np.ndarray, strata: np.ndarray) -> np.ndarray:
    """Return scikit-learn's predictions over the folds that the landmarkers meet."""
    X = standardised(task.X[sorted(task.X.columns)].to_numpy())
    folds = landmarks.fold_numbers(strata, 3, generator(0, "metafeatures", "folds"))
    predictions: list[np.ndarray] = [np.empty(0)] * len(y)
    for number in range(3):
        fitted = model.fit(X[folds != number], y[folds != number])
        predict = getattr(fitted, "predict_proba", fitted.predict)
        for row, prediction in zip(np.flatnonzero(folds == number), predict(X[folds == number]), strict=True):
            predictions[row] = prediction
    return np.array(predictions)


def test_scores_of_classes_agree_with_scikit_learn_on_wine(wine: Task) -> None:
    values = extract(wine).values
    y = wine.y.to_numpy()
    stump = DecisionTreeClassifier(max_depth=1, random_state=RANDOM_STATE)
    tree = DecisionTreeClassifier(max_depth=5, min_samples_leaf=5, random_state=RANDOM_STATE)
    linear = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.05)
    nearest = KNeighborsClassifier(n_neighbors=1)
    by_stump, by_tree, by_linear, by_nearest = (
        _out_of_fold(model, wine, y, y) for model in (stump, tree, linear, nearest)
    )
    expected = {
        "best_node": accuracy_score(y, by_stump.argmax(axis=1)),
        "decision_tree": accuracy_score(y, by_tree.argmax(axis=1)),
        "linear_discr": accuracy_score(y, by_linear.argmax(axis=1)),
        "one_nn": accuracy_score(y, by_nearest.argmax(axis=1)),
        "best_node_auc": roc_auc_score(y, by_stump, multi_class="ovr"),
        "decision_tree_auc": roc_auc_score(y, by_tree, multi_class="ovr"),
        "linear_discr_auc": roc_auc_score(y, by_linear, multi_class="ovr"),
        "decision_tree_log_loss": log_loss(y, landmarks.with_floor(by_tree)),
        "linear_discr_log_loss": log_loss(y, landmarks.with_floor(by_linear)),
    }
    assert {name: values[name] for name in expected} == pytest.approx(expected)


def test_naive_bayes_is_pinned_on_wine(wine: Task) -> None:
    # scikit-learn's GaussianNB with a variance floor of 0.05 scores the same over these folds
    values = extract(wine).values
    assert values["naive_bayes"] == pytest.approx(0.9606741573033708)
    assert values["naive_bayes_auc"] == pytest.approx(0.9972917892367389)


def test_relative_errors_agree_with_scikit_learn_on_diabetes(diabetes: Task) -> None:
    values = extract(diabetes).values
    y = (diabetes.y / diabetes.y.std(ddof=0)).to_numpy()
    models = {
        "best_node_rmse": DecisionTreeRegressor(max_depth=1, random_state=RANDOM_STATE),
        "decision_tree_rmse": DecisionTreeRegressor(max_depth=5, min_samples_leaf=5, random_state=RANDOM_STATE),
        "one_nn_rmse": KNeighborsRegressor(n_neighbors=1),
    }
    for name, model in models.items():
        predictions = _out_of_fold(model, diabetes, y, np.zeros(len(y), dtype=int))
        assert values[name] == pytest.approx(np.sqrt(np.mean((predictions - y) ** 2)))
    ridge = _out_of_fold(Ridge(alpha=0.01 * 442 * 2 / 3), diabetes, y, np.zeros(len(y), dtype=int))
    expected = np.sqrt(np.mean((ridge - y) ** 2))
    assert values["ridge_rmse"] == pytest.approx(expected, rel=1e-3)  # the penalty follows each fold's variance


def test_strong_landmarkers_are_pinned(wine: Task, diabetes: Task) -> None:
    # Each landmarker agrees with a library in test_landmarks.py; these are its scores over the folds.
    of_classes = {
        "additive": 0.9494,
        "additive_auc": 0.9970,
        "additive_log_loss": 0.1554,
        "kernel": 0.9494,
        "kernel_auc": 0.9986,
        "kernel_log_loss": 0.1721,
        "extra_trees": 0.9775,
        "extra_trees_auc": 0.9984,
        "extra_trees_log_loss": 0.1777,
        "boosted_trees": 0.9775,
        "boosted_trees_auc": 0.9986,
        "boosted_trees_log_loss": 0.0902,
        "boosted_stumps": 0.9663,
        "boosted_stumps_auc": 0.9979,
        "boosted_stumps_log_loss": 0.1108,
    }
    of_numbers = {
        "additive_rmse": 0.7172,
        "kernel_rmse": 0.7677,
        "extra_trees_rmse": 0.7465,
        "boosted_trees_rmse": 0.7834,
        "boosted_stumps_rmse": 0.7205,
    }
    for task, expected, undefined in ((wine, of_classes, of_numbers), (diabetes, of_numbers, of_classes)):
        values = extract(task).values
        assert {name: values[name] for name in expected} == pytest.approx(expected, abs=2e-3)
        assert all(math.isnan(values[name]) for name in undefined)


def test_gains_are_differences_to_a_tree_of_one_level(wine: Task, diabetes: Task) -> None:
    classes, numbers = extract(wine).values, extract(diabetes).values
    assert classes["decision_tree_gain"] == pytest.approx(classes["decision_tree"] - classes["best_node"])
    assert classes["one_nn_gain"] == pytest.approx(classes["one_nn"] - classes["best_node"])
    assert classes["naive_bayes_gain"] == pytest.approx(classes["naive_bayes"] - classes["best_node"])
    assert classes["linear_gain"] == pytest.approx(classes["linear_discr"] - classes["best_node"])
    assert classes["linear_to_tree"] == pytest.approx(classes["linear_discr"] - classes["decision_tree"])
    assert numbers["linear_gain"] == pytest.approx(numbers["best_node_rmse"] - numbers["ridge_rmse"])
    assert numbers["linear_to_tree"] == pytest.approx(numbers["decision_tree_rmse"] - numbers["ridge_rmse"])
    assert math.isnan(numbers["naive_bayes_gain"])


def test_a_target_of_noise_is_not_learned() -> None:
    random = np.random.default_rng(0)
    X = pd.DataFrame(random.normal(size=(600, 3)), columns=list("abc"))
    y = pd.Series(random.normal(size=600))
    values = extract(Task(name="noise", X=X, y=y, kind=TaskKind.REGRESSION, target="y")).values
    assert 0.97 < values["ridge_rmse"] < 1.05
    assert values["one_nn_rmse"] == pytest.approx(math.sqrt(2), rel=0.1)


def test_a_class_of_its_own_for_each_row_is_never_hit() -> None:
    X = pd.DataFrame({"a": np.arange(40.0)})
    task = Task(name="t", X=X, y=pd.Series(np.arange(40)), kind=TaskKind.MULTICLASS, target="y")
    described = extract(task)
    assert described.failures == {}
    for name in ("best_node", "decision_tree", "one_nn", "naive_bayes", "linear_discr"):
        assert described.values[name] == 0.0


def test_the_threads_of_landmarkers_leave_filters_of_warnings_alone(
    toys: Task, diabetes: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: set[threading.Thread] = set()
    enter = warnings.catch_warnings.__enter__

    def noted(self: warnings.catch_warnings) -> object:
        threads.add(threading.current_thread())
        return enter(self)

    monkeypatch.setattr(warnings.catch_warnings, "__enter__", noted)
    for task in (toys, diabetes):
        extract(task)
    with warnings.catch_warnings():
        pass
    assert threads == {threading.current_thread()}, "those filters are of all threads"


def test_what_overflows_in_a_landmarker_is_a_failure_in_words(toys: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(landmarking._CLASSIFIERS, "linear", lambda fold: np.exp(1e4 * np.ones_like(fold.X_test[:, :2])))
    described = extract(toys)
    assert math.isnan(described.values["linear_discr"])
    assert "overflow" in described.failures["linear_discr"]
    assert set(described.failures) <= set(landmarking.GROUP.names), "of the other groups none is lost"
