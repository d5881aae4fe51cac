"""Writing inside one transaction: references are looked up once, what is there already is left alone."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import BigInteger, Connection, String, Table, Text, cast, select, update
from sqlalchemy.dialects import postgresql, sqlite

from autometa.errors import OptionError
from autometa.knowledge import tables
from autometa.knowledge.bulk import (
    IDENTITY,
    REPEAT,
    RESULT,
    Identity,
    Result,
    analyze,
    identity_of,
    insert_rows,
    result_of,
    stored_repeats,
    stored_results,
)
from autometa.knowledge.kinship import current_families, join_families
from autometa.knowledge.rows import MAX_TEXT, Row, is_same_result, storable, to_json
from autometa.knowledge.schema import draw_state
from autometa.metric import METRICS
from autometa.task_kind import TaskKind

_CHUNK = 500  # values in one IN (...)
_ROWS_AT_ONCE = 5_000  # in memory: a hostile shard's are large
_FEW_ROWS = 20  # up to so many, asking first what is stored takes longer than it saves
_MANY_ROWS = 10_000  # after which PostgreSQL may plan by what is no longer true


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What became of the evaluations that were to be added.

    Parameters
    ----------
    n_new : int
        Stored now.
    n_same : int
        Known already with the same result; nothing changed.
    n_differing : int
        Known already with another result: the first stays, the other is kept in the table of repeats.
    n_joined : int
        Families that became one with others, since tasks that came along are nearly the same as theirs.
    n_withdrawn : int
        Results that went, or did not come in, since those who measured them take them back.
    """

    n_new: int = 0
    n_same: int = 0
    n_differing: int = 0
    n_joined: int = 0
    n_withdrawn: int = 0

    def __add__(self, other: "Added") -> "Added":
        return Added(
            n_new=self.n_new + other.n_new,
            n_same=self.n_same + other.n_same,
            n_differing=self.n_differing + other.n_differing,
            n_joined=self.n_joined + other.n_joined,
            n_withdrawn=self.n_withdrawn + other.n_withdrawn,
        )


class Writer:
    """Adds rows on an open connection; the caller owns the transaction, and no other one writes meanwhile."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._now = int(time.time())
        self._ids: dict[tuple[str, ...], int] = {}
        self._n_new = 0  # evaluations so far
        self._n_to_analyze = _MANY_ROWS  # new evaluations at which statistics are taken next
        self.n_joined = 0  # families that gave way so far

    @property
    def connection(self) -> Connection:
        """The open connection, for statements that add nothing."""
        return self._connection

    def origin_id(self, name: str, licence: str) -> int:
        """Return the id of an origin, added if it is new."""
        return self._id_of(tables.origins, {"name": storable(name), "licence": storable(licence)})

    def environment_id(self, versions_json: str) -> int:
        """Return the id of a set of library versions, added if it is new."""
        return self._id_of(tables.environments, {"versions": versions_json})

    def protocol_id(self, name: str, pipelines_version: str) -> int:
        """Return the id of a protocol, added if it is new."""
        return self._id_of(tables.protocols, {"name": name, "pipelines_version": pipelines_version})

    def add_tasks(self, rows: Iterable[Row]) -> int:
        """Add tasks that are not there yet, each in the family that its own has become; return how many were new."""
        names = current_families(self._connection)
        new = [{"added_at": self._now, **row, "family": names.get(row["family"], row["family"])} for row in rows]
        return self._insert_new(tables.tasks, new)

    def add_metafeatures(self, rows: Iterable[Row]) -> int:
        """Add meta-features of tasks for versions that are not there yet, and return how many were new."""
        return self._insert_new(tables.metafeatures, list(rows))

    def add_sketches(self, rows: Iterable[Row]) -> int:
        """Add sketches of tasks that have none of that version, join families, and return how many were new."""
        wanted = {(row["task_id"], row["version"]): row for row in rows}
        table = tables.sketches
        known = {tuple(row) for row in self._connection.execute(select(table.c.task_id, table.c.version))}
        new = [row for identity, row in wanted.items() if identity not in known]
        n_new = self._insert_new(table, new)
        self.n_joined += join_families(self._connection, (row["task_id"] for row in new))
        return n_new

    def add_embeddings(self, rows: Iterable[Row]) -> int:
        """Add embeddings of tasks for versions of the encoder that are not there yet; return how many were new."""
        return self._insert_new(tables.embeddings, list(rows))

    def add_configurations(self, rows: Iterable[Row]) -> int:
        """Add configurations (key, algorithm, content) not there yet, and return how many were new."""
        return self._insert_new(tables.configurations, list(rows))

    def task_ids(self, fingerprints: Iterable[str]) -> dict[str, int]:
        """Return the ids of the tasks that are known, by fingerprint."""
        return self._ids_by(tables.tasks, "fingerprint", fingerprints)

    def task_kinds(self, ids: Iterable[int]) -> dict[int, TaskKind]:
        """Return the kinds of tasks, by id."""
        wanted = set(ids)
        query = select(tables.tasks.c.id, tables.tasks.c.kind)
        return {i: TaskKind(kind) for i, kind in self._connection.execute(query) if i in wanted}

    def configuration_ids(self, keys: Iterable[str]) -> dict[str, int]:
        """Return the ids of the configurations that are known, by key."""
        return self._ids_by(tables.configurations, "key", keys)

    def add_evaluations(self, rows: Iterable[Row]) -> Added:
        """Add complete evaluation rows; of the same task, configuration, protocol and seed the first stays."""
        added = Added()
        left = iter(rows)
        while chunk := list(islice(left, _ROWS_AT_ONCE)):
            _check_texts(tables.evaluations, chunk)
            added += self._add_chunk(chunk)
        self._n_new += added.n_new
        if self._n_new >= self._n_to_analyze:
            analyze(self._connection)
            self._n_to_analyze = 2 * self._n_new  # a merge calls this a thousand times
        return added

    def add_shard(self, name: str, sha256: str) -> int:
        """Note that a shard was imported, and return 1 if that is new, else 0."""
        return self._insert_new(tables.shards, [{"name": name, "sha256": sha256, "added_at": self._now}])

    def raise_revision(self) -> None:
        """Count up the revision and draw a new state, by which readers know that something has changed."""
        info = tables.info
        self._insert_new(info, [{"name": "revision", "value": "0"}])
        counted = cast(cast(info.c.value, BigInteger) + 1, Text)  # by the database: two writers count two
        self._connection.execute(update(info).where(info.c.name == "revision").values(value=counted))
        draw_state(self._connection)

    def _add_chunk(self, rows: Sequence[Row]) -> Added:
        """Add the first row of each identity that is not stored yet, and compare all others with what is."""
        first: dict[Identity, Row] = {}
        repeated: list[tuple[Identity, Row]] = []
        for row in rows:
            identity = identity_of(row)
            if identity in first:
                repeated.append((identity, row))
            else:
                first[identity] = row
        new, stored = self._add_missing(first)
        repeated = [(identity, row) for identity, row in first.items() if identity not in new] + repeated
        if unread := {identity for identity, _ in repeated} - stored.keys():
            stored |= stored_results(self._connection, unread)
        kept = ((row, *stored[identity]) for identity, row in repeated)
        differing = [(row, evaluation_id) for row, evaluation_id, result in kept if not _is_same(row, result)]
        n_differing = self._add_repeats(differing)
        return Added(n_new=len(new), n_same=len(repeated) - n_differing, n_differing=n_differing)

    def _add_missing(self, first: dict[Identity, Row]) -> tuple[set[Identity], dict[Identity, tuple[int, Result]]]:
        """Insert the rows that are not stored; return their identities, and what was read of the others."""
        table = tables.evaluations
        if len(first) <= _FEW_ROWS:
            statement = self._insert(table).returning(*(table.c[name] for name in IDENTITY))
            found = self._connection.execute(statement, [{"added_at": self._now, **row} for row in first.values()])
            return {tuple(row) for row in found}, {}
        stored = stored_results(self._connection, first)
        new = {identity: {"added_at": self._now, **row} for identity, row in first.items() if identity not in stored}
        if new:
            insert_rows(self._connection, table, list(new.values()))
        return set(new), stored

    def _add_repeats(self, differing: list[tuple[Row, int]]) -> int:
        """Keep results that differ from the stored evaluation, each once; return how many were new."""
        if not differing:
            return 0
        known = stored_repeats(self._connection, {evaluation_id for _, evaluation_id in differing})
        new: list[Row] = []
        for row, evaluation_id in differing:
            scores = to_json({name: row[name] for name in METRICS if row[name] is not None})
            repeat = (evaluation_id, row["status"], scores)
            if repeat not in known:
                known.add(repeat)
                kept = dict(zip(REPEAT, repeat, strict=True))
                new.append({**kept, "origin_id": row["origin_id"], "added_at": row.get("added_at", self._now)})
        if new:
            insert_rows(self._connection, tables.repeats, new)
        return len(new)

    def _insert_new(self, table: Table, rows: list[Row]) -> int:
        """Insert the rows that break no unique constraint, and return how many."""
        if not rows:
            return 0
        _check_texts(table, rows)
        statement = self._insert(table).execution_options(preserve_rowcount=True)
        return self._connection.execute(statement, rows).rowcount

    def _insert(self, table: Table) -> postgresql.Insert | sqlite.Insert:
        """Return the statement that inserts rows, but for those that break a unique constraint."""
        if self._connection.dialect.name == "postgresql":
            return postgresql.insert(table).on_conflict_do_nothing()
        return sqlite.insert(table).on_conflict_do_nothing()

    def _id_of(self, table: Table, values: dict[str, str]) -> int:
        """Return the id of the row with these values, added if it is new."""
        cached = (table.name, *values.values())
        if cached not in self._ids:
            self._insert_new(table, [values])
            matches = (table.c[name] == value for name, value in values.items())
            self._ids[cached] = self._connection.execute(select(table.c.id).where(*matches)).scalar_one()
        return self._ids[cached]

    def _ids_by(self, table: Table, column: str, values: Iterable[str]) -> dict[str, int]:
        """Return the ids of the rows whose ``column`` is one of the values."""
        wanted = list(dict.fromkeys(values))
        ids: dict[str, int] = {}
        for start in range(0, len(wanted), _CHUNK):
            query = select(table.c[column], table.c.id).where(table.c[column].in_(wanted[start : start + _CHUNK]))
            ids |= {row[0]: row[1] for row in self._connection.execute(query)}
        return ids


def _is_same(row: Row, result: Result) -> bool:
    """Return whether a row tells a stored result; nearly always it is equal to the last bit, which is seen faster."""
    return result_of(row) == result or is_same_result(row, dict(zip(RESULT, result, strict=True)))


def _check_texts(table: Table, rows: Sequence[Row]) -> None:
    """Raise unless every text fits in its column: SQLite would take any, and hand on what others refuse."""
    limits = {c.name: c.type.length for c in table.c if isinstance(c.type, String)}
    for row in rows:
        for name, limit in limits.items():
            size = len(row[name] or "")
            if size > (limit or MAX_TEXT) or (limit and not size):
                what = f"{name} of {table.name}"
                raise OptionError(f"{what} has {size} characters; it may have 1 to {limit or MAX_TEXT}")
