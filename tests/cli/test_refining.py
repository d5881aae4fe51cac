"""`autometa recommend --refine` and `--trials`, run as a user runs them."""

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.test_read_only import AS_A_READER
from tests.cli.test_recommend import ITEM
from tests.conftest import Command

ATTEMPT = {"number", "source", "algorithm", "hyperparameters", "key", "rungs", "is_whole", "score", "status", "error"}
CHEAP = ("--algorithms", "decision_tree,k_nearest_neighbors,lda,naive_bayes")


def arguments(examples: Path, base: Path, *options: str) -> tuple[str, ...]:
    """Return the command for a table of 178 rows and cheap algorithms."""
    return ("recommend", str(examples / "wine.csv"), "--db", str(base), "-k", "3", *CHEAP, *options)


def test_the_json_tells_what_was_attempted_and_it_is_kept(
    autometa: Command, examples: Path, one_shard_base: Path, tmp_path: Path
) -> None:
    own = Path(shutil.copy(one_shard_base, tmp_path / "own.db"))
    command = arguments(examples, own, "--trials", "6", "--explain", "-f", "json")
    result = autometa(*command, "--record")
    assert (result.returncode, result.stderr) == (0, "")
    content = json.loads(result.stdout)
    refinement = content["refinement"]
    assert set(refinement) == {"seconds", "metric", "study", "was_interrupted", "attempts"}
    assert refinement["metric"] == "log_loss"
    assert refinement["was_interrupted"] is False
    attempts = refinement["attempts"]
    assert all(set(each) == ATTEMPT for each in attempts)
    assert [each["number"] for each in attempts] == list(range(6))
    assert [each["source"] for each in attempts[:3]] == ["advised"] * 3
    assert {each["status"] for each in attempts} == {"ok"}
    assert all(each["is_whole"] and each["rungs"] == 1 for each in attempts)
    ranked = sorted(attempts, key=lambda each: (each["score"], each["number"]))
    items = content["recommendations"]
    assert all(set(item) - {"explanation"} == ITEM for item in items)
    assert [item["key"] for item in items] == [each["key"] for each in ranked[:3]]
    assert [item["predicted_score"] for item in items] == pytest.approx([e["score"] for e in ranked[:3]], rel=1e-5)
    assert any(note.startswith("refined for ") for note in content["notes"])

    after = json.loads(autometa(*arguments(examples, own, "-k", "99", "-f", "json")).stdout)
    measured = {i["key"] for i in after["recommendations"] if "measured on this very table" in i["reasons"]}
    assert measured == {each["key"] for each in attempts}


def test_the_python_code_that_is_printed_builds_what_was_found(
    autometa: Command, examples: Path, one_shard_base: Path
) -> None:
    result = autometa(*arguments(examples, one_shard_base, "--trials", "1"))
    assert result.returncode == 0, result.stderr
    code = result.stdout[result.stdout.index("import autometa") :]
    names: dict[str, object] = {}
    exec("\n".join(line.strip() for line in code.splitlines()), names)
    assert "prepare" in repr(names["pipeline"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--refine", "5", "--probe", "5"), "a refinement measures more than a probe"),
        (("--storage", "sqlite:///study.db"), "--storage keeps what a refinement measures; ask for one with --refine"),
        (("--record",), "--record keeps what a refinement measures; ask for one with --refine SECONDS or --trials N"),
        (("--trials", "1", "--storage", "study.db"), "cannot open the storage 'study.db'"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    autometa: Command, examples: Path, one_shard_base: Path, options: tuple[str, ...], words: str
) -> None:
    result = autometa(*arguments(examples, one_shard_base, *options))
    assert (result.returncode, result.stdout) == (2, "")
    assert words in result.stderr
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1


def test_a_base_that_may_only_be_read_is_told_before_anything_is_measured(
    examples: Path, one_shard_base: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "archive"
    folder.mkdir()
    own = Path(shutil.copy(one_shard_base, folder / "own.db"))
    own.chmod(0o444)
    folder.chmod(0o555)
    study = tmp_path / "study.db"
    options = ("--trials", "3", "--record", "--storage", f"sqlite:///{study}")
    command = [sys.executable, "-c", AS_A_READER, *arguments(examples, own, *options)]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    folder.chmod(0o755)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("error: the knowledge base ")
    assert refused.stderr.count("\n") == 1
    assert not study.exists()


def started(examples: Path, base: Path, study: Path, *options: str) -> "subprocess.Popen[str]":
    """Return a refinement that goes on for long."""
    command = arguments(examples, base, *options, "-f", "json", "--storage", f"sqlite:///{study}")
    return subprocess.Popen(
        [sys.executable, "-m", "autometa", *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def n_complete(study: Path) -> int:
    """Return how many trials of a storage are complete."""
    try:
        with sqlite3.connect(study, timeout=10) as connection:
            return int(connection.execute("SELECT count(*) FROM trials WHERE state = 'COMPLETE'").fetchone()[0])
    except sqlite3.OperationalError:  # not there yet
        return 0


def await_trials(process: "subprocess.Popen[str]", study: Path, n: int) -> None:
    """Wait until so many trials are complete."""
    for _ in range(1200):
        if n_complete(study) >= n:
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)
    pytest.fail("it came to nothing")


def test_a_killed_refinement_goes_on_and_an_interrupt_gives_the_best_so_far(
    examples: Path, one_shard_base: Path, tmp_path: Path
) -> None:
    study = tmp_path / "study.db"
    killed = started(examples, one_shard_base, study, "--trials", "500")
    await_trials(killed, study, 2)
    killed.kill()
    killed.communicate()
    done = n_complete(study)

    again = started(examples, one_shard_base, study, "--refine", "300")
    await_trials(again, study, done + 3)
    again.send_signal(signal.SIGINT)
    stdout, stderr = again.communicate(timeout=60)
    assert (again.returncode, stderr) == (0, "")
    content = json.loads(stdout)
    assert content["refinement"]["was_interrupted"] is True
    assert content["refinement"]["seconds"] < 290
    attempts = content["refinement"]["attempts"]
    assert len(attempts) >= done + 3
    assert [each["number"] for each in attempts] == list(range(len(attempts)))
    assert [each["source"] for each in attempts[:3]] == ["advised"] * 3
    best = min((each["score"], each["number"]) for each in attempts if each["is_whole"])
    assert content["recommendations"][0]["key"] == attempts[best[1]]["key"]
    assert any(note.startswith("stopped by the user") for note in content["notes"])
    with sqlite3.connect(study) as connection:
        states = dict(connection.execute("SELECT state, count(*) FROM trials GROUP BY state").fetchall())
    assert set(states) <= {"COMPLETE", "FAIL"}, "no trial is left open"
    assert states["COMPLETE"] == len(attempts)
