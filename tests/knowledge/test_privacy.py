"""What leaves the machine at each level of privacy, and that it is of use where it arrives."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import autometa
from autometa.errors import ExchangeError, OptionError
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.exchange import Exported, export_shard, import_shard
from autometa.knowledge.privacy import Privacy
from autometa.knowledge.writing import Added
from autometa.metafeatures import MetaFeatures
from autometa.space import Configuration
from autometa.task_kind import TaskKind
from tests.knowledge.conftest import MakeEvaluation, MakeMetaFeatures, MakeTask, Records, WriteShard

SECRET = "acme"  # in every text that a person writes or a library prints
VEILED = [Privacy.NO_NAMES, Privacy.COARSE]
FOREST = Configuration(algorithm="random_forest")


@pytest.fixture
def private(base: KnowledgeBase, make_task: MakeTask, make_evaluation: MakeEvaluation) -> KnowledgeBase:
    """A base that says a secret wherever it can."""
    features = MetaFeatures(
        values={"nr_inst": 123456.0, "skew": 0.123456789, "tree": float("nan")},
        failures={"tree": f"ValueError: column '{SECRET}'"},
        seconds={},
        version="3",
    )
    task = make_task(name=f"{SECRET} customers", family=f"{SECRET} tables", licence=f"© {SECRET}")
    base.add_task(task, features, origin=f"{SECRET} lab")
    failed = f"LinAlgError: the covariance of class {SECRET} is not full rank"
    mine = f"{SECRET} cluster"
    base.add_evaluations(
        [
            make_evaluation(
                task, FOREST, scores=(0.123456, 0.5), fit_seconds=1.23456, peak_memory_bytes=1_234_567, origin=mine
            ),
            make_evaluation(task, FOREST, seed=1, status="failed", error=failed, absent={"r2": SECRET}, origin=mine),
            make_evaluation(task, FOREST, seed=2, status="failed", error=f"{SECRET}: missing", origin=mine),
            make_evaluation(task, f"{SECRET} net", origin=mine),
            make_evaluation(task, Configuration(algorithm="random_forest", values={"of": SECRET}), origin=mine),
        ],
        licence=f"{SECRET} licence",
    )
    return base


def rows_of(path: Path, record: str) -> Records:
    """Return the rows of a shard of one kind."""
    rows: Records = pq.read_table(path).to_pylist()
    return [row for row in rows if row["record"] == record]


def test_in_full_every_text_leaves(private: KnowledgeBase, tmp_path: Path) -> None:
    assert export_shard(private, tmp_path / "a.parquet") == Exported(n_evaluations=5, n_withheld=0)
    assert {SECRET in json.dumps(row, default=str) for row in rows_of(tmp_path / "a.parquet", "evaluation")} == {True}
    assert SECRET in rows_of(tmp_path / "a.parquet", "task")[0]["task_name"]


@pytest.mark.parametrize("privacy", VEILED)
def test_no_text_of_a_person_or_of_a_library_leaves(private: KnowledgeBase, tmp_path: Path, privacy: Privacy) -> None:
    exported = export_shard(private, tmp_path / "a.parquet", privacy=privacy)
    assert exported == Exported(n_evaluations=3, n_withheld=2)
    rows = pq.read_table(tmp_path / "a.parquet").to_pylist()
    assert SECRET not in json.dumps(rows, default=str)
    assert SECRET.encode() not in (tmp_path / "a.parquet").read_bytes()
    (task,) = rows_of(tmp_path / "a.parquet", "task")
    assert (task["task_name"], task["family"]) == (f"task {task['fingerprint'][:12]}", task["fingerprint"])
    assert json.loads(task["metafeatures_failures"]) == {"tree": "ValueError: words withheld"}
    runs = rows_of(tmp_path / "a.parquet", "evaluation")
    assert [run["error"] for run in runs] == [None, "LinAlgError: words withheld", "words withheld"]
    assert {(run["origin"], run["origin_licence"]) for run in runs} == {("undisclosed", "not stated")}


def test_without_names_numbers_are_exact_and_coarse_they_are_not(private: KnowledgeBase, tmp_path: Path) -> None:
    expected: dict[Privacy, Any] = {
        Privacy.NO_NAMES: (123456, 0.123456789, 0.311728, 1.23456, 1_234_567),
        Privacy.COARSE: (120000, 0.12, (0.1235 + 0.5) / 2, 1.2, 1_200_000),
    }
    for privacy, numbers in expected.items():
        path = tmp_path / f"{privacy}.parquet"
        export_shard(private, path, privacy=privacy)
        features = json.loads(rows_of(path, "task")[0]["metafeatures"])
        run = rows_of(path, "evaluation")[0]
        found = (features["nr_inst"], features["skew"], run["accuracy"], run["fit_seconds"], run["peak_memory_bytes"])
        assert found == pytest.approx(numbers, rel=1e-12)
        assert (run["added_at"] == rows_of(tmp_path / "no-names.parquet", "evaluation")[0]["added_at"]) is (
            privacy is Privacy.NO_NAMES
        )


def test_coarse_sizes_have_two_digits_and_keep_their_kind(
    filled: KnowledgeBase, make_task: MakeTask, make_evaluation: MakeEvaluation, tmp_path: Path
) -> None:
    filled.add_evaluations(make_evaluation(make_task(number, kind), FOREST) for number, kind in enumerate(TaskKind))
    driver = sqlite3.connect(filled.place)
    driver.execute("UPDATE tasks SET n_rows = 12345, n_columns = 678")
    driver.execute("UPDATE tasks SET n_classes = 1234 WHERE kind = 'multiclass'")
    driver.commit()
    driver.close()
    assert export_shard(filled, tmp_path / "a.parquet", privacy=Privacy.COARSE) == Exported(
        n_evaluations=3, n_withheld=12
    )
    tasks = rows_of(tmp_path / "a.parquet", "task")
    sizes = {row["kind"]: (row["n_rows"], row["n_columns"], row["n_classes"]) for row in tasks}
    assert sizes == {"binary": (12000, 680, 2), "multiclass": (12000, 680, 1200), "regression": (12000, 680, 0)}


def test_families_stay_together_under_the_fingerprint_of_their_oldest_task(
    base: KnowledgeBase,
    make_task: MakeTask,
    make_metafeatures: MakeMetaFeatures,
    make_evaluation: MakeEvaluation,
    tmp_path: Path,
) -> None:
    tasks = [make_task(number, family=family) for number, family in enumerate(("acme", "other", "acme"))]
    for task in tasks:
        base.add_task(task, make_metafeatures())
    base.add_evaluations(make_evaluation(task, FOREST) for task in tasks[1:])
    export_shard(base, tmp_path / "a.parquet", privacy=Privacy.NO_NAMES)
    families = {row["fingerprint"]: row["family"] for row in rows_of(tmp_path / "a.parquet", "task")}
    assert families == {tasks[1].fingerprint: tasks[1].fingerprint, tasks[2].fingerprint: tasks[0].fingerprint}


@pytest.mark.parametrize("privacy", VEILED)
def test_sketches_do_not_go_with_less_than_all(private: KnowledgeBase, tmp_path: Path, privacy: Privacy) -> None:
    with pytest.raises(OptionError, match=f"do not go with privacy '{privacy}'"):
        export_shard(private, tmp_path / "a.parquet", privacy=privacy, with_sketches=True)
    assert list(tmp_path.glob("*parquet*")) == []


@pytest.mark.parametrize("privacy", VEILED)
def test_what_left_is_imported_once_and_refused_where_it_was_changed(
    private: KnowledgeBase, tmp_path: Path, write_shard: WriteShard, privacy: Privacy
) -> None:
    export_shard(private, tmp_path / "a.parquet", privacy=privacy)
    rows: Records = pq.read_table(tmp_path / "a.parquet").to_pylist()
    with KnowledgeBase.create(tmp_path / "other.db") as other:
        for cells in ({"accuracy": 0.4}, {"n_rows": 0}, {"origin": ""}, {"fingerprint": "0" * 64}):
            changed = [
                {**row, **{n: v for n, v in cells.items() if row[n] is not None}} for row in rows[:1] + rows[-1:]
            ]
            with pytest.raises(ExchangeError, match="the file is refused"):
                import_shard(other, write_shard([*rows[1:-1], *changed]))
            assert other.status().tasks["total"] == other.revision == 0
        assert import_shard(other, tmp_path / "a.parquet") == Added(n_new=3)
        assert import_shard(other, tmp_path / "a.parquet") == Added(n_same=3)


def test_coarse_results_differ_from_exact_ones_and_those_without_names_do_not(
    private: KnowledgeBase, tmp_path: Path
) -> None:
    for privacy, expected in ((Privacy.NO_NAMES, Added(n_same=3)), (Privacy.COARSE, Added(n_same=2, n_differing=1))):
        export_shard(private, tmp_path / f"{privacy}.parquet", privacy=privacy)
        assert import_shard(private, tmp_path / f"{privacy}.parquet") == expected


@pytest.mark.parametrize("privacy", VEILED)
def test_advice_from_what_left_is_much_the_same(
    shipped_base: Path, examples: Path, tmp_path: Path, privacy: Privacy
) -> None:
    with KnowledgeBase(shipped_base) as base, KnowledgeBase.create(tmp_path / "other.db") as other:
        exported = export_shard(base, tmp_path / "a.parquet", privacy=privacy)
        assert exported == Exported(n_evaluations=base.status().evaluations["total"], n_withheld=0)
        import_shard(other, tmp_path / "a.parquet")
        exact, veiled = (autometa.recommend(examples / "wine.csv", k=10, knowledge=known) for known in (base, other))
    keys = [{advice.configuration.key for advice in found} for found in (exact, veiled)]
    assert len(keys[0] & keys[1]) >= 8
    assert veiled[0].configuration == exact[0].configuration
    assert veiled[0].predicted_score == pytest.approx(exact[0].predicted_score, abs=0.02)
    assert all(run.task.startswith("task ") for advice in veiled for run in advice.evidence)
