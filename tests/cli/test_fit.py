"""`autometa fit`, and what the other commands make of its models."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from autometa.cli.fit import command_line
from tests.conftest import Command

QUICK = "naive_bayes,decision_tree,logistic_regression,ridge"
ROOT = Path(__file__).parents[2]
WINE = str(ROOT / "data" / "examples" / "wine.csv")


@pytest.fixture
def model(autometa: Command, one_shard_base: Path, tmp_path: Path) -> Path:
    done = autometa(
        *("fit", WINE, "--target", "cultivar", "--trials", "4", "--algorithms", QUICK, "--metric", "f1_macro"),
        *("-o", "model.skops", "--db", str(one_shard_base)),
    )
    assert done.returncode == 0, done.stderr
    assert "stored: model.skops" in done.stdout
    return tmp_path / "model.skops"


def test_a_model_is_fitted_stored_and_used(autometa: Command, model: Path, tmp_path: Path) -> None:
    done = autometa("predict", "model.skops", WINE, "-o", "predicted.csv")
    assert done.returncode == 0, done.stderr
    predicted = pd.read_csv(tmp_path / "predicted.csv")
    truth = pd.read_csv(WINE)["cultivar"]
    assert (predicted["cultivar"] == truth).mean() > 0.95
    scores = json.loads(autometa("evaluate", "model.skops", WINE, "--format", "json").stdout)
    assert scores["scores"]["accuracy"] == pytest.approx((predicted["cultivar"] == truth).mean())
    card = json.loads(autometa("leaderboard", "model.skops", "--format", "json").stdout)
    assert len(card["leaderboard"]) == 4
    assert card["made_here"]
    assert card["command"].startswith("autometa fit ")
    assert card["metric"] == "f1_macro"
    weights = {row["key"]: row["weight"] for row in card["leaderboard"] if row["weight"]}
    assert sum(weights.values()) == pytest.approx(1.0)
    assert len(card["configurations"]) == len(weights)


def test_without_a_search_the_first_advice_is_fitted(autometa: Command, one_shard_base: Path) -> None:
    arguments = (WINE, "--target", "cultivar", "--db", str(one_shard_base))
    done = autometa("fit", *arguments, "--time", "0", "--format", "json")
    assert done.returncode == 0, done.stderr
    content = json.loads(done.stdout)
    advised = json.loads(autometa("recommend", *arguments, "--format", "json").stdout)["recommendations"]
    assert [row["key"] for row in content["leaderboard"] if row["weight"]] == [advised[0]["key"]]
    assert content["score"] is None
    assert content["model"] is None


def test_recorded_runs_lead_later_advice(autometa: Command, one_shard_base: Path, tmp_path: Path) -> None:
    shutil.copy(one_shard_base, tmp_path / "own.db")
    arguments = (WINE, "--target", "cultivar", "--db", "own.db", "--algorithms", QUICK)
    before = json.loads(autometa("recommend", *arguments, "--format", "json").stdout)
    done = autometa("fit", *arguments, "--trials", "3", "--record", "--format", "json")
    assert done.returncode == 0, done.stderr
    after = json.loads(autometa("recommend", *arguments, "--format", "json").stdout)
    best = json.loads(done.stdout)["leaderboard"][0]
    assert after["recommendations"][0]["key"] == best["key"]
    assert after["recommendations"][0]["predicted_score"] == pytest.approx(best["score"], rel=1e-5)
    assert before["recommendations"][0]["predicted_score"] != after["recommendations"][0]["predicted_score"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--time", "-1"), "--time must be 0 or more seconds"),
        (("--jobs", "0"), "a number of cores is positive"),
        (("-o", "no/model.skops"), "cannot write the model: there is no folder no"),
        (("--target", "nothing"), "no column 'nothing'"),
        (("--metric", "speed"), "no metric 'speed'"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_line(
    arguments: tuple[str, ...], message: str, autometa: Command, one_shard_base: Path
) -> None:
    target = () if "--target" in arguments else ("--target", "cultivar")
    done = autometa("fit", WINE, *target, "--db", str(one_shard_base), *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_model_file_is_not_replaced_unasked(autometa: Command, model: Path) -> None:
    before = model.read_bytes()
    done = autometa("fit", WINE, "--target", "cultivar", "-o", "model.skops")
    assert (done.returncode, "exists; give another name, or --force" in done.stderr) == (2, True)
    assert model.read_bytes() == before


def test_the_command_in_the_card_holds_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["autometa", "fit", "d.csv", "--db", "postgresql://me:secret@server/runs"])
    assert command_line() == "autometa fit d.csv --db 'postgresql://***@server/runs'"
    monkeypatch.setattr("sys.argv", ["autometa", "fit", "d.csv", "--db=postgresql://me:secret@server/runs"])
    assert "secret" not in command_line()


def test_a_scorer_of_scikit_learn_is_named_in_the_card(autometa: Command, one_shard_base: Path) -> None:
    done = autometa(
        *("fit", WINE, "--target", "cultivar", "--trials", "2", "--algorithms", QUICK, "--db", str(one_shard_base)),
        *("--metric", "f1_weighted", "-o", "own.skops"),
    )
    assert done.returncode == 0, done.stderr
    card = json.loads(autometa("leaderboard", "own.skops", "--format", "json").stdout)
    assert (card["metric"], card["importances_metric"]) == ("f1_weighted", "log_loss")
    assert 0.9 < card["score"] <= 1.0
    predicted = autometa("predict", "own.skops", WINE, "-o", "predicted.csv")
    assert predicted.returncode == 0, predicted.stderr
    evaluated = autometa("evaluate", "own.skops", WINE, "--format", "json")
    assert evaluated.returncode == 0, evaluated.stderr
