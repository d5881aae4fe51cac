"""Growing on this machine: evaluations in worker processes, each committed at once."""

import queue
import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, as_completed, wait
from dataclasses import replace
from types import TracebackType
from typing import Self

from autometa.evaluation.record import Evaluation
from autometa.evaluation.running import Evaluator
from autometa.growing.plan import SEED, Grown, Plan, Progress
from autometa.growing.work import Work
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.claims import Claims
from autometa.pipelines.building import PIPELINES_VERSION
from autometa.space import Configuration
from autometa.task import Task

_PAUSE_SECONDS = 0.5  # between looks at what others run


class LocalRunner:
    """Runs the evaluations of a plan on this machine, while the block is open."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._pool = ThreadPoolExecutor(plan.n_workers)
        self._evaluators = [Evaluator(plan.limits) for _ in range(plan.n_workers)]
        self._idle: queue.SimpleQueue[Evaluator] = queue.SimpleQueue()
        for evaluator in self._evaluators:
            self._idle.put(evaluator)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for evaluator in self._evaluators:  # first: that ends what is under way
            evaluator.close()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def submit(self, task: Task, configuration: Configuration) -> "Future[Evaluation]":
        """Begin an evaluation, or let it wait for an idle worker."""
        return self._pool.submit(self._run, task, configuration)

    def _run(self, task: Task, configuration: Configuration) -> Evaluation:
        """Return an evaluation by the next idle evaluator."""
        evaluator = self._idle.get()
        try:
            return evaluator.evaluate(task, configuration, protocol=self._plan.protocol, seed=SEED)
        finally:
            self._idle.put(evaluator)


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


def grow(
    base: KnowledgeBase,
    plan: Plan,
    *,
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
    scope = base.claims(protocol=plan.protocol.name, pipelines_version=PIPELINES_VERSION, seed=SEED)
    with scope as claims, LocalRunner(plan) as runner:
        work = Work(base, plan, claims)
        harvest = _Harvest(base, plan, work, claims, report)
        pending = harvest.pending
        for cell in work.cells():
            if time.monotonic() >= deadline:
                break
            if cell is not None:
                pending[runner.submit(*cell)] = cell[0].name
                if len(pending) > plan.n_workers:
                    harvest.store(wait(pending, return_when=FIRST_COMPLETED).done)
            elif pending:
                harvest.store(wait(pending, timeout=_PAUSE_SECONDS, return_when=FIRST_COMPLETED).done)
            else:
                if on_wait is not None:
                    on_wait(work.n_awaited)
                time.sleep(_PAUSE_SECONDS)
        harvest.store(as_completed(list(pending)))
    n_left = work.n_cells - work.n_known - harvest.n_new
    return Grown(n_new=harvest.n_new, n_known=work.n_known, n_left=max(n_left, 0), skipped=work.skipped)
