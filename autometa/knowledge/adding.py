"""Checked rows of a shard into the tables, inside a transaction that the caller owns."""

from collections.abc import Iterator, Mapping

import pyarrow as pa

from autometa.embedding import EMBEDDING_VERSION
from autometa.errors import ExchangeError
from autometa.knowledge.checking import rows_of
from autometa.knowledge.rows import STATUSES, Row, configuration_row
from autometa.knowledge.withdrawing import Withdrawals
from autometa.knowledge.writing import Writer
from autometa.metric import METRICS
from autometa.sketches import SKETCH_VERSION
from autometa.space import Configuration


def add_tasks(writer: Writer, tasks: pa.Table, name: str) -> int:
    """Add the tasks of a shard with their meta-features, sketches and embeddings, and return how many rows were new.

    Raises
    ------
    ExchangeError
        If a task is known as one of another kind.
    """
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
    n_new += writer.add_embeddings(
        {"task_id": ids[row["fingerprint"]], "version": row["embedding_version"], "values": row["embedding"]}
        for row in rows
        if row["embedding_version"] == EMBEDDING_VERSION  # what cannot be checked is not stored
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


def configuration_rows(configurations: pa.Table) -> Iterator[Row]:
    """Iterate over the rows of the configurations of a shard."""
    for row in rows_of(configurations):
        yield configuration_row(Configuration.from_json(row["configuration"]))


def evaluation_rows(writer: Writer, parts: Mapping[str, pa.Table], withdrawals: Withdrawals) -> Iterator[Row]:
    """Iterate over complete evaluation rows that are not withdrawn, references to other tables resolved."""
    task_ids = writer.task_ids(parts["task"]["fingerprint"].to_pylist())
    configuration_ids = writer.configuration_ids(parts["configuration"]["key"].to_pylist())
    position = {str(status): i for i, status in enumerate(STATUSES)}
    values = ("seed", *METRICS, "folds", "fit_seconds", "predict_seconds", "peak_memory_bytes")
    for row in rows_of(parts["evaluation"]):
        if withdrawals.bar(row):
            continue
        yield {
            "task_id": task_ids[row["fingerprint"]],
            "configuration_id": configuration_ids[row["key"]],
            "protocol_id": writer.protocol_id(row["protocol"], row["pipelines_version"]),
            "environment_id": writer.environment_id(row["versions"]),
            "origin_id": writer.origin_id(row["origin"], row["origin_licence"]),
            "status": position[row["status"]],
            **{name: row[name] for name in (*values, "error", "absent", "added_at")},
        }
