"""Claims: which worker runs which evaluation, so that no two machines run the same at once.

A worker is a row that expires unless it is renewed, by the database's clock alone; its claims go with it. So a long
evaluation costs one small write every few seconds, however many are claimed, and those of a worker that died are free
soon: on the same machine at once, since its process is gone, elsewhere when its row has run out.
"""

import logging
import os
import platform
import threading
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil
from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    Double,
    Select,
    String,
    and_,
    cast,
    column,
    delete,
    extract,
    func,
    insert,
    select,
    update,
    values,
)

from autometa.errors import KnowledgeError
from autometa.knowledge import tables
from autometa.knowledge.database import Database

Cell = tuple[str, str]  # fingerprint of a task, key of a configuration

LEASE_SECONDS = 30.0
_N_RENEWALS = 3  # in the time of a lease: two may be missed
# On SQLite a long import holds up the renewals of all others; their processes live, so that is allowed for.
_N_LEASES_OF_A_LIVING_PROCESS = 10

_UNIX_EPOCH_DAYS = 2440587.5  # Julian date of 1970-01-01, 0:00
_DAY_SECONDS = 86400.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of the cells that a worker asked for; those in neither list are another worker's.

    Parameters
    ----------
    mine : tuple of (str, str)
        Claimed now.
    stored : tuple of (str, str)
        Evaluated already.
    """

    mine: tuple[Cell, ...]
    stored: tuple[Cell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What evaluations of a worker have in common.

    Parameters
    ----------
    protocol, pipelines_version : str
        How they are measured.
    seed : int
        Of rows and folds.
    """

    protocol: str
    pipelines_version: str
    seed: int


class Claims:
    """The claims of one worker, while the block is open; all are free again at its end.

    Parameters
    ----------
    database : Database
        Where claims are kept.
    scope : Scope
        Of all its evaluations.
    lease_seconds : float
        After so long without a renewal its claims are free for others.

    Raises
    ------
    KnowledgeError
        If the database cannot be written.
    """

    def __init__(self, database: Database, scope: Scope, *, lease_seconds: float = LEASE_SECONDS) -> None:
        self._database = database
        self._scope = scope
        self._lease_seconds = lease_seconds
        self._worker = uuid.uuid4().hex
        self._held: frozenset[Cell] = frozenset()  # replaced, never changed: the other thread reads it
        self._settled: set[Cell] = set()
        self._is_closing = threading.Event()
        self._renewing = threading.Thread(target=self._renew_until_closed, name="claims", daemon=True)
        self.n_others = 0
        """Other workers that were at it when this one began."""

    def __enter__(self) -> Self:
        with self._database.writing() as connection:
            _bury_the_dead(connection, self._lease_seconds)
            self.n_others = connection.execute(select(func.count()).select_from(tables.workers)).scalar_one()
            self._renew_or_register(connection)
        self._renewing.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_closing.set()
        self._renewing.join()
        try:
            with self._database.writing() as connection:
                connection.execute(delete(tables.workers).where(tables.workers.c.id == self._worker))
        except KnowledgeError as problem:  # they run out all the same, and another error may be under way
            _log.warning("the claims are not given back, they will run out: %s", problem)

    def take(self, cells: Sequence[Cell]) -> Taken:
        """Claim those cells that nobody has claimed and that are not stored yet."""
        with self._database.writing() as connection:
            self._drop_settled(connection)
            self._renew_or_register(connection)
            _bury_the_dead(connection, self._lease_seconds)
            stored = self._stored(connection, cells)
            claimed = self._claimed(connection, cells)
            mine = [cell for cell in dict.fromkeys(cells) if cell not in stored and cell not in claimed]
            self._insert(connection, mine)
        self._settled.clear()
        self._held = self._held.union(mine)
        return Taken(mine=tuple(mine), stored=tuple(cell for cell in cells if cell in stored))

    def settle(self, cell: Cell) -> None:
        """Let go of a cell, with the next that are taken: after its evaluation is stored."""
        self._held = self._held - {cell}
        self._settled.add(cell)

    def _renew_or_register(self, connection: Connection) -> None:
        """Put off the end of the lease; if it ran out, begin another with what is still held."""
        if self._renew(connection):
            return
        expires_at = _now(connection) + self._lease_seconds
        row = {"id": self._worker, "machine": _machine(), "process": os.getpid(), "expires_at": expires_at}
        connection.execute(insert(tables.workers).values(row))
        held = sorted(self._held)
        claimed = self._claimed(connection, held)
        self._insert(connection, [cell for cell in held if cell not in claimed])

    def _renew(self, connection: Connection) -> bool:
        """Put off the end of the lease, and return whether there was one."""
        w = tables.workers
        expires_at = _clock(connection) + self._lease_seconds
        return connection.execute(update(w).where(w.c.id == self._worker).values(expires_at=expires_at)).rowcount == 1

    def _renew_until_closed(self) -> None:
        """Renew the lease again and again; runs in a thread of its own."""
        while not self._is_closing.wait(self._lease_seconds / _N_RENEWALS):
            try:
                with self._database.writing(is_alone=False) as connection:
                    is_renewed = self._renew(connection)
                if not is_renewed:  # this machine slept, or the database was away
                    with self._database.writing() as connection:
                        self._renew_or_register(connection)
            except KnowledgeError as error:  # whoever stores results will meet it too, and tell
                _log.warning("the claims are not renewed: %s", error)

    def _insert(self, connection: Connection, cells: Sequence[Cell]) -> None:
        """Note cells as claimed by this worker."""
        rows = [{"fingerprint": f, "key": k, **asdict(self._scope), "worker_id": self._worker} for f, k in cells]
        if rows:
            connection.execute(insert(tables.claims), rows)

    def _drop_settled(self, connection: Connection) -> None:
        """Remove the claims on what is settled."""
        c = tables.claims
        if self._settled:
            is_mine = and_(c.c.worker_id == self._worker, self._is_in_scope())
            wanted = _wanted(self._settled)
            is_settled = select(wanted).where(wanted.c.fingerprint == c.c.fingerprint, wanted.c.key == c.c.key)
            connection.execute(delete(c).where(is_mine, is_settled.exists()))

    def _is_in_scope(self) -> ColumnElement[bool]:
        """Return the condition that a claim is of this protocol, version and seed."""
        return and_(*(tables.claims.c[name] == value for name, value in asdict(self._scope).items()))

    def _claimed(self, connection: Connection, cells: Sequence[Cell]) -> set[Cell]:
        """Return those cells that are claimed, by whomever."""
        c = tables.claims
        wanted = _wanted(cells)
        is_wanted = and_(wanted.c.fingerprint == c.c.fingerprint, wanted.c.key == c.c.key)
        query = select(c.c.fingerprint, c.c.key).join(wanted, is_wanted).where(self._is_in_scope())
        return _cells(connection, query) if cells else set()

    def _stored(self, connection: Connection, cells: Sequence[Cell]) -> set[Cell]:
        """Return those cells that are evaluated."""
        t, c, p, e = tables.tasks, tables.configurations, tables.protocols, tables.evaluations
        wanted = _wanted(cells)
        query = (
            select(t.c.fingerprint, c.c.key)
            .select_from(wanted)
            .join(t, t.c.fingerprint == wanted.c.fingerprint)
            .join(c, c.c.key == wanted.c.key)
            .join(e, and_(e.c.task_id == t.c.id, e.c.configuration_id == c.c.id, e.c.seed == self._scope.seed))
            .join(p, p.c.id == e.c.protocol_id)
            .where(p.c.name == self._scope.protocol, p.c.pipelines_version == self._scope.pipelines_version)
        )
        return _cells(connection, query) if cells else set()


def _cells(connection: Connection, query: Select[Any]) -> set[Cell]:  # Any: two texts
    """Return the rows of a query as cells."""
    return {(fingerprint, key) for fingerprint, key in connection.execute(query)}


def _wanted(cells: Iterable[Cell]) -> CTE:
    """Return cells as a table to join with."""
    columns = (column("fingerprint", String), column("key", String))
    return values(*columns, name="wanted").data(list(cells)).cte()


def _bury_the_dead(connection: Connection, lease_seconds: float) -> None:
    """Remove workers that are gone, and all that they claimed."""
    w = tables.workers
    now = _now(connection)
    for worker, machine, process, expires_at in connection.execute(select(w)).all():
        overdue_seconds = now - expires_at
        if machine == _machine() and psutil.pid_exists(process):
            is_dead = overdue_seconds > lease_seconds * (_N_LEASES_OF_A_LIVING_PROCESS - 1)
        else:
            is_dead = machine == _machine() or overdue_seconds > 0
        if is_dead:  # unless it was renewed meanwhile
            connection.execute(delete(w).where(w.c.id == worker, w.c.expires_at == expires_at))


def _machine() -> str:
    """Return what tells this machine, since it was started, from all others; containers are machines of their own."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:  # not Linux
        return f"{platform.node()} {uuid.getnode():x}"[:200]


def _now(connection: Connection) -> float:
    """Return the seconds since 1970 by the database's clock."""
    return float(connection.execute(select(_clock(connection))).scalar_one())


def _clock(connection: Connection) -> ColumnElement[float]:
    """Return the expression of the seconds since 1970 by the database's clock."""
    if connection.dialect.name == "postgresql":
        return cast(extract("epoch", func.clock_timestamp()), Double)
    return (func.julianday("now", type_=Double) - _UNIX_EPOCH_DAYS) * _DAY_SECONDS
