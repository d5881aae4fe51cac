"""One knowledge base into another: as an import would, and with the same suspicion."""

import shutil
import sqlite3
from pathlib import Path

import pytest

from autometa.errors import ExchangeError, KnowledgeError, OptionError
from autometa.knowledge import merging
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.merging import merge_base
from autometa.knowledge.writing import Added
from autometa.sketches import draw_sketch
from tests.knowledge.conftest import MakeEvaluation, MakeMetaFeatures, MakeTask
from tests.knowledge.test_exchange import content_of


@pytest.mark.parametrize("n_rows", [2, 1000])
def test_an_empty_base_that_takes_in_another_holds_the_same(
    base: KnowledgeBase, filled: KnowledgeBase, make_task: MakeTask, monkeypatch: pytest.MonkeyPatch, n_rows: int
) -> None:
    monkeypatch.setattr(merging, "_N_ROWS", n_rows)  # so that there are several parts
    assert merge_base(base, filled.place) == Added(n_new=12)
    assert content_of(base) == content_of(filled)
    assert base.near_tasks("", draw_sketch(make_task())) == filled.near_tasks("", draw_sketch(make_task()))
    before = (base.status(), content_of(base))
    assert merge_base(base, f"sqlite:///{filled.place}") == Added(n_same=12)
    assert (base.status(), content_of(base)) == before


def test_of_results_that_differ_the_first_stays(
    base: KnowledgeBase,
    filled: KnowledgeBase,
    make_task: MakeTask,
    make_metafeatures: MakeMetaFeatures,
    make_evaluation: MakeEvaluation,
) -> None:
    mine = make_evaluation(make_task(), "learner-ok", scores=(0.5, 0.75, 1.0))
    base.add_task(make_task(), make_metafeatures())
    base.add_evaluations([mine])
    assert merge_base(base, filled.place) == Added(n_new=11, n_differing=1)
    assert mine in base.evaluations_of(make_task().fingerprint, protocol="cv-v1", pipelines_version="1")


def test_a_task_without_runs_comes_along(
    base: KnowledgeBase, filled: KnowledgeBase, make_task: MakeTask, make_metafeatures: MakeMetaFeatures
) -> None:
    filled.add_task(make_task(7), make_metafeatures())
    merge_base(base, filled.place)
    assert "binary-7" in set(base.tasks()["name"])


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE tasks SET n_rows = 0",
        "UPDATE tasks SET n_rows = 'many'",
        "UPDATE tasks SET fingerprint = 'x' WHERE id = 2",
        "UPDATE tasks SET name = CAST(x'ff' AS TEXT)",
        "UPDATE metafeatures SET \"values\" = '{'",
        "UPDATE sketches SET content = x'00'",
        "UPDATE sketches SET content = 'text'",
        "UPDATE configurations SET content = '[]' WHERE id = 1",
        "UPDATE evaluations SET accuracy = 2.0 WHERE status = 0 AND accuracy IS NOT NULL",
        "UPDATE evaluations SET accuracy = 'high' WHERE status = 0",
        "UPDATE evaluations SET folds = 'text' WHERE status = 0",
        "UPDATE evaluations SET folds = x'03' WHERE status = 0",
        "UPDATE evaluations SET error = x'00ff' WHERE status = 1",
        "UPDATE evaluations SET seed = 'one' WHERE id = 1",
        "PRAGMA ignore_check_constraints = ON; UPDATE evaluations SET status = 9",
        "PRAGMA ignore_check_constraints = ON; UPDATE evaluations SET status = 'fine'",
        "PRAGMA ignore_check_constraints = ON; UPDATE tasks SET kind = 'clustering'",
        "UPDATE environments SET versions = '[]'",
        "UPDATE origins SET name = ''",
    ],
)
def test_a_base_with_one_wrong_row_is_refused_whole(base: KnowledgeBase, filled: KnowledgeBase, change: str) -> None:
    filled.close()
    driver = sqlite3.connect(filled.place)
    driver.executescript(change)
    driver.commit()
    driver.close()
    before = (base.status(), content_of(base))
    with pytest.raises((ExchangeError, KnowledgeError)) as caught:
        merge_base(base, filled.place)
    assert (base.status(), content_of(base)) == before
    assert str(caught.value).count("\n") == 0
    assert filled.place in str(caught.value)


@pytest.mark.parametrize(
    "text", ["hex(zeroblob(300000))", "'a' || char(0) || hex(zeroblob(300000))", "zeroblob(500000)"]
)
def test_a_huge_cell_is_refused_before_it_is_read(base: KnowledgeBase, filled: KnowledgeBase, text: str) -> None:
    filled.close()
    driver = sqlite3.connect(filled.place)
    driver.execute(f"UPDATE evaluations SET error = {text} WHERE status = 1")
    driver.commit()
    driver.close()
    with pytest.raises(ExchangeError, match=r"filled\.db: error of evaluations has \d+ bytes; it is refused"):
        merge_base(base, filled.place)
    assert base.status().tasks["total"] == 0


def test_a_base_is_not_merged_into_itself(base: KnowledgeBase, tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(base.place)
    for place in (base.place, f"sqlite:///{base.place}", tmp_path / "link.db"):
        with pytest.raises(OptionError, match="cannot be merged into itself"):
            merge_base(base, place)


def test_what_is_no_base_is_refused(base: KnowledgeBase, tmp_path: Path) -> None:
    (tmp_path / "junk.db").write_bytes(b"junk" * 1000)
    for place in (tmp_path / "junk.db", tmp_path / "nowhere.db"):
        with pytest.raises(KnowledgeError, match=place.name):
            merge_base(base, place)


def test_the_other_base_is_left_as_it_is(base: KnowledgeBase, filled: KnowledgeBase, tmp_path: Path) -> None:
    filled.close()
    shutil.copy(filled.place, tmp_path / "copy.db")
    merge_base(base, filled.place)
    assert Path(filled.place).read_bytes() == (tmp_path / "copy.db").read_bytes()
