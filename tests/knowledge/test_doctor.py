"""The doctor finds what was planted, and nothing in a sound base."""

import re
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from autometa.evaluation.record import Status
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.doctor import Finding, Level, examine
from autometa.metafeatures import EXTRACTION_VERSION
from autometa.task_kind import TaskKind
from tests.knowledge.conftest import MakeEvaluation, MakeMetaFeatures, MakeTask
from tests.sketches import tables


def change(base: KnowledgeBase, *statements: str) -> None:
    """Change a base behind its back."""
    driver = sqlite3.connect(base.place)
    for statement in statements:
        driver.execute(statement)
    driver.commit()
    driver.close()


def found(base: KnowledgeBase, check: str) -> Finding:
    """Return the finding of a check."""
    (finding,) = (finding for finding in examine(base) if finding.check == check)
    return finding


def test_the_shipped_base_is_sound(shipped_base: Path) -> None:
    with KnowledgeBase(shipped_base) as base:
        findings = examine(base)
        status = base.status()
    assert {finding.level for finding in findings} <= {Level.FINE, Level.NOTICE}
    counted = f"{status.tasks['total']} tasks, {status.configurations['total']} configurations, "
    assert findings[1].message == f"{counted}{status.evaluations['total']} evaluations obey the rules"
    assert all((finding.command is None) == (finding.level is Level.FINE) for finding in findings)


def test_an_empty_base_is_sound_and_thin(base: KnowledgeBase) -> None:
    findings = examine(base)
    assert [finding.check for finding in findings if finding.level is Level.NOTICE] == [
        f"coverage of {kind}" for kind in TaskKind
    ]
    assert Level.BROKEN not in {finding.level for finding in findings}


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE tasks SET n_rows = 0 WHERE id = 2", "a row breaks a rule: .*, task [123]: a table of 0 x 2"),
        ("UPDATE configurations SET content = '[]' WHERE id = 1", "a row breaks a rule: .*, configuration "),
        ("UPDATE evaluations SET accuracy = 2 WHERE accuracy > 0", "a row breaks a rule: .*accuracy = 2.0"),
        ("UPDATE evaluations SET folds = NULL", "a row breaks a rule: .*, evaluation "),
    ],
)
def test_a_row_that_breaks_a_rule_is_found(filled: KnowledgeBase, statement: str, words: str) -> None:
    change(filled, statement)
    findings = examine(filled)
    assert [(finding.check, finding.level) for finding in findings] == [
        ("integrity", Level.FINE),
        ("rows", Level.BROKEN),
    ]
    assert re.search(words, findings[1].message)


def test_references_to_nothing_are_found(filled: KnowledgeBase) -> None:
    change(filled, "PRAGMA foreign_keys = OFF", "DELETE FROM environments")
    finding = found(filled, "integrity")
    assert (finding.level, finding.message.endswith("; 12 rows refer to nothing: restore a backup")) == ("broken", True)


def test_a_damaged_file_is_found(filled: KnowledgeBase) -> None:
    filled.close()
    content = bytearray(Path(filled.place).read_bytes())
    content[len(content) // 2 :] = bytes(len(content) - len(content) // 2)
    Path(filled.place).write_bytes(content)
    finding = found(filled, "integrity")
    assert finding.level is Level.BROKEN
    assert "\n" not in finding.message


def test_metafeatures_of_another_version_are_counted(
    filled: KnowledgeBase, make_task: MakeTask, make_metafeatures: MakeMetaFeatures
) -> None:
    assert found(filled, "meta-features").level is Level.FINE
    filled.add_task(make_task(7), make_metafeatures(version="0"))
    finding = found(filled, "meta-features")
    assert finding.level is Level.NOTICE
    now = EXTRACTION_VERSION
    assert finding.message.startswith(
        f"1 task (binary-7) without those of version {now} (1 of version 0, 3 of version {now})"
    )


def test_tasks_without_a_sketch_are_named(filled: KnowledgeBase) -> None:
    assert found(filled, "sketches").level is Level.FINE
    change(filled, "DELETE FROM sketches WHERE task_id < 3")
    finding = found(filled, "sketches")
    assert (finding.level, finding.message[:34]) == ("notice", "2 tasks (binary-0, multiclass-1) w")


def test_copies_are_counted_and_must_be_of_one_family(base: KnowledgeBase, make_metafeatures: MakeMetaFeatures) -> None:
    task = replace(tables.wine(), name="whole", family="")
    for added in (task, replace(tables.half_of_rows(task), name="half", family=""), tables.cancer()):
        base.add_task(added, make_metafeatures())
    finding = found(base, "near duplicates")
    assert finding == Finding(
        check="near duplicates", level=Level.FINE, message="2 tasks are nearly the same as others, in 1 families"
    )
    change(base, "UPDATE tasks SET family = 'another' WHERE name = 'half'")
    finding = found(base, "near duplicates")
    assert finding.level is Level.BROKEN
    assert "1 pair (whole and half)" in finding.message


def test_results_that_differ_are_listed(
    filled: KnowledgeBase, make_task: MakeTask, make_evaluation: MakeEvaluation
) -> None:
    for score in (0.1, 0.2):
        filled.add_evaluations([make_evaluation(make_task(), "learner-ok", scores=(score, score))])
    finding = found(filled, "differing repeats")
    assert finding.level is Level.NOTICE
    assert finding.message == "2 results differ from the one stored first: binary-0 learner-ok (2)"
    assert finding.command == f"autometa kb show {make_task().fingerprint[:12]}"


def test_the_runs_that_would_help_are_those_of_the_best_configurations(
    base: KnowledgeBase, make_task: MakeTask, make_metafeatures: MakeMetaFeatures, make_evaluation: MakeEvaluation
) -> None:
    """Ten good configurations on both tasks but for three; twenty bad ones, of which nothing is asked."""
    for number in range(2):
        task = make_task(number)
        base.add_task(task, make_metafeatures())
        scores = {f"good {i}": 0.9 for i in range(10)} | {f"bad {i}": 0.1 for i in range(20)}
        for name in ("good 1", "good 4", "good 7") if number == 1 else ("bad 3",):
            del scores[name]
        base.add_evaluations(make_evaluation(task, name, scores=(s, s)) for name, s in scores.items())
        base.add_evaluations([make_evaluation(task, "failing", status=Status.FAILED)])
    finding = found(base, "helpful binary runs")
    assert finding.message.startswith("3 runs of the 10 best binary configurations are missing, most on: binary-1 (3);")
    assert finding.command == f"autometa kb show {make_task(1).fingerprint[:12]}"


def test_a_sketch_that_is_none_is_a_broken_row(filled: KnowledgeBase) -> None:
    change(filled, "UPDATE sketches SET content = x'0102' WHERE task_id = 1")
    finding = examine(filled)[1]
    assert finding.level is Level.BROKEN
    assert "bytes are no sketch" in finding.message
