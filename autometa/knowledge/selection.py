"""What leaves a knowledge base: the queries of the rows of a shard."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, func, select

from autometa.embedding import EMBEDDING_VERSION
from autometa.errors import OptionError
from autometa.knowledge import queries, tables
from autometa.knowledge.rows import STATUSES, Row
from autometa.metric import METRICS
from autometa.sketches import SKETCH_VERSION
from autometa.task_kind import TaskKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which runs leave a base.

    Parameters
    ----------
    origin : str, optional
        Only runs of that origin.
    kind : TaskKind, optional
        Only runs on tasks of that kind.
    since : int, optional
        Only runs that were added then or later, in seconds since 1970; what was imported keeps the time at which it was
        added first, wherever that was.
    """

    origin: str | None = None
    kind: TaskKind | None = None
    since: int | None = None


ALL = Selection()


def moment(text: str) -> int:
    """Return the seconds since 1970 of a date or a time in ISO 8601; UTC where it names no zone.

    Raises
    ------
    OptionError
        If it is neither, or lies before 1970.

    Examples
    --------
    >>> moment("1970-01-02"), moment("1970-01-02T01:00+01:00")
    (86400, 86400)
    """
    try:
        read = datetime.fromisoformat(text.strip())
        seconds = int((read if read.tzinfo is not None else read.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError) as error:
        message = f"not a date or time: '{text[:40]}'; write 2026-11-24 or 2026-11-24T18:30 (UTC), or with +01:00"
        raise OptionError(message) from error
    if seconds < 0:
        raise OptionError(f"'{text[:40]}' lies before 1970; give a later date")
    return seconds


def shard_queries(selection: Selection, *, with_sketches: bool) -> dict[str, Select[Any]]:  # Any: columns
    """Return the queries of a shard's rows by record, the evaluations first, and of what is withdrawn."""
    return {
        "evaluation": _evaluations_query(selection),
        "configuration": _configurations_query(),
        "task": _tasks_query(with_sketches=with_sketches),
        "withdrawal": _withdrawals_query(),
    }


def _tasks_query(*, with_sketches: bool) -> Select[Any]:
    """Return the query of the task rows of a shard: the newest meta-features of each, and its embedding."""
    t, m, s, v, o = tables.tasks, tables.metafeatures, tables.sketches, tables.embeddings, tables.origins
    other = m.alias()  # versions count up as texts: "9", "10"
    by_age = (func.length(other.c.version).desc(), other.c.version.desc())
    newest = select(other.c.version).where(other.c.task_id == t.c.id).order_by(*by_age).limit(1).scalar_subquery()
    sketch_version = SKETCH_VERSION if with_sketches else None  # no sketch has none: the join finds nothing
    return (
        select(
            t.c.fingerprint,
            t.c.name.label("task_name"),
            *(t.c[name] for name in ("kind", "family", "n_rows", "n_columns", "n_classes")),
            t.c.licence.label("task_licence"),
            m.c.version.label("metafeatures_version"),
            m.c["values"].label("metafeatures"),
            m.c.failures.label("metafeatures_failures"),
            s.c.version.label("sketch_version"),
            s.c.content.label("sketch"),
            v.c.version.label("embedding_version"),
            v.c["values"].label("embedding"),
            o.c.name.label("origin"),
            o.c.licence.label("origin_licence"),
        )
        .join(o, o.c.id == t.c.origin_id)
        .outerjoin(m, and_(m.c.task_id == t.c.id, m.c.version == newest))
        .outerjoin(s, and_(s.c.task_id == t.c.id, s.c.version == sketch_version))
        .outerjoin(v, and_(v.c.task_id == t.c.id, v.c.version == EMBEDDING_VERSION))
        .order_by(t.c.fingerprint)
    )


def _withdrawals_query() -> Select[Any]:
    """Return the query of the withdrawals that a base knows of."""
    w = tables.withdrawals
    columns = [column for column in w.c if column.name != "withdrawn_at"]
    return select(*columns).order_by(*w.primary_key.columns)


def _configurations_query() -> Select[Any]:
    """Return the query of the configuration rows of a shard."""
    c = tables.configurations
    return select(c.c.key, c.c.content.label("configuration")).order_by(c.c.key)


def _evaluations_query(selection: Selection) -> Select[Any]:
    """Return the query of the evaluation rows of a shard."""
    e = tables.evaluations
    columns = [column for column in queries.evaluation_columns() if column.name != "content"]
    query = select(*columns, tables.tasks.c.kind, e.c.added_at, *(e.c[name] for name in METRICS))
    query = query.select_from(queries.joined_evaluations()).order_by(tables.tasks.c.fingerprint, e.c.id)
    if selection.origin is not None:
        query = query.where(tables.origins.c.name == selection.origin)
    if selection.kind is not None:
        query = query.where(tables.tasks.c.kind == str(selection.kind))
    return query if selection.since is None else query.where(e.c.added_at >= selection.since)


def chunks(connection: Connection, query: Select[Any], n_rows: int) -> Iterator[list[Row]]:
    """Iterate over the rows of a query as they stand in a shard, a few at a time in memory."""
    result = connection.execute(query, execution_options={"yield_per": n_rows})
    for rows in result.mappings().partitions():
        yield [{**row, "status": str(STATUSES[row["status"]])} if "status" in row else dict(row) for row in rows]
