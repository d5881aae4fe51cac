"""Growing on a Dask cluster: real processes, one of which is killed in the middle."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autometa.errors import MissingDependencyError, OptionError
from autometa.evaluation.limits import Limits
from autometa.evaluation.protocol import OwnSplits
from autometa.evaluation.running import Evaluator
from autometa.growing import cluster
from autometa.growing.cluster import DaskRunner
from autometa.growing.plan import Plan, Progress
from autometa.growing.running import grow
from autometa.growing.tables import Ready, TableSource, find_tables
from autometa.knowledge.base import KnowledgeBase
from autometa.metric import METRICS
from autometa.pipelines.building import PIPELINES_VERSION
from autometa.space import Configuration
from autometa.task_kind import TaskKind
from tests.conftest import Command

distributed = pytest.importorskip("distributed", reason="needs the extra distributed")

FORESTS = tuple(Configuration(algorithm="random_forest", values={"n_estimators": 50 + n}) for n in range(12))


@pytest.fixture(scope="module")
def running_cluster() -> Iterator[Any]:  # Any: most of Dask has no types
    """A cluster of two worker processes on this machine."""
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as found:
        yield found


@pytest.fixture
def plan(examples: Path) -> Plan:
    """Forests on one table."""
    return Plan(
        sources=find_tables(examples / "wine.csv"), candidates={TaskKind.MULTICLASS: FORESTS}, origin="the cluster"
    )


def test_what_a_killed_worker_ran_is_run_by_others_and_all_results_are_those_of_this_machine(
    running_cluster: Any, plan: Plan, tmp_path: Path
) -> None:
    address = running_cluster.scheduler_address
    stored: list[int] = []
    lost: list[str] = []

    with (
        KnowledgeBase.create(tmp_path / "runs.db") as base,
        distributed.Client(address, set_as_default=False) as client,
    ):

        def kill_a_worker(_: Progress) -> None:
            stored.append(len(base.evaluations()))
            if len(stored) == 2:
                processes = client.run(os.getpid)
                victim = next(worker for worker, begun in client.processing().items() if begun)
                lost.extend(client.processing()[victim])
                os.kill(processes[victim], signal.SIGKILL)

        grown = grow(base, plan, runner=DaskRunner(plan, address), report=kill_a_worker)
        found = base.evaluations()
    assert lost
    assert (grown.n_new, grown.n_left) == (len(FORESTS), 0)
    assert stored == list(range(1, len(FORESTS) + 1)), "results do not come one by one"
    assert set(found["status"]) == {"ok"}
    assert set(found["origin"]) == {"the cluster"}
    with KnowledgeBase.create(tmp_path / "local.db") as base:
        grow(base, replace(plan, candidates={TaskKind.MULTICLASS: FORESTS[:3]}))
        expected = base.evaluations().set_index("key")
    here = found.set_index("key").loc[expected.index]
    for metric in METRICS:
        assert here[metric].tolist() == pytest.approx(expected[metric].tolist(), rel=1e-9, nan_ok=True)


def _start_worker(address: str) -> "subprocess.Popen[bytes]":
    """Start a worker that nobody starts again when it dies."""
    options = ("--no-nanny", "--nthreads", "1", "--no-dashboard")
    command = [sys.executable, "-m", "dask", "worker", address, *options]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.fixture
def mortal() -> Iterator[Any]:
    """The address of a scheduler, and two worker processes that it has; all that is in the list at the end is ended."""
    with distributed.LocalCluster(n_workers=0, dashboard_address=":0") as found:
        workers = [_start_worker(found.scheduler_address) for _ in range(2)]
        try:
            found.wait_for_workers(2, timeout=60)
            yield found.scheduler_address, workers
        finally:
            for worker in workers:
                worker.kill()
                worker.wait(30)


def _claimed(place: Path) -> int:
    """Return how many rows tell of a grower that is at it."""
    with sqlite3.connect(place) as connection:
        counts = [connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in ("claims", "workers")]
    connection.close()
    return sum(counts)


def test_without_any_worker_for_too_long_growing_ends_and_goes_on_when_there_is_one(
    mortal: Any, plan: Plan, tmp_path: Path
) -> None:
    address, workers = mortal
    n_stored = 0

    def kill_all_workers(_: Progress) -> None:
        nonlocal n_stored
        n_stored += 1
        if n_stored == 2:
            assert _claimed(tmp_path / "runs.db") > 1
            for worker in workers:
                worker.kill()

    message = (
        f"^there has been no Dask worker for 2 s; what is stored stays: start one with: dask worker {address}, and "
    )
    with KnowledgeBase.create(tmp_path / "runs.db") as base:
        began = time.monotonic()
        with pytest.raises(OptionError, match=message):
            grow(base, plan, runner=DaskRunner(plan, address, patience_seconds=2), report=kill_all_workers)
        assert time.monotonic() - began < 60
        assert 2 <= n_stored == len(base.evaluations()) < len(FORESTS)
        assert _claimed(tmp_path / "runs.db") == 0
        workers.append(_start_worker(address))
        grown = grow(base, plan, runner=DaskRunner(plan, address))
        assert (grown.n_new, grown.n_known, grown.n_left) == (len(FORESTS) - n_stored, n_stored, 0)


def test_a_worker_that_comes_in_time_does_what_the_lost_ones_left(mortal: Any, plan: Plan, tmp_path: Path) -> None:
    address, workers = mortal
    n_stored = 0

    def replace_all_workers(_: Progress) -> None:
        nonlocal n_stored
        n_stored += 1
        if n_stored == 2:
            for worker in workers:
                worker.kill()
            workers.append(_start_worker(address))

    with KnowledgeBase.create(tmp_path / "runs.db") as base:
        grown = grow(base, plan, runner=DaskRunner(plan, address, patience_seconds=40), report=replace_all_workers)
    assert (grown.n_new, grown.n_left) == (len(FORESTS), 0)


# The command, but for its patience.
IMPATIENT = """
import functools
from autometa.cli.main import main
from autometa.growing import cluster
cluster.DaskRunner = functools.partial(cluster.DaskRunner, patience_seconds=2)
main()
"""


def test_the_command_says_in_one_line_that_no_worker_is_left(mortal: Any, examples: Path, tmp_path: Path) -> None:
    address, workers = mortal
    place = tmp_path / "runs.db"
    arguments = ("--from", str(examples / "wine.csv"), "--candidates", "20", "--dask", address, "--db", str(place))
    with KnowledgeBase.create(place) as base:
        command = [sys.executable, "-c", IMPATIENT, "kb", "grow", *arguments]
        growing = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while len(base.evaluations()) < 2:
            assert growing.poll() is None
            time.sleep(0.05)
        for worker in workers:
            worker.kill()
        output, errors = growing.communicate(timeout=60)
        assert (growing.returncode, output) == (2, "")
        assert errors.startswith("error: there has been no Dask worker for 2 s; what is stored stays: ")
        assert errors.count("\n") == 1
        assert 2 <= len(base.evaluations()) < 20
    assert _claimed(place) == 0


def test_without_its_scheduler_growing_ends_and_says_so(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "_CONNECT_SECONDS", 2)
    file = tmp_path / "scheduler.json"
    command = [
        sys.executable,
        "-m",
        "dask",
        "scheduler",
        "--port",
        "0",
        "--no-dashboard",
        "--scheduler-file",
        str(file),
    ]
    scheduler = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    started = [scheduler]

    def kill_it(_: Progress) -> None:
        scheduler.kill()

    try:
        deadline = time.monotonic() + 60
        while not file.exists() or not file.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.1)
        address = json.loads(file.read_text())["address"]
        started.append(_start_worker(address))
        with distributed.Client(address, set_as_default=False) as client:
            client.wait_for_workers(1, timeout=60)
        with KnowledgeBase.create(tmp_path / "runs.db") as base:
            with pytest.raises(
                OptionError, match=f"^the Dask scheduler at '{address}' is gone; what is stored stays: "
            ):
                grow(base, plan, runner=DaskRunner(plan, address), report=kill_it)
            assert 1 <= len(base.evaluations()) < len(FORESTS)
    finally:
        for process in started:
            process.kill()
            process.wait(30)
    assert _claimed(tmp_path / "runs.db") == 0


def test_the_limits_and_statuses_are_those_of_this_machine(running_cluster: Any, plan: Plan, tmp_path: Path) -> None:
    plan = replace(plan, limits=Limits(cpu_seconds=0.05), candidates={TaskKind.MULTICLASS: FORESTS[:2]})
    with KnowledgeBase.create(tmp_path / "runs.db") as base:
        assert grow(base, plan, runner=DaskRunner(plan, running_cluster.scheduler_address)).n_new == 2
        assert set(base.evaluations()["status"]) == {"timed_out"}


def test_the_command_grows_on_a_cluster_and_leaves_nothing_there(
    running_cluster: Any, autometa: Command, examples: Path, tmp_path: Path
) -> None:
    address = running_cluster.scheduler_address
    KnowledgeBase.create(tmp_path / "runs.db").close()
    command = ("kb", "grow", "--from", str(examples / "wine.csv"), "--candidates", "2", "--dask", address)
    grown = autometa(*command, "--db", "runs.db", "-f", "json")
    assert grown.returncode == 0, grown.stderr
    assert json.loads(grown.stdout) == {"new": 2, "known": 0, "left": 0, "skipped": [], "unreached": []}
    with distributed.Client(address, set_as_default=False) as client:
        assert set(client.run(_n_pools).values()) == {0}
        assert not any(client.has_what().values())


def _n_pools() -> int:
    """Return for how many growers this worker has evaluators."""
    return len(cluster._pools)


def test_an_address_where_nobody_answers_is_refused_in_one_line(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "_CONNECT_SECONDS", 1)
    with KnowledgeBase.create(tmp_path / "runs.db") as base:
        for address in ("tcp://127.0.0.1:1", "nothing://127.0.0.1:1"):
            with pytest.raises(OptionError, match=f"^no Dask scheduler answers at '{address}'; start one with: .*$"):
                grow(base, plan, runner=DaskRunner(plan, address))


def test_a_cluster_without_workers_is_refused_in_one_line(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "_CONNECT_SECONDS", 1)
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=":0") as empty,
        KnowledgeBase.create(tmp_path / "runs.db") as base,
        pytest.raises(OptionError, match=r"^the Dask scheduler has no worker; start one with: dask worker tcp://"),
    ):
        grow(base, plan, runner=DaskRunner(plan, empty.scheduler_address))


def test_without_dask_the_extra_is_named(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.delitem(sys.modules, "distributed")
    with pytest.raises(MissingDependencyError, match=r"pip install 'autometa-ml\[distributed\]'"):
        DaskRunner(plan, "tcp://127.0.0.1:1")


def test_growing_on_this_machine_needs_no_dask() -> None:
    script = "import sys, autometa.growing.running; print({'dask', 'distributed'} & set(sys.modules))"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (ended.stdout, ended.stderr) == ("set()\n", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class _SplitSource:
    """A table with splits of its own."""

    table: TableSource
    splits: OwnSplits

    @property
    def name(self) -> str:
        return self.table.name

    def ready(self) -> Ready:
        return Ready(task=self.table.read(), splits=self.splits)


def test_splits_of_a_tables_own_reach_the_workers(running_cluster: Any, examples: Path, tmp_path: Path) -> None:
    (table,) = find_tables(examples / "wine.csv")
    rows = np.arange(table.read().n_rows)
    splits = OwnSplits(
        folds=tuple((rows[rows % 2 != fold], rows[rows % 2 == fold]) for fold in (0, 1)), called="halves"
    )
    bayes = Configuration(algorithm="naive_bayes")
    plan = Plan(
        sources=[_SplitSource(table=table, splits=splits)],
        candidates={TaskKind.MULTICLASS: [bayes]},
        own_protocol="halves",
    )
    with KnowledgeBase.create(tmp_path / "runs.db") as base:
        assert grow(base, plan, runner=DaskRunner(plan, running_cluster.scheduler_address)).n_new == 1
        (stored,) = base.evaluations_of(
            table.read().fingerprint, protocol="halves", pipelines_version=PIPELINES_VERSION
        )
    with Evaluator() as evaluator:
        assert stored.fold_scores == evaluator.evaluate(table.read(), bayes, protocol=splits).fold_scores
