"""Learners that do what no learner should leave a result, no process, and a server that goes on."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from autometa.errors import OptionError
from autometa.evaluation.record import Evaluation, Status
from autometa.evaluation.running import Evaluator
from autometa.pipelines.learners import learners_of
from autometa.space import Configuration
from autometa.task import Task
from tests.evaluation.hostile_learners import Learner, Unpicklable

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="hard limits need Linux")

HOSTILE = Configuration(algorithm="hostile")


def _run(evaluator: Evaluator, task: Task, act: str, file: Path | None = None) -> Evaluation:
    return evaluator.evaluate_estimator(task, Learner(act, str(file or "")), HOSTILE)


def _below(process: psutil.Process) -> list[psutil.Process]:
    return process.children(recursive=True)


def _is_gone(pid: int, within_seconds: float = 5.0) -> bool:
    deadline = time.monotonic() + within_seconds
    while _is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not _is_running(pid)


def _is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture(autouse=True)
def _nothing_is_left(evaluator: Evaluator, line: Task) -> Iterator[None]:
    """After every test the server has no child, and evaluates."""
    yield
    assert len(_below(psutil.Process())) <= 1
    assert _run(evaluator, line, "nothing").status is Status.OK


@pytest.mark.parametrize(
    ("act", "status", "error"),
    [
        ("loops", Status.TIMED_OUT, "CPU time over the limit of 0.5 s"),
        ("loops_in_a_process_of_its_own", Status.TIMED_OUT, "CPU time over the limit of 0.5 s"),
        ("is_stopped_by_the_kernel", Status.TIMED_OUT, "CPU time over the limit of 0.5 s"),
        ("sleeps", Status.TIMED_OUT, "wall-clock time over the limit of 1.5 s"),
        ("stops_itself", Status.TIMED_OUT, "wall-clock time over the limit of 1.5 s"),
        ("allocates", Status.OUT_OF_MEMORY, "Unable to allocate"),
        ("allocates_shared_memory", Status.OUT_OF_MEMORY, "memory over the limit of 200 MiB"),
        ("allocates_in_processes", Status.OUT_OF_MEMORY, "memory over the limit of 200 MiB"),
        ("starts_many_processes", Status.FAILED, "more than 64 processes"),
        ("exits", Status.FAILED, "SystemExit: enough"),
        ("exits_at_once", Status.FAILED, "ended with exit code 3"),
        ("crashes", Status.FAILED, "killed by SIGSEGV"),
        ("aborts", Status.FAILED, "killed by SIGABRT"),
        ("raises", Status.FAILED, "RuntimeError: two lines"),
        ("closes_everything", Status.FAILED, "ended with exit code 1"),
        ("writes_everywhere", Status.FAILED, "disturbed the report"),
        ("asks_for_input", Status.FAILED, "EOFError"),
        ("predicts_too_little", Status.FAILED, "predictions of shape (11,) for 12 rows"),
        ("predicts_nan", Status.FAILED, "12 of the learner's predictions are not finite"),
        ("predicts_huge", Status.FAILED, "rmse is not finite"),
    ],
)
def test_a_hostile_learner_leaves_a_status_and_a_reason(
    evaluator: Evaluator, line: Task, act: str, status: Status, error: str
) -> None:
    evaluation = _run(evaluator, line, act)
    assert (evaluation.status, error in evaluation.error) == (status, True), evaluation.error
    assert evaluation.fold_scores == {}


def test_a_learner_that_is_killed_is_killed_in_time(evaluator: Evaluator, line: Task) -> None:
    started = time.monotonic()
    _run(evaluator, line, "loops")
    assert 0.4 < time.monotonic() - started < 2.0


def test_a_fork_bomb_ends(evaluator: Evaluator, line: Task) -> None:
    evaluation = _run(evaluator, line, "forks_again_and_again")
    assert evaluation.status in (Status.FAILED, Status.TIMED_OUT)
    assert "more than 64 processes" in evaluation.error or "CPU time" in evaluation.error


@pytest.mark.parametrize("act", ["prints", "leaves_a_thread", "returns_twice"])
def test_a_learner_that_misbehaves_but_ends_is_ok(
    evaluator: Evaluator, line: Task, act: str, capfd: pytest.CaptureFixture[str]
) -> None:
    evaluation = _run(evaluator, line, act)
    assert evaluation.status is Status.OK, evaluation.error
    assert len(evaluation.fold_scores["rmse"]) == 5
    assert capfd.readouterr() == ("", "")


def test_a_daemon_does_not_outlive_its_learner(evaluator: Evaluator, line: Task, tmp_path: Path) -> None:
    assert _run(evaluator, line, "leaves_a_daemon", tmp_path / "pid").status is Status.OK
    assert _is_gone(int((tmp_path / "pid").read_text()), within_seconds=0)


def test_a_learner_that_kills_the_server_is_recorded(evaluator: Evaluator, line: Task, tmp_path: Path) -> None:
    evaluation = _run(evaluator, line, "kills_the_server", tmp_path / "pid")
    assert evaluation.status is Status.FAILED
    assert "the evaluation server was killed by SIGKILL" in evaluation.error
    assert _is_gone(int((tmp_path / "pid").read_text()))


def test_a_server_that_was_killed_while_idle_is_replaced(evaluator: Evaluator, line: Task) -> None:
    _run(evaluator, line, "nothing")
    (server,) = _below(psutil.Process())
    server.kill()
    _is_gone(server.pid)
    assert _run(evaluator, line, "nothing").status is Status.OK


def test_peak_memory_is_the_learners_own(evaluator: Evaluator, line: Task) -> None:
    mib = 2**20
    assert _run(evaluator, line, "nothing").peak_memory_bytes < 20 * mib
    peak = _run(evaluator, line, "allocates_100_mib_and_lets_go").peak_memory_bytes
    assert 100 * mib <= peak < 120 * mib


def test_peak_memory_of_a_killed_learner_is_about_the_limit(evaluator: Evaluator, line: Task) -> None:
    mib = 2**20
    assert 190 * mib < _run(evaluator, line, "allocates").peak_memory_bytes < 230 * mib


def test_the_server_has_one_thread_whatever_it_builds(evaluator: Evaluator, line: Task) -> None:
    for learner in learners_of(line.kind):
        evaluator.evaluate(line, Configuration(algorithm=learner.algorithm))
        (server,) = _below(psutil.Process())
        assert server.num_threads() == 1, learner.algorithm


def test_an_estimator_that_cannot_be_sent_is_refused(evaluator: Evaluator, line: Task) -> None:
    with pytest.raises(OptionError, match="Unpicklable cannot be sent to another process"):
        evaluator.evaluate_estimator(line, Unpicklable(), HOSTILE)


SLEEPER = """
import sys
import numpy as np, pandas as pd
from tests.evaluation.hostile_learners import Learner
from autometa.evaluation.running import Evaluator
from autometa.space import Configuration
from autometa.task import Task
X = pd.DataFrame({"a": np.arange(60.0)})
task = Task(name="line", X=X, y=X["a"] * 2, kind="regression", target="b")
Evaluator().evaluate_estimator(task, Learner("sleeps", sys.argv[1]), Configuration(algorithm="sleeper"))
"""


def test_nothing_outlives_a_killed_parent(tmp_path: Path) -> None:
    path = str(Path(__file__).parents[2])
    parent = subprocess.Popen(
        [sys.executable, "-c", SLEEPER, str(tmp_path / "pid")], env={**os.environ, "PYTHONPATH": path}
    )
    while not (tmp_path / "pid").exists() and parent.poll() is None:
        time.sleep(0.01)
    below = _below(psutil.Process(parent.pid))
    assert len(below) == 2
    parent.kill()
    parent.wait()
    assert all(_is_gone(process.pid) for process in below)
