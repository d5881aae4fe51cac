"""Tasks that are known by description alone: from run databases of others, who did not hand on the data."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from autometa.knowledge import tables
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.kinship import join_named
from autometa.knowledge.rows import metafeatures_json, storable
from autometa.knowledge.writing import Writer
from autometa.task import TaskDescription

_CHUNK = 500  # values in one IN (...)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignTask:
    """A task whose table was never seen here.

    Parameters
    ----------
    description : TaskDescription
        What is known of it. The fingerprint is not one of content: it only tells tasks apart.
    n_classes : int
        Number of classes, 0 for regression.
    metafeatures_version : str
        Whose meta-features they are; they are never mixed with ours.
    """

    description: TaskDescription
    n_classes: int
    metafeatures_version: str


def add_foreign_tasks(base: KnowledgeBase, tasks: Sequence[ForeignTask], *, origin: str, licence: str) -> int:
    """Add tasks in one transaction, and return how many rows were new; known ones stay as they are.

    One that is known as of another family ties both families together: those who describe the same data set call its
    kin by different names.

    Raises
    ------
    OptionError
        If a text is empty or too long; nothing is added.
    """
    with base.writing() as writer:
        origin_id = writer.origin_id(origin, licence)
        n_new = writer.add_tasks(
            {
                "fingerprint": task.description.fingerprint,
                "name": storable(task.description.name),
                "kind": str(task.description.kind),
                "family": storable(task.description.family),
                "n_rows": task.description.n_rows,
                "n_columns": task.description.n_columns,
                "n_classes": task.n_classes,
                "licence": licence,
                "origin_id": origin_id,
            }
            for task in tasks
        )
        ids = writer.task_ids(task.description.fingerprint for task in tasks)
        n_new += writer.add_metafeatures(
            {
                "task_id": ids[task.description.fingerprint],
                "version": task.metafeatures_version,
                "values": metafeatures_json(task.description.metafeatures),
                "failures": "{}",
            }
            for task in tasks
        )
        n_joined = _join(writer, tasks)
        if n_new or n_joined:
            writer.raise_revision()
    return n_new


def _join(writer: Writer, tasks: Sequence[ForeignTask]) -> int:
    """Make the families under which tasks are known one with those that they are given; return how many gave way."""
    given = {task.description.fingerprint: storable(task.description.family) for task in tasks}
    t = tables.tasks
    stored: dict[str, str] = {}
    for start in range(0, len(tasks), _CHUNK):
        chunk = list(given)[start : start + _CHUNK]
        query = select(t.c.fingerprint, t.c.family).where(t.c.fingerprint.in_(chunk))
        stored |= {row[0]: row[1] for row in writer.connection.execute(query)}
    return join_named(writer.connection, [(stored[each], family) for each, family in given.items()])
