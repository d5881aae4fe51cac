import datetime
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
import sklearn

from autometa.pipelines.building import build
from autometa.pipelines.learners import LEARNERS
from autometa.space import Configuration, Value
from autometa.task import ColumnKind
from autometa.task_kind import TaskKind
from tests.pipelines.quick import case, quick


def prepared(
    train: pd.DataFrame,
    new: pd.DataFrame,
    kind: ColumnKind,
    *,
    algorithm: str = "logistic_regression",
    **values: Value,
) -> np.ndarray:
    """Return what the learner sees of ``new``, for a table whose columns are all of one kind."""
    pipeline = build(
        Configuration(algorithm=algorithm, values=values),
        kind=TaskKind.BINARY,
        column_kinds={str(name): kind for name in train.columns},
    )
    return np.asarray(pipeline["prepare"].fit(train).transform(new))


def test_numbers_are_filled_with_the_median_scaled_and_flagged_for_learners_that_need_it() -> None:
    train = pd.DataFrame({"a": [1.0, 2.0, np.nan, 4.0, 5.0], "b": [1, 2, 3, 4, 5]})
    filled = prepared(train, train, ColumnKind.NUMERIC, scaling="none")
    np.testing.assert_array_equal(filled[:, 0], [1, 2, 3, 4, 5])
    np.testing.assert_array_equal(filled[:, 2], [0, 0, 1, 0, 0])
    scaled = prepared(train, train, ColumnKind.NUMERIC)
    np.testing.assert_allclose(scaled[:, :2], np.array([[-2, -2], [-1, -1], [0, 0], [1, 1], [2, 2]]) / 2**0.5)


def test_trees_see_missing_numbers_as_they_are() -> None:
    train = pd.DataFrame({"a": [1.0, np.nan, 3.0]})
    seen = prepared(train, train, ColumnKind.NUMERIC, algorithm="random_forest")
    np.testing.assert_array_equal(seen, [[1.0], [np.nan], [3.0]])


def test_numbers_come_in_any_dtype_and_what_is_no_number_is_missing() -> None:
    train = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]})
    columns = [
        ["1", "2.5", "?", None, "1e3", " 7 "],
        [True, 2.5, "?", None, 1e3, 7],
        pd.array([1, 2, None, None, 1000, 7], dtype="Int64"),
        pd.Categorical([1.0, 2.5, None, None, 1000.0, 7.0]),
        [1.0, 2.5, np.inf, -np.inf, 1000.0, 7.0],
    ]
    for column in columns:
        new = pd.DataFrame({"a": column})
        seen = prepared(train, new, ColumnKind.NUMERIC, algorithm="lightgbm").ravel()
        assert seen[0] == 1.0
        assert seen[1] in (2.0, 2.5)
        assert np.isnan(seen[2:4]).all()
        np.testing.assert_array_equal(seen[4:], [1000.0, 7.0])


def test_quantile_scaling_is_blind_to_outliers() -> None:
    values = np.arange(200.0)
    outlying = np.where(values == 199, 1e9, values)
    one, other = (
        prepared(pd.DataFrame({"a": x}), pd.DataFrame({"a": x}), ColumnKind.NUMERIC, scaling="quantile")
        for x in (values, outlying)
    )
    np.testing.assert_allclose(one[:190], other[:190], atol=0.05)


def test_splines_let_a_linear_model_follow_a_curve_and_stay_calm_far_outside() -> None:
    train = pd.DataFrame({"a": np.linspace(-3.0, 3.0, 200), "constant": 1.0, "ties": [0, 1] * 100})
    y = np.sin(2 * train["a"])
    column_kinds = {str(name): ColumnKind.NUMERIC for name in train}
    values: list[dict[str, Value]] = [{}, {"scaling": "spline", "n_knots": 10}, {"scaling": "spline", "n_knots": 3}]
    straight, curved, coarse = (
        build(
            Configuration(algorithm="ridge", values={"alpha": 0.01, **each}),
            kind=TaskKind.REGRESSION,
            column_kinds=column_kinds,
        ).fit(train, y)
        for each in values
    )
    assert straight.score(train, y) < 0.2
    assert curved.score(train, y) > 0.99 > coarse.score(train, y)
    assert curved["prepare"].transform(train).shape == (200, 3 * 12)
    far = pd.DataFrame({"a": [-1e6, 1e6], "constant": 2.0, "ties": [-5, 5]})
    assert np.abs(curved.predict(far)).max() < 10


def test_codes_of_categories_become_no_splines() -> None:
    train = pd.DataFrame({"a": ["x", "y", "z", "x"]})
    spline, standard = (
        prepared(train, train, ColumnKind.CATEGORICAL, encoding="ordinal", scaling=scaling)
        for scaling in ("spline", "standard")
    )
    np.testing.assert_array_equal(spline, standard)


def test_a_category_is_the_same_in_every_dtype_it_comes_in() -> None:
    train = pd.DataFrame({"a": pd.Categorical(["1", "2", "3", None])})
    expected = prepared(train, train, ColumnKind.CATEGORICAL)
    assert expected.shape == (4, 4)
    columns = [
        ["1", "2", "3", None],
        [1.0, 2.0, 3.0, np.nan],
        [1, "2", 3, None],
        pd.array([1, 2, 3, None], dtype="Int64"),
        pd.Categorical([1, 2, 3, None], categories=[3, 2, 1, 9]),
    ]
    for column in columns:
        seen = prepared(train, pd.DataFrame({"a": column}), ColumnKind.CATEGORICAL)
        np.testing.assert_array_equal(seen, expected)


def test_a_boolean_is_the_same_in_every_dtype_it_comes_in() -> None:
    train = pd.DataFrame({"a": [True, False, True]})
    expected = prepared(train, train, ColumnKind.BOOLEAN)
    for column in (["True", "False", "True"], pd.array([True, False, True], dtype="boolean")):
        new = pd.DataFrame({"a": column})
        np.testing.assert_array_equal(prepared(train, new, ColumnKind.BOOLEAN), expected)
    gaps = prepared(train, pd.DataFrame({"a": [True, None, False]}), ColumnKind.BOOLEAN)
    np.testing.assert_array_equal(gaps, [[0, 1], [0, 0], [1, 0]])


def test_unseen_and_missing_categories_have_the_code_minus_one() -> None:
    train = pd.DataFrame({"a": ["x", "y", None]})
    new = pd.DataFrame({"a": ["y", "z", None]})
    seen = prepared(train, new, ColumnKind.CATEGORICAL, algorithm="random_forest")
    np.testing.assert_array_equal(seen, [[1], [-1], [-1]])


def test_ordinal_codes_are_scaled_for_learners_that_compare_columns() -> None:
    train = pd.DataFrame({"a": ["x", "y", "z"]})
    seen = prepared(train, train, ColumnKind.CATEGORICAL, encoding="ordinal")
    np.testing.assert_allclose(seen.ravel(), np.array([-1, 0, 1]) * 1.5**0.5)


def test_one_hot_columns_are_bounded_and_unseen_categories_join_the_rare_ones() -> None:
    train = pd.DataFrame({"a": [f"c{i}" for i in range(100)] + ["often"] * 5})
    new = pd.DataFrame({"a": ["often", "never seen"]})
    seen = prepared(train, new, ColumnKind.CATEGORICAL)
    assert seen.shape == (2, 30)
    np.testing.assert_array_equal(seen.sum(axis=1), 1)
    assert seen[1].argmax() == 29


@pytest.mark.parametrize(
    ("trained", "asked"),
    [
        ("13/05/2024 18:30", "02/03/2024 06:00"),
        ("2024-05-13T18:30:00", "2024-03-02T06:00:00"),
        ("05/13/2024 06:30 PM", "03/02/2024 06:00 AM"),
    ],
)
def test_one_date_is_read_in_the_format_of_the_training_table(trained: str, asked: str) -> None:
    train = pd.DataFrame({"a": [trained, asked, trained]})
    new = pd.DataFrame({"a": [asked]})
    seen = prepared(train, new, ColumnKind.DATETIME, algorithm="lightgbm")
    moment = datetime.datetime(2024, 3, 2, 6, tzinfo=datetime.UTC)
    expected = [2024, 3, 2, 6, moment.timestamp(), moment.isoweekday()]
    np.testing.assert_allclose(seen, [expected], rtol=1e-6)


def test_dates_that_cannot_be_read_or_are_of_several_formats_are_no_error() -> None:
    train = pd.DataFrame({"a": ["2024-05-13", "March 2, 2024", "soon", None]})
    seen = prepared(train, train, ColumnKind.DATETIME, algorithm="lightgbm")
    np.testing.assert_array_equal(seen[:2, :3], [[2024, 5, 13], [2024, 3, 2]])
    assert np.isnan(seen[2:]).all()


def test_texts_become_a_few_numbers_a_column_and_blanks_are_alike() -> None:
    words = ["amber", "bronze", "copper", "diamond", "emerald", "flint", "garnet", "helium"]
    train = pd.DataFrame({"a": [f"{x} {y}" for x in words for y in words]})
    new = pd.DataFrame({"a": ["amber flint", "", None, "  "]})
    seen = prepared(train, new, ColumnKind.TEXT)
    assert seen.shape == (4, 10)
    np.testing.assert_array_equal(seen[1:], np.vstack([seen[1]] * 3))
    assert not np.allclose(seen[0], seen[1])


@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")  # no variance to explain
@pytest.mark.parametrize(
    ("algorithm", "encoding"),
    [
        *(case(LEARNERS[name], LEARNERS[name].encodings[0]) for name in ("random_forest", "svm_rbf", "xgboost")),
        *(case(LEARNERS[name], "native") for name in ("lightgbm", "hist_gradient_boosting", "catboost")),
        case(LEARNERS["lightgbm"], "target"),
        case(LEARNERS["lightgbm"], "ordinal"),
    ],
)
@pytest.mark.parametrize("kind", ColumnKind)
def test_columns_without_any_value_are_no_error(kind: ColumnKind, algorithm: str, encoding: str) -> None:
    X = pd.DataFrame({"empty": [np.nan] * 40, "a": np.arange(40.0)})
    pipeline = build(
        quick(algorithm, encoding=encoding),
        kind=TaskKind.BINARY,
        column_kinds={"empty": kind, "a": ColumnKind.NUMERIC},
    )
    pipeline.fit(X, X["a"] > 20)
    new = X.assign(empty=["1", "2020-01-01"] * 20)
    assert pipeline.predict_proba(new).shape == (40, 2)


@pytest.mark.parametrize("algorithm", ["lightgbm", "extra_trees", "k_nearest_neighbors"])
def test_a_table_of_categories_alone_and_three_rows_to_predict_are_enough(algorithm: str) -> None:
    X = pd.DataFrame({"a": pd.Categorical(list("xyzx") * 10), "b": pd.Categorical(list("uv") * 20)})
    pipeline = build(
        Configuration(algorithm=algorithm),
        kind=TaskKind.BINARY,
        column_kinds={"a": ColumnKind.CATEGORICAL, "b": ColumnKind.CATEGORICAL},
    )
    pipeline.fit(X, X["a"] == "x")
    new = pd.DataFrame({"a": ["x", None, "w"], "b": ["u", "u", "w"]})
    assert pipeline.predict(new).shape == (3,)


def test_a_global_setting_of_scikit_learn_changes_nothing(
    table: pd.DataFrame, column_kinds: dict[str, ColumnKind], targets: dict[TaskKind, pd.Series]
) -> None:
    # skrub's StringEncoder itself fails under this setting
    kinds = {name: kind for name, kind in column_kinds.items() if kind is not ColumnKind.TEXT}
    pipeline = build(Configuration(algorithm="lightgbm"), kind=TaskKind.MULTICLASS, column_kinds=kinds)
    y = targets[TaskKind.MULTICLASS]
    expected = pipeline.fit(table, y).predict_proba(table)
    with sklearn.config_context(transform_output="pandas"):
        np.testing.assert_array_equal(pipeline.fit(table, y).predict_proba(table), expected)


def test_every_number_that_the_learner_sees_has_a_name(
    table: pd.DataFrame, column_kinds: dict[str, ColumnKind], targets: dict[TaskKind, pd.Series]
) -> None:
    pipeline = build(
        Configuration(algorithm="logistic_regression"), kind=TaskKind.BINARY, column_kinds=column_kinds
    ).fit(table, targets[TaskKind.BINARY])
    names = list(pipeline[:-1].get_feature_names_out())
    assert len(names) == pipeline["learner"].n_features_in_
    assert {
        "numeric__count",
        "numeric__missingindicator_width [cm], {a:1}",
        "categorical__colour_red",
        "datetime__sold_year",
        "text__remark_0",
    } <= set(names)


def encoded_by_target(y: Sequence[object], kind: TaskKind, new: Sequence[object]) -> np.ndarray:
    """Return the encoding of new categories by a target y, of twenty rows a category x, y and z, in that order."""
    train = pd.DataFrame({"a": list("xyz")}).loc[np.repeat(np.arange(3), 20)]
    configuration = Configuration(algorithm="lightgbm", values={"encoding": "target"})
    pipeline = build(configuration, kind=kind, column_kinds={"a": ColumnKind.CATEGORICAL})
    return np.asarray(pipeline["prepare"].fit(train, y).transform(pd.DataFrame({"a": new})))


def test_categories_become_means_of_the_target_and_unseen_ones_its_mean_over_all() -> None:
    y = [0.0, 2.0] * 10 + [10.0, 12.0] * 10 + [20.0, 22.0] * 10
    seen = encoded_by_target(y, TaskKind.REGRESSION, ["x", "z", "never seen", None])
    np.testing.assert_allclose(seen.ravel(), [1.0, 21.0, 11.0, 11.0], atol=0.2)


def test_integers_to_be_predicted_as_numbers_are_not_taken_for_classes() -> None:
    y = [1] * 20 + [2] * 20 + [3] * 20
    np.testing.assert_allclose(encoded_by_target(y, TaskKind.REGRESSION, ["x", "z"]), [[1.0], [3.0]], atol=0.1)


def test_categories_become_one_share_a_class_where_there_are_more_than_two() -> None:
    y = ["no"] * 20 + ["yes"] * 20 + ["well"] * 20
    seen = encoded_by_target(y, TaskKind.MULTICLASS, ["x", "y"])
    np.testing.assert_allclose(seen, [[1, 0, 0], [0, 0, 1]], atol=0.1)  # no, well, yes
    of_two = encoded_by_target([False] * 20 + [True] * 40, TaskKind.BINARY, ["x", "y"])
    np.testing.assert_allclose(of_two, [[0.0], [1.0]], atol=0.1)


def test_a_training_row_is_not_encoded_by_its_own_target() -> None:
    train = pd.DataFrame({"a": [f"c{i}" for i in range(50)]})
    y = np.random.default_rng(0).normal(size=50)
    configuration = Configuration(algorithm="lightgbm", values={"encoding": "target"})
    pipeline = build(configuration, kind=TaskKind.REGRESSION, column_kinds={"a": ColumnKind.CATEGORICAL})
    assert len(np.unique(pipeline["prepare"].fit_transform(train, y))) == 5  # the means of the other folds


@pytest.mark.parametrize("kind", TaskKind)
def test_selection_keeps_the_columns_that_tell_most_of_the_target(kind: TaskKind) -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame({f"noise_{i}": rng.normal(size=90) for i in range(9)} | {"constant": 1.0})
    X["telling"] = rng.normal(size=90)
    signal = X["telling"] + 0.1 * rng.normal(size=90)
    n_classes = 2 if kind is TaskKind.BINARY else 3
    y = signal if kind is TaskKind.REGRESSION else pd.qcut(signal, n_classes, labels=False)
    algorithm = "ridge" if kind is TaskKind.REGRESSION else "logistic_regression"
    configuration = Configuration(algorithm=algorithm, values={"select": "univariate", "select_percentile": 10})
    kinds = dict.fromkeys(X.columns, ColumnKind.NUMERIC)
    pipeline = build(configuration, kind=kind, column_kinds=kinds).fit(X, y)
    assert list(pipeline[:-1].get_feature_names_out()) == ["numeric__telling"]
    assert pipeline.predict(X).shape == (90,)


@pytest.mark.parametrize("n_others", [1, 4])
def test_selection_keeps_a_column_where_two_tell_equally_much(n_others: int) -> None:
    rng = np.random.default_rng(0)
    y = np.arange(60) % 2
    X = pd.DataFrame({"colour": np.where(y == 1, "red", "blue")})  # encoded, its two columns mirror each other
    X.loc[:4, "colour"] = "blue"
    X = X.assign(**{f"noise_{i}": rng.normal(size=60) for i in range(n_others)})
    configuration = Configuration(
        algorithm="logistic_regression", values={"select": "univariate", "select_percentile": 10}
    )
    kinds = dict.fromkeys(X.columns, ColumnKind.NUMERIC) | {"colour": ColumnKind.CATEGORICAL}
    pipeline = build(configuration, kind=TaskKind.BINARY, column_kinds=kinds).fit(X, y)
    assert set(pipeline[:-1].get_feature_names_out()) < {"categorical__colour_blue", "categorical__colour_red"}


def regression(transform: str, y: np.ndarray, *, algorithm: str = "ridge") -> np.ndarray:
    """Return predictions for the rows of training, a line of numbers, and two rows far outside it."""
    X = pd.DataFrame({"a": np.linspace(0, 1, len(y))})
    configuration = Configuration(algorithm=algorithm, values={"target_transform": transform})
    pipeline = build(configuration, kind=TaskKind.REGRESSION, column_kinds={"a": ColumnKind.NUMERIC}).fit(X, y)
    return np.asarray(pipeline.predict(pd.DataFrame({"a": [*X["a"], -10.0, 10.0]})))


@pytest.mark.parametrize("transform", ["log", "quantile"])
def test_targets_of_long_tails_are_learned_better_when_transformed(transform: str) -> None:
    y = np.exp(np.linspace(0, 6, 120))
    plain, transformed = (np.abs(regression(name, y)[:-2] - y).mean() for name in ("none", transform))
    assert transformed < plain / 2


@pytest.mark.parametrize("transform", ["log", "quantile"])
@pytest.mark.parametrize("algorithm", ["ridge", "elastic_net"])
def test_transformed_targets_know_no_unit_and_may_be_negative(transform: str, algorithm: str) -> None:
    y = np.exp(np.linspace(0, 6, 120))
    predicted = regression(transform, y, algorithm=algorithm)
    moved = regression(transform, 1e-3 * y - 7, algorithm=algorithm)
    np.testing.assert_allclose(1000 * (moved + 7), predicted, rtol=1e-3)


def test_predictions_far_outside_the_training_table_are_finite_and_quantiles_stay_in_its_range() -> None:
    y = np.exp(np.linspace(0, 6, 120))
    assert np.isfinite(regression("log", y)).all()
    far = regression("quantile", y)[-2:]
    np.testing.assert_allclose(far, [y.min(), y.max()])
