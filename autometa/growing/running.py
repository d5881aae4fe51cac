"""Growing: the door of this folder."""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, as_completed, wait
from dataclasses import replace
from types import TracebackType
from typing import Protocol, Self

from autometa.evaluation.protocol import Splits
from autometa.evaluation.record import Evaluation
from autometa.growing.local import LocalRunner
from autometa.growing.plan import SEED, Grown, Plan, Progress
from autometa.growing.work import Work
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.claims import Claims
from autometa.pipelines.building import PIPELINES_VERSION
from autometa.space import Configuration
from autometa.task import Task

_PAUSE_SECONDS = 0.5  # between looks at what others run


class _Harvest:
    """What is under way, stored as it comes."""

    def __init__(
        self, base: KnowledgeBase, plan: Plan, work: Work, claims: Claims, report: Callable[[Progress], None] | None
    ) -> None:
        self._base = base
        self._plan = plan
        self._work = work
        self._claims = claims
        self._report = report
        self.pending: dict[Future[Evaluation], str] = {}
        self.n_new = 0

    def store(self, finished: Iterable["Future[Evaluation]"]) -> None:
        """Store evaluations that have ended, each in a transaction of its own, and let go of the claims on them."""
        for future in finished:
            name, evaluation = self.pending.pop(future), replace(future.result(), origin=self._plan.origin)
            self._base.add_evaluations([evaluation], licence=self._plan.licence)
            self._claims.settle((evaluation.fingerprint, evaluation.configuration.key))
            self.n_new += 1
            if self._report is not None:
                filled = self._work.n_known + self.n_new
                self._report(Progress(n_filled=filled, n_cells=self._work.n_cells, last=evaluation, task_name=name))


class Runner(Protocol):
    """Where evaluations run, while the block is open; closing it ends what is under way."""

    @property
    def n_slots(self) -> int:
        """Evaluations that it takes before one has ended."""

    def submit(self, task: Task, configuration: Configuration, splits: Splits) -> "Future[Evaluation]":
        """Begin an evaluation, or let it wait its turn."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def grow(
    base: KnowledgeBase,
    plan: Plan,
    *,
    runner: Runner | None = None,
    report: Callable[[Progress], None] | None = None,
    on_wait: Callable[[int], None] | None = None,
) -> Grown:
    """Run what is not stored yet, and store each evaluation at once.

    May be killed at any time and started again: what was committed stays, nothing is done twice. Others may grow the
    same base meanwhile: each evaluation is run by one. At the end those of others are waited for, so that all is
    stored, and taken over where another has died.

    Parameters
    ----------
    base : KnowledgeBase
        Where the results go.
    plan : Plan
        What is run.
    runner : Runner, optional
        Where it runs, closed at the end; default: on this machine.
    report : callable, optional
        Called with a `Progress` after every evaluation.
    on_wait : callable, optional
        Called again and again, with the number of evaluations, while all that is left is being run by others.

    Raises
    ------
    EvaluationError
        If the machinery of evaluation breaks.
    KnowledgeError
        If the base cannot be written.
    """
    deadline = time.monotonic() + plan.max_seconds
    scope = base.claims(protocol=plan.protocol_name, pipelines_version=PIPELINES_VERSION, seed=SEED)
    with scope as claims, runner or LocalRunner(plan) as place:  # closed before what it runs is given back
        work = Work(base, plan, claims)
        harvest = _Harvest(base, plan, work, claims, report)
        pending = harvest.pending
        for cell in work.cells():
            if time.monotonic() >= deadline:
                break
            if cell is not None:
                pending[place.submit(*cell)] = cell[0].name
                if len(pending) >= place.n_slots:
                    harvest.store(wait(pending, return_when=FIRST_COMPLETED).done)
            elif pending:
                harvest.store(wait(pending, timeout=_PAUSE_SECONDS, return_when=FIRST_COMPLETED).done)
            else:
                if on_wait is not None:
                    on_wait(work.n_awaited)
                time.sleep(_PAUSE_SECONDS)
        harvest.store(as_completed(list(pending)))
    n_left = work.n_cells - work.n_known - harvest.n_new
    return Grown(
        n_new=harvest.n_new,
        n_known=work.n_known,
        n_left=max(n_left, 0),
        skipped=work.skipped,
        unreached=work.reach.unreached,
    )
