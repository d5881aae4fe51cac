"""Asking OpenML: whatever goes wrong is told in one line, in time, and nothing else is changed."""

import logging
import os
import subprocess
import sys
import time
import warnings
from pathlib import Path

import openml
import pandas as pd
import pytest

from autometa.errors import NotOfferedError, OptionError, SourceError
from autometa.sources.openml.connection import Connection
from tests.openml_http import Answer, cut, empty, malformed, refusal, silent, status
from tests.openml_server import OpenMLServer

QUICK = Connection(seconds=20, n_attempts=2, pause_seconds=0.0)
DESCRIPTION = "GET /api/v1/xml/data/7$"


@pytest.fixture
def server(openml_here: OpenMLServer) -> OpenMLServer:
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0], "y": pd.Categorical(["no", "yes", "no", "yes"])})
    openml_here.add_table(7, frame, target="y", name="sevens")
    return openml_here


def ask(connection: Connection, number: int = 7) -> openml.OpenMLDataset:
    return connection.ask(f"data set {number}", lambda: openml.datasets.get_dataset(number))


def test_what_is_there_is_given(server: OpenMLServer) -> None:
    found = ask(QUICK)
    assert (found.dataset_id, found.name, found.version) == (7, "sevens", 1)
    assert server.asked == ["GET /api/v1/xml/data/7"]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (status(500), "HTTP 500"),
        (status(504), "HTTP 504"),
        (cut(), "the connection was cut"),
        (malformed(), "cannot be read|malformed"),
        (empty(), "cannot be read"),
        (Answer(body=b"<html><body>maintenance</body></html>"), "cannot be read"),
        (Answer(body=b"<html><body>maintenance</body></html>", status=503), "cannot be read"),
        (refusal(107, "Database connection error. Usually due to high server load."), "Database connection error"),
    ],
    ids=["500", "504", "cut", "malformed", "empty", "a page", "a page with a status", "database"],
)
def test_a_fault_is_asked_again_and_then_told_in_one_line(server: OpenMLServer, fault: Answer, words: str) -> None:
    server.fail(DESCRIPTION, fault)
    with pytest.raises(SourceError, match=f"did not give data set 7, 2 times: .*({words})") as caught:
        ask(QUICK)
    assert "\n" not in str(caught.value)
    assert "what came before is kept" in str(caught.value)
    assert server.n_asked(DESCRIPTION) == 2
    server.mend()
    server.fail(DESCRIPTION, fault, times=1)
    assert ask(QUICK).name == "sevens"


def test_a_server_that_is_silent_is_given_up_in_our_time(server: OpenMLServer) -> None:
    server.fail(DESCRIPTION, silent())
    began = time.monotonic()
    with pytest.raises(SourceError, match=r"no answer within 0\.3 s"):
        ask(Connection(seconds=0.3, n_attempts=2, pause_seconds=0.1))
    assert 0.7 <= time.monotonic() - began < 5


def test_a_server_that_is_gone_is_told(server: OpenMLServer) -> None:
    server.close()
    with pytest.raises(SourceError, match="the connection is refused"):
        ask(QUICK)


def test_the_key_of_the_user_is_never_told(server: OpenMLServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.fail(DESCRIPTION, refusal(110, f"no {openml.config.apikey} here"))
    with pytest.raises(SourceError, match=r"no \.\.\. here") as refused:
        ask(QUICK)
    monkeypatch.setattr(openml.config, "server", server.url.replace("http:", "https:"))  # where no TLS is spoken
    with pytest.raises(SourceError, match="did not give data set 7, 2 times: SSLError") as caught:
        ask(QUICK)
    for error in (refused, caught):
        assert openml.config.apikey[:8] not in str(error.value)


def test_pauses_grow(server: OpenMLServer) -> None:
    server.fail(DESCRIPTION, status(500))
    began = time.monotonic()
    with pytest.raises(SourceError):
        ask(Connection(n_attempts=3, pause_seconds=0.1))
    assert time.monotonic() - began >= 0.1 + 0.2


def test_an_unknown_id_is_told_at_once_and_a_list_without_results_is_an_end(server: OpenMLServer) -> None:
    with pytest.raises(NotOfferedError, match=r"OpenML has no data set 8 \(Unknown dataset\); check the number"):
        ask(QUICK, 8)
    assert server.n_asked("GET /api/v1/xml/data/8") == 1
    assert QUICK.ask_for_more("task 9", lambda: openml.tasks.get_task(9)) is None
    assert QUICK.ask_for_more("runs", lambda: openml.runs.list_runs(task=[9], output_format="dataframe")) is not None
    evaluations = openml.evaluations.functions
    assert QUICK.ask_for_more("evaluations", lambda: evaluations._list_evaluations("roc_auc", tasks=[9])) is None


def test_a_refusal_is_told_with_its_code_and_not_asked_again(server: OpenMLServer) -> None:
    server.fail(DESCRIPTION, refusal(112, "No access granted"))
    with pytest.raises(NotOfferedError, match="gives data set 7 to some users alone"):
        ask(QUICK)
    server.mend()
    server.fail(DESCRIPTION, refusal(110, "Please provide data_id"))
    with pytest.raises(SourceError, match=r"OpenML refuses data set 7: Please provide data_id \(code 110\)"):
        ask(QUICK)
    assert server.n_asked(DESCRIPTION) == 2


def test_a_cache_that_cannot_be_written_is_told(
    server: OpenMLServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setattr(openml.config, "_root_cache_directory", tmp_path / "file")
    with pytest.raises(SourceError, match="data set 7"):
        ask(QUICK)
    assert server.asked == []


def test_offline_nothing_is_asked(server: OpenMLServer) -> None:
    with pytest.raises(SourceError, match="offline, OpenML is not asked for data set 7"):
        ask(Connection(is_offline=True))
    assert server.asked == []


def test_asking_changes_nothing_else(server: OpenMLServer) -> None:
    server.fail(DESCRIPTION, status(500), times=1)
    filters = list(warnings.filters)
    handlers = list(logging.getLogger().handlers)
    before = dict(openml.config.get_config_as_dict())
    ask(QUICK)
    with pytest.raises(NotOfferedError):
        ask(QUICK, 8)
    assert openml.config.get_config_as_dict() == before
    assert warnings.filters == filters
    assert logging.getLogger().handlers == handlers
    assert Connection().server == server.url
    assert Connection().cache.is_relative_to(before["cachedir"])


def test_an_answer_that_comes_too_late_sets_up_no_logging(
    server: OpenMLServer, openml_environment: dict[str, str]
) -> None:
    description = server.answer("GET", "/api/v1/xml/data/7", {}, {})
    server.route("GET", "data/7$", lambda request: server.wait(0.8) or description)  # type: ignore[func-returns-value]
    code = """
import logging, threading
import openml
from autometa.errors import SourceError
from autometa.sources.openml.connection import Connection
try:
    Connection(seconds=0.2, n_attempts=1).ask("data set 7", lambda: openml.datasets.get_dataset(7))
except SourceError as error:
    print("given up" if "no answer within" in str(error) else error)
for thread in threading.enumerate():
    if thread.name == "openml":
        thread.join()
print(logging.getLogger().handlers)
"""
    command = [sys.executable, "-W", "ignore", "-c", code]
    found = subprocess.run(command, env=os.environ | openml_environment, capture_output=True, text=True, check=True)
    assert (found.stdout, found.stderr) == ("given up\n[]\n", "")


def test_our_own_errors_pass_through_a_call(server: OpenMLServer) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        QUICK.ask("nothing", stop)
    assert server.asked == []


@pytest.mark.parametrize("wrong", [{"seconds": 0.0}, {"data_seconds": -1.0}, {"n_attempts": 0}, {"pause_seconds": -1}])
def test_times_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(OptionError, match="OpenML needs time"):
        Connection(**wrong)  # type: ignore[arg-type]


def test_importing_the_connection_imports_no_openml() -> None:
    code = "import sys, autometa.sources.openml.connection; print('openml' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
