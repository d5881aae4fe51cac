"""Removing: a task, or all that came from one origin, with everything that hangs on it."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Select, Table, delete, func, or_, select

from autometa.errors import NotKnownError, OptionError
from autometa.knowledge import tables
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.origins import check_origins

_N_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """What goes, or went.

    Parameters
    ----------
    tasks : tuple of str
        Names of the tasks.
    n_evaluations : int
        Evaluations, those of the tasks among them.
    n_repeats : int
        Differing results that were kept aside.
    """

    tasks: tuple[str, ...]
    n_evaluations: int
    n_repeats: int

    @property
    def words(self) -> str:
        """What goes, for people to read."""
        names = ", ".join(self.tasks[:_N_NAMED]) + (", ..." if len(self.tasks) > _N_NAMED else "")
        tasks = f"{len(self.tasks)} task{'s' * (len(self.tasks) != 1)}{f' ({names})' * bool(names)}"
        return f"{tasks}, {self.n_evaluations} evaluations, {self.n_repeats} differing repeats"


@dataclass(frozen=True, slots=True, kw_only=True)
class Doomed:
    """What is to be removed: exactly one of the two is given.

    Parameters
    ----------
    task : str, optional
        Name of a task, its fingerprint, or the start of that.
    origin : str, optional
        An origin: its evaluations and repeats, and its tasks of which no evaluation is left then. What depends on
        others stays: a task of this origin on which someone else ran something, a run of this origin's task.

    Raises
    ------
    OptionError
        If none or both are given.
    """

    task: str | None = None
    origin: str | None = None

    def __post_init__(self) -> None:
        if (self.task is None) == (self.origin is None):
            raise OptionError("say what is to be removed: a task or an origin, one of the two")


def foresee(base: KnowledgeBase, doomed: Doomed) -> Removal:
    """Return what `remove` would remove now.

    Raises
    ------
    NotKnownError
        If there is no such task or origin.
    OptionError
        If the task's name is that of several.
    """
    with base.reading() as connection:
        return _counted(connection, doomed)


def remove(base: KnowledgeBase, doomed: Doomed) -> Removal:
    """Remove in one transaction, with what nothing refers to any more; return what went.

    Shards that come with autometa stay noted as read: the next use does not bring back what they held. Removed results
    of which a differing one was kept aside take that with them: it has no scores per fold.

    Raises
    ------
    NotKnownError
        If there is no such task or origin.
    OptionError
        If the task's name is that of several.
    """
    with base.writing() as writer:
        connection = writer.connection
        removal = _counted(connection, doomed)
        task_ids, evaluations, repeats = _conditions(connection, doomed)
        connection.execute(delete(tables.repeats).where(repeats))
        connection.execute(delete(tables.evaluations).where(evaluations))
        connection.execute(delete(tables.tasks).where(tables.tasks.c.id.in_(task_ids)))
        for table in (tables.configurations, tables.protocols, tables.environments, tables.origins):
            remove_unused(connection, table)
        aliases = tables.family_aliases
        connection.execute(delete(aliases).where(aliases.c.family.not_in(select(tables.tasks.c.family))))
        writer.raise_revision()
    return removal


def _counted(connection: Connection, doomed: Doomed) -> Removal:
    """Return what meets the conditions."""
    task_ids, evaluations, repeats = _conditions(connection, doomed)
    t = tables.tasks
    names = connection.execute(select(t.c.name).where(t.c.id.in_(task_ids)).order_by(t.c.name, t.c.fingerprint))
    return Removal(
        tasks=tuple(names.scalars()),
        n_evaluations=_count(connection, tables.evaluations, evaluations),
        n_repeats=_count(connection, tables.repeats, repeats),
    )


def _conditions(connection: Connection, doomed: Doomed) -> tuple[Select[Any], ColumnElement[bool], ColumnElement[bool]]:
    """Return the query of the tasks that go, and the conditions of evaluations and repeats; in the order of removal."""
    t, e, r = tables.tasks, tables.evaluations, tables.repeats
    if doomed.task is not None:
        task_id = _task_id(connection, doomed.task)
        of_task = e.c.task_id == task_id
        return select(t.c.id).where(t.c.id == task_id), of_task, r.c.evaluation_id.in_(select(e.c.id).where(of_task))
    name = doomed.origin or ""
    check_origins(connection, [name])
    ids = select(tables.origins.c.id).where(tables.origins.c.name == name)
    of_origin = e.c.origin_id.in_(ids)
    repeats = or_(r.c.origin_id.in_(ids), r.c.evaluation_id.in_(select(e.c.id).where(of_origin)))
    of_others = select(e.c.task_id).where(e.c.origin_id.not_in(ids))
    return select(t.c.id).where(t.c.origin_id.in_(ids), t.c.id.not_in(of_others)), of_origin, repeats


def _task_id(connection: Connection, name: str) -> int:
    """Return the id of the task that a name, a fingerprint or its start means."""
    t = tables.tasks
    is_start = 6 <= len(name) <= 64 and set(name) <= set("0123456789abcdef")
    is_meant = or_(t.c.name == name, t.c.fingerprint.startswith(name)) if is_start else t.c.name == name
    found = connection.execute(select(t.c.id, t.c.fingerprint).where(is_meant).order_by(t.c.fingerprint)).all()
    if not found:
        raise NotKnownError(f"no task '{name[:80]}'; see: autometa kb list tasks")
    if len(found) > 1:
        starts = ", ".join(row[1][:12] for row in found[:10])
        raise OptionError(f"'{name[:80]}' means {len(found)} tasks; give one of: {starts}")
    return int(found[0][0])


def _count(connection: Connection, table: Table, condition: ColumnElement[bool]) -> int:
    """Return how many rows meet a condition."""
    return int(connection.execute(select(func.count()).select_from(table).where(condition)).scalar_one())


def remove_unused(connection: Connection, table: Table) -> None:
    """Remove the rows of a table that no other table refers to, whichever tables do."""
    references: list[Column[Any]] = [
        key.parent
        for other in tables.metadata.tables.values()
        for key in other.foreign_keys
        if key.column.table is table
    ]
    used = [table.c.id.not_in(select(column).where(column.is_not(None))) for column in references]
    connection.execute(delete(table).where(*used))
