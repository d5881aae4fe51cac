"""The card of a model, and what its predictions rest on."""

import itertools
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from autometa.errors import DataError
from autometa.metric import METRICS
from autometa.persistence import Training, card, importances, make_card, score_rows
from autometa.persistence.card import MAX_IMPORTANCES
from autometa.pipelines.building import build
from autometa.pipelines.learners import learners_of
from autometa.reading import read_task
from autometa.space import Configuration
from autometa.task import Task
from autometa.task_kind import TaskKind
from tests.persistence.conftest import model_of


def test_a_card_says_what_a_model_was_trained_on(task: Task) -> None:
    configuration = Configuration(algorithm="ridge", values={"alpha": 2.0})
    training = Training(
        command="autometa fit small.csv",
        score=0.91,
        score_std=0.02,
        configurations=[configuration],
        leaderboard=[{"rank": 1, "algorithm": "ridge", "score": 0.91}],
        importances=[{"column": "size", "importance": 0.2, "std": 0.01}],
    )
    card = make_card(task, METRICS["roc_auc"], training)
    assert json.loads(json.dumps(card)) == card
    assert card["fingerprint"] == task.fingerprint
    assert (card["n_rows"], card["kind"], card["target"], card["classes"]) == (90, "binary", "y", ["no", "yes"])
    assert card["columns"] == [{"name": "size", "kind": "numeric"}, {"name": "colour", "kind": "categorical"}]
    assert (card["metric"], card["score"], card["score_std"]) == ("roc_auc", 0.91, 0.02)
    assert card["configurations"] == [{"algorithm": "ridge", "hyperparameters": {"alpha": 2.0}}]
    assert card["leaderboard"] == [{"rank": 1, "algorithm": "ridge", "score": 0.91}]
    assert card["importances"][0]["column"] == "size"
    assert {"python", "numpy", "scikit-learn", "skops"} <= set(card["libraries"])
    assert card["created_at"].endswith("+00:00")


@pytest.mark.parametrize("metric", ["accuracy", "log_loss", "roc_auc"])
def test_importances_tell_what_the_target_depends_on(metric: str, task: Task) -> None:
    X = task.X.assign(noise=np.random.default_rng(1).normal(size=task.n_rows))
    frame = read_task(X, task.y, target="y")
    predictor = model_of(frame).predictor
    found = importances(predictor, frame.X, frame.y, METRICS[metric])
    assert [row["column"] for row in found][:2] == ["size", "colour"]
    assert found[0]["importance"] > 0.05
    assert found[-1]["importance"] <= found[1]["importance"]
    assert found == importances(predictor, frame.X, frame.y, METRICS[metric])


def test_importances_of_numbers_are_in_their_unit_and_look_at_so_many_rows() -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(300, 25)), columns=[f"x{i}" for i in range(25)])
    y = (100.0 * X["x3"] + rng.normal(size=300)).rename("y")
    task = read_task(X, y)
    pipeline = build(Configuration(algorithm="ridge"), kind=task.kind, column_kinds=task.column_kinds)
    pipeline.fit(task.X, task.y)
    found = importances(pipeline, task.X, task.y, METRICS["rmse"], max_rows=100)
    assert len(found) == MAX_IMPORTANCES
    assert found[0]["column"] == "x3"
    assert 80 < found[0]["importance"] < 200  # a shuffled column doubles the variance, less what ridge shrinks
    assert found != importances(pipeline, task.X, task.y, METRICS["rmse"], max_rows=200)


def test_importances_take_no_longer_than_they_may(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a clock on which each score takes two seconds, there is time for one shuffle of two columns, or for none."""
    now = itertools.count(step=2)
    monkeypatch.setattr(card, "time", SimpleNamespace(monotonic=lambda: float(next(now))))
    predictor, columns = model_of(task).predictor, len(task.X.columns)
    many, one, none = (
        importances(predictor, task.X, task.y, METRICS["roc_auc"], max_seconds=2.0 * columns * n) for n in (5, 1, 0.9)
    )
    assert [row["column"] for row in many] == [row["column"] for row in one]
    assert any(row["std"] > 0 for row in many)
    assert all(row["std"] == 0 for row in one)
    assert none == []


def test_rows_are_scored_by_every_metric(task: Task) -> None:
    predictor = model_of(task).predictor
    scored = score_rows(predictor, task.X, task.y)
    assert set(scored.scores) == {"accuracy", "balanced_accuracy", "f1_macro", "roc_auc", "log_loss"}
    assert scored.scores["accuracy"] == 1.0
    with pytest.raises(DataError, match="'maybe' is not one of the 2 classes"):
        score_rows(predictor, task.X, task.y.replace("no", "maybe"))


def test_booleans_are_classes(tmp_path: Path) -> None:
    frame = pd.DataFrame({"size": np.sin(np.arange(60)), "y": np.sin(np.arange(60)) > 0})
    task = read_task(frame, target="y")
    model = model_of(task)
    assert model.classes == (False, True)
    assert model.predict(frame).tolist() == frame["y"].tolist()
    assert score_rows(model.predictor, task.X, task.y).scores["accuracy"] == 1.0


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("algorithm", [each.algorithm for each in learners_of(TaskKind.REGRESSION)])
def test_numbers_are_scored_whoever_predicts_them(algorithm: str) -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(60, 2)), columns=["a", "b"])
    y = (X["a"] + 0.1 * rng.normal(size=60)).rename("y")
    task = read_task(X, y)
    pipeline = build(Configuration(algorithm=algorithm), kind=task.kind, column_kinds=task.column_kinds)
    pipeline.fit(task.X, task.y)
    assert set(score_rows(pipeline, task.X, task.y).scores) == {"rmse", "mae", "r2"}
    assert importances(pipeline, task.X, task.y, METRICS["rmse"])[0]["column"] == "a"
