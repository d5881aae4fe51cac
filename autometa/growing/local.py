"""Where evaluations run by default: worker processes of this machine."""

import queue
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from autometa.evaluation.protocol import Splits
from autometa.evaluation.record import Evaluation
from autometa.evaluation.running import Evaluator
from autometa.growing.plan import SEED, Plan
from autometa.space import Configuration
from autometa.task import Task


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

    @property
    def n_slots(self) -> int:
        """Evaluations that it takes: one for each worker, and one that waits for it."""
        return self._plan.n_workers + 1

    def submit(self, task: Task, configuration: Configuration, splits: Splits) -> "Future[Evaluation]":
        """Begin an evaluation, or let it wait for an idle worker."""
        return self._pool.submit(self._run, task, configuration, splits)

    def _run(self, task: Task, configuration: Configuration, splits: Splits) -> Evaluation:
        """Return an evaluation by the next idle evaluator."""
        evaluator = self._idle.get()
        try:
            return evaluator.evaluate(task, configuration, protocol=splits, seed=SEED)
        finally:
            self._idle.put(evaluator)
