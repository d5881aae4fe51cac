"""Model files for the commands that use them, and those commands run in this process."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autometa.cli.main import main
from autometa.metric import default_metric
from autometa.persistence import MOST_SECONDS, Model, Training, importances, make_card, save
from autometa.pipelines.building import build
from autometa.reading import read_task
from autometa.reading.conforming import TableReader
from autometa.space import Configuration

# Runs `autometa` with these arguments and gives the exit code, stdout and stderr.
Ran = Callable[..., tuple[int, str, str]]


def save_model(
    table: object,
    path: Path,
    algorithm: str = "decision_tree",
    score_std: float | None = 0.0125,
    max_seconds: float = MOST_SECONDS,
    **reading: Any,  # whatever `read_task` takes
) -> Model:
    """Fit a pipeline to a table, keep it in a file, and return it."""
    task = read_task(table, **reading)  # type: ignore[arg-type]  # whatever the test gives
    configuration = Configuration(algorithm=algorithm)
    pipeline = build(configuration, kind=task.kind, column_kinds=task.column_kinds).fit(task.X, task.y)
    metric = default_metric(task.kind)
    training = Training(
        command=f"autometa fit {task.name}",
        score=0.875,
        score_std=score_std,
        configurations=[configuration],
        leaderboard=[
            {"rank": 1, "algorithm": algorithm, "score": 0.875},
            {"rank": 2, "algorithm": "ridge", "score": 0.7, "status": "pruned"},
        ],
        importances=importances(
            pipeline, task.X[list(task.used_columns)], task.y, metric, max_rows=50, max_seconds=max_seconds
        ),
    )
    model = Model(
        predictor=pipeline,
        reader=TableReader.of(task),
        kind=task.kind,
        target=task.target,
        metric=metric.name,
        card=make_card(task, metric, training),
    )
    save(model, path)
    return model


@pytest.fixture
def ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ran:
    """Return a function that runs a command in ``tmp_path``."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["autometa", *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
        out, err = capsys.readouterr()
        return int(caught.value.code or 0), out, err

    return run
