"""How much a knowledge base holds."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from autometa.embedding import EMBEDDING_VERSION
from autometa.knowledge import queries, tables
from autometa.knowledge.frames import COMMON_SHARE
from autometa.knowledge.rows import STATUSES
from autometa.task_kind import TaskKind

FULL_SHARE = 0.97  # of the common configurations, from which on a task has them all but for a few


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """How well the table tasks x common configurations of one kind under one protocol is filled.

    Parameters
    ----------
    kind : TaskKind
        Kind of the tasks.
    protocol : str
        Name of the protocol.
    tasks : int
        Tasks on which anything was run.
    configurations : int
        Configurations that were run on half of these tasks or more.
    share : float
        Of the pairs of the two that were run, whatever came of it; 0 where there is none.
    full_tasks : int
        Tasks on which at least `FULL_SHARE` of the configurations were run: of these the table is filled.
    """

    kind: TaskKind
    protocol: str
    tasks: int
    configurations: int
    share: float
    full_tasks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KnowledgeStatus:
    """How much a knowledge base holds.

    Parameters
    ----------
    tasks, configurations, evaluations : mapping of str to int
        Counts: ``total``, then by kind, by algorithm, by status.
    coverage : float
        Share of the table tasks x configurations that is filled, each kind for itself: evaluations over
        the sum over kinds of its tasks times the configurations tried on that kind; 0 where nothing is.
    filled : tuple of Filled
        The same for what most tasks have, by kind and protocol.
    differing_repeats : int
        Results that differ from the one stored first.
    withdrawn : int
        Runs that are kept out, since those who measured them took them back.
    embedded : int
        Tasks with an embedding by the encoder of this release.
    revision : int
        Counts the writes.
    schema : str
        Revision of the schema.
    """

    tasks: Mapping[str, int]
    configurations: Mapping[str, int]
    evaluations: Mapping[str, int]
    coverage: float
    filled: tuple[Filled, ...]
    differing_repeats: int
    withdrawn: int
    embedded: int
    revision: int
    schema: str


def read_status(connection: Connection, *, revision: int, schema: str) -> KnowledgeStatus:
    """Return how much there is in a base of that revision and schema."""
    t, c, e, v = tables.tasks, tables.configurations, tables.evaluations, tables.embeddings
    of_this_release = v.c.version == EMBEDDING_VERSION
    kinds = queries.counts(connection, select(t.c.kind, func.count()).group_by(t.c.kind))
    algorithms = queries.counts(
        connection, select(c.c.algorithm, func.count()).group_by(c.c.algorithm).order_by(c.c.algorithm)
    )
    statuses = queries.counts(connection, select(e.c.status, func.count()).group_by(e.c.status))
    by_status = {str(status): statuses.get(str(i), 0) for i, status in enumerate(STATUSES)}
    cells = [tuple(row) for row in connection.execute(queries.filled_cells())]
    n_cells = sum(kinds[kind] * n_configurations for kind, n_configurations, _ in cells)
    return KnowledgeStatus(
        tasks={"total": sum(kinds.values()), **{str(kind): kinds.get(str(kind), 0) for kind in TaskKind}},
        configurations={"total": sum(algorithms.values()), **algorithms},
        evaluations={"total": sum(by_status.values()), **by_status},
        coverage=sum(n_filled for *_, n_filled in cells) / n_cells if n_cells else 0.0,
        filled=_filled(connection),
        differing_repeats=connection.execute(select(func.count()).select_from(tables.repeats)).scalar_one(),
        withdrawn=connection.execute(select(func.count()).select_from(tables.withdrawals)).scalar_one(),
        embedded=connection.execute(select(func.count()).select_from(v).where(of_this_release)).scalar_one(),
        revision=revision,
        schema=schema,
    )


def _filled(connection: Connection) -> tuple[Filled, ...]:
    """Return how well each kind under each protocol is filled, sorted by protocol and kind."""
    n_tasks = {(protocol, TaskKind(kind)): int(n) for protocol, kind, n in connection.execute(queries.measured_tasks())}
    n_tried: dict[tuple[str, TaskKind], list[int]] = {place: [] for place in n_tasks}
    for protocol, kind, _, n in connection.execute(queries.tasks_by_configuration()):
        n_tried[protocol, TaskKind(kind)].append(int(n))
    filled = []
    for (protocol, kind), counts in sorted(n_tried.items()):
        n = n_tasks[protocol, kind]
        common = [count for count in counts if count >= COMMON_SHARE * n]
        n_own = [own for _, own in connection.execute(queries.common_by_task(protocol, str(kind), COMMON_SHARE * n))]
        filled.append(
            Filled(
                kind=kind,
                protocol=protocol,
                tasks=n,
                configurations=len(common),
                share=sum(common) / (n * len(common)) if common else 0.0,
                full_tasks=sum(own >= FULL_SHARE * len(common) for own in n_own),
            )
        )
    return tuple(filled)
