"""Growing on a Dask cluster: real processes, one of which is killed in the middle."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autometa.errors import MissingDependencyError, OptionError
from autometa.evaluation.limits import Limits
from autometa.growing import cluster
from autometa.growing.cluster import DaskRunner
from autometa.growing.plan import Plan, Progress
from autometa.growing.running import grow
from autometa.growing.tables import find_tables
from autometa.knowledge.base import KnowledgeBase
from autometa.metric import METRICS
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
    assert json.loads(grown.stdout) == {"new": 2, "known": 0, "left": 0, "skipped": []}
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
