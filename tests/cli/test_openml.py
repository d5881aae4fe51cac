"""The command line on tables of OpenML, in processes of their own, their library pointed at the loopback."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from autometa.knowledge.base import KnowledgeBase
from tests.conftest import Command
from tests.openml_http import silent
from tests.openml_server import OpenMLServer
from tests.sources.openml.made_up import flowers


@pytest.fixture
def server(openml_server: OpenMLServer) -> OpenMLServer:
    for number in (1, 2, 3, 4):
        openml_server.add_table(number, flowers(60, seed=number), target="kind", name=f"meadow {number}")
        openml_server.add_task(10 + number, number)
    openml_server.add_suite(99, [11, 12, 13, 14])
    return openml_server


def test_recommend_takes_a_data_set_of_openml_and_then_its_cache_alone(
    autometa: Command, server: OpenMLServer, openml_environment: dict[str, str], one_shard_base: Path
) -> None:
    asked = ("recommend", "openml:1", "-k", "1", "--recommender", "average", "--db", str(one_shard_base))
    result = autometa(*asked, **openml_environment)
    assert (result.returncode, result.stderr) == (0, "")
    assert "meadow 1 (openml:1)" in result.stdout
    assert "data set 1 of OpenML: 'meadow 1', version 1; licence: CC BY 4.0" in result.stdout.replace("\n  ", " ")
    assert "task = autometa.from_openml('openml:1', target='kind')" in result.stdout
    server.close()
    again = autometa(*asked, "--offline", "--format", "json", **openml_environment)
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["task"]["target"] == "kind"


def test_similar_takes_a_data_set_of_openml(
    autometa: Command, server: OpenMLServer, openml_environment: dict[str, str], one_shard_base: Path
) -> None:
    asked = ("similar", "openml:1", "--by", "metafeatures", "-k", "2", "--db", str(one_shard_base), "-f", "json")
    result = autometa(*asked, **openml_environment)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["task"]["target"] == "kind"


def test_recommend_takes_a_real_data_set_of_openml(
    autometa: Command,
    openml_server: OpenMLServer,
    openml_shared: Path,
    openml_environment: dict[str, str],
    one_shard_base: Path,
) -> None:
    openml_server.add_shared(openml_shared)
    asked = ("recommend", "openml:2", "-k", "2", "--recommender", "average", "--db", str(one_shard_base))
    result = autometa(*asked, "--format", "json", **openml_environment)
    assert result.returncode == 0, result.stderr
    content = json.loads(result.stdout)
    task = content["task"]
    assert (task["kind"], task["target"], task["n_rows"]) == ("multiclass", "class", 898)
    assert len(content["recommendations"]) == 2


def test_what_openml_cannot_give_is_one_line(
    autometa: Command, server: OpenMLServer, openml_environment: dict[str, str], tmp_path: Path
) -> None:
    unknown = autometa("describe", "openml:404", **openml_environment)
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert unknown.stderr == "error: OpenML has no data set 404 (Unknown dataset); check the number\n"
    server.close()
    for arguments in (["describe", "openml:1"], ["kb", "grow", "--openml-suite", "99", "--db", "new.db"]):
        gone = autometa(*arguments, **openml_environment)
        assert gone.returncode == 2
        assert "3 times: the connection is refused" in gone.stderr.splitlines()[-1]
    assert not (tmp_path / "new.db").exists()
    written = autometa("export", "openml:1", **openml_environment)
    assert written.returncode == 2
    assert written.stderr.startswith("error: a script reads a file, and openml:1 is none")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "got none"),
        (["--from", "x.csv", "--openml-tasks", "1"], "got --from and --openml-tasks"),
        (["--openml-tasks", "1,b"], "not an id of OpenML: 'b'"),
        (["--openml-tasks", "1", "--protocol", "cv-v1"], "bring splits of their own"),
        (["--openml-datasets", "1", "--target", "y"], "--target does not go with --openml-datasets"),
        (["--from", "x.csv", "--max-rows", "5"], "--max-rows does not go with --from"),
        (["--openml-datasets", "1", "--max-rows", "1"], "no table has so few"),
        (["--openml-datasets", "1", "--max-rows", "0"], "no table has so few"),
    ],
)
def test_what_does_not_go_together_is_refused(autometa: Command, arguments: list[str], words: str) -> None:
    result = autometa("kb", "grow", *arguments)
    assert result.returncode == 2
    assert words in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_suite_is_grown_on_after_a_kill_in_the_middle(
    autometa: Command, server: OpenMLServer, openml_environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "mine.json").write_text('[{"algorithm": "naive_bayes", "values": {}}]')
    place = str(tmp_path / "runs.db")
    KnowledgeBase.create(place).close()
    arguments = ["kb", "grow", "--openml-suite", "99", "--configurations", "mine.json", "--db", place, "-f", "json"]
    server.fail("GET /data/v1/download/4/", silent(120), times=1)
    killed = subprocess.Popen(
        [sys.executable, "-m", "autometa", *arguments],
        cwd=tmp_path,
        env={**os.environ, **openml_environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 100
    try:
        while not server.n_asked("GET /data/v1/download/4/"):
            assert killed.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        os.killpg(killed.pid, signal.SIGKILL)
        killed.wait()
    with KnowledgeBase(place) as base:
        n_stored = len(base.evaluations())
    assert 1 <= n_stored <= 3, "the last table had not come"
    result = autometa(*arguments, **openml_environment)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout) == {
        "new": 4 - n_stored,
        "known": n_stored,
        "left": 0,
        "skipped": [],
        "unreached": [],
    }
    with KnowledgeBase(place) as base:
        runs = base.evaluations()
    assert len(runs) == 4
    assert set(runs["protocol"]) == {"openml-1"}
    assert server.n_asked("GET /data/v1/download/1/") == 1


def test_tables_that_did_not_come_are_told_and_the_command_fails(
    autometa: Command, server: OpenMLServer, openml_environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "mine.json").write_text('[{"algorithm": "naive_bayes", "values": {}}]')
    KnowledgeBase.create(tmp_path / "runs.db").close()
    grow = ("kb", "grow", "--configurations", "mine.json", "--db", "runs.db", "--openml-datasets", "1,2")
    first = autometa(*grow[:-1], "1", **openml_environment)
    assert first.returncode == 0, first.stderr
    server.close()
    result = autometa(*grow, "-f", "json", **openml_environment)
    assert result.returncode == 2
    content = json.loads(result.stdout)
    assert (content["new"], content["known"]) == (0, 1)
    assert [each["table"] for each in content["unreached"]] == ["openml:2"]
    assert result.stderr.splitlines()[-1] == (
        "error: 1 tables did not come; what was run is stored: run the same again, to go on"
    )
