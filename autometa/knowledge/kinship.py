"""Kinship: tasks that are nearly the same are of one family.

A task that is added and resembles known ones (see `autometa.sketches.likeness`) joins their family. Where these, and
the family that it was given, are several, all of them become one: the new task ties them together, and a benchmark
that hides one part must hide the other. It keeps the name of the oldest, but a name that someone gave goes before one
that is a fingerprint. A family that someone gave is only ever joined with others, never split: the names that gave way
are kept as aliases, so that a task that is added under one of them later comes into the family that it became. Tasks
without a sketch of this version are matched by their fingerprint alone.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Select, case, func, insert, select, update

from autometa.knowledge import tables
from autometa.sketches import SKETCH_VERSION, Likeness, Lineup, Sketch

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class NearTask:
    """A known task that is nearly the same as another table.

    Parameters
    ----------
    name, fingerprint, family : str
        Of the known task.
    n_rows, n_columns : int
        Its size.
    likeness : Likeness
        What the two share.
    """

    name: str
    fingerprint: str
    family: str
    n_rows: int
    n_columns: int
    likeness: Likeness

    @property
    def words(self) -> str:
        """The known task and what is shared, for people to read."""
        return f"{self.name} ({self.n_rows} rows x {self.n_columns} columns), which shares {self.likeness.words}"


def near_tasks(connection: Connection, sketch: Sketch, fingerprint: str) -> tuple[NearTask, ...]:
    """Return the known tasks that are nearly the same as a table but for itself, the one that shares most first."""
    t, s = tables.tasks, tables.sketches
    columns = [t.c[name] for name in ("name", "fingerprint", "family", "n_rows", "n_columns")]
    rows = connection.execute(_sketched(s.c.content, *columns).where(t.c.fingerprint != fingerprint)).all()
    found = Lineup([Sketch.from_bytes(row[0]) for row in rows]).find(sketch)
    near = [
        NearTask(
            name=rows[position][1],
            fingerprint=rows[position][2],
            family=rows[position][3],
            n_rows=rows[position][4],
            n_columns=rows[position][5],
            likeness=like,
        )
        for position, like in found.items()
    ]
    return tuple(sorted(near, key=lambda task: (-task.likeness.largest, task.fingerprint)))


def stored_sketch(connection: Connection, fingerprint: str) -> Sketch | None:
    """Return the sketch of a known task, or None where it has none of this version."""
    query = _sketched(tables.sketches.c.content).where(tables.tasks.c.fingerprint == fingerprint)
    content = connection.execute(query).scalar()
    return None if content is None else Sketch.from_bytes(content)


def current_families(connection: Connection) -> dict[str, str]:
    """Return the earlier names of families that became one with others -> their names now."""
    a = tables.family_aliases
    return {row[0]: row[1] for row in connection.execute(select(a.c.name, a.c.family))}


def join_families(connection: Connection, task_ids: Iterable[int]) -> int:
    """Give tasks, whose sketches are stored, one family with all that they resemble; return how many changed theirs."""
    wanted = set(task_ids)
    if not wanted:
        return 0
    t = tables.tasks
    rows = connection.execute(_sketched(t.c.id, t.c.family, t.c.name, tables.sketches.c.content).order_by(t.c.id)).all()
    sketches = [Sketch.from_bytes(row[3]) for row in rows]
    lineup = Lineup(sketches)
    joined: dict[str, str] = {}  # family -> another that it is one with
    ages = _ages(connection)
    for position, (task_id, family, name, _) in enumerate(rows):
        if task_id not in wanted:
            continue
        for other, like in lineup.find(sketches[position]).items():
            if other != position:
                _log.info("'%s' is nearly the same as '%s': it shares %s", name, rows[other][2], like.words)
                _join(joined, family, rows[other][1], ages)
    return _rename(connection, {family: _root(joined, family) for family in joined})


def _sketched(*columns: Column[Any]) -> Select[*tuple[Any, ...]]:  # Any: columns of several types
    """Return the query of tasks with a sketch of this version."""
    t, s = tables.tasks, tables.sketches
    return select(*columns).select_from(t.join(s, s.c.task_id == t.c.id)).where(s.c.version == SKETCH_VERSION)


def _ages(connection: Connection) -> dict[str, tuple[bool, int]]:
    """Return family -> its place among those that may give the name: given ones first, then by their oldest task."""
    t = tables.tasks
    is_fingerprint = case((t.c.family == t.c.fingerprint, 1), else_=0)  # a maximum of booleans is not for PostgreSQL
    oldest = select(t.c.family, func.min(t.c.id), func.max(is_fingerprint)).group_by(t.c.family)
    return {family: (is_own == 1, first) for family, first, is_own in connection.execute(oldest)}


def _join(joined: dict[str, str], one: str, other: str, ages: Mapping[str, tuple[bool, int]]) -> None:
    """Make two families one, under the name that goes first."""
    first, second = sorted((_root(joined, one), _root(joined, other)), key=ages.__getitem__)
    if first != second:
        joined[second] = first


def _root(joined: Mapping[str, str], family: str) -> str:
    """Return the family that another has become."""
    while family in joined:
        family = joined[family]
    return family


def _rename(connection: Connection, names: Mapping[str, str]) -> int:
    """Give all tasks of some families another family, and keep the old names; return how many tasks there were."""
    t, a = tables.tasks, tables.family_aliases
    n_changed = 0
    for family, name in names.items():
        n_changed += connection.execute(update(t).where(t.c.family == family).values(family=name)).rowcount
        connection.execute(update(a).where(a.c.family == family).values(family=name))
    if names:
        connection.execute(insert(a), [{"name": family, "family": name} for family, name in names.items()])
    return n_changed
