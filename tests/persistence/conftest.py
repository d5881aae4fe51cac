"""Models of a small table, and a folder of user data of the tests' own."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from autometa.metric import default_metric
from autometa.persistence import Model, Training, make_card
from autometa.pipelines.building import build
from autometa.reading import read_task
from autometa.reading.conforming import TableReader
from autometa.space import Configuration
from autometa.task import Task

Made = Callable[..., Model]


@pytest.fixture(autouse=True)
def own_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the key of signatures out of the user's folder."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path / "data" / "autometa" / "model.key"


def small_table() -> pd.DataFrame:
    """Return 90 rows of two columns and a target of two classes that depends on them."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"size": rng.normal(size=90), "colour": np.array(["red", "blue"])[rng.integers(2, size=90)]})
    return frame.assign(y=np.where(frame["size"] + (frame["colour"] == "red") > 0.5, "yes", "no"))


def model_of(task: Task, algorithm: str = "decision_tree") -> Model:
    """Return a fitted model of a task."""
    configuration = Configuration(algorithm=algorithm)
    pipeline = build(configuration, kind=task.kind, column_kinds=task.column_kinds).fit(task.X, task.y)
    metric = default_metric(task.kind)
    return Model(
        predictor=pipeline,
        reader=TableReader.of(task),
        kind=task.kind,
        target=task.target,
        metric=metric.name,
        card=make_card(task, metric, Training(command="a test", score=0.9, configurations=[configuration])),
    )


@pytest.fixture
def task() -> Task:
    return read_task(small_table(), target="y", name="small")


@pytest.fixture
def model(task: Task) -> Model:
    return model_of(task)
