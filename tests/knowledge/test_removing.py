"""A task, or all that came from one origin, goes with everything that hangs on it, and nothing else does."""

import shutil
from pathlib import Path

import pytest
from sqlalchemy import func, select

from autometa.errors import NotKnownError, OptionError
from autometa.knowledge import shipped, tables
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.removing import Doomed, Removal, foresee, remove
from tests.knowledge.conftest import MakeEvaluation, MakeMetaFeatures, MakeTask


@pytest.fixture
def team(
    base: KnowledgeBase, make_task: MakeTask, make_metafeatures: MakeMetaFeatures, make_evaluation: MakeEvaluation
) -> KnowledgeBase:
    """Tasks 0 and 1 of ann, 2 of bob; ann ran on all, bob on 1 and 2; of one of ann's runs bob found another result."""
    tasks = [make_task(number) for number in range(3)]
    for task, origin in zip(tasks, ("ann", "ann", "bob"), strict=True):
        base.add_task(task, make_metafeatures(), origin=origin)
    base.add_evaluations(make_evaluation(task, "of ann", origin="ann", versions={"ann": "1"}) for task in tasks)
    base.add_evaluations(make_evaluation(task, "of bob", origin="bob") for task in tasks[1:])
    base.add_evaluations([make_evaluation(tasks[0], "of ann", origin="bob", scores=(1.0, 1.0))])
    return base


def counts(base: KnowledgeBase) -> dict[str, int]:
    """Return the number of rows in every table."""
    with base.reading() as connection:
        sizes = {
            name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for name, table in tables.metadata.tables.items()
        }
    return {name: size for name, size in sizes.items() if name not in {"info", "alembic_version"} and size}


def check_references(base: KnowledgeBase) -> None:
    """Fail if a row refers to nothing."""
    with base.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []


def test_a_task_goes_with_its_runs_and_what_only_they_referred_to(team: KnowledgeBase, make_task: MakeTask) -> None:
    before, revision = counts(team), team.revision
    doomed = Doomed(task="binary-0")
    expected = Removal(tasks=("binary-0",), n_evaluations=1, n_repeats=1)
    assert foresee(team, doomed) == expected
    assert counts(team) == before
    assert remove(team, doomed) == expected
    assert team.tasks()["name"].tolist() == ["binary-1", "binary-2"]
    after = {"tasks": 2, "metafeatures": 2, "sketches": 2, "evaluations": 4, "repeats": 0}
    assert counts(team) == {name: n for name, n in (before | after).items() if n}
    assert team.revision == revision + 1
    check_references(team)
    with pytest.raises(NotKnownError):
        team.describe(make_task(0).fingerprint)


def test_an_origin_goes_but_for_what_others_ran_on(team: KnowledgeBase) -> None:
    """Task 1 is ann's, but bob ran on it; task 0 has nothing left."""
    before = counts(team)
    assert remove(team, Doomed(origin="ann")) == Removal(tasks=("binary-0",), n_evaluations=3, n_repeats=1)
    assert team.tasks()["name"].tolist() == ["binary-1", "binary-2"]
    assert set(team.evaluations()["origin"]) == {"bob"}
    assert team.configurations()["algorithm"].tolist() == ["of bob"]
    after = {"tasks": 2, "metafeatures": 2, "sketches": 2, "evaluations": 2, "repeats": 0, "configurations": 1}
    after |= {"environments": 1, "origins": before["origins"] - 1}  # ann's task is still ann's
    assert counts(team) == {name: n for name, n in (before | after).items() if n}
    check_references(team)
    assert remove(team, Doomed(origin="bob")) == Removal(tasks=("binary-2",), n_evaluations=2, n_repeats=0)
    assert remove(team, Doomed(origin="ann")) == Removal(tasks=("binary-1",), n_evaluations=0, n_repeats=0)
    assert counts(team) == {}


def test_a_task_is_meant_by_its_fingerprint_or_the_start_of_it(team: KnowledgeBase, make_task: MakeTask) -> None:
    fingerprint = make_task(1).fingerprint
    for name in (fingerprint, fingerprint[:8]):
        assert foresee(team, Doomed(task=name)).tasks == ("binary-1",)


def test_a_name_of_two_tasks_is_refused(
    team: KnowledgeBase, make_task: MakeTask, make_metafeatures: MakeMetaFeatures
) -> None:
    other = make_task(7, name="binary-0")
    team.add_task(other, make_metafeatures())
    with pytest.raises(OptionError, match=f"'binary-0' means 2 tasks; give one of: .*{other.fingerprint[:12]}"):
        remove(team, Doomed(task="binary-0"))
    assert len(team.tasks()) == 4


@pytest.mark.parametrize(
    ("doomed", "words"),
    [
        (Doomed(task="nothing"), "no task 'nothing'; see: autometa kb list tasks"),
        (Doomed(task="abcdef"), "no task 'abcdef'"),
        (Doomed(task="%"), "no task '%'"),
        (Doomed(origin="eve"), "no origin 'eve'; there are: ann, bob"),
    ],
)
def test_what_is_not_there_is_refused(team: KnowledgeBase, doomed: Doomed, words: str) -> None:
    before = (counts(team), team.revision)
    for act in (foresee, remove):
        with pytest.raises(NotKnownError, match=words):
            act(team, doomed)
    assert (counts(team), team.revision) == before


def test_one_of_the_two_is_removed(team: KnowledgeBase) -> None:
    for wrong in ({}, {"task": "a", "origin": "b"}):
        with pytest.raises(OptionError, match="a task or an origin, one of the two"):
            Doomed(**wrong)


def test_shipped_runs_that_were_removed_do_not_come_back(shipped_base: Path, tmp_path: Path) -> None:
    shutil.copy(shipped_base, tmp_path / "own.db")
    with KnowledgeBase(tmp_path / "own.db") as base:
        for origin in ("campaign", "pilot"):  # the campaign ran on tables of the pilot too: those are the pilot's
            assert remove(base, Doomed(origin=origin)).n_evaluations > 1000
        assert base.status().evaluations["total"] == base.status().tasks["total"] == 0
        assert shipped.missing_shards(base) == ()


def test_names_of_families_that_are_gone_are_forgotten(
    base: KnowledgeBase, make_task: MakeTask, make_metafeatures: MakeMetaFeatures
) -> None:
    base.add_task(make_task(1), make_metafeatures())
    with base.writing() as writer:
        families = [make_task(1).fingerprint, "gone"]
        rows = [{"name": f"before {family}", "family": family} for family in families]
        writer.connection.execute(tables.family_aliases.insert(), rows)
    base.add_task(make_task(2), make_metafeatures())
    remove(base, Doomed(task="binary-2"))
    with base.reading() as connection:
        kept = connection.execute(select(tables.family_aliases.c.family)).scalars().all()
    assert kept == [families[0]]
