"""Fewer rounds of a fitted booster, held to pipelines that are really fitted with fewer."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import SelectPercentile, f_regression
from sklearn.pipeline import Pipeline

from autometa.errors import ConfigurationError, OptionError
from autometa.pipelines.building import build
from autometa.pipelines.learners import LEARNERS
from autometa.pipelines.rounds import (
    is_prefix_stable,
    n_rounds,
    rounds_parameter,
    staged_predictions,
    with_fewer_rounds,
    with_rounds,
)
from autometa.space import Configuration, Value
from autometa.task import ColumnKind
from autometa.task_kind import TaskKind
from tests.pipelines.quick import case

N_ROWS, N_TRAINING = 160, 120
MOST = 12
RATE: dict[str, Value] = {"learning_rate": 0.2}
DRAWING: dict[str, dict[str, Value]] = {  # whatever draws at random in every round
    "lightgbm": {
        **RATE,
        "subsample_freq": 1,
        "subsample": 0.6,
        "colsample_bytree": 0.7,
        "extra_trees": True,
        "min_child_samples": 3,
    },
    "xgboost": {**RATE, "subsample": 0.6, "colsample_bytree": 0.5},
    "hist_gradient_boosting": {**RATE, "max_features": 0.5},
    "catboost": {**RATE, "bootstrap_type": "Bernoulli", "subsample": 0.6, "rsm": 0.5, "random_strength": 2.0},
}
BOOSTERS = [LEARNERS[algorithm] for algorithm in DRAWING]
KINDS = {"width": ColumnKind.NUMERIC, "height": ColumnKind.NUMERIC, "colour": ColumnKind.CATEGORICAL}
SETTINGS = [
    case(learner, kind, transform)
    for learner in BOOSTERS
    for kind in TaskKind
    for transform in (("none",) if kind.is_classification else ("none", "log", "quantile"))
]
ALL = [case(learner) for learner in BOOSTERS]


@pytest.fixture(scope="module", name="X")
def _table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    colours = np.array(["red", "blue", "green", "black"], dtype=object)[rng.integers(4, size=N_ROWS)]
    width = np.where(rng.uniform(size=N_ROWS) < 0.1, np.nan, rng.normal(size=N_ROWS))
    return pd.DataFrame({"width": width, "height": rng.normal(size=N_ROWS), "colour": colours})


@pytest.fixture(scope="module")
def targets(X: pd.DataFrame) -> dict[TaskKind, pd.Series]:
    signal = X["width"].fillna(0.5) * X["height"] + (X["colour"] == "red") * 2.0
    return {
        TaskKind.BINARY: (signal > signal.median()).map({True: "yes", False: "no"}),
        TaskKind.MULTICLASS: pd.qcut(signal, 3, labels=["low", "middle", "top"]).astype(str),
        TaskKind.REGRESSION: 100 + 10 * signal,
    }


def pipeline_of(configuration: Configuration, kind: TaskKind, n: int, **parameters: object) -> Pipeline:
    """Return an unfitted pipeline of ``n`` rounds, which may be fewer than its space allows."""
    named = with_rounds(configuration, 50, kind)  # so that CatBoost has the parameter
    pipeline = build(named, kind=kind, column_kinds=KINDS, seed=3)
    values = {str(rounds_parameter(configuration.algorithm)): n, **parameters}
    names = pipeline.get_params()
    full = {next(full for full in names if full.rpartition("__")[2] == name): value for name, value in values.items()}
    return pipeline.set_params(**full)


def predict(pipeline: Pipeline, X: pd.DataFrame) -> np.ndarray:
    """Return probabilities of a classifier, predictions of a regressor."""
    return np.asarray(pipeline.predict_proba(X) if hasattr(pipeline, "predict_proba") else pipeline.predict(X))


def n_trees(pipeline: Pipeline) -> int:
    """Return the number of rounds that a fitted regression of LightGBM kept."""
    learner = pipeline["learner"]
    return int(getattr(learner, "regressor_", learner).booster_.current_iteration())


@pytest.mark.parametrize(("algorithm", "kind", "transform"), SETTINGS)
def test_stages_are_what_fits_of_fewer_rounds_predict(
    algorithm: str, kind: TaskKind, transform: str, X: pd.DataFrame, targets: dict[TaskKind, pd.Series]
) -> None:
    values = DRAWING[algorithm] | ({} if transform == "none" else {"target_transform": transform})
    configuration = Configuration(algorithm=algorithm, values=values)
    assert is_prefix_stable(configuration)
    training, y, test = X[:N_TRAINING], targets[kind][:N_TRAINING], X[N_TRAINING:]
    fitted = pipeline_of(configuration, kind, MOST).fit(training, y)

    assert algorithm != "lightgbm" or n_trees(fitted) == MOST
    first, middle, last = staged_predictions(fitted, test, [1, 7, MOST])
    np.testing.assert_array_equal(last, predict(fitted, test))
    for stage, n in ((first, 1), (middle, 7)):
        expected = predict(pipeline_of(configuration, kind, n).fit(training, y), test)
        np.testing.assert_allclose(stage, expected, rtol=1e-5 if algorithm == "xgboost" else 1e-9)
        assert stage.dtype == np.float64
    assert np.abs(first - middle).max() > 1e-3
    assert np.abs(middle - last).max() > 1e-3


@pytest.mark.parametrize("encoding", ["native", "target", "one_hot"])
@pytest.mark.parametrize("algorithm", ALL)
def test_stages_know_the_categories_of_every_encoding(
    algorithm: str, encoding: str, X: pd.DataFrame, targets: dict[TaskKind, pd.Series]
) -> None:
    if encoding not in LEARNERS[algorithm].encodings:
        encoding = "ordinal"
    kind = TaskKind.BINARY
    configuration = LEARNERS[algorithm].space(kind).configuration({**RATE, "encoding": encoding})
    fitted = pipeline_of(configuration, kind, MOST).fit(X, targets[kind])
    fewer = pipeline_of(configuration, kind, 5).fit(X, targets[kind])
    (stage,) = staged_predictions(fitted, X, [5])
    np.testing.assert_allclose(stage, predict(fewer, X), rtol=1e-5 if algorithm == "xgboost" else 1e-9)


@pytest.mark.parametrize("algorithm", ALL)
def test_steps_between_preparation_and_learner_are_gone_through(
    algorithm: str, X: pd.DataFrame, targets: dict[TaskKind, pd.Series]
) -> None:
    y = targets[TaskKind.REGRESSION]
    numbers = X[["height"]].assign(width=X["width"].fillna(0.0))
    kinds = dict.fromkeys(("height", "width"), ColumnKind.NUMERIC)
    built = build(Configuration(algorithm=algorithm, values=RATE), kind=TaskKind.REGRESSION, column_kinds=kinds)
    short = {str(rounds_parameter(algorithm)): 6}
    steps = [("select", SelectPercentile(f_regression, percentile=50)), ("turn", PCA()), ("learner", built["learner"])]
    pipeline = Pipeline([("prepare", built["prepare"]), *steps])
    pipeline.set_params(**{f"learner__{name}": value for name, value in short.items()}).fit(numbers, y)
    np.testing.assert_array_equal(staged_predictions(pipeline, numbers, [2, 6])[1], pipeline.predict(numbers))


def test_a_fit_that_stopped_by_itself_has_its_last_stage_above(
    X: pd.DataFrame, targets: dict[TaskKind, pd.Series]
) -> None:
    kind = TaskKind.BINARY
    configuration = Configuration(algorithm="hist_gradient_boosting", values={"learning_rate": 0.3})
    y = pd.Series(np.random.default_rng(0).permutation(targets[kind]))  # nothing to learn
    stopping = {"early_stopping": True, "n_iter_no_change": 5}
    fitted = pipeline_of(configuration, kind, 80, **stopping).fit(X, y)
    ended = fitted["learner"].n_iter_
    assert 3 <= ended < 70
    early, at_end, above, far_above = staged_predictions(fitted, X, [2, ended, 70, 80])
    np.testing.assert_array_equal(early, predict(pipeline_of(configuration, kind, 2, **stopping).fit(X, y), X))
    np.testing.assert_array_equal(above, predict(pipeline_of(configuration, kind, 70, **stopping).fit(X, y), X))
    np.testing.assert_array_equal(above, at_end)
    np.testing.assert_array_equal(far_above, at_end)


def test_rounds_of_lightgbm_without_a_split_are_not_counted() -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(N_TRAINING, 2)), columns=["width", "height"]).assign(colour="red")
    y = X["width"] * X["height"]
    values = {**RATE, "extra_trees": True, "min_child_samples": 25}
    configuration = Configuration(algorithm="lightgbm", values=values)
    fits = [pipeline_of(configuration, TaskKind.REGRESSION, n).fit(X, y) for n in range(1, 41)]
    n_kept = [n_trees(fit) for fit in fits]
    assert n_kept[-1] < 40
    stages = staged_predictions(fits[-1], X, range(1, 41))
    for n, stage in enumerate(stages, start=1):
        first = n_kept.index(min(n, n_kept[-1]))
        np.testing.assert_allclose(stage, fits[first].predict(X), rtol=1e-9)


@pytest.mark.parametrize("algorithm", ALL)
def test_a_target_without_splits_has_stages(algorithm: str, X: pd.DataFrame) -> None:
    y = np.r_[np.zeros(N_ROWS - 1), 1.0]  # LightGBM ends where no leaf can be split
    configuration = Configuration(algorithm=algorithm, values=RATE)
    fitted = pipeline_of(configuration, TaskKind.REGRESSION, 4).fit(X, y)
    found = staged_predictions(fitted, X, [1, 4])
    np.testing.assert_array_equal(found[1], fitted.predict(X))


@pytest.mark.skipif(not LEARNERS["catboost"].is_installed, reason="needs catboost: pip install autometa-ml[boosters]")
def test_catboost_that_finds_its_own_learning_rate_is_not_stable(
    X: pd.DataFrame, targets: dict[TaskKind, pd.Series]
) -> None:
    kind, configuration = TaskKind.REGRESSION, Configuration(algorithm="catboost")
    assert not is_prefix_stable(configuration)
    fitted = pipeline_of(configuration, kind, 60).fit(X, targets[kind])
    fewer = pipeline_of(configuration, kind, 20).fit(X, targets[kind])
    assert np.abs(staged_predictions(fitted, X, [20])[0] - fewer.predict(X)).max() > 1.0


def test_stability_is_that_of_boosters_alone() -> None:
    stable = {name for name in LEARNERS if is_prefix_stable(Configuration(algorithm=name))}
    assert stable == {"lightgbm", "xgboost", "hist_gradient_boosting"}


@pytest.mark.parametrize("rounds", [[3, 2], [2, 2], [0, 1], [-1], [1, 7]])
def test_rounds_out_of_order_or_range_are_refused(
    rounds: list[int], X: pd.DataFrame, targets: dict[TaskKind, pd.Series]
) -> None:
    configuration = Configuration(algorithm="hist_gradient_boosting")
    fitted = pipeline_of(configuration, TaskKind.BINARY, 6).fit(X, targets[TaskKind.BINARY])
    with pytest.raises(OptionError, match="rounds"):
        staged_predictions(fitted, X, rounds)


@pytest.mark.parametrize("algorithm", ALL)
def test_what_was_asked_for_bounds_the_rounds(
    algorithm: str, X: pd.DataFrame, targets: dict[TaskKind, pd.Series]
) -> None:
    fitted = pipeline_of(Configuration(algorithm=algorithm, values=RATE), TaskKind.BINARY, 6)
    fitted.fit(X, targets[TaskKind.BINARY])
    assert staged_predictions(fitted, X, []) == []
    assert len(staged_predictions(fitted, X, range(1, 7))) == 6
    with pytest.raises(OptionError, match="1 to 6 rounds"):
        staged_predictions(fitted, X, [7])


def test_pipelines_without_rounds_or_fit_are_refused(X: pd.DataFrame, targets: dict[TaskKind, pd.Series]) -> None:
    for algorithm in ("decision_tree", "random_forest"):
        pipeline = build(Configuration(algorithm=algorithm), kind=TaskKind.BINARY, column_kinds=KINDS)
        with pytest.raises(ConfigurationError, match="has no rounds"):
            staged_predictions(pipeline.fit(X, targets[TaskKind.BINARY]), X, [1])
    unfitted = build(Configuration(algorithm="lightgbm"), kind=TaskKind.BINARY, column_kinds=KINDS)
    with pytest.raises(NotFittedError):
        staged_predictions(unfitted, X, [1])


@pytest.mark.parametrize("algorithm", [learner.algorithm for learner in BOOSTERS])
def test_the_default_number_of_rounds_is_that_of_every_space(algorithm: str) -> None:
    name = rounds_parameter(algorithm)
    for kind in TaskKind:
        defaults = {parameter.name: parameter.default for parameter in LEARNERS[algorithm].space(kind).parameters}
        assert n_rounds(Configuration(algorithm=algorithm)) == defaults[str(name)]


def test_only_boosters_have_rounds() -> None:
    with_parameter = {algorithm for algorithm in LEARNERS if rounds_parameter(algorithm) is not None}
    assert with_parameter == set(DRAWING)
    assert rounds_parameter("no such algorithm") is None


@pytest.mark.parametrize("algorithm", [learner.algorithm for learner in BOOSTERS])
def test_a_configuration_takes_another_number_of_rounds(algorithm: str) -> None:
    configuration = Configuration(algorithm=algorithm, values=RATE)
    changed = with_rounds(configuration, 77, TaskKind.MULTICLASS)
    assert n_rounds(changed) == 77
    assert changed.values["learning_rate"] == 0.2
    back = with_rounds(changed, n_rounds(configuration), TaskKind.REGRESSION)
    assert back == configuration
    assert n_rounds(Configuration(algorithm=algorithm, values={str(rounds_parameter(algorithm)): 77.0})) == 77


@pytest.mark.parametrize("algorithm", sorted(DRAWING))
@pytest.mark.parametrize(("rate", "n"), [(0.01, 250), (0.02, 100), (0.25, 100)])
def test_fewer_rounds_learn_faster_within_the_range(algorithm: str, rate: float, n: int) -> None:
    name = rounds_parameter(algorithm)
    assert name is not None
    slow = Configuration(algorithm=algorithm, values={name: 1000, "learning_rate": rate})
    fast = with_fewer_rounds(slow, n, TaskKind.BINARY)
    highest = 0.5 if algorithm == "xgboost" else 0.3
    reached = min(rate * 1000 / n, highest)
    assert fast.values["learning_rate"] == pytest.approx(reached)
    assert n_rounds(fast) == pytest.approx(1000 * rate / reached, abs=1)


@pytest.mark.parametrize("rate", [0.01, 0.1, 0.119745, 0.2, 0.3])
@pytest.mark.parametrize("kind", TaskKind)
def test_a_default_beyond_its_range_comes_into_it(kind: TaskKind, rate: float) -> None:
    usual = Configuration(algorithm="catboost", values={"learning_rate": rate})  # 1,000 rounds; of several classes, 300
    fast = with_fewer_rounds(usual, 250, kind)
    assert 250 <= n_rounds(fast) <= (300 if kind is TaskKind.MULTICLASS else 1000)


def test_few_rounds_stay_as_they_are_and_no_learning_rate_stays_away() -> None:
    few = Configuration(algorithm="lightgbm", values={"n_estimators": 100})
    assert with_fewer_rounds(few, 100, TaskKind.BINARY) is few
    fast = with_fewer_rounds(Configuration(algorithm="catboost"), 250, TaskKind.REGRESSION)
    assert dict(fast.values) == {"iterations": 250}, "it finds a learning rate by itself"
    usual = with_fewer_rounds(few, 50, TaskKind.BINARY)
    assert dict(usual.values) == {"n_estimators": 50, "learning_rate": 0.2}, "the usual one is 0.1"


@pytest.mark.parametrize(
    "use",
    [
        lambda: n_rounds(Configuration(algorithm="ridge")),
        lambda: n_rounds(Configuration(algorithm="lightgbm", values={"n_estimators": "many"})),
        lambda: n_rounds(Configuration(algorithm="lightgbm", values={"n_estimators": True})),
        lambda: n_rounds(Configuration(algorithm="lightgbm", values={"n_estimators": 99.5})),
        lambda: with_rounds(Configuration(algorithm="random_forest"), 100, TaskKind.BINARY),
        lambda: with_rounds(Configuration(algorithm="xgboost"), 20, TaskKind.BINARY),
        lambda: with_rounds(Configuration(algorithm="xgboost"), 500, TaskKind.MULTICLASS),
    ],
)
def test_numbers_of_rounds_that_make_no_sense_are_refused(use: Callable[[], Any]) -> None:
    with pytest.raises(ConfigurationError):
        use()
