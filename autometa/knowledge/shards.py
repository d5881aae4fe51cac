"""Shards: past runs as Parquet files, their columns and bounds, reading and writing them.

A shard is one file with rows of several kinds, told apart by the column ``record``: its tasks, its
configurations, its evaluations, the latter joined to the former by fingerprint and key. It needs nothing
outside itself, and never the data. Shards are append-only: an export is a new file. Runs of earlier files are
taken back by a new one that names them: see `autometa.knowledge.withdrawing`.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from autometa.errors import ExchangeError
from autometa.knowledge.checking import RECORDS, check_rows
from autometa.knowledge.rows import Row
from autometa.metric import METRICS

SHARD_VERSION = "4"
WITHDRAWING_VERSION = "5"  # of its own, so that releases that would overlook what it withdraws refuse it
MAX_FILE_BYTES = 512 * 2**20
MAX_ROWS = 20_000_000
MAX_CONTENT_BYTES = 4 * 2**30  # in memory
MAX_WITHDRAWALS = 100_000

_READ_ROWS = 1_000  # at a time: few, since a row of a hostile file may be large

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
    "embedding_version": pa.string(),
    "embedding": pa.string(),  # see autometa.embedding
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
_OF_SKETCHES = ("sketch_version", "sketch")
_OF_EMBEDDINGS = ("embedding_version", "embedding")
_OF_WITHDRAWALS = ("result", "reason")
WITHDRAWING_SCHEMA = pa.schema(
    [*SCHEMA, *(pa.field(name, pa.string()) for name in _OF_WITHDRAWALS)],
    metadata={"autometa_shard": WITHDRAWING_VERSION},
)

# Shards are read for ever: version -> the columns that it did not have yet, read as null.
_MISSING_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "1": (*_OF_SKETCHES, *_OF_EMBEDDINGS, *_OF_WITHDRAWALS),
    "2": (*_OF_EMBEDDINGS, *_OF_WITHDRAWALS),
    "3": _OF_EMBEDDINGS,
    SHARD_VERSION: _OF_WITHDRAWALS,
    WITHDRAWING_VERSION: (),
}


def read_shard(path: str | Path) -> dict[str, pa.Table]:
    """Return the checked rows of a shard: record -> Arrow table.

    Raises
    ------
    ExchangeError
        If the file is missing, too large, not a shard of this version, or any row breaks a rule.
    """
    path = Path(path)
    table = read_columns(path, WITHDRAWING_SCHEMA.names)
    records = pc.unique(table["record"]).to_pylist()
    for record in records:
        if record not in RECORDS:
            raise ExchangeError(f"{path.name} has unknown records: {str(record)[:80]!r}; the file is refused")
    parts = {record: table.filter(pc.field("record") == record) for record in RECORDS}
    if len(parts["withdrawal"]) > MAX_WITHDRAWALS:
        what = f"{path.name} withdraws {len(parts['withdrawal'])} runs"
        raise ExchangeError(f"{what}; a shard withdraws at most {MAX_WITHDRAWALS}, the file is refused")
    check_rows(parts, path.name)
    return parts


def file_sha256(path: str | Path) -> str:
    """Return the sha-256 of a file, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_columns(path: Path, columns: Sequence[str]) -> pa.Table:
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
            field = WITHDRAWING_SCHEMA.field(name)
            table = table.append_column(field, pa.nulls(len(table), field.type))
    return table


def is_withdrawing(path: Path) -> bool:
    """Return whether a file says of itself that it withdraws runs; one that cannot be read does not."""
    try:
        return _version(pq.read_metadata(path)) in {"3", WITHDRAWING_VERSION}
    except (pa.ArrowException, OSError):
        return False


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
    version = _version(metadata)
    if version not in _MISSING_COLUMNS:
        known = " or ".join(_MISSING_COLUMNS)
        raise ExchangeError(f"{name} is not a shard of version {known} (found: {version[:20]!r})")
    if metadata.num_rows > MAX_ROWS:
        raise ExchangeError(f"{name} is too large: {metadata.num_rows} rows; a shard has at most {MAX_ROWS}")
    schema = pa.schema([field for field in WITHDRAWING_SCHEMA if field.name not in _MISSING_COLUMNS[version]])
    if not file.schema_arrow.equals(schema):
        expected = {field.name: field.type for field in schema}
        found = {field.name: field.type for field in file.schema_arrow}
        wrong = sorted(name for name in {*expected, *found} if expected.get(name) != found.get(name))
        raise ExchangeError(f"{name} has missing, unknown or mistyped columns: {', '.join(wrong)[:200]}")
    return schema


def _version(metadata: pq.FileMetaData) -> str:
    """Return the version of a shard, as its file tells it; empty for any other file."""
    return str((metadata.metadata or {}).get(b"autometa_shard", b"").decode("ascii", errors="replace"))


def write_rows(writer: pq.ParquetWriter, rows: list[Row], record: str) -> None:
    """Write rows of one kind."""
    if rows:
        table = pa.Table.from_pylist(rows, schema=writer.schema)
        column = pa.repeat(pa.scalar(record), len(rows))
        writer.write_table(table.set_column(SCHEMA.get_field_index("record"), SCHEMA.field("record"), column))
