import json
from pathlib import Path

import pytest

from autometa.knowledge.base import KnowledgeBase
from tests.conftest import Command
from tests.sources.published import write_oboe


@pytest.fixture
def empty(tmp_path: Path) -> str:
    path = tmp_path / "runs.db"
    KnowledgeBase.create(path).close()
    return str(path)


def test_published_runs_are_imported_once(autometa: Command, empty: str, tmp_path: Path) -> None:
    write_oboe(tmp_path / "oboe")
    said = [
        json.loads(autometa("benchmark", "import", "oboe", "oboe", "--db", empty, "-f", "json").stdout) for _ in "ab"
    ]
    assert said == [{"new": 12, "known": 0, "differing": 0}, {"new": 0, "known": 12, "differing": 0}]


def test_a_replay_compares_with_the_portfolio_even_if_it_was_not_asked_for(
    autometa: Command, one_shard_base: Path, tmp_path: Path
) -> None:
    options = ("--kind", "regression", "--families", "others", "--recommender", "random")
    arguments = ("benchmark", "replay", *options, "--db", str(one_shard_base))
    said = json.loads(autometa(*arguments, "-f", "json").stdout)
    assert (said["kind"], said["metric"], said["reference"]) == ("regression", "rmse", "portfolio")
    assert said["n_tasks"] == said["n_families"] > 10
    regret = {(score["method"], score["k"]): score["regret"] for score in said["scores"]}
    assert set(regret) == {(method, k) for method in ("portfolio", "random", "oracle") for k in (1, 3, 5, 10, 25)}
    assert regret["oracle", 1] == 0
    assert 0 <= regret["portfolio", 25] <= regret["portfolio", 1] < regret["random", 1] <= 1
    again = autometa(*arguments, "--plot", "regrets.svg")
    assert "kept from before: portfolio, random" in again.stderr
    assert (tmp_path / "regrets.svg").read_bytes().startswith(b"<?xml")
    assert json.loads(autometa(*arguments, "-f", "json", "--no-cache").stdout)["kept"] == []
    shown = again.stdout.splitlines()
    assert [line.split()[0] for line in shown] == ["method", "portfolio", "random", "oracle"]
    assert f"{regret['random', 1]:.3f} ± " in shown[2]
    at_once = json.loads(autometa(*arguments, "--at-once", "-f", "json").stdout)
    assert (at_once["kept"], at_once["n_tasks"]) == ([], said["n_tasks"])
    assert at_once["scores"] != said["scores"]
    assert min(at_once["seconds"]["portfolio"].values()) > 0


def test_all_kinds_are_replayed_one_by_one_and_together(autometa: Command, one_shard_base: Path) -> None:
    options = ("--kind", "all", "--families", "others", "--recommender", "portfolio")
    arguments = ("benchmark", "replay", *options, "--db", str(one_shard_base))
    said = json.loads(autometa(*arguments, "-f", "json").stdout)
    assert [(each["kind"], each["metric"]) for each in said["kinds"]] == [
        ("binary", "roc_auc"),
        ("multiclass", "log_loss"),
        ("regression", "rmse"),
    ]
    pooled = said["pooled"]
    assert (pooled["kind"], pooled["metric"]) == ("all", None)
    assert pooled["n_tasks"] == sum(each["n_tasks"] for each in said["kinds"])
    first = [part["scores"][0] for part in (*said["kinds"], pooled)]
    weighted = sum(s["regret"] * part["n_tasks"] for s, part in zip(first, said["kinds"], strict=False))
    assert first[-1]["regret"] == pytest.approx(weighted / pooled["n_tasks"])
    kinds = [line.split()[0] for line in autometa(*arguments).stdout.splitlines()]
    assert kinds == ["kind", *["binary"] * 3, *["multiclass"] * 3, *["regression"] * 3, *["all"] * 3]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("import", "nobody", "folder"), "no source 'nobody'; choose one of: oboe"),
        (("import", "oboe", "folder"), "cannot read folder/error_matrix.csv"),
        (("replay", "--kind", "ranking"), "no kind 'ranking'; choose one of: binary, multiclass, regression"),
        (("replay", "--protocol", "cv-v9"), "no protocol 'cv-v9'; choose one of: cv-v1, holdout-v1, oboe"),
        (("replay", "--recommender", "portfolio,oracle"), "no recommender 'oracle'; choose from: portfolio"),
        (("replay", "--metric", "rmse"), "rmse"),
        (("replay", "--plot", "regrets.pdf"), "give a name that ends in .png or .svg"),
        (("replay", "--protocol", "oboe"), "no task of those families is stored"),
    ],
)
def test_what_cannot_be_done_is_one_line(autometa: Command, empty: str, arguments: tuple[str, ...], words: str) -> None:
    done = autometa("benchmark", *arguments, "--db", empty)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
