"""Exchange: past runs out of one knowledge base and into another, by way of shards."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Connection, Select

from autometa.errors import ExchangeError
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.checking import rows_of
from autometa.knowledge.rows import STATUSES, Row, configuration_row
from autometa.knowledge.selection import Identity, identity, shard_queries, stored_identities
from autometa.knowledge.shards import SCHEMA, file_sha256, read_shard, write_rows
from autometa.knowledge.writing import Added, Writer
from autometa.metric import METRICS
from autometa.sketches import SKETCH_VERSION
from autometa.space import Configuration

_WRITTEN_ROWS = 20_000  # in a row group: many compress better


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
    stored = stored_identities(Path(beside)) if beside is not None else set()
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")  # so that no half shard is ever found
    try:
        if path.exists():
            raise ExchangeError(f"{path} exists; shards are append-only, give a new name")
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            options = {"compression": "zstd", "compression_level": 12}
            with base.reading() as connection, pq.ParquetWriter(unfinished, SCHEMA, **options) as writer:
                n_evaluations = _write(connection, writer, shard_queries(origin, with_sketches=with_sketches), stored)
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


def _write(
    connection: Connection, writer: pq.ParquetWriter, wanted_rows: Mapping[str, Select[Any]], stored: set[Identity]
) -> int:
    """Write the evaluations that are not stored yet, then what they refer to; return how many they are."""
    wanted: dict[str, set[str]] = {"fingerprint": set(), "key": set()}
    n_evaluations = 0
    for rows in _chunks(connection, wanted_rows["evaluation"]):
        new = [{**row, "status": str(STATUSES[row["status"]])} for row in rows if identity(row) not in stored]
        for column, values in wanted.items():
            values.update(row[column] for row in new)
        n_evaluations += len(new)
        write_rows(writer, new, "evaluation")
    for record, column in (("configuration", "key"), ("task", "fingerprint")):
        for rows in _chunks(connection, wanted_rows[record]):
            write_rows(writer, [row for row in rows if row[column] in wanted[column]], record)
    return n_evaluations


def _chunks(connection: Connection, query: Select[Any]) -> Iterator[list[Row]]:
    """Iterate over the rows of a query, a few at a time in memory."""
    result = connection.execute(query, execution_options={"yield_per": _WRITTEN_ROWS})
    for rows in result.mappings().partitions():
        yield [dict(row) for row in rows]


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
