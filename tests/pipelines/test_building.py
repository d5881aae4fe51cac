import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import lightgbm
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.svm import SVC, SVR

from autometa.errors import ConfigurationError, MissingDependencyError
from autometa.pipelines.building import build
from autometa.pipelines.learners import LEARNERS
from autometa.space import Configuration, Value
from autometa.task import ColumnKind
from autometa.task_kind import TaskKind

PAIRS = [(learner.algorithm, kind) for learner in LEARNERS.values() for kind in sorted(learner.kinds)]
STOCK = {
    "lightgbm": (lightgbm.LGBMClassifier, lightgbm.LGBMRegressor),
    "random_forest": (RandomForestClassifier, RandomForestRegressor),
    "extra_trees": (ExtraTreesClassifier, ExtraTreesRegressor),
    "logistic_regression": (LogisticRegression, None),
    "ridge": (None, Ridge),
    "svm_rbf": (SVC, SVR),
    "mlp": (MLPClassifier, MLPRegressor),
    "k_nearest_neighbors": (KNeighborsClassifier, KNeighborsRegressor),
}
NOT_HYPERPARAMETERS = {"random_state", "n_jobs", "verbosity", "deterministic", "force_row_wise"}

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def innermost(pipeline: Any) -> Any:
    """Return the algorithm itself, without its calibration or the scaling of its target."""
    learner = pipeline["learner"]
    if isinstance(learner, CalibratedClassifierCV):
        return learner.estimator
    return learner.regressor if isinstance(learner, TransformedTargetRegressor) else learner


@pytest.mark.parametrize(("algorithm", "kind"), PAIRS)
def test_a_pipeline_takes_raw_tables(
    algorithm: str,
    kind: TaskKind,
    table: pd.DataFrame,
    column_kinds: dict[str, ColumnKind],
    targets: dict[TaskKind, pd.Series],
    as_read_by_pandas: Callable[[pd.DataFrame], pd.DataFrame],
) -> None:
    X = table.assign(not_used="x")
    pipeline = build(Configuration(algorithm=algorithm), kind=kind, column_kinds=column_kinds)
    pipeline.fit(X, targets[kind])

    raw = as_read_by_pandas(table.iloc[:40])
    expected = pipeline.predict(table.iloc[:40])
    np.testing.assert_array_equal(pipeline.predict(raw[raw.columns[::-1]]), expected)

    raw["colour"] = "violet"
    raw["remark"] = None
    predicted = pipeline.predict(raw)
    assert predicted.shape == (40,)
    if kind.is_classification:
        probabilities = pipeline.predict_proba(raw)
        assert probabilities.shape == (40, len(pipeline.classes_))
        np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)
        assert set(predicted) <= set(targets[kind])
    else:
        assert np.isfinite(predicted).all()


@pytest.mark.parametrize(("algorithm", "kind"), PAIRS)
def test_a_pipeline_can_be_fitted_on_what_pandas_reads(
    algorithm: str,
    kind: TaskKind,
    table: pd.DataFrame,
    column_kinds: dict[str, ColumnKind],
    targets: dict[TaskKind, pd.Series],
    as_read_by_pandas: Callable[[pd.DataFrame], pd.DataFrame],
) -> None:
    pipeline = build(Configuration(algorithm=algorithm), kind=kind, column_kinds=column_kinds)
    from_task = clone(pipeline).fit(table, targets[kind]).predict(table)
    from_csv = pipeline.fit(as_read_by_pandas(table), targets[kind]).predict(table)
    if kind.is_classification:
        np.testing.assert_array_equal(from_csv, from_task)
    else:
        np.testing.assert_allclose(from_csv, from_task)


@pytest.mark.parametrize(("algorithm", "kind"), PAIRS)
def test_the_default_configuration_is_the_stock_estimator(algorithm: str, kind: TaskKind) -> None:
    pipeline = build(Configuration(algorithm=algorithm), kind=kind, column_kinds={"a": ColumnKind.NUMERIC}, seed=7)
    stock = STOCK[algorithm][0 if kind.is_classification else 1]
    assert stock is not None
    estimator = innermost(pipeline)
    assert type(estimator) is stock
    own, library = estimator.get_params(), stock().get_params()
    differing = {name for name in own if name not in library or own[name] != library[name]}
    assert differing <= NOT_HYPERPARAMETERS


@pytest.mark.parametrize(
    ("algorithm", "values", "parameters"),
    [
        (
            "lightgbm",
            {"extra_trees": True, "num_leaves": 7.0},
            {"extra_trees": True, "num_leaves": 7},
        ),
        (
            "random_forest",
            {"max_features": 0.5, "max_samples": 0.6},
            {"max_features": 0.5, "max_samples": 0.6},
        ),
        ("svm_rbf", {"C": 3, "gamma": 0.5}, {"C": 3.0, "gamma": 0.5}),
        ("mlp", {"n_hidden_layers": 2}, {"hidden_layer_sizes": (100, 100)}),
        ("mlp", {"hidden_layer_size": 32}, {"hidden_layer_sizes": (32,)}),
        ("k_nearest_neighbors", {"scaling": "none", "p": 1}, {"p": 1, "weights": "uniform"}),
    ],
)
def test_values_reach_the_estimator(algorithm: str, values: dict[str, Value], parameters: dict[str, object]) -> None:
    configuration = Configuration(algorithm=algorithm, values=values)
    pipeline = build(configuration, kind=TaskKind.BINARY, column_kinds={"a": ColumnKind.NUMERIC})
    found = innermost(pipeline).get_params()
    assert {name: found[name] for name in parameters} == parameters


@pytest.mark.parametrize(("algorithm", "kind"), PAIRS)
def test_the_seed_reaches_every_step_that_draws(
    algorithm: str, kind: TaskKind, column_kinds: dict[str, ColumnKind]
) -> None:
    offered = {parameter.name for parameter in LEARNERS[algorithm].space(kind).parameters}
    values: dict[str, Value] = {"scaling": "quantile"} if "scaling" in offered else {}
    configuration = Configuration(algorithm=algorithm, values=values)
    pipeline = build(configuration, kind=kind, column_kinds=column_kinds, seed=2**32 - 1)
    seeds = {name: seed for name, seed in _deep(pipeline).items() if name.endswith("random_state")}
    seeds.pop("learner__estimator__random_state", None)  # SVC draws for its own, unused, probabilities
    assert set(seeds.values()) == {2**32 - 1}


def _deep(pipeline: Any) -> dict[str, Any]:
    """Return all parameters, with those of the folds of a calibration."""
    parameters: dict[str, Any] = pipeline.get_params(deep=True)
    folds = parameters.get("learner__cv")
    return parameters | ({} if folds is None else {"learner__cv__random_state": folds.random_state})


@pytest.mark.parametrize("algorithm", LEARNERS)
def test_the_same_seed_predicts_the_same_with_one_thread_or_two(
    algorithm: str,
    table: pd.DataFrame,
    column_kinds: dict[str, ColumnKind],
    targets: dict[TaskKind, pd.Series],
) -> None:
    kind = TaskKind.REGRESSION if algorithm == "ridge" else TaskKind.MULTICLASS
    y = targets[kind]
    configuration = Configuration(algorithm=algorithm)
    one = build(configuration, kind=kind, column_kinds=column_kinds, seed=5, n_jobs=1).fit(table, y)
    two = build(configuration, kind=kind, column_kinds=column_kinds, seed=5, n_jobs=2)
    with joblib.parallel_config(backend="threading"):  # processes take seconds to start
        two.fit(table, y)
    method = "predict_proba" if kind.is_classification else "predict"
    np.testing.assert_array_equal(getattr(one, method)(table), getattr(two, method)(table))


WITHOUT_AUTOMETA = """
import sys, warnings

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "autometa":
            raise ImportError(name)

sys.meta_path.insert(0, Refuse())
warnings.simplefilter("ignore")
import joblib

content = joblib.load(sys.argv[1])
for name, (fitted, unfitted, y) in content["pipelines"].items():
    unfitted.fit(content["table"], y)
    content["pipelines"][name] = (fitted.predict(content["table"]), unfitted.predict(content["table"]))
joblib.dump(content["pipelines"], sys.argv[2])
"""


def test_stored_pipelines_fit_and_predict_the_same_in_a_process_without_autometa(
    tmp_path: Path,
    table: pd.DataFrame,
    column_kinds: dict[str, ColumnKind],
    targets: dict[TaskKind, pd.Series],
) -> None:
    pipelines, expected = {}, {}
    for algorithm, kind in PAIRS:
        if kind is TaskKind.BINARY:  # the same classes as for more than two
            continue
        unfitted = build(Configuration(algorithm=algorithm), kind=kind, column_kinds=column_kinds, seed=3)
        fitted = clone(unfitted).fit(table, targets[kind])
        pipelines[algorithm, str(kind)] = (fitted, unfitted, targets[kind])
        expected[algorithm, str(kind)] = fitted.predict(table)
    joblib.dump({"table": table, "pipelines": pipelines}, tmp_path / "stored")

    subprocess.run(
        [sys.executable, "-I", "-c", WITHOUT_AUTOMETA, tmp_path / "stored", tmp_path / "predicted"],
        cwd=tmp_path,
        check=True,
    )
    for name, (from_fitted, from_unfitted) in joblib.load(tmp_path / "predicted").items():
        np.testing.assert_array_equal(from_fitted, expected[name], err_msg=str(name))
        np.testing.assert_array_equal(from_unfitted, expected[name], err_msg=str(name))


@pytest.mark.parametrize("algorithm", ["svm_rbf", "mlp"])
def test_the_unit_of_a_regression_target_does_not_matter(algorithm: str) -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=80), "b": rng.normal(size=80)})
    y = X["a"] - X["b"]
    kinds = {"a": ColumnKind.NUMERIC, "b": ColumnKind.NUMERIC}
    configuration = Configuration(algorithm=algorithm)
    in_metres = build(configuration, kind=TaskKind.REGRESSION, column_kinds=kinds).fit(X, y)
    in_millimetres = build(configuration, kind=TaskKind.REGRESSION, column_kinds=kinds).fit(X, 1000 * y)
    np.testing.assert_allclose(in_millimetres.predict(X), 1000 * in_metres.predict(X), rtol=1e-3, atol=1.0)


@pytest.mark.filterwarnings("ignore:The least populated class:UserWarning")
@pytest.mark.filterwarnings("ignore:Number of classes in training fold:RuntimeWarning")
@pytest.mark.parametrize("counts", [(30, 2), (30, 30, 2), (3, 2, 2), (30, 30, 30, 1)])
def test_an_svm_gives_probabilities_where_a_class_has_fewer_members_than_folds(
    counts: tuple[int, ...],
) -> None:
    y = np.repeat(np.arange(len(counts)), counts)
    X = pd.DataFrame({"a": np.random.default_rng(0).normal(size=len(y)) + 3 * y})
    kind = TaskKind.BINARY if len(counts) == 2 else TaskKind.MULTICLASS
    configuration = Configuration(algorithm="svm_rbf")
    pipeline = build(configuration, kind=kind, column_kinds={"a": ColumnKind.NUMERIC}).fit(X, y)
    probabilities = pipeline.predict_proba(X)
    assert probabilities.shape == (len(y), len(counts))
    assert np.isfinite(probabilities).all()


@pytest.mark.parametrize(
    ("configuration", "kind", "message"),
    [
        (Configuration(algorithm="nonsense"), TaskKind.BINARY, "no algorithm 'nonsense'"),
        (Configuration(algorithm="ridge"), TaskKind.BINARY, "'ridge' does not do a binary task"),
        (
            Configuration(algorithm="lightgbm", values={"num_leaves": 100_000}),
            TaskKind.BINARY,
            "num_leaves=100000 is outside",
        ),
        (
            Configuration(algorithm="lightgbm", values={"leaves": 3}),
            TaskKind.BINARY,
            "lightgbm has no parameter 'leaves'",
        ),
        (
            Configuration(algorithm="svm_rbf", values={"epsilon": 0.5}),
            TaskKind.BINARY,
            "svm_rbf has no parameter 'epsilon'",
        ),
    ],
)
def test_what_cannot_be_built_is_refused_in_one_line(
    configuration: Configuration, kind: TaskKind, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        build(configuration, kind=kind, column_kinds={"a": ColumnKind.NUMERIC})
    assert "\n" not in str(caught.value)


def test_a_pipeline_without_columns_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="at least one column"):
        build(Configuration(algorithm="lightgbm"), kind=TaskKind.BINARY, column_kinds={})


def test_a_missing_library_is_named_with_what_installs_it(imaginary_algorithm: str) -> None:
    with pytest.raises(MissingDependencyError, match=r"needs 'no_such_library'.*'autometa-ml\[no\]'"):
        build(
            Configuration(algorithm=imaginary_algorithm),
            kind=TaskKind.BINARY,
            column_kinds={"a": ColumnKind.NUMERIC},
        )
