"""`autometa explain`, run as a user runs it."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest

from autometa.evaluation.machine_speed import keep_speed
from tests.conftest import Command


def test_a_page_is_written_once_and_replaced_by_force(
    autometa: Command,
    one_shard_base: Path,
    examples: Path,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arguments = ("explain", str(examples / "wine.csv"), "-k", "2", "--html", "report.html", "--db", str(one_shard_base))
    first = autometa(*arguments)
    assert (first.returncode, first.stderr) == (0, "")
    assert "report.html" in first.stdout
    page = (tmp_path / "report.html").read_bytes()
    assert ElementTree.fromstring(page).tag == "html"
    second = autometa(*arguments)
    assert (second.returncode, second.stdout) == (2, "")
    assert second.stderr == "error: report.html exists; give another name, or --force to replace it\n"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))  # where nothing is kept yet but this
    keep_speed(1.0)
    third = autometa(*arguments, "--force", "-f", "json", PYTHONHASHSEED="7")
    assert json.loads(third.stdout) == {"file": "report.html", "pipelines": 2}
    assert (tmp_path / "report.html").read_bytes() == page, "the same page again"
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_without_a_page_the_same_is_told_in_text_and_json(
    autometa: Command, one_shard_base: Path, examples: Path
) -> None:
    arguments = ("explain", str(examples / "diabetes.csv"), "-t", "progression", "-k", "3", "--db", str(one_shard_base))
    shown = autometa(*arguments)
    assert (shown.returncode, shown.stderr) == (0, "")
    for words in ("nearest known tasks", "most similar known tasks", "what to expect of following it", "random order"):
        assert words in shown.stdout
    content = json.loads(autometa(*arguments, "-f", "json").stdout)
    expected = content.pop("expected")
    lists = {"advice", "advice_error", "chance", "chance_error"}
    assert set(expected) == lists | {"n_tasks", "n_families"}
    for name in lists:
        assert len(expected[name]) == 10
    assert expected["advice"][9] < expected["chance"][9]
    assert f"{expected['advice'][0]:.3f} ± {expected['advice_error'][0]:.3f}" in shown.stdout
    other = json.loads(autometa("recommend", *arguments[1:], "--explain", "-f", "json").stdout)
    assert content == other


def test_what_to_expect_is_of_what_may_be_advised(autometa: Command, one_shard_base: Path, examples: Path) -> None:
    arguments = ("explain", str(examples / "diabetes.csv"), "-k", "3", "--db", str(one_shard_base), "-f", "json")
    free, bound = (
        json.loads(autometa(*arguments, *more).stdout)["expected"] for more in ((), ("--algorithms", "decision_tree"))
    )
    assert bound["n_tasks"] == free["n_tasks"]
    assert min(bound["advice"]) > max(free["advice"])
    assert bound["chance"][-1] > free["chance"][-1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--html", "."), "is a folder"),
        (("--html", "nowhere/report.html"), "no folder nowhere; make it first"),
        (("--html", "x" * 300), "cannot write"),
        (("-t", "nothing", "--html", "report.html"), "'nothing'"),
        (("--recommender", "oracle", "--html", "report.html"), "no recommender 'oracle'"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_leaves_nothing(
    autometa: Command, examples: Path, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    result = autometa("explain", str(examples / "wine.csv"), "-k", "1", *arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert len(result.stderr.splitlines()) == 1
    assert words in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_hostile_file_and_columns_are_shown_as_text(
    autometa: Command, one_shard_base: Path, examples: Path, tmp_path: Path
) -> None:
    name = '"><img src=x onerror=alert(1)>.csv'
    table = pd.read_csv(examples / "wine.csv").rename(columns={"cultivar": "<script>alert(1)</script>"})
    table.to_csv(tmp_path / name, index=False)
    arguments = ("-t", "<script>alert(1)</script>", "-k", "1", "--html", "report.html", "--db", str(one_shard_base))
    result = autometa("explain", name, *arguments)
    assert result.returncode == 0, result.stderr
    root = ElementTree.fromstring((tmp_path / "report.html").read_bytes())
    assert {"img", "script"}.isdisjoint(element.tag for element in root.iter())
    assert "predict <script>alert(1)</script>" in "".join(root.itertext())


def test_a_base_with_one_task_says_that_nothing_can_be_expected(
    autometa: Command, examples: Path, tmp_path: Path
) -> None:
    own = str(tmp_path / "own.db")
    assert autometa("kb", "create", "--empty", "--db", own).returncode == 0
    grown = autometa("kb", "grow", "--from", str(examples / "wine.csv"), "--candidates", "2", "--db", own)
    assert grown.returncode == 0, grown.stderr
    result = autometa("explain", str(examples / "wine.csv"), "--db", own, "--html", "report.html")
    assert result.returncode == 0, result.stderr
    text = " ".join(ElementTree.fromstring((tmp_path / "report.html").read_bytes()).itertext())
    assert "Not known: nothing to replay" in text
    assert "too few tasks are known to tell" in text
    assert "not known: nothing to replay" in autometa("explain", str(examples / "wine.csv"), "--db", own).stdout
