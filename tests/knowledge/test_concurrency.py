"""Several writers and readers of one base at the same time."""

import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, wait

import pytest
from sqlalchemy import text

from autometa.errors import KnowledgeError
from autometa.knowledge import schema
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.rows import configuration_row
from autometa.knowledge.writing import Writer
from autometa.sketches import SKETCH_VERSION, draw_sketch
from autometa.task import Task
from tests.knowledge.conftest import MakeEvaluation, MakeMetaFeatures, MakeTask
from tests.sketches.tables import half_of_rows, wine

pytestmark = pytest.mark.both_backends

WRITER = """
import sys
from autometa.evaluation.record import Evaluation, Status
from autometa.knowledge.base import KnowledgeBase
from autometa.space import Configuration
place, fingerprint, who = sys.argv[1:]
with KnowledgeBase(place) as base:
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(60):
        names = ("shared", who) if number % 2 else (who,)
        base.add_evaluations([
            Evaluation(
                fingerprint=fingerprint, configuration=Configuration(algorithm=name, values={"n": number}),
                protocol="cv-v1", pipelines_version="1", seed=0, status=Status.OK,
                fold_scores={"accuracy": (0.5, 0.75)}, fit_seconds=0.1, predict_seconds=0.1,
                peak_memory_bytes=1, error="", absent={}, versions={"python": who}, origin=who,
            )
            for name in names
        ])
"""


def test_processes_that_write_at_once_lose_nothing(
    backend: str, base: KnowledgeBase, make_task: MakeTask, make_metafeatures: MakeMetaFeatures
) -> None:
    task = make_task()
    base.add_task(task, make_metafeatures())
    names = ("ann", "bob") if backend == "sqlite" else ("ann", "bob", "cid", "dan")
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, base.place, task.fingerprint, who],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for who in names
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        _, errors = writer.communicate(timeout=60)
        assert (writer.returncode, errors) == (0, "")
    found = base.evaluations()
    assert found["algorithm"].value_counts().to_dict() == {**dict.fromkeys(names, 60), "shared": 30}
    assert base.revision == 1 + len(names) * 60  # the shared ones come with one of their own
    if backend == "sqlite":
        with base.reading() as connection:
            assert connection.execute(text("PRAGMA integrity_check")).scalar_one() == "ok"


def test_a_writer_waits_for_another_one(
    base: KnowledgeBase, make_task: MakeTask, make_metafeatures: MakeMetaFeatures
) -> None:
    engine = schema.connect(schema.to_url(base.place))
    with engine.execution_options(**schema.WRITING).begin():
        adding = threading.Thread(target=base.add_task, args=(make_task(), make_metafeatures()))
        adding.start()
        adding.join(0.3)
        assert adding.is_alive()
    adding.join(30)
    assert base.status().tasks["total"] == 1
    engine.dispose()


def test_a_copy_that_is_added_while_another_one_is_joins_its_family(base: KnowledgeBase) -> None:
    whole = wine()
    sketches = {task: draw_sketch(task).to_bytes() for task in (whole, half_of_rows(whole))}

    def add(writer: Writer, task: Task) -> None:
        row = {name: getattr(task, name) for name in ("fingerprint", "name", "n_rows", "n_columns")}
        more = {"family": task.fingerprint, "kind": str(task.kind), "n_classes": 3, "licence": "CC0"}
        writer.add_tasks([{**row, **more, "origin_id": origin_id}])
        task_id = writer.task_ids([task.fingerprint])[task.fingerprint]
        writer.add_sketches([{"task_id": task_id, "version": SKETCH_VERSION, "content": sketches[task]}])

    def add_alone(task: Task) -> None:
        with base.writing() as writer:
            add(writer, task)

    with base.writing() as writer:
        origin_id = writer.origin_id("local", "CC0")
    one, other = sketches
    with base.writing() as writer:
        add(writer, one)
        adding = threading.Thread(target=add_alone, args=(other,))
        adding.start()
        adding.join(1.0)
    adding.join(60)
    assert base.tasks()["family"].tolist() == [whole.fingerprint] * 2


def test_writers_of_the_same_rows_in_another_order_do_not_stop_one_another(
    base: KnowledgeBase, make_task: MakeTask, make_metafeatures: MakeMetaFeatures, make_evaluation: MakeEvaluation
) -> None:
    task = make_task()
    base.add_task(task, make_metafeatures())
    evaluations = [make_evaluation(task, f"learner {number}") for number in range(50)]
    rows = [configuration_row(evaluation.configuration) for evaluation in evaluations]
    with ThreadPoolExecutor(1) as pool:
        with base.writing() as writer:
            writer.add_configurations(rows[:1])
            adding = pool.submit(base.add_evaluations, evaluations)
            wait([adding], timeout=0.5)
            writer.add_configurations(rows[1:])
        assert adding.result(60).n_new == 50


def test_waiting_for_another_writer_ends_in_one_line(base: KnowledgeBase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "WAIT_SECONDS", 1)
    engine = schema.connect(schema.to_url(base.place))
    words = re.escape(f"another process has been writing to {base.place} for 1 s; wait for it, or end it")
    with (
        engine.execution_options(**schema.WRITING).begin(),
        KnowledgeBase(base.place) as other,
        pytest.raises(KnowledgeError, match=f"^{words}$"),
        other.writing(),
    ):
        pass
    engine.dispose()


def test_a_reader_sees_one_state_while_another_writes(
    base: KnowledgeBase, make_task: MakeTask, make_metafeatures: MakeMetaFeatures
) -> None:
    with base.reading() as connection:
        count = text("SELECT count(*) FROM tasks")
        assert connection.execute(count).scalar() == 0
        base.add_task(make_task(), make_metafeatures())
        assert connection.execute(count).scalar() == 0
    assert base.status().tasks["total"] == 1
