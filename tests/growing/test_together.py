"""Many growers on one base: each evaluation is run by one of them, and stored once."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from autometa.evaluation.protocol import CV_V1
from autometa.growing.plan import SEED, Plan
from autometa.growing.running import grow
from autometa.growing.tables import find_tables
from autometa.knowledge.base import KnowledgeBase
from autometa.metafeatures import EXTRACTION_VERSION, MetaFeatures
from autometa.pipelines.building import PIPELINES_VERSION
from autometa.reading import read_task
from autometa.space import Configuration
from autometa.task_kind import TaskKind

N_CONFIGURATIONS = 40

# Forks growers that all do the same, since starting each would take seconds; each says its process and what it did.
GROWERS = """
import json, os, sys
from autometa.growing.running import grow
from autometa.growing.plan import Plan
from autometa.growing.tables import find_tables
from autometa.knowledge.base import KnowledgeBase
from autometa.space import Configuration
from autometa.task_kind import TaskKind
place, tables, n_growers, n_configurations = sys.argv[1:]
values = [{"var_smoothing": 1e-9 * (n + 1)} for n in range(int(n_configurations))]
listed = [Configuration(algorithm="naive_bayes", values=each) for each in values]
candidates = dict.fromkeys((TaskKind.BINARY, TaskKind.MULTICLASS), listed)
def run(name):
    plan = Plan(sources=find_tables(tables), candidates=candidates, origin=name)
    with KnowledgeBase(place) as base:
        os.write(1, json.dumps({"name": name, "process": os.getpid()}).encode() + b"\\n")
        grown = grow(base, plan)
    os.write(1, json.dumps({"name": name, "new": grown.n_new, "left": grown.n_left}).encode() + b"\\n")
for number in range(int(n_growers)):
    if os.fork() == 0:
        run(str(number))
        os._exit(0)
for _ in range(int(n_growers)):
    os.wait()
"""


@pytest.fixture
def two_tables(tmp_path: Path, examples: Path) -> Path:
    """A folder with two tables of classes."""
    folder = tmp_path / "tables"
    folder.mkdir()
    for name in ("wine.csv", "breast_cancer.csv"):
        shutil.copy(examples / name, folder)
    return folder


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The place of an empty knowledge base."""
    if request.param == "sqlite":
        KnowledgeBase.create(tmp_path / "runs.db").close()
        yield str(tmp_path / "runs.db")
        return
    server = request.getfixturevalue("postgres")
    url = server.url(server.new_database())
    KnowledgeBase.create(url).close()
    yield url
    server.drop(url)


def test_growers_share_the_work_and_take_over_what_a_killed_one_had(place: str, two_tables: Path) -> None:
    n_growers = 8 if place.startswith("postgresql") else 3  # one of them is killed
    n_cells = 2 * N_CONFIGURATIONS
    command = [sys.executable, "-c", GROWERS, place, str(two_tables), str(n_growers), str(N_CONFIGURATIONS)]
    with KnowledgeBase(place) as base:
        for source in find_tables(two_tables):  # so that no grower has to describe them first, which takes seconds
            base.add_task(source.read(), MetaFeatures(values={}, failures={}, seconds={}, version=EXTRACTION_VERSION))
        growers = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert growers.stdout is not None
        started = [json.loads(growers.stdout.readline()) for _ in range(n_growers)]
        victim = started[0]
        deadline = time.monotonic() + 60
        while not (base.evaluations()["origin"] == victim["name"]).any():
            assert growers.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        os.kill(victim["process"], signal.SIGKILL)
        output, errors = growers.communicate(timeout=120)
        assert errors == ""
        ended = [json.loads(line) for line in output.splitlines()]
        runs = base.evaluations()
    assert {each["name"] for each in ended} == {each["name"] for each in started} - {victim["name"]}
    assert {each["left"] for each in ended} == {0}
    assert len(runs) == n_cells
    assert set(runs["status"]) == {"ok"}
    n_run = {name: int(n) for name, n in runs["origin"].value_counts().items()}
    assert 0 < n_run.pop(victim["name"]) < n_cells
    assert n_run == {each["name"]: each["new"] for each in ended if each["new"]}, "an evaluation was run twice"
    assert len(n_run) > 1


def test_what_another_runs_is_waited_for_and_taken_over_when_it_gives_up(tmp_path: Path, examples: Path) -> None:
    source = examples / "wine.csv"
    configurations = [Configuration(algorithm="naive_bayes"), Configuration(algorithm="k_nearest_neighbors")]
    plan = Plan(sources=find_tables(source), candidates={TaskKind.MULTICLASS: configurations})
    is_awaited = threading.Event()
    waits: list[int] = []

    def on_wait(n_awaited: int) -> None:
        waits.append(n_awaited)
        is_awaited.set()

    with (
        KnowledgeBase.create(tmp_path / "runs.db") as base,
        base.claims(protocol=CV_V1.name, pipelines_version=PIPELINES_VERSION, seed=SEED) as other,
        ThreadPoolExecutor(1) as pool,
    ):
        other.take([(read_task(source).fingerprint, configurations[0].key)])
        in_time = grow(base, replace(plan, max_seconds=4.0), on_wait=on_wait)
        assert (in_time.n_new, in_time.n_known, in_time.n_left) == (1, 0, 1)
        is_awaited.clear()
        growing = pool.submit(grow, base, plan, on_wait=on_wait)
        assert is_awaited.wait(30)
        assert not growing.done()
        other.__exit__(None, None, None)
        grown = growing.result(30)
    assert (grown.n_new, grown.n_known, grown.n_left) == (1, 1, 0)
    assert set(waits) == {1}
