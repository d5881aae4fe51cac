import datetime
import pickle
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_wine
from sklearn.linear_model import Ridge
from sklearn.metrics import f1_score, fbeta_score, make_scorer
from sklearn.model_selection import GridSearchCV, KFold, TimeSeriesSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks

import autometa
from autometa import AutoMetaClassifier, AutoMetaRegressor
from autometa._paths import data_path
from autometa.errors import DataError, OptionError
from autometa.evaluation.warm import kept_warm
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.exchange import import_shard

# The checks are of what any search goes through: few algorithms, ranked in no time, are as good as all.
QUICK = ("naive_bayes", "decision_tree", "ridge", "logistic_regression")
WITHOUT_SEARCH: dict[str, Any] = {"time_budget": 0, "algorithms": QUICK, "recommender": "portfolio"}
THREE_TRIALS: dict[str, Any] = {"time_budget": None, "n_trials": 3, "algorithms": QUICK, "recommender": "portfolio"}


@pytest.fixture(scope="module", autouse=True)
def base_for_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("base") / "runs.db"
    with KnowledgeBase.create(path) as base:
        import_shard(base, data_path("knowledge", "campaign-1-003.parquet"))
    patch = pytest.MonkeyPatch()
    patch.setenv("AUTOMETA_DATABASE_URL", str(path))
    with kept_warm():
        yield path
    patch.undo()


def expected_failures(estimator: Any) -> dict[str, str]:
    why = (
        "a row of weight 2 is one row to meta-features, folds and the seed of a fold: which pipeline is advised, and "
        "what a search finds, may be another where the row stands there twice; some tables happen to give the same"
    )
    unnamed = (
        "the columns of a DataFrame and of an array have other names, by which folds are drawn: averages may differ"
    )
    return {
        "check_sample_weight_equivalence_on_dense_data": why,
        "check_sample_weight_equivalence_on_sparse_data": why,
        "check_classifier_data_not_an_array": unnamed,
        "check_regressor_data_not_an_array": unnamed,
    }


@parametrize_with_checks(  # type: ignore[untyped-decorator] # scikit-learn has no types
    [
        make(**arguments)
        for make in (AutoMetaClassifier, AutoMetaRegressor)
        for arguments in (WITHOUT_SEARCH, THREE_TRIALS)
    ],
    expected_failed_checks=expected_failures,
    xfail_strict=False,  # see there
)
def test_estimators_pass_the_checks_of_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.fixture(scope="module")
def wine() -> tuple[pd.DataFrame, pd.Series]:
    X, y = load_wine(as_frame=True, return_X_y=True)
    return X, y.map({0: "barolo", 1: "grignolino", 2: "barbera"}).astype("str")


@pytest.fixture(scope="module")
def fitted(wine: tuple[pd.DataFrame, pd.Series]) -> AutoMetaClassifier:
    return AutoMetaClassifier(time_budget=None, n_trials=7, n_jobs=2).fit(*wine)


def test_a_search_leaves_all_that_was_promised(
    fitted: AutoMetaClassifier, wine: tuple[pd.DataFrame, pd.Series]
) -> None:
    assert fitted.classes_.tolist() == ["barbera", "barolo", "grignolino"]
    assert fitted.n_features_in_ == 13
    assert fitted.feature_names_in_.tolist() == list(wine[0].columns)
    assert len(fitted.study_.trials) == 7 == len(fitted.leaderboard_)
    advised = [each.configuration.key for each in fitted.recommendation_]
    sources = [trial.user_attrs["source"] for trial in fitted.study_.trials]
    assert sources[: len(advised)] == ["advised"] * len(advised)
    assert fitted.leaderboard_["rank"].dropna().tolist() == list(range(1, fitted.leaderboard_["rank"].count() + 1))
    assert fitted.leaderboard_["weight"].sum() == pytest.approx(1.0)
    assert fitted.score(*wine) > 0.95


def test_the_model_is_no_worse_out_of_fold_than_the_best_pipeline(fitted: AutoMetaClassifier) -> None:
    assert fitted.score_ <= fitted.leaderboard_["score"].iloc[0] + 1e-12


def test_the_best_pipeline_is_plain_scikit_learn(
    fitted: AutoMetaClassifier, wine: tuple[pd.DataFrame, pd.Series]
) -> None:
    predicted = fitted.best_pipeline_.predict(wine[0])
    assert set(predicted) <= set(fitted.classes_)
    assert type(fitted.best_pipeline_).__module__.startswith("sklearn")


def test_the_same_seed_and_trials_give_the_same_model(wine: tuple[pd.DataFrame, pd.Series]) -> None:
    models = [AutoMetaClassifier(**{**THREE_TRIALS, "n_jobs": n_jobs}).fit(*wine) for n_jobs in (1, 2)]
    assert np.array_equal(models[0].predict_proba(wine[0]), models[1].predict_proba(wine[0]))
    columns = ["algorithm", "score", "weight", "key"]
    pd.testing.assert_frame_equal(models[0].leaderboard_[columns], models[1].leaderboard_[columns])


def test_it_works_in_pipelines_searches_and_cross_validation(wine: tuple[pd.DataFrame, pd.Series]) -> None:
    model = AutoMetaClassifier(**WITHOUT_SEARCH)
    assert cross_val_score(make_pipeline(FunctionTransformer(), model), *wine, cv=3).mean() > 0.9
    search = GridSearchCV(model, {"algorithms": [["naive_bayes"], ["decision_tree"]]}, cv=3).fit(*wine)
    assert search.best_params_ == {"algorithms": ["naive_bayes"]}
    assert clone(search.best_estimator_).get_params()["algorithms"] == ["naive_bayes"]


def test_tables_of_other_libraries_give_the_same_predictions(wine: tuple[pd.DataFrame, pd.Series]) -> None:
    X, y = wine
    model = AutoMetaClassifier(**WITHOUT_SEARCH).fit(X, y)
    others = AutoMetaClassifier(**WITHOUT_SEARCH).fit(pl.from_pandas(X), y.to_list())
    assert np.array_equal(model.predict_proba(X), others.predict_proba(pl.from_pandas(X)))
    arrays = AutoMetaClassifier(**WITHOUT_SEARCH).fit(X.to_numpy(), y.to_numpy())
    assert np.allclose(arrays.predict_proba(X.to_numpy()), model.predict_proba(X), atol=1e-9)
    scattered = AutoMetaClassifier(**WITHOUT_SEARCH).fit(sparse.csr_matrix(X.to_numpy()), y.to_numpy())
    assert np.allclose(scattered.predict_proba(sparse.csr_matrix(X)), arrays.predict_proba(X.to_numpy()))


def test_a_sparse_table_that_is_too_large_when_dense_is_refused() -> None:
    X = sparse.random_array((1000, 10_000), density=1e-4, format="csr", rng=0)
    with pytest.raises(DataError, match="80 MB as numbers, more than 10 MB"):
        AutoMetaRegressor(time_budget=0, max_memory="10MB").fit(X, np.arange(1000.0))


def test_raw_columns_of_every_kind_are_read_as_in_training() -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "size": rng.normal(size=120),
            "colour": rng.choice(["red", "blue", "?"], 120),
            "when": pd.date_range("2024-01-01", periods=120, freq="D").astype(str),
            "is_new": rng.choice([True, False], 120),
        }
    )
    y = X["size"] + (X["colour"] == "red") + rng.normal(scale=0.1, size=120)
    model = AutoMetaRegressor(**WITHOUT_SEARCH).fit(X, y)
    as_text = X.astype("str")
    assert np.allclose(model.predict(X), model.predict(as_text))
    with pytest.raises(ValueError, match="colour"):
        model.predict(X.drop(columns="colour"))


@pytest.mark.parametrize("splits", ["groups", "time"])
def test_splits_of_the_user_s_own_are_kept(splits: str) -> None:
    X, y = load_diabetes(as_frame=True, return_X_y=True)
    groups = np.arange(len(y)) // 20
    if splits == "groups":
        model = AutoMetaRegressor(**THREE_TRIALS).fit(X, y, groups=groups)
    else:
        model = AutoMetaRegressor(**THREE_TRIALS, cv=TimeSeriesSplit(3)).fit(X, y)
    assert model.leaderboard_["rung"].max() == 2  # the first fold, then all of them
    assert np.isfinite(model.score_)


def test_a_metric_of_the_user_s_own_decides(wine: tuple[pd.DataFrame, pd.Series]) -> None:
    X, y = wine
    scorer = make_scorer(fbeta_score, beta=2, average="macro")
    model = AutoMetaClassifier(**THREE_TRIALS, metric=scorer).fit(X, y)
    assert 0.8 < model.score_ <= 1.0
    assert any("fbeta_score" in note for note in model.notes_)

    def upside_down(estimator: Any, X: pd.DataFrame, y: np.ndarray) -> float:
        return -float((estimator.predict(X) == y).mean())

    worst = AutoMetaClassifier(**THREE_TRIALS, ensemble=False, metric=upside_down).fit(X, y)
    assert worst.leaderboard_["score"].iloc[0] >= worst.leaderboard_["score"].dropna().iloc[-1]
    with pytest.raises(OptionError, match="metric 'broken' fails: ZeroDivisionError"):
        AutoMetaClassifier(**THREE_TRIALS, metric=broken).fit(X, y)


def broken(estimator: Any, X: pd.DataFrame, y: np.ndarray) -> float:
    return 1 / 0


def test_weights_reach_the_model_and_leave_out_what_takes_none() -> None:
    X, y = load_diabetes(as_frame=True, return_X_y=True)
    weights = np.where(np.arange(len(y)) < 221, 1.0, 0.0)
    model = AutoMetaRegressor(time_budget=0, algorithms=["ridge", "k_nearest_neighbors"]).fit(
        X, y, sample_weight=weights
    )
    assert set(model.leaderboard_["algorithm"]) == {"ridge"}
    without = AutoMetaRegressor(time_budget=0, algorithms=["ridge"]).fit(X, y)
    assert not np.allclose(model.predict(X), without.predict(X))
    assert isinstance(model.best_pipeline_["learner"], Ridge) or hasattr(model.best_pipeline_["learner"], "regressor_")
    with pytest.raises(OptionError, match="takes weights of rows"):
        AutoMetaRegressor(time_budget=0, algorithms=["k_nearest_neighbors"]).fit(X, y, sample_weight=weights)


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ([1.0, 1.0], "sample_weight needs a number for each of 3 rows; got 2"),
        ([1.0, -2.5, 1.0], "sample_weight needs numbers of at least 0; got -2.5"),
        ([0.0, 0.0, 0.0], "every weight of sample_weight is zero; give some rows a weight"),
        ([1.0, np.nan, 1.0], "sample_weight contains NaN"),
    ],
)
def test_weights_that_make_no_sense_are_told_so(weights: list[float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        AutoMetaRegressor(time_budget=0).fit([[1.0], [2.0], [3.0]], [1.0, 2.0, 3.0], sample_weight=weights)


def test_recorded_runs_are_known_to_later_advice(wine: tuple[pd.DataFrame, pd.Series], tmp_path: Path) -> None:
    X, y = wine
    with KnowledgeBase.create(tmp_path / "own.db") as base:
        for name in ("campaign-1-003", "metafeatures-3-001"):
            import_shard(base, data_path("knowledge", f"{name}.parquet"))
        before = len(base.evaluations())
        model = AutoMetaClassifier(**THREE_TRIALS, knowledge=base, record=True).fit(X, y)
        assert len(base.evaluations()) == before + 3
        known = autometa.recommend(X, y, knowledge=base)
        assert "known table: 3 of its runs are stored" in " ".join(known.notes)
        recorded = base.evaluations().tail(3)
        measured = dict(zip(recorded["key"], recorded[known.metric.name], strict=True))
        told = {advice.configuration.key: advice.predicted_score for advice in known}
        assert model.leaderboard_["score"].iloc[0] in [
            pytest.approx(told[key]) for key in measured.keys() & told.keys()
        ]
        assert all(told[key] == pytest.approx(measured[key]) for key in measured.keys() & told.keys())
        with pytest.raises(OptionError, match="cannot be compared"):
            AutoMetaClassifier(**THREE_TRIALS, knowledge=base, record=True).fit(X, y, sample_weight=np.ones(len(y)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"time_budget": -1}, "time_budget must be 0 or more"),
        ({"time_budget": None}, "needs a time_budget, a number of trials"),
        ({"time_budget": None, "n_trials": 0}, "n_trials must be at least 1"),
        ({"n_trials": 5}, "a time_budget of 0 searches nothing"),
        ({"n_jobs": 0}, "cores is positive"),
        ({"metric": "speed"}, "no metric 'speed'"),
        ({"algorithms": ["perceptron"]}, "unknown algorithm 'perceptron'"),
        ({"recommender": "oracle"}, "no recommender 'oracle'"),
        ({"max_memory": "much"}, "not a size of memory: 'much'"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    arguments: dict[str, Any], message: str, wine: tuple[pd.DataFrame, pd.Series]
) -> None:
    with pytest.raises(OptionError, match=message):
        AutoMetaClassifier(**{**WITHOUT_SEARCH, **arguments}).fit(*wine)


def test_predicting_needs_neither_optuna_nor_a_database(
    fitted: AutoMetaClassifier, wine: tuple[pd.DataFrame, pd.Series], tmp_path: Path
) -> None:
    fitted_without = clone(fitted).set_params(**WITHOUT_SEARCH, n_trials=None).fit(*wine)
    del fitted_without.recommendation_
    (tmp_path / "model.pickle").write_bytes(pickle.dumps(fitted_without))
    wine[0].head(5).to_parquet(tmp_path / "new.parquet")
    code = (
        "import pickle, sys, pandas as pd; from pathlib import Path\n"
        "model = pickle.loads(Path('model.pickle').read_bytes())\n"
        "assert len(model.predict(pd.read_parquet('new.parquet'))) == 5\n"
        "print([name for name in ('optuna', 'sqlalchemy', 'alembic') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_class_that_reads_as_missing_is_refused_by_name(wine: tuple[pd.DataFrame, pd.Series]) -> None:
    X, y = wine
    with pytest.raises(DataError, match=r"59 values that stand for a missing one, as 'NA'"):
        AutoMetaClassifier(**WITHOUT_SEARCH).fit(X, y.replace("barolo", "NA"))
    with pytest.raises(DataError, match=r"48 values that stand for a missing one, as 'NA'"):
        AutoMetaClassifier(**WITHOUT_SEARCH).fit(X[y != "barolo"], y[y != "barolo"].replace("barbera", "NA"))
    with pytest.raises(DataError, match="contains NaN or None"):
        AutoMetaClassifier(**WITHOUT_SEARCH).fit(X, y.astype(object).where(y != "barolo", None))


def test_groups_are_never_split_whatever_cv_says() -> None:
    X, y = load_diabetes(as_frame=True, return_X_y=True)
    groups = np.arange(len(y)) // 20
    assert np.isfinite(AutoMetaRegressor(**THREE_TRIALS, cv=3).fit(X, y, groups=groups).score_)
    split = list(KFold(3, shuffle=True, random_state=0).split(X))
    with pytest.raises(OptionError, match="some stand on both sides of a fold"):
        AutoMetaRegressor(**THREE_TRIALS, cv=split).fit(X, y, groups=groups)
    with pytest.raises(OptionError, match="all rows are of one group"):
        AutoMetaRegressor(**THREE_TRIALS).fit(X, y, groups=np.zeros(len(y)))
    with pytest.raises(OptionError, match="needs two folds or more, got cv=1"):
        AutoMetaRegressor(**THREE_TRIALS, cv=1).fit(X, y, groups=groups)
    with pytest.raises(OptionError, match="some rows have no group"):
        AutoMetaRegressor(**THREE_TRIALS).fit(X, y, groups=[None, *groups[1:]])


def test_a_fold_of_one_class_is_left_out_of_the_score(wine: tuple[pd.DataFrame, pd.Series]) -> None:
    X, y = wine[0], (wine[1] == "barolo").to_numpy()  # the first 59 rows are of one class
    folds = [(np.arange(20, 178), np.arange(20)), *KFold(2, shuffle=True, random_state=0).split(X)]
    model = AutoMetaClassifier(**THREE_TRIALS, cv=folds).fit(X, y)
    assert model.leaderboard_["rung"].max() == 2
    assert 0.9 < model.score_ <= 1.0


def test_an_estimator_with_an_open_base_can_be_cloned_and_sent(
    wine: tuple[pd.DataFrame, pd.Series], base_for_all: Path
) -> None:
    with KnowledgeBase(base_for_all) as base:
        model = AutoMetaClassifier(**WITHOUT_SEARCH, knowledge=base)
        assert clone(model).knowledge is base
        assert cross_val_score(model, *wine, cv=3).mean() > 0.9
        there = pickle.loads(pickle.dumps(model.fit(*wine)))
    assert there.knowledge == str(base_for_all), "not the base itself, which need not be there to predict"
    assert np.array_equal(there.predict(wine[0]), model.predict(wine[0]))


def two_columns() -> tuple[pd.DataFrame, np.ndarray]:
    """Return a number that decides the class, and a word that says nothing."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=120), "k": rng.choice(["u", "v"], size=120)})
    return X, (X["a"] > 0).astype(int).to_numpy()


def test_numbers_that_numpy_made_strings_are_numbers() -> None:
    X, y = two_columns()
    rows = X.to_numpy(dtype=object).tolist()
    for table in (X, rows, np.column_stack([X["a"], X["k"]]), np.array(rows, dtype=object)):
        model = AutoMetaClassifier(**WITHOUT_SEARCH).fit(table, y)
        assert not any("identifier" in note for note in model.notes_)
        assert model.score(table, y) > 0.95


def test_columns_go_by_position_where_one_side_has_no_names() -> None:
    X, y = two_columns()
    X = X.assign(k=np.arange(120.0) % 7)
    named, unnamed, numbered = X, X.to_numpy(), X.set_axis([0, 1], axis=1)
    for trained in (named, unnamed, numbered):
        model = AutoMetaClassifier(**WITHOUT_SEARCH).fit(trained, y)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # scikit-learn's: names on one side alone
            for table in (named, unnamed, numbered):
                assert model.score(table, y) > 0.95
    by_name = AutoMetaClassifier(**WITHOUT_SEARCH).fit(named, y)
    with pytest.raises(ValueError, match="feature names should match"):
        by_name.predict(named.rename(columns={"a": "b"}))


def test_global_settings_of_scikit_learn_do_not_reach_the_pipelines() -> None:
    X, y = two_columns()
    X = X.assign(day=pd.date_range("2020-01-01", periods=120, freq="D"))
    with config_context(enable_metadata_routing=True, transform_output="polars"):
        model = AutoMetaClassifier(**WITHOUT_SEARCH).fit(X, y, sample_weight=np.ones(120))
        assert model.score(X, y) > 0.95
        assert model.predict_proba(X).shape == (120, 2)


def test_a_splitter_sees_the_table_as_it_is() -> None:
    X, y = two_columns()
    seen: list[Any] = []

    class Halves(KFold):  # type: ignore[misc] # scikit-learn has no types
        def split(self, X: Any, y: Any = None, groups: Any = None) -> Any:
            seen.append(X)
            is_first = (X["k"] == "u").to_numpy()
            return iter([(np.flatnonzero(is_first), np.flatnonzero(~is_first))])

    assert np.isfinite(AutoMetaClassifier(**THREE_TRIALS, cv=Halves(2)).fit(X, y).score_)
    assert all(each is X for each in seen)


@pytest.mark.parametrize("n_jobs", [None, np.int64(1)])
def test_numbers_of_jobs_are_those_of_scikit_learn(n_jobs: Any) -> None:
    X, y = two_columns()
    assert AutoMetaClassifier(**WITHOUT_SEARCH, n_jobs=n_jobs).fit(X, y).score(X, y) > 0.95


def test_names_of_the_target_that_columns_have_are_left_to_them() -> None:
    X, y = two_columns()
    place = np.arange(120.0)
    table = X.assign(target=place % 3, y=place % 5, target_1=place % 4)
    assert AutoMetaClassifier(**WITHOUT_SEARCH).fit(table, y).score(table, y) > 0.95


def test_a_time_zone_without_a_name_is_read_as_utc() -> None:
    X, y = two_columns()
    zone = datetime.timezone(datetime.timedelta(hours=2), "CEST")
    X = X.assign(when=pd.date_range("2020-01-01", periods=120, freq="7h", tz=zone))
    model = AutoMetaClassifier(**WITHOUT_SEARCH).fit(X, y)
    assert np.array_equal(model.predict(X), model.predict(X.assign(when=X["when"].dt.tz_convert("UTC"))))


def test_a_metric_of_the_user_s_own_sees_their_table_and_their_labels() -> None:
    X, y = two_columns()
    labels, table = np.where(y == 1, "True", "False"), X.assign(same=1).to_numpy(dtype=object)

    def recall(estimator: Any, X: Any, y: np.ndarray) -> float:
        assert (X[:, 2] == 1).all(), "a constant column, as it was given"
        is_true = y == "True"
        return float((estimator.predict(X)[is_true] == "True").mean())

    model = AutoMetaClassifier(**THREE_TRIALS, metric=recall).fit(table, labels)
    assert model.score_ > 0.9
    scorer = make_scorer(f1_score, pos_label="True")
    assert AutoMetaClassifier(**THREE_TRIALS, metric=scorer).fit(X, labels).score_ > 0.9
