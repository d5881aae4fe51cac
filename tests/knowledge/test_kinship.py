"""Tasks that are nearly the same are of one family, whichever way they come in."""

import cProfile
import logging
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text

from autometa.knowledge import schema
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.exchange import export_shard, import_shard
from autometa.knowledge.foreign import ForeignTask, add_foreign_tasks
from autometa.knowledge.shards import read_shard
from autometa.knowledge.writing import Added
from autometa.metafeatures import EXTRACTION_VERSION
from autometa.sketches import SKETCH_VERSION, draw_sketch
from autometa.task import Task, TaskDescription
from autometa.task_kind import TaskKind
from tests.knowledge.conftest import MakeEvaluation, MakeMetaFeatures
from tests.sketches import tables

pytestmark = pytest.mark.both_backends


def named(task: Task, name: str, family: str = "") -> Task:
    """Return a task with a name and, if given, a family."""
    return Task(name=name, X=task.X, y=task.y, kind=task.kind, target=task.target, family=family)


def families_of(base: KnowledgeBase) -> dict[str, str]:
    """Return name -> family of all tasks."""
    return {row["name"]: row["family"] for row in base.tasks().to_dict("records")}


class Add:
    """Adds tasks, and tells their families by name."""

    def __init__(self, base: KnowledgeBase, make_metafeatures: MakeMetaFeatures) -> None:
        self.base = base
        self._make_metafeatures = make_metafeatures

    def __call__(self, task: Task, name: str, family: str = "") -> Task:
        added = named(task, name, family)
        assert self.base.add_task(added, self._make_metafeatures())
        return added

    @property
    def families(self) -> dict[str, str]:
        """Name -> family of all tasks."""
        return families_of(self.base)


@pytest.fixture
def add(base: KnowledgeBase, make_metafeatures: MakeMetaFeatures) -> Add:
    """Return what adds tasks under a name."""
    return Add(base, make_metafeatures)


def test_a_copy_joins_the_family_of_what_it_copies(add: Add) -> None:
    whole = add(tables.wine(), "whole")
    add(tables.half_of_columns(tables.recoded(tables.wine())), "copy")
    add(tables.cancer(), "other")
    assert add.families["copy"] == add.families["whole"] == whole.fingerprint
    assert add.families["other"] != whole.fingerprint


def test_a_given_family_gives_way_to_that_of_what_is_copied(add: Add) -> None:
    add(tables.wine(), "whole", "wines")
    add(tables.half_of_rows(tables.wine()), "copy", "another name")
    assert set(add.families.values()) == {"wines"}


def test_a_task_that_comes_under_a_name_that_gave_way_joins_what_it_became(add: Add) -> None:
    add(tables.wine(), "whole", "alpha")
    add(tables.half_of_rows(tables.wine()), "copy", "beta")
    add(tables.cancer(), "other", "beta")
    assert set(add.families.values()) == {"alpha"}


def test_a_name_that_gave_way_leads_on_where_its_family_gives_way_too(add: Add) -> None:
    task = tables.customers()
    add(tables.wine(), "wine", "alpha")
    add(tables.take(task, slice(0, 500)), "first half", "beta")
    add(tables.take(task, slice(500, 1000)), "second half", "gamma")
    add(task, "bridge of halves", "delta")  # beta and gamma are one, too
    assert add.families == {"wine": "alpha", "first half": "beta", "second half": "beta", "bridge of halves": "beta"}
    add(tables.half_of_rows(tables.wine()), "bridge of all", "gamma")
    for number, family in enumerate(("alpha", "beta", "gamma", "delta")):
        add(tables.generated(number), f"later {number}", family)
    assert set(add.families.values()) == {"alpha"}


def test_a_fingerprint_that_gave_way_leads_on_too(add: Add) -> None:
    whole = add(tables.wine(), "whole")
    add(tables.half_of_rows(tables.wine()), "copy", "wines")
    add(tables.cancer(), "other", whole.fingerprint)
    assert set(add.families.values()) == {"wines"}


def test_a_name_that_someone_gave_goes_before_a_fingerprint(add: Add) -> None:
    add(tables.wine(), "whole")
    add(tables.half_of_rows(tables.wine()), "copy", "wines")
    assert set(add.families.values()) == {"wines"}


def test_families_that_a_task_ties_together_are_one(add: Add) -> None:
    task = tables.customers()
    add(tables.take(task, slice(0, 500)), "first half", "halves")
    add(tables.take(task, slice(500, 1000)), "second half", "others")
    add(tables.wine(), "relative of the second", "others")
    assert add.families == {"first half": "halves", "second half": "others", "relative of the second": "others"}
    add(task, "whole", "wholes")
    assert set(add.families.values()) == {"halves"}


def test_relatives_by_a_given_name_follow(add: Add) -> None:
    add(tables.cancer(), "cancer", "given")
    add(tables.wine(), "wine", "wines")
    add(tables.half_of_rows(tables.wine()), "copy", "given")
    assert set(add.families.values()) == {"given"}


def test_the_joining_is_logged(add: Add, caplog: pytest.LogCaptureFixture) -> None:
    add(tables.wine(), "whole")
    with caplog.at_level(logging.INFO, logger="autometa.knowledge.kinship"):
        add(tables.half_of_rows(tables.wine()), "copy")
    (message,) = caplog.messages
    assert message.startswith("'copy' is nearly the same as 'whole': it shares 100 % of rows")


def test_near_tasks_are_named_with_what_is_shared_but_not_the_table_itself(add: Add) -> None:
    whole = add(tables.wine(), "whole", "wines")
    copy = named(tables.half_of_rows(tables.wine()), "copy")
    (near,) = add.base.near_tasks(copy.fingerprint, draw_sketch(copy))
    assert (near.name, near.fingerprint, near.family) == ("whole", whole.fingerprint, "wines")
    assert near.words.startswith("whole (178 rows x 13 columns), which shares 100 % of rows")
    assert add.base.near_tasks(whole.fingerprint) == ()
    add(copy, "copy")
    assert [task.name for task in add.base.near_tasks(whole.fingerprint)] == ["copy"]
    assert add.base.near_tasks("0" * 64) == ()


def test_adding_a_copy_twice_changes_nothing(add: Add, make_metafeatures: MakeMetaFeatures) -> None:
    add(tables.wine(), "whole")
    copy = add(tables.half_of_rows(tables.wine()), "copy")
    before = (add.families, add.base.revision)
    assert not add.base.add_task(copy, make_metafeatures())
    assert (add.families, add.base.revision) == before


def test_a_task_that_was_stored_without_a_sketch_gets_one(add: Add, make_metafeatures: MakeMetaFeatures) -> None:
    """As in a base of an earlier release, or from a shard of one."""
    whole = add(tables.wine(), "whole")
    engine = schema.connect(schema.to_url(add.base.place))
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM sketches"))
    engine.dispose()
    assert not add.base.has_task(whole.fingerprint, metafeatures_version=EXTRACTION_VERSION)
    add(tables.half_of_rows(tables.wine()), "copy")
    assert len(set(add.families.values())) == 2
    assert add.base.add_task(whole, make_metafeatures())
    assert add.base.has_task(whole.fingerprint, metafeatures_version=EXTRACTION_VERSION)
    assert len(set(add.families.values())) == 1


def test_a_stored_sketch_that_breaks_the_rules_is_as_none(add: Add) -> None:
    """As an earlier release may have taken it from a shard."""
    whole = add(tables.wine(), "whole")
    engine = schema.connect(schema.to_url(add.base.place))
    with engine.begin() as connection:
        connection.execute(text("UPDATE sketches SET content = :damaged").bindparams(damaged=b"\x01\x02"))
    engine.dispose()
    copy = named(tables.half_of_rows(tables.wine()), "copy")
    assert add.base.near_tasks(copy.fingerprint, draw_sketch(copy)) == add.base.near_tasks(whole.fingerprint) == ()
    add(copy, "copy")
    assert len(set(add.families.values())) == 2


def test_a_shard_carries_no_sketch_unless_it_is_asked_for(
    add: Add, make_evaluation: MakeEvaluation, tmp_path: Path
) -> None:
    add.base.add_evaluations([make_evaluation(add(tables.wine(), "whole"))])
    export_shard(add.base, tmp_path / "a.parquet")
    (row,) = read_shard(tmp_path / "a.parquet")["task"].to_pylist()
    assert (row["sketch_version"], row["sketch"]) == (None, None)


def test_a_shard_carries_the_sketches(add: Add, make_evaluation: MakeEvaluation, tmp_path: Path) -> None:
    whole = add(tables.wine(), "whole", "wines")
    add.base.add_evaluations([make_evaluation(whole)])
    export_shard(add.base, tmp_path / "a.parquet", with_sketches=True)
    copy = named(tables.half_of_rows(tables.wine()), "copy")
    with KnowledgeBase.create(tmp_path / "other.db") as other:
        import_shard(other, tmp_path / "a.parquet")
        assert [task.name for task in other.near_tasks(copy.fingerprint, draw_sketch(copy))] == ["whole"]


def test_what_a_shard_brings_joins_families_too(
    add: Add, make_evaluation: MakeEvaluation, make_metafeatures: MakeMetaFeatures, tmp_path: Path
) -> None:
    add.base.add_evaluations([make_evaluation(add(tables.wine(), "whole", "wines"))])
    add.base.add_evaluations([make_evaluation(add(tables.cancer(), "cancer", "cancers"))])
    export_shard(add.base, tmp_path / "a.parquet", with_sketches=True)
    with KnowledgeBase.create(tmp_path / "other.db") as other:
        other.add_task(named(tables.half_of_rows(tables.wine()), "mine", "my own"), make_metafeatures())
        assert import_shard(other, tmp_path / "a.parquet") == Added(n_new=2, n_joined=1)
        assert families_of(other) == {"mine": "my own", "whole": "my own", "cancer": "cancers"}
        revision = other.revision
        assert import_shard(other, tmp_path / "a.parquet") == Added(n_same=2)
        assert other.revision == revision


def test_a_shard_with_a_name_that_gave_way_joins_what_it_became(
    add: Add, make_evaluation: MakeEvaluation, make_metafeatures: MakeMetaFeatures, tmp_path: Path
) -> None:
    add.base.add_evaluations([make_evaluation(add(tables.cancer(), "cancer", "beta"))])
    export_shard(add.base, tmp_path / "a.parquet", with_sketches=True)
    with KnowledgeBase.create(tmp_path / "other.db") as other:
        other.add_task(named(tables.wine(), "whole", "alpha"), make_metafeatures())
        other.add_task(named(tables.half_of_rows(tables.wine()), "copy", "beta"), make_metafeatures())
        import_shard(other, tmp_path / "a.parquet")
        assert set(families_of(other).values()) == {"alpha"}


@pytest.mark.parametrize("is_same", [True, False], ids=["the very same", "nearly the same"])
def test_the_cost_of_many_copies_grows_with_their_number(tmp_path: Path, is_same: bool) -> None:
    """Counted in calls, not in seconds: four times as many copies, each compared with each, cost 16 times as much."""
    task = tables.cancer()
    without_one_row = (tables.take(task, np.arange(569) != number) for number in range(80))
    contents = [draw_sketch(task if is_same else part).to_bytes() for part in without_one_row]
    n_calls = []
    for n_copies in (20, 80):
        with KnowledgeBase.create(tmp_path / f"{n_copies}.db") as base, base.writing() as writer:
            names = [f"{number:064x}" for number in range(n_copies)]
            common = {"kind": "binary", "n_rows": 569, "n_columns": 30, "n_classes": 2, "licence": "CC0"}
            common["origin_id"] = writer.origin_id("me", "CC0")
            writer.add_tasks({"fingerprint": name, "name": name, "family": name, **common} for name in names)
            ids = writer.task_ids(names)
            rows = [
                {"task_id": ids[n], "version": SKETCH_VERSION, "content": c}
                for n, c in zip(names, contents, strict=False)
            ]
            with cProfile.Profile() as profile:
                writer.add_sketches(rows)
            n_calls.append(sum(entry.callcount for entry in profile.getstats()))
        with KnowledgeBase(tmp_path / f"{n_copies}.db") as base:
            assert set(families_of(base).values()) == {names[0]}
    assert n_calls[1] < 6 * n_calls[0]


def described(number: int, family: str) -> ForeignTask:
    """Return a task that is known by description alone."""
    description = TaskDescription(
        name=f"number {number}",
        fingerprint=f"{number:064x}",
        family=family,
        kind=TaskKind.BINARY,
        n_rows=9,
        n_columns=2,
        metafeatures={},
    )
    return ForeignTask(description=description, n_classes=2, metafeatures_version="theirs")


def test_two_who_call_the_family_of_a_task_differently_tie_both_together(base: KnowledgeBase, add: Add) -> None:
    options = {"origin": "them", "licence": "not stated"}
    add_foreign_tasks(base, [described(1, "kr"), described(2, "kr"), described(3, "iris")], **options)
    add(tables.wine(), "wine", "kr_vs_kp")
    revision = base.revision
    assert add_foreign_tasks(base, [described(1, "kr_vs_kp"), described(3, "iris")], **options) == 0
    assert add.families == {"number 1": "kr", "number 2": "kr", "number 3": "iris", "wine": "kr"}
    assert base.revision == revision + 1
    add_foreign_tasks(base, [described(3, "flowers")], **options)  # of which there is no task yet
    add_foreign_tasks(base, [described(4, "flowers"), described(1, "kr_vs_kp")], **options)
    assert add.families["number 4"] == "iris"
    assert add_foreign_tasks(base, [described(4, "iris"), described(3, "flowers")], **options) == 0
    assert base.revision == revision + 3  # what is told twice changes nothing
