import json
from pathlib import Path

import pytest

from autometa.knowledge.base import KnowledgeBase
from tests.conftest import Command
from tests.openml_http import status
from tests.openml_server import OpenMLServer
from tests.sources.openml_runs import Desk, Runs, add_runs, add_tasks

TASKS = tuple(range(11, 33))


@pytest.fixture
def server(openml_here: OpenMLServer) -> OpenMLServer:
    add_tasks(openml_here, TASKS)
    openml_here.add_suite(99, TASKS)
    add_runs(openml_here, Runs(tasks=TASKS, n_runs=22 * 24, n_setups=24))
    return openml_here


@pytest.fixture
def empty(tmp_path: Path) -> str:
    KnowledgeBase.create(tmp_path / "runs.db").close()
    return str(tmp_path / "runs.db")


def test_a_suite_is_imported_replayed_and_imported_again(autometa: Command, server: OpenMLServer, empty: str) -> None:
    command = ("kb", "import-openml", "--suite", "99", "--measure", "area_under_roc_curve", "--db", empty)
    said = json.loads(autometa(*command, "-f", "json").stdout)
    assert said == {
        "tasks": 22, "runs": 528, "new": 528, "known": 0, "differing": 0, "ours": 352, "left_out": 0,
        "protocols": ["openml-1"],
    }  # fmt: skip
    again = autometa(*command)
    assert again.stdout.startswith("528 runs on 22 tasks: 0 new, 528 known before,")
    assert "benchmark replay --pipelines openml --protocol openml-1" in again.stdout
    options = ("--protocol", "openml-1", "--pipelines", "openml", "--families", "all", "--recommender", "portfolio")
    replayed = autometa("benchmark", "replay", *options, "--db", empty, "-f", "json")
    content = json.loads(replayed.stdout)
    assert (content["n_tasks"], content["n_configurations"], content["metric"]) == (22, 24, "roc_auc")
    regret = {(score["method"], score["k"]): score["regret"] for score in content["scores"]}
    assert regret["oracle", 1] == 0 <= regret["portfolio", 25] <= regret["portfolio", 1] <= 1


def test_what_fails_is_one_line_that_tells_what_is_kept(autometa: Command, server: OpenMLServer, empty: str) -> None:
    server.fail("GET /api/v1/xml/evaluation/list/.*offset/100", status(500))
    found = autometa("kb", "import-openml", "--tasks", "11,12,900", "--page-size", "30", "--db", empty)
    assert found.returncode == 0  # so many there are not
    assert found.stderr.splitlines()[-1] == "no runs came of 1 tasks: 900"
    found = autometa("kb", "import-openml", "--suite", "99", "--page-size", "100", "--db", empty)
    assert (found.returncode, found.stdout) == (2, "")
    (line,) = found.stderr.splitlines()
    assert line.startswith("error: 90 new runs on 22 tasks are kept, start again to go on: OpenML (http")
    assert line.endswith("did not give runs 101 to 200, 3 times: HTTP 500; try again later")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "give --suite, or --tasks"),
        (("--suite", "99", "--tasks", "3"), "give --suite, or --tasks"),
        (("--tasks", "three"), "--tasks takes numbers"),
        (("--tasks", "3", "--flows", "a"), "--flows takes numbers"),
        (("--tasks", "3", "--measure", "f_measure"), "weighs each class"),
        (("--suite", "7"), "OpenML has no suite 7"),
    ],
)
def test_an_import_that_makes_no_sense_is_refused(
    autometa: Command, server: OpenMLServer, empty: str, options: tuple[str, ...], words: str
) -> None:
    found = autometa("kb", "import-openml", *options, "--db", empty)
    assert (found.returncode, found.stdout) == (2, "")
    assert words in found.stderr
    assert len(found.stderr.splitlines()) == 1


def test_a_protocol_without_runs_is_refused_with_those_that_there_are(
    autometa: Command, server: OpenMLServer, empty: str
) -> None:
    options = ("--pipelines", "openml", "--protocol", "openml-2", "--db", empty)
    assert "import some with: autometa kb import-openml" in autometa("benchmark", "replay", *options).stderr
    autometa("kb", "import-openml", "--tasks", "11", "--measure", "predictive_accuracy", "--db", empty)
    assert "there are: openml-1" in autometa("benchmark", "replay", *options).stderr


def test_a_dry_run_writes_files_and_says_so(
    autometa: Command, server: OpenMLServer, empty: str, tmp_path: Path
) -> None:
    configuration = tmp_path / "best.json"
    configuration.write_text('{"algorithm": "lda", "values": {}}')
    command = ("kb", "publish-openml", "--task", "11", "--db", empty)
    desk = Desk(server)
    found = autometa(*command, "--configuration", str(configuration))
    assert found.stdout.endswith("nothing is sent; look at it, then add --send\n")
    assert sorted(path.name for path in (tmp_path / "openml-run-11").iterdir()) == [
        "description.xml", "flow.xml", "predictions.arff",
    ]  # fmt: skip
    assert not desk.runs
    n_asked = len(server.asked)
    again = autometa(*command, "--configuration", str(configuration), "--send")
    assert (again.returncode, again.stdout) == (2, "")
    assert again.stderr == "error: there is something in openml-run-11; name an empty folder, or a new one\n"
    assert len(server.asked) == n_asked, "it is told before anything is run"
    sent = autometa(*command, "--configuration", configuration.read_text(), "--folder", "sent", "--send", "-f", "json")
    assert json.loads(sent.stdout)["run"] == 9001
    assert len(desk.runs) == 1
    for options, words in (
        ((), "give --rank, or --configuration"),
        (("--rank", "1"), "0 configurations were measured on task 11"),
        (("--configuration", "nowhere.json"), "cannot read the configuration"),
        (("--configuration", "{}"), "not the JSON of a configuration"),
    ):
        refused = autometa(*command, *options, "--folder", "third")
        assert (refused.returncode, refused.stdout) == (2, "")
        assert words in refused.stderr
