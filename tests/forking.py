"""The command line, each time in a process of its own: a fork of one that has imported what commands import.

A fresh interpreter takes longer to import the libraries than most commands take. Where processes cannot be forked with
threads in them, and for what only a fresh one has, as another hash seed, there is `run_fresh`.
"""

import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import runpy
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, NoReturn, Self

import autometa

ROOT = Path(__file__).parents[1]
TIMEOUT_SECONDS = 300
CAN_FORK = sys.platform == "linux"

# What commands import when they need it, and no module of ours at its top.
_LIBRARIES = (
    "lightgbm",
    "pandas.io.parsers",
    "pyarrow.parquet",
    "scipy.stats",
    "sklearn.ensemble",
    "sklearn.model_selection",
    "skrub",
    "sqlalchemy.dialects.sqlite",
)
_STREAMS = (("stdin", os.O_RDONLY), ("stdout", os.O_WRONLY | os.O_CREAT), ("stderr", os.O_WRONLY | os.O_CREAT))

Completed = subprocess.CompletedProcess[str]


def run_fresh(arguments: Sequence[str], cwd: Path, stdin: str, environment: dict[str, str]) -> Completed:
    """Return what came of a command in an interpreter of its own."""
    return subprocess.run(
        [sys.executable, "-m", "autometa", *arguments],
        cwd=cwd,
        env=environment,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )


class Forks:
    """Runs commands in forks of a process, one after another; starts it when it is needed, and again if it ended."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._folder = tempfile.TemporaryDirectory()
        self._streams = {name: Path(self._folder.name, name) for name, _ in _STREAMS}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()
        self._folder.cleanup()

    def run(self, arguments: Sequence[str], cwd: Path, stdin: str, environment: dict[str, str]) -> Completed:
        """Return what came of a command."""
        for path in self._streams.values():
            path.unlink(missing_ok=True)
        self._streams["stdin"].write_text(stdin, encoding="utf-8")
        request = {
            "arguments": list(arguments),
            "cwd": str(cwd),
            "environment": environment,
            "streams": {name: str(path) for name, path in self._streams.items()},
        }
        status, why_not = self._ask(json.dumps(request))
        assert status, f"autometa {' '.join(arguments)}: {why_not}"
        said = {name: self._streams[name].read_text(encoding="utf-8") for name in ("stdout", "stderr")}
        return subprocess.CompletedProcess(list(arguments), int(status), **said)

    def _ask(self, request: str) -> tuple[str, str]:
        """Return the exit status of what is requested; where there is none, nothing and the reason."""
        if self._process is None:
            self._process = _started()
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        overdue = threading.Timer(TIMEOUT_SECONDS, os.killpg, (process.pid, signal.SIGKILL))
        overdue.start()
        with contextlib.suppress(BrokenPipeError):  # it ended before; it says no status then
            process.stdin.write(f"{request}\n")
            process.stdin.flush()
        status = process.stdout.readline()
        took_too_long = not overdue.is_alive()
        overdue.cancel()
        if status:
            return status, ""
        self._stop()
        if took_too_long:
            return "", f"took more than {TIMEOUT_SECONDS} s"
        return "", f"the process to be forked ended early, with status {process.returncode}"

    def _stop(self) -> None:
        """End the process."""
        if self._process is not None:
            with contextlib.suppress(BrokenPipeError), self._process:  # closes its standard input, and waits
                self._process = None


def _started() -> "subprocess.Popen[str]":
    """Return a process that imports what commands import; it ends with this one at the latest."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.forking"],
        cwd=ROOT,
        # a process with threads must not fork, and pyarrow's allocator starts one on import
        env={**os.environ, "JE_ARROW_MALLOC_CONF": "background_thread:false"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _serve() -> None:
    """Import, then fork for each request; the fork goes on as `python -m autometa`."""
    for module in pkgutil.walk_packages(autometa.__path__, "autometa."):
        if not module.name.endswith("__main__"):
            with contextlib.suppress(ModuleNotFoundError):  # an optional library may be absent
                importlib.import_module(module.name)
    for name in _LIBRARIES:
        importlib.import_module(name)
    gc.freeze()  # or the first collection in a fork copies what the two share
    with os.fdopen(os.dup(0), encoding="utf-8") as requests, os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        for line in requests:
            child = os.fork()
            if child == 0:
                _become(json.loads(line), requests, answers)
            _, status = os.waitpid(child, 0)
            answers.write(f"{os.waitstatus_to_exitcode(status)}\n")
            answers.flush()


def _become(request: dict[str, Any], *ours: IO[str]) -> NoReturn:  # Any: as JSON has it
    """Be the command of a request, with its streams, folder and environment."""
    for descriptor, (name, flags) in enumerate(_STREAMS):
        opened = os.open(request["streams"][name], flags, 0o600)
        os.dup2(opened, descriptor)
        os.close(opened)
    for stream in ours:
        stream.close()
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.path[0] = request["cwd"]
    sys.argv[1:] = request["arguments"]
    _end(_status_of_command())


def _status_of_command() -> int:
    """Run `python -m autometa`, and return its exit status."""
    try:
        runpy.run_module("autometa", run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        return int(ended.code or 0)
    except BaseException:  # noqa: BLE001 - as an interpreter does
        sys.excepthook(*sys.exc_info())
        return 1
    return 0


def _end(status: int) -> NoReturn:
    """End as an interpreter does, but for taking all apart: that would copy the memory that the fork shares."""
    threading._shutdown()  # type: ignore[attr-defined] # waits for threads
    atexit._run_exitfuncs()
    sys.stdout.flush()
    os._exit(status)


if __name__ == "__main__":
    _serve()
