"""How the processes of an evaluation are started: same interpreter, same modules, one thread, a folder of their own."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import IO

from autometa.errors import EvaluationError

_ONE_THREAD = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "LOKY_MAX_CPU_COUNT",
)
_TEMPORARY = ("TMPDIR", "TEMP", "TMP", "JOBLIB_TEMP_FOLDER")


def launch(
    module: str, folder: Path, *, stdin: int | IO[bytes], stdout: int | IO[bytes], stderr: IO[bytes] | int
) -> "subprocess.Popen[bytes]":
    """Return the started ``python -m module`` in a session of its own, with this process's import path.

    Temporary files go into ``folder``, which is also its one argument.

    Raises
    ------
    EvaluationError
        If Python does not know its own interpreter, or that cannot be started.
    """
    if not sys.executable:
        raise EvaluationError("Python does not know its interpreter (sys.executable is empty): set it")
    try:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", module, str(folder)],  # -P: no module in the current folder hides a library
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            env=_environment(folder),
            start_new_session=True,  # Ctrl-C is for the user's process, which then ends this one
        )
    except OSError as error:
        raise EvaluationError(f"the interpreter '{sys.executable}' cannot be started: {error}") from error
    _make_as_nice(process.pid)
    return process


def _make_as_nice(leader: int) -> None:
    """Have the session of a process yield to others as this process does.

    Linux shares the processor among sessions first, whatever the nice values of their processes are: see "The autogroup
    feature" in sched(7).
    """
    if sys.platform == "linux" and (niceness := os.nice(0)) > 0:
        with contextlib.suppress(OSError):  # a kernel without the feature
            Path(f"/proc/{leader}/autogroup").write_text(str(niceness), encoding="ascii")


def _environment(folder: Path) -> dict[str, str]:
    """Return the environment: one thread, the import path of this process, the same hashes every time."""
    environment = {**os.environ, **dict.fromkeys(_ONE_THREAD, "1"), **dict.fromkeys(_TEMPORARY, str(folder))}
    environment["PYTHONPATH"] = os.pathsep.join(os.path.abspath(path) for path in sys.path)
    environment["PYTHONHASHSEED"] = "0"
    environment["PYTHONWARNINGS"] = "ignore"
    # pyarrow's allocator starts a thread on import, and a process with threads must not fork
    environment["JE_ARROW_MALLOC_CONF"] = "background_thread:false"
    return environment
