"""What known tasks are described by: embeddings into a base, and shards of tasks alone out of it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow.parquet as pq
from sqlalchemy import ColumnElement

from autometa._writing import written_whole
from autometa.embedding import EMBEDDING_VERSION, embedding_json
from autometa.errors import NotKnownError, OptionError
from autometa.knowledge import tables
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.selection import ALL, chunks, shard_queries
from autometa.knowledge.shards import SCHEMA, write_rows
from autometa.metafeatures import EXTRACTION_VERSION

_WRITTEN_ROWS = 20_000
_OF_METAFEATURES = ("metafeatures_version", "metafeatures", "metafeatures_failures")
_OF_EMBEDDINGS = ("embedding_version", "embedding")


def add_embeddings(
    base: KnowledgeBase, embeddings: Mapping[str, Sequence[float]], *, version: str = EMBEDDING_VERSION
) -> int:
    """Add embeddings of known tasks in one transaction, and return how many were new.

    Parameters
    ----------
    base : KnowledgeBase
        What is added to; of one task and version the first stays.
    embeddings : mapping of str to sequence of float
        By fingerprint.
    version : str
        Of the encoder.

    Raises
    ------
    NotKnownError
        If a task is not in the base; nothing is added.
    OptionError
        If an embedding is none; nothing is added.
    """
    try:
        texts = {fingerprint: embedding_json(values) for fingerprint, values in embeddings.items()}
    except (ValueError, TypeError) as error:
        raise OptionError(f"not an embedding: {error}; nothing was added") from error
    with base.writing() as writer:
        ids = writer.task_ids(texts)
        for fingerprint in sorted(texts.keys() - ids):
            raise NotKnownError(f"no task with fingerprint {fingerprint[:12]}; add the task first")
        n_new = writer.add_embeddings(
            {"task_id": ids[fingerprint], "version": version, "values": text} for fingerprint, text in texts.items()
        )
        if n_new:
            writer.raise_revision()
    return n_new


def export_embeddings(base: KnowledgeBase, path: str | Path) -> int:
    """Write a new shard of the tasks that have an embedding by the encoder of this release, and return how many.

    It holds no runs, so it adds to bases that have the tasks already: as those that read shards given out before.

    Raises
    ------
    OptionError
        If the file is there, or cannot be written.
    """
    has_one = tables.embeddings.c.version.is_not(None)
    return _export_tasks(base, path, has_one, left_out=_OF_METAFEATURES, what="embeddings")


def export_metafeatures(base: KnowledgeBase, path: str | Path) -> int:
    """Write a new shard of the tasks that have meta-features of this release, and return how many; as embeddings.

    Raises
    ------
    OptionError
        If the file is there, or cannot be written.
    """
    has_them = tables.metafeatures.c.version == EXTRACTION_VERSION
    return _export_tasks(base, path, has_them, left_out=_OF_EMBEDDINGS, what="meta-features")


def _export_tasks(
    base: KnowledgeBase, path: str | Path, is_written: ColumnElement[bool], *, left_out: Sequence[str], what: str
) -> int:
    """Write a new shard of tasks alone, without their sketches, and return how many."""
    query = shard_queries(ALL, with_sketches=False)["task"].where(is_written)
    n_tasks = 0
    with written_whole(Path(path), force=False, what=what) as unfinished:
        options = {"compression": "zstd", "compression_level": 12}
        with base.reading() as connection, pq.ParquetWriter(unfinished, SCHEMA, **options) as writer:
            for rows in chunks(connection, query, _WRITTEN_ROWS):
                write_rows(writer, [{**row, **dict.fromkeys(left_out)} for row in rows], "task")
                n_tasks += len(rows)
    return n_tasks
