"""Learners that do what no learner should; the tests evaluate them in other processes, which import this file."""

import contextlib
import ctypes
import errno
import gc
import locale
import logging
import mmap
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import sklearn

from tests.evaluation.allowances import SLOWNESS


class Learner:
    """Does something on `fit`, and predicts zeros."""

    def __init__(self, act: str = "nothing", file: str = "") -> None:
        self.act = act
        self.file = file

    def fit(self, X: pd.DataFrame, y: npt.NDArray[np.float64]) -> "Learner":
        getattr(self, f"_{self.act}")()
        return self

    def predict(self, X: pd.DataFrame) -> npt.NDArray[np.float64]:
        zeros = np.zeros(len(X))
        if self.act == "predicts_too_little":
            return zeros[1:]
        if self.act == "predicts_nan":
            return zeros * np.nan
        if self.act == "predicts_huge":
            return zeros + 1e300
        return zeros

    def _nothing(self) -> None: ...

    _predicts_too_little = _predicts_nan = _predicts_huge = _nothing

    def _reports(self) -> None:
        for descriptor in range(3, 50):  # the server's end is among them
            with contextlib.suppress(OSError):
                os.write(descriptor, self.file.encode() + b"\n")

    def _reports_a_large_start_and_allocates(self) -> None:
        self.file = '{"start_bytes": 1000000000000}'
        self._reports()
        self._lifts_its_limits_and_allocates()

    def _lifts_its_limits_and_loops(self) -> None:
        self._lift_limits()
        self._loops()

    def _lifts_its_limits_and_allocates(self) -> None:
        self._lift_limits()
        self._allocates()

    def _lift_limits(self) -> None:
        import resource  # which Windows lacks

        for limit in (resource.RLIMIT_CPU, resource.RLIMIT_DATA, resource.RLIMIT_FSIZE):
            _, highest = resource.getrlimit(limit)
            with contextlib.suppress(ValueError):  # root may, others may not
                resource.setrlimit(limit, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
                continue
            resource.setrlimit(limit, (highest, highest))

    def _ignores_and_blocks_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGXCPU, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        self._loops()

    def _holds_the_lock_of_the_interpreter(self) -> None:
        re.match("(a+)+$", 60 * "a" + "b")  # exponential, in C

    def _works_in_a_daemon(self) -> None:
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                self._loops()
            os._exit(0)
        time.sleep(60)

    def _forks_into_sessions_of_their_own(self) -> None:
        for _ in range(7):
            if os.fork() == 0:
                os.setsid()
        time.sleep(60)

    def _finds_no_room(self) -> None:
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError as error:
            raise ValueError("the model cannot be kept") from error

    def _writes_a_large_file(self) -> None:
        with tempfile.TemporaryFile(dir=self.file or None) as file:
            for _ in range(30):
                file.write(bytes(10 * 2**20))

    def _writes_far_into_a_file(self) -> None:
        with tempfile.TemporaryFile() as file:
            file.seek(195 * 2**20)  # nothing lies below: a disk that takes its time would let time run out first
            file.write(bytes(10 * 2**20))

    def _writes_many_files(self) -> None:
        for _ in range(40):
            descriptor, _ = tempfile.mkstemp()
            os.write(descriptor, bytes(10 * 2**20))
            os.close(descriptor)
        time.sleep(60)

    def _leaves_temporary_files(self) -> None:
        folder = Path(tempfile.gettempdir())
        if not Path(self.file).exists():  # in the first fold
            Path(self.file).write_text("\n".join([str(folder), *map(str, folder.iterdir())]))
        (folder / "folder").mkdir(exist_ok=True)
        (folder / "folder" / "file").write_text("left")

    def _puts_a_link_for_its_folder(self) -> None:
        folder = Path(tempfile.gettempdir())
        if not folder.is_symlink():
            folder.rmdir()
            folder.symlink_to(self.file)

    def _leaves_a_hundred_threads(self) -> None:
        threading.stack_size(2**18)  # else they reserve 800 MiB, which the limit of memory counts
        for _ in range(100):
            threading.Thread(target=time.sleep, args=(60,)).start()

    def _moves_away(self) -> None:
        os.chdir("/")
        os.umask(0o777)
        os.environ.clear()
        sys.path.clear()

    def _says_where_it_is(self) -> None:
        Path(self.file).write_text(os.getcwd())

    def _patches_clocks(self) -> None:
        time.process_time = time.time = time.monotonic = lambda: 1e9

    def _patches_the_exit(self) -> None:
        os._exit = lambda code: None  # type: ignore[assignment, return-value] # the harm itself

    def _patches_numpy(self) -> None:
        np.mean = None  # type: ignore[assignment] # the harm itself

    def _patches_the_process_number(self) -> None:
        os.getpid = lambda: 1

    def _changes_global_settings(self) -> None:
        sklearn.set_config(transform_output="pandas", assume_finite=True)
        pd.set_option("display.precision", 1)
        np.seterr(all="raise")
        np.random.seed(1)
        warnings.simplefilter("error")
        locale.setlocale(locale.LC_ALL, "C")
        gc.disable()

    def _logs_a_lot(self) -> None:
        logging.disable(logging.NOTSET)
        logging.basicConfig(level=logging.DEBUG)
        for number in range(2000):
            logging.getLogger("hostile").error("line %d", number)

    def _forgets_its_module(self) -> None:
        del sys.modules[__name__]

    def _forgets_all_modules(self) -> None:
        sys.modules.clear()

    def _interrupts(self) -> None:
        raise KeyboardInterrupt

    def _closes_as_a_generator(self) -> None:
        raise GeneratorExit("closed")

    def _raises_what_has_no_message(self) -> None:
        raise MuteError

    def _raises_what_has_an_odd_name(self) -> None:
        raise type("Odd\nName\x1b[31m", (Exception,), {})("\x07" + 10**6 * "x")

    def _recurses(self) -> None:
        self._recurses()

    def _overflows_the_stack(self) -> None:
        sys.setrecursionlimit(10**9)
        self._recurse_through_c(0)

    def _recurse_through_c(self, number: int) -> int:
        return max([number], key=self._recurse_through_c)

    def _goes_on_in_a_fork_only(self) -> None:
        if os.fork() != 0:
            os._exit(0)

    def _stops_the_server(self) -> None:
        os.kill(os.getppid(), signal.SIGSTOP)
        time.sleep(60)

    def _kills_the_server_and_leaves_a_daemon(self) -> None:
        self._leaves_a_daemon()
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(60)

    def _loops(self) -> None:
        while True:
            pass

    def _works_on_a_core(self) -> None:
        os.sched_setaffinity(0, {int(Path(self.file).name)})
        deadline = time.process_time() + 0.07 * SLOWNESS  # of five folds, together less than the limit
        while time.process_time() < deadline:
            pass

    def _loops_in_a_process_of_its_own(self) -> None:
        subprocess.run([sys.executable, "-c", "while True: pass"], check=True)

    def _sleeps(self) -> None:
        if self.file:
            Path(self.file).write_text(str(os.getpid()))
        time.sleep(60)

    def _is_stopped_by_the_kernel(self) -> None:
        os.kill(os.getpid(), signal.SIGXCPU)  # what the kernel sends where the server did not look in time

    def _stops_itself(self) -> None:
        os.kill(os.getpid(), signal.SIGSTOP)

    def _allocates(self) -> None:
        hoard = []
        while True:
            hoard.append(np.ones(2**20))
            time.sleep(0.001)

    def _allocates_shared_memory(self) -> None:
        hoard = []
        for _ in range(1000):  # the kernel's limit does not count it
            hoard.append(mmap.mmap(-1, 2**23))
            hoard[-1].write(b"x" * 2**23)

    def _allocates_in_processes(self) -> None:
        code = "import time; hoard = b'x' * (120 * 2**20); time.sleep(60)"
        processes = [subprocess.Popen([sys.executable, "-S", "-E", "-c", code]) for _ in range(2)]
        for process in processes:
            process.wait()

    def _allocates_100_mib_and_lets_go(self) -> None:
        np.ones(100 * 2**17)

    def _forks_again_and_again(self) -> None:
        for _ in range(7):  # 128 processes, no more
            os.fork()
        time.sleep(60)

    def _starts_many_processes(self) -> None:
        for _ in range(100):
            os.posix_spawnp("sleep", ["sleep", "60"], dict(os.environ))
        time.sleep(60)

    def _returns_twice(self) -> None:
        os.fork()

    def _computes_in_a_process(self) -> None:
        code = "import time; end = time.process_time() + 0.05\nwhile time.process_time() < end: pass"
        subprocess.run([sys.executable, "-S", "-E", "-c", code], check=True)

    def _exits(self) -> None:
        sys.exit("enough")

    def _exits_at_once(self) -> None:
        os._exit(3)

    def _crashes(self) -> None:
        ctypes.string_at(0)

    def _aborts(self) -> None:
        os.abort()

    def _raises(self) -> None:
        raise RuntimeError("two\nlines")

    def _prints(self) -> None:
        for descriptor in (1, 2):
            for _ in range(200):
                os.write(descriptor, b"x" * 9999 + b"\n")
        print("{}")  # noqa: T201 - the point of it
        sys.stdout.flush()

    def _writes_everywhere(self) -> None:
        for descriptor in range(3, 50):
            try:
                os.write(descriptor, b"garbage\n")
            except OSError:
                continue

    def _closes_everything(self) -> None:
        os.closerange(0, 100)

    def _leaves_a_daemon(self) -> None:
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                Path(self.file).write_text(str(os.getpid()))
                time.sleep(60)
            os._exit(0)
        os.wait()
        while not Path(self.file).exists():
            time.sleep(0.01)

    def _leaves_a_thread(self) -> None:
        threading.Thread(target=time.sleep, args=(60,)).start()

    def _kills_the_server(self) -> None:
        if self.file:
            if os.fork() == 0:
                Path(self.file).write_text(str(os.getpid()))
                time.sleep(60)
            while not Path(self.file).exists():
                time.sleep(0.01)
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(60)

    def _asks_for_input(self) -> None:
        input()


class MuteError(BaseException):
    """Fails when it is asked for its message."""

    def __str__(self) -> str:
        raise RuntimeError("mute")


class Predictor(Learner):
    """Predicts what is no vector of numbers."""

    def predict(self, X: pd.DataFrame) -> Any:  # Any: the point of it
        return getattr(self, f"_{self.act}")(len(X))

    def fit(self, X: pd.DataFrame, y: npt.NDArray[np.float64]) -> "Predictor":
        return self

    def _text(self, n_rows: int) -> Any:
        return np.full(n_rows, "1.5")

    def _objects(self, n_rows: int) -> Any:
        return np.array([object() for _ in range(n_rows)])

    def _dates(self, n_rows: int) -> Any:
        return np.full(n_rows, np.datetime64("2020-01-01"))

    def _complex(self, n_rows: int) -> Any:
        return np.full(n_rows, 1j)

    def _columns(self, n_rows: int) -> Any:
        return np.zeros((n_rows, 2))

    def _lists(self, n_rows: int) -> Any:
        return [[0.0] * (row % 2) for row in range(n_rows)]

    def _generator(self, n_rows: int) -> Any:
        return (0.0 for _ in range(n_rows))

    def _none(self, n_rows: int) -> Any:
        return None

    def _giant(self, n_rows: int) -> Any:
        return np.broadcast_to(0.0, (n_rows, 10**12))

    def _too_many(self, n_rows: int) -> Any:
        return [0.0] * 10**9

    def _exit(self, n_rows: int) -> Any:
        os._exit(0)


class LearnerOfOne(Learner):
    """A classifier that has seen class 0 only and says so, in probabilities of a chosen kind."""

    def __init__(self, probability: float = 1.0) -> None:
        super().__init__()
        self.probability = probability
        self.classes_ = np.array([0])

    def predict_proba(self, X: pd.DataFrame) -> npt.NDArray[np.float64]:
        return np.full((len(X), 1), self.probability)


class Unpicklable(Learner):
    """Holds what cannot be sent to another process."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()
