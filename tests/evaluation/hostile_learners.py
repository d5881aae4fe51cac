"""Learners that do what no learner should; the tests evaluate them in other processes, which import this file."""

import ctypes
import mmap
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd


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

    def _loops(self) -> None:
        while True:
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
