"""Several writers and readers of one base at the same time."""

import sqlite3
import subprocess
import sys
import threading

from sqlalchemy import text

from autometa.knowledge.base import KnowledgeBase
from tests.knowledge.conftest import MakeMetaFeatures, MakeTask

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


def test_two_processes_that_write_at_once_lose_nothing(
    base: KnowledgeBase, make_task: MakeTask, make_metafeatures: MakeMetaFeatures
) -> None:
    task = make_task()
    base.add_task(task, make_metafeatures())
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, base.place, task.fingerprint, who],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for who in ("ann", "bob")
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
    assert found["algorithm"].value_counts().to_dict() == {"ann": 60, "bob": 60, "shared": 30}
    assert base.revision == 1 + 2 * 60  # the shared ones come with one of their own
    driver = sqlite3.connect(base.place)
    assert driver.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    driver.close()


def test_a_writer_waits_for_another_one(
    base: KnowledgeBase, make_task: MakeTask, make_metafeatures: MakeMetaFeatures
) -> None:
    other = sqlite3.connect(base.place, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(0.3, lambda: other.execute("COMMIT"))
    timer.start()
    assert base.add_task(make_task(), make_metafeatures())
    timer.join()
    other.close()


def test_a_reader_sees_one_state_while_another_writes(
    base: KnowledgeBase, make_task: MakeTask, make_metafeatures: MakeMetaFeatures
) -> None:
    with base.reading() as connection:
        count = text("SELECT count(*) FROM tasks")
        assert connection.execute(count).scalar() == 0
        base.add_task(make_task(), make_metafeatures())
        assert connection.execute(count).scalar() == 0
    assert base.status().tasks["total"] == 1
