"""Learners that do what no learner should leave a result, no process, and a server that goes on."""

import errno
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest

from autometa.errors import OptionError
from autometa.evaluation import child, hard, limits
from autometa.evaluation.processes import waiting_seconds, written_bytes
from autometa.evaluation.record import Evaluation, Status
from autometa.evaluation.running import Evaluator, Limits
from autometa.pipelines.learners import learners_of
from autometa.space import Configuration
from autometa.task import Task
from tests.evaluation.allowances import CPU_SECONDS, MEMORY_BYTES
from tests.evaluation.hostile_learners import Learner, Predictor, Unpicklable

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="hard limits need Linux")

N_REPETITIONS = 2
PAUSE_SECONDS = 5.0
HOSTILE = Configuration(algorithm="hostile")
CPU_TIME = f"CPU time over the limit of {CPU_SECONDS:g} s"
WALL_TIME = f"wall-clock time over the limit of {3 * CPU_SECONDS:g} s"


def _run(evaluator: Evaluator, task: Task, act: str, file: Path | None = None) -> Evaluation:
    return evaluator.evaluate_estimator(task, Learner(act, str(file or "")), HOSTILE)


_OTHERS: set[psutil.Process] = set()  # below this process, and none of ours: a database server of other tests


@pytest.fixture(scope="module", autouse=True)
def _notice_others() -> None:
    found = psutil.Process().children(recursive=True)
    _OTHERS.update(each for each in found if "autometa.evaluation.server" not in each.cmdline())


def _below(process: psutil.Process) -> list[psutil.Process]:
    return [each for each in process.children(recursive=True) if each not in _OTHERS]


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
        ("loops", Status.TIMED_OUT, CPU_TIME),
        ("loops_in_a_process_of_its_own", Status.TIMED_OUT, CPU_TIME),
        ("works_in_a_daemon", Status.TIMED_OUT, CPU_TIME),
        ("lifts_its_limits_and_loops", Status.TIMED_OUT, CPU_TIME),
        ("ignores_and_blocks_signals", Status.TIMED_OUT, CPU_TIME),
        ("holds_the_lock_of_the_interpreter", Status.TIMED_OUT, CPU_TIME),
        ("is_stopped_by_the_kernel", Status.TIMED_OUT, CPU_TIME),
        ("sleeps", Status.TIMED_OUT, WALL_TIME),
        ("stops_itself", Status.TIMED_OUT, WALL_TIME),
        ("allocates", Status.OUT_OF_MEMORY, "Unable to allocate"),
        ("allocates_shared_memory", Status.OUT_OF_MEMORY, "memory over the limit of 200 MiB"),
        ("allocates_in_processes", Status.OUT_OF_MEMORY, "memory over the limit of 200 MiB"),
        ("lifts_its_limits_and_allocates", Status.OUT_OF_MEMORY, ""),  # either limit, whichever comes first
        ("reports_a_large_start_and_allocates", Status.OUT_OF_MEMORY, ""),
        ("forgets_its_module", Status.FAILED, "KeyError: 'tests.evaluation.hostile_learners'"),
        ("starts_many_processes", Status.FAILED, "more than 64 processes"),
        ("forks_into_sessions_of_their_own", Status.FAILED, "more than 64 processes"),
        ("writes_far_into_a_file", Status.FAILED, "OSError: [Errno 27] File too large"),
        ("goes_on_in_a_fork_only", Status.FAILED, "ended with exit code 0"),
        ("interrupts", Status.FAILED, "KeyboardInterrupt"),
        ("closes_as_a_generator", Status.FAILED, "GeneratorExit: closed"),
        ("recurses", Status.FAILED, "RecursionError: maximum recursion depth exceeded"),
        ("raises_what_has_no_message", Status.FAILED, "MuteError: (its message cannot be had: RuntimeError)"),
        ("raises_what_has_an_odd_name", Status.FAILED, "Odd Name?[31m: ?xxx"),
        ("patches_numpy", Status.FAILED, "TypeError: 'NoneType' object is not callable"),
        ("patches_the_process_number", Status.FAILED, "ended with exit code 1"),
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
    for _ in range(N_REPETITIONS):
        if error != CPU_TIME or WALL_TIME not in evaluation.error:
            break
        time.sleep(PAUSE_SECONDS)  # a busy machine may not give a learner its CPU time within three times that
        evaluation = _run(evaluator, line, act)
    assert (evaluation.status, error in evaluation.error) == (status, True), evaluation.error
    assert evaluation.fold_scores == {}


@pytest.mark.parametrize(
    ("act", "status", "error"),
    [
        ("text", Status.FAILED, "predictions are no real numbers but <U3"),
        ("objects", Status.FAILED, "TypeError"),
        ("dates", Status.FAILED, "predictions are no real numbers but datetime64"),
        ("complex", Status.FAILED, "predictions are no real numbers but complex128"),
        ("columns", Status.FAILED, "predictions of shape (12, 2) for 12 rows"),
        ("lists", Status.FAILED, "inhomogeneous shape"),
        ("generator", Status.FAILED, "predictions of shape () for 12 rows"),
        ("none", Status.FAILED, "predictions of shape () for 12 rows"),
        ("giant", Status.FAILED, "predictions of shape (12, 1000000000000) for 12 rows"),
        ("too_many", Status.OUT_OF_MEMORY, "MemoryError"),
        ("exit", Status.FAILED, "ended with exit code 0"),
    ],
)
def test_predictions_that_are_none_leave_a_status_and_a_reason(
    evaluator: Evaluator, line: Task, act: str, status: Status, error: str
) -> None:
    evaluation = evaluator.evaluate_estimator(line, Predictor(act), HOSTILE)
    assert (evaluation.status, error in evaluation.error) == (status, True), evaluation.error


FOLD = '{"fold": {"fit_seconds": 0, "predict_seconds": 0, "scores": {"rmse": %s, "mae": 0, "r2": 1}, "absent": {}}}'
END = '{"end": ["ok", ""], "peak_bytes": 0}'


@pytest.mark.parametrize(
    "report",
    [
        END,
        "\n".join([*6 * [FOLD % 0], END]),
        "\n".join([*4 * [FOLD % 0], FOLD.replace("mae", "accuracy") % 0, END]),
        FOLD % "NaN",
        FOLD % '"zero"',
        FOLD % "0, 1",
        '{"end": ["ok", "an error"], "peak_bytes": 0}',
        '{"end": ["failed", ""], "peak_bytes": 0}',
        '{"end": ["excellent", ""], "peak_bytes": 0}',
        '{"end": ["ok", ""], "peak_bytes": 1e400}',
        '{"end": ["ok", ""], "peak_bytes": -1}',
        100_000 * "[",
        "5",
        20 * 2**20 * "x",
    ],
    ids=range(14),
)
def test_what_is_no_report_is_not_believed(evaluator: Evaluator, line: Task, report: str) -> None:
    evaluation = evaluator.evaluate_estimator(line, Learner("reports", report), HOSTILE)
    assert evaluation.status is Status.FAILED
    assert "the learner disturbed the report" in evaluation.error, evaluation.error


def test_an_error_in_a_report_is_stored_in_one_clean_line(evaluator: Evaluator, line: Task) -> None:
    report = '{"end": ["failed", "two\\nlines\\u0000\\ud800"], "peak_bytes": 0}'
    evaluation = evaluator.evaluate_estimator(line, Learner("reports", report), HOSTILE)
    assert (evaluation.status, evaluation.error) == (Status.FAILED, "two lines??")


def test_a_stack_that_overflows_is_recorded(evaluator: Evaluator, line: Task) -> None:
    evaluation = _run(evaluator, line, "overflows_the_stack")
    assert evaluation.status is Status.FAILED
    assert "SIGSEGV" in evaluation.error or "RecursionError" in evaluation.error  # since Python 3.12


def test_files_in_memory_have_a_limit_too(evaluator: Evaluator, line: Task) -> None:
    evaluation = _run(evaluator, line, "writes_a_large_file", Path("/dev/shm"))
    assert (evaluation.status, evaluation.error) == (Status.FAILED, "OSError: [Errno 27] File too large")


def test_many_files_have_a_limit_together(line: Task) -> None:
    before = written_bytes(os.getpid())
    with tempfile.TemporaryFile() as file:
        file.write(bytes(2**20))
        file.flush()
        if written_bytes(os.getpid()) == before:
            pytest.skip("the kernel does not count what is written here")
    # On a slow machine 200 MiB cost more than half a second.
    with Evaluator(Limits(cpu_seconds=40 * CPU_SECONDS, memory_bytes=MEMORY_BYTES)) as patient:
        evaluation = _run(patient, line, "writes_many_files")
    assert (evaluation.status, evaluation.error) == (Status.FAILED, "the learner wrote more than 200 MiB to files")


def test_temporary_files_are_gone_after_the_evaluation(evaluator: Evaluator, line: Task, tmp_path: Path) -> None:
    for name in ("first", "second"):
        assert _run(evaluator, line, "leaves_temporary_files", tmp_path / name).status is Status.OK
    folder, *found = (tmp_path / "second").read_text().splitlines()
    assert (list(Path(folder).iterdir()), found) == ([], [])
    evaluator.close()
    assert not Path(folder).exists()


def test_a_full_disk_is_no_failure_of_the_learner(evaluator: Evaluator, line: Task) -> None:
    with pytest.raises(OSError, match="the disk of temporary files is full") as caught:
        _run(evaluator, line, "finds_no_room")
    assert caught.value.errno == errno.ENOSPC
    assert _run(evaluator, line, "nothing").status is Status.OK


def test_predictions_for_which_there_is_no_room_are_no_failure_of_the_learner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(np, "save", _write_half)
    for n_free, code in ((100, errno.ENOSPC), (10**9, None)):
        monkeypatch.setattr("shutil.disk_usage", lambda _, n_free=n_free: SimpleNamespace(free=n_free))
        with pytest.raises(OSError, match=r"No space left|requested") as caught:
            child._save(np.zeros(100), tmp_path / "0.npy")
        assert caught.value.errno == code


def _write_half(*_: object, **__: object) -> None:
    """Fail as NumPy does where the disk is full."""
    raise OSError("100 requested and 50 written")


def test_a_link_for_the_temporary_folder_is_not_followed(evaluator: Evaluator, line: Task, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("kept")
    assert _run(evaluator, line, "puts_a_link_for_its_folder", tmp_path / "precious").status is Status.OK
    assert _run(evaluator, line, "leaves_temporary_files", tmp_path / "found").status is Status.OK
    assert (tmp_path / "precious" / "file").read_text() == "kept"
    assert [path.name for path in (tmp_path / "precious").iterdir()] == ["file"]
    assert len((tmp_path / "found").read_text().splitlines()) == 1


@pytest.mark.parametrize(
    "act",
    [
        "moves_away",
        "patches_clocks",
        "patches_the_exit",
        "patches_the_process_number",
        "changes_global_settings",
        "logs_a_lot",
        "forgets_its_module",
        "forgets_all_modules",
        "lifts_its_limits_and_loops",
        "leaves_a_hundred_threads",
    ],
)
def test_what_a_learner_changes_is_as_before_for_the_next(
    evaluator: Evaluator, line: Task, tmp_path: Path, act: str
) -> None:
    tree = Configuration(algorithm="decision_tree")
    before = evaluator.evaluate(line, tree)
    (server,) = _below(psutil.Process())
    _run(evaluator, line, act)
    after = evaluator.evaluate(line, tree)
    assert (after.status, after.fold_scores) == (Status.OK, before.fold_scores)
    assert _run(evaluator, line, "says_where_it_is", tmp_path / "here").status is Status.OK
    assert (tmp_path / "here").read_text() == os.getcwd()
    assert _below(psutil.Process()) == [server]


def test_clocks_that_a_learner_stopped_do_not_tell_the_time(evaluator: Evaluator, line: Task) -> None:
    evaluation = _run(evaluator, line, "patches_clocks")
    assert 0 <= evaluation.fit_seconds + evaluation.predict_seconds < CPU_SECONDS


def test_a_learner_that_is_killed_is_killed_in_time(evaluator: Evaluator, line: Task) -> None:
    started = time.monotonic()
    _run(evaluator, line, "loops")
    assert 0.8 * CPU_SECONDS < time.monotonic() - started < 3 * CPU_SECONDS + 0.5  # the limit on the clock


@pytest.fixture
def crowd() -> Iterator[int]:
    """A core on which nine others work all the time, each in a session of its own, among which the kernel shares it."""
    core = max(os.sched_getaffinity(0))
    work = f"import os; os.sched_setaffinity(0, {{{core}}})\nwhile True: pass"
    others = [subprocess.Popen([sys.executable, "-c", work], start_new_session=True) for _ in range(9)]
    try:
        yield core
    finally:
        for other in others:
            other.kill()
            other.wait()


def test_a_learner_that_waits_for_a_core_is_not_slow(line: Task, tmp_path: Path, crowd: int) -> None:
    if waiting_seconds(os.getpid()) == 0:
        pytest.skip("the kernel does not count how long a process waits for a core")
    own = Limits(cpu_seconds=CPU_SECONDS, memory_bytes=MEMORY_BYTES)
    core = tmp_path / str(crowd)  # which the learner goes to
    started = time.monotonic()
    with Evaluator(own) as crowded:
        evaluation = _run(crowded, line, "works_on_a_core", core)
    assert evaluation.status is Status.OK, evaluation.error
    assert time.monotonic() - started > own.wall_seconds
    with Evaluator(replace(own, max_wall_seconds=own.wall_seconds)) as hurried:
        evaluation = _run(hurried, line, "works_on_a_core", core)
    assert (evaluation.status, evaluation.error) == (Status.TIMED_OUT, WALL_TIME), "the clock is what was to be kept"


def test_a_fork_bomb_ends(evaluator: Evaluator, line: Task) -> None:
    evaluation = _run(evaluator, line, "forks_again_and_again")
    assert evaluation.status in (Status.FAILED, Status.TIMED_OUT)
    assert "more than 64 processes" in evaluation.error or "CPU time" in evaluation.error


@pytest.mark.parametrize(
    "act",
    [
        "prints",
        "logs_a_lot",
        "leaves_a_thread",
        "leaves_a_hundred_threads",
        "returns_twice",
        "moves_away",
        "patches_clocks",
        "patches_the_exit",
        "changes_global_settings",
    ],
)
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


def test_a_daemon_does_not_outlive_a_server_that_was_killed(evaluator: Evaluator, line: Task, tmp_path: Path) -> None:
    evaluation = _run(evaluator, line, "kills_the_server_and_leaves_a_daemon", tmp_path / "pid")
    assert evaluation.status is Status.FAILED
    assert _is_gone(int((tmp_path / "pid").read_text()))


def test_a_server_that_was_stopped_is_replaced(
    evaluator: Evaluator, line: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hard, "_GRACE_SECONDS", 0.1)
    monkeypatch.setattr(limits, "_LONGEST_PER_CPU", 3.0)
    evaluation = _run(evaluator, line, "stops_the_server")
    assert (evaluation.status, evaluation.error) == (Status.TIMED_OUT, "the evaluation server stopped answering")


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
from autometa.evaluation.running import Evaluator, Limits
from autometa.space import Configuration
from autometa.task import Task
X = pd.DataFrame({"a": np.arange(60.0)})
task = Task(name="line", X=X, y=X["a"] * 2, kind="regression", target="b")
Evaluator().evaluate_estimator(task, Learner("sleeps", sys.argv[1]), Configuration(algorithm="sleeper"))
"""


MEASURED = """
import numpy as np, pandas as pd
from autometa.evaluation.running import Evaluator
from autometa.space import Configuration
from autometa.task import Task
X = pd.DataFrame(np.random.default_rng(0).normal(size=(3_000, 30)))
task = Task(name="noise", X=X.add_prefix("x"), y=X[0] * 2, kind="regression", target="b")
Evaluator().measure(task, Configuration(algorithm="random_forest", values={"n_estimators": 500}))
"""


def test_predictions_that_nobody_waits_for_are_not_left_behind(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "TMPDIR": str(tmp_path)}
    parent = subprocess.Popen([sys.executable, "-c", MEASURED], env=environment)
    while len(below := _below(psutil.Process(parent.pid))) < 2 and parent.poll() is None:
        time.sleep(0.01)
    assert any(path.name.startswith("autometa-predictions-") for path in tmp_path.iterdir())
    parent.kill()
    parent.wait()
    assert all(_is_gone(process.pid) for process in below)
    assert list(tmp_path.iterdir()) == []


def test_nothing_outlives_a_killed_parent(tmp_path: Path) -> None:
    path = str(Path(__file__).parents[2])
    (tmp_path / "temporary").mkdir()
    environment = {**os.environ, "PYTHONPATH": path, "TMPDIR": str(tmp_path / "temporary")}
    parent = subprocess.Popen([sys.executable, "-c", SLEEPER, str(tmp_path / "pid")], env=environment)
    while not (tmp_path / "pid").exists() and parent.poll() is None:
        time.sleep(0.01)
    below = _below(psutil.Process(parent.pid))
    assert len(below) == 2
    parent.kill()
    parent.wait()
    assert all(_is_gone(process.pid) for process in below)
    assert list((tmp_path / "temporary").iterdir()) == []
