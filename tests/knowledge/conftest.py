"""Small tasks, evaluations of every status, and knowledge bases in real files."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from autometa.embedding import EMBEDDING_SIZE
from autometa.evaluation.record import Evaluation, Status
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.described import add_embeddings
from autometa.knowledge.exchange import export_shard
from autometa.knowledge.shards import SCHEMA
from autometa.metafeatures import EXTRACTION_VERSION, MetaFeatures
from autometa.metric import metrics_of
from autometa.space import Configuration
from autometa.task import Task
from autometa.task_kind import TaskKind

if TYPE_CHECKING:
    from tests.postgres import Server

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


def _fill(place: str | Path) -> None:
    """Make a base with a task of each kind, each with an evaluation of every status."""
    with KnowledgeBase.create(place) as base:
        for number, kind in enumerate(TaskKind):
            task = _task(number, kind)
            base.add_task(task, _metafeatures(float(number)))
            add_embeddings(base, {task.fingerprint: (0.5 + number,) * EMBEDDING_SIZE})
            base.add_evaluations(_evaluation(task, f"learner-{status}", status=status) for status in Status)


@pytest.fixture(scope="session")
def filled_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file, to be copied, with a task of each kind, each with an evaluation of every status."""
    path = tmp_path_factory.mktemp("filled") / "filled.db"
    _fill(path)
    return path


@pytest.fixture(scope="session")
def empty_database(postgres: "Server") -> str:
    """The name of an empty knowledge base on the server, to be copied."""
    name = postgres.new_database()
    KnowledgeBase.create(postgres.url(name)).close()
    return name


@pytest.fixture(scope="session")
def filled_database(postgres: "Server") -> str:
    """The name of a base on the server, to be copied, with what `filled_file` holds."""
    name = postgres.new_database()
    _fill(postgres.url(name))
    return name


@pytest.fixture(scope="session")
def good_rows(filled_file: Path) -> Records:
    """The rows of a good shard, in the order evaluation, configuration, task; not to be changed."""
    path = filled_file.with_name("good.parquet")
    with KnowledgeBase(filled_file) as base:
        export_shard(base, path, with_sketches=True)
    rows: Records = pq.read_table(path).to_pylist()
    return rows


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests that are marked so on SQLite and on PostgreSQL, the others on SQLite."""
    find = metafunc.definition.get_closest_marker
    if "backend" in metafunc.fixturenames and find("both_backends") and not find("sqlite_only"):
        metafunc.parametrize("backend", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> str:
    """The database under `base` and `filled`: see `pytest_generate_tests`."""
    return str(getattr(request, "param", "sqlite"))


@pytest.fixture
def copied(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """A function that gives the place of a copy of the base "empty" or "filled"."""
    places: list[str] = []

    def copy(name: str) -> str:
        if backend == "sqlite":
            places.append(str(tmp_path / f"{name}.db"))
            shutil.copy(request.getfixturevalue(f"{name}_file"), places[-1])
        else:
            places.append(server.url(server.new_database(request.getfixturevalue(f"{name}_database"))))
        return places[-1]

    if backend == "sqlite":
        yield copy
        return
    server: Server = request.getfixturevalue("postgres")
    yield copy
    for place in places:
        server.drop(place)


@pytest.fixture
def base(copied: Callable[[str], str]) -> Iterator[KnowledgeBase]:
    """An empty knowledge base."""
    with KnowledgeBase(copied("empty")) as opened:
        yield opened


@pytest.fixture
def filled(copied: Callable[[str], str]) -> Iterator[KnowledgeBase]:
    """A base with a task of each kind, each with an evaluation of every status."""
    with KnowledgeBase(copied("filled")) as opened:
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
