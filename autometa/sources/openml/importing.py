"""OpenML's past runs into a knowledge base: page by page, each written at once, the same twice changes nothing."""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from autometa.errors import DataError, NotOfferedError, OptionError, SourceError
from autometa.evaluation.record import Evaluation, Status
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.foreign import add_foreign_tasks
from autometa.knowledge.writing import Added
from autometa.metric import get_metric
from autometa.sources.openml.connection import Connection
from autometa.sources.openml.flows import PREFIX, Setup, to_configuration
from autometa.sources.openml.known import KnownTask, read_known_task
from autometa.sources.openml.listing import Listed, list_pages, list_runs, list_setups
from autometa.sources.openml.measures import metric_of
from autometa.sources.openml.stored import PIPELINES_VERSION
from autometa.space import Configuration

ORIGIN = "openml"
LICENCE = "CC-BY-4.0"  # OpenML's terms of use, for what its users share
_KEPT_SETUPS = 20_000

Report = Callable[[int], None]
"""Told the number of runs looked at so far, after each page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which runs are imported.

    Parameters
    ----------
    tasks : tuple of int
        OpenML's numbers of tasks.
    measures : tuple of str
        Of `autometa.sources.openml.measures`; the first decides which runs are looked at, the others are added to them.
    flows : tuple of int
        OpenML's numbers of flows; empty for all.
    limit : int, optional
        The most runs that are looked at.
    page_size : int
        Runs in a page: what is lost at most when the import is stopped.

    Raises
    ------
    OptionError
        If there is nothing to be imported.
    """

    tasks: tuple[int, ...]
    measures: tuple[str, ...]
    flows: tuple[int, ...] = ()
    limit: int | None = None
    page_size: int = 1000

    def __post_init__(self) -> None:
        if not self.tasks or not self.measures or self.page_size < 1 or (self.limit is not None and self.limit < 1):
            raise OptionError(f"an import needs tasks, measures, and a run at least, got {self}")


@dataclass(slots=True, kw_only=True)
class Imported:
    """What an import came to, so far.

    Parameters
    ----------
    added : Added
        What became of the runs.
    n_runs : int
        Runs that were looked at.
    n_ours : int
        Those of them that are configurations of ours.
    left_out : Counter of str
        Why runs were left out -> how many.
    tasks : set of int
        OpenML's numbers of the tasks that have runs now.
    protocols : set of str
        The protocols under which they are.
    of_other_kinds : set of str
        Names of data sets that were known before as tasks of another kind.
    """

    added: Added = field(default_factory=Added)
    n_runs: int = 0
    n_ours: int = 0
    left_out: "Counter[str]" = field(default_factory=Counter)
    tasks: set[int] = field(default_factory=set)
    protocols: set[str] = field(default_factory=set)
    of_other_kinds: set[str] = field(default_factory=set)


def import_runs(
    base: KnowledgeBase, wanted: Wanted, connection: Connection, *, report: Report | None = None
) -> Imported:
    """Add runs of OpenML's to a base.

    Each page is one write, so that an import which is stopped has lost nothing before; started again it reads all pages
    again, and goes on where it was by itself, since what is known stays as it is.

    Runs with the same configuration on the same task are one: the first that OpenML lists stays, others with another
    result are kept aside. Data sets are known by description: see `autometa.sources.openml.known`.

    Parameters
    ----------
    base : KnowledgeBase
        What is added to.
    wanted : Wanted
        Which runs.
    connection : Connection
        How OpenML is asked.
    report : callable, optional
        Told how far it is.

    Raises
    ------
    SourceError
        If something does not come, after all attempts; its message tells what has been kept.
    """
    imported = Imported()
    reader = _Reader(connection, wanted.measures, imported)
    try:
        for page in _limited(wanted, connection):
            evaluations = list(reader.evaluations(page))
            _add_tasks(base, reader.new_tasks(), imported)
            imported.added += base.add_evaluations(evaluations, licence=LICENCE)
            imported.n_runs += len(page)
            if report is not None:
                report(imported.n_runs)
    except SourceError as error:
        kept = f"{imported.added.n_new} new runs on {len(imported.tasks)} tasks are kept"
        raise SourceError(f"{kept}, start again to go on: {error}") from error
    return imported


def _add_tasks(base: KnowledgeBase, new: Sequence[KnownTask], imported: Imported) -> None:
    """Add tasks; note those that are known as of another kind: of other sources, which make no difference."""
    if new:
        add_foreign_tasks(base, [each.task for each in new], origin=ORIGIN, licence=LICENCE)
    for each in new:
        description = each.task.description
        if base.describe(description.fingerprint).kind is not each.kind:
            imported.of_other_kinds.add(description.name)


def _limited(wanted: Wanted, connection: Connection) -> Iterator[list[Listed]]:
    """Iterate over pages, until there are as many runs as wanted."""
    left = math.inf if wanted.limit is None else wanted.limit
    size = min(wanted.page_size, wanted.limit or wanted.page_size)
    for page in list_pages(connection, wanted.measures[0], tasks=wanted.tasks, flows=wanted.flows, page_size=size):
        kept = page if len(page) <= left else page[: int(left)]
        yield kept
        left -= len(kept)
        if left <= 0:
            return


class _Reader:
    """Makes evaluations of pages; remembers tasks, setups and what they came to."""

    def __init__(self, connection: Connection, measures: Sequence[str], imported: Imported) -> None:
        self._connection = connection
        self._measures = measures
        self._imported = imported
        self._tasks: dict[int, KnownTask | None] = {}
        self._setups: dict[int, Setup] = {}
        self._new: list[KnownTask] = []

    def new_tasks(self) -> list[KnownTask]:
        """Return the tasks that have come up since the last call."""
        new, self._new = self._new, []
        return new

    def evaluations(self, page: Sequence[Listed]) -> Iterator[Evaluation]:
        """Iterate over the evaluations of a page that can be kept; those that cannot are counted by their reasons."""
        usable = [each for each in page if self._is_usable(each)]
        setups = self._setups_of(usable)
        more = {
            measure: list_runs(self._connection, measure, [e.run for e in usable]) for measure in self._measures[1:]
        }
        for each in usable:
            task, setup = self._tasks[each.task], setups.get(each.setup)
            if task is None or setup is None:
                self._imported.left_out["OpenML does not list their setups"] += 1
                continue
            scores = self._scores(each, task, {measure: runs.get(each.run) for measure, runs in more.items()})
            configuration = to_configuration(setup, task.facts)
            self._imported.n_ours += not configuration.algorithm.startswith(PREFIX)
            self._imported.tasks.add(task.number)
            self._imported.protocols.add(task.protocol)
            yield _evaluation(task, configuration, scores)

    def _is_usable(self, each: Listed) -> bool:
        """Return whether a run has a value of a metric of its task; else count it."""
        reason = ""
        measure = self._measures[0]
        task = self._task(each.task)
        metric = None if task is None else metric_of(measure, task.kind, all_occur=task.all_occur)
        if each.value is None or not math.isfinite(each.value):
            reason = "without a value"
        elif task is None:
            reason = "of tasks that are no classification or regression, or of which OpenML does not tell enough"
        elif metric is None and metric_of(measure, task.kind) is not None:
            reason = f"{measure} counts classes that never occur"
        elif metric is None:
            reason = f"{measure} is no metric of ours on {task.kind} tasks"
        elif not _is_possible(metric, each.value):
            reason = f"{measure} is beyond what it can be"
        if reason:
            self._imported.left_out[reason] += 1
        return not reason

    def _task(self, number: int) -> KnownTask | None:
        """Return what is known of a task, asked for once."""
        if number not in self._tasks:
            try:
                self._tasks[number] = found = read_known_task(number, self._connection)
            except (NotOfferedError, DataError):
                self._tasks[number] = found = None
            if found is not None:
                self._new.append(found)
        return self._tasks[number]

    def _setups_of(self, page: Sequence[Listed]) -> dict[int, Setup]:
        """Return the setups of runs, those asked for that are not remembered."""
        wanted = {each.setup: each.flow for each in page}
        missing = {setup: flow for setup, flow in wanted.items() if setup not in self._setups}
        if len(self._setups) + len(missing) > _KEPT_SETUPS:
            self._setups = {setup: found for setup, found in self._setups.items() if setup in wanted}
        self._setups |= list_setups(self._connection, missing)
        return {setup: self._setups[setup] for setup in wanted if setup in self._setups}

    def _scores(self, each: Listed, task: KnownTask, more: dict[str, float | None]) -> dict[str, tuple[float, ...]]:
        """Return the scores of a run: one number for all folds, which is all that OpenML lists."""
        values = {self._measures[0]: each.value, **more}
        scores: dict[str, tuple[float, ...]] = {}
        for measure, value in values.items():
            metric = metric_of(measure, task.kind, all_occur=task.all_occur)
            if metric is not None and value is not None and _is_possible(metric, value):
                scores[metric] = (float(value),)
        return scores


def _is_possible(metric: str, value: float) -> bool:
    """Return whether a metric can have a value: bases and shards of others refuse what it cannot."""
    found = get_metric(metric)
    return math.isfinite(value) and found.low <= value <= found.high


def _evaluation(task: KnownTask, configuration: Configuration, scores: dict[str, tuple[float, ...]]) -> Evaluation:
    """Return the evaluation of a run; what it took is not known."""
    return Evaluation(
        fingerprint=task.task.description.fingerprint,
        configuration=configuration,
        protocol=task.protocol,
        pipelines_version=PIPELINES_VERSION,
        seed=0,
        status=Status.OK,
        fold_scores=scores,
        fit_seconds=math.nan,
        predict_seconds=math.nan,
        peak_memory_bytes=0,
        error="",
        absent={},
        versions={},
        origin=ORIGIN,
    )
