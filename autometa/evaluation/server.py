"""The server: imports the libraries once, forks a child per evaluation, watches it and ends its tree.

It is one process with one thread, started by `hard.ForkServer`: requests come on standard input, replies
leave as lines of JSON on what was standard output. It ends with its parent, and everything below ends with
it.
"""

import contextlib
import gc
import json
import os
import select
import shutil
import signal
import sys
import time
from typing import NoReturn

from autometa.errors import UserError
from autometa.evaluation import processes
from autometa.evaluation.child import build_learner, import_libraries, run_confined
from autometa.evaluation.limits import MAX_PROCESSES
from autometa.evaluation.messages import (
    Job,
    Outcome,
    Reports,
    describe_exit,
    read_request,
    write_line,
)
from autometa.evaluation.record import Status

_REQUESTS = 0
_IDLE_SECONDS = 2.0  # how long a server outlives a parent whose pipe someone else holds open
_PAUSE_SECONDS = 0.05  # between two looks at a child
_FIRST_SCAN_SECONDS = 0.25
_SCAN_SHARE = 0.05  # of the server's time may go into scanning all processes,
_SCAN_SECONDS = 1.0  # but so often it is done at least
_FAREWELL_SECONDS = 0.5  # for a child to end after its last words
_NEARLY = 0.8  # a crash at this share of the memory limit is blamed on it


def main() -> NoReturn:
    """Serve until the parent closes standard input or ends."""
    parent, folder = os.getppid(), sys.argv[1]
    replies = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    processes.adopt_orphans()
    import_libraries()
    gc.collect()
    with contextlib.suppress(BrokenPipeError):
        write_line(replies, json.dumps({"ready": os.getpid()}))
        table = b""
        while _is_asked(parent):
            request = read_request(sys.stdin.buffer)
            if request is None:
                break
            table = request[1] or table
            reply = _answer(request[0], table, parent, replies)
            _empty(folder)
            write_line(replies, reply)
    _leave(folder)


def _leave(*folders: str) -> NoReturn:
    """End this process, and these folders with it."""
    for folder in filter(None, folders):
        shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


def _is_asked(parent: int) -> bool:
    """Wait for a request or the end of the stream; return False if the parent has ended."""
    poller = select.poll()
    poller.register(_REQUESTS, select.POLLIN)
    while not poller.poll(1000 * _IDLE_SECONDS):
        if os.getppid() != parent:
            return False
    return True


def _answer(job: Job, table: bytes, parent: int, replies: int) -> str:
    """Return the reply to one request, in JSON.

    The learner is built here and not in the child, so that its libraries are imported once.
    """
    try:
        learner = build_learner(job)
    except UserError as error:
        return json.dumps({"refused": [type(error).__name__, str(error)]})
    server = os.getpid()
    reading, writing = os.pipe()
    gc.freeze()  # what the child does not look at stays shared with it
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.close(replies)
        run_confined(job, table, learner, writing, server)
    gc.unfreeze()
    os.close(writing)
    with contextlib.suppress(OSError):  # the child does the same; whoever comes first
        os.setpgid(child, child)
    watch = _Watch(child=child, reports=reading, job=job, parent=parent)
    try:
        return watch.run().to_json()
    finally:
        os.close(reading)


def _empty(folder: str) -> None:
    """Leave nothing in the folder for temporary files; a link, which a learner may have put there, is not followed."""
    if os.path.islink(folder):
        os.unlink(folder)
    if not os.path.isdir(folder) or os.listdir(folder):
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder, mode=0o700, exist_ok=True)


class _Watch:
    """One child, from the fork to the end of its process tree."""

    def __init__(self, *, child: int, reports: int, job: Job, parent: int) -> None:
        self._child = child
        self._descriptor = reports
        self._limits = job.limits
        self._predictions_folder = job.predictions_folder
        self._parent = parent
        self._reports = Reports()
        self._started = time.monotonic()
        self._next_scan = self._started + _FIRST_SCAN_SECONDS
        self._peak_bytes = 0
        self._others: list[processes.ProcessTimes] = []
        self._others_bytes = 0
        self._written_bytes = 0
        os.set_blocking(reports, False)
        self._poller = select.poll()
        self._poller.register(_REQUESTS, select.POLLIN)
        self._poller.register(reports, select.POLLIN)

    def run(self) -> Outcome:
        """Return the outcome; nothing of the tree is left then."""
        verdict = self._wait()
        for end in (os.kill, os.killpg):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                end(self._child, signal.SIGKILL)
        _, wait_status, usage = os.wait4(self._child, 0)
        processes.end_descendants()
        if verdict is None:
            cpu_seconds = usage.ru_utime + usage.ru_stime
            verdict = self._explain(os.waitstatus_to_exitcode(wait_status), cpu_seconds)
        return Outcome(
            status=verdict[0],
            error=verdict[1],
            folds=tuple(self._reports.folds),
            peak_memory_bytes=max(self._peak_bytes, self._reports.peak_bytes),
        )

    def _wait(self) -> tuple[Status, str] | None:
        """Return how the evaluation ended; None if the child ended without a word."""
        pause = 0.001
        while True:
            ready = {descriptor for descriptor, _ in self._poller.poll(1000 * pause)}
            if _REQUESTS in ready or os.getppid() != self._parent:
                self._end_all()
            has_ended = self._has_ended()  # asked before reading, so that nothing said before is missed
            if not self._read() and self._descriptor in ready:
                self._poller.unregister(self._descriptor)
                pause = 0.001
            if self._reports.verdict is not None:
                self._await_farewell()
                return self._reports.verdict
            if has_ended:
                return None
            excess = self._excess()
            if excess is not None:
                return excess
            pause = min(2 * pause, _PAUSE_SECONDS)

    def _read(self) -> bool:
        """Take in what the child has said; return False at the end of the pipe."""
        try:
            while self._reports.verdict is None:
                content = os.read(self._descriptor, 2**16)
                if not content:
                    return False
                self._reports.feed(content)
        except BlockingIOError:
            pass
        return True

    def _has_ended(self) -> bool:
        """Return whether the child has ended; it stays to be waited for."""
        return os.waitid(os.P_PID, self._child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def _await_farewell(self) -> None:
        """Give the child a moment to end by itself after its last words."""
        deadline = time.monotonic() + _FAREWELL_SECONDS
        while not self._has_ended() and time.monotonic() < deadline:
            time.sleep(0.001)

    def _excess(self) -> tuple[Status, str] | None:
        """Return the limit that the tree has passed, if any."""
        now = time.monotonic()
        if now >= self._next_scan:
            self._scan()
            self._next_scan = now + min((time.monotonic() - now) / _SCAN_SHARE, _SCAN_SECONDS)
        excess = self._compare()
        if excess is not None and self._others:  # some may have ended since, and count in their parent now
            self._scan()
            excess = self._compare()
        return excess

    def _compare(self) -> tuple[Status, str] | None:
        """Return the limit that the child's own usage passes together with that of the others at the last scan."""
        limits = self._limits
        times = processes.read_times(self._child)
        cpu_seconds = sum(process.cpu_seconds for process in (*self._others, *([times] if times else [])))
        if len(self._others) >= MAX_PROCESSES:
            return Status.FAILED, f"the learner started more than {MAX_PROCESSES} processes"
        if self._measure_memory() > limits.memory_bytes:
            return Status.OUT_OF_MEMORY, f"memory over the limit of {limits.memory_bytes / 2**20:.0f} MiB"
        if self._written_bytes > limits.memory_bytes:
            return Status.FAILED, f"the learner wrote more than {limits.memory_bytes / 2**20:.0f} MiB to files"
        if cpu_seconds > limits.cpu_seconds:
            return Status.TIMED_OUT, f"CPU time over the limit of {limits.cpu_seconds:g} s"
        elapsed = time.monotonic() - self._started
        if elapsed > limits.longest_seconds:
            return Status.TIMED_OUT, f"wall-clock time over the limit of {limits.longest_seconds:g} s"
        if elapsed > limits.wall_seconds and elapsed - self._waited() > limits.wall_seconds:
            return Status.TIMED_OUT, f"wall-clock time over the limit of {limits.wall_seconds:g} s"
        return None

    def _waited(self) -> float:
        """Return seconds in which the tree had work but no core, as the process in it that waited longest."""
        return max(processes.waiting_seconds(pid) for pid in (self._child, *(process.pid for process in self._others)))

    def _scan(self) -> None:
        """Look for processes below the child, or orphaned by it, and for the memory that they add to its own.

        Anonymous pages are shared only among the server and what it forked: all together, each page once, less
        what the server itself holds, is the tree's.
        """
        server = os.getpid()
        below = processes.descendants(server)
        self._others = [process for process in below if process.pid != self._child]
        self._others_bytes = 0
        self._written_bytes = sum(processes.written_bytes(pid) for pid in (self._child, *(p.pid for p in self._others)))
        memory, child = processes.read_memory(server), processes.read_memory(self._child)
        if 0 < len(self._others) < MAX_PROCESSES and memory and child:
            all_bytes = sum(processes.proportional_bytes(pid) for pid in (server, *(p.pid for p in below)))
            own_bytes = child.own_bytes - self._reports.start_bytes
            self._others_bytes = max(0, all_bytes - memory.own_bytes - own_bytes)

    def _measure_memory(self) -> int:
        """Return the bytes of the tree above the child's start, and remember the most."""
        memory = processes.read_memory(self._child)
        if memory is None or not self._reports.start_bytes:  # the child is ending, or has yet to begin
            return 0
        tree_bytes = memory.own_bytes - self._reports.start_bytes + self._others_bytes
        once_bytes = memory.peak_bytes - memory.file_bytes - self._reports.start_bytes
        self._peak_bytes = max(self._peak_bytes, tree_bytes, once_bytes)
        return tree_bytes

    def _explain(self, code: int, cpu_seconds: float) -> tuple[Status, str]:
        """Return what an end without a word means, by exit code or, negative, by signal."""
        if code == -signal.SIGXCPU or (code < 0 and cpu_seconds >= self._limits.cpu_seconds):
            return Status.TIMED_OUT, f"CPU time over the limit of {self._limits.cpu_seconds:g} s"
        error = f"the learner's process {describe_exit(code)}"
        if code < 0 and self._peak_bytes >= _NEARLY * self._limits.memory_bytes:
            return Status.OUT_OF_MEMORY, f"{error}, near the limit of memory"
        return Status.FAILED, error

    def _end_all(self) -> NoReturn:
        """End the tree and this process: nobody waits for the outcome, or for what is predicted."""
        processes.end_descendants()
        _leave(sys.argv[1], self._predictions_folder)


if __name__ == "__main__":
    main()
