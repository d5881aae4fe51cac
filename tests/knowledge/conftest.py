"""Small tasks, evaluations of every status, and knowledge bases in real files."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from autometa.evaluation.record import Evaluation, Status
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.exchange import SCHEMA, export_shard
from autometa.metafeatures import EXTRACTION_VERSION, MetaFeatures
from autometa.metric import metrics_of
from autometa.space import Configuration
from autometa.task import Task
from autometa.task_kind import TaskKind

MakeTask = Callable[..., Task]
MakeEvaluation = Callable[..., Evaluation]
MakeMetaFeatures = Callable[..., MetaFeatures]
Records = list[dict[str, Any]]  # rows of a shard: values of several types
WriteShard = Callable[..., Path]


def _task(number: int = 0, kind: TaskKind = TaskKind.BINARY, **changes: object) -> Task:
    """Return a table of six rows; its number makes it another one."""
    X = pd.DataFrame({"width": np.arange(6.0) + number, "height": [2.0, 1.0, 4.0, 3.0, 6.0, 5.0]})
    targets: dict[TaskKind, pd.Series] = {
        TaskKind.BINARY: pd.Series([0, 1, 0, 1, 0, 1]),
        TaskKind.MULTICLASS: pd.Series([0, 1, 2, 0, 1, 2]),
        TaskKind.REGRESSION: pd.Series([0.5, 1.5, 2.5, 3.5, 4.5, 5.5]),
    }
    given: dict[str, Any] = {"name": f"{kind}-{number}", "licence": "CC0", **changes}  # Any: arguments of Task
    return Task(X=X, y=targets[kind], kind=kind, target="y", **given)


def _metafeatures(value: float = 1.0, *, version: str = EXTRACTION_VERSION) -> MetaFeatures:
    """Return three meta-features: a number, an undefined one, a failed one."""
    return MetaFeatures(
        values={"nr_inst": value, "skew": float("nan"), "tree": float("nan")},
        failures={"tree": "ValueError: no tree"},
        seconds={"simple": 0.1},
        version=version,
    )


def _evaluation(task: Task, configuration: Configuration | str = "ridge", **changes: object) -> Evaluation:
    """Return an evaluation; every metric of its kind has ``scores``, unless it did not end well."""
    if isinstance(configuration, str):
        configuration = Configuration(algorithm=configuration)
    status = Status(str(changes.pop("status", Status.OK)))
    scores = changes.pop("scores", (0.25, 0.5, 0.75))
    is_ok = status is Status.OK
    fields: dict[str, Any] = {  # Any: arguments of Evaluation
        "protocol": "cv-v1",
        "pipelines_version": "1",
        "seed": 0,
        "fold_scores": {metric.name: scores for metric in metrics_of(task.kind)} if is_ok else {},
        "fit_seconds": 0.5,
        "predict_seconds": 0.125,
        "peak_memory_bytes": 1024,
        "error": "" if is_ok else f"{status}: it did not end well",
        "absent": {},
        "versions": {"python": "3.11", "scikit-learn": "1.9"},
        **changes,
    }
    return Evaluation(fingerprint=task.fingerprint, configuration=configuration, status=status, **fields)


def uncovered_environment() -> dict[str, str]:
    """Return the environment for a process that cannot report its coverage: another user's, another copy's."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COV")}


@pytest.fixture
def make_task() -> MakeTask:
    return _task


@pytest.fixture
def make_metafeatures() -> MakeMetaFeatures:
    return _metafeatures


@pytest.fixture
def make_evaluation() -> MakeEvaluation:
    return _evaluation


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of an empty knowledge base, to be copied."""
    path = tmp_path_factory.mktemp("empty") / "empty.db"
    KnowledgeBase.create(path).close()
    return path


@pytest.fixture(scope="session")
def filled_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file, to be copied, with a task of each kind, each with an evaluation of every status."""
    path = tmp_path_factory.mktemp("filled") / "filled.db"
    with KnowledgeBase.create(path) as base:
        for number, kind in enumerate(TaskKind):
            task = _task(number, kind)
            base.add_task(task, _metafeatures(float(number)))
            base.add_evaluations(_evaluation(task, f"learner-{status}", status=status) for status in Status)
    return path


@pytest.fixture(scope="session")
def good_rows(filled_file: Path) -> Records:
    """The rows of a good shard, in the order evaluation, configuration, task; not to be changed."""
    path = filled_file.with_name("good.parquet")
    with KnowledgeBase(filled_file) as base:
        export_shard(base, path, with_sketches=True)
    rows: Records = pq.read_table(path).to_pylist()
    return rows


@pytest.fixture
def base(empty_file: Path, tmp_path: Path) -> Iterator[KnowledgeBase]:
    """An empty knowledge base."""
    shutil.copy(empty_file, tmp_path / "base.db")
    with KnowledgeBase(tmp_path / "base.db") as opened:
        yield opened


@pytest.fixture
def filled(filled_file: Path, tmp_path: Path) -> Iterator[KnowledgeBase]:
    """A base with a task of each kind, each with an evaluation of every status."""
    shutil.copy(filled_file, tmp_path / "filled.db")
    with KnowledgeBase(tmp_path / "filled.db") as opened:
        yield opened


@pytest.fixture
def records(good_rows: Records) -> Records:
    """The rows of a good shard, in the order evaluation, configuration, task."""
    return [dict(row) for row in good_rows]


@pytest.fixture
def write_shard(tmp_path: Path) -> WriteShard:
    """A function that writes rows as they are, checked by nobody."""

    def write(rows: Records, name: str = "made.parquet", schema: pa.Schema = SCHEMA) -> Path:
        path = tmp_path / name
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)
        return path

    return write
