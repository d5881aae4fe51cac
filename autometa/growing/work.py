"""The work of growing: which cells of the table tasks x candidates are to be filled."""

import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from autometa.errors import DataError, SourceError
from autometa.evaluation.protocol import Splits
from autometa.fewshot.encoder.storing import remember
from autometa.growing.plan import SEED, Plan
from autometa.growing.reaching import Reach
from autometa.growing.tables import Ready
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.claims import Claims
from autometa.pipelines.building import PIPELINES_VERSION
from autometa.pipelines.learners import learner_of
from autometa.space import Configuration
from autometa.task import Task
from autometa.task_kind import TaskKind

_N_CACHED_TASKS = 64
_MAX_BATCH = 64  # cells that are claimed at once: while evaluations are quick, a claim costs as much as some of them
_MIN_BATCH_SECONDS = 0.5
_GOLDEN_SHARE = 0.618034  # its multiples, modulo 1, stay far from one another


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cell:
    """A cell that is to be filled: the number of its table, and of its candidate among those of the table's kind."""

    number: int
    fingerprint: str
    turn: int
    configuration: Configuration

    @property
    def identity(self) -> tuple[str, str]:
        """What is claimed."""
        return self.fingerprint, self.configuration.key


class Work:
    """The cells to be filled, round-robin over tasks; tables are read when their turn comes."""

    def __init__(self, base: KnowledgeBase, plan: Plan, claims: Claims) -> None:
        self._base = base
        self._claims = claims
        self._plan = plan
        self._cache: OrderedDict[int, tuple[Task, Splits]] = OrderedDict()
        self._fingerprints: dict[int, str] = {}
        self._kinds: dict[int, TaskKind] = {}
        self._candidates = {
            kind: [each for each in plan.candidates.get(kind, ()) if learner_of(each.algorithm, kind).is_installed]
            for kind in TaskKind
        }
        self._n_begun: dict[int, int] = {}  # of a table that was read once and cannot be any more
        self._out: set[int] = set()  # tables that cannot be used, or did not come
        self._tried = base.tried(protocol=plan.protocol_name, pipelines_version=PIPELINES_VERSION, seed=SEED)
        self._elsewhere: list[_Cell] = []  # claimed by others
        self._n_batch = 1
        self.skipped: dict[str, str] = {}
        self.reach = Reach()
        self.n_known = 0

    @property
    def n_cells(self) -> int:
        """Cells in all; a table that has not been read yet counts as one of the kind with most candidates."""
        n_of_read = sum(self._n_begun.get(number, len(self._candidates[kind])) for number, kind in self._kinds.items())
        n_unread = len(set(range(len(self._plan.sources))) - self._kinds.keys() - self._out)
        return n_of_read + n_unread * self._n_turns

    @property
    def _n_turns(self) -> int:
        """Candidates of the kind that has most."""
        return max(map(len, self._candidates.values()), default=0)

    @property
    def n_awaited(self) -> int:
        """Cells that other growers were running when they were last asked for."""
        return len(self._elsewhere)

    def cells(self) -> Iterator[tuple[Task, Configuration, Splits] | None]:
        """Iterate over what is not stored yet and claimed for this grower: the first candidate of every task, ...

        None: all that is left is being run by others; going on with the iteration asks whether it is done, or whether
        they have given it up.
        """
        batch: list[_Cell] = []
        for cell in self._open():
            batch.append(cell)
            if len(batch) >= self._n_batch:
                yield from self._claimed(batch)
                batch = []
        yield from self._claimed(batch)
        while self._elsewhere:
            yield None
            batch, self._elsewhere = self._elsewhere[:_MAX_BATCH], self._elsewhere[_MAX_BATCH:]
            yield from self._claimed(batch)

    def _open(self) -> Iterator[_Cell]:
        """Iterate over what was not stored when growing began, round-robin over tasks."""
        # growers that begin on different tables neither describe the same ones nor dispute the same cells
        first = int(len(self._plan.sources) * (self._claims.n_others * _GOLDEN_SHARE % 1))
        numbers = range(len(self._plan.sources))
        for turn in range(self._n_turns):
            for number in (*numbers[first:], *numbers[:first]):
                if number in self._out or not self._is_open(number, turn):
                    continue
                found = self._ready(number)
                if found is None:
                    self._n_begun[number] = turn
                    continue
                task, _ = found
                candidates = self._candidates[task.kind]
                if turn >= len(candidates):
                    continue
                if (task.fingerprint, candidates[turn].key) in self._tried:
                    self.n_known += 1
                else:
                    self._tried.add((task.fingerprint, candidates[turn].key))
                    yield _Cell(number=number, fingerprint=task.fingerprint, turn=turn, configuration=candidates[turn])

    def _claimed(self, cells: Sequence[_Cell]) -> Iterator[tuple[Task, Configuration, Splits]]:
        """Claim cells, and iterate over those that nobody else has claimed or stored."""
        if not cells:
            return
        taken = self._claims.take([cell.identity for cell in cells])
        mine, stored = set(taken.mine), set(taken.stored)
        self._elsewhere += [cell for cell in cells if cell.identity not in mine and cell.identity not in stored]
        self.n_known += len(stored)
        began = time.monotonic()
        for cell in cells:
            if cell.identity not in mine:
                continue
            found = None if cell.number in self._out else self._ready(cell.number)
            if found is None:
                self._n_begun.setdefault(cell.number, cell.turn)
                self._claims.settle(cell.identity)
            else:
                yield found[0], cell.configuration, found[1]
        seconds = time.monotonic() - began
        if mine and seconds < _MIN_BATCH_SECONDS:
            self._n_batch = min(2 * self._n_batch, _MAX_BATCH)
        elif seconds > 4 * _MIN_BATCH_SECONDS:
            self._n_batch = max(self._n_batch // 2, 1)

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

    def _ready(self, number: int) -> tuple[Task, Splits] | None:
        """Return a task and its splits, read and described where that is new; None where it cannot be used."""
        if number in self._cache:
            self._cache.move_to_end(number)
            return self._cache[number]
        ready = self._come(number)
        if ready is None:
            self._out.add(number)
            return None
        task = ready.task
        if number not in self._fingerprints:
            self._fingerprints[number] = task.fingerprint
            self._kinds[number] = task.kind
            remember(self._base, task, origin=self._plan.origin, seed=SEED)
        self._cache[number] = (task, ready.splits or self._plan.protocol)
        if len(self._cache) > _N_CACHED_TASKS:
            self._cache.popitem(last=False)
        return self._cache[number]

    def _come(self, number: int) -> Ready | None:
        """Return a table as its source gives it; None, and the reason kept, where it cannot be used or did not come."""
        source = self._plan.sources[number]
        if self.reach.is_given_up and number not in self._fingerprints:
            self.reach.leave(source.name)
            return None
        try:
            ready = source.ready()
        except DataError as error:
            self.skipped[source.name] = str(error)
            return None
        except SourceError as error:
            self.reach.fail(source.name, error)
            return None
        self.reach.succeed()
        if self._fingerprints.get(number, ready.task.fingerprint) != ready.task.fingerprint:
            self.skipped[source.name] = "the table has changed since it was read first"
            return None
        return ready
