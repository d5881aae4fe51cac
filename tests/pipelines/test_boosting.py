from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from autometa.pipelines.building import build
from autometa.pipelines.learners import LEARNERS
from autometa.space import Value
from autometa.task import ColumnKind
from autometa.task_kind import TaskKind
from tests.pipelines.quick import case, quick

NATIVE = [case(learner) for learner in LEARNERS.values() if learner.native is not None]
WEIGHING = [
    case(learner)
    for learner in LEARNERS.values()
    if "class_weight" in {parameter.name for kind in learner.kinds for parameter in learner.space(kind).parameters}
]


def categories_seen(algorithm: str, estimator: Any) -> set[int]:
    """Return the positions of the columns on whose categories a fitted classifier splits."""
    if algorithm == "catboost":
        return set(estimator.estimators_[0].get_cat_feature_indices())
    if algorithm == "hist_gradient_boosting":
        return set(np.flatnonzero(estimator.is_categorical_))
    trees = estimator.booster_.trees_to_dataframe()
    return {int(name.removeprefix("Column_")) for name in trees["split_feature"][trees["decision_type"] == "=="]}


@pytest.mark.parametrize("algorithm", NATIVE)
def test_native_categories_are_those_of_the_table(
    algorithm: str, table: pd.DataFrame, column_kinds: dict[str, ColumnKind], targets: dict[TaskKind, pd.Series]
) -> None:
    configuration = quick(algorithm, encoding="native")
    pipeline = build(configuration, kind=TaskKind.BINARY, column_kinds=column_kinds)
    large = pd.concat([table] * 5)  # LightGBM makes no group of categories below 100 rows
    pipeline = clone(pipeline).fit(large, pd.concat([targets[TaskKind.BINARY]] * 5))
    names = pipeline["prepare"].get_feature_names_out()
    positions = {position for position, name in enumerate(names) if name.startswith("categorical__")}
    assert len(positions) == 3
    seen = categories_seen(algorithm, pipeline["learner"])
    assert seen == positions if algorithm != "lightgbm" else seen and seen <= positions


@pytest.mark.parametrize("algorithm", NATIVE)
def test_native_categories_are_told_apart_whatever_their_order(algorithm: str) -> None:
    codes = np.arange(1000) % 20
    X = pd.DataFrame({"a": [f"c{code}" for code in codes]})
    configuration = quick(algorithm, encoding="native")
    pipeline = build(configuration, kind=TaskKind.BINARY, column_kinds={"a": ColumnKind.CATEGORICAL})
    assert pipeline.fit(X, codes % 2).score(X, codes % 2) == 1.0


@pytest.mark.parametrize("algorithm", NATIVE)
def test_native_categories_may_be_many_missing_or_unseen(algorithm: str) -> None:
    X = pd.DataFrame({"a": [*(f"c{i % 300}" for i in range(900)), *[None] * 100]})
    configuration = quick(algorithm, encoding="native")
    pipeline = build(configuration, kind=TaskKind.BINARY, column_kinds={"a": ColumnKind.CATEGORICAL})
    pipeline.fit(X, X["a"].isna())
    found = pipeline.predict(pd.DataFrame({"a": ["c1", "c2", "never seen", None]}))
    assert found.tolist()[:2] == [False, False]
    assert found.tolist()[3] is True


@pytest.mark.parametrize("algorithm", NATIVE)
def test_a_table_without_categories_needs_no_encoding(algorithm: str) -> None:
    X = pd.DataFrame({"a": np.arange(60.0)})
    configuration = quick(algorithm, encoding="native")
    pipeline = build(configuration, kind=TaskKind.BINARY, column_kinds={"a": ColumnKind.NUMERIC})
    assert set(pipeline.fit(X, X["a"] > 30).predict(X)) == {False, True}


@pytest.mark.parametrize("algorithm", WEIGHING)
def test_balanced_weights_find_more_of_a_rare_class(algorithm: str) -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=500)})
    y = np.where(X["a"] + rng.normal(size=500) > 1.8, "1", "0")  # scikit-learn's forests weigh no such labels
    leaves: dict[str, Value] = {"min_samples_leaf": 20}
    values = leaves if algorithm in ("random_forest", "extra_trees", "decision_tree") else {}
    n_found = [
        build(quick(algorithm, **values, **weight), kind=TaskKind.BINARY, column_kinds={"a": ColumnKind.NUMERIC})
        .fit(X, y)
        .predict(X)
        .tolist()
        .count("1")
        for weight in ({}, {"class_weight": "balanced"})
    ]
    assert n_found[1] > 1.5 * n_found[0]
