"""Estimators made back into configurations: all that `build` makes, and nothing else."""

import copy
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.feature_selection import SelectPercentile, VarianceThreshold, f_regression
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.gaussian_process.kernels import ConstantKernel, Matern
from sklearn.impute import SimpleImputer
from sklearn.linear_model import ElasticNet, LogisticRegression, Ridge
from sklearn.model_selection import RepeatedStratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, QuantileTransformer, StandardScaler
from sklearn.svm import SVC, SVR

from autometa.pipelines.building import build
from autometa.pipelines.comparing import is_same
from autometa.pipelines.learners import LEARNERS, space_of
from autometa.pipelines.recognising import is_plain, recognise
from autometa.space import Configuration
from autometa.task import Task
from autometa.task_kind import TaskKind
from tests.pipelines.quick import PAIRS

N_ROWS = 60
TARGETS: dict[TaskKind, pd.Series] = {
    TaskKind.BINARY: pd.Series(["no", "yes"] * 30),
    TaskKind.MULTICLASS: pd.Series(["a", "b", "c"] * 20),
    TaskKind.REGRESSION: pd.Series(np.random.default_rng(1).normal(size=N_ROWS)),
}


def numbers() -> pd.DataFrame:
    """Return twelve columns of numbers, complete."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(N_ROWS, 12)), columns=[f"n{i}" for i in range(12)])
    return table.assign(n3=rng.integers(9, size=N_ROWS))


def task_of(X: pd.DataFrame, kind: TaskKind, y: pd.Series | None = None, **others: Any) -> Task:
    """Return the task of predicting a target of a kind."""
    return Task(name="t", X=X, y=TARGETS[kind] if y is None else y, kind=kind, target="y", **others)


def mixed_task(kind: TaskKind) -> Task:
    """Return a task with columns of every kind."""
    days = pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(N_ROWS), unit="D")
    X = numbers().assign(
        colour=pd.Categorical(list("xyz") * 20),
        is_new=[True, False, False] * 20,
        sold=days,
        remark=pd.Series(["so and so"] * N_ROWS, dtype="str"),
        row=pd.Categorical(range(N_ROWS)),
    )
    X.loc[7, "n0"] = None
    return task_of(X, kind, identifiers=("row",))


def counted_task() -> Task:
    """Return a plain task whose classes are 0 and 1."""
    return task_of(numbers(), TaskKind.BINARY, pd.Series([0, 1] * 30))


@pytest.mark.parametrize(("algorithm", "kind"), PAIRS)
def test_what_was_built_is_recognised_whatever_the_table(algorithm: str, kind: TaskKind) -> None:
    rng = np.random.default_rng(3)
    space = space_of(algorithm, kind)
    mixed, plain = mixed_task(kind), task_of(numbers(), kind)
    for configuration in (space.default(), *(space.sample(rng) for _ in range(5))):
        built = build(configuration, kind=kind, column_kinds=mixed.column_kinds, seed=5, n_jobs=2)
        assert recognise(built, mixed) == configuration
        assert recognise(pickle.loads(pickle.dumps(clone(built))), mixed) == configuration
        on_plain = recognise(build(configuration, kind=kind, column_kinds=plain.column_kinds), plain)
        seen = {name: value for name, value in configuration.values.items() if name != "encoding"}
        assert on_plain == Configuration(algorithm=algorithm, values=seen)  # without categories, all encodings are one


@pytest.mark.parametrize(
    "configuration",
    [
        Configuration(algorithm="random_forest", values={"class_weight": "balanced", "encoding": "target"}),
        Configuration(algorithm="svm_rbf", values={"select": "univariate"}),
    ],
    ids=lambda configuration: configuration.algorithm,
)
def test_what_was_built_and_changed_in_one_parameter_is_something_else(configuration: Configuration) -> None:
    task = mixed_task(TaskKind.BINARY)
    built = build(configuration, kind=task.kind, column_kinds=task.column_kinds)
    without_effect = ("random_state", "n_jobs", "verbose", "copy", "check_inverse", "allow_writing_files")
    n_changed = 0
    for name, value in built.get_params(deep=True).items():
        if name.endswith(without_effect) or not isinstance(value, bool | int | float | str):
            continue
        changed = clone(built)
        other = not value if isinstance(value, bool) else f"{value}!" if isinstance(value, str) else value + 3
        changed.set_params(**{name: -1.0 if value != value else other})
        n_changed += 1
        assert recognise(changed, task) != configuration, name
    assert n_changed > 40


def probable(machine: Any) -> CalibratedClassifierCV:
    """Return an SVM that gives probabilities as ours do."""
    folds = RepeatedStratifiedKFold(n_splits=3, n_repeats=1, random_state=0)
    return CalibratedClassifierCV(machine, ensemble=False, cv=folds)


BY_HAND: list[tuple[Any, str, dict[str, Any]]] = [
    (RandomForestClassifier(n_estimators=60, random_state=0), "random_forest", {"n_estimators": 60}),
    (
        RandomForestClassifier(n_estimators=60, class_weight="balanced", random_state=0),
        "random_forest",
        {"n_estimators": 60, "class_weight": "balanced"},
    ),
    (
        ExtraTreesClassifier(n_estimators=60, bootstrap=True, max_samples=0.5, random_state=0),
        "extra_trees",
        {"n_estimators": 60, "bootstrap": True, "max_samples": 0.5},
    ),
    (
        HistGradientBoostingClassifier(max_iter=50, learning_rate=0.0512345678, random_state=0),
        "hist_gradient_boosting",
        {"max_iter": 50, "learning_rate": 0.0512346},
    ),
    (
        Pipeline([("impute", SimpleImputer()), ("passthrough", "passthrough"), ("learn", RandomForestClassifier(60))]),
        "random_forest",
        {"n_estimators": 60},
    ),
    (make_pipeline(StandardScaler(), LogisticRegression(C=3)), "logistic_regression", {"C": 3.0}),
    (LogisticRegression(), "logistic_regression", {"scaling": "none"}),
    (
        make_pipeline(StandardScaler(), LogisticRegression(solver="saga", l1_ratio=0.5)),
        "elastic_net",
        {},
    ),
    (
        make_pipeline(
            make_pipeline(ColumnTransformer([("all", make_pipeline(StandardScaler()), list(numbers()))])),
            KNeighborsClassifier(7, p=1),
        ),
        "k_nearest_neighbors",
        {"n_neighbors": 7, "p": 1},
    ),
    (make_pipeline(StandardScaler(), MLPClassifier([32, 32])), "mlp", {"n_hidden_layers": 2, "hidden_layer_size": 32}),
    (
        make_pipeline(
            QuantileTransformer(n_quantiles=100, output_distribution="normal"),
            GaussianProcessClassifier(ConstantKernel(1.0, "fixed") * Matern(2.0, "fixed")),
        ),
        "gaussian_process",
        {"kernel": "matern", "length_scale": 2.0, "scaling": "quantile"},
    ),
    (make_pipeline(StandardScaler(), probable(SVC(C=4.0))), "svm_rbf", {"C": 4.0}),
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning", "ignore:n_quantiles:UserWarning")
@pytest.mark.parametrize(("estimator", "algorithm", "values"), BY_HAND, ids=[f"{row[1]}-{row[2]}" for row in BY_HAND])
def test_on_a_plain_table_what_is_written_by_hand_is_ours_and_predicts_the_same(
    estimator: Any, algorithm: str, values: dict[str, Any]
) -> None:
    task = counted_task()
    found = recognise(estimator, task)
    assert found == Configuration(algorithm=algorithm, values=values)
    estimator = clone(estimator)
    estimator.set_params(**{name: 0 for name in estimator.get_params() if name.endswith("random_state")})
    ours = build(found, kind=task.kind, column_kinds=task.column_kinds, seed=0)
    expected = ours.fit(task.X, task.y).predict_proba(task.X)
    np.testing.assert_allclose(estimator.fit(task.X, task.y).predict_proba(task.X), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("estimator", "algorithm", "values"),
    [
        (make_pipeline(StandardScaler(), Ridge(2)), "ridge", {"alpha": 2.0}),
        (
            make_pipeline(StandardScaler(), TransformedTargetRegressor(SVR(epsilon=0.2), transformer=StandardScaler())),
            "svm_rbf",
            {"epsilon": 0.2},
        ),
        (
            make_pipeline(
                StandardScaler(),
                VarianceThreshold(),
                SelectPercentile(f_regression, percentile=40),
                TransformedTargetRegressor(ElasticNet(0.01), transformer=StandardScaler()),
            ),
            "elastic_net",
            {"select": "univariate", "select_percentile": 40},
        ),
    ],
)
def test_regressors_written_by_hand_are_ours_with_their_targets(
    estimator: Any, algorithm: str, values: dict[str, Any]
) -> None:
    task = task_of(numbers(), TaskKind.REGRESSION)
    found = recognise(estimator, task)
    assert found == Configuration(algorithm=algorithm, values=values)
    ours = build(found, kind=task.kind, column_kinds=task.column_kinds).fit(task.X, task.y)
    np.testing.assert_allclose(estimator.fit(task.X, task.y).predict(task.X), ours.predict(task.X))


@pytest.mark.parametrize(
    ("algorithm", "name", "told"),
    [
        ("lightgbm", "LGBMClassifier", {"num_leaves": 31}),
        ("xgboost", "XGBClassifier", {"max_depth": 6, "n_estimators": 100}),
        ("catboost", "CatBoostClassifier", {"iterations": 1000, "verbose": 0}),
    ],
)
def test_bare_boosters_are_ours_where_they_can_learn_the_labels(
    algorithm: str, name: str, told: dict[str, Any]
) -> None:
    make = getattr(pytest.importorskip(algorithm), name)
    ours = Configuration(algorithm=algorithm, values={"learning_rate": 0.05})
    assert recognise(make(learning_rate=0.05), counted_task()) == ours
    assert recognise(make(learning_rate=0.05, **told), counted_task()) == ours  # told or not, a default is a default
    assert recognise(make(learning_rate=0.05, max_bin=100), counted_task()).algorithm not in LEARNERS
    worded = recognise(make(learning_rate=0.05), task_of(numbers(), TaskKind.BINARY))
    assert (worded == ours) == (algorithm == "lightgbm")


def broken(X: pd.DataFrame) -> dict[str, Task]:
    """Return tasks that are plain but for one thing."""
    kind = TaskKind.BINARY
    return {
        "a missing value": task_of(X.assign(n0=X["n0"].where(X.index != 3)), kind),
        "an infinite value": task_of(X.assign(n0=X["n0"].where(X.index != 3, np.inf)), kind),
        "a category": task_of(X.assign(n0=pd.Categorical(list("xyz") * 20)), kind),
        "a truth value": task_of(X.assign(n0=[True, False, False] * 20), kind),
        "32 bits": task_of(X.astype({"n0": "float32"}), kind),
        "an identifier": task_of(X, kind, identifiers=("n0",)),
        "a name that LightGBM refuses": task_of(X.rename(columns={"n0": "width [cm]"}), kind),
    }


@pytest.mark.parametrize("why", broken(numbers()))
def test_a_bare_estimator_is_foreign_where_our_preparation_would_do_something(why: str) -> None:
    forest = RandomForestClassifier(n_estimators=60)
    assert recognise(forest, task_of(numbers(), TaskKind.BINARY)).algorithm == "random_forest"
    task = broken(numbers())[why]
    assert not is_plain(task)
    found = recognise(forest, task)
    assert found.algorithm == "sklearn.ensemble.RandomForestClassifier"
    assert found.values == {"n_estimators": 60}


class Forest(RandomForestClassifier):  # type: ignore[misc] # scikit-learn has no types
    """Another class, whatever it does."""


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(max_iter=1000),
        RandomForestClassifier(n_estimators=2000),
        RandomForestClassifier(n_estimators=60, max_features=1),  # one column; 1.0 are all
        RandomForestClassifier(n_estimators=60, max_depth=3),
        RandomForestClassifier(n_estimators=100.0),
        Forest(n_estimators=60),
        SVC(),
        make_pipeline(StandardScaler(), SVC()),
        make_pipeline(StandardScaler(), CalibratedClassifierCV(SVC(), ensemble=False)),
        make_pipeline(StandardScaler(with_mean=False), LogisticRegression()),
        make_pipeline(QuantileTransformer(), LogisticRegression()),
        make_pipeline(StandardScaler(), StandardScaler(), LogisticRegression()),
        make_pipeline(SimpleImputer(strategy="constant"), RandomForestClassifier()),
        make_pipeline(SimpleImputer(missing_values=0), RandomForestClassifier()),
        make_pipeline(ColumnTransformer([("some", "passthrough", ["n0", "n1"])]), RandomForestClassifier()),
        make_pipeline(ColumnTransformer([("all", "drop", list(numbers()))]), RandomForestClassifier()),
        make_pipeline(SimpleImputer(), ColumnTransformer([("all", StandardScaler(), list(numbers()))]), SVC()),
        make_pipeline(FunctionTransformer(np.log1p), RandomForestClassifier()),
        make_pipeline(StandardScaler(), MLPClassifier((32, 64))),
        HistGradientBoostingClassifier(max_features=1),
        Pipeline([]),
        Pipeline(None),
        ColumnTransformer(None),
        make_pipeline(ColumnTransformer([("all",)]), RandomForestClassifier()),
        make_pipeline(ColumnTransformer([]), RandomForestClassifier()),
        make_pipeline(SimpleImputer(strategy=[]), RandomForestClassifier()),
        VotingClassifier([(f"forest{i}", RandomForestClassifier()) for i in range(300)], voting="soft"),
        Ridge(),
        None,
    ],
    ids=lambda estimator: str(estimator)[:60],
)
def test_what_is_nearly_ours_is_foreign(estimator: Any) -> None:
    assert recognise(estimator, counted_task()).algorithm not in LEARNERS


def test_a_regressor_whose_target_we_would_scale_is_foreign() -> None:
    task = task_of(numbers(), TaskKind.REGRESSION)
    found = recognise(make_pipeline(StandardScaler(), MLPRegressor(alpha=0.1)), task)
    assert found.to_json() == (
        '{"algorithm":"Pipeline(StandardScaler, MLPRegressor)","values":{"mlpregressor":'
        '"sklearn.neural_network.MLPRegressor","mlpregressor__alpha":0.1,'
        '"standardscaler":"sklearn.preprocessing.StandardScaler"}}'
    )


def test_a_foreign_configuration_tells_steps_and_parameters_but_no_names_of_columns() -> None:
    encode = ColumnTransformer(
        [("words", OneHotEncoder(handle_unknown="ignore"), ["colour", "is_new"]), ("rest", "passthrough", ["n0"])]
    )
    forest = RandomForestClassifier(max_depth=4, random_state=7, n_jobs=8, verbose=1)
    found = recognise(Pipeline([("encode", encode), ("forest", forest)]), mixed_task(TaskKind.BINARY))
    assert found == Configuration(
        algorithm="Pipeline(ColumnTransformer, RandomForestClassifier)",
        values={
            "encode": "sklearn.compose.ColumnTransformer",
            "encode__words": "sklearn.preprocessing.OneHotEncoder",
            "encode__words__columns": "2 columns",
            "encode__words__handle_unknown": "ignore",
            "encode__rest": "passthrough",
            "encode__rest__columns": "1 columns",
            "forest": "sklearn.ensemble.RandomForestClassifier",
            "forest__max_depth": 4,
            "forest__random_state": 7,
        },
    )


class Odd(BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """Takes anything."""

    def __init__(self, thing: Any = None, other: Any = 1) -> None:
        self.thing = thing
        self.other = other


class Mute(BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """Fails whenever it is asked."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        raise RuntimeError("no")

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        raise RuntimeError("no")


class Bare:
    """Has no parameters, and an address in its representation."""


ODD_THINGS: list[tuple[Any, Any]] = [
    (np.float64(0.5), 0.5),
    (np.int64(3), 3),
    (float("nan"), "nan"),
    (float("-inf"), "-inf"),
    (10**5000, None),
    (np.zeros((2, 3)), "ndarray of shape (2, 3)"),
    (pd.DataFrame({"secret": [1]}), "DataFrame of shape (1, 1)"),
    ({"yes": 2.0}, "{'yes': 2.0}"),
    (np.log1p, None),
    (lambda x: x, None),
    (Ridge, "sklearn.linear_model.Ridge"),
    (Bare(), None),
    (Mute(), None),
    ([("a", Mute()), ("b", None)], None),
    ([np.zeros(2), (1,)], None),
    ("a\x1b[31m\n" + "\udc80" * 5, None),
    ("x" * 10_000, None),
    ({f"k{i}": i for i in range(10_000)}, None),
    ([Ridge(alpha=2)] * 300, None),
]


@pytest.mark.parametrize(("thing", "expected"), ODD_THINGS, ids=range(len(ODD_THINGS)))
def test_odd_parameters_are_told_in_short_and_never_a_failure(thing: Any, expected: Any) -> None:
    task = counted_task()
    found = recognise(Odd(thing), task)
    assert found == recognise(Odd(thing), task)
    assert Configuration.from_json(found.to_json()) == found
    assert all(len(value) <= 200 and value.isprintable() for value in found.values.values() if isinstance(value, str))
    if expected is not None:
        assert found.values == {"thing": expected}
    assert recognise(make_pipeline(Odd(thing), RandomForestClassifier()), task).algorithm not in LEARNERS


def test_long_texts_stay_apart_and_objects_of_a_class_are_alike() -> None:
    task = counted_task()
    assert recognise(Odd("x" * 500 + "a"), task) != recognise(Odd("x" * 500 + "b"), task)
    assert recognise(Odd(Bare()), task) == recognise(Odd(Bare()), task)


def test_estimators_inside_themselves_and_hundreds_of_steps_come_to_an_end() -> None:
    task = counted_task()
    ring = Odd()
    ring.thing = ring
    assert recognise(ring, task).algorithm.endswith("Odd")
    long = Pipeline([(f"step{i}", Odd(other=i)) for i in range(300)])
    found = recognise(long, task)
    assert len(found.algorithm) <= 200
    assert len(found.values) <= 201


def test_recognising_leaves_the_estimator_as_it_was() -> None:
    task = counted_task()
    fitted = make_pipeline(StandardScaler(), LogisticRegression()).fit(task.X, task.y)
    before = pickle.dumps(copy.deepcopy(fitted))
    assert recognise(fitted, task).algorithm == "logistic_regression"
    assert pickle.dumps(copy.deepcopy(fitted)) == before
    assert is_same(clone(fitted), fitted)
