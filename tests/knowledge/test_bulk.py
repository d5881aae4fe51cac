"""Adding many evaluations at once, which goes another way than adding a few."""

import json
import math
from collections.abc import Sequence

import numpy as np
import pytest
from sqlalchemy import text

from autometa.errors import KnowledgeError, OptionError
from autometa.evaluation.record import Evaluation, Status
from autometa.knowledge import writing
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.rows import Row, configuration_row, evaluation_row
from autometa.knowledge.writing import Added, Writer
from autometa.metric import default_metric, metrics_of
from autometa.task import Task
from autometa.task_kind import TaskKind
from tests.knowledge.conftest import MakeEvaluation, MakeMetaFeatures, MakeTask

both_backends = pytest.mark.both_backends
postgresql_only = pytest.mark.parametrize("backend", ["postgresql"], indirect=True)

# PostgreSQL's own text format would need an escape for each of these.
TEXTS = ("tab\there", "line\nline\r\n", r"back\slash \t \\", r"\N", r"\.", "'\"{,}", "ü 🙂 \u2028")


def _known(base: KnowledgeBase, task: Task, metafeatures: MakeMetaFeatures) -> Task:
    """Return a task that is now in a base."""
    base.add_task(task, metafeatures())
    return task


def _read(base: KnowledgeBase, task: Task) -> tuple[Evaluation, ...]:
    """Return the evaluations of a task under the protocol of these tests."""
    return base.evaluations_of(task.fingerprint, protocol="cv-v1", pipelines_version="1")


def _repeats(base: KnowledgeBase, task: Task) -> list[tuple[int, int, str, str]]:
    """Return what is kept aside of a task: the seed, status, scores and origin, in the order of adding."""
    query = text(
        "SELECT e.seed, r.status, r.scores, o.name FROM repeats r JOIN evaluations e ON e.id = r.evaluation_id "
        "JOIN tasks t ON t.id = e.task_id JOIN origins o ON o.id = r.origin_id "
        "WHERE t.fingerprint = :fingerprint ORDER BY e.seed, r.id"
    )
    with base.reading() as connection:
        return [
            (row[0], row[1], row[2], row[3]) for row in connection.execute(query, {"fingerprint": task.fingerprint})
        ]


def _rows(writer: Writer, task: Task, evaluations: Sequence[Evaluation]) -> list[Row]:
    """Return complete rows of evaluations of one configuration."""
    writer.add_configurations([configuration_row(evaluations[0].configuration)])
    (configuration_id,) = writer.configuration_ids([evaluations[0].configuration.key]).values()
    references = {
        "task_id": writer.task_ids([task.fingerprint])[task.fingerprint],
        "configuration_id": configuration_id,
        "protocol_id": writer.protocol_id("cv-v1", "1"),
        "environment_id": writer.environment_id("{}"),
        "origin_id": writer.origin_id("local", "CC0"),
    }
    return [{**references, **evaluation_row(evaluation, task.kind)} for evaluation in evaluations]


def _add(base: KnowledgeBase, task: Task, evaluations: Sequence[Evaluation], change: Row) -> None:
    """Add evaluations, the last one with a change that no check before has seen; the first half by itself."""
    with base.writing() as writer:
        *rows, last = _rows(writer, task, evaluations)
        writer.add_evaluations(rows[: len(rows) // 2])
        writer.add_evaluations([*rows[len(rows) // 2 :], {**last, **change}])


@both_backends
def test_many_at_once_end_as_the_same_one_by_one(
    base: KnowledgeBase, make_task: MakeTask, make_metafeatures: MakeMetaFeatures, make_evaluation: MakeEvaluation
) -> None:
    rng = np.random.default_rng(0)
    scores = ((0.25, 0.5), (0.25, 0.5 + 1e-12), (0.5, 0.5), (0.5, 1.0))  # the first two are the same result
    drawn = [(int(rng.integers(150)), scores[rng.integers(4)], f"origin {rng.integers(3)}") for _ in range(600)]
    kept = []
    for number, size in enumerate((1, 300)):
        task = _known(base, make_task(number), make_metafeatures)
        evaluations = [make_evaluation(task, seed=seed, scores=each, origin=origin) for seed, each, origin in drawn]
        evaluations[100] = make_evaluation(task, seed=drawn[100][0], status=Status.FAILED)
        added = Added()
        for start in range(0, len(evaluations), size):
            added += base.add_evaluations(evaluations[start : start + size])
        assert min(added.n_new, added.n_same, added.n_differing) > 50
        found = [(each.seed, each.status, each.fold_scores, each.origin) for each in _read(base, task)]
        kept.append((added, found, _repeats(base, task)))
    assert kept[0] == kept[1]


@both_backends
def test_a_chunk_of_new_same_differing_and_repeated_rows_is_counted_right(
    base: KnowledgeBase, make_task: MakeTask, make_metafeatures: MakeMetaFeatures, make_evaluation: MakeEvaluation
) -> None:
    task = _known(base, make_task(), make_metafeatures)
    stored = [make_evaluation(task, seed=seed) for seed in range(100)]
    assert base.add_evaluations(stored) == Added(n_new=100)
    other = {"scores": (0.25, 0.5, 0.8), "origin": "other"}
    chunk = [
        *stored[:40],
        *(make_evaluation(task, seed=seed, **other) for seed in range(40, 70)),
        *(make_evaluation(task, seed=seed) for seed in range(100, 130)),
        *(make_evaluation(task, seed=seed, **other) for seed in range(100, 110)),  # differ from those just before
        *(make_evaluation(task, seed=seed) for seed in range(110, 130)),
        *(make_evaluation(task, seed=seed, **other) for seed in range(40, 45)),  # kept aside once
    ]
    assert base.add_evaluations(chunk) == Added(n_new=30, n_same=65, n_differing=40)
    assert _read(base, task) == (*stored, *chunk[70:100])
    assert [row[0] for row in _repeats(base, task)] == [*range(40, 70), *range(100, 110)]


@both_backends
def test_hundreds_of_differing_repeats_are_kept_in_order_once_each(
    base: KnowledgeBase, make_task: MakeTask, make_metafeatures: MakeMetaFeatures, make_evaluation: MakeEvaluation
) -> None:
    tasks = [_known(base, make_task(number), make_metafeatures) for number in range(2)]
    seeds = range(150)
    base.add_evaluations(make_evaluation(task, seed=seed) for task in tasks for seed in seeds)
    waves = [
        *(
            [make_evaluation(t, seed=s, scores=(0.5, each), origin="a") for t in tasks for s in seeds]
            for each in (1, 0)
        ),
        [make_evaluation(t, seed=s, status=Status.FAILED, origin="b") for t in tasks for s in seeds],
    ]
    first, *rest = waves
    assert base.add_evaluations(first[:3]) == Added(n_differing=3)  # few, so that many find some of them
    all_at_once = [each for wave in (first, *rest, first) for each in wave]
    assert base.add_evaluations(all_at_once) == Added(n_same=303, n_differing=897)
    assert base.add_evaluations(all_at_once) == Added(n_same=1200)
    assert base.status().differing_repeats == 900
    for task in tasks:
        found = _repeats(base, task)
        expected = [
            (0, {metric.name: 0.75 for metric in metrics_of(task.kind)}, "a"),
            (0, {metric.name: 0.25 for metric in metrics_of(task.kind)}, "a"),
            (1, {}, "b"),
        ]
        assert [row[0] for row in found] == [seed for seed in seeds for _ in expected]
        assert [(status, json.loads(scores), origin) for _, status, scores, origin in found] == expected * len(seeds)


@both_backends
@pytest.mark.parametrize("kind", TaskKind)
def test_many_values_of_every_sort_come_back_equal(
    kind: TaskKind,
    base: KnowledgeBase,
    make_task: MakeTask,
    make_metafeatures: MakeMetaFeatures,
    make_evaluation: MakeEvaluation,
) -> None:
    task = _known(base, make_task(0, kind), make_metafeatures)
    missing = default_metric(kind).name
    partial = {metric.name: (0.1 + 0.2, 1 / 3) for metric in metrics_of(kind) if metric.name != missing}
    evaluations = [
        *(make_evaluation(task, f"{status}", status=status) for status in Status),
        *(make_evaluation(task, seed=seed) for seed in (-(2**63), -1, 2**31, 2**62 + 1, 2**63 - 1)),
        *(make_evaluation(task, f"{score}", scores=(score,)) for score in (-0.0, 5e-324, -1.7e308, math.pi / 10)),
        make_evaluation(task, "partial", fold_scores=partial, absent={missing: "no\tprobabilities\n"}),
        make_evaluation(task, "elsewhere", origin="openml", versions={}, peak_memory_bytes=2**40),
        make_evaluation(task, "long", status=Status.FAILED, error="ü" * 100_000),
        *(make_evaluation(task, "folds", seed=seed, scores=rounds) for seed, rounds in enumerate(_folds(40))),
    ]
    assert base.add_evaluations(evaluations) == Added(n_new=len(evaluations))
    assert _read(base, task) == tuple(evaluations)
    assert base.add_evaluations(evaluations) == Added(n_same=len(evaluations))


def _folds(n: int) -> list[tuple[float, ...]]:
    """Return scores of 1 to n folds, the bytes of which take all values."""
    rng = np.random.default_rng(0)
    return [tuple(rng.random(size).tolist()) for size in range(1, n + 1)]


@both_backends
def test_many_texts_come_back_equal(
    base: KnowledgeBase, make_task: MakeTask, make_metafeatures: MakeMetaFeatures, make_evaluation: MakeEvaluation
) -> None:
    task = _known(base, make_task(), make_metafeatures)
    texts = [each * n for n in range(1, 6) for each in TEXTS]
    failed = [make_evaluation(task, status=Status.FAILED, seed=seed) for seed in range(len(texts))]
    with base.writing() as writer:
        rows = _rows(writer, task, failed)
        writer.add_evaluations({**row, "error": each, "absent": each} for row, each in zip(rows, texts, strict=True))
    with base.reading() as connection:
        found = connection.execute(text("SELECT error, absent FROM evaluations ORDER BY seed")).all()
    assert [tuple(row) for row in found] == [(each, each) for each in texts]


@both_backends
def test_many_texts_that_no_database_takes_are_stored_readably(
    base: KnowledgeBase, make_task: MakeTask, make_metafeatures: MakeMetaFeatures, make_evaluation: MakeEvaluation
) -> None:
    task = _known(base, make_task(), make_metafeatures)
    error = "no file caf\udce9\x00"
    base.add_evaluations(make_evaluation(task, status=Status.FAILED, error=error, seed=seed) for seed in range(50))
    assert [evaluation.error for evaluation in _read(base, task)] == [r"no file caf\udce9\x00"] * 50


@both_backends
@pytest.mark.parametrize("change", [{"status": 9}, {"task_id": 10**6}, {"environment_id": None}])
def test_one_row_of_many_that_the_database_refuses_leaves_nothing(
    change: Row,
    base: KnowledgeBase,
    make_task: MakeTask,
    make_metafeatures: MakeMetaFeatures,
    make_evaluation: MakeEvaluation,
) -> None:
    task = _known(base, make_task(), make_metafeatures)
    before = base.status()
    many = [make_evaluation(task, seed=seed) for seed in range(100)]
    with pytest.raises(KnowledgeError, match="failed: ") as caught:
        _add(base, task, many, change)
    assert "\n" not in str(caught.value)
    assert base.status() == before
    assert base.add_evaluations(many) == Added(n_new=100)  # the connection is still good


@postgresql_only
@pytest.mark.parametrize("change", [{"error": "a\x00b"}, {"peak_memory_bytes": 2**63}])
def test_one_row_of_many_that_postgresql_cannot_hold_leaves_nothing(
    change: Row,
    base: KnowledgeBase,
    make_task: MakeTask,
    make_metafeatures: MakeMetaFeatures,
    make_evaluation: MakeEvaluation,
) -> None:
    task = _known(base, make_task(), make_metafeatures)
    before = base.status()
    for n_rows in (10, 100):
        with pytest.raises(KnowledgeError, match="failed: "):
            _add(base, task, [make_evaluation(task, seed=seed) for seed in range(n_rows)], change)
    assert base.status() == before


@both_backends
def test_one_text_of_many_that_does_not_fit_leaves_nothing(
    base: KnowledgeBase, make_task: MakeTask, make_metafeatures: MakeMetaFeatures, make_evaluation: MakeEvaluation
) -> None:
    task = _known(base, make_task(), make_metafeatures)
    before = base.status()
    many = [make_evaluation(task, seed=seed) for seed in range(100)]
    with pytest.raises(OptionError, match="error of evaluations has 100001 characters"):
        _add(base, task, many, {"error": "x" * 100_001})
    assert base.status() == before
    assert base.add_evaluations(many) == Added(n_new=100)


@both_backends
def test_the_same_row_object_many_times_is_one_evaluation(
    base: KnowledgeBase, make_task: MakeTask, make_metafeatures: MakeMetaFeatures, make_evaluation: MakeEvaluation
) -> None:
    task = _known(base, make_task(), make_metafeatures)
    with base.writing() as writer:
        rows = _rows(writer, task, [make_evaluation(task)])
        assert writer.add_evaluations(rows * 12_000) == Added(n_new=1, n_same=11_999)


@postgresql_only
def test_many_new_rows_renew_the_statistics_in_their_transaction(
    base: KnowledgeBase,
    make_task: MakeTask,
    make_metafeatures: MakeMetaFeatures,
    make_evaluation: MakeEvaluation,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(writing, "_MANY_ROWS", 50)
    task = _known(base, make_task(), make_metafeatures)
    query = text("SELECT reltuples FROM pg_class WHERE oid = 'evaluations'::regclass")
    counted = []
    with base.writing() as writer:
        rows = _rows(writer, task, [make_evaluation(task, seed=seed) for seed in range(240)])
        for start in range(0, len(rows), 30):
            writer.add_evaluations(rows[start : start + 30])
            counted.append(writer.connection.execute(query).scalar_one())
    assert counted == [-1, 60, 60, 120, 120, 120, 120, 240]  # at twice as many each time
