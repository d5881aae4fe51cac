"""Adding tasks and evaluations."""

import json
import math
import re
import sqlite3

import pytest
from sqlalchemy import event, text

from autometa.errors import DataError, KnowledgeError, NotKnownError, OptionError
from autometa.evaluation.record import Evaluation, Status
from autometa.knowledge import schema
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.writing import Added
from autometa.metafeatures import EXTRACTION_VERSION
from autometa.metric import default_metric, metrics_of
from autometa.space import Configuration
from autometa.task_kind import TaskKind
from tests.knowledge.conftest import MakeEvaluation, MakeMetaFeatures, MakeTask

pytestmark = pytest.mark.both_backends


def _read(base: KnowledgeBase, fingerprint: str) -> tuple[Evaluation, ...]:
    """Return the evaluations of a task under the protocol of these tests."""
    return base.evaluations_of(fingerprint, protocol="cv-v1", pipelines_version="1")


@pytest.mark.parametrize("kind", TaskKind)
def test_evaluations_of_every_status_come_back_equal(
    kind: TaskKind,
    base: KnowledgeBase,
    make_task: MakeTask,
    make_metafeatures: MakeMetaFeatures,
    make_evaluation: MakeEvaluation,
) -> None:
    task = make_task(0, kind)
    base.add_task(task, make_metafeatures())
    missing = default_metric(kind).name
    partial = {metric.name: (0.1 + 0.2, 1 / 3) for metric in metrics_of(kind) if metric.name != missing}
    configuration = Configuration(algorithm="ridge", values={"alpha": 1e-9, "on": True, "n": 3, "none": None, "s": "ü"})
    evaluations = [
        *(make_evaluation(task, f"{status}", status=status) for status in Status),
        make_evaluation(task, configuration, scores=(0.1 + 0.2, math.pi / 10, 5e-324), seed=2**62 + 1),
        make_evaluation(task, "partial", fold_scores=partial, absent={missing: "no probabilities"}),
        make_evaluation(task, "elsewhere", origin="openml", versions={}, peak_memory_bytes=2**40),
        make_evaluation(task, "long", status=Status.FAILED, error="x" * 5000),
    ]
    assert base.add_evaluations(evaluations) == Added(n_new=len(evaluations))
    assert _read(base, task.fingerprint) == tuple(evaluations)


def test_unknown_times_come_back_as_nan(
    base: KnowledgeBase, make_task: MakeTask, make_metafeatures: MakeMetaFeatures, make_evaluation: MakeEvaluation
) -> None:
    task = make_task()
    base.add_task(task, make_metafeatures())
    nan = float("nan")
    base.add_evaluations([make_evaluation(task, status=Status.TIMED_OUT, fit_seconds=nan, predict_seconds=nan)])
    (found,) = _read(base, task.fingerprint)
    assert math.isnan(found.fit_seconds)
    assert math.isnan(found.predict_seconds)


def test_a_task_and_its_description_come_back(
    base: KnowledgeBase, make_task: MakeTask, make_metafeatures: MakeMetaFeatures
) -> None:
    task = make_task(0, TaskKind.MULTICLASS, name="irises", family="flowers")
    assert base.add_task(task, make_metafeatures(150.0))
    found = base.describe(task.fingerprint)
    assert (found.name, found.family, found.kind) == ("irises", "flowers", TaskKind.MULTICLASS)
    assert (found.n_rows, found.n_columns, found.fingerprint) == (6, 2, task.fingerprint)
    assert found.metafeatures["nr_inst"] == 150.0
    assert math.isnan(found.metafeatures["skew"])
    assert math.isnan(found.metafeatures["tree"])
    row = base.tasks().iloc[0]
    assert (row["n_classes"], row["licence"], row["n_evaluations"]) == (3, "CC0", 0)


def test_adding_a_task_twice_changes_nothing(
    base: KnowledgeBase, make_task: MakeTask, make_metafeatures: MakeMetaFeatures
) -> None:
    assert base.add_task(make_task(), make_metafeatures(1.0))
    assert base.revision == 1
    assert not base.add_task(make_task(name="renamed"), make_metafeatures(2.0))
    assert base.revision == 1
    found = base.describe(make_task().fingerprint)
    assert (found.name, found.metafeatures["nr_inst"]) == ("binary-0", 1.0)


def test_metafeatures_of_another_version_are_added_to_a_known_task(
    base: KnowledgeBase, make_task: MakeTask, make_metafeatures: MakeMetaFeatures
) -> None:
    task = make_task()
    base.add_task(task, make_metafeatures(1.0, version="0"))
    assert base.describe(task.fingerprint).metafeatures == {}
    assert base.has_task(task.fingerprint, metafeatures_version="0")
    assert not base.has_task(task.fingerprint, metafeatures_version=EXTRACTION_VERSION)
    assert base.add_task(task, make_metafeatures(2.0, version=EXTRACTION_VERSION))
    assert base.has_task(task.fingerprint, metafeatures_version=EXTRACTION_VERSION)
    assert base.describe(task.fingerprint).metafeatures["nr_inst"] == 2.0
    assert base.status().tasks["total"] == 1


def test_adding_evaluations_twice_changes_nothing(
    base: KnowledgeBase, make_task: MakeTask, make_metafeatures: MakeMetaFeatures, make_evaluation: MakeEvaluation
) -> None:
    task = make_task()
    base.add_task(task, make_metafeatures())
    evaluations = [make_evaluation(task, str(status), status=status) for status in Status]
    base.add_evaluations(evaluations)
    before = (base.status(), base.evaluations().to_csv(), _read(base, task.fingerprint))
    assert base.add_evaluations(evaluations) == Added(n_same=4)
    assert (base.status(), base.evaluations().to_csv(), _read(base, task.fingerprint)) == before


def test_the_same_result_from_elsewhere_is_the_same(
    base: KnowledgeBase, make_task: MakeTask, make_metafeatures: MakeMetaFeatures, make_evaluation: MakeEvaluation
) -> None:
    task = make_task()
    base.add_task(task, make_metafeatures())
    base.add_evaluations([make_evaluation(task)])
    slower = make_evaluation(task, fit_seconds=9.0, origin="colleague", scores=(0.25, 0.5, 0.75 + 1e-12))
    assert base.add_evaluations([slower]) == Added(n_same=1)
    assert _read(base, task.fingerprint)[0].origin == "local"


def test_of_two_differing_results_the_first_stays_and_the_other_is_kept_once(
    base: KnowledgeBase, make_task: MakeTask, make_metafeatures: MakeMetaFeatures, make_evaluation: MakeEvaluation
) -> None:
    task = make_task()
    base.add_task(task, make_metafeatures())
    first = make_evaluation(task)
    base.add_evaluations([first])
    second = make_evaluation(task, scores=(0.25, 0.5, 0.8))
    assert base.add_evaluations([second]) == Added(n_differing=1)
    revision = base.revision
    assert base.add_evaluations([second]) == Added(n_same=1)
    assert base.revision == revision
    failed = make_evaluation(task, status=Status.FAILED)
    assert base.add_evaluations([failed, second]) == Added(n_differing=1, n_same=1)
    assert base.status().differing_repeats == 2
    assert _read(base, task.fingerprint) == (first,)


def test_of_the_same_run_twice_in_one_call_the_first_stays(
    base: KnowledgeBase, make_task: MakeTask, make_metafeatures: MakeMetaFeatures, make_evaluation: MakeEvaluation
) -> None:
    task = make_task()
    base.add_task(task, make_metafeatures())
    first, other = make_evaluation(task), make_evaluation(task, scores=(0.5, 0.5, 0.75))
    assert base.add_evaluations([first, other, first, other]) == Added(n_new=1, n_same=2, n_differing=1)
    assert _read(base, task.fingerprint) == (first,)


def test_thousands_of_evaluations_in_one_call_are_all_counted_once(
    base: KnowledgeBase, make_task: MakeTask, make_metafeatures: MakeMetaFeatures, make_evaluation: MakeEvaluation
) -> None:
    task = make_task()
    base.add_task(task, make_metafeatures())
    many = [make_evaluation(task, seed=seed % 1200) for seed in range(2400)]
    assert base.add_evaluations(many) == Added(n_new=1200, n_same=1200)
    same = [make_evaluation(task, seed=5000)] * 700
    assert base.add_evaluations(same) == Added(n_new=1, n_same=699)
    assert base.status().evaluations["total"] == 1201


@pytest.mark.sqlite_only
def test_adding_evaluations_does_not_read_all_others(
    base: KnowledgeBase, make_task: MakeTask, make_metafeatures: MakeMetaFeatures, make_evaluation: MakeEvaluation
) -> None:
    task = make_task()
    base.add_task(task, make_metafeatures())
    with base.reading() as connection:
        engine = connection.engine
    steps: list[int] = []

    def count(driver: sqlite3.Connection, *_: object) -> None:
        driver.set_progress_handler(lambda: steps.append(10), 10)  # told every 10 steps of SQLite's machine

    event.listen(engine, "checkout", count)
    known = [make_evaluation(task, seed=seed) for seed in range(300)]
    costs = []
    for seeds in (range(300), range(300, 3000)):
        base.add_evaluations(make_evaluation(task, seed=seed) for seed in seeds)
        steps.clear()
        base.add_evaluations([*known, make_evaluation(task, seed=10_000 + len(seeds))])
        costs.append(sum(steps))
    assert 0 < costs[1] < 1.5 * costs[0]


def test_protocol_version_and_seed_make_another_evaluation(
    base: KnowledgeBase, make_task: MakeTask, make_metafeatures: MakeMetaFeatures, make_evaluation: MakeEvaluation
) -> None:
    task = make_task()
    base.add_task(task, make_metafeatures())
    changes: list[dict[str, object]] = [{}, {"protocol": "holdout-v1"}, {"pipelines_version": "2"}, {"seed": 1}]
    assert base.add_evaluations(make_evaluation(task, **change) for change in changes) == Added(n_new=4)
    assert base.status().configurations["total"] == 1


def test_an_unknown_task_is_refused_and_nothing_is_added(
    base: KnowledgeBase, make_task: MakeTask, make_metafeatures: MakeMetaFeatures, make_evaluation: MakeEvaluation
) -> None:
    known, unknown = make_task(0), make_task(1)
    base.add_task(known, make_metafeatures())
    before = base.status()
    with pytest.raises(NotKnownError, match=f"no task with fingerprint {unknown.fingerprint[:12]}; add the task first"):
        base.add_evaluations([make_evaluation(known), make_evaluation(unknown, "new", origin="new")])
    assert base.status() == before


def test_a_transaction_that_fails_leaves_nothing(
    base: KnowledgeBase, make_task: MakeTask, make_metafeatures: MakeMetaFeatures, make_evaluation: MakeEvaluation
) -> None:
    task = make_task()
    base.add_task(task, make_metafeatures())
    before = base.status()
    wrong = make_evaluation(task, "wrong", fold_scores={"r2": (0.5,)})
    with pytest.raises(OptionError, match="'r2'"):
        base.add_evaluations([make_evaluation(task, "right"), wrong])
    assert base.status() == before


def test_a_seed_that_no_database_holds_is_refused(
    base: KnowledgeBase, make_task: MakeTask, make_metafeatures: MakeMetaFeatures, make_evaluation: MakeEvaluation
) -> None:
    task = make_task()
    base.add_task(task, make_metafeatures())
    with pytest.raises(OptionError, match="seed"):
        base.add_evaluations([make_evaluation(task, seed=2**63)])
    assert base.status().evaluations["total"] == 0


@pytest.mark.parametrize("change", [{"name": "x" * 501}, {"family": "x" * 501}, {"licence": "x" * 201}, {"name": ""}])
def test_a_text_that_does_not_fit_is_refused(
    change: dict[str, str], base: KnowledgeBase, make_task: MakeTask, make_metafeatures: MakeMetaFeatures
) -> None:
    (name,) = change
    with pytest.raises(OptionError, match=rf"{name} .* has {len(change[name])} characters; it may have 1 to"):
        base.add_task(make_task(**change), make_metafeatures())
    assert base.status().tasks["total"] == 0


@pytest.mark.parametrize(
    "change",
    [
        {"origin": ""},
        {"protocol": "x" * 101},
        {"pipelines_version": "x" * 33},
        {"configuration": "x" * 201},
        {"versions": {"python": "x" * 100_001}},
        {"status": Status.FAILED, "error": "x" * 100_001},
    ],
)
def test_an_evaluation_with_a_text_that_does_not_fit_is_refused(
    change: dict[str, object],
    base: KnowledgeBase,
    make_task: MakeTask,
    make_metafeatures: MakeMetaFeatures,
    make_evaluation: MakeEvaluation,
) -> None:
    task = make_task()
    base.add_task(task, make_metafeatures())
    with pytest.raises(OptionError, match="characters; it may have 1 to"):
        base.add_evaluations([make_evaluation(task, **change)])


def test_an_unstated_licence_is_said_so(
    base: KnowledgeBase, make_task: MakeTask, make_metafeatures: MakeMetaFeatures
) -> None:
    base.add_task(make_task(licence=""), make_metafeatures())
    assert base.tasks()["licence"].tolist() == ["not stated"]


def test_texts_that_no_database_takes_are_stored_readably(
    base: KnowledgeBase, make_task: MakeTask, make_metafeatures: MakeMetaFeatures, make_evaluation: MakeEvaluation
) -> None:
    task = make_task(name="caf\udce9.csv", family="a\x00b", licence="\udce9")
    base.add_task(task, make_metafeatures())
    failed = make_evaluation(
        task,
        status=Status.FAILED,
        error="OSError: no file caf\udce9\x00",
        absent={"accuracy": "\udce9"},
        origin="\udce9",
    )
    base.add_evaluations([failed])
    assert base.tasks()[["name", "family", "licence"]].to_numpy().tolist() == [[r"caf\udce9.csv", r"a\x00b", r"\udce9"]]
    (found,) = _read(base, task.fingerprint)
    assert found.error == r"OSError: no file caf\udce9\x00"
    assert found.origin == r"\udce9"


def test_a_sample_of_a_table_is_refused(
    base: KnowledgeBase, make_task: MakeTask, make_metafeatures: MakeMetaFeatures
) -> None:
    with pytest.raises(DataError, match="'binary-0' is a sample of a table; add the full table"):
        base.add_task(make_task(full_n_rows=1000), make_metafeatures())
    assert base.status().tasks["total"] == 0


def test_every_row_has_an_origin_and_a_licence(
    base: KnowledgeBase, make_task: MakeTask, make_metafeatures: MakeMetaFeatures, make_evaluation: MakeEvaluation
) -> None:
    task = make_task()
    base.add_task(task, make_metafeatures(), origin="openml")
    base.add_evaluations([make_evaluation(task, "a", origin="here")], licence="CC-BY-4.0")
    base.add_evaluations([make_evaluation(task, "b")])
    found = base.evaluations()[["origin", "origin_licence"]].to_numpy().tolist()
    assert found == [["here", "CC-BY-4.0"], ["local", "not stated"]]


def test_the_metafeatures_failures_are_kept(
    base: KnowledgeBase, make_task: MakeTask, make_metafeatures: MakeMetaFeatures
) -> None:
    base.add_task(make_task(), make_metafeatures())
    with base.reading() as connection:
        failures = connection.execute(text("SELECT failures FROM metafeatures")).scalar_one()
    assert json.loads(failures) == {"tree": "ValueError: no tree"}


def test_a_database_that_breaks_while_open_is_a_knowledge_error(base: KnowledgeBase) -> None:
    engine = schema.connect(schema.to_url(base.place))
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE repeats"))
    engine.dispose()
    with pytest.raises(
        KnowledgeError, match=f"^the knowledge base {re.escape(base.place)} failed: .*repeats"
    ) as caught:
        base.status()
    assert "\n" not in str(caught.value)
