"""The user's end of the server: whatever becomes of the server, an error says so, and nothing is left."""

import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType

import psutil
import pytest

from autometa.errors import EvaluationError
from autometa.evaluation import hard
from autometa.evaluation.hard import ForkServer
from autometa.evaluation.limits import Limits
from autometa.evaluation.record import Status
from autometa.evaluation.running import Evaluator
from autometa.space import Configuration
from autometa.task import Task
from tests.evaluation.hostile_learners import Learner

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="hard limits need Linux")

HOSTILE = Configuration(algorithm="hostile")


@pytest.fixture(autouse=True)
def _nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """After every test there is no process more than before, and no temporary file."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = set(psutil.Process().children())
    yield
    assert set(psutil.Process().children()) <= before
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("interpreter", "error"),
    [
        ("", "does not know its interpreter"),
        ("/no/such/python", "the interpreter '/no/such/python' cannot be started"),
        ("/bin/false", "the evaluation server did not start; it ended with exit code 1"),
    ],
)
def test_a_server_that_does_not_start_is_an_error(
    line: Task, monkeypatch: pytest.MonkeyPatch, interpreter: str, error: str
) -> None:
    monkeypatch.setattr(sys, "executable", interpreter)
    with Evaluator(hard=True) as evaluator, pytest.raises(EvaluationError, match=error):
        evaluator.evaluate_estimator(line, Learner(), HOSTILE)


def test_a_server_that_breaks_is_an_error_with_its_last_words() -> None:
    with pytest.raises(EvaluationError, match=r"(?s)server ended with exit code 1: .*UnpicklingError"):
        ForkServer().run(b"no pickle", b"no table", Limits())


def test_a_close_does_not_wait_for_a_start_that_is_under_way() -> None:
    runner, before = ForkServer(), set(psutil.Process().children())
    with ThreadPoolExecutor(1) as pool:
        start = pool.submit(runner.start)
        while not (begun := set(psutil.Process().children()) - before):
            assert not start.done()
        runner.close()
        with pytest.raises(EvaluationError, match="the evaluation server did not start; it was killed by SIGKILL"):
            start.result()
    assert not any(each.is_running() for each in begun)
    runner.start()
    (server,) = set(psutil.Process().children()) - before
    runner.close()
    assert not server.is_running()


def test_an_interrupt_ends_the_evaluation_and_the_next_one_is_right(line: Task) -> None:
    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGALRM, interrupt)
    try:
        with Evaluator() as evaluator:
            assert evaluator.evaluate_estimator(line, Learner(), HOSTILE).status is Status.OK
            signal.setitimer(signal.ITIMER_REAL, 0.3)
            with pytest.raises(KeyboardInterrupt):
                evaluator.evaluate_estimator(line, Learner("sleeps"), HOSTILE)
            after = evaluator.evaluate_estimator(line, Learner("raises"), HOSTILE)
            assert after.error == "RuntimeError: two lines"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def test_a_server_that_does_not_end_when_asked_is_killed(line: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hard, "_CLOSE_SECONDS", 0.1)
    before = set(psutil.Process().children())
    with Evaluator() as evaluator:
        evaluator.evaluate_estimator(line, Learner(), HOSTILE)
        (server,) = set(psutil.Process().children()) - before
        os.kill(server.pid, signal.SIGSTOP)
    assert not server.is_running()
