"""Soft limits, for platforms where processes cannot be forked and confined as `server` does it.

Every evaluation starts a process, which costs seconds, and is watched from outside at intervals: a learner
can pass its limits before it is seen, and processes that leave its tree are not found.
"""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import BinaryIO

import psutil

from autometa.errors import EvaluationError, UserError
from autometa.evaluation.child import build_learner, evaluate, import_libraries, speaker
from autometa.evaluation.launching import launch
from autometa.evaluation.limits import Limits
from autometa.evaluation.messages import (
    Outcome,
    Reports,
    describe_exit,
    raise_refusal,
    read_request,
    send_request,
)
from autometa.evaluation.record import Status

_PAUSE_SECONDS = 0.1
_START_SECONDS = 120.0  # for imports, before the limits begin to count


class SoftRunner:
    """Runs every job in a process of its own."""

    def __init__(self) -> None:
        self._watch: _Watch | None = None

    def start(self) -> None:
        """Do nothing: a process is started for every evaluation."""

    def run(self, job: bytes, table: bytes, limits: Limits) -> Outcome:
        """Return the outcome of a pickled `Job` on a pickled `Table`.

        Raises
        ------
        UserError
            If the learner cannot be built here.
        EvaluationError
            If the process does not come to its work.
        """
        with contextlib.ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            request = stack.enter_context((folder / "request").open("w+b"))
            send_request(request, job, table)
            request.seek(0)
            stdout = stack.enter_context((folder / "reports").open("wb"))
            reports = stack.enter_context((folder / "reports").open("rb"))
            (folder / "temporary").mkdir()
            process = launch(
                "autometa.evaluation.soft",
                folder / "temporary",
                stdin=request,
                stdout=stdout,
                stderr=subprocess.DEVNULL,
            )
            self._watch = _Watch(process, reports, limits)
            stack.callback(self._end)
            return self._watch.run()

    def close(self) -> None:
        """End what another thread evaluates; else do nothing, for no process outlives its evaluation."""
        watch = self._watch
        if watch is not None:
            watch.end()

    def _end(self) -> None:
        """End the process, and forget it: its number may become that of another."""
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.end()


class _Watch:
    """The process of one evaluation, looked at from outside."""

    def __init__(self, process: "subprocess.Popen[bytes]", stream: BinaryIO, limits: Limits) -> None:
        self._process = process
        self._stream = stream
        self._limits = limits
        self._reports = Reports()
        self._peak_bytes = 0
        self._started = time.monotonic()
        self._start_cpu_seconds = 0.0

    def run(self) -> Outcome:
        """Return the outcome; the process may still run."""
        status, error = self._wait()
        return Outcome(status=status, error=error, folds=tuple(self._reports.folds), peak_memory_bytes=self._peak_bytes)

    def end(self) -> None:
        """Kill the process and all below it."""
        for process in self._tree():
            with contextlib.suppress(psutil.Error):
                process.kill()
        self._process.wait()

    def _wait(self) -> tuple[Status, str]:
        """Return how the evaluation ended."""
        self._await_start()
        while True:
            excess = self._excess()  # asked before reading: what was said before counts
            has_ended = self._process.poll() is not None
            self._reports.feed(self._stream.read())
            if self._reports.verdict is not None:
                return self._reports.verdict
            if has_ended:
                return Status.FAILED, f"the learner's process {describe_exit(self._process.returncode)}"
            if excess is not None:
                return excess
            time.sleep(_PAUSE_SECONDS)

    def _await_start(self) -> None:
        """Wait until the process has imported its libraries and begins."""
        while not self._reports.start_bytes:
            has_ended = self._process.poll() is not None
            self._start_cpu_seconds = self._cpu_seconds()
            self._reports.feed(self._stream.read())
            if self._reports.refusal:
                raise_refusal(self._reports.refusal)
            if has_ended and not self._reports.start_bytes:
                raise EvaluationError(f"the evaluation process {describe_exit(self._process.returncode)}")
            if time.monotonic() - self._started > _START_SECONDS:
                raise EvaluationError(f"the evaluation process did not start within {_START_SECONDS:g} s")
            time.sleep(_PAUSE_SECONDS)
        self._started = time.monotonic()

    def _excess(self) -> tuple[Status, str] | None:
        """Return the limit that the tree has passed, if any."""
        limits = self._limits
        own_bytes = self._resident_bytes() - self._reports.start_bytes
        self._peak_bytes = max(self._peak_bytes, own_bytes)
        if own_bytes > limits.memory_bytes:
            return Status.OUT_OF_MEMORY, f"memory over the limit of {limits.memory_bytes / 2**20:.0f} MiB"
        if self._cpu_seconds() - self._start_cpu_seconds > limits.cpu_seconds:
            return Status.TIMED_OUT, f"CPU time over the limit of {limits.cpu_seconds:g} s"
        if time.monotonic() - self._started > limits.wall_seconds:
            return Status.TIMED_OUT, f"wall-clock time over the limit of {limits.wall_seconds:g} s"
        return None

    def _tree(self) -> list[psutil.Process]:
        """Return the process and all below it."""
        with contextlib.suppress(psutil.Error):
            root = psutil.Process(self._process.pid)
            return [root, *root.children(recursive=True)]
        return []

    def _cpu_seconds(self) -> float:
        """Return CPU seconds of the tree."""
        seconds = 0.0
        for process in self._tree():
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                seconds += times.user + times.system
        return seconds

    def _resident_bytes(self) -> int:
        """Return resident bytes of the tree."""
        size_bytes = 0
        for process in self._tree():
            with contextlib.suppress(psutil.Error):
                size_bytes += process.memory_info().rss
        return size_bytes


def main() -> None:
    """Evaluate the one request on standard input; report on what was standard output."""
    say = speaker(os.dup(1))
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    request = read_request(sys.stdin.buffer)
    if request is None:
        sys.exit(1)
    job, table = request
    try:
        learner = build_learner(job)
        import_libraries()
    except UserError as error:
        say({"refused": [type(error).__name__, str(error)]})
        return
    say({"start_bytes": psutil.Process().memory_info().rss})
    status, message = evaluate(job, table, learner, say)
    say({"end": [status, message], "peak_bytes": 0})


if __name__ == "__main__":
    main()
