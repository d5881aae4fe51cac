"""Exchange: past runs out of one knowledge base and into another, by way of shards."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from sqlalchemy import Connection, Select

from autometa.errors import ExchangeError, OptionError
from autometa.knowledge.adding import add_tasks, configuration_rows, evaluation_rows
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.checking import rows_of
from autometa.knowledge.origins import check_origins
from autometa.knowledge.privacy import Privacy, Veil
from autometa.knowledge.selection import ALL, Selection, chunks, shard_queries
from autometa.knowledge.shards import SCHEMA, WITHDRAWING_SCHEMA, file_sha256, read_shard, write_rows
from autometa.knowledge.shelf import EMPTY, Shelf
from autometa.knowledge.withdrawing import Withdrawals
from autometa.knowledge.writing import Added
from autometa.task_kind import TaskKind

_WRITTEN_ROWS = 20_000  # in a row group: many compress better


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What an export wrote.

    Parameters
    ----------
    n_evaluations : int
        Evaluations in the shard.
    n_withheld : int
        Evaluations of configurations that are not autometa's own, kept back by the level of privacy.
    n_withdrawn : int
        Runs of other shards that this one withdraws.
    """

    n_evaluations: int
    n_withheld: int
    n_withdrawn: int = 0

    @property
    def is_written(self) -> bool:
        """Whether there is a file."""
        return self.n_evaluations > 0 or self.n_withdrawn > 0


def export_shard(
    base: KnowledgeBase,
    path: str | Path,
    *,
    beside: Shelf | str | Path | None = None,
    selection: Selection = ALL,
    privacy: Privacy = Privacy.FULL,
    with_sketches: bool = False,
) -> Exported:
    """Write a new shard.

    Parameters
    ----------
    base : KnowledgeBase
        What is written.
    path : str or Path
        The new file; no file is written where there is nothing to write.
    beside : Shelf, str or Path, optional
        A folder of shards: evaluations that stand in one of them are left out. A shelf names runs in it, too, that the
        new shard withdraws.
    selection : Selection
        Which evaluations are written; default: all.
    privacy : Privacy
        What is kept back of them: see `autometa.knowledge.privacy`.
    with_sketches : bool
        Whether the sketches of tasks are written, too. They are for public tables: from the sketch of a small table, or
        of one with few different values, its rows can be found by trying them out.

    Raises
    ------
    ExchangeError
        If the file exists or cannot be written, or ``beside`` is no folder of shards.
    NotKnownError
        If there is no such origin.
    OptionError
        If sketches are asked for, or runs withdrawn, but not all names may leave.
    """
    if with_sketches and privacy is not Privacy.FULL:
        raise OptionError(f"sketches are for public tables, and do not go with privacy '{privacy}'; leave them out")
    path = Path(path)
    shelf = EMPTY if beside is None else beside if isinstance(beside, Shelf) else Shelf.read(beside)
    if shelf.withdrawals and privacy is not Privacy.FULL:
        raise OptionError(
            f"a withdrawal names an origin and a time, which privacy '{privacy}' keeps back; leave it out"
        )
    schema = WITHDRAWING_SCHEMA if shelf.withdrawals else SCHEMA
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")  # so that no half shard is ever found
    try:
        if path.exists():
            raise ExchangeError(f"{path} exists; shards are append-only, give a new name")
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            options = {"compression": "zstd", "compression_level": 12}
            with base.reading() as connection, pq.ParquetWriter(unfinished, schema, **options) as writer:
                check_origins(connection, () if selection.origin is None else [selection.origin])
                wanted = shard_queries(selection, with_sketches=with_sketches)
                exported = _write(connection, writer, wanted, shelf, Veil(privacy, connection))
            if exported.is_written:
                unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise ExchangeError(f"cannot write {path}: {path.parent} is not a folder") from error
    except OSError as error:
        raise ExchangeError(f"cannot write {path}: {error.strerror or error}") from error
    return exported


def import_shard(base: KnowledgeBase, path: str | Path, *, is_shipped: bool = False) -> Added:
    """Add all of a shard in one transaction; what is there already is left as it is, but for what it withdraws.

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
        withdrawals = Withdrawals(writer)
        withdrawals.add(rows_of(parts["withdrawal"]))
        n_new = add_tasks(writer, parts["task"], name)
        n_new += writer.add_configurations(configuration_rows(parts["configuration"]))
        added = writer.add_evaluations(evaluation_rows(writer, parts, withdrawals))
        withdrawals.finish()
        added += Added(n_joined=writer.n_joined, n_withdrawn=withdrawals.n_withdrawn)
        if is_shipped:
            n_new += writer.add_shard(name, sha256)
        if n_new or withdrawals.n_new or added.n_new or added.n_differing:
            writer.raise_revision()
    return added


def _write(
    connection: Connection,
    writer: pq.ParquetWriter,
    wanted_rows: Mapping[str, Select[Any]],
    shelf: Shelf,
    veil: Veil,
) -> Exported:
    """Write what is withdrawn, the evaluations that are not stored yet, then what they refer to."""
    write_rows(writer, list(shelf.withdrawals), "withdrawal")
    wanted: dict[str, set[str]] = {"fingerprint": set(), "key": set()}
    n_evaluations = n_withheld = 0
    for rows in chunks(connection, wanted_rows["evaluation"], _WRITTEN_ROWS):
        new = [row for row in rows if not shelf.holds(row)]
        leaving = [row for row in new if row["key"] not in veil.withheld_keys]
        for column, values in wanted.items():
            values.update(row[column] for row in leaving)
        n_evaluations += len(leaving)
        n_withheld += len(new) - len(leaving)
        write_rows(writer, [veil.evaluation(row, TaskKind(row.pop("kind"))) for row in leaving], "evaluation")
    for rows in chunks(connection, wanted_rows["configuration"], _WRITTEN_ROWS):
        write_rows(writer, [row for row in rows if row["key"] in wanted["key"]], "configuration")
    for rows in chunks(connection, wanted_rows["task"], _WRITTEN_ROWS):
        write_rows(writer, [veil.task(row) for row in rows if row["fingerprint"] in wanted["fingerprint"]], "task")
    return Exported(n_evaluations=n_evaluations, n_withheld=n_withheld, n_withdrawn=len(shelf.withdrawals))
