"""Growing on this machine: evaluations in worker processes, each committed at once."""

import queue
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, as_completed, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace

from autometa.errors import DataError
from autometa.evaluation.limits import Limits
from autometa.evaluation.protocol import CV_V1, Protocol
from autometa.evaluation.record import Evaluation
from autometa.evaluation.running import Evaluator
from autometa.growing.tables import TableSource
from autometa.knowledge.base import KnowledgeBase
from autometa.metafeatures import EXTRACTION_VERSION, extract
from autometa.pipelines.building import PIPELINES_VERSION
from autometa.pipelines.learners import learner_of
from autometa.space import Configuration
from autometa.task import Task
from autometa.task_kind import TaskKind

_N_CACHED_TASKS = 64
SEED = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to grow.

    Parameters
    ----------
    sources : sequence of TableSource
        The tables.
    candidates : mapping of TaskKind to sequence of Configuration
        What each task of a kind gets, in this order, nothing where the kind is absent; those whose library is not
        installed are left out.
    protocol : Protocol
        How they are measured.
    limits : Limits
        Of each evaluation.
    n_workers : int
        Evaluations at a time, one core each.
    max_seconds : float
        After so many seconds no evaluation is begun; those under way are finished.
    origin, licence : str
        Kept with every measurement.
    """

    sources: Sequence[TableSource]
    candidates: Mapping[TaskKind, Sequence[Configuration]]
    protocol: Protocol = CV_V1
    limits: Limits = field(default_factory=Limits)
    n_workers: int = 1
    max_seconds: float = float("inf")
    origin: str = "local"
    licence: str = "not stated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far growing has come: cells of the table tasks x candidates that are filled, and of how many."""

    n_filled: int
    n_cells: int
    last: Evaluation
    task_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Grown:
    """What growing has done.

    Parameters
    ----------
    n_new : int
        Evaluations that were run and stored.
    n_known : int
        Evaluations that were stored before.
    n_left : int
        Evaluations for which no time was left.
    skipped : dict of str to str
        Tables that could not be used, with the reason.
    """

    n_new: int
    n_known: int
    n_left: int
    skipped: dict[str, str]


class _Work:
    """The cells to be filled, round-robin over tasks; tables are read when their turn comes."""

    def __init__(self, base: KnowledgeBase, plan: Plan) -> None:
        self._base = base
        self._plan = plan
        self._cache: OrderedDict[int, Task] = OrderedDict()
        self._fingerprints: dict[int, str] = {}
        self._kinds: dict[int, TaskKind] = {}
        self._candidates = {
            kind: [each for each in plan.candidates.get(kind, ()) if learner_of(each.algorithm, kind).is_installed]
            for kind in TaskKind
        }
        self._n_begun: dict[int, int] = {}  # of a table that was read once and cannot be any more
        self._tried = base.tried(protocol=plan.protocol.name, pipelines_version=PIPELINES_VERSION, seed=SEED)
        self.skipped: dict[str, str] = {}
        self.n_known = 0

    @property
    def n_cells(self) -> int:
        """Cells in all; a table that has not been read yet counts as one of the kind with most candidates."""
        n_of_read = sum(self._n_begun.get(number, len(self._candidates[kind])) for number, kind in self._kinds.items())
        is_unread = [
            number not in self._kinds and source.name not in self.skipped
            for number, source in enumerate(self._plan.sources)
        ]
        return n_of_read + sum(is_unread) * self._n_turns

    @property
    def _n_turns(self) -> int:
        """Candidates of the kind that has most."""
        return max(map(len, self._candidates.values()), default=0)

    def cells(self) -> Iterator[tuple[Task, Configuration]]:
        """Iterate over what is not stored yet: the first candidate of every task, then the second, ..."""
        for turn in range(self._n_turns):
            for number, source in enumerate(self._plan.sources):
                if source.name in self.skipped or not self._is_open(number, turn):
                    continue
                task = self._task(number)
                if task is None:
                    self._n_begun[number] = turn
                    continue
                candidates = self._candidates[task.kind]
                if turn >= len(candidates):
                    continue
                if (task.fingerprint, candidates[turn].key) in self._tried:
                    self.n_known += 1
                else:
                    self._tried.add((task.fingerprint, candidates[turn].key))
                    yield task, candidates[turn]

    def _is_open(self, number: int, turn: int) -> bool:
        """Return whether a cell is still to be filled, as far as known without reading the table."""
        if number not in self._kinds:
            return True
        candidates = self._candidates[self._kinds[number]]
        if turn >= len(candidates):
            return False
        if (self._fingerprints[number], candidates[turn].key) in self._tried:
            self.n_known += 1
            return False
        return True

    def _task(self, number: int) -> Task | None:
        """Return a task, read and described where that is new; None where it cannot be used."""
        if number in self._cache:
            self._cache.move_to_end(number)
            return self._cache[number]
        source = self._plan.sources[number]
        try:
            task = source.read()
        except DataError as error:
            self.skipped[source.name] = str(error)
            return None
        if number not in self._fingerprints:
            self._fingerprints[number] = task.fingerprint
            self._kinds[number] = task.kind
            if not self._base.has_task(task.fingerprint, metafeatures_version=EXTRACTION_VERSION):
                self._base.add_task(task, extract(task, SEED), origin=self._plan.origin)
        self._cache[number] = task
        if len(self._cache) > _N_CACHED_TASKS:
            self._cache.popitem(last=False)
        return task


def grow(base: KnowledgeBase, plan: Plan, *, report: Callable[[Progress], None] | None = None) -> Grown:
    """Run what is not stored yet, and store each evaluation at once.

    May be killed at any time and started again: what was committed stays, nothing is done twice.

    Parameters
    ----------
    base : KnowledgeBase
        Where the results go.
    plan : Plan
        What is run.
    report : callable, optional
        Called with a `Progress` after every evaluation.

    Raises
    ------
    EvaluationError
        If the machinery of evaluation breaks.
    """
    work = _Work(base, plan)
    deadline = time.monotonic() + plan.max_seconds
    idle: queue.SimpleQueue[Evaluator] = queue.SimpleQueue()
    n_new = 0

    def run(task: Task, configuration: Configuration) -> Evaluation:
        evaluator = idle.get()
        try:
            evaluation = evaluator.evaluate(task, configuration, protocol=plan.protocol, seed=SEED)
        finally:
            idle.put(evaluator)
        return replace(evaluation, origin=plan.origin)

    def store(finished: Iterable[Future[Evaluation]]) -> None:
        nonlocal n_new
        for future in finished:
            name, evaluation = pending.pop(future), future.result()
            base.add_evaluations([evaluation], licence=plan.licence)
            n_new += 1
            if report is not None:
                filled = work.n_known + n_new
                report(Progress(n_filled=filled, n_cells=work.n_cells, last=evaluation, task_name=name))

    with ExitStack() as stack:
        pool = stack.enter_context(_cancelling(ThreadPoolExecutor(plan.n_workers)))
        for _ in range(plan.n_workers):
            idle.put(stack.enter_context(Evaluator(plan.limits)))  # closed first: that ends what is under way
        pending: dict[Future[Evaluation], str] = {}
        for task, configuration in work.cells():
            if time.monotonic() >= deadline:
                break
            pending[pool.submit(run, task, configuration)] = task.name
            if len(pending) > plan.n_workers:
                store(wait(pending, return_when=FIRST_COMPLETED).done)
        store(as_completed(list(pending)))
    n_left = work.n_cells - work.n_known - n_new
    return Grown(n_new=n_new, n_known=work.n_known, n_left=max(n_left, 0), skipped=work.skipped)


@contextmanager
def _cancelling(pool: ThreadPoolExecutor) -> Iterator[ThreadPoolExecutor]:
    """Shut a pool down without beginning what still waits in it."""
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
