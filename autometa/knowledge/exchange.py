"""Shards: past runs as Parquet files, out of one knowledge base and into another.

A shard is one file with three kinds of rows, told apart by the column ``record``: its tasks, its
configurations, its evaluations, the latter joined to the former by fingerprint and key. It needs nothing
outside itself, and never the data. Shards are append-only: an export is a new file.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sqlalchemy import Connection, Select, and_, func, select

from autometa.errors import ExchangeError
from autometa.knowledge import queries, tables
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.checking import RECORDS, check_rows, rows_of
from autometa.knowledge.rows import STATUSES, Row, configuration_row
from autometa.knowledge.writing import Added, Writer
from autometa.metric import METRICS
from autometa.sketches import SKETCH_VERSION
from autometa.space import Configuration

SHARD_VERSION = "2"
MAX_FILE_BYTES = 512 * 2**20
MAX_ROWS = 20_000_000
MAX_CONTENT_BYTES = 4 * 2**30  # in memory

Identity = tuple[Any, ...]  # texts and a number

_IDENTITY = ("fingerprint", "key", "protocol", "pipelines_version", "seed")
_READ_ROWS = 1_000  # at a time: few, since a row of a hostile file may be large
_WRITTEN_ROWS = 20_000  # in a row group: many compress better

_TASK = {
    "task_name": pa.string(),
    "kind": pa.string(),
    "family": pa.string(),
    "n_rows": pa.int64(),
    "n_columns": pa.int64(),
    "n_classes": pa.int64(),
    "task_licence": pa.string(),
    "metafeatures_version": pa.string(),
    "metafeatures": pa.string(),
    "metafeatures_failures": pa.string(),
    "sketch_version": pa.string(),
    "sketch": pa.binary(),
}
_EVALUATION = {
    "protocol": pa.string(),
    "pipelines_version": pa.string(),
    "seed": pa.int64(),
    "status": pa.string(),
    **{name: pa.float64() for name in METRICS},
    "folds": pa.binary(),
    "fit_seconds": pa.float64(),
    "predict_seconds": pa.float64(),
    "peak_memory_bytes": pa.int64(),
    "error": pa.string(),
    "absent": pa.string(),
    "versions": pa.string(),
    "added_at": pa.int64(),
}
SCHEMA = pa.schema(
    {
        "record": pa.string(),  # task, configuration or evaluation
        "fingerprint": pa.string(),  # of tasks and evaluations
        "key": pa.string(),  # of configurations and evaluations
        "configuration": pa.string(),  # canonical JSON
        **_TASK,
        **_EVALUATION,
        "origin": pa.string(),
        "origin_licence": pa.string(),
    },
    metadata={"autometa_shard": SHARD_VERSION},
)

# Shards are read for ever: version -> the columns that it did not have yet, read as null.
_MISSING_COLUMNS: Mapping[str, tuple[str, ...]] = {"1": ("sketch_version", "sketch"), SHARD_VERSION: ()}


def export_shard(
    base: KnowledgeBase,
    path: str | Path,
    *,
    beside: str | Path | None = None,
    origin: str | None = None,
    with_sketches: bool = False,
) -> int:
    """Write a new shard, and return the number of evaluations in it.

    Parameters
    ----------
    base : KnowledgeBase
        What is written.
    path : str or Path
        The new file; no file is written where there is nothing to write.
    beside : str or Path, optional
        A folder of shards: evaluations that stand in one of them are left out.
    origin : str, optional
        Only evaluations of that origin.
    with_sketches : bool
        Whether the sketches of tasks are written, too. They are for public tables: from the sketch of a small table, or
        of one with few different values, its rows can be found by trying them out.

    Raises
    ------
    ExchangeError
        If the file exists or cannot be written, or ``beside`` is no folder of shards.
    """
    path = Path(path)
    stored = _identities(Path(beside)) if beside is not None else set()
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")  # so that no half shard is ever found
    try:
        if path.exists():
            raise ExchangeError(f"{path} exists; shards are append-only, give a new name")
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            options = {"compression": "zstd", "compression_level": 12}
            with base.reading() as connection, pq.ParquetWriter(unfinished, SCHEMA, **options) as writer:
                n_evaluations = _write(connection, writer, _queries(origin, with_sketches=with_sketches), stored)
            if n_evaluations:
                unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise ExchangeError(f"cannot write {path}: {error.strerror or error}") from error
    return n_evaluations


def import_shard(base: KnowledgeBase, path: str | Path, *, is_shipped: bool = False) -> Added:
    """Add all of a shard in one transaction; what is there already is left as it is.

    Parameters
    ----------
    base : KnowledgeBase
        What is added to.
    path : str or Path
        The shard.
    is_shipped : bool
        Whether it comes with autometa: its name is noted, and it is not read again.

    Raises
    ------
    ExchangeError
        If the file is no shard or breaks a rule; the base is left untouched.
    """
    parts = read_shard(path)
    name, sha256 = Path(path).name, file_sha256(path)
    with base.writing() as writer:
        n_new = _add_tasks(writer, parts["task"], name)
        n_new += writer.add_configurations(_configuration_rows(parts["configuration"]))
        added = writer.add_evaluations(_evaluation_rows(writer, parts)) + Added(n_joined=writer.n_joined)
        if is_shipped:
            n_new += writer.add_shard(name, sha256)
        if n_new or added.n_new or added.n_differing:
            writer.raise_revision()
    return added


def read_shard(path: str | Path) -> dict[str, pa.Table]:
    """Return the checked rows of a shard: record -> Arrow table.

    Raises
    ------
    ExchangeError
        If the file is missing, too large, not a shard of this version, or any row breaks a rule.
    """
    path = Path(path)
    table = _read(path, SCHEMA.names)
    records = pc.unique(table["record"]).to_pylist()
    for record in records:
        if record not in RECORDS:
            raise ExchangeError(f"{path.name} has unknown records: {str(record)[:80]!r}; the file is refused")
    parts = {record: table.filter(pc.field("record") == record) for record in RECORDS}
    check_rows(parts, path.name)
    return parts


def file_sha256(path: str | Path) -> str:
    """Return the sha-256 of a file, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(path: Path, columns: Sequence[str]) -> pa.Table:
    """Return columns of a file that has the form of a shard; the rows are checked by nobody yet."""
    try:
        if not path.is_file():
            raise ExchangeError(f"no such file: {path}")
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise ExchangeError(f"{path.name} has {size} bytes; a shard has at most {MAX_FILE_BYTES}")
        with pq.ParquetFile(path) as file:
            found = _checked_schema(file, path.name)
            there = [name for name in columns if name in found.names]
            schema = pa.schema([found.field(name) for name in there], metadata=found.metadata)
            table = pa.Table.from_batches(_bounded(file, there, path.name), schema)
        table.validate(full=True)  # that texts are UTF-8, above all
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0][:200]
        raise ExchangeError(f"{path.name} is not a readable Parquet file: {reason}") from error
    for name in columns:
        if name not in there:
            table = table.append_column(SCHEMA.field(name), pa.nulls(len(table), SCHEMA.field(name).type))
    return table


def _bounded(file: pq.ParquetFile, columns: Sequence[str], name: str) -> Iterator[pa.RecordBatch]:
    """Iterate over a file while it is bearable: a text that all rows share may be small on disk alone."""
    size = 0
    for batch in file.iter_batches(batch_size=_READ_ROWS, columns=list(columns)):
        size += batch.nbytes
        if size > MAX_CONTENT_BYTES:
            raise ExchangeError(f"{name} is too large: more than {MAX_CONTENT_BYTES} bytes in memory")
        yield batch


def _checked_schema(file: pq.ParquetFile, name: str) -> pa.Schema:
    """Return the columns of a file; raise unless it has the version, columns and number of rows of a shard."""
    metadata = file.metadata
    version = (metadata.metadata or {}).get(b"autometa_shard", b"").decode("ascii", errors="replace")
    if version not in _MISSING_COLUMNS:
        known = " or ".join(_MISSING_COLUMNS)
        raise ExchangeError(f"{name} is not a shard of version {known} (found: {version[:20]!r})")
    if metadata.num_rows > MAX_ROWS:
        raise ExchangeError(f"{name} is too large: {metadata.num_rows} rows; a shard has at most {MAX_ROWS}")
    schema = pa.schema([field for field in SCHEMA if field.name not in _MISSING_COLUMNS[version]])
    if not file.schema_arrow.equals(schema):
        expected = {field.name: field.type for field in schema}
        found = {field.name: field.type for field in file.schema_arrow}
        wrong = sorted(name for name in {*expected, *found} if expected.get(name) != found.get(name))
        raise ExchangeError(f"{name} has missing, unknown or mistyped columns: {', '.join(wrong)[:200]}")
    return schema


def _queries(origin: str | None, *, with_sketches: bool) -> dict[str, Select[Any]]:  # Any: here and below, columns
    """Return the queries of a shard's rows by record, the evaluations first."""
    return {
        "evaluation": _evaluations_query(origin),
        "configuration": _configurations_query(),
        "task": _tasks_query(with_sketches=with_sketches),
    }


def _tasks_query(*, with_sketches: bool) -> Select[Any]:
    """Return the query of the task rows of a shard: the newest meta-features of each."""
    t, m, s, o = tables.tasks, tables.metafeatures, tables.sketches, tables.origins
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
            o.c.name.label("origin"),
            o.c.licence.label("origin_licence"),
        )
        .join(o, o.c.id == t.c.origin_id)
        .outerjoin(m, and_(m.c.task_id == t.c.id, m.c.version == newest))
        .outerjoin(s, and_(s.c.task_id == t.c.id, s.c.version == sketch_version))
        .order_by(t.c.fingerprint)
    )


def _configurations_query() -> Select[Any]:
    """Return the query of the configuration rows of a shard."""
    c = tables.configurations
    return select(c.c.key, c.c.content.label("configuration")).order_by(c.c.key)


def _evaluations_query(origin: str | None) -> Select[Any]:
    """Return the query of the evaluation rows of a shard."""
    e = tables.evaluations
    columns = [column for column in queries.evaluation_columns() if column.name != "content"]
    query = select(*columns, e.c.added_at, *(e.c[name] for name in METRICS))
    query = query.select_from(queries.joined_evaluations()).order_by(tables.tasks.c.fingerprint, e.c.id)
    return query if origin is None else query.where(tables.origins.c.name == origin)


def _identities(folder: Path) -> set[Identity]:
    """Return what tells apart the evaluations that stand in the shards of a folder."""
    if not folder.is_dir():
        raise ExchangeError(f"no such folder: {folder}")
    known: set[Identity] = set()
    for path in sorted(folder.glob("*.parquet")):
        table = _read(path, ["record", *_IDENTITY])
        known.update(map(_identity, rows_of(table.filter(pc.field("record") == "evaluation"))))
    return known


def _identity(row: Row) -> Identity:
    """Return what tells an evaluation apart from all others."""
    return tuple(row[name] for name in _IDENTITY)


def _write(
    connection: Connection, writer: pq.ParquetWriter, wanted_rows: Mapping[str, Select[Any]], stored: set[Identity]
) -> int:
    """Write the evaluations that are not stored yet, then what they refer to; return how many they are."""
    wanted: dict[str, set[str]] = {"fingerprint": set(), "key": set()}
    n_evaluations = 0
    for rows in _chunks(connection, wanted_rows["evaluation"]):
        new = [{**row, "status": str(STATUSES[row["status"]])} for row in rows if _identity(row) not in stored]
        for column, values in wanted.items():
            values.update(row[column] for row in new)
        n_evaluations += len(new)
        _write_rows(writer, new, "evaluation")
    for record, column in (("configuration", "key"), ("task", "fingerprint")):
        for rows in _chunks(connection, wanted_rows[record]):
            _write_rows(writer, [row for row in rows if row[column] in wanted[column]], record)
    return n_evaluations


def _chunks(connection: Connection, query: Select[Any]) -> Iterator[list[Row]]:
    """Iterate over the rows of a query, a few at a time in memory."""
    result = connection.execute(query, execution_options={"yield_per": _WRITTEN_ROWS})
    for rows in result.mappings().partitions():
        yield [dict(row) for row in rows]


def _write_rows(writer: pq.ParquetWriter, rows: list[Row], record: str) -> None:
    """Write rows of one kind."""
    if rows:
        table = pa.Table.from_pylist(rows, schema=SCHEMA)
        column = pa.repeat(pa.scalar(record), len(rows))
        writer.write_table(table.set_column(SCHEMA.get_field_index("record"), SCHEMA.field("record"), column))


def _add_tasks(writer: Writer, tasks: pa.Table, name: str) -> int:
    """Add the tasks of a shard with their meta-features, and return how many rows were new."""
    rows = list(rows_of(tasks))
    n_new = writer.add_tasks(
        {
            **{name: row[name] for name in ("fingerprint", "kind", "family", "n_rows", "n_columns", "n_classes")},
            "name": row["task_name"],
            "licence": row["task_licence"],
            "origin_id": writer.origin_id(row["origin"], row["origin_licence"]),
        }
        for row in rows
    )
    ids = writer.task_ids(row["fingerprint"] for row in rows)
    kinds = writer.task_kinds(ids.values())
    for row in rows:
        known = kinds[ids[row["fingerprint"]]]
        if known != row["kind"]:  # its scores would be read as those of other metrics
            what = f"{row['fingerprint'][:12]} is a {row['kind']} task in {name}"
            raise ExchangeError(f"{what}, known as {known} here; the file is refused")
    n_new += writer.add_sketches(
        {"task_id": ids[row["fingerprint"]], "version": row["sketch_version"], "content": row["sketch"]}
        for row in rows
        if row["sketch_version"] == SKETCH_VERSION  # what cannot be checked is not stored
    )
    return n_new + writer.add_metafeatures(
        {
            "task_id": ids[row["fingerprint"]],
            "version": row["metafeatures_version"],
            "values": row["metafeatures"],
            "failures": row["metafeatures_failures"],
        }
        for row in rows
        if row["metafeatures_version"] is not None
    )


def _configuration_rows(configurations: pa.Table) -> Iterator[Row]:
    """Iterate over the rows of the configurations of a shard."""
    for row in rows_of(configurations):
        yield configuration_row(Configuration.from_json(row["configuration"]))


def _evaluation_rows(writer: Writer, parts: Mapping[str, pa.Table]) -> Iterator[Row]:
    """Iterate over complete evaluation rows, references to other tables resolved."""
    task_ids = writer.task_ids(parts["task"]["fingerprint"].to_pylist())
    configuration_ids = writer.configuration_ids(parts["configuration"]["key"].to_pylist())
    position = {str(status): i for i, status in enumerate(STATUSES)}
    values = ("seed", *METRICS, "folds", "fit_seconds", "predict_seconds", "peak_memory_bytes")
    for row in rows_of(parts["evaluation"]):
        yield {
            "task_id": task_ids[row["fingerprint"]],
            "configuration_id": configuration_ids[row["key"]],
            "protocol_id": writer.protocol_id(row["protocol"], row["pipelines_version"]),
            "environment_id": writer.environment_id(row["versions"]),
            "origin_id": writer.origin_id(row["origin"], row["origin_licence"]),
            "status": position[row["status"]],
            **{name: row[name] for name in (*values, "error", "absent", "added_at")},
        }
