"""Embeddings of tasks: into a base, out of it, and what becomes of them on the way."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from sqlalchemy import text

from autometa.embedding import EMBEDDING_SIZE, EMBEDDING_VERSION, embedding_json, embedding_of
from autometa.errors import NotKnownError, OptionError
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.described import add_embeddings, export_embeddings, export_metafeatures
from autometa.knowledge.exchange import export_shard, import_shard
from autometa.knowledge.merging import merge_base
from autometa.knowledge.privacy import Privacy
from autometa.knowledge.removing import Doomed, remove
from autometa.metafeatures import EXTRACTION_VERSION
from autometa.metric import default_metric
from autometa.space import Configuration
from autometa.task_kind import TaskKind
from tests.knowledge.conftest import MakeEvaluation, MakeMetaFeatures, MakeTask

ONE = tuple(np.linspace(-1.0, 1.0, EMBEDDING_SIZE).round(6).tolist())


def test_a_stored_embedding_is_read_again_and_the_first_stays(
    base: KnowledgeBase, make_task: MakeTask, make_metafeatures: MakeMetaFeatures
) -> None:
    task = make_task()
    base.add_task(task, make_metafeatures())
    assert base.describe(task.fingerprint).embedding is None
    assert add_embeddings(base, {task.fingerprint: ONE}) == 1
    revision = base.revision
    assert add_embeddings(base, {task.fingerprint: ONE[::-1]}) == 0
    assert base.revision == revision
    assert base.describe(task.fingerprint).embedding == ONE
    assert add_embeddings(base, {task.fingerprint: ONE[::-1]}, version="own") == 1
    assert base.describe(task.fingerprint).embedding == ONE
    assert base.describe(task.fingerprint, embedding_version="own").embedding == ONE[::-1]
    assert base.status().embedded == 1


@pytest.mark.parametrize("bad", [(0.5,) * 31, (*ONE[:-1], float("nan")), (*ONE[:-1], 1e9), ("a",) * EMBEDDING_SIZE])
def test_what_is_no_embedding_is_refused(filled: KnowledgeBase, bad: tuple[float, ...]) -> None:
    fingerprint = filled.tasks()["fingerprint"][0]
    with pytest.raises(OptionError, match=r"^not an embedding: .*; nothing was added$"):
        add_embeddings(filled, {fingerprint: bad}, version="own")
    with pytest.raises(NotKnownError, match="no task with fingerprint nobody"):
        add_embeddings(filled, {fingerprint: ONE, "nobody": ONE}, version="own")
    assert filled.describe(fingerprint, embedding_version="own").embedding is None


def test_an_embedding_has_six_decimals_where_it_is_stored() -> None:
    assert embedding_of(embedding_json([1 / 3] * EMBEDDING_SIZE)) == (0.333333,) * EMBEDDING_SIZE


def test_an_experience_has_the_embeddings_and_its_digest_depends_on_them(filled: KnowledgeBase) -> None:
    found = [
        filled.experience(
            TaskKind.BINARY,
            default_metric(TaskKind.BINARY),
            protocol="cv-v1",
            pipelines_version="1",
            embedding_version=version,
        )
        for version in (EMBEDDING_VERSION, "another")
    ]
    assert [each.descriptions[0].embedding for each in found] == [(0.5,) * EMBEDDING_SIZE, None]
    assert found[0].digest != found[1].digest


@pytest.mark.parametrize("stored", ["[1]", "no JSON", "[" * 100_000])
def test_a_stored_embedding_that_breaks_the_rules_is_as_none(filled: KnowledgeBase, stored: str) -> None:
    with filled.writing() as writer:
        writer.connection.execute(text('UPDATE embeddings SET "values" = :stored').bindparams(stored=stored))
    assert filled.describe(filled.tasks()["fingerprint"][0]).embedding is None


def test_shards_and_other_bases_carry_embeddings(filled: KnowledgeBase, tmp_path: Path) -> None:
    export_shard(filled, tmp_path / "all.parquet")
    with KnowledgeBase.create(tmp_path / "one.db") as one, KnowledgeBase.create(tmp_path / "two.db") as two:
        import_shard(one, tmp_path / "all.parquet")
        merge_base(two, filled.place)
        for fingerprint in filled.tasks()["fingerprint"]:
            expected = filled.describe(fingerprint).embedding
            assert expected is not None
            assert one.describe(fingerprint).embedding == two.describe(fingerprint).embedding == expected


def test_only_coarse_leaves_embeddings_out(
    filled: KnowledgeBase, tmp_path: Path, make_task: MakeTask, make_evaluation: MakeEvaluation
) -> None:
    forest = Configuration(algorithm="random_forest")  # others are withheld
    filled.add_evaluations(make_evaluation(make_task(number, kind), forest) for number, kind in enumerate(TaskKind))
    for privacy in Privacy:
        path = tmp_path / f"{privacy}.parquet"
        export_shard(filled, path, privacy=privacy)
        rows = [row for row in pq.read_table(path).to_pylist() if row["record"] == "task"]
        assert len(rows) == 3
        versions = {row["embedding_version"] for row in rows}
        assert versions == ({None} if privacy is Privacy.COARSE else {EMBEDDING_VERSION})
        assert {row["embedding"] is None for row in rows} == {privacy is Privacy.COARSE}


def test_a_shard_of_embeddings_alone_adds_to_a_base_that_has_the_tasks(filled: KnowledgeBase, tmp_path: Path) -> None:
    assert export_embeddings(filled, tmp_path / "embeddings.parquet") == 3
    rows = pq.read_table(tmp_path / "embeddings.parquet").to_pylist()
    assert {(row["record"], row["metafeatures"], row["sketch"]) for row in rows} == {("task", None, None)}
    with KnowledgeBase.create(tmp_path / "other.db") as other:
        export_shard(filled, tmp_path / "all.parquet")
        import_shard(other, tmp_path / "all.parquet")
        with other.writing() as writer:
            writer.connection.execute(text("DELETE FROM embeddings"))
        revision = other.revision
        added = import_shard(other, tmp_path / "embeddings.parquet", is_shipped=True)
        assert (added.n_new, added.n_same) == (0, 0)
        assert (other.status().embedded, other.revision) == (3, revision + 1)
        import_shard(other, tmp_path / "embeddings.parquet", is_shipped=True)
        assert other.revision == revision + 1
    with pytest.raises(OptionError, match="exists"):
        export_embeddings(filled, tmp_path / "embeddings.parquet")


def test_a_shard_of_meta_features_alone_has_those_of_this_release(
    filled: KnowledgeBase, make_task: MakeTask, make_metafeatures: MakeMetaFeatures, tmp_path: Path
) -> None:
    old = make_task(7)
    filled.add_task(old, make_metafeatures(version="2"))
    assert export_metafeatures(filled, tmp_path / "metafeatures.parquet") == 3
    rows = pq.read_table(tmp_path / "metafeatures.parquet").to_pylist()
    assert old.fingerprint not in {row["fingerprint"] for row in rows}
    assert {(row["record"], row["metafeatures_version"]) for row in rows} == {("task", EXTRACTION_VERSION)}
    assert {(row["embedding"], row["sketch"]) for row in rows} == {(None, None)}
    with KnowledgeBase.create(tmp_path / "other.db") as other:
        import_shard(other, tmp_path / "metafeatures.parquet")
        fingerprint = rows[0]["fingerprint"]
        assert other.describe(fingerprint).metafeatures == filled.describe(fingerprint).metafeatures


def test_with_a_task_its_embedding_goes(filled: KnowledgeBase) -> None:
    remove(filled, Doomed(task="binary-0"))
    assert filled.status().embedded == 2
