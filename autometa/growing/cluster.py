"""Where evaluations run beyond one machine: the workers of a Dask cluster; the home of Dask.

The scheduler gives the evaluations of a worker that is lost to the others. Tables are part of what it knows, so that
they are not lost with a worker either. On its worker an evaluation runs in processes of its own, under the same limits
as at home; results, and nothing else, come back.
"""

import logging
import queue
import threading
import time
import uuid
from collections import OrderedDict
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from autometa._optional import require
from autometa.errors import EvaluationError, OptionError
from autometa.evaluation.limits import Limits
from autometa.evaluation.protocol import Splits
from autometa.evaluation.record import Evaluation
from autometa.evaluation.running import Evaluator
from autometa.growing.plan import SEED, Plan
from autometa.pipelines.building import PIPELINES_VERSION
from autometa.space import Configuration
from autometa.task import Task

_Sent = Any  # a future of Dask's, which has no types
_CONNECT_SECONDS = 15
_N_TABLES = 64  # that the scheduler is to keep
_LOOK_SECONDS = 1.0  # between looks at how many workers there are
_PATIENCE_SECONDS = 60.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """What all evaluations of a grower have in common."""

    grower: str
    limits: Limits


class DaskRunner:
    """Runs the evaluations of a plan on a Dask cluster, while the block is open.

    Parameters
    ----------
    plan : Plan
        What is run; as many evaluations at a time as the cluster has threads.
    address : str
        Of the scheduler, like ``tcp://scheduler:8786``.
    patience_seconds : float
        After so long without any worker all that is under way fails, with an OptionError that says how to go on.

    Raises
    ------
    MissingDependencyError
        If Dask is not installed here.
    OptionError
        On entering the block, if there is no scheduler at that address, or it has no workers.
    """

    def __init__(self, plan: Plan, address: str, *, patience_seconds: float = _PATIENCE_SECONDS) -> None:
        self._dask = require("distributed", extra="distributed")
        self._address = address
        self._order = _Order(grower=uuid.uuid4().hex, limits=plan.limits)
        self._tables: OrderedDict[str, _Sent] = OrderedDict()
        self._pending: dict[_Sent, Future[Evaluation]] = {}  # whoever takes one out keeps that promise
        self._patience_seconds = patience_seconds
        self._n_threads = 0
        self._is_closing = threading.Event()
        self._watching = threading.Thread(target=self._watch_until_closed, name="dask workers", daemon=True)
        self._client: Any = None  # Any: most of Dask has no types

    def __enter__(self) -> Self:
        try:
            self._client = self._dask.Client(self._address, timeout=_CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError) as error:
            raise OptionError(
                f"no Dask scheduler answers at '{self._address}'; start one with: dask scheduler, and give its address"
            ) from error
        try:
            self._client.wait_for_workers(1, timeout=_CONNECT_SECONDS)
        except TimeoutError as error:
            self._client.close()
            raise OptionError(
                f"the Dask scheduler has no worker; start one with: dask worker {self._address}"
            ) from error
        self._n_threads = self._count_threads()
        self._watching.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_closing.set()
        self._watching.join()
        self._tables.clear()
        try:
            self._client.cancel(list(self._pending))  # so that none begins any more
            self._client.run(_close_pool, self._order.grower, on_error="ignore")
        except OSError as problem:  # the scheduler is gone, and what it knew; another error is under way
            _log.debug("nothing is tidied up on the Dask cluster: %s", problem)
        finally:
            self._client.close()  # what still waits is forgotten

    @property
    def n_slots(self) -> int:
        """Evaluations that the cluster takes: one on each thread, and one that waits for it."""
        return max(2 * self._n_threads, 1)

    def submit(self, task: Task, configuration: Configuration, splits: Splits) -> "Future[Evaluation]":
        """Send an evaluation to the cluster."""
        promised: Future[Evaluation] = Future()
        name = f"{configuration.algorithm}-{uuid.uuid4().hex}"
        sent = self._client.submit(_evaluate, self._table(task, splits), configuration, self._order, key=name)
        self._pending[sent] = promised
        sent.add_done_callback(self._keep)
        return promised

    def _keep(self, done: _Sent) -> None:
        """Keep a promise with what came of it."""
        promised = self._pending.pop(done, None)
        if promised is None:
            return
        try:
            promised.set_result(self._result(done))
        except BaseException as error:  # noqa: BLE001 - as every future does: whoever waits for it gets it
            promised.set_exception(error)

    def _count_threads(self) -> int:
        """Return how many threads all workers have."""
        return sum(self._client.nthreads().values())

    def _watch_until_closed(self) -> None:
        """Look again and again at how many workers there are; runs in a thread of its own."""
        seen_at = time.monotonic()
        while not self._is_closing.wait(_LOOK_SECONDS):
            try:
                self._n_threads = self._count_threads()
            except OSError:  # the scheduler is gone: all that is under way is told so by Dask
                continue
            if self._n_threads:
                seen_at = time.monotonic()
            elif time.monotonic() > seen_at + self._patience_seconds:
                self._give_up()

    def _give_up(self) -> None:
        """Let all that is under way fail, for want of a worker."""
        for sent in tuple(self._pending):
            promised = self._pending.pop(sent, None)
            if promised is not None:
                promised.set_exception(
                    OptionError(
                        f"there has been no Dask worker for {self._patience_seconds:g} s; what is stored stays: start "
                        f"one with: dask worker {self._address}, and run the same again"
                    )
                )

    def _result(self, done: _Sent) -> Evaluation:
        """Return the evaluation of a future that has ended."""
        try:
            evaluation: Evaluation = done.result()
        except CancelledError as error:
            raise OptionError(
                f"the Dask scheduler at '{self._address}' is gone; what is stored stays: start one, and run the same "
                "again"
            ) from error
        except self._dask.KilledWorker as error:
            raise EvaluationError(
                f"{error.task} ended with every worker that tried it; look into their logs"
            ) from error
        except ImportError as error:
            raise OptionError(f"a Dask worker lacks a library ({error}); install the same autometa on all") from error
        if evaluation.pipelines_version != PIPELINES_VERSION:
            raise OptionError(
                f"the Dask workers build pipelines of version {evaluation.pipelines_version}, this machine of "
                f"{PIPELINES_VERSION}; install the same autometa on all"
            )
        return evaluation

    def _table(self, task: Task, splits: Splits) -> _Sent:
        """Return a table and its splits as the scheduler knows them, sent once."""
        import dask

        if task.fingerprint in self._tables:
            self._tables.move_to_end(task.fingerprint)
            return self._tables[task.fingerprint]
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 TB"}):  # it is not a mistake
            sent = self._client.submit(_given, task, splits, key=f"table-{task.fingerprint}-{uuid.uuid4().hex}")
        self._tables[task.fingerprint] = sent
        if len(self._tables) > _N_TABLES:
            self._tables.popitem(last=False)
        return sent


# On a worker -------------------------------------------------------------------------------------------------


class _Pool:
    """The evaluators of a worker for one grower: as many as evaluations run at a time."""

    def __init__(self) -> None:
        self._all: list[Evaluator] = []
        self._idle: queue.SimpleQueue[Evaluator] = queue.SimpleQueue()

    def take(self, limits: Limits) -> Evaluator:
        """Return an idle evaluator, or a new one."""
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            evaluator = Evaluator(limits)
            self._all.append(evaluator)
            return evaluator

    def give_back(self, evaluator: Evaluator) -> None:
        """Say that an evaluator is idle."""
        self._idle.put(evaluator)

    def close(self) -> None:
        """End the evaluators, and what they run."""
        for evaluator in self._all:
            evaluator.close()


_pools: dict[str, _Pool] = {}  # grower -> its evaluators
_lock = threading.Lock()


def _given(task: Task, splits: Splits) -> tuple[Task, Splits]:
    """Return a table and its splits: on whichever worker needs them."""
    return task, splits


def _evaluate(table: tuple[Task, Splits], configuration: Configuration, order: _Order) -> Evaluation:
    """Return an evaluation by an evaluator of this worker."""
    with _lock:
        pool = _pools.setdefault(order.grower, _Pool())
    task, splits = table
    evaluator = pool.take(order.limits)
    try:
        return evaluator.evaluate(task, configuration, protocol=splits, seed=SEED)
    finally:
        pool.give_back(evaluator)


def _close_pool(grower: str) -> None:
    """End the evaluators of a grower."""
    with _lock:
        pool = _pools.pop(grower, None)
    if pool is not None:
        pool.close()
