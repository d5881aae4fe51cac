"""Several writers and readers of one base at the same time."""

import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from autometa.errors import KnowledgeError
from autometa.knowledge import schema
from autometa.knowledge.base import KnowledgeBase
from autometa.task import Task
from tests.knowledge.conftest import MakeEvaluation, MakeMetaFeatures, MakeTask
from tests.sketches.tables import half_of_columns, half_of_rows, wine

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


def test_copies_that_are_added_at_once_are_of_one_family(
    base: KnowledgeBase, make_metafeatures: MakeMetaFeatures
) -> None:
    whole = wine()
    copies = [whole, half_of_rows(whole), half_of_columns(whole)]
    begin = threading.Barrier(len(copies), timeout=60)

    def add(task: Task) -> None:
        begin.wait()
        base.add_task(task, make_metafeatures())

    with ThreadPoolExecutor(len(copies)) as pool:
        list(pool.map(add, copies))
    assert len(base.tasks()) == 3
    assert len(set(base.tasks()["family"])) == 1


def test_writers_of_the_same_rows_in_another_order_do_not_stop_one_another(
    base: KnowledgeBase, make_task: MakeTask, make_metafeatures: MakeMetaFeatures, make_evaluation: MakeEvaluation
) -> None:
    task = make_task()
    base.add_task(task, make_metafeatures())
    evaluations = [make_evaluation(task, f"learner {number}") for number in range(300)]
    with ThreadPoolExecutor(2) as pool:
        added = list(pool.map(base.add_evaluations, (evaluations, evaluations[::-1])))
    assert sum(each.n_new for each in added) == sum(each.n_same for each in added) == 300


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
