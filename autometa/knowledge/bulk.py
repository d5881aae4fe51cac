"""Many evaluations or repeats at once: the stored are found by one join, new ones go in as fast as each engine can.

SQLAlchemy's own way, a parameter for each value, takes about seven times as long on PostgreSQL to add rows, and ten
times on both engines to find them. What is left on PostgreSQL is mostly its check of five references per row.
"""

import json
import struct
from collections.abc import Collection, Iterable, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Connection,
    FromClause,
    Table,
    Text,
    and_,
    bindparam,
    cast,
    func,
    select,
    text,
)
from sqlalchemy.exc import DBAPIError

from autometa.knowledge import tables
from autometa.knowledge.rows import Row
from autometa.metric import METRICS

IDENTITY = ("task_id", "configuration_id", "protocol_id", "seed")  # of an evaluation
RESULT = ("status", *METRICS)
REPEAT = ("evaluation_id", "status", "scores")  # what tells one that is kept aside from others

Identity = tuple[int, ...]  # the values of `IDENTITY`
Repeat = tuple[int, int, str]  # the values of `REPEAT`
Result = tuple[Any, ...]  # the values of `RESULT`: a position in rows.STATUSES, then a float or None per metric

identity_of = itemgetter(*IDENTITY)
result_of = itemgetter(*RESULT)


def stored_results(connection: Connection, identities: Collection[Identity]) -> dict[Identity, tuple[int, Result]]:
    """Return the ids and results of those evaluations that are stored, by identity."""
    wanted, values = _wanted(connection, IDENTITY, identities)
    table = tables.evaluations
    # a join: SQLite would answer (...) IN (...) by reading the whole table
    is_wanted = and_(*(table.c[name] == wanted.c[name] for name in IDENTITY))
    query = select(*(table.c[name] for name in (*IDENTITY, "id", *RESULT))).join(wanted, is_wanted)
    n = len(IDENTITY)
    return {tuple(row[:n]): (row[n], tuple(row[n + 1 :])) for row in connection.execute(query, values)}


def stored_repeats(connection: Connection, evaluation_ids: Collection[int]) -> set[Repeat]:
    """Return what is kept aside of these evaluations."""
    wanted, values = _wanted(connection, REPEAT[:1], [(i,) for i in evaluation_ids])
    table = tables.repeats
    is_wanted = table.c.evaluation_id == wanted.c.evaluation_id
    query = select(*(table.c[name] for name in REPEAT)).join(wanted, is_wanted)
    return {(row[0], row[1], row[2]) for row in connection.execute(query, values)}


def insert_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows that are complete but for their id, none stored already, while no other transaction writes."""
    columns = [column for column in table.c if column.name != "id"]
    names = [column.name for column in columns]
    into = f"{table.name} ({', '.join(names)})"
    values = map(itemgetter(*names), rows)
    if connection.dialect.name == "postgresql":
        types = [column.type.compile(connection.dialect).lower() for column in columns]
        _copy(connection, f"COPY {into} FROM STDIN (FORMAT BINARY)", types, values)
    else:
        marks = ", ".join("?" * len(names))
        connection.exec_driver_sql(f"INSERT INTO {into} VALUES ({marks})", list(values))  # noqa: S608  # our own names


def analyze(connection: Connection) -> None:
    """Take the statistics by which PostgreSQL plans: by itself it does so only some time after the rows came."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"ANALYZE {tables.evaluations.name} ({', '.join(IDENTITY)}, status)"))


def _wanted(
    connection: Connection, names: Sequence[str], rows: Collection[Identity]
) -> tuple[FromClause, dict[str, str]]:
    """Return a table of integers with these columns, and the few texts which are its parameters."""
    if connection.dialect.name == "postgresql":
        columns = zip(names, zip(*rows, strict=True), strict=True)
        values = {name: f"{{{','.join(map(str, column))}}}" for name, column in columns}
        arrays = (cast(bindparam(name, type_=Text), ARRAY(BigInteger)) for name in names)
        return func.unnest(*arrays).table_valued(*names).render_derived(), values
    items = func.json_each(bindparam("rows", type_=Text)).table_valued("value")
    numbers = (func.json_extract(items.c.value, f"$[{i}]").label(name) for i, name in enumerate(names))
    return select(*numbers).cte(), {"rows": json.dumps(list(rows))}


def _copy(connection: Connection, statement: str, types: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
    """Run one of PostgreSQL's COPY ... FROM STDIN (FORMAT BINARY) on rows, whose columns have these types."""
    driver: Any = connection.connection.driver_connection  # Any: psycopg's, which need not be installed
    psycopg: Any = connection.dialect.loaded_dbapi
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            copy.set_types(types)
            for row in rows:
                copy.write_row(row)
    # A number that is too large: psycopg does not ask the server, and says so as its compiled or its plain half does.
    except (psycopg.Error, OverflowError, struct.error) as error:
        raise DBAPIError(statement, None, error) from error
