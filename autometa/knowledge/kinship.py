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
from autometa.sketches import SKETCH_VERSION, Likeness, Lineup, Sketch, likeness

_CHUNK = 500  # values in one IN (...)

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
    query = _sketched(s.c.content, *columns).where(t.c.fingerprint != fingerprint)
    read = [(read_sketch(content), about) for content, *about in connection.execute(query)]
    known = [(one, about) for one, about in read if one is not None]
    near = []
    for position, like in Lineup([one for one, _ in known]).find(sketch).items():
        name, of, family, n_rows, n_columns = known[position][1]
        near.append(
            NearTask(name=name, fingerprint=of, family=family, n_rows=n_rows, n_columns=n_columns, likeness=like)
        )
    return tuple(sorted(near, key=lambda task: (-task.likeness.largest, task.fingerprint)))


def stored_sketch(connection: Connection, fingerprint: str) -> Sketch | None:
    """Return the sketch of a known task, or None where it has none of this version."""
    query = _sketched(tables.sketches.c.content).where(tables.tasks.c.fingerprint == fingerprint)
    content = connection.execute(query).scalar()
    return None if content is None else read_sketch(content)


def read_sketch(content: bytes) -> Sketch | None:
    """Return a stored sketch; one that does not obey the rules of this release is as none."""
    try:
        return Sketch.from_bytes(content)
    except ValueError:
        return None


def current_families(connection: Connection) -> dict[str, str]:
    """Return the earlier names of families that became one with others -> their names now."""
    a = tables.family_aliases
    return {row[0]: row[1] for row in connection.execute(select(a.c.name, a.c.family))}


def join_families(connection: Connection, task_ids: Iterable[int]) -> int:
    """Give tasks, whose sketches are stored, one family with all that they resemble; return how many families gave way.

    Tasks with the very same sketch are looked up once, and what is of one family already is not compared again: many
    copies of one table cost little more than as many different tables.
    """
    wanted = set(task_ids)
    if not wanted:
        return 0
    t = tables.tasks
    rows = connection.execute(_sketched(t.c.id, t.c.family, t.c.name, tables.sketches.c.content).order_by(t.c.id)).all()
    alike: dict[bytes, list[int]] = {}
    for number, row in enumerate(rows):
        alike.setdefault(row[3], []).append(number)
    read = [(read_sketch(content), group) for content, group in alike.items()]
    sketches = [sketch for sketch, _ in read if sketch is not None]
    groups = [group for sketch, group in read if sketch is not None]
    lineup = Lineup(sketches)
    families = _Families(_ages(connection))
    parts = [{rows[number][1] for number in group} for group in groups]
    for position, group in enumerate(groups):
        if (
            not any(rows[number][0] in wanted for number in group)
            or not likeness(sketches[position], sketches[position]).is_near
        ):
            continue  # what does not resemble itself resembles nothing
        for other in (position, *lineup.candidates(sketches[position])):
            both = parts[position] | parts[other]
            if len({families.root(family) for family in both}) == 1:
                continue
            like = likeness(sketches[position], sketches[other])
            if like.is_near:
                names = rows[group[-1]][2], rows[groups[other][0]][2]
                _log.info("'%s' is nearly the same as '%s': it shares %s", *names, like.words)
                parts[position] = parts[other] = {families.join(both)}
    _rename(connection, families.joined)
    return len(families.joined)


def join_named(connection: Connection, pairs: Iterable[tuple[str, str]]) -> int:
    """Make the two families of each pair one, whether they have tasks yet or not; return how many gave way."""
    names = current_families(connection)
    ages = _ages(connection)
    told = [[names.get(family, family) for family in pair] for pair in pairs]
    unknown = (False, max((age for _, age in ages.values()), default=0) + 1)  # names that someone gives
    families = _Families({family: unknown for pair in told for family in pair} | ages)
    for pair in told:
        families.join(pair)
    _rename(connection, families.joined)
    return len(families.joined)


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


class _Families:
    """Families that become one, each under the name that goes first."""

    def __init__(self, ages: Mapping[str, tuple[bool, int]]) -> None:
        self._ages = ages
        self._next: dict[str, str] = {}  # family -> another that it is one with

    @property
    def joined(self) -> dict[str, str]:
        """Families that gave way -> what they have become."""
        return {family: self.root(family) for family in self._next}

    def root(self, family: str) -> str:
        """Return the family that another has become."""
        while family in self._next:
            after = self._next[family]
            self._next[family] = self._next.get(after, after)  # shorter for the next who asks
            family = after
        return family

    def join(self, families: Iterable[str]) -> str:
        """Make families one, and return which."""
        first, *others = sorted({self.root(family) for family in families}, key=self._ages.__getitem__)
        self._next.update(dict.fromkeys(others, first))
        return first


def _rename(connection: Connection, names: Mapping[str, str]) -> None:
    """Give all tasks of some families another family, and keep the old names."""
    t, a = tables.tasks, tables.family_aliases
    for name in sorted(set(names.values())):
        old = sorted(family for family, new in names.items() if new == name)
        for start in range(0, len(old), _CHUNK):
            chunk = old[start : start + _CHUNK]
            connection.execute(update(t).where(t.c.family.in_(chunk)).values(family=name))
            connection.execute(update(a).where(a.c.family.in_(chunk)).values(family=name))
    if names:
        connection.execute(insert(a), [{"name": family, "family": name} for family, name in names.items()])
