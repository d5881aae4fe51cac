import math

import numpy as np
import pandas as pd
import pytest

from autometa.metafeatures import extract
from autometa.task import Task
from autometa.task_kind import TaskKind


def test_the_tree_agrees_with_pymfe_on_wine(wine: Task) -> None:
    values = extract(wine).values
    # pymfe 0.4.4, group "model-based", columns in the order of their names, random_state=3417003708
    expected = {
        "leaves": 12.0,
        "nodes": 11.0,
        "nodes_per_attr": 0.8461538461538461,
        "nodes_per_inst": 0.06179775280898876,
        "tree_depth.mean": 2.9565217391304346,
        "tree_depth.sd": 1.2605287804426009,
        "tree_depth.max": 5.0,
        "leaves_branch.mean": 3.75,
        "leaves_branch.sd": 0.7537783614444091,
        "leaves_corrob.mean": 0.08333333333333333,
        "leaves_corrob.sd": 0.1265510065295304,
        "leaves_corrob.max": 0.3258426966292135,
        "leaves_per_class.sd": 0.16666666666666669,
        "nodes_per_level.mean": 2.2,
        "nodes_per_level.sd": 1.3038404810405297,
        "nodes_per_level.max": 4.0,
        "nodes_repeated.mean": 1.375,
        "nodes_repeated.sd": 0.7440238091428449,
        "nodes_repeated.max": 3.0,
        "tree_shape.mean": 0.2864583333333333,
        "tree_shape.sd": 0.08514832201766658,
        "tree_imbalance.mean": 0.23891722674639074,
        "tree_imbalance.sd": 0.17305714131305633,
        "var_importance.sd": 0.12725801839897344,
        "var_importance.max": 0.38247044986432716,
    }
    assert {name: values[name] for name in expected} == pytest.approx(expected)


def test_a_step_needs_one_split_and_five_rows_a_leaf() -> None:
    x = np.arange(10.0)
    task = Task(
        name="t",
        X=pd.DataFrame({"a": x}),
        y=pd.Series((x >= 5).astype(float)),
        kind=TaskKind.REGRESSION,
        target="y",
    )
    values = extract(task).values
    assert values["leaves"] == 2
    assert values["nodes"] == 1
    assert values["leaves_corrob.max"] == 0.5
    assert math.isnan(values["leaves_per_class.sd"])


def test_a_tree_without_splits_has_leaves_and_no_levels() -> None:
    X = pd.DataFrame({"a": np.ones(6)})
    task = Task(name="t", X=X, y=pd.Series([0, 1] * 3), kind=TaskKind.BINARY, target="y")
    described = extract(task)
    assert described.values["leaves"] == 1
    assert described.values["nodes"] == 0
    assert math.isnan(described.values["nodes_per_level.mean"])
    assert described.failures == {}
