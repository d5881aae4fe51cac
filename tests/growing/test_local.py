"""Growing on this machine: resumable, each evaluation stored at once."""

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest

from autometa.errors import DataError, EvaluationError, OptionError
from autometa.evaluation.limits import Limits
from autometa.evaluation.protocol import CV_V1
from autometa.growing import work
from autometa.growing.local import LocalRunner
from autometa.growing.plan import Plan, Progress
from autometa.growing.running import grow
from autometa.growing.tables import find_tables
from autometa.knowledge.base import KnowledgeBase
from autometa.pipelines.candidates import read_candidates
from autometa.pipelines.learners import LEARNERS
from autometa.space import Configuration
from autometa.task import Task
from autometa.task_kind import TaskKind

NEIGHBORS = Configuration(algorithm="k_nearest_neighbors")
RIDGE = Configuration(algorithm="ridge")
FOREST = Configuration(algorithm="random_forest", values={"n_estimators": 50})
NAIVE_BAYES = Configuration(algorithm="naive_bayes")


def first(n: int) -> dict[TaskKind, tuple[Configuration, ...]]:
    """Return the first shipped candidates of every kind."""
    return {kind: read_candidates(kind)[:n] for kind in TaskKind}


@pytest.fixture
def base(tmp_path: Path) -> KnowledgeBase:
    return KnowledgeBase.create(tmp_path / "runs.db")


def test_every_cell_is_filled_once_and_reported(base: KnowledgeBase, examples: Path) -> None:
    reports: list[Progress] = []
    plan = Plan(sources=find_tables(examples), candidates=first(2), n_workers=2, origin="test", licence="CC0")
    grown = grow(base, plan, report=reports.append)
    assert (grown.n_new, grown.n_known, grown.n_left, grown.skipped) == (6, 0, 0, {})
    assert [report.n_filled for report in reports] == [1, 2, 3, 4, 5, 6]
    assert {report.n_cells for report in reports} == {6}
    frame = base.evaluations()
    assert set(frame["origin"]) == {"test"}
    assert set(frame["origin_licence"]) == {"CC0"}
    assert set(frame["status"]) == {"ok"}
    again = grow(base, plan)
    assert (again.n_new, again.n_known, again.n_left) == (0, 6, 0)


def test_every_kind_has_a_list_of_its_own(base: KnowledgeBase, examples: Path) -> None:
    candidates = {
        TaskKind.BINARY: (NAIVE_BAYES,),
        TaskKind.MULTICLASS: (NAIVE_BAYES, NEIGHBORS),
        TaskKind.REGRESSION: (RIDGE, NEIGHBORS),
    }
    reports: list[Progress] = []
    grown = grow(base, Plan(sources=find_tables(examples), candidates=candidates), report=reports.append)
    assert (grown.n_new, grown.n_left) == (5, 0)
    assert reports[-1].n_cells == 5
    order = [report.task_name for report in reports]  # round-robin: each task once before any twice
    assert order == ["breast_cancer", "diabetes", "wine", "diabetes", "wine"]
    runs = base.evaluations().groupby("task")["algorithm"].apply(sorted).to_dict()
    assert runs == {
        "breast_cancer": ["naive_bayes"],
        "diabetes": ["k_nearest_neighbors", "ridge"],
        "wine": ["k_nearest_neighbors", "naive_bayes"],
    }


def test_candidates_whose_library_is_not_here_are_left_out(
    base: KnowledgeBase, examples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    absent = replace(LEARNERS["lightgbm"], module="no_such_library")
    monkeypatch.setitem(LEARNERS, "lightgbm", absent)
    candidates = {TaskKind.BINARY: (Configuration(algorithm="lightgbm"), NAIVE_BAYES)}
    plan = Plan(sources=find_tables(examples / "breast_cancer.csv"), candidates=candidates)
    grown = grow(base, plan)
    assert (grown.n_new, grown.n_left) == (1, 0)
    assert list(base.evaluations()["algorithm"]) == ["naive_bayes"]


def test_a_table_that_cannot_be_read_is_skipped_with_the_reason(
    base: KnowledgeBase, tmp_path: Path, examples: Path
) -> None:
    folder = tmp_path / "tables"
    folder.mkdir()
    shutil.copy(examples / "wine.csv", folder)
    (folder / "broken.csv").write_text("a,b\n1,x\n2,x\n")
    grown = grow(base, Plan(sources=find_tables(folder), candidates=first(1)))
    assert grown.n_new == 1
    assert list(grown.skipped) == ["broken"]
    assert "constant" in grown.skipped["broken"]


@pytest.mark.parametrize("bad_first", [True, False])
def test_a_table_is_grown_though_another_of_its_name_cannot_be_used(
    base: KnowledgeBase, tmp_path: Path, examples: Path, bad_first: bool
) -> None:
    good = replace(find_tables(examples / "wine.csv")[0], name="both")
    bad = replace(good, target="no such column")
    sources = [bad, good] if bad_first else [good, bad]
    grown = grow(base, Plan(sources=sources, candidates={TaskKind.MULTICLASS: (NEIGHBORS, NAIVE_BAYES)}))
    assert (grown.n_new, grown.n_left, list(grown.skipped)) == (2, 0, ["both"])


def test_a_table_that_changes_meanwhile_is_left_with_what_it_has(
    base: KnowledgeBase, tmp_path: Path, examples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "_N_CACHED_TASKS", 1)
    path = tmp_path / "wine.csv"
    lines = (examples / "wine.csv").read_text().splitlines()
    path.write_text("\n".join(lines))

    def change(progress: Progress) -> None:
        path.write_text("\n".join(lines[:-20]))

    sources = [*find_tables(path), *find_tables(examples / "diabetes.csv")]
    candidates = {TaskKind.MULTICLASS: (NEIGHBORS, NAIVE_BAYES), TaskKind.REGRESSION: (NEIGHBORS, RIDGE)}
    grown = grow(base, Plan(sources=sources, candidates=candidates), report=change)
    assert grown.skipped == {"wine": "the table has changed since it was read first"}
    assert set(base.tasks()["name"]) == {"wine", "diabetes"}
    assert grown.n_new == len(base.evaluations()) == 3


def test_a_kind_without_candidates_gets_none(base: KnowledgeBase, examples: Path) -> None:
    grown = grow(base, Plan(sources=find_tables(examples), candidates={TaskKind.REGRESSION: (RIDGE,)}))
    assert (grown.n_new, grown.n_left, grown.skipped) == (1, 0, {})


def test_a_table_that_goes_away_after_its_first_turn_counts_as_far_as_it_came(
    base: KnowledgeBase, tmp_path: Path, examples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "_N_CACHED_TASKS", 1)  # each turn reads anew
    for name in ("breast_cancer", "wine"):
        shutil.copy(examples / f"{name}.csv", tmp_path)
    candidates = dict.fromkeys((TaskKind.BINARY, TaskKind.MULTICLASS), (NAIVE_BAYES, NEIGHBORS, FOREST))
    reports: list[Progress] = []

    def report(progress: Progress) -> None:
        reports.append(progress)
        (tmp_path / "wine.csv").unlink(missing_ok=True)

    # the first report comes when two more evaluations wait, both of the first turn
    grown = grow(base, Plan(sources=find_tables(tmp_path), candidates=candidates), report=report)
    assert list(grown.skipped) == ["wine"]
    assert reports[-1].n_cells == reports[-1].n_filled == grown.n_new == 4
    assert grown.n_left == 0


def test_no_time_means_that_nothing_is_begun(base: KnowledgeBase, examples: Path) -> None:
    grown = grow(base, Plan(sources=find_tables(examples), candidates=first(2), max_seconds=0.0))
    assert (grown.n_new, grown.n_left) == (0, 6)


def test_a_limit_that_is_hit_fills_the_cell(base: KnowledgeBase, examples: Path) -> None:
    limits = Limits(cpu_seconds=0.01)
    plan = Plan(sources=find_tables(examples / "breast_cancer.csv"), candidates=first(1), limits=limits)
    assert grow(base, plan).n_new == 1
    assert base.status().evaluations["timed_out"] == 1
    assert grow(base, plan).n_new == 0


def test_killed_three_times_and_resumed_nothing_is_lost_or_doubled(tmp_path: Path, examples: Path) -> None:
    path = tmp_path / "killed.db"
    KnowledgeBase.create(path).close()
    command = [sys.executable, "-m", "autometa", "kb", "grow", "--from", str(examples), "--candidates", "8"]
    command += ["--workers", "2", "--db", str(path)]
    draw = random.Random(0)
    seen: set[tuple[int, ...]] = set()
    for _ in range(3):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while len(_rows(path)) <= len(seen) and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(draw.uniform(0.0, 0.4))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        stored = _rows(path)
        assert seen <= stored, "a committed evaluation was lost"
        assert len(stored) > len(seen)
        seen = stored
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    assert seen <= _rows(path)
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        total, distinct = connection.execute(
            "SELECT count(*), count(DISTINCT task_id || ':' || configuration_id) FROM evaluations"
        ).fetchone()
        assert (total, distinct) == (24, 24)
    connection.close()


def test_whoever_leaves_early_waits_for_no_evaluation_and_leaves_no_process() -> None:
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(3_000, 30))).add_prefix("x")
    task = Task(name="noise", X=X, y=X["x0"] * 2, kind=TaskKind.REGRESSION, target="b")
    forest = Configuration(algorithm="random_forest", values={"n_estimators": 500})
    here = psutil.Process()
    before = set(here.children(recursive=True))
    with LocalRunner(Plan(sources=[], candidates={}, n_workers=2)) as runner:
        submitted = [runner.submit(task, forest, CV_V1) for _ in range(runner.n_slots)]
        while len(set(here.children(recursive=True)) - before) < 4:  # two servers, and a learner below each
            time.sleep(0.01)
    assert [each.cancelled() for each in submitted] == [False, False, True]
    assert [type(each.exception()) for each in submitted[:2]] == [EvaluationError, EvaluationError]
    assert set(here.children(recursive=True)) <= before


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "cannot be read as CSV: No columns to parse"),
        (b'file,name\n"a.csv,a\n', "cannot be read as CSV: .*EOF inside string"),
        (b"file,name\na.csv,caf\xe9\n", "cannot be read as CSV: .*utf-8"),
        (b"file,name\n", "names no table"),
    ],
)
def test_an_index_that_is_none_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "index.csv").write_bytes(content)
    with pytest.raises(DataError, match=reason):
        find_tables(tmp_path)


def test_places_without_tables_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file or folder"):
        find_tables(tmp_path / "nothing")
    with pytest.raises(DataError, match="no CSV or Parquet file"):
        find_tables(tmp_path)
    with pytest.raises(OptionError, match=r"needs an index\.csv"):
        find_tables(tmp_path, split="dev")


def test_an_index_names_tables_kinds_and_families(tmp_path: Path, examples: Path) -> None:
    shutil.copy(examples / "wine.csv", tmp_path)
    (tmp_path / "index.csv").write_text(
        "name,file,task,split,family,licence,target\n"
        "wine_a,wine.csv,multiclass,dev,wines,CC BY 4.0,cultivar\n"
        "wine_b,wine.csv,multiclass,test,wines,,cultivar\n"
    )
    (source,) = find_tables(tmp_path, split="dev")
    task = source.read()
    assert (task.name, task.family, task.licence, str(task.kind)) == ("wine_a", "wines", "CC BY 4.0", "multiclass")
    with pytest.raises(OptionError, match="it has: dev, test"):
        find_tables(tmp_path / "index.csv", split="train")


def test_the_corpus_index_is_understood(corpus: Path) -> None:
    sources = find_tables(corpus / "index.csv", split="dev")
    assert len(sources) == 469
    task = next(source for source in sources if source.name == "acute_inflammation").read()
    assert (task.target, str(task.kind), task.n_columns) == ("target", "binary", 6)


def _rows(path: Path) -> set[tuple[int, ...]]:
    """Return the committed evaluations, read as another process reads them."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return set(connection.execute("SELECT id, task_id, configuration_id FROM evaluations"))
    finally:
        connection.close()
