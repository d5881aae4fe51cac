"""Withdrawing: runs that those who measured them take back.

A withdrawal names one run: task, configuration, protocol, version of the pipelines and seed, the origin that it is of,
the second at which it was added first, wherever that was, and a hash of its status and scores. That very run leaves a
base, and does not come in again; all other runs on the same cell stay or come as ever, a new result of the same origin
among them. A base remembers what is withdrawn, so that it makes no difference whether the run or its withdrawal is read
first, or how often.

Results that were kept aside, since they differed from a run that goes, have lost their scores per fold. They are added
again after all else: where no other run has come in its place, the oldest of them counts, its means as those of one
fold, without times, memory and versions of libraries. Such a result is withdrawn by its origin and its scores alone:
earlier releases did not keep the second at which it was added first.
"""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, Select, String, and_, column, delete, func, insert, select, values

from autometa.evaluation.record import Status
from autometa.knowledge import tables
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.removing import remove_unused
from autometa.knowledge.rows import STATUSES, Row, pack_folds, to_json
from autometa.knowledge.writing import Writer
from autometa.metric import METRICS
from autometa.task_kind import TaskKind

# What tells a run apart from all others, those of the same task, configuration, protocol and seed among them.
IDENTITY = ("fingerprint", "key", "protocol", "pipelines_version", "seed")
RUN = (*IDENTITY, "origin", "added_at")

Run = tuple[Any, ...]  # texts and numbers

_CHUNK = 500  # values in one IN (...)
_LOST = "kept aside: of the result only the status is known"


def result_hash(status: str, scores: Mapping[str, float | None]) -> str:
    """Return the sha-256 of a status and of those scores that are there, in hexadecimal.

    Examples
    --------
    >>> result_hash("ok", {"rmse": 0.5, "mae": None}) == result_hash("ok", {"rmse": 0.5})
    True
    """
    told = {name: float(score) for name, score in scores.items() if score is not None}
    return hashlib.sha256(to_json([status, told]).encode()).hexdigest()


def result_hash_of(row: Mapping[str, Any]) -> str:
    """Return the hash of the result of an evaluation as it stands in a shard."""
    return result_hash(row["status"], {name: row[name] for name in METRICS})


def withdrawn_runs(base: KnowledgeBase) -> Counter[tuple[str, str]]:
    """Return (origin, reason) -> how many runs a base keeps out for it."""
    w = tables.withdrawals
    query = select(w.c.origin, w.c.reason, func.count()).group_by(w.c.origin, w.c.reason)
    with base.reading() as connection:
        found = connection.execute(query.order_by(w.c.origin, w.c.reason)).all()
    return Counter({(origin, reason): int(n) for origin, reason, n in found})


class Withdrawals:
    """The withdrawals that a base knows of, and those that come in, inside one transaction.

    Parameters
    ----------
    writer : Writer
        Of the transaction.
    """

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._connection = writer.connection
        w = tables.withdrawals
        stored = self._connection.execute(select(*(w.c[name] for name in (*RUN, "result"))))
        self._known: set[Run] = {tuple(row) for row in stored}
        self._named = {run[:-1] for run in self._known}
        self._results = set(map(_timeless, self._known))
        self._aside: list[tuple[Run, Row]] = []  # without the time, and as a row of its own
        self._has_gaps = False
        self.n_new = 0
        """Withdrawals that the base did not know of."""
        self.n_withdrawn = 0
        """Results that went, or did not come in."""

    def add(self, rows: Iterable[Row]) -> None:
        """Remember checked withdrawals, and take out the runs that those name which are new."""
        new: dict[Run, str] = {}
        for row in rows:
            run = (*(row[name] for name in RUN), row["result"])
            if run not in self._known:
                new[run] = row["reason"]
        self._known.update(new)
        self._named.update(run[:-1] for run in new)
        self._results.update(map(_timeless, new))
        self.n_new += len(new)
        now = int(time.time())
        runs = list(new)
        for start in range(0, len(runs), _CHUNK):
            chunk = runs[start : start + _CHUNK]
            noted = [
                {**dict(zip((*RUN, "result"), run, strict=True)), "reason": new[run], "withdrawn_at": now}
                for run in chunk
            ]
            self._connection.execute(insert(tables.withdrawals), noted)
            self._take_out(chunk)

    def bar(self, row: Row) -> bool:
        """Return whether an evaluation of a shard is withdrawn, and count it if so."""
        is_withdrawn = self._is_withdrawn(row)
        self.n_withdrawn += is_withdrawn
        return is_withdrawn

    def finish(self) -> None:
        """Add again what was kept aside beside runs that went, and remove what nothing refers to any more.

        After all evaluations were added: what came in the place of a run that went stays the first.
        """
        left = [row for run, row in self._aside if run not in self._results]
        self.n_withdrawn += len(self._aside) - len(left)
        if left:
            environment_id = self._writer.environment_id("{}")
            self._writer.add_evaluations({**row, "environment_id": environment_id} for row in left)
        if self._has_gaps:  # ids that the writer has looked up are not used after this
            for table in (tables.protocols, tables.environments, tables.origins):
                remove_unused(self._connection, table)

    def _is_withdrawn(self, row: Row) -> bool:
        """Return whether an evaluation, as it stands in a shard, is withdrawn."""
        if not self._named:
            return False
        run = tuple(row[name] for name in RUN)
        return run in self._named and (*run, result_hash_of(row)) in self._known

    def _take_out(self, runs: Sequence[Run]) -> None:
        """Remove these runs, and where they were kept aside; hold on to what was kept aside beside them."""
        cells = dict.fromkeys(run[: len(IDENTITY)] for run in runs)
        there = {row["id"]: row for row in self._rows(_evaluations(list(cells)))}
        going = {i for i, row in there.items() if self._is_withdrawn(row)}
        gone: set[int] = set()
        for repeat in self._rows(_repeats(list(there))):
            evaluation = there[repeat["evaluation_id"]]
            result = result_hash(repeat["status"], json.loads(repeat["scores"]))
            run = (*(evaluation[name] for name in IDENTITY), repeat["origin"], result)
            if run in self._results:
                gone.add(repeat["id"])
            elif evaluation["id"] in going:
                self._aside.append((run, _means_alone(repeat, evaluation)))
        r, e = tables.repeats, tables.evaluations
        for place, ids in ((r.c.id, gone), (r.c.evaluation_id, going), (e.c.id, going)):
            self._connection.execute(delete(place.table).where(place.in_(sorted(ids))))
        self.n_withdrawn += len(going) + len(gone)
        self._has_gaps |= bool(going or gone)

    def _rows(self, query: Select[Any]) -> list[Row]:
        """Return the rows of a query, the status as a text."""
        found = self._connection.execute(query).mappings()
        return [{**row, "status": str(STATUSES[row["status"]])} for row in found]


def _timeless(run: Run) -> Run:
    """Return a withdrawn run, of `RUN` and the hash of its result, without the second at which it was added."""
    return (*run[:-2], run[-1])


def _evaluations(cells: Sequence[Run]) -> Select[Any]:
    """Return the query of the evaluations of these cells, as they stand in a shard, with their references."""
    t, c, p, e, o = tables.tasks, tables.configurations, tables.protocols, tables.evaluations, tables.origins
    types = {"seed": BigInteger}
    wanted = values(*(column(name, types.get(name, String)) for name in IDENTITY), name="wanted").data(cells).cte()
    is_wanted = (
        e.c.task_id == t.c.id,
        e.c.configuration_id == c.c.id,
        e.c.protocol_id == p.c.id,
        e.c.seed == wanted.c.seed,
    )
    return (
        select(
            *(wanted.c[name] for name in IDENTITY),
            *(e.c[name] for name in ("id", "task_id", "configuration_id", "protocol_id", "status", *METRICS)),
            e.c.added_at,
            t.c.kind,
            o.c.name.label("origin"),
        )
        .select_from(wanted)
        .join(t, t.c.fingerprint == wanted.c.fingerprint)
        .join(c, c.c.key == wanted.c.key)
        .join(p, and_(p.c.name == wanted.c.protocol, p.c.pipelines_version == wanted.c.pipelines_version))
        .join(e, and_(*is_wanted))
        .join(o, o.c.id == e.c.origin_id)
    )


def _repeats(evaluation_ids: Sequence[int]) -> Select[Any]:
    """Return the query of what was kept aside beside these evaluations, the oldest first."""
    r, o = tables.repeats, tables.origins
    query = select(r, o.c.name.label("origin")).join(o, o.c.id == r.c.origin_id)
    return query.where(r.c.evaluation_id.in_(evaluation_ids)).order_by(r.c.id)


def _means_alone(repeat: Row, evaluation: Row) -> Row:
    """Return what was kept aside beside an evaluation as a row of its own, without its environment."""
    scores: dict[str, float] = json.loads(repeat["scores"])
    nothing = dict.fromkeys(("fit_seconds", "predict_seconds", "peak_memory_bytes", "absent"))
    return {
        **{name: evaluation[name] for name in ("task_id", "configuration_id", "protocol_id", "seed")},
        **{name: scores.get(name) for name in METRICS},
        **nothing,
        "status": STATUSES.index(Status(repeat["status"])),
        "folds": pack_folds({name: (score,) for name, score in scores.items()}, TaskKind(evaluation["kind"])),
        "error": None if repeat["status"] == Status.OK else _LOST,
        "origin_id": repeat["origin_id"],
        "added_at": repeat["added_at"],
    }
