"""Claims: an evaluation is one worker's, until it is stored, given back, or its worker is dead."""

import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from autometa.errors import KnowledgeError
from autometa.knowledge import schema, tables
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.claims import Taken
from tests.knowledge.conftest import MakeEvaluation, MakeMetaFeatures, MakeTask

pytestmark = pytest.mark.both_backends

SCOPE: dict[str, Any] = {"protocol": "cv-v1", "pipelines_version": "1", "seed": 0}  # Any: arguments of several types
CELLS = tuple((f"{number:064}", "key") for number in range(6))

# Claims two cells, and lives until it is killed.
WORKER = """
import sys, time
from autometa.knowledge.base import KnowledgeBase
place, *cells = sys.argv[1:]
with KnowledgeBase(place) as base, base.claims(protocol="cv-v1", pipelines_version="1", seed=0) as claims:
    print(len(claims.take([(cell, "key") for cell in cells]).mine), flush=True)
    time.sleep(600)
"""


def _rows(base: KnowledgeBase, name: str) -> list[dict[str, Any]]:  # Any: columns of several types
    """Return the rows of a table."""
    with base.reading() as connection:
        return [dict(row) for row in connection.execute(select(tables.metadata.tables[name])).mappings()]


def _strange_worker(base: KnowledgeBase, seconds: float) -> None:
    """Enter a worker of another machine with a claim on the first cell, which expires after some seconds."""
    with base.claims(**SCOPE):
        expires_at = _rows(base, "workers")[0]["expires_at"] - 30 + seconds
    engine = schema.connect(schema.to_url(base.place))
    with engine.begin() as connection:
        row = {"id": "strange", "machine": "elsewhere", "process": 1, "expires_at": expires_at}
        connection.execute(insert(tables.workers).values(row))
        cell = {"fingerprint": CELLS[0][0], "key": CELLS[0][1]}
        connection.execute(insert(tables.claims).values(**cell, **SCOPE, worker_id="strange"))
    engine.dispose()


def test_a_cell_is_claimed_once(base: KnowledgeBase) -> None:
    with base.claims(**SCOPE) as ann, base.claims(**SCOPE) as bob:
        assert ann.take(CELLS[:4]) == Taken(mine=CELLS[:4], stored=())
        assert bob.take(CELLS[2:]) == Taken(mine=CELLS[4:], stored=())
        assert ann.take(CELLS) == Taken(mine=(), stored=())
        assert (ann.n_others, bob.n_others) == (0, 1)


def test_at_the_end_of_the_block_all_is_free_again(base: KnowledgeBase) -> None:
    def claim_and_fail() -> None:
        with base.claims(**SCOPE) as ann:
            assert ann.take(CELLS).mine == CELLS
            raise KnowledgeError("broken")

    with pytest.raises(KnowledgeError, match="broken"):
        claim_and_fail()
    assert _rows(base, "workers") == _rows(base, "claims") == []
    with base.claims(**SCOPE) as bob:
        assert bob.take(CELLS).mine == CELLS


@pytest.mark.parametrize("change", [{"protocol": "holdout-v1"}, {"pipelines_version": "2"}, {"seed": 1}])
def test_another_protocol_version_or_seed_is_another_evaluation(base: KnowledgeBase, change: dict[str, Any]) -> None:
    with base.claims(**SCOPE) as ann, base.claims(**{**SCOPE, **change}) as bob:
        ann.take(CELLS)
        assert bob.take(CELLS).mine == CELLS


def test_what_is_stored_is_not_claimed_and_what_is_settled_is_not_kept(
    base: KnowledgeBase, make_task: MakeTask, make_metafeatures: MakeMetaFeatures, make_evaluation: MakeEvaluation
) -> None:
    task = make_task()
    base.add_task(task, make_metafeatures())
    evaluation = make_evaluation(task)
    cell = (task.fingerprint, evaluation.configuration.key)
    with base.claims(**SCOPE) as ann, base.claims(**SCOPE) as bob, base.claims(**{**SCOPE, "seed": 1}) as cid:
        assert ann.take([cell, CELLS[0]]).mine == (cell, CELLS[0])
        base.add_evaluations([evaluation])
        assert bob.take([cell]) == Taken(mine=(), stored=(cell,))
        ann.settle(cell)
        assert ann.take([CELLS[1]]).mine == (CELLS[1],)
        assert {(row["fingerprint"], row["key"]) for row in _rows(base, "claims")} == {CELLS[0], CELLS[1]}
        assert cid.take([cell]).mine == (cell,)


def test_many_who_claim_at_once_get_every_cell_once(base: KnowledgeBase) -> None:
    cells = [(f"{number:064}", "key") for number in range(120)]
    begin = threading.Barrier(4, timeout=60)

    def take(_: int) -> list[tuple[str, str]]:
        with KnowledgeBase(base.place) as own, own.claims(**SCOPE) as claims:
            begin.wait()
            got = [cell for cell in cells for cell in claims.take([cell]).mine]
            begin.wait()
            return got

    with ThreadPoolExecutor(4) as pool:
        got = [cell for each in pool.map(take, range(4)) for cell in each]
    assert sorted(got) == cells


def test_the_claims_of_a_process_that_was_killed_are_free_at_once(base: KnowledgeBase) -> None:
    command = [sys.executable, "-c", WORKER, base.place, CELLS[0][0], CELLS[1][0]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as worker, base.claims(**SCOPE) as claims:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "2\n"
        assert claims.take(CELLS[:3]).mine == CELLS[2:3]
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        began = time.monotonic()
        assert claims.take(CELLS[:3]).mine == CELLS[:2]
        assert time.monotonic() - began < 10


def test_the_claims_of_another_machine_run_out(base: KnowledgeBase) -> None:
    _strange_worker(base, 1.5)
    with base.claims(**SCOPE) as claims:
        assert claims.take(CELLS[:1]).mine == ()
        time.sleep(1.6)
        assert claims.take(CELLS[:1]).mine == CELLS[:1]


@pytest.mark.parametrize("seconds", [-86400.0, 86400.0])
def test_a_clock_that_is_wrong_here_changes_nothing(
    base: KnowledgeBase, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    right = time.time
    _strange_worker(base, 20)
    with base.claims(**SCOPE) as ann:
        ann.take(CELLS[1:])
        monkeypatch.setattr(time, "time", lambda: right() + seconds)
        with base.claims(**SCOPE) as bob:
            assert bob.take(CELLS).mine == ()
            expiries = {row["expires_at"] for row in _rows(base, "workers")}
            assert max(expiries) - min(expiries) < 20


def test_claims_are_renewed_while_a_long_evaluation_runs(base: KnowledgeBase) -> None:
    with base.claims(**SCOPE, lease_seconds=1.0) as claims:
        claims.take(CELLS)
        before = _rows(base, "workers")[0]["expires_at"]
        time.sleep(1.5)
        assert _rows(base, "workers")[0]["expires_at"] > before + 0.8


def test_a_lease_that_ran_out_is_begun_anew_with_what_is_still_free(base: KnowledgeBase) -> None:
    with base.claims(**SCOPE, lease_seconds=0.9) as ann, base.claims(**SCOPE) as bob:
        ann.take(CELLS[:2])
        engine = schema.connect(schema.to_url(base.place))
        with engine.begin() as connection:  # as if its machine had slept for a day
            connection.execute(
                update(tables.workers).where(tables.workers.c.id == _worker_of(base, CELLS[0])).values(expires_at=0.0)
            )
        engine.dispose()
        assert bob.take(CELLS[:1]).mine == CELLS[:1]
        deadline = time.monotonic() + 20
        while len(_rows(base, "claims")) < 2 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert bob.take(CELLS[:2]).mine == ()
        assert _worker_of(base, CELLS[0]) != _worker_of(base, CELLS[1])


def test_an_import_that_outlasts_the_lease_costs_no_living_process_its_claims(
    base: KnowledgeBase, backend: str
) -> None:
    with base.claims(**SCOPE, lease_seconds=0.4) as ann, base.claims(**SCOPE, lease_seconds=0.4) as bob:
        ann.take(CELLS)
        with base.writing():
            before = _rows(base, "workers")
            time.sleep(1.0)
            # SQLite has one writer, and lets a living process be in arrears; a server has many
            assert (_rows(base, "workers") == before) == (backend == "sqlite")
        assert bob.take(CELLS).mine == ()


def test_a_base_that_cannot_be_written_has_no_claims(base: KnowledgeBase) -> None:
    engine = schema.connect(schema.to_url(base.place))
    with engine.begin() as connection:
        tables.claims.drop(connection)
        tables.workers.drop(connection)
    engine.dispose()
    with pytest.raises(KnowledgeError, match="workers"), base.claims(**SCOPE):
        pass


def _worker_of(base: KnowledgeBase, cell: tuple[str, str]) -> str:
    """Return the worker that claimed a cell."""
    (worker,) = {row["worker_id"] for row in _rows(base, "claims") if row["fingerprint"] == cell[0]}
    return str(worker)
