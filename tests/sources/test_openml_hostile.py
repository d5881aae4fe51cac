"""Imports from an OpenML that lists what cannot be: it is left out or told, and never stored."""

import json
from pathlib import Path
from typing import Any

import pytest

from autometa.errors import NotOfferedError, SourceError
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.doctor import Level, examine
from autometa.sources.openml.answers import parse_task
from autometa.sources.openml.connection import Connection
from autometa.sources.openml.fetching import fetch_dataset
from autometa.sources.openml.importing import Wanted, import_runs
from autometa.sources.openml.known import read_known_task
from autometa.task_kind import TaskKind
from tests.openml_files import element, xml
from tests.openml_http import Answer
from tests.openml_server import OpenMLServer
from tests.sources.openml.made_up import flowers
from tests.sources.openml_runs import PLAIN, Runs, add_runs, add_tasks

QUICK = Connection(seconds=20, n_attempts=2, pause_seconds=0.0)
TASKS = (11, 12, 13, 14)
LIST = "GET /api/v1/xml/evaluation/list/"
AUC = ("area_under_roc_curve",)


@pytest.fixture
def server(openml_here: OpenMLServer) -> OpenMLServer:
    add_tasks(openml_here, TASKS)
    return openml_here


@pytest.fixture
def base(tmp_path: Path) -> KnowledgeBase:
    return KnowledgeBase.create(tmp_path / "runs.db")


def wanted(**options: Any) -> Wanted:
    given: dict[str, Any] = {"tasks": TASKS, "measures": AUC, "page_size": 100, **options}
    return Wanted(**given)


def test_runs_on_tasks_that_cannot_be_used_here_are_left_out_and_the_rest_is_imported(
    base: KnowledgeBase, openml_here: OpenMLServer
) -> None:
    add_tasks(openml_here, (11, 12))
    openml_here.add_task(12, 12, type_id=7)  # survival analysis, which the openml library does not know
    add_runs(openml_here, Runs(tasks=(11, 12), n_runs=20, n_setups=10))
    imported = import_runs(base, wanted(tasks=(11, 12)), QUICK)
    assert (imported.added.n_new, sum(imported.left_out.values())) == (10, 10)


def test_scores_that_the_metric_cannot_have_are_left_out(base: KnowledgeBase, server: OpenMLServer) -> None:
    class Percent(Runs):
        def value(self, measure: str, run: int) -> float:
            return 100 * super().value(measure, run) if run < 4 or measure != AUC[0] else super().value(measure, run)

    add_runs(server, Percent(tasks=TASKS, n_runs=40, n_setups=10))
    imported = import_runs(base, wanted(measures=(*AUC, "predictive_accuracy")), QUICK)
    assert (imported.added.n_new, imported.left_out) == (36, {"area_under_roc_curve is beyond what it can be": 4})
    assert base.evaluations()["accuracy"].isna().all()
    assert [finding for finding in examine(base) if finding.level is Level.BROKEN] == []


def test_a_server_that_lists_the_same_page_for_ever_is_told(base: KnowledgeBase, server: OpenMLServer) -> None:
    class Repeating(Runs):
        def listed(self, measure: str, run: int) -> str:
            return super().listed(measure, run % 100)

    add_runs(server, Repeating(tasks=TASKS, n_runs=1000, n_setups=60))
    with pytest.raises(SourceError, match=r"^100 new runs on 4 tasks are kept.*lists runs again that came before"):
        import_runs(base, wanted(), QUICK)
    assert server.n_asked(LIST) == 2


def test_setups_that_were_not_asked_for_are_not_taken(base: KnowledgeBase, server: OpenMLServer) -> None:
    runs = Runs(tasks=TASKS, n_runs=40, n_setups=10)
    add_runs(server, runs)
    all_setups = Answer(body=xml("setups", "".join(map(runs.described, range(1, 20)))).encode())
    server.route("GET", r"setup/list/.*$", lambda request: all_setups)
    assert import_runs(base, wanted(), QUICK).added.n_new == 40


def test_a_data_set_of_which_openml_tells_no_size_is_left_out(base: KnowledgeBase, openml_here: OpenMLServer) -> None:
    add_tasks(openml_here, (11, 12), {12: {"Dimensionality": 0.1}})
    add_runs(openml_here, Runs(tasks=(11, 12), n_runs=20, n_setups=10))
    imported = import_runs(base, wanted(tasks=(11, 12)), QUICK)
    assert (imported.added.n_new, sum(imported.left_out.values())) == (10, 10)


def test_a_task_whose_classes_openml_does_not_count_is_not_guessed_to_have_two(openml_here: OpenMLServer) -> None:
    openml_here.add_table(12, flowers(), target="few", qualities={"NumberOfInstances": 60, "NumberOfFeatures": 9})
    openml_here.add_task(30, 12)
    with pytest.raises(NotOfferedError, match="does not tell the classes of task 30"):
        read_known_task(30, QUICK)


@pytest.mark.parametrize("about", [{"name": "long " * 60}, {"licence": "do what you like " * 20}])
def test_a_name_or_licence_that_no_base_holds_is_told(openml_here: OpenMLServer, about: dict[str, str]) -> None:
    openml_here.add_table(12, flowers(), target="kind", **about)  # type: ignore[arg-type]
    with pytest.raises(SourceError, match=r"data set 12 in a form that cannot be read \((name|licence) has \d+ char"):
        fetch_dataset(QUICK, 12)


def test_a_procedure_without_a_number_names_a_protocol_of_letters(tmp_path: Path) -> None:
    procedure = "<oml:estimation_procedure><oml:type>\u202e[/b]</oml:type></oml:estimation_procedure>"
    source = "<oml:data_set><oml:data_set_id>1</oml:data_set_id></oml:data_set>"
    inputs = f'<oml:input name="source_data">{source}</oml:input><oml:input name="estimation_procedure">{procedure}'
    (tmp_path / "task.xml").write_text(
        xml("task", f"{element('task_id', 1)}{element('task_type_id', 1)}{inputs}</oml:input>"), encoding="utf-8"
    )
    assert parse_task(tmp_path / "task.xml").protocol == "openml-b-0"


def test_qualities_with_names_that_a_terminal_obeys_are_shown(base: KnowledgeBase, openml_here: OpenMLServer) -> None:
    add_tasks(openml_here, (11,), {11: PLAIN | {"\x9b31m": 1.0}})
    add_runs(openml_here, Runs(tasks=(11,), n_runs=10, n_setups=10))
    assert import_runs(base, wanted(tasks=(11,)), QUICK).added.n_new == 10
    assert [finding for finding in examine(base) if finding.level is Level.BROKEN] == []


def test_the_recall_of_classes_that_never_occur_is_no_balanced_accuracy(
    base: KnowledgeBase, openml_here: OpenMLServer
) -> None:
    frame = flowers()
    frame["kind"] = frame["kind"].cat.add_categories("3")
    about = PLAIN | {"NumberOfInstances": 60, "NumberOfFeatures": 9}
    openml_here.add_table(12, frame, target="kind", qualities=about)
    openml_here.add_task(12, 12)
    add_runs(openml_here, Runs(tasks=(11, 12), n_runs=20, n_setups=10))
    add_tasks(openml_here, (11,))
    measures = ("predictive_accuracy", "unweighted_recall")
    assert import_runs(base, wanted(tasks=(11, 12), measures=measures), QUICK).added.n_new == 20
    balanced = base.evaluations().groupby("task")["balanced_accuracy"].count()
    assert balanced.to_dict() == {"table 11 (1)": 10, "table_12 (1)": 0}
    imported = import_runs(base, wanted(tasks=(12,), measures=measures[1:]), QUICK)
    assert imported.left_out == {"unweighted_recall counts classes that never occur": 10}


def test_rows_without_a_class_are_no_class_though_openml_counts_them(openml_here: OpenMLServer) -> None:
    frame = flowers()
    frame.loc[:1, "kind"] = None
    about = {"NumberOfInstances": 60, "NumberOfFeatures": 9, "NumberOfClasses": 3, "NumberOfMissingValues": 4}
    openml_here.add_table(12, frame, target="kind", qualities=about)
    openml_here.add_task(30, 12)
    known = read_known_task(30, QUICK)
    assert known is not None
    assert (known.kind, known.task.n_classes) == (TaskKind.BINARY, 2)


@pytest.mark.parametrize("words", ["1e300", "-5"])
def test_a_size_that_no_table_has_is_none(openml_here: OpenMLServer, words: str) -> None:
    add_tasks(openml_here, (11,), {11: PLAIN | {"NumberOfInstances": float(words)}})
    with pytest.raises(NotOfferedError, match="does not tell the size of data set 11"):
        read_known_task(11, QUICK)


def test_a_score_that_is_no_number_is_left_out(base: KnowledgeBase, server: OpenMLServer) -> None:
    class Broken(Runs):
        def value(self, measure: str, run: int) -> float:
            return float("nan") if run < 4 else super().value(measure, run)

    add_runs(server, Broken(tasks=TASKS, n_runs=40, n_setups=10))
    imported = import_runs(base, wanted(), QUICK)
    assert (imported.added.n_new, imported.left_out) == (36, {"without a value": 4})
    assert json.loads(base.configurations()["content"].iloc[0])
