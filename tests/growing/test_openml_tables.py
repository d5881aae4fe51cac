"""Growing from OpenML: its own splits, sizes looked at before data are fetched, and a network that fails."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import openml
import pandas as pd
import pytest

from autometa.errors import DataError, NotOfferedError, OptionError, SourceError
from autometa.evaluation.protocol import OwnSplits
from autometa.evaluation.running import Evaluator
from autometa.growing.openml_tables import Bounds, Found, find_datasets, find_suite, find_tasks
from autometa.growing.plan import SEED, Grown, Plan
from autometa.growing.running import grow
from autometa.knowledge.base import KnowledgeBase
from autometa.pipelines.building import PIPELINES_VERSION
from autometa.sources.openml.connection import Connection
from autometa.sources.openml.reading import from_openml
from autometa.space import Configuration
from autometa.task_kind import TaskKind
from tests.openml_http import cut, malformed, status
from tests.openml_server import OpenMLServer
from tests.sources.openml.made_up import flowers

QUICK = Connection(seconds=20, n_attempts=1)
ANY_SIZE = Bounds()
BAYES = Configuration(algorithm="naive_bayes")
CANDIDATES = {
    TaskKind.BINARY: [BAYES],
    TaskKind.REGRESSION: [Configuration(algorithm="elastic_net")],
}


@pytest.fixture
def server(openml_here: OpenMLServer) -> OpenMLServer:
    """Three data sets, with a task on each, of two estimation procedures, and a suite of all."""
    for number in (1, 2, 3):
        openml_here.add_table(number, flowers(60 + number, seed=number), target="kind", name=f"meadow {number}")
    openml_here.add_task(11, 1, n_folds=4)
    openml_here.add_task(12, 2, n_folds=4)
    openml_here.add_task(13, 3, target="width", type_id=2, procedure=7, n_folds=3, n_repeats=2)
    openml_here.add_suite(99, [11, 12, 13], alias="meadows")
    return openml_here


@pytest.fixture
def base(tmp_path: Path) -> KnowledgeBase:
    return KnowledgeBase.create(tmp_path / "runs.db")


def grown_from(base: KnowledgeBase, found: Found) -> Grown:
    """Return what was done on all that was found."""
    grown = Grown(n_new=0, n_known=0, n_left=0, skipped=found.skipped, unreached=found.unreached)
    for name, sources in found.sources.items():
        grown += grow(base, Plan(sources=sources, candidates=CANDIDATES, own_protocol=name, origin="me"))
    return grown


def library_folds(task: int) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """Return the folds of the first repeat as the library has them."""
    given = openml.tasks.get_task(task, download_splits=True)
    folds = [given.get_train_test_split_indices(fold=number) for number in range(given.get_split_dimensions()[1])]
    return tuple((np.sort(train), np.sort(test)) for train, test in folds)


def test_a_suite_is_grown_on_openmls_splits_under_the_name_of_their_procedure(
    server: OpenMLServer, base: KnowledgeBase
) -> None:
    server.add_task(13, 3, target="width", type_id=2, procedure=7, n_folds=3)
    grown = grown_from(base, find_suite(QUICK, "99", ANY_SIZE))
    assert (grown.n_new, grown.n_left, grown.skipped, grown.unreached) == (3, 0, {}, {})
    assert set(base.evaluations()["protocol"]) == {"openml-1", "openml-7"}
    task = from_openml("task/12")
    (stored,) = (
        each for each in base.evaluations_of(task.fingerprint, protocol="openml-1", pipelines_version=PIPELINES_VERSION)
    )
    splits = OwnSplits(folds=library_folds(12), called="openml-1")
    with Evaluator() as evaluator:
        again = evaluator.evaluate(task, BAYES, protocol=splits, seed=SEED)
    assert len(stored.fold_scores["roc_auc"]) == 4
    assert stored.fold_scores == again.fold_scores
    assert stored.origin == "me"
    tasks = base.tasks()
    assert set(tasks["licence"]) == {"CC BY 4.0"}
    assert set(tasks["name"]) == {f"meadow {number} (openml:task/1{number})" for number in (1, 2, 3)}


def test_of_a_repeated_procedure_the_first_repeat_is_a_protocol_of_its_own(
    server: OpenMLServer, base: KnowledgeBase
) -> None:
    grown = grown_from(base, find_tasks(QUICK, [13], ANY_SIZE))
    assert grown.n_new == 1
    (stored,) = base.evaluations_of(
        from_openml("task/13").fingerprint, protocol="openml-7-first", pipelines_version=PIPELINES_VERSION
    )
    assert len(stored.fold_scores["rmse"]) == 3


def test_data_sets_are_measured_by_our_protocol_and_nothing_is_asked_or_run_twice(
    server: OpenMLServer, base: KnowledgeBase
) -> None:
    first = grown_from(base, find_datasets(QUICK, [1, 2, 1], ANY_SIZE))
    assert set(base.evaluations()["protocol"]) == {"cv-v1"}
    assert server.n_asked("GET /api_splits") == 0
    n_asked = len(server.asked)
    second = grown_from(base, find_datasets(Connection(is_offline=True), [2, 1], ANY_SIZE))
    assert (first.n_new, second.n_new, second.n_known) == (2, 0, 2)
    assert len(server.asked) == n_asked


@pytest.mark.parametrize(
    ("bounds", "reason"),
    [
        (Bounds(max_rows=61), "62 rows, more than --max-rows 61"),
        (Bounds(max_columns=7), "8 columns, more than --max-columns 7"),
    ],
)
def test_what_is_too_large_is_skipped_before_its_data_are_fetched(
    server: OpenMLServer, base: KnowledgeBase, bounds: Bounds, reason: str
) -> None:
    grown = grown_from(base, find_datasets(QUICK, [2], bounds))
    assert grown.skipped == {"openml:2": reason}
    assert server.n_asked("GET /data/") == 0


def test_a_size_that_openml_does_not_say_is_looked_at_when_the_data_are_here(
    server: OpenMLServer, base: KnowledgeBase
) -> None:
    server.add_table(4, flowers(70), target="kind", qualities={"ClassEntropy": 1.0})
    grown = grown_from(base, find_datasets(QUICK, [4], Bounds(max_rows=61)))
    assert grown.skipped == {"openml:4": "70 rows, more than --max-rows 61"}
    assert server.n_asked("GET /data/") == 1


def test_what_cannot_be_used_is_skipped_with_its_reason_and_the_rest_goes_on(
    server: OpenMLServer, base: KnowledgeBase
) -> None:
    server.add_table(5, flowers(), target=None)
    server.add_task(15, 1, type_id=5)
    grown = grown_from(base, find_tasks(QUICK, [15, 999, 11], ANY_SIZE))
    assert set(grown.skipped) == {"openml:task/15", "openml:task/999"}
    assert "neither a classification nor a regression" in grown.skipped["openml:task/15"]
    assert "OpenML has no task 999" in grown.skipped["openml:task/999"]
    assert (grown.n_new, grown.unreached) == (1, {})
    grown = grown_from(base, find_datasets(QUICK, [5, 999, 1], ANY_SIZE))
    assert set(grown.skipped) == {"openml:5", "openml:999"}
    assert "no default target" in grown.skipped["openml:5"]
    assert grown.n_new == 1


def test_when_the_network_fails_in_the_middle_what_is_done_is_kept_and_the_rest_is_told(
    server: OpenMLServer, base: KnowledgeBase
) -> None:
    for number in (4, 5):
        server.add_table(number, flowers(50 + number, seed=number), target="kind")
    server.fail("GET /api/v1/xml/data/(qualities/)?[2-5]$", cut())
    found = find_datasets(QUICK, [1, 2, 3, 4, 5], ANY_SIZE)
    grown = grown_from(base, found)
    assert (grown.n_new, grown.n_left, grown.skipped) == (1, 0, {})
    assert list(grown.unreached) == [f"openml:{number}" for number in (2, 3, 4, 5)]
    assert "the connection was cut" in grown.unreached["openml:2"]
    assert grown.unreached["openml:5"] == "not asked for, since 3 before it did not come"
    assert server.n_asked("GET /api/v1/xml/data/(qualities/)?5$") == 0
    server.mend()
    again = grown_from(base, find_datasets(QUICK, [1, 2], ANY_SIZE))
    assert (again.n_new, again.n_known, again.unreached) == (1, 1, {})


def test_one_table_that_does_not_come_is_no_end(server: OpenMLServer, base: KnowledgeBase) -> None:
    server.fail("GET /data/v1/download/1/", status(500))
    server.fail("GET /api_splits/get/12/", malformed())
    grown = grown_from(base, find_tasks(QUICK, [11, 12, 13], ANY_SIZE))
    assert set(grown.unreached) == {"openml:task/11", "openml:task/12"}
    assert grown.n_new == 1


def test_a_network_that_fails_while_tasks_are_listed_leaves_those_that_came(
    server: OpenMLServer, base: KnowledgeBase
) -> None:
    server.fail("GET /api/v1/xml/task/1[2-9]$", status(504))
    grown = grown_from(base, find_suite(QUICK, "meadows", ANY_SIZE))
    assert grown.n_new == 1
    assert set(grown.unreached) == {"openml:task/12", "openml:task/13"}


def test_a_suite_that_is_not_there_or_empty_is_told(server: OpenMLServer) -> None:
    with pytest.raises(NotOfferedError, match="OpenML has no suite 98"):
        find_suite(QUICK, "98", ANY_SIZE)
    with pytest.raises(SourceError, match="suites are never in the cache of openml; name the tasks of suite 99"):
        find_suite(Connection(is_offline=True), "99", ANY_SIZE)
    server.add_suite(97, [])
    with pytest.raises((OptionError, SourceError), match="suite 97"):
        find_suite(QUICK, "97", ANY_SIZE)
    assert _names(find_suite(QUICK, "99", ANY_SIZE, limit=1)) == ["openml:task/11"]


def test_splits_of_rows_that_were_left_out_are_refused(server: OpenMLServer) -> None:
    frame = flowers(60)
    frame["width"] = np.where(frame["width"].isna(), 0.0, frame["width"])
    server.add_table(6, frame, target="width")
    server.add_task(16, 6, type_id=2)
    from_openml("task/16")
    path = QUICK.cache / "datasets" / "6" / "dataset_6.pq"
    pd.DataFrame(frame.assign(width=frame["width"].where(frame.index != 5, np.inf))).to_parquet(path)
    (source,) = find_tasks(QUICK, [16], ANY_SIZE).sources["openml-1"]
    with pytest.raises(DataError, match="rows with an infinite target were left out"):
        source.ready()


def test_bounds_that_leave_no_table_are_refused() -> None:
    with pytest.raises(OptionError, match="no table has so few"):
        Bounds(max_rows=1)


def _names(found: Found) -> Sequence[str]:
    return [source.name for sources in found.sources.values() for source in sources]
