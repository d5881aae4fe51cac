import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsClassifier

from autometa.errors import ConfigurationError, MissingDependencyError
from autometa.pipelines.building import build, takes_weights, weight_arguments
from autometa.pipelines.learners import LEARNERS
from autometa.space import Configuration, Value
from autometa.task import ColumnKind
from autometa.task_kind import TaskKind
from tests.pipelines.quick import ALGORITHMS, CLASSIFIERS, PAIRS, kind_of, quick, shorten

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

WITHOUT_WEIGHTS = {"gaussian_process", "k_nearest_neighbors", "lda", "qda"}  # as scikit-learn has them


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
    pipeline = build(quick(algorithm), kind=kind, column_kinds=column_kinds)
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
        np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-6)  # XGBoost's are float32
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
    pipeline = build(quick(algorithm), kind=kind, column_kinds=column_kinds)
    from_task = clone(pipeline).fit(table, targets[kind]).predict(table)
    from_csv = pipeline.fit(as_read_by_pandas(table), targets[kind]).predict(table)
    if kind.is_classification:
        np.testing.assert_array_equal(from_csv, from_task)
    else:
        np.testing.assert_allclose(from_csv, from_task)


@pytest.mark.parametrize(("algorithm", "kind"), PAIRS)
def test_the_seed_reaches_every_step_that_draws(
    algorithm: str, kind: TaskKind, column_kinds: dict[str, ColumnKind]
) -> None:
    offered = {parameter.name for parameter in LEARNERS[algorithm].space(kind).parameters}
    drawing: dict[str, Value] = {"scaling": "quantile", "encoding": "target", "target_transform": "quantile"}
    values = {name: value for name, value in drawing.items() if name in offered}
    configuration = Configuration(algorithm=algorithm, values=values)
    pipeline = build(configuration, kind=kind, column_kinds=column_kinds, seed=2**32 - 1)
    seeds = _seeds(pipeline)
    if algorithm == "svm_rbf":  # SVC draws for its own, unused, probabilities
        seeds.pop("learner__estimator__random_state", None)
    assert set(seeds.values()) == {2**32 - 1}


def _seeds(pipeline: Any) -> dict[str, Any]:
    """Return all seeds, with those of the splitters of calibrations and encoders."""
    parameters: dict[str, Any] = pipeline.get_params(deep=True)
    seeds = {name: value for name, value in parameters.items() if name.endswith("random_state")}
    seeds |= {
        f"{name}__random_state": splitter.random_state for name, splitter in parameters.items() if name.endswith("__cv")
    }
    return {name: seed for name, seed in seeds.items() if seed != "deprecated"}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_same_seed_predicts_the_same_with_one_thread_or_two(
    algorithm: str,
    table: pd.DataFrame,
    column_kinds: dict[str, ColumnKind],
    targets: dict[TaskKind, pd.Series],
) -> None:
    kind = kind_of(algorithm)
    y = targets[kind]
    configuration = quick(algorithm)
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


def _stored_configurations() -> list[tuple[Configuration, TaskKind]]:
    """Return a configuration of every learner that is here, and some that choose their preprocessing."""
    here = [name for name, learner in LEARNERS.items() if learner.is_installed]
    return [
        *((quick(name), kind_of(name)) for name in here),
        (quick("lightgbm", encoding="native"), TaskKind.MULTICLASS),
        (quick("logistic_regression", encoding="target", select="univariate"), TaskKind.MULTICLASS),
        (quick("ridge", encoding="target", target_transform="log"), TaskKind.REGRESSION),
        (quick("k_nearest_neighbors", scaling="quantile", target_transform="quantile"), TaskKind.REGRESSION),
    ]


def test_stored_pipelines_fit_and_predict_the_same_in_a_process_without_autometa(
    tmp_path: Path,
    table: pd.DataFrame,
    column_kinds: dict[str, ColumnKind],
    targets: dict[TaskKind, pd.Series],
) -> None:
    pipelines, expected = {}, {}
    for configuration, kind in _stored_configurations():
        name = configuration.to_json(), str(kind)
        unfitted = build(configuration, kind=kind, column_kinds=column_kinds, seed=3)
        fitted = clone(unfitted).fit(table, targets[kind])
        pipelines[name] = (fitted, unfitted, targets[kind])
        expected[name] = fitted.predict(table)
    joblib.dump({"table": table, "pipelines": pipelines}, tmp_path / "stored")

    subprocess.run(
        [sys.executable, "-I", "-c", WITHOUT_AUTOMETA, tmp_path / "stored", tmp_path / "predicted"],
        cwd=tmp_path,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        check=True,
    )
    for name, (from_fitted, from_unfitted) in joblib.load(tmp_path / "predicted").items():
        np.testing.assert_array_equal(from_fitted, expected[name], err_msg=str(name))
        np.testing.assert_array_equal(from_unfitted, expected[name], err_msg=str(name))


@pytest.mark.parametrize("algorithm", CLASSIFIERS)
@pytest.mark.parametrize("labels", [("no", "yes"), (False, True), (-1, 7), (1.0, 2.0)], ids=repr)
def test_a_classifier_predicts_the_labels_that_it_was_given(algorithm: str, labels: tuple[object, object]) -> None:
    X = pd.DataFrame({"a": np.random.default_rng(0).normal(size=100)})
    y = pd.Series([labels[int(positive)] for positive in X["a"] > 0])
    pipeline = build(quick(algorithm), kind=TaskKind.BINARY, column_kinds={"a": ColumnKind.NUMERIC}).fit(X, y)
    assert pipeline.classes_.tolist() == list(labels)
    predicted = pipeline.predict(X)
    assert predicted.shape == (100,)
    assert set(predicted.tolist()) == set(labels)
    assert np.mean(predicted == y.to_numpy()) > 0.9
    np.testing.assert_array_equal(pipeline.classes_[pipeline.predict_proba(X).argmax(axis=1)], predicted)


@pytest.mark.filterwarnings("ignore:The least populated class:UserWarning")
@pytest.mark.filterwarnings("ignore:Number of classes in training fold:RuntimeWarning")
@pytest.mark.parametrize("algorithm", [case for case in CLASSIFIERS if case.values != ("qda",)])  # no covariance
@pytest.mark.parametrize("encoding", ["", "target"])
def test_a_class_of_one_row_is_no_error(algorithm: str, encoding: str) -> None:
    y = np.repeat(list("abcd"), (30, 30, 30, 1))
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=91), "b": rng.choice(list("xyz"), size=91)})
    kinds = {"a": ColumnKind.NUMERIC, "b": ColumnKind.CATEGORICAL}
    configuration = quick(algorithm, **({"encoding": encoding} if encoding else {}))
    pipeline = build(configuration, kind=TaskKind.MULTICLASS, column_kinds=kinds).fit(X, y)
    assert pipeline.predict_proba(X).shape == (91, 4)


@pytest.mark.parametrize(("algorithm", "kind"), PAIRS)
def test_a_fit_says_nothing_and_writes_no_file(
    algorithm: str,
    kind: TaskKind,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    X = pd.DataFrame({"a": np.arange(30.0), "b": list("xyz") * 10})
    y = X["a"] if kind is TaskKind.REGRESSION else X["a"] // (15 if kind is TaskKind.BINARY else 10)
    kinds = {"a": ColumnKind.NUMERIC, "b": ColumnKind.CATEGORICAL}
    build(quick(algorithm), kind=kind, column_kinds=kinds).fit(X, y).predict(X)
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


@pytest.mark.filterwarnings("ignore:n_quantiles:UserWarning")  # 60 rows
@pytest.mark.parametrize(("algorithm", "kind"), PAIRS)
def test_what_is_drawn_from_a_space_can_be_fitted(algorithm: str, kind: TaskKind) -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=60), "b": rng.normal(size=60), "c": list("xyz") * 20})
    X.loc[::7, ["b", "c"]] = None
    y = X["a"] if kind is TaskKind.REGRESSION else pd.qcut(X["a"], 2 if kind is TaskKind.BINARY else 3, labels=False)
    column_kinds = {"a": ColumnKind.NUMERIC, "b": ColumnKind.NUMERIC, "c": ColumnKind.CATEGORICAL}
    space = LEARNERS[algorithm].space(kind)
    for _ in range(5):
        configuration = space.sample(rng)
        pipeline = shorten(build(configuration, kind=kind, column_kinds=column_kinds))
        assert pipeline.fit(X, y).predict(X).shape == (60,), configuration


@pytest.mark.parametrize("algorithm", ["svm_rbf", "mlp", "elastic_net", "linear_svm", "gaussian_process"])
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


@pytest.mark.parametrize(
    ("column_kinds", "found"),
    [({}, "none"), ({"a": ColumnKind.IDENTIFIER, "b": ColumnKind.IDENTIFIER}, "2 identifiers")],
)
def test_a_pipeline_without_columns_is_refused(column_kinds: dict[str, ColumnKind], found: str) -> None:
    with pytest.raises(ConfigurationError, match=f"at least one column to predict from, got {found}"):
        build(Configuration(algorithm="lightgbm"), kind=TaskKind.BINARY, column_kinds=column_kinds)


@pytest.mark.parametrize("algorithm", ["lightgbm", "extra_trees", "logistic_regression"])
def test_identifiers_are_left_out_inside_and_need_not_come_to_predict(algorithm: str) -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"id": [f"no. {i}" for i in range(80)], "a": rng.normal(size=80), "b": list("uvwx") * 20})
    kinds = {"id": ColumnKind.IDENTIFIER, "a": ColumnKind.NUMERIC, "b": ColumnKind.CATEGORICAL}
    y = X["a"] > 0
    pipeline = build(quick(algorithm), kind=TaskKind.BINARY, column_kinds=kinds).fit(X, y)
    del kinds["id"]
    without = build(quick(algorithm), kind=TaskKind.BINARY, column_kinds=kinds).fit(X[["a", "b"]], y)
    expected = without.predict_proba(X[["a", "b"]])
    for new in (X, X.assign(id=range(80)), X[["a", "b"]], X[["b", "a", "id"]]):
        np.testing.assert_array_equal(pipeline.predict_proba(new), expected)


@pytest.mark.parametrize("algorithm", ["catboost", "xgboost"])
def test_a_missing_library_is_named_with_what_installs_it(
    algorithm: str, without_library: Callable[[str], None]
) -> None:
    without_library(algorithm)
    with pytest.raises(MissingDependencyError, match=r"needs 'no_such_library'.*'autometa-ml\[boosters\]'"):
        build(
            Configuration(algorithm=algorithm),
            kind=TaskKind.BINARY,
            column_kinds={"a": ColumnKind.NUMERIC},
        )


@pytest.mark.parametrize(("algorithm", "kind"), PAIRS)
def test_weights_reach_whatever_takes_them(algorithm: str, kind: TaskKind) -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=60), "b": rng.normal(size=60)})
    signal = X["a"] + 0.5 * rng.normal(size=60)
    if kind is TaskKind.REGRESSION:
        y = signal
    else:
        y = pd.Series(pd.qcut(signal, 2 if kind is TaskKind.BINARY else 3, labels=False).map("class {}".format))
    column_kinds = {"a": ColumnKind.NUMERIC, "b": ColumnKind.NUMERIC}
    pipeline = shorten(build(quick(algorithm), kind=kind, column_kinds=column_kinds))
    weights = np.where(np.arange(60) < 30, 50.0, 0.02)
    if not takes_weights(pipeline):
        with pytest.raises(ConfigurationError, match="takes no weights of rows; choose other algorithms"):
            weight_arguments(pipeline, weights)
        assert algorithm in WITHOUT_WEIGHTS
        return
    assert algorithm not in WITHOUT_WEIGHTS
    predict = "predict" if kind is TaskKind.REGRESSION else "predict_proba"
    plain = getattr(clone(pipeline).fit(X, y), predict)(-0.7 * X)
    weighted = getattr(pipeline.fit(X, y, **weight_arguments(pipeline, weights)), predict)(-0.7 * X)
    assert not np.allclose(plain, weighted)


def test_an_estimator_that_is_no_pipeline_is_asked_for_weights_as_well() -> None:
    assert weight_arguments(Ridge(), [1.0]) == {"sample_weight": [1.0]}
    with pytest.raises(ConfigurationError, match="KNeighborsClassifier takes no weights of rows"):
        weight_arguments(KNeighborsClassifier(), [1.0])
