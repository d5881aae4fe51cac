"""Where evaluations run by default: worker processes of this machine."""

from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from autometa.evaluation.protocol import Splits
from autometa.evaluation.record import Evaluation
from autometa.evaluation.warm import Evaluators
from autometa.growing.plan import SEED, Plan
from autometa.space import Configuration
from autometa.task import Task


class LocalRunner:
    """Runs the evaluations of a plan on this machine, while the block is open."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._pool = ThreadPoolExecutor(plan.n_workers)
        self._evaluators = Evaluators(plan.n_workers)
        self._submitted: set[Future[Evaluation]] = set()  # but for those that are done

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._evaluators.end(set(self._submitted))

    @property
    def n_slots(self) -> int:
        """Evaluations that it takes: one for each worker, and one that waits for it."""
        return self._plan.n_workers + 1

    def submit(self, task: Task, configuration: Configuration, splits: Splits) -> "Future[Evaluation]":
        """Begin an evaluation, or let it wait for an idle worker."""
        submitted = self._pool.submit(self._run, task, configuration, splits)
        self._submitted.add(submitted)
        submitted.add_done_callback(self._submitted.discard)
        return submitted

    def _run(self, task: Task, configuration: Configuration, splits: Splits) -> Evaluation:
        """Return an evaluation by the next idle evaluator."""
        with self._evaluators.lent() as evaluator:
            return evaluator.evaluate(task, configuration, protocol=splits, seed=SEED, limits=self._plan.limits)
