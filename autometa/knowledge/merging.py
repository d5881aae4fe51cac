"""Merging: all tasks and runs of one knowledge base into another, believed as little as a file from outside."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlalchemy import Column, Connection, LargeBinary, Select, String, cast, func, select

from autometa.errors import ExchangeError, OptionError
from autometa.knowledge import tables
from autometa.knowledge.adding import add_tasks, configuration_rows, evaluation_rows
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.checking import RECORDS, check_rows, rows_of
from autometa.knowledge.rows import MAX_TEXT, Row
from autometa.knowledge.selection import ALL, chunks, shard_queries
from autometa.knowledge.shards import WITHDRAWING_SCHEMA
from autometa.knowledge.withdrawing import Withdrawals
from autometa.knowledge.writing import Added

Parts = dict[str, pa.Table]

_N_ROWS = 1_000  # at a time in memory
_CHUNK = 500  # values in one IN (...)
_MAX_CELL_BYTES = 4 * MAX_TEXT  # of UTF-8


def merge_base(base: KnowledgeBase, place: str | Path) -> Added:
    """Copy what another base holds, in one transaction; what is there already is left as it is.

    What the other base knows to be withdrawn is withdrawn here, too. Every row obeys the rules of a shard. Results that
    the other base keeps aside as differing stay there.

    Parameters
    ----------
    base : KnowledgeBase
        What is added to.
    place : str or Path
        File or database URL of the other base; it is only read.

    Raises
    ------
    OptionError
        If both are the same base.
    KnowledgeError
        If there is no other base, or its schema is not the one of this release.
    ExchangeError
        If a row of the other base breaks a rule; nothing is added.
    """
    with KnowledgeBase(place) as other:
        if _is_same_place(base.place, other.place):
            raise OptionError(f"{other.place} cannot be merged into itself; name another base with --db")
        added = Added()
        with base.writing() as writer:
            n_new = 0
            withdrawals = Withdrawals(writer)
            for parts in checked_parts(other):
                n_joined = writer.n_joined
                withdrawals.add(rows_of(parts["withdrawal"]))
                if not len(parts["evaluation"]):
                    n_new += add_tasks(writer, parts["task"], other.place)
                    n_new += writer.add_configurations(configuration_rows(parts["configuration"]))
                added += writer.add_evaluations(evaluation_rows(writer, parts, withdrawals))
                added += Added(n_joined=writer.n_joined - n_joined)
            withdrawals.finish()
            added += Added(n_withdrawn=withdrawals.n_withdrawn)
            if n_new or withdrawals.n_new or added.n_new or added.n_differing:
                writer.raise_revision()
    return added


def checked_parts(base: KnowledgeBase) -> Iterator[Parts]:
    """Iterate over all rows of a base as parts of a shard: withdrawals, then tasks, configurations, evaluations.

    With evaluations come the tasks and configurations that they refer to, once more.

    Raises
    ------
    ExchangeError
        With the first row that breaks a rule, and the rule.
    """
    wanted = shard_queries(ALL, with_sketches=True)
    try:
        with base.reading() as connection, base.reading() as beside:
            _check_sizes(connection, base.place)
            for record in RECORDS:
                for rows in chunks(connection, wanted[record], _N_ROWS):
                    found = {record: rows}
                    if record == "evaluation":
                        found["task"] = _rows_of(beside, wanted["task"], tables.tasks.c.fingerprint, rows)
                        keys = tables.configurations.c.key
                        found["configuration"] = _rows_of(beside, wanted["configuration"], keys, rows)
                    parts = {
                        name: pa.Table.from_pylist(found.get(name, []), schema=WITHDRAWING_SCHEMA) for name in RECORDS
                    }
                    check_rows(parts, base.place)
                    yield parts
    except ExchangeError:
        raise
    except (pa.ArrowException, TypeError, ValueError, LookupError, OverflowError) as error:
        raise ExchangeError(f"{base.place} holds values of a wrong type: {str(error)[:200]}") from error


def _check_sizes(connection: Connection, place: str) -> None:
    """Raise if a cell is so large that a thousand rows of its sort would not be bearable; they are not read for it."""
    is_sqlite = connection.dialect.name == "sqlite"
    for table in tables.metadata.tables.values():
        for column in table.c:
            if isinstance(column.type, String | LargeBinary):
                # as bytes, since SQLite counts the characters of a text up to the first NUL
                size = func.length(cast(column, LargeBinary)) if is_sqlite else func.length(column)
                largest = connection.execute(select(func.max(size))).scalar()
                if largest is not None and largest > _MAX_CELL_BYTES:
                    raise ExchangeError(f"{place}: {column.name} of {table.name} has {largest} bytes; it is refused")


def _rows_of(connection: Connection, query: Select[Any], column: Column[Any], rows: Iterable[Row]) -> list[Row]:
    """Return the rows of a query that others refer to by a column."""
    values = sorted({row[column.name] for row in rows})
    found: list[Row] = []
    for start in range(0, len(values), _CHUNK):
        result = connection.execute(query.where(column.in_(values[start : start + _CHUNK])))
        found += [dict(row) for row in result.mappings()]
    return found


def _is_same_place(one: str, other: str) -> bool:
    """Return whether two places are the same file or URL."""
    if one == other:
        return True
    return Path(one).is_file() and Path(other).is_file() and Path(one).samefile(other)
