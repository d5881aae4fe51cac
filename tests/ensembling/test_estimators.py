"""Ensembles as scikit-learn estimators: made of fitted members, and fitted themselves."""

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import cross_val_score
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils.estimator_checks import parametrize_with_checks

from autometa.ensembling import apply_temperature
from autometa.ensembling.estimators import EnsembleClassifier, EnsembleRegressor
from autometa.errors import DataError, OptionError
from autometa.pipelines.building import build
from autometa.space import Configuration
from autometa.task import ColumnKind
from autometa.task_kind import TaskKind

X, y = load_iris(return_X_y=True, as_frame=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[y]


@parametrize_with_checks(  # type: ignore[untyped-decorator] # scikit-learn has no types
    [
        EnsembleClassifier([LogisticRegression(), DecisionTreeClassifier(random_state=0)], temperature=1.5),
        EnsembleRegressor([Ridge(), DecisionTreeRegressor(random_state=0)], weights=[2, 1]),
    ]
)
def test_an_ensemble_is_an_estimator_of_scikit_learn(estimator: Any, check: Callable[[Any], None]) -> None:
    check(estimator)


def test_an_ensemble_of_fitted_members_predicts_their_weighted_average() -> None:
    line, tree = LogisticRegression(max_iter=500).fit(X, NAMES), DecisionTreeClassifier(max_depth=2).fit(X, NAMES)
    ensemble = EnsembleClassifier([line, tree], weights=[3, 1])
    expected = 0.75 * line.predict_proba(X) + 0.25 * tree.predict_proba(X)
    np.testing.assert_allclose(ensemble.predict_proba(X), expected, rtol=1e-12)
    np.testing.assert_array_equal(ensemble.predict(X), line.classes_[expected.argmax(axis=1)])
    assert ensemble.n_features_in_ == 4
    np.testing.assert_array_equal(ensemble.feature_names_in_, X.columns)


def test_an_ensemble_of_fitted_regressors_predicts_their_weighted_average() -> None:
    members = [Ridge().fit(X, y), DecisionTreeRegressor(max_depth=2).fit(X, y)]
    found = EnsembleRegressor(members, weights=[1, 4]).predict(X)
    np.testing.assert_allclose(found, 0.2 * members[0].predict(X) + 0.8 * members[1].predict(X))
    np.testing.assert_allclose(
        EnsembleRegressor(members).predict(X), np.mean([member.predict(X) for member in members], axis=0)
    )


def test_the_temperature_is_that_of_the_average() -> None:
    members = [LogisticRegression(max_iter=500).fit(X, NAMES), DecisionTreeClassifier(max_depth=2).fit(X, NAMES)]
    plain = EnsembleClassifier(members).predict_proba(X)
    cooled = EnsembleClassifier(members, temperature=2.0).predict_proba(X)
    np.testing.assert_allclose(cooled, apply_temperature(plain, 2.0))


def test_members_may_know_classes_in_another_order_or_fewer_of_them() -> None:
    whole = DecisionTreeClassifier(max_depth=3, random_state=0).fit(X, NAMES)
    reordered = clone(whole).fit(X, NAMES)
    order = [2, 0, 1]
    reordered.classes_ = reordered.classes_[order]
    given = reordered.predict_proba
    reordered.predict_proba = lambda table: given(table)[:, order]
    two = clone(whole).fit(X[y > 0], NAMES[y > 0])

    ensemble = EnsembleClassifier([reordered, two], weights=[1, 1])
    np.testing.assert_array_equal(ensemble.classes_, ["setosa", "versicolor", "virginica"])
    expected = whole.predict_proba(X) / 2
    expected[:, 1:] += two.predict_proba(X) / 2
    np.testing.assert_allclose(ensemble.predict_proba(X), expected)


def test_an_ensemble_cross_validates_like_its_only_member() -> None:
    tree = DecisionTreeClassifier(max_depth=2, random_state=0)
    alone = cross_val_score(tree, X, NAMES)
    ensemble = EnsembleClassifier([clone(tree).fit(X, NAMES)] * 2)
    np.testing.assert_array_equal(cross_val_score(ensemble, X, NAMES, error_score="raise"), alone)
    assert is_classifier(ensemble)

    regressor = EnsembleRegressor([Ridge().fit(X, y)], weights=[0.5])
    np.testing.assert_allclose(cross_val_score(regressor, X, y), cross_val_score(Ridge(), X, y))
    assert is_regressor(regressor)


def test_a_fit_leaves_the_members_given_as_they_were() -> None:
    given = DecisionTreeRegressor(max_depth=1, random_state=0).fit(X, y)
    before = given.predict(X)
    ensemble = EnsembleRegressor([given]).fit(X, 10 - y)
    np.testing.assert_array_equal(given.predict(X), before)
    np.testing.assert_allclose(ensemble.predict(X), 10 - before)


@pytest.mark.parametrize("kind", [TaskKind.BINARY, TaskKind.MULTICLASS, TaskKind.REGRESSION])
def test_pipelines_of_ours_make_an_ensemble_that_can_be_refitted(kind: TaskKind) -> None:
    table = X.assign(colour=np.where(y > 1, "red", "blue"))
    target = {TaskKind.BINARY: NAMES == "virginica", TaskKind.MULTICLASS: NAMES, TaskKind.REGRESSION: y}[kind]
    kinds = dict.fromkeys(X.columns, ColumnKind.NUMERIC) | {"colour": ColumnKind.CATEGORICAL}
    linear = "ridge" if kind is TaskKind.REGRESSION else "logistic_regression"
    members = [
        build(Configuration(algorithm=algorithm), kind=kind, column_kinds=kinds).fit(table, target)
        for algorithm in (linear, "decision_tree")
    ]
    ensemble = (EnsembleClassifier if kind.is_classification else EnsembleRegressor)(members, weights=[1, 2])
    method = "predict_proba" if kind.is_classification else "predict"
    expected = sum(
        weight * getattr(member, method)(table) for member, weight in zip(members, (1 / 3, 2 / 3), strict=True)
    )
    np.testing.assert_allclose(getattr(ensemble, method)(table), expected)
    np.testing.assert_allclose(getattr(clone(ensemble).fit(table, target), method)(table), expected)
    np.testing.assert_allclose(getattr(pickle.loads(pickle.dumps(ensemble)), method)(table), expected)


def test_skops_stores_an_ensemble(tmp_path: Any) -> None:
    skops = pytest.importorskip("skops.io")
    ensemble = EnsembleClassifier([LogisticRegression(max_iter=500).fit(X, NAMES)], weights=[1.0], temperature=1.2)
    path = tmp_path / "ensemble.skops"
    skops.dump(ensemble, path)
    unknown = skops.get_untrusted_types(file=path)
    assert unknown == ["autometa.ensembling.estimators.EnsembleClassifier"]
    np.testing.assert_array_equal(skops.load(path, trusted=unknown).predict_proba(X), ensemble.predict_proba(X))


def test_an_ensemble_of_unfitted_members_says_so() -> None:
    ensemble = EnsembleClassifier([LogisticRegression()])
    assert not hasattr(ensemble, "classes_")
    assert not hasattr(ensemble, "n_features_in_")
    with pytest.raises(NotFittedError):
        ensemble.predict(X)


@pytest.mark.parametrize(
    "weights",
    [[1.0], [1.0, 0.0], [1.0, -1.0], [1.0, float("nan")], [[1.0, 1.0]]],
    ids=["too few", "zero", "negative", "not a number", "two axes"],
)
def test_weights_that_make_no_sense_are_refused(weights: Any) -> None:
    with pytest.raises(OptionError, match="2 members need a positive weight each"):
        EnsembleRegressor([Ridge(), Ridge()], weights=weights).fit(X, y)


def test_no_members_and_no_temperature_are_refused() -> None:
    with pytest.raises(OptionError, match="a member at least"):
        EnsembleRegressor([]).fit(X, y)
    with pytest.raises(OptionError, match="positive number"):
        EnsembleClassifier([LogisticRegression()], temperature=0.0).fit(X, NAMES)


def test_garbage_of_a_member_is_not_averaged_in() -> None:
    tree = DecisionTreeClassifier().fit(X, NAMES)
    tree.predict_proba = lambda table: np.full((len(table), 3), 0.5)
    with pytest.raises(DataError, match="do not sum to 1"):
        EnsembleClassifier([tree]).predict_proba(pd.DataFrame(X))
