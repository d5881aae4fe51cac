"""The work of growing: which cells of the table tasks x candidates are to be filled."""

from collections import OrderedDict
from collections.abc import Iterator

from autometa.errors import DataError
from autometa.growing.plan import SEED, Plan
from autometa.knowledge.base import KnowledgeBase
from autometa.metafeatures import EXTRACTION_VERSION, extract
from autometa.pipelines.building import PIPELINES_VERSION
from autometa.pipelines.learners import learner_of
from autometa.space import Configuration
from autometa.task import Task
from autometa.task_kind import TaskKind

_N_CACHED_TASKS = 64


class Work:
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
