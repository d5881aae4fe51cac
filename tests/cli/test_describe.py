"""`autometa describe`, run as a user runs it."""

import json
import math
from pathlib import Path

import pandas as pd

import autometa as package
from autometa.metafeatures import names
from tests.conftest import Command


def test_everything_that_is_seen_in_a_table_is_shown(autometa: Command, examples: Path) -> None:
    result = autometa("describe", str(examples / "wine.csv"), "-f", "json")
    assert result.returncode == 0, result.stderr
    content = json.loads(result.stdout)
    assert set(content) == {"task", "columns", "metafeatures", "failures", "known_tasks", "novelty", "notes"}
    assert set(content["metafeatures"]) == set(names())
    assert content["metafeatures"]["nr_inst"] == 178
    assert content["failures"] == {}
    assert [column["kind"] for column in content["columns"]] == ["numeric"] * 13
    assert all(column["n_missing"] == 0 for column in content["columns"])
    assert any("cultivar" in note for note in content["notes"])


def test_the_python_function_gives_the_same_features(autometa: Command, examples: Path) -> None:
    printed = json.loads(autometa("describe", str(examples / "diabetes.csv"), "-f", "json").stdout)["metafeatures"]
    series = package.describe(examples / "diabetes.csv")
    assert series.name == "diabetes"
    for name, value in series.items():
        assert (printed[name] is None and math.isnan(value)) or printed[name] == value


def test_without_knowledge_a_table_is_still_described(autometa: Command, examples: Path) -> None:
    assert autometa("kb", "create", "--empty", "--db", "empty.db").returncode == 0
    result = autometa("describe", str(examples / "wine.csv"), "--db", "empty.db", "-f", "json")
    content = json.loads(result.stdout)
    assert (content["known_tasks"], content["novelty"]) == ([], 1.0)
    assert any("no multiclass task" in note for note in content["notes"])


def test_options_of_reading_are_taken(autometa: Command, examples: Path) -> None:
    arguments = ("--ignore-columns", "ash,hue", "--categorical", "alcohol", "--max-rows", "100", "-f", "json")
    content = json.loads(autometa("describe", str(examples / "wine.csv"), *arguments).stdout)
    kinds = {column["name"]: column["kind"] for column in content["columns"]}
    assert "ash" not in kinds
    assert kinds["alcohol"] == "categorical"
    assert content["task"]["n_rows"] == 100


def test_an_identifier_is_shown_as_one_and_not_counted(autometa: Command, examples: Path, tmp_path: Path) -> None:
    table = pd.read_csv(examples / "wine.csv").assign(bottle=lambda wine: range(len(wine)))
    table.to_csv(tmp_path / "wine.csv", index=False)
    arguments = ("describe", "wine.csv", "-t", "cultivar")
    content = json.loads(autometa(*arguments, "-f", "json").stdout)
    assert content["columns"][-1] == {"name": "bottle", "kind": "identifier", "n_missing": 0, "n_distinct": 178}
    assert (content["task"]["n_columns"], content["metafeatures"]["nr_attr"]) == (13, 13)
    assert "looks like an identifier, left out of every pipeline: 'bottle'" in content["notes"]
    printed = autometa(*arguments).stdout
    assert "wine: 178 rows x 13 columns (13 numeric), 1 left out as identifier" in printed
    forced = json.loads(autometa(*arguments, "--categorical", "bottle", "-f", "json").stdout)
    assert (forced["columns"][-1]["kind"], forced["task"]["n_columns"]) == ("categorical", 14)
