"""How should an evaluation lie in the tables? Three layouts, measured on SQLite.

wide
    One row per evaluation: metrics as columns, folds as one compact value. What ``knowledge/tables.py`` does.
metric
    One row per evaluation with the folds as one compact value, and one row per metric.
fold
    One row per evaluation, and one row per metric and fold.

All have the same references, the same unique key and the same seeded scores: binary tasks x 200 configurations,
5 metrics, 3 folds. Run: ``python benchmarks/layout.py --evaluations 200000``.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Double,
    Engine,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    UniqueConstraint,
    func,
    select,
)
from sqlalchemy.schema import SchemaItem

from autometa.knowledge import schema, tables
from autometa.knowledge.rows import pack_folds
from autometa.metric import metrics_of
from autometa.task_kind import TaskKind

N_CONFIGURATIONS = 200
N_FOLDS = 3
METRICS = tuple(metric.name for metric in metrics_of(TaskKind.BINARY))
METRIC = METRICS.index("roc_auc")
CHUNK = 10_000

Rows = list[dict[str, Any]]  # values of several types
Inserts = list[tuple[Table, Rows]]


def head_columns() -> list[SchemaItem]:
    """Return the columns of an evaluation that all layouts share."""
    e = tables.evaluations
    names = ("status", "fit_seconds", "predict_seconds", "peak_memory_bytes", "added_at")
    return [
        Column("id", Integer, primary_key=True),
        Column("task_id", ForeignKey(tables.tasks.c.id), nullable=False),
        Column("configuration_id", ForeignKey(tables.configurations.c.id), nullable=False),
        Column("protocol_id", ForeignKey(tables.protocols.c.id), nullable=False, index=True),
        Column("seed", BigInteger, nullable=False),
        *(Column(name, e.c[name].type) for name in names),
        Column("environment_id", ForeignKey(tables.environments.c.id), nullable=False),
        Column("origin_id", ForeignKey(tables.origins.c.id), nullable=False),
        UniqueConstraint("task_id", "configuration_id", "protocol_id", "seed"),
    ]


def head_rows(start: int, scores: np.ndarray) -> Rows:
    """Return the shared values of evaluations; scores is (n_evaluations, n_metrics, n_folds)."""
    return [
        {
            "id": number + 1,
            "task_id": number // N_CONFIGURATIONS + 1,
            "configuration_id": number % N_CONFIGURATIONS + 1,
            "protocol_id": 1,
            "seed": 0,
            "status": 0,
            "fit_seconds": 1.0 + number / 7,
            "predict_seconds": 0.1 + number / 70,
            "peak_memory_bytes": 100_000_000 + number,
            "added_at": 1_700_000_000 + number,
            "environment_id": 1,
            "origin_id": 1,
        }
        for number in range(start, start + len(scores))
    ]


def packed(scores: np.ndarray) -> list[bytes | None]:
    """Return the compact value of each evaluation; scores is (n_evaluations, n_metrics, n_folds)."""
    return [pack_folds(dict(zip(METRICS, one, strict=True)), TaskKind.BINARY) for one in scores]


class Wide:
    """One row per evaluation, metrics as columns."""

    name = "wide"
    metadata = MetaData()  # the tables are those of the schema

    def rows(self, start: int, scores: np.ndarray) -> Inserts:
        """Return what is inserted for some evaluations."""
        rows = head_rows(start, scores)
        for row, means, folds in zip(rows, scores.mean(axis=2).tolist(), packed(scores), strict=True):
            row.update(zip(METRICS, means, strict=True), folds=folds)
        return [(tables.evaluations, rows)]

    def cells(self, connection: Connection) -> list[Any]:
        """Return (task, configuration, mean score) of one metric."""
        e = tables.evaluations
        query = select(e.c.task_id, e.c.configuration_id, e.c[METRICS[METRIC]])
        return list(connection.execute(query.where(e.c.protocol_id == 1, e.c.seed == 0)))

    def one_task(self, connection: Connection, task_id: int) -> int:
        """Read all that is known of a task, and return the number of fold scores."""
        found = connection.execute(tables.evaluations.select().where(tables.evaluations.c.task_id == task_id))
        return sum(len(np.frombuffer(row.folds, dtype="<f8", offset=1)) for row in found)


class PerMetric:
    """A row per metric with its mean; the folds as one value."""

    name = "metric"
    metadata = MetaData()
    head = Table("heads", metadata, *head_columns(), Column("folds", LargeBinary))
    means = Table(
        "means",
        metadata,
        Column("evaluation_id", ForeignKey("heads.id"), primary_key=True),
        Column("metric", SmallInteger, primary_key=True),
        Column("score", Double, nullable=False),
        sqlite_with_rowid=False,
    )

    def rows(self, start: int, scores: np.ndarray) -> Inserts:
        """Return what is inserted for some evaluations."""
        heads = head_rows(start, scores)
        for row, folds in zip(heads, packed(scores), strict=True):
            row["folds"] = folds
        means = [
            {"evaluation_id": start + i + 1, "metric": metric, "score": mean}
            for i, one in enumerate(scores.mean(axis=2).tolist())
            for metric, mean in enumerate(one)
        ]
        return [(self.head, heads), (self.means, means)]

    def cells(self, connection: Connection) -> list[Any]:
        """Return (task, configuration, mean score) of one metric."""
        h, m = self.head, self.means
        query = select(h.c.task_id, h.c.configuration_id, m.c.score).join(m, m.c.evaluation_id == h.c.id)
        return list(connection.execute(query.where(h.c.protocol_id == 1, h.c.seed == 0, m.c.metric == METRIC)))

    def one_task(self, connection: Connection, task_id: int) -> int:
        """Read all that is known of a task, and return the number of fold scores."""
        h, m = self.head, self.means
        query = select(h, m.c.metric, m.c.score).join(m, m.c.evaluation_id == h.c.id).where(h.c.task_id == task_id)
        return sum(
            len(np.frombuffer(row.folds, dtype="<f8", offset=1)) // len(METRICS) for row in connection.execute(query)
        )


class PerFold:
    """A row per metric and fold."""

    name = "fold"
    metadata = MetaData()
    head = Table("heads", metadata, *head_columns())
    folds = Table(
        "folds",
        metadata,
        Column("evaluation_id", ForeignKey("heads.id"), primary_key=True),
        Column("metric", SmallInteger, primary_key=True),
        Column("fold", SmallInteger, primary_key=True),
        Column("score", Double, nullable=False),
        sqlite_with_rowid=False,
    )

    def rows(self, start: int, scores: np.ndarray) -> Inserts:
        """Return what is inserted for some evaluations."""
        folds = [
            {"evaluation_id": start + i + 1, "metric": metric, "fold": fold, "score": score}
            for i, one in enumerate(scores.tolist())
            for metric, per_fold in enumerate(one)
            for fold, score in enumerate(per_fold)
        ]
        return [(self.head, head_rows(start, scores)), (self.folds, folds)]

    def cells(self, connection: Connection) -> list[Any]:
        """Return (task, configuration, mean score) of one metric."""
        h, f = self.head, self.folds
        query = select(h.c.task_id, h.c.configuration_id, func.avg(f.c.score)).join(f, f.c.evaluation_id == h.c.id)
        query = query.where(h.c.protocol_id == 1, h.c.seed == 0, f.c.metric == METRIC)
        return list(connection.execute(query.group_by(h.c.id)))

    def one_task(self, connection: Connection, task_id: int) -> int:
        """Read all that is known of a task, and return the number of fold scores."""
        h, f = self.head, self.folds
        query = select(h, f.c.metric, f.c.fold, f.c.score).join(f, f.c.evaluation_id == h.c.id)
        return len(connection.execute(query.where(h.c.task_id == task_id)).all())


Layout = Wide | PerMetric | PerFold
LAYOUTS: tuple[Layout, ...] = (Wide(), PerMetric(), PerFold())


def chunks(n_evaluations: int) -> Iterator[tuple[int, np.ndarray]]:
    """Iterate over (first number, scores (n, n_metrics, n_folds)); the same for every layout."""
    rng = np.random.default_rng(0)
    for start in range(0, n_evaluations, CHUNK):
        yield start, rng.random((min(CHUNK, n_evaluations - start), len(METRICS), N_FOLDS))


def make(layout: Layout, path: Path, n_tasks: int) -> Engine:
    """Make a database with the tasks and configurations, and no evaluations yet."""
    engine = schema.connect(schema.to_url(path), create=True)
    schema.create(engine)
    layout.metadata.create_all(engine)
    task = {
        "kind": "binary",
        "n_rows": 1,
        "n_columns": 1,
        "n_classes": 2,
        "licence": "none",
        "origin_id": 1,
        "added_at": 0,
    }
    with engine.begin() as connection:
        connection.execute(tables.origins.insert(), [{"name": "benchmark", "licence": "none"}])
        connection.execute(tables.environments.insert(), [{"versions": "{}"}])
        connection.execute(tables.protocols.insert(), [{"name": "cv-v1", "pipelines_version": "1"}])
        names = [f"{number:064x}" for number in range(max(n_tasks, N_CONFIGURATIONS))]
        connection.execute(
            tables.tasks.insert(),
            [{**task, "fingerprint": name, "name": name, "family": name} for name in names[:n_tasks]],
        )
        connection.execute(
            tables.configurations.insert(),
            [{"key": name, "algorithm": "ridge", "content": name} for name in names[:N_CONFIGURATIONS]],
        )
    return engine


def insert_seconds(layout: Layout, engine: Engine, n_evaluations: int) -> float:
    """Insert every evaluation in one transaction; return the seconds, without those of making the rows."""
    seconds = 0.0
    with engine.execution_options(**schema.WRITING).connect() as connection, connection.begin() as transaction:
        for start, scores in chunks(n_evaluations):
            inserts = layout.rows(start, scores)
            begin = time.perf_counter()
            for table, rows in inserts:
                connection.execute(table.insert(), rows)
            seconds += time.perf_counter() - begin
        begin = time.perf_counter()
        transaction.commit()
        return seconds + time.perf_counter() - begin


def matrix(layout: Layout, connection: Connection, n_tasks: int) -> np.ndarray:
    """Return the mean scores of one metric: ndarray of shape (n_tasks, N_CONFIGURATIONS)."""
    table = np.array([tuple(row) for row in layout.cells(connection)], dtype=float)
    filled = np.full((n_tasks, N_CONFIGURATIONS), np.nan)
    filled[table[:, 0].astype(int) - 1, table[:, 1].astype(int) - 1] = table[:, 2]
    return filled


def timed(work: Callable[[], object], repetitions: int) -> float:
    """Return the median seconds of some work."""
    seconds = []
    for _ in range(repetitions):
        begin = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begin)
    return median(seconds)


def measure(layout: Layout, folder: Path, n_evaluations: int, repetitions: int) -> tuple[dict[str, float], np.ndarray]:
    """Return what a layout costs, and the matrix that was read from it."""
    n_tasks = -(-n_evaluations // N_CONFIGURATIONS)
    seconds, path = [], folder / "none"
    for repetition in range(repetitions):
        path.unlink(missing_ok=True)
        path = folder / f"{layout.name}-{repetition}.db"
        engine = make(layout, path, n_tasks)
        seconds.append(insert_seconds(layout, engine, n_evaluations))
        with engine.connect() as connection:
            n_rows = sum(
                int(connection.execute(select(func.count()).select_from(table)).scalar_one())
                for table in layout.metadata.tables.values() or [tables.evaluations]
            )
        engine.dispose()  # the last connection moves all from the log into the file
    size = path.stat().st_size
    engine = schema.connect(schema.to_url(path))
    middle = n_tasks // 2 + 1
    with engine.connect() as connection:
        read = matrix(layout, connection, n_tasks)
        if layout.one_task(connection, middle) != N_CONFIGURATIONS * len(METRICS) * N_FOLDS:
            raise SystemExit(f"{layout.name}: not all of task {middle} was found")
        costs = {
            "rows": float(n_rows),
            "inserted evaluations/s": n_evaluations / median(seconds),
            "MB on disk": size / 1e6,
            "bytes per evaluation": size / n_evaluations,
            "matrix of one metric, s": timed(lambda: matrix(layout, connection, n_tasks), repetitions),
            "all of one task, ms": 1000 * timed(lambda: layout.one_task(connection, middle), 5 * repetitions),
        }
    engine.dispose()
    path.unlink()
    return costs, read


def print_table(found: dict[str, dict[str, float]]) -> None:
    """Print a Markdown table with the ratios to the first layout."""
    first = next(iter(found.values()))
    print(f"| | {' | '.join(found)} |")
    print(f"|---|{'---:|' * len(found)}")
    for what, reference in first.items():
        shown = [
            f"{costs[what]:,.{0 if costs[what] >= 100 else 2}f} ({costs[what] / reference:.2f}x)"
            for costs in found.values()
        ]
        print(f"| {what} | {' | '.join(shown)} |")


def print_folds() -> None:
    """Print the bytes of the folds of one evaluation, packed and as JSON."""
    (_, scores), *_ = chunks(1000)
    n_packed = np.mean([len(value or b"") for value in packed(scores)])
    as_json = [json.dumps(dict(zip(METRICS, one, strict=True)), separators=(",", ":")) for one in scores.tolist()]
    n_json = np.mean([len(text) for text in as_json])
    print(
        f"\nfolds of one evaluation: {n_packed:.0f} bytes packed, {n_json:.0f} bytes as JSON ({n_json / n_packed:.1f}x)"
    )


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description="Compare three layouts of an evaluation in SQL.")
    parser.add_argument("--evaluations", type=int, default=200_000, help="how many (default: %(default)s)")
    parser.add_argument("--repetitions", type=int, default=3, help="of which the median counts (default: %(default)s)")
    arguments = parser.parse_args()
    n_evaluations = -(-arguments.evaluations // N_CONFIGURATIONS) * N_CONFIGURATIONS
    found, matrices = {}, []
    with tempfile.TemporaryDirectory() as folder:
        for layout in LAYOUTS:
            found[layout.name], read = measure(layout, Path(folder), n_evaluations, arguments.repetitions)
            matrices.append(read)
    if not all(np.allclose(read, matrices[0], rtol=0, atol=1e-12) for read in matrices):
        raise SystemExit("the layouts do not tell the same")
    print_table(found)
    print_folds()


if __name__ == "__main__":
    main()
