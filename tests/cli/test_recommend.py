"""`autometa recommend`, run as a user runs it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from autometa.cli.drawing import seconds_words
from autometa.pipelines.building import build
from autometa.reading import read_task
from autometa.space import Configuration
from tests.conftest import Command

ITEM = {"rank", "algorithm", "hyperparameters", "key", "predicted_score", "interval", "fit_seconds", "memory_bytes"}
ITEM |= {"gain", "reasons", "evidence"}
EXPLANATION = {"regret_before", "regret_after", "n_tried", "n_close", "n_similar", "n_similar_close", "similar_share"}
EXPLANATION |= {"versus_default", "metafeatures"}
TASK = {"name", "kind", "target", "n_rows", "n_columns", "metric", "fingerprint"}


def adding(content: dict[str, Any]) -> list[str]:
    """Return the reasons that tell what a pipeline adds to those before it."""
    reasons = (reason for item in content["recommendations"] for reason in item["reasons"])
    return [reason for reason in reasons if reason.startswith("lowers the mean regret")]


def test_the_json_has_the_documented_shape(autometa: Command, examples: Path) -> None:
    result = autometa("recommend", str(examples / "breast_cancer.csv"), "--target", "diagnosis", "--format", "json")
    assert result.returncode == 0, result.stderr
    content = json.loads(result.stdout)
    assert set(content) == {"task", "known_tasks", "novelty", "recommendations", "notes", "probe"}
    assert set(content["task"]) == TASK
    assert content["task"]["kind"] == "binary"
    assert content["task"]["metric"] == "roc_auc"
    assert all(set(known) == {"name", "distance"} for known in content["known_tasks"])
    assert content["probe"] is None
    assert 0 <= content["novelty"] <= 1
    assert [item["rank"] for item in content["recommendations"]] == list(range(1, 11))
    for item in content["recommendations"]:
        assert set(item) == ITEM
        low, high = item["interval"]
        assert low <= item["predicted_score"] <= high
        assert item["fit_seconds"] > 0
        assert 1e6 < item["memory_bytes"] < 1e9
        assert item["reasons"]
        assert item["evidence"]
    assert "lowers the mean regret of the advice so far from 1.00 to " in content["recommendations"][0]["reasons"][-1]


def test_a_probe_measures_the_advice_and_defaults_and_advises_the_best_first(autometa: Command, examples: Path) -> None:
    arguments = ("recommend", str(examples / "wine.csv"), "--metric", "accuracy", "-k", "4", "-f", "json")
    content = json.loads(autometa(*arguments, "--probe", "12").stdout)
    probe = content["probe"]
    assert set(probe) == {"seconds", "n_rows", "first", "runs"}
    assert all(set(run) == {"algorithm", "hyperparameters", "key", "status", "score", "error"} for run in probe["runs"])
    assert probe["n_rows"] == 178
    assert probe["first"] == json.loads(autometa(*arguments).stdout)["recommendations"][0]["key"]
    assert probe["runs"][0]["key"] == probe["first"]
    scores = {run["key"]: run["score"] for run in probe["runs"] if run["status"] == "ok"}
    assert len(scores) >= 2
    first = content["recommendations"][0]
    assert first["predicted_score"] == max(scores.values())
    assert scores[first["key"]] == max(scores.values())
    assert len(content["recommendations"]) == 4
    assert any(note.startswith("probed in ") for note in content["notes"])
    assert not adding(content), "the order is by score then"


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf"])
def test_a_probe_of_no_length_is_refused(autometa: Command, examples: Path, seconds: str) -> None:
    result = autometa("recommend", str(examples / "wine.csv"), "--probe", seconds)
    assert result.returncode == 2
    assert result.stderr.startswith("error: --probe must be positive and finite, got ")
    assert result.stderr.count("\n") == 1


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # an MLP's own, for its user to see
def test_every_advised_pipeline_fits_and_predicts_on_the_table(autometa: Command, examples: Path) -> None:
    path = examples / "breast_cancer.csv"
    content = json.loads(autometa("recommend", str(path), "--target", "diagnosis", "-f", "json").stdout)
    task = read_task(path, target="diagnosis")
    keys = set()
    for item in content["recommendations"]:
        configuration = Configuration(algorithm=item["algorithm"], values=item["hyperparameters"])
        assert configuration.key == item["key"]
        keys.add(configuration.key)
        pipeline = build(configuration, kind=task.kind, column_kinds=task.column_kinds)
        pipeline.fit(task.X.iloc[::3], task.y.iloc[::3])
        assert set(pipeline.predict(task.X.head(5))) <= {"benign", "malignant"}
    assert len(keys) == 10


@pytest.mark.parametrize("name", ["breast_cancer.csv", "wine.csv", "diabetes.csv"])
def test_two_processes_give_the_same_output(autometa: Command, examples: Path, name: str) -> None:
    first = autometa("recommend", str(examples / name), "-f", "json", PYTHONHASHSEED="1")
    second = autometa("recommend", str(examples / name), "-f", "json", PYTHONHASHSEED="2")
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout == second.stdout


def test_the_table_says_what_was_inferred_and_how_to_go_on(autometa: Command, examples: Path) -> None:
    result = autometa("recommend", str(examples / "wine.csv"), "-k", "2")
    assert result.returncode == 0, result.stderr
    for words in ("178 rows x 13 columns", "multiclass", "cultivar", "log_loss", "nearest known tasks", ".build()"):
        assert words in result.stdout
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.0331, "0.033 s"), (0.5, "0.5 s"), (4.26, "4.3 s"), (9.97, "10 s"), (42.4, "42 s"), (600.0, "10 min")],
)
def test_seconds_are_told_in_two_digits(seconds: float, words: str) -> None:
    assert seconds_words(seconds) == words


def test_yaml_and_json_say_the_same(autometa: Command, examples: Path) -> None:
    as_json = autometa("recommend", str(examples / "wine.csv"), "-k", "2", "-f", "json").stdout
    as_yaml = autometa("recommend", str(examples / "wine.csv"), "-k", "2", "-f", "yaml").stdout
    assert yaml.safe_load(as_yaml) == json.loads(as_json)


def test_algorithms_and_fit_time_restrict_the_advice(autometa: Command, examples: Path) -> None:
    path = str(examples / "diabetes.csv")
    only = json.loads(autometa("recommend", path, "--algorithms", "ridge,lightgbm", "-f", "json").stdout)
    assert {item["algorithm"] for item in only["recommendations"]} <= {"ridge", "lightgbm"}
    every = json.loads(autometa("recommend", path, "-k", "9999", "-f", "json").stdout)["recommendations"]
    limit = sorted(item["fit_seconds"] for item in every)[len(every) // 2]
    arguments = ("recommend", path, "-k", "9999", "--max-fit-time", str(limit), "-f", "json")
    fast = json.loads(autometa(*arguments).stdout)["recommendations"]
    assert 0 < len(fast) < len(every)
    assert max(item["fit_seconds"] for item in fast) <= limit


@pytest.mark.parametrize(
    ("cost", "key", "unit", "table", "metric", "unit_of_score"),
    [
        ("time", "fit_seconds", "CPU seconds", "breast_cancer.csv", "roc_auc", None),
        ("memory", "memory_bytes", "bytes", "wine.csv", "log_loss", "nats"),
        ("predict-time", "predict_seconds", "CPU seconds", "diabetes.csv", "mae", "unit of the target"),
    ],
)
def test_a_trade_off_goes_from_the_cheapest_to_the_best(
    autometa: Command,
    examples: Path,
    cost: str,
    key: str,
    unit: str,
    table: str,
    metric: str,
    unit_of_score: str | None,
) -> None:
    arguments = ("recommend", str(examples / table), "-m", metric, "--max-fit-time", "2", "--max-memory", "20MB")
    result = autometa(*arguments, "--trade-off", cost, "-f", "json")
    assert result.returncode == 0, result.stderr
    content = json.loads(result.stdout)
    items, is_greater_better = content["recommendations"], metric == "roc_auc"
    axis, score = content["trade_off"]["axes"]
    assert set(axis) == set(score) == {"key", "words", "unit", "greater_is_better"}
    assert (axis["key"], axis["unit"], axis["greater_is_better"]) == (key, unit, False)
    assert (score["key"], score["unit"]) == ("predicted_score", unit_of_score)
    assert score["greater_is_better"] is is_greater_better
    assert content["trade_off"]["n_unbeaten"] == len(items) + content["trade_off"]["n_left_out"]
    assert 2 <= len(items) <= 10
    assert [item["rank"] for item in items] == list(range(1, len(items) + 1))
    assert all(set(item) == ITEM | {"predict_seconds"} for item in items)
    costs = [item[key] for item in items]
    scores = [item["predicted_score"] * (1 if is_greater_better else -1) for item in items]
    assert costs == sorted(set(costs))
    assert scores == sorted(set(scores)), "what costs more is expected to be better: none is beaten in both"
    assert max(item["fit_seconds"] for item in items) <= 2
    assert max(item["memory_bytes"] for item in items) <= 20e6
    assert any("none is expected to be beaten in both" in note for note in content["notes"])
    assert not any("pipelines were asked for" in note for note in content["notes"])
    assert not adding(content)
    for item in items:
        assert item["gain"] is None
        low, high = item["interval"]
        assert low <= item["predicted_score"] <= high


def test_a_trade_off_is_drawn_and_explained(autometa: Command, examples: Path) -> None:
    arguments = ("recommend", str(examples / "diabetes.csv"), "-k", "3")
    shown = autometa(*arguments, "--trade-off", "predict-time", "--explain")
    assert shown.returncode == 0, shown.stderr
    assert any(line.split()[-3:] == ["fit", "memory", "predict"] for line in shown.stdout.splitlines())
    for words in (
        "expected rmse (unit of the target) against predicted time to predict",
        "speaks ",
    ):
        assert words in shown.stdout
    assert "trade_off='predict-time')[0].build()" in shown.stdout
    assert "such pipelines are left out" in shown.stdout
    one = autometa(*arguments[:2], "-k", "1", "--trade-off", "predict-time")
    assert "trade_off='predict-time', k=1)[0].build()" in one.stdout, "else the first would be the cheapest"


def test_a_trade_off_goes_with_a_named_set_of_algorithms(autometa: Command, examples: Path) -> None:
    arguments = ("recommend", str(examples / "diabetes.csv"), "--algorithms", "interpretable", "-k", "2")
    shown = autometa(*arguments, "--trade-off", "predict-time", "--explain")
    assert shown.returncode == 0, shown.stderr
    assert any(line.split()[-3:] == ["fit", "memory", "predict"] for line in shown.stdout.splitlines())
    assert "expected rmse (unit of the target) against predicted time to predict" in shown.stdout
    assert "trade_off='predict-time')[0].build()" in shown.stdout
    assert "such pipelines are left out" in shown.stdout


def test_another_metric_gives_scores_of_that_metric(autometa: Command, examples: Path) -> None:
    content = json.loads(autometa("recommend", str(examples / "wine.csv"), "-m", "accuracy", "-f", "json").stdout)
    assert content["task"]["metric"] == "accuracy"
    assert all(0 <= item["predicted_score"] <= 1 for item in content["recommendations"])


@pytest.mark.parametrize(
    ("content", "arguments", "words"),
    [
        (None, (), "no such file"),
        (b"", (), "empty"),
        (b"a,b\n1,x\n2,y\n3,x\n", ("--target", "c"), "'c'"),
        (b"a,b\n1,x\n2,x\n3,x\n", ("--target", "b"), "constant"),
        (bytes(range(256)) * 20, (), "x.csv"),
    ],
    ids=["missing file", "empty file", "unknown target", "constant target", "binary junk"],
)
def test_what_cannot_be_used_is_one_line_and_exit_2(
    autometa: Command, tmp_path: Path, content: bytes | None, arguments: tuple[str, ...], words: str
) -> None:
    path = tmp_path / "x.csv"
    if content is not None:
        path.write_bytes(content)
    result = autometa("recommend", str(path), *arguments)
    assert result.returncode == 2
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("error: ")
    assert words in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("-k", "0"), "k must be a whole number of at least 1"),
        (("--metric", "rmse"), "no metric 'rmse' for a multiclass task"),
        (("--algorithms", "magic"), "unknown algorithm 'magic'"),
        (("--recommender", "oracle"), "no recommender 'oracle'"),
        (("--max-fit-time", "1e-9"), "the fastest needs"),
        (("--trade-off", "size"), "no trade-off 'size'; choose one of: time, memory, predict-time"),
        (("--trade-off", "time", "--probe", "5"), "a probe measures a few; ask for one of the two"),
        (("--db", "nowhere.db"), "autometa kb create --db nowhere.db"),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused(
    autometa: Command, examples: Path, arguments: tuple[str, ...], words: str
) -> None:
    result = autometa("recommend", str(examples / "wine.csv"), *arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_table_that_is_known_is_told_so(
    autometa: Command, tmp_path: Path, shipped_base: Path, examples: Path
) -> None:
    own = tmp_path / "own.db"
    own.write_bytes(shipped_base.read_bytes())
    grown = autometa("kb", "grow", "--from", str(examples / "wine.csv"), "--candidates", "3", "--db", str(own))
    assert grown.returncode == 0, grown.stderr
    copy = tmp_path / "renamed.parquet"
    pd.read_csv(examples / "wine.csv").to_parquet(copy)
    content = json.loads(autometa("recommend", str(copy), "-k", "5000", "--db", str(own), "-f", "json").stdout)
    assert any("known table" in note for note in content["notes"])
    measured = [item for item in content["recommendations"] if "measured on this very table" in item["reasons"]]
    assert len(measured) == 3
    shown = autometa("kb", "show", content["task"]["fingerprint"], "--db", str(own), "-f", "json")
    rows = json.loads(shown.stdout)["evaluations"]
    scores = {row["key"]: row["log_loss"] for row in rows}
    assert all(item["predicted_score"] == pytest.approx(scores[item["key"]], rel=1e-5) for item in measured)
    expected = [item["predicted_score"] for item in content["recommendations"]]
    assert expected == sorted(expected), "best first; of log_loss, smaller is better"
    assert not adding(content)


def test_the_python_code_that_is_printed_runs(
    autometa: Command, examples: Path, shipped_base: Path, tmp_path: Path
) -> None:
    arguments = ("recommend", str(examples / "diabetes.csv"), "-t", "progression", "-k", "1", "--ignore-columns", "ldl")
    result = autometa(*arguments, "--algorithms", "ridge", "--metric", "mae", "--db", str(shipped_base))
    code = "\n".join(line.strip() for line in result.stdout.split("use the first in Python")[1].splitlines())
    assert "ignore_columns=['ldl']" in code
    assert "metric='mae'" in code
    names: dict[str, object] = {}
    exec(code, names)
    assert "Ridge" in repr(names["pipeline"])


def test_standard_input_is_read(shipped_base: Path, examples: Path) -> None:
    command = [sys.executable, "-m", "autometa", "recommend", "-", "-k", "1", "-f", "json", "--db", str(shipped_base)]
    with (examples / "wine.csv").open("rb") as file:
        result = subprocess.run(command, stdin=file, capture_output=True, text=True, check=True)
    assert json.loads(result.stdout)["task"]["name"] == "stdin"


def test_origins_that_are_excluded_or_weighted_are_told_and_go_into_the_code(autometa: Command, examples: Path) -> None:
    arguments = ("recommend", str(examples / "wine.csv"), "-k", "1")
    shown = autometa(*arguments, "--weight-origin", "pilot=0.5")
    assert shown.returncode == 0, shown.stderr
    assert "runs weighted: pilot x 0.5" in shown.stdout
    assert "origin_weights={'pilot': 0.5}" in shown.stdout
    refusals = {
        ("--exclude-origin", "pilot", "--exclude-origin", "campaign"): "is left without the runs of: campaign, pilot; ",
        ("--exclude-origin", "pilott"): "no origin 'pilott'; there are: campaign, pilot",
        ("--weight-origin", "pilot"): "not a weight of an origin: 'pilot'; write NAME=0.5",
        ("--weight-origin", "pilot=much"): "not a weight of an origin: 'pilot=much'",
        ("--weight-origin", "=2"): "not a weight of an origin: '=2'",
        ("--weight-origin", "pilot=-1"): "is a number from 0 to 1000, not -1.0",
        ("--weight-origin", "pilot=1", "--weight-origin", "pilot=2"): "has two weights; give one",
        ("--weight-origin", "pilot=1", "--exclude-origin", "pilot"): "both excluded and weighted",
    }
    for options, words in refusals.items():
        refused = autometa(*arguments, *options)
        assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
        assert words in refused.stderr


def test_explain_adds_to_the_json_and_to_the_table(autometa: Command, examples: Path) -> None:
    arguments = ("recommend", str(examples / "breast_cancer.csv"), "-t", "diagnosis", "-k", "3")
    plain = json.loads(autometa(*arguments, "-f", "json").stdout)
    content = json.loads(autometa(*arguments, "--explain", "-f", "json").stdout)
    assert set(content.pop("attribution")) == {"skill", "n_tasks"}
    for item in content["recommendations"]:
        explanation = item.pop("explanation")
        assert set(explanation) == EXPLANATION
        assert set(explanation["versus_default"]) == {"n_tasks", "n_better", "n_worse", "median_reduction"}
        for move in explanation["metafeatures"]:
            names = {"name", "meaning", "value", "share_below", "share_equal", "n_tasks", "contribution"}
            assert set(move) == names
    assert content == plain, "nothing else changes"
    shown = autometa(*arguments, "--explain")
    assert shown.returncode == 0, shown.stderr
    for words in ("most similar known tasks", "than LightGBM's default on", "speaks ", "autometa kb show FINGERPRINT"):
        assert words in shown.stdout
    fingerprint = content["recommendations"][0]["evidence"][0]["fingerprint"][:12]
    assert f"[{fingerprint}]" in shown.stdout
    assert autometa("kb", "show", fingerprint).returncode == 0
