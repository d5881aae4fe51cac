"""The whole way from a table to a fitted model, within a budget."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import is_classifier
from sklearn.metrics import make_scorer, mean_absolute_error

from autometa.errors import OptionError
from autometa.evaluation.protocol import OwnSplits
from autometa.evaluation.warm import kept_warm
from autometa.fitting import FitOptions, fit_task
from autometa.fitting.fitting import Fitted
from autometa.fitting.leaderboard import COLUMNS
from autometa.knowledge.base import KnowledgeBase
from autometa.task import Task
from tests.refinement.conftest import numbers, two_classes

CHEAP = ("decision_tree", "k_nearest_neighbors", "naive_bayes")
CHEAP_NUMBERS = ("decision_tree", "k_nearest_neighbors", "ridge")


@pytest.fixture(scope="module", autouse=True)
def _warm() -> Iterator[None]:
    """Let all fits share processes, which take longer to start than to measure."""
    with kept_warm():
        yield


@pytest.fixture(scope="module")
def base(one_shard_base: Path) -> Iterator[KnowledgeBase]:
    with KnowledgeBase(one_shard_base) as opened:
        yield opened


def fitted(task: Task, base: KnowledgeBase, **options: object) -> Fitted:
    """Return the fitted model of a table."""
    algorithms = CHEAP if task.kind.is_classification else CHEAP_NUMBERS
    given = {"algorithms": algorithms, "recommender": "hybrid", "time_budget": None, **options}
    return fit_task(task, np.asarray(task.y), base, FitOptions(**given))  # type: ignore[arg-type] # of several types


def test_a_number_of_trials_gives_the_same_model_again(base: KnowledgeBase) -> None:
    task = two_classes(100)
    one, two = (fitted(task, base, n_trials=8, n_jobs=jobs) for jobs in (1, 2))
    board = one.leaderboard
    assert list(board.columns) == list(COLUMNS)
    assert len(board) == 8
    same = ["rank", "algorithm", "score", "weight", "source", "key"]
    pd.testing.assert_frame_equal(board[same], two.leaderboard[same])
    assert board["rank"].tolist() == list(range(1, 9))
    assert board["score"].is_monotonic_decreasing
    assert board["weight"].sum() == pytest.approx(1.0)
    assert one.score >= board["score"].max() - 1e-12, "never worse than the best single one out of fold"
    assert one.metric == "roc_auc"
    model = one.ensemble if one.ensemble is not None else one.best_pipeline
    assert is_classifier(model)
    assert (model.predict(task.X) == task.y).mean() > 0.8
    other = two.ensemble if two.ensemble is not None else two.best_pipeline
    assert np.array_equal(model.predict_proba(task.X), other.predict_proba(task.X))
    assert one.study is not None
    assert len(one.study.get_trials()) == 8


def test_without_an_ensemble_the_best_single_one_is_the_model(base: KnowledgeBase) -> None:
    result = fitted(numbers(100), base, n_trials=5, ensemble=False)
    assert result.ensemble is None
    assert result.score == result.leaderboard["score"].iloc[0] == result.leaderboard["score"].min()
    assert result.leaderboard["weight"].tolist() == [1.0, 0.0, 0.0, 0.0, 0.0]
    assert result.score_std > 0


def test_no_time_fits_the_first_advice_unmeasured(base: KnowledgeBase) -> None:
    task = two_classes(100)
    result = fitted(task, base, time_budget=0)
    assert result.study is None
    assert result.ensemble is None
    assert np.isnan(result.score)
    first = result.recommendation[0]
    assert result.leaderboard["key"].tolist() == [each.configuration.key for each in result.recommendation]
    assert result.leaderboard["weight"].tolist() == [1.0] + [0.0] * (len(result.recommendation) - 1)
    assert result.leaderboard["status"].unique().tolist() == ["predicted"]
    assert result.leaderboard["score"].iloc[0] == first.predicted_score
    assert set(result.best_pipeline.predict(task.X)) <= {"yes", "no"}


@pytest.mark.parametrize("seconds", [1e-6, 0.5])
def test_a_tiny_budget_gives_a_model_all_the_same(base: KnowledgeBase, seconds: float) -> None:
    task = numbers(100)
    result = fitted(task, base, time_budget=seconds)
    assert result.best_pipeline.predict(task.X).shape == (100,)
    assert any("allow more time" in note for note in result.notes)
    assert np.isnan(result.score)


def test_options_that_make_no_sense_are_refused_before_anything_is_done(base: KnowledgeBase) -> None:
    task = numbers(50)
    with pytest.raises(OptionError, match="a fit needs a time_budget, a number of trials, or both"):
        fitted(task, base)
    with pytest.raises(OptionError, match="time_budget must be 0 or more seconds, and finite, got nan"):
        fitted(task, base, time_budget=float("nan"))
    with pytest.raises(OptionError, match="n_trials must be at least 1, got 0"):
        fitted(task, base, n_trials=0)
    with pytest.raises(OptionError, match="a number of cores is positive, or -1 for all of them, got 0"):
        fitted(task, base, n_trials=1, n_jobs=0)
    with pytest.raises(OptionError, match="no metric 'magic' for a regression task"):
        fitted(task, base, time_budget=0, metric="magic")
    with pytest.raises(OptionError, match="runs on weighted rows cannot be compared with others"):
        fitted(task, base, n_trials=1, origin="me", sample_weight=np.ones(50))
    with pytest.raises(OptionError, match="unknown algorithm 'magic'"):
        fitted(task, base, n_trials=1, algorithms=("magic",))


def test_a_metric_of_the_users_own_is_what_counts(base: KnowledgeBase) -> None:
    task = numbers(80)
    scorer = make_scorer(mean_absolute_error, greater_is_better=False)
    result = fitted(task, base, n_trials=4, metric=scorer)
    assert result.metric == "mean_absolute_error"
    assert result.score < 0
    assert result.score >= result.leaderboard["score"].max() - 1e-12
    assert any("past runs know nothing of 'mean_absolute_error'" in note for note in result.notes)

    def broken(estimator: object, X: object, y: object) -> float:
        raise KeyError("nothing")

    with pytest.raises(OptionError, match="the metric 'broken' fails: KeyError: 'nothing'"):
        fitted(task, base, n_trials=4, metric=broken)


def test_weights_restrict_the_algorithms_and_count(base: KnowledgeBase) -> None:
    task = numbers(80)
    weights = np.where(np.arange(80) < 40, 1.0, 0.0)
    result = fitted(task, base, n_trials=5, sample_weight=weights)
    assert "k_nearest_neighbors" not in set(result.leaderboard["algorithm"])
    with pytest.raises(OptionError, match="none of k_nearest_neighbors takes weights of rows; choose other algorithms"):
        fitted(task, base, n_trials=5, sample_weight=weights, algorithms=("k_nearest_neighbors",))


def test_own_splits_are_what_is_measured_on(base: KnowledgeBase) -> None:
    task = numbers(80)
    order = np.arange(80)
    splits = OwnSplits(folds=((order[:40], order[40:60]), (order[:60], order[60:])))
    result = fitted(task, base, n_trials=4, splits=splits)
    assert set(result.leaderboard["rung"]) <= {1, 2}
    assert result.leaderboard["rung"].iloc[0] == 2
    with pytest.raises(OptionError, match="rows beyond the 50 of the table"):
        fitted(numbers(50), base, n_trials=1, splits=splits)


def test_what_is_measured_is_kept_if_asked_for(one_shard_base: Path, tmp_path: Path) -> None:
    task = numbers(80)
    with KnowledgeBase(Path(shutil.copy(one_shard_base, tmp_path / "own.db"))) as base:
        result = fitted(task, base, n_trials=3, origin="me")
        runs = base.evaluations_of(task.fingerprint, protocol="cv-v1", pipelines_version="1")
        assert {run.configuration.key for run in runs} == set(result.leaderboard["key"])
        assert {run.origin for run in runs} == {"me"}
