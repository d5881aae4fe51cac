"""Shards: out of one knowledge base and into another."""

import sqlite3
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from autometa.errors import ExchangeError, NotKnownError, OptionError
from autometa.evaluation.record import Status
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.exchange import export_shard, import_shard
from autometa.knowledge.selection import Selection, moment
from autometa.knowledge.shards import SCHEMA, file_sha256, read_shard
from autometa.knowledge.writing import Added
from autometa.metafeatures import EXTRACTION_VERSION
from autometa.task_kind import TaskKind
from tests.knowledge.conftest import MakeEvaluation, MakeMetaFeatures, MakeTask


def content_of(base: KnowledgeBase) -> dict[str, object]:
    """Return all that a base holds, in an order that does not depend on how it came in."""
    evaluations = base.evaluations().sort_values(["fingerprint", "key", "protocol", "seed"], ignore_index=True)
    return {
        "tasks": base.tasks().to_dict("records"),
        "configurations": base.configurations().to_dict("records"),
        "evaluations": evaluations.to_csv(),
        "nouns": {
            fingerprint: base.evaluations_of(fingerprint, protocol="cv-v1", pipelines_version="1")
            for fingerprint in base.tasks()["fingerprint"]
        },
        "metafeatures": {
            fingerprint: str(base.describe(fingerprint).metafeatures) for fingerprint in base.tasks()["fingerprint"]
        },
    }


def test_an_empty_base_that_imports_an_export_holds_the_same(filled: KnowledgeBase, tmp_path: Path) -> None:
    assert export_shard(filled, tmp_path / "all.parquet").n_evaluations == 12
    with KnowledgeBase.create(tmp_path / "other.db") as other:
        assert import_shard(other, tmp_path / "all.parquet") == Added(n_new=12)
        assert content_of(other) == content_of(filled)


def test_every_bit_survives_the_way_through_a_shard(
    filled: KnowledgeBase, make_task: MakeTask, make_evaluation: MakeEvaluation, tmp_path: Path
) -> None:
    evaluations = [
        make_evaluation(
            make_task(), "odd", seed=2**62 + 1, scores=(0.1 + 0.2, 1 / 3, 5e-324), peak_memory_bytes=2**53 + 1
        ),
        make_evaluation(
            make_task(), "caf\u00e9", status=Status.FAILED, error="caf\udce9\x00", absent={"accuracy": "ü\udce9"}
        ),
        make_evaluation(
            make_task(), "none", status=Status.TIMED_OUT, fit_seconds=float("nan"), predict_seconds=float("nan")
        ),
    ]
    filled.add_evaluations(evaluations)
    export_shard(filled, tmp_path / "all.parquet")
    with KnowledgeBase.create(tmp_path / "other.db") as other:
        import_shard(other, tmp_path / "all.parquet")
        found, known = (
            base.evaluations_of(make_task().fingerprint, protocol="cv-v1", pipelines_version="1")
            for base in (other, filled)
        )
    assert str(found) == str(known)  # NaN is not equal to itself
    assert found[4] == evaluations[0]
    assert (found[4].seed, found[4].peak_memory_bytes) == (2**62 + 1, 2**53 + 1)


def test_importing_twice_changes_nothing(filled: KnowledgeBase, tmp_path: Path) -> None:
    export_shard(filled, tmp_path / "all.parquet")
    with KnowledgeBase.create(tmp_path / "other.db") as other:
        import_shard(other, tmp_path / "all.parquet")
        before = (other.status(), content_of(other))
        assert import_shard(other, tmp_path / "all.parquet") == Added(n_same=12)
        assert (other.status(), content_of(other)) == before


def test_importing_what_differs_counts_it_and_keeps_the_first(
    filled: KnowledgeBase,
    make_task: MakeTask,
    make_metafeatures: MakeMetaFeatures,
    make_evaluation: MakeEvaluation,
    tmp_path: Path,
) -> None:
    export_shard(filled, tmp_path / "all.parquet")
    with KnowledgeBase.create(tmp_path / "other.db") as other:
        other.add_task(make_task(), make_metafeatures())
        mine = make_evaluation(make_task(), "learner-ok", scores=(0.5, 0.75, 1.0))
        other.add_evaluations([mine])
        assert import_shard(other, tmp_path / "all.parquet") == Added(n_new=11, n_differing=1)
        assert other.status().differing_repeats == 1
        assert mine in other.evaluations_of(make_task().fingerprint, protocol="cv-v1", pipelines_version="1")


def test_shards_of_two_bases_join_in_a_third(
    make_task: MakeTask, make_metafeatures: MakeMetaFeatures, make_evaluation: MakeEvaluation, tmp_path: Path
) -> None:
    for name, task in (("a", make_task(1)), ("b", make_task(2))):
        with KnowledgeBase.create(tmp_path / f"{name}.db") as base:
            for one in (make_task(0), task):
                base.add_task(one, make_metafeatures())
                base.add_evaluations([make_evaluation(one, origin=name)])
            export_shard(base, tmp_path / f"{name}.parquet")
    with KnowledgeBase.create(tmp_path / "c.db") as base:
        assert import_shard(base, tmp_path / "a.parquet") == Added(n_new=2)
        assert import_shard(base, tmp_path / "b.parquet") == Added(n_new=1, n_same=1)
        assert base.status().tasks["total"] == 3
        assert base.evaluations()["origin"].tolist().count("a") == 2


def test_export_beside_leaves_out_what_is_there(
    filled: KnowledgeBase, make_task: MakeTask, make_evaluation: MakeEvaluation, tmp_path: Path
) -> None:
    folder = tmp_path / "shards"
    assert export_shard(filled, folder / "1.parquet").n_evaluations == 12
    assert export_shard(filled, folder / "2.parquet", beside=folder).n_evaluations == 0
    assert not (folder / "2.parquet").exists()
    seeds = (1, 2**62, 2**62 + 1)
    filled.add_evaluations(make_evaluation(make_task(), "learner-ok", seed=seed) for seed in seeds[:2])
    assert export_shard(filled, folder / "2.parquet", beside=folder).n_evaluations == 2
    filled.add_evaluations(make_evaluation(make_task(), "learner-ok", seed=seed) for seed in seeds)
    assert export_shard(filled, folder / "3.parquet", beside=folder).n_evaluations == 1
    parts = read_shard(folder / "3.parquet")
    assert [len(parts[record]) for record in ("task", "configuration", "evaluation")] == [1, 1, 1]


def test_export_beside_a_folder_that_is_not_there_is_refused(filled: KnowledgeBase, tmp_path: Path) -> None:
    with pytest.raises(ExchangeError, match=f"no such folder: {tmp_path}/nowhere"):
        export_shard(filled, tmp_path / "new.parquet", beside=tmp_path / "nowhere")
    assert not (tmp_path / "new.parquet").exists()


def test_export_beside_a_broken_shard_is_refused(filled: KnowledgeBase, tmp_path: Path) -> None:
    (tmp_path / "shards").mkdir()
    (tmp_path / "shards" / "broken.parquet").write_bytes(b"PAR1 and nothing more")
    with pytest.raises(ExchangeError, match=r"broken\.parquet is not a readable Parquet file"):
        export_shard(filled, tmp_path / "new.parquet", beside=tmp_path / "shards")
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "shards" / "broken.parquet")
    with pytest.raises(ExchangeError, match=r"broken\.parquet is not a shard"):
        export_shard(filled, tmp_path / "new.parquet", beside=tmp_path / "shards")


def test_export_of_one_origin_leaves_out_the_others(
    filled: KnowledgeBase, make_task: MakeTask, make_evaluation: MakeEvaluation, tmp_path: Path
) -> None:
    filled.add_evaluations([make_evaluation(make_task(), "mine", origin="openml")], licence="CC0")
    assert export_shard(filled, tmp_path / "openml.parquet", selection=Selection(origin="openml")).n_evaluations == 1
    rows = pq.read_table(tmp_path / "openml.parquet").to_pylist()
    assert [row["record"] for row in rows] == ["evaluation", "configuration", "task"]
    assert (rows[0]["origin"], rows[0]["origin_licence"]) == ("openml", "CC0")
    with pytest.raises(NotKnownError, match=r"no origin 'nobody'; there are: \w+, openml"):
        export_shard(filled, tmp_path / "none.parquet", selection=Selection(origin="nobody"))
    assert not (tmp_path / "none.parquet").exists()


def test_export_refuses_to_write_over_a_file(filled: KnowledgeBase, tmp_path: Path) -> None:
    (tmp_path / "all.parquet").write_text("mine")
    with pytest.raises(ExchangeError, match="exists; shards are append-only, give a new name"):
        export_shard(filled, tmp_path / "all.parquet")
    assert (tmp_path / "all.parquet").read_text() == "mine"


def test_export_to_a_place_that_cannot_be_written_is_refused(filled: KnowledgeBase, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ExchangeError, match=r"cannot write .*file is not a folder"):
        export_shard(filled, tmp_path / "file" / "all.parquet")


def test_an_empty_base_writes_no_shard(base: KnowledgeBase, tmp_path: Path) -> None:
    assert export_shard(base, tmp_path / "none.parquet").n_evaluations == 0
    assert not (tmp_path / "none.parquet").exists()


def test_a_shard_has_the_columns_and_the_version_of_its_schema(filled: KnowledgeBase, tmp_path: Path) -> None:
    export_shard(filled, tmp_path / "all.parquet")
    assert pq.read_schema(tmp_path / "all.parquet").equals(SCHEMA, check_metadata=True)
    assert [path.name for path in tmp_path.glob("*parquet*")] == ["all.parquet"]


def test_the_same_base_gives_the_same_shard(filled: KnowledgeBase, tmp_path: Path) -> None:
    for name in ("a", "b"):
        export_shard(filled, tmp_path / f"{name}.parquet")
    assert file_sha256(tmp_path / "a.parquet") == file_sha256(tmp_path / "b.parquet")


def test_the_newest_metafeatures_are_exported(
    base: KnowledgeBase,
    make_task: MakeTask,
    make_metafeatures: MakeMetaFeatures,
    make_evaluation: MakeEvaluation,
    tmp_path: Path,
) -> None:
    for version in ("9", "10", "8"):
        base.add_task(make_task(), make_metafeatures(float(version), version=version))
    base.add_evaluations([make_evaluation(make_task())])
    export_shard(base, tmp_path / "all.parquet")
    assert read_shard(tmp_path / "all.parquet")["task"]["metafeatures_version"].to_pylist() == ["10"]


def test_a_task_known_without_metafeatures_gets_those_of_a_shard(
    base: KnowledgeBase,
    filled: KnowledgeBase,
    make_task: MakeTask,
    make_metafeatures: MakeMetaFeatures,
    tmp_path: Path,
) -> None:
    export_shard(filled, tmp_path / "all.parquet")
    with KnowledgeBase.create(tmp_path / "other.db") as other:
        other.add_task(make_task(), make_metafeatures(version="0"))
        import_shard(other, tmp_path / "all.parquet")
        assert other.has_task(make_task().fingerprint, metafeatures_version=EXTRACTION_VERSION)
        assert other.status().tasks["total"] == 3


def test_an_export_from_a_long_lived_base_can_be_imported(
    base: KnowledgeBase,
    make_task: MakeTask,
    make_metafeatures: MakeMetaFeatures,
    make_evaluation: MakeEvaluation,
    tmp_path: Path,
) -> None:
    """The doors into a base and into a shard have the same width."""
    task = make_task(0, TaskKind.REGRESSION, name="n" * 500, family="f" * 500, licence="l" * 200)
    base.add_task(task, make_metafeatures(), origin="o" * 200)
    extreme = {"rmse": (1e308,), "mae": (0.0,), "r2": (-1e308,)}
    base.add_evaluations(
        [
            make_evaluation(task, "a" * 200, fold_scores=extreme, protocol="p" * 100, pipelines_version="v" * 32),
            make_evaluation(task, "failed", status=Status.FAILED, error="e" * 100_000, absent={"r2": "a" * 99_000}),
        ],
        licence="l" * 200,
    )
    assert export_shard(base, tmp_path / "all.parquet").n_evaluations == 2
    with KnowledgeBase.create(tmp_path / "other.db") as other:
        assert import_shard(other, tmp_path / "all.parquet") == Added(n_new=2)


def test_export_of_a_kind_or_of_what_was_added_since_leaves_out_the_rest(filled: KnowledgeBase, tmp_path: Path) -> None:
    driver = sqlite3.connect(filled.place)
    driver.execute("UPDATE evaluations SET added_at = 1000 * id")
    driver.commit()
    driver.close()
    binary = Selection(kind=TaskKind.BINARY)
    assert export_shard(filled, tmp_path / "binary.parquet", selection=binary).n_evaluations == 4
    assert read_shard(tmp_path / "binary.parquet")["task"]["kind"].to_pylist() == ["binary"]
    for number, (since, n_evaluations) in enumerate(((12_000, 1), (11_001, 1), (11_000, 2), (12_001, 0), (0, 12))):
        path = tmp_path / f"{number}.parquet"
        assert export_shard(filled, path, selection=Selection(since=since)).n_evaluations == n_evaluations
    assert (
        export_shard(
            filled, tmp_path / "both.parquet", selection=Selection(kind=TaskKind.BINARY, since=3000)
        ).n_evaluations
        == 2
    )


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-11-24", 1_795_478_400),
        ("2026-11-24T18:30", 1_795_545_000),
        ("2026-11-24 18:30:00Z", 1_795_545_000),
        (" 2026-11-24T19:30+01:00 ", 1_795_545_000),
        ("20261124", 1_795_478_400),
    ],
)
def test_a_moment_is_a_date_or_a_time_of_utc_unless_it_says_otherwise(text: str, seconds: int) -> None:
    assert moment(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "yesterday", "24.11.2026", "2026-13-01", "9" * 5000, "1969-12-31", "2026-11-24T25:00"]
)
def test_a_moment_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(OptionError, match=r"not a date or time: '.{0,40}'; write 2026-11-24|lies before 1970"):
        moment(text)
