import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from autometa.errors import OptionError, SourceError
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.doctor import Level, examine
from autometa.knowledge.exchange import export_shard, import_shard
from autometa.knowledge.frames import Experience
from autometa.metric import get_metric
from autometa.sources import oboe
from autometa.sources.openml.connection import Connection
from autometa.sources.openml.importing import Wanted, import_runs
from autometa.sources.openml.known import foreign_fingerprint, read_known_task
from autometa.sources.openml.reading import Reference, fetch
from autometa.sources.openml.stored import METAFEATURES_VERSION, PIPELINES_VERSION, protocols_of
from autometa.task_kind import TaskKind
from tests.openml_http import Answer, cut, empty, malformed, refusal, silent, status
from tests.openml_server import OpenMLServer
from tests.sources.openml.made_up import flowers
from tests.sources.openml_runs import PLAIN, Runs, add_runs, add_tasks
from tests.sources.published import write_oboe

QUICK = Connection(seconds=20, n_attempts=2, pause_seconds=0.0)
TASKS = (11, 12, 13, 14)
LIST = "GET /api/v1/xml/evaluation/list/"
AUC = ("area_under_roc_curve",)

IN_A_PROCESS = """
import resource, sys
from autometa.knowledge.base import KnowledgeBase
from autometa.sources.openml.connection import Connection
from autometa.sources.openml.importing import Wanted, import_runs
place, size, *tasks = sys.argv[1:]
wanted = Wanted(tasks=tuple(map(int, tasks)), measures=("area_under_roc_curve",), page_size=int(size))
with KnowledgeBase(place) as base:
    print(import_runs(base, wanted, Connection()).added.n_new)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.fixture
def server(openml_here: OpenMLServer) -> OpenMLServer:
    add_tasks(openml_here, TASKS)
    add_runs(openml_here, Runs(tasks=TASKS, n_runs=240, n_setups=60))
    return openml_here


@pytest.fixture
def base(tmp_path: Path) -> KnowledgeBase:
    return KnowledgeBase.create(tmp_path / "runs.db")


def wanted(page_size: int = 100, **options: Any) -> Wanted:
    given: dict[str, Any] = {"tasks": TASKS, "measures": AUC, "page_size": page_size, **options}
    return Wanted(**given)


def read(base: KnowledgeBase, metric: str = "roc_auc", features: str = METAFEATURES_VERSION) -> Experience:
    return base.experience(
        TaskKind.BINARY,
        get_metric(metric),
        protocol="openml-1",
        pipelines_version=PIPELINES_VERSION,
        metafeatures_version=features,
    )


def test_runs_become_evaluations_of_configurations_that_are_ours_or_foreign(
    base: KnowledgeBase, server: OpenMLServer
) -> None:
    imported = import_runs(base, wanted(), QUICK)
    assert (imported.added.n_new, imported.n_runs, imported.n_ours) == (240, 240, 160)
    experience = read(base)
    assert (experience.n_tasks, experience.n_configurations) == (4, 60)
    assert experience.is_tried.all()
    assert protocols_of(base) == ("openml-1",)
    algorithms = [configuration.algorithm for configuration in experience.configurations]
    assert (algorithms.count("random_forest"), algorithms.count("openml:weka.J48(1)")) == (40, 20)
    runs = Runs(tasks=TASKS, n_runs=240, n_setups=60)
    trees = [configuration.values.get("n_estimators", 100) for configuration in experience.configurations]
    names = [description.name for description in experience.descriptions]
    row, column = names.index("table 12 (1)"), trees.index(49 + 4)  # setup 4 on the second task: run 13
    assert experience.losses[row, column] == pytest.approx(1 - runs.value(AUC[0], 13))
    assert np.isnan(experience.fit_seconds).all()


def test_tasks_have_the_qualities_of_openml_and_the_family_of_their_name(
    base: KnowledgeBase, server: OpenMLServer
) -> None:
    import_runs(base, wanted(limit=8), QUICK)
    first = read(base).descriptions[0]
    assert (first.kind, first.n_rows, first.n_columns) == (TaskKind.BINARY, 30, 2)
    assert first.family == first.name.removesuffix(" (1)").replace(" ", "_")
    assert first.metafeatures["nr_inst"] == 30
    assert first.metafeatures["openml:NumberOfFeatures"] == 3


def test_theirs_and_ours_never_mix_unseen(base: KnowledgeBase, server: OpenMLServer) -> None:
    import_runs(base, wanted(), QUICK)
    ours = base.experience(TaskKind.BINARY, get_metric("roc_auc"), protocol="openml-1", pipelines_version="1")
    assert ours.n_tasks == 0
    assert all(not task.metafeatures for task in read(base, features="1").descriptions)


def test_the_same_import_twice_adds_no_row(base: KnowledgeBase, server: OpenMLServer) -> None:
    import_runs(base, wanted(), QUICK)
    revision, status_before = base.revision, base.status()
    again = import_runs(base, wanted(70), QUICK)
    assert (again.added.n_new, again.added.n_same, again.added.n_differing) == (0, 240, 0)
    assert (base.revision, base.status()) == (revision, status_before)


def test_several_measures_are_columns_of_one_run(base: KnowledgeBase, server: OpenMLServer) -> None:
    measures = (*AUC, "predictive_accuracy", "unweighted_recall")
    assert import_runs(base, wanted(measures=measures), QUICK).added.n_new == 240
    frame = base.evaluations()
    assert frame[["roc_auc", "accuracy", "balanced_accuracy"]].notna().all().all()
    assert frame["f1_macro"].isna().all()


def test_only_flows_that_are_asked_for_and_no_more_runs_than_the_limit(
    base: KnowledgeBase, server: OpenMLServer
) -> None:
    imported = import_runs(base, wanted(20, flows=(70,), limit=50), QUICK)
    assert (imported.n_runs, imported.n_ours, imported.added.n_new) == (50, 50, 50)


def test_what_is_no_metric_of_ours_on_a_task_is_left_out_and_told(
    base: KnowledgeBase, openml_here: OpenMLServer
) -> None:
    add_tasks(openml_here, (11, 12), {12: PLAIN | {"NumberOfClasses": 3}})
    add_runs(openml_here, Runs(tasks=(11, 12), n_runs=20, n_setups=10))
    imported = import_runs(base, wanted(tasks=(11, 12)), QUICK)
    assert imported.left_out == {"area_under_roc_curve is no metric of ours on multiclass tasks": 10}
    assert (imported.added.n_new, set(base.tasks()["kind"])) == (10, {"binary", "multiclass"})


def test_a_task_without_an_answer_of_openmls_is_left_out(base: KnowledgeBase, openml_here: OpenMLServer) -> None:
    add_tasks(openml_here, (11,))
    add_runs(openml_here, Runs(tasks=(11, 12), n_runs=20, n_setups=10))  # of 12 there are runs alone
    imported = import_runs(base, wanted(tasks=(11, 12)), QUICK)
    assert (imported.added.n_new, sum(imported.left_out.values())) == (10, 10)


def test_no_results_are_an_end(base: KnowledgeBase, openml_here: OpenMLServer) -> None:
    add_tasks(openml_here, TASKS)
    assert import_runs(base, wanted(), QUICK).added.n_new == 0
    assert openml_here.n_asked(LIST) == 1


FAULTS = {
    "500": status(500),
    "504": status(504),
    "cut": cut(),
    "malformed": malformed(),
    "empty": empty(),
    "page": Answer(body=b"<html>maintenance</html>"),
    "database": refusal(107, "Database connection error"),
}


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        *((LIST + ".*offset/100/", name) for name in FAULTS),
        *((f"GET /api/v1/xml/{asked}/list", name) for asked in ("setup", "user") for name in ("504", "malformed")),
    ],
)
def test_a_page_that_fails_once_is_asked_again(
    base: KnowledgeBase, server: OpenMLServer, asked: str, name: str
) -> None:
    server.fail(asked, FAULTS[name], times=1)
    assert import_runs(base, wanted(), QUICK).added.n_new == 240


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_page_that_never_comes_is_told_in_one_line_and_what_came_is_kept(
    base: KnowledgeBase, server: OpenMLServer, fault: Answer
) -> None:
    server.fail(LIST + ".*offset/[1-9]", fault)
    with pytest.raises(
        SourceError, match=r"^100 new runs on 4 tasks are kept, start again to go on: .*runs 101 to 200"
    ):
        import_runs(base, wanted(), QUICK)
    assert base.status().evaluations["total"] == 100
    server.mend()
    assert import_runs(base, wanted(), QUICK).added.n_new == 140


def test_a_server_that_is_silent_in_the_middle_is_told(base: KnowledgeBase, server: OpenMLServer) -> None:
    server.fail(LIST + ".*offset/[1-9]", silent())
    with pytest.raises(SourceError, match=r"100 new runs .* no answer within 0\.5 s"):
        import_runs(base, wanted(), Connection(seconds=0.5, n_attempts=1))
    assert base.status().evaluations["total"] == 100


def test_a_page_too_large_for_the_server_is_asked_for_in_pieces(base: KnowledgeBase, server: OpenMLServer) -> None:
    server.fail(LIST + r".*limit/\d{4}/", status(504))
    assert import_runs(base, wanted(2000), QUICK).added.n_new == 240
    server.fail(LIST + ".*limit/200/offset/200/", status(504))
    assert import_runs(base, wanted(200), QUICK).added.n_same == 240


def test_an_import_that_is_killed_goes_on_and_finishes(
    server: OpenMLServer, openml_environment: dict[str, str], tmp_path: Path
) -> None:
    place = tmp_path / "killed.db"
    KnowledgeBase.create(place).close()
    server.fail(LIST + ".*offset/100/", silent(60))
    command = [sys.executable, "-c", IN_A_PROCESS, str(place), "50", *map(str, TASKS)]
    process = subprocess.Popen(command, env=os.environ | openml_environment)
    until = time.monotonic() + 60
    with KnowledgeBase(place) as base:
        while base.status().evaluations["total"] < 100:
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.wait()
        server.mend()
        again = import_runs(base, wanted(50), QUICK)
        assert (again.added.n_new, again.added.n_same) == (140, 100)
        assert base.status().tasks["total"] == 4


def test_ten_thousand_runs_need_less_than_a_gibibyte(
    openml_here: OpenMLServer, openml_environment: dict[str, str], tmp_path: Path
) -> None:
    tasks = tuple(range(1, 21))
    add_tasks(openml_here, tasks)
    add_runs(openml_here, Runs(tasks=tasks, n_runs=10_000, n_setups=500))
    place = tmp_path / "large.db"
    KnowledgeBase.create(place).close()
    command = [sys.executable, "-c", IN_A_PROCESS, str(place), "2000", *map(str, tasks)]
    found = subprocess.run(command, env=os.environ | openml_environment, capture_output=True, text=True, check=True)
    n_new, peak = map(int, found.stdout.split())
    assert n_new == 10_000
    assert peak / 1024 < 1024  # MiB
    with KnowledgeBase(place) as base:
        assert base.status().evaluations["total"] == 10_000


def test_oboe_and_openml_meet_on_the_same_data_set_and_in_one_family(
    base: KnowledgeBase, server: OpenMLServer, tmp_path: Path
) -> None:
    oboe.add_oboe(base, write_oboe(tmp_path / "oboe"))  # data sets 10 to 13, as of more than two classes
    imported = import_runs(base, wanted(), QUICK)
    assert imported.of_other_kinds == {"table 11 (1)", "table 12 (1)", "table 13 (1)"}
    tasks = base.tasks().set_index("fingerprint")
    met = tasks.loc[foreign_fingerprint(12, TaskKind.BINARY)]
    assert (met["name"], met["kind"], met["n_evaluations"]) == ("table (12)", "multiclass", 63)
    alone = tasks.loc[foreign_fingerprint(14, TaskKind.BINARY)]
    assert (alone["kind"], alone["n_evaluations"]) == ("binary", 60)
    with base.reading() as connection:
        from autometa.knowledge.kinship import current_families

        assert current_families(connection)["table_12"] == met["family"]


def test_a_data_set_and_its_table_are_of_one_family(openml_here: OpenMLServer) -> None:
    add_tasks(openml_here, (11,))
    known = read_known_task(11, QUICK)
    assert known is not None
    table = fetch(QUICK, Reference(number=11)).task
    assert known.task.description.family == table.family
    assert known.task.description.fingerprint != table.fingerprint  # theirs is of a number, not of what is in it


def test_other_targets_and_regression_are_other_tasks(openml_here: OpenMLServer) -> None:
    add_tasks(openml_here, (11,))
    openml_here.add_task(20, 11, target="a", type_id=2, procedure=7)
    openml_here.add_task(21, 11, n_repeats=2, procedure=9)
    openml_here.add_task(22, 11, type_id=5)
    known = {number: read_known_task(number, QUICK) for number in (11, 20, 21, 22)}
    assert known[22] is None  # clustering
    found = {number: each.task.description for number, each in known.items() if each is not None}
    assert found[11].fingerprint == found[21].fingerprint == foreign_fingerprint(11, TaskKind.BINARY)
    assert found[20].fingerprint == foreign_fingerprint(11, TaskKind.REGRESSION, "a")
    assert {each.family for each in found.values()} == {"table_11"}
    assert found[11].metafeatures["majority_share"] == 0.5
    openml_here.add_table(12, flowers(), target="kind", qualities=PLAIN)
    openml_here.add_task(30, 12, target="petals")
    petals = read_known_task(30, QUICK)
    assert petals is not None
    assert (petals.kind, petals.task.n_classes) == (TaskKind.MULTICLASS, 3)
    assert petals.task.description.metafeatures["nr_inst"] == 30
    assert not {"majority_share", "nr_class"} & set(petals.task.description.metafeatures)  # of another target
    protocols = {number: each.protocol for number, each in known.items() if each is not None}
    assert protocols == {11: "openml-1", 20: "openml-7", 21: "openml-9"}


def test_real_answers_of_openml_are_read(base: KnowledgeBase, openml_here: OpenMLServer, openml_shared: Path) -> None:
    openml_here.add_shared(openml_shared)
    add_runs(openml_here, Runs(tasks=(1882,), n_runs=9, n_setups=9, n_data=lambda task: 2))
    imported = import_runs(base, wanted(tasks=(1882,), measures=("predictive_accuracy",)), QUICK)
    assert (imported.added.n_new, imported.protocols) == (9, {"openml-3"})
    assert imported.n_ours == 0  # the data set has gaps
    (task,) = base.tasks().to_dict("records")
    assert (task["name"], task["kind"], task["n_rows"], task["family"]) == ("anneal (1)", "multiclass", 898, "anneal")


def test_a_suite_with_real_qualities_can_be_learned_from(base: KnowledgeBase, openml_here: OpenMLServer) -> None:
    path = Path(__file__).parents[2].parent / "shared" / "metadata" / "oboe" / "openml_qualities.csv"
    if not path.is_file():
        pytest.skip("needs ../shared/metadata, which does not come with the repository")
    table = pd.read_csv(path, index_col=0).drop(columns=["Name", "family", "Runs"])
    table = table[table["NumberOfClasses"] == 2].head(40)
    numbers = [int(number) for number in table.index]
    qualities = {number: dict(table.loc[number].dropna()) for number in numbers}
    add_tasks(openml_here, numbers, qualities)
    add_runs(openml_here, Runs(tasks=numbers, n_runs=40 * 25, n_setups=25))
    imported = import_runs(base, wanted(1000, tasks=tuple(numbers)), QUICK)
    assert imported.added.n_new + imported.added.n_same + imported.added.n_differing == 1000
    experience = read(base)
    assert experience.n_tasks == 40
    counted = [description.metafeatures["nr_inst"] for description in experience.descriptions]
    assert sorted(counted) == sorted(table["NumberOfInstances"])


@pytest.mark.parametrize("options", [{"tasks": ()}, {"measures": ()}, {"limit": 0}, {"page_size": 0}])
def test_an_import_of_nothing_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match="needs tasks, measures, and a run"):
        wanted(**options)


def test_imported_runs_obey_the_rules_and_can_be_handed_on(
    base: KnowledgeBase, openml_here: OpenMLServer, tmp_path: Path
) -> None:
    add_tasks(openml_here, (11, 12), {12: {"NumberOfInstances": 30, "NumberOfFeatures": 3}})  # hardly anything is known
    add_runs(openml_here, Runs(tasks=(11, 12), n_runs=40, n_setups=20))
    import_runs(base, wanted(tasks=(11, 12)), QUICK)
    assert [finding for finding in examine(base) if finding.level is Level.BROKEN] == []
    export_shard(base, tmp_path / "openml.parquet")
    with KnowledgeBase.create(tmp_path / "other.db") as other:
        assert import_shard(other, tmp_path / "openml.parquet").n_new == 40
        assert read(other).digest == read(base).digest


def test_of_runs_with_the_same_configuration_the_first_stays_and_others_are_kept_aside(
    base: KnowledgeBase, server: OpenMLServer
) -> None:
    runs = Runs(tasks=TASKS, n_runs=80, n_setups=10)
    add_runs(server, runs)
    imported = import_runs(base, wanted(30), QUICK)
    assert (imported.added.n_new, imported.added.n_differing) == (40, 40)
    experience = read(base)
    column = [configuration.values.get("n_estimators", 100) for configuration in experience.configurations].index(50)
    row = [description.name for description in experience.descriptions].index("table 11 (1)")
    assert experience.losses[row, column] == pytest.approx(1 - runs.value(AUC[0], 0))
    revision = base.revision
    again = import_runs(base, wanted(30), QUICK)
    assert (again.added.n_new, again.added.n_same, again.added.n_differing) == (0, 80, 0)
    assert base.revision == revision


def test_runs_whose_setups_openml_does_not_list_are_left_out(base: KnowledgeBase, server: OpenMLServer) -> None:
    server.fail("GET /api/v1/xml/setup/list", refusal(674, "No results"))
    imported = import_runs(base, wanted(), QUICK)
    assert (imported.added.n_new, imported.left_out) == (0, {"OpenML does not list their setups": 240})
