"""Queries that several readers share, and the way from their rows to nouns."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Column, ColumnElement, Connection, Join, Label, Select, and_, func, select

from autometa.embedding import EMBEDDING_VERSION, Embedding, embedding_of
from autometa.evaluation.record import Status
from autometa.knowledge import tables
from autometa.knowledge.frames import Experience
from autometa.knowledge.origins import ALL_ALIKE, Trust, check_origins, weight_column
from autometa.knowledge.rows import STATUSES, metafeatures_values
from autometa.metafeatures import EXTRACTION_VERSION
from autometa.metric import Metric
from autometa.space import Configuration
from autometa.task import TaskDescription
from autometa.task_kind import TaskKind

Cells = npt.NDArray[np.float64]  # (n_runs, 8), as `cells` says

_N_CELL_COLUMNS = 8
_READ_ROWS = 50_000  # at a time: rows of Python take ten times the room of the array that they become


def joined_evaluations() -> Join:
    """Return evaluations joined with all that they refer to."""
    e = tables.evaluations
    joined: Join = e.join(tables.tasks, tables.tasks.c.id == e.c.task_id)
    for table, reference in (
        (tables.configurations, e.c.configuration_id),
        (tables.protocols, e.c.protocol_id),
        (tables.environments, e.c.environment_id),
        (tables.origins, e.c.origin_id),
    ):
        joined = joined.join(table, table.c.id == reference)
    return joined


def evaluation_columns() -> tuple[Column[Any] | Label[Any], ...]:  # Any: columns of several types
    """Return the columns from which `knowledge.rows.to_evaluation` makes an evaluation."""
    e = tables.evaluations
    names = (
        "seed",
        "status",
        "folds",
        "fit_seconds",
        "predict_seconds",
        "peak_memory_bytes",
        "error",
        "absent",
    )
    return (
        tables.tasks.c.fingerprint,
        tables.configurations.c.key,
        tables.configurations.c.content,
        tables.protocols.c.name.label("protocol"),
        tables.protocols.c.pipelines_version,
        *(e.c[name] for name in names),
        tables.environments.c.versions,
        tables.origins.c.name.label("origin"),
        tables.origins.c.licence.label("origin_licence"),
    )


def counts(connection: Connection, query: Select[Any]) -> dict[str, int]:
    """Return a query of (name, count) as a dict."""
    return {str(name): int(count) for name, count in connection.execute(query)}


def task_list() -> Select[Any]:
    """Return the query of all tasks with the number of their evaluations, sorted by name."""
    t = tables.tasks
    n_runs, counted = _run_counts(tables.evaluations.c.task_id, t.c.id)
    names = ("name", "kind", "n_rows", "n_columns", "n_classes", "family", "licence", "fingerprint")
    query = select(*(t.c[name] for name in names), n_runs).select_from(counted)
    return query.order_by(t.c.name, t.c.fingerprint)


def configuration_list() -> Select[Any]:
    """Return the query of all configurations with the number of their evaluations, sorted by algorithm and key."""
    c = tables.configurations
    n_runs, counted = _run_counts(tables.evaluations.c.configuration_id, c.c.id)
    query = select(c.c.algorithm, c.c.content, n_runs, c.c.key).select_from(counted)
    return query.order_by(c.c.algorithm, c.c.key)


def filled_cells() -> Select[Any]:  # Any: a text and two numbers
    """Return the query of (kind, configurations tried on it, pairs of task and configuration tried)."""
    t, e = tables.tasks, tables.evaluations
    pairs = select(t.c.kind, e.c.task_id, e.c.configuration_id).join(t, t.c.id == e.c.task_id).distinct().subquery()
    n_configurations = func.count(func.distinct(pairs.c.configuration_id))
    return select(pairs.c.kind, n_configurations, func.count()).group_by(pairs.c.kind)


def measured_tasks() -> Select[Any]:  # Any: two texts and a number
    """Return the query of (protocol, kind, tasks on which anything was run)."""
    return _tasks_by(tables.protocols.c.name, tables.tasks.c.kind)


def tasks_by_configuration() -> Select[Any]:  # Any: texts and numbers
    """Return the query of (protocol, kind, configuration id, tasks on which it was run)."""
    return _tasks_by(tables.protocols.c.name, tables.tasks.c.kind, tables.evaluations.c.configuration_id)


def common_by_task(protocol: str, kind: str, min_tasks: float) -> Select[Any]:  # Any: numbers
    """Return the query of (task id, how many common configurations were run on it), for one protocol and kind.

    Common is what at least ``min_tasks`` of these tasks have.
    """
    t, e, p = tables.tasks, tables.evaluations, tables.protocols
    joined = e.join(t, t.c.id == e.c.task_id).join(p, p.c.id == e.c.protocol_id)
    pairs = select(e.c.task_id, e.c.configuration_id).select_from(joined)
    own = pairs.where(p.c.name == protocol, t.c.kind == kind).distinct().subquery()
    common = select(own.c.configuration_id).group_by(own.c.configuration_id).having(func.count() >= min_tasks)
    n_run = func.count().label("n_run")
    return select(own.c.task_id, n_run).where(own.c.configuration_id.in_(common)).group_by(own.c.task_id)


def _tasks_by(*columns: Column[Any]) -> Select[Any]:
    """Return the query of these columns of evaluations, their tasks and protocols, and the number of tasks of each."""
    t, e, p = tables.tasks, tables.evaluations, tables.protocols
    joined = e.join(t, t.c.id == e.c.task_id).join(p, p.c.id == e.c.protocol_id)
    return select(*columns, func.count(func.distinct(e.c.task_id))).select_from(joined).group_by(*columns)


def descriptions(
    connection: Connection,
    condition: ColumnElement[bool],
    version: str = EXTRACTION_VERSION,
    embedding_version: str = EMBEDDING_VERSION,
) -> dict[int, TaskDescription]:
    """Return task id -> description of the tasks that meet a condition, in the order of their fingerprints.

    Meta-features of another extraction version than ``version``, and embeddings of another encoder than
    ``embedding_version``, are read as missing.
    """
    t, m, v = tables.tasks, tables.metafeatures, tables.embeddings
    query = select(t, m.c["values"].label("features"), v.c["values"].label("embedding"))
    query = query.outerjoin(m, and_(m.c.task_id == t.c.id, m.c.version == version))
    query = query.outerjoin(v, and_(v.c.task_id == t.c.id, v.c.version == embedding_version))
    found = connection.execute(query.where(condition).order_by(t.c.fingerprint)).mappings()
    return {
        row["id"]: TaskDescription(
            name=row["name"],
            fingerprint=row["fingerprint"],
            family=row["family"],
            kind=TaskKind(row["kind"]),
            n_rows=row["n_rows"],
            n_columns=row["n_columns"],
            metafeatures=metafeatures_values(row["features"]) if row["features"] else {},
            embedding=_read_embedding(row["embedding"]),
        )
        for row in found
    }


def _read_embedding(text: str | None) -> Embedding | None:
    """Return a stored embedding; one that does not obey the rules of this release is as none."""
    try:
        return None if text is None else embedding_of(text)
    except (ValueError, RecursionError):
        return None


def cells(
    connection: Connection, kind: TaskKind, metric: Metric, protocol: tuple[str, str], trust: Trust = ALL_ALIKE
) -> Cells:
    """Return what runs with seed 0 that count came to.

    Its columns: task id, configuration id, status, score, fit seconds, memory, predict seconds, weight.

    Raises
    ------
    NotKnownError
        If an origin that is not trusted as usual is not known.
    """
    e = tables.evaluations
    columns = (e.c.task_id, e.c.configuration_id, e.c.status, e.c[metric.name], e.c.fit_seconds)
    check_origins(connection, trust.weights)
    query = (
        select(*columns, e.c.peak_memory_bytes, e.c.predict_seconds, weight_column(trust))
        .join(tables.tasks, tables.tasks.c.id == e.c.task_id)
        .join(tables.protocols, tables.protocols.c.id == e.c.protocol_id)
        .where(
            tables.tasks.c.kind == str(kind),
            tables.protocols.c.name == protocol[0],
            tables.protocols.c.pipelines_version == protocol[1],
            e.c.seed == 0,
        )
    )
    if trust.weights:
        query = query.join(tables.origins, tables.origins.c.id == e.c.origin_id)
        query = query.where(tables.origins.c.name.not_in(sorted(trust.excluded)))
    result = connection.execute(query, execution_options={"yield_per": _READ_ROWS})
    parts = [np.array([tuple(row) for row in part], dtype=float) for part in result.partitions()]  # None becomes NaN
    return np.concatenate([np.empty((0, _N_CELL_COLUMNS)), *parts])


def to_experience(
    metric: Metric,
    rows: Cells,
    known: Mapping[int, TaskDescription],
    configurations: Mapping[int, Configuration],
    *,
    kind: TaskKind,
    revision: int,
) -> Experience:
    """Return the experience of the tasks and configurations that occur in the rows."""
    task_ids = set(rows[:, 0].astype(int).tolist())
    used = [i for i in known if i in task_ids]
    by_key = sorted(set(rows[:, 1].astype(int).tolist()), key=lambda i: configurations[i].key)
    at = (_positions(rows[:, 0], used), _positions(rows[:, 1], by_key))
    is_ok = rows[:, 2] == STATUSES.index(Status.OK)
    losses = np.where(is_ok, [metric.loss(score) for score in rows[:, 3].tolist()], np.inf)
    arrays = []
    for values in (losses, rows[:, 4], rows[:, 5], rows[:, 6]):
        filled = np.full((len(used), len(by_key)), np.nan)
        filled[at] = values
        arrays.append(filled)
    n_cells = np.bincount(at[0], minlength=len(used))
    return Experience(
        kind=kind,
        metric=metric,
        revision=revision,
        descriptions=tuple(known[i] for i in used),
        configurations=tuple(configurations[i] for i in by_key),
        losses=arrays[0],
        fit_seconds=arrays[1],
        memory_bytes=arrays[2],
        predict_seconds=arrays[3],
        weights=np.bincount(at[0], weights=rows[:, 7], minlength=len(used)) / n_cells,
    )


def _run_counts(reference: Column[int], row_id: Column[int]) -> tuple[Label[int], Join]:
    """Return the column n_evaluations, and the table joined with it: counted in one pass, for want of an index."""
    runs = select(reference.label("id"), func.count().label("n")).group_by(reference).subquery()
    joined = row_id.table.outerjoin(runs, runs.c.id == row_id)
    return func.coalesce(runs.c.n, 0).label("n_evaluations"), joined


def _positions(ids: npt.NDArray[np.float64], order: Sequence[int]) -> npt.NDArray[np.intp]:
    """Return where each id stands in ``order``, which has them all."""
    ascending = np.argsort(order)
    return ascending[np.searchsorted(np.asarray(order, dtype=float)[ascending], ids)]
