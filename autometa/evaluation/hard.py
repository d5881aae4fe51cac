"""The user's end of the server that evaluates within hard limits."""

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import threading
import weakref
from pathlib import Path
from typing import IO, Any

from autometa.errors import EvaluationError
from autometa.evaluation.launching import launch
from autometa.evaluation.limits import Limits
from autometa.evaluation.messages import Outcome, describe_exit, raise_refusal, send_request
from autometa.evaluation.processes import end_marked
from autometa.evaluation.record import Status

_START_SECONDS = 120.0  # for the server's imports on a cold, busy disk
_GRACE_SECONDS = 10.0  # beyond the longest that an evaluation may take, before the server itself is taken for hung
_CLOSE_SECONDS = 5.0
_PAUSE_SECONDS = 0.02  # between two attempts to end a start that is under way


class ForkServer:
    """Runs jobs in forks of a warm process; starts it when it is needed, and again if it died."""

    def __init__(self) -> None:
        self._server: _Server | None = None
        self._begun: _Server | None = None  # while it starts
        self._starting = threading.Lock()

    def start(self) -> None:
        """Start the server, if it is not there; wait for a start that is under way.

        Raises
        ------
        EvaluationError
            If it does not start, or another thread closes it meanwhile.
        """
        self._started()

    def run(self, job: bytes, table: bytes, limits: Limits) -> Outcome:
        """Return the outcome of a pickled `Job` on a pickled `Table`.

        Raises
        ------
        UserError
            If the learner cannot be built here.
        EvaluationError
            If the server does not start, or ends by an error of its own.
        """
        try:
            server = self._send(job, table)
            reply = server.receive(limits.longest_seconds + _GRACE_SECONDS)
        except TimeoutError:
            self._kill()
            return _lost(Status.TIMED_OUT, "the evaluation server stopped answering")
        except BaseException:  # an interrupt, say: the late answer would be taken for the next job's
            self.close()
            raise
        if reply is None:
            code, complaint = self._kill()
            if code >= 0:
                raise EvaluationError(f"the evaluation server {describe_exit(code)}: {complaint}")
            return _lost(Status.FAILED, f"the evaluation server {describe_exit(code)}")
        if "refused" in reply:
            raise_refusal(reply["refused"])
        return Outcome.from_json(reply["outcome"])

    def close(self) -> None:
        """End the server and whatever runs below it; it starts again when it is needed."""
        while not self._starting.acquire(timeout=_PAUSE_SECONDS):
            if (begun := self._begun) is not None and begun.is_ours:
                begun.kill_process()  # its imports would take a second, and nothing waits for them
        try:
            if self._server is not None:
                self._server.stop()
            self._server = None
        finally:
            self._starting.release()

    def _started(self) -> "_Server":
        """Return the server, which starts if it is not there."""
        with self._starting:
            if self._server is None or not self._server.is_ours:
                self._begun = _Server()
                try:
                    self._begun.greet()
                    self._server = self._begun
                finally:
                    self._begun = None
            return self._server

    def _send(self, job: bytes, table: bytes) -> "_Server":
        """Return the server that took the request; one that died since the last request is replaced."""
        server = self._started()
        try:
            server.send(job, table)
        except BrokenPipeError:
            self._kill()
            server = self._started()
            server.send(job, table)
        return server

    def _kill(self) -> tuple[int, str]:
        """End the server by force; return its exit code and the end of its standard error."""
        if self._server is None:
            return 0, ""
        code, complaint = self._server.kill()
        self._server = None
        return code, complaint


class _Server:
    """A server process, from its start to its end."""

    def __init__(self) -> None:
        self._owner = os.getpid()
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the server
        self._folder = Path(tempfile.mkdtemp(prefix="autometa-"))
        try:
            self._process = launch(
                "autometa.evaluation.server",
                self._folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
            )
        except EvaluationError:
            self._folder.rmdir()
            self._stderr.close()
            raise
        self._finalizer = weakref.finalize(self, _stop, self._process, self._folder, self._stderr, self._owner)
        self._table = b""

    def greet(self) -> None:
        """Wait until it is ready; EvaluationError if it does not start."""
        try:
            greeting = self.receive(_START_SECONDS)
        except TimeoutError:
            greeting = None
        if greeting is None:
            code, complaint = self.kill()
            raise EvaluationError(f"the evaluation server did not start; it {describe_exit(code)}: {complaint}")

    @property
    def is_ours(self) -> bool:
        """Whether this process started it: a forked copy of its owner must leave it alone."""
        return os.getpid() == self._owner

    def send(self, job: bytes, table: bytes) -> None:
        """Write a request, the table only if it is another than last time; BrokenPipeError if the server is gone."""
        if self._process.stdin is None:
            raise BrokenPipeError
        send_request(self._process.stdin, job, b"" if table is self._table else table)
        self._table = table

    def receive(self, seconds: float) -> dict[str, Any] | None:  # Any: whatever JSON holds
        """Return the next reply, None if the server has ended; TimeoutError if neither comes in time.

        EvaluationError if another thread closes it meanwhile.
        """
        if self._process.stdout is None:
            return None
        poller = select.poll()
        poller.register(self._process.stdout, select.POLLIN)
        if not poller.poll(1000 * seconds):
            raise TimeoutError
        try:
            line = self._process.stdout.readline()
        except ValueError:
            raise EvaluationError("the evaluator was closed by another thread") from None
        return dict(json.loads(line)) if line.endswith(b"\n") else None

    def stop(self) -> None:
        """End it, and wait until all is over."""
        self._finalizer()

    def kill_process(self) -> None:
        """Have it end by force, whoever waits for it."""
        self._process.kill()

    def kill(self) -> tuple[int, str]:
        """End it and all that it left by force; return its exit code and the end of its standard error."""
        code = self._process.poll()
        if code is None:
            self._process.send_signal(signal.SIGKILL)
            code = self._process.wait()
        end_marked(self._process.pid, self._folder)
        self._stderr.seek(0)
        complaint = self._stderr.read().decode("utf-8", errors="replace").strip()[-1000:]
        self.stop()
        return code, complaint


def _stop(process: "subprocess.Popen[bytes]", folder: Path, stderr: IO[bytes], owner: int) -> None:
    """Close the server's standard input, which ends it, and wait; a forked copy only closes its ends."""
    for stream in (process.stdin, process.stdout, stderr):
        with contextlib.suppress(BrokenPipeError):
            if stream is not None:
                stream.close()
    if os.getpid() != owner:
        return
    try:
        process.wait(_CLOSE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        end_marked(process.pid, folder)
    shutil.rmtree(folder, ignore_errors=True)


def _lost(status: Status, error: str) -> Outcome:
    """Return the outcome of a job whose server is gone."""
    return Outcome(status=status, error=error, folds=(), peak_memory_bytes=0)
