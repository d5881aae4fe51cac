"""Evaluators that start in the background, and may outlive the work that they were started for."""

import contextlib
import queue
import threading
from collections.abc import Collection, Iterator
from concurrent.futures import Future, wait
from typing import Any

from autometa.errors import EvaluationError
from autometa.evaluation.running import Evaluator

_PAUSE_SECONDS = 0.25  # between two attempts to end what is under way


class Evaluators:
    """Some evaluators, each of which one thread uses at a time.

    Their servers start in the background, so that it costs no time until the first is needed.

    Parameters
    ----------
    n : int
        How many.

    Examples
    --------
    >>> with Evaluators(2) as evaluators, evaluators.lent() as evaluator:
    ...     type(evaluator).__name__
    'Evaluator'
    """

    def __init__(self, n: int) -> None:
        self._all = [_kept.pop() if _kept else Evaluator() for _ in range(n)]
        self._free: queue.SimpleQueue[Evaluator] = queue.SimpleQueue()
        for evaluator in self._all:
            self._free.put(evaluator)
            threading.Thread(target=_start, args=(evaluator,), daemon=True).start()

    def __enter__(self) -> "Evaluators":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def lent(self) -> Iterator[Evaluator]:
        """Lend an evaluator that is free; wait for one if there is none."""
        evaluator = self._free.get()
        try:
            yield evaluator
        finally:
            self._free.put(evaluator)

    def end(self, running: Collection[Future[Any]]) -> None:  # Any: whatever becomes of what is measured
        """End what is under way in the threads of these, none of which is waiting to begin, and the servers."""
        while left := [each for each in running if not each.done()]:
            for evaluator in self._all:  # again and again: a thread between two measurements starts a server anew
                evaluator.close()
            wait(left, timeout=_PAUSE_SECONDS)
        self.close()

    def close(self) -> None:
        """End what is under way, and the servers, but for those that `kept_warm` keeps."""
        idle = [self._free.get() for _ in range(self._free.qsize())]
        for evaluator in self._all:
            if _is_kept and evaluator in idle:
                _kept.append(evaluator)
            else:
                evaluator.close()
        self._all = []


_kept: list[Evaluator] = []
_is_kept: list[bool] = []  # one entry for each block that is open


@contextlib.contextmanager
def kept_warm() -> Iterator[None]:
    """Within the block, evaluators outlive the fit that they were started for: for many fits, one after another."""
    _is_kept.append(True)
    try:
        yield
    finally:
        _is_kept.pop()
        while _kept and not _is_kept:
            _kept.pop().close()


def _start(evaluator: Evaluator) -> None:
    """Start the server of an evaluator; what goes wrong is told when it is used."""
    with contextlib.suppress(EvaluationError):
        evaluator.start()
