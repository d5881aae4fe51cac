"""Growing on this machine: evaluations in worker processes, each committed at once."""

import queue
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, as_completed, wait
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from autometa.evaluation.record import Evaluation
from autometa.evaluation.running import Evaluator
from autometa.growing.plan import SEED, Grown, Plan, Progress
from autometa.growing.work import Work
from autometa.knowledge.base import KnowledgeBase
from autometa.space import Configuration
from autometa.task import Task


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
    work = Work(base, plan)
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
