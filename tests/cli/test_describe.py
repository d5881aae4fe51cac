"""`autometa describe`, run as a user runs it."""

import csv
import json
import math
from pathlib import Path

import numpy as np
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


def test_all_that_is_noted_is_shown(autometa: Command, tmp_path: Path) -> None:
    n = 400
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "customer_id": rng.permutation(10 * n)[:n],
            "size": rng.normal(size=n),
            "wild": np.where(np.arange(n) % 50 == 0, np.inf, rng.normal(size=n)),
            "void": None,
            "flat": 7,
            "mixed": np.where(np.arange(n) % 3 == 0, "x", (np.arange(n) % 5).astype(str)),
            "day": pd.date_range("2024-01-01", periods=n).strftime("%d.%m.%Y"),
        }
    )
    table["price"] = np.round(100 * (table["size"] + rng.normal(size=n)), 2)
    table["tax"] = table["price"] / 5
    table.loc[:9, "price"] = None
    table = pd.concat([table, table.iloc[10:60].assign(customer_id=range(90_000, 90_050))])
    table.to_csv(tmp_path / "houses.csv", index=False, sep=";", encoding="utf-16", quoting=csv.QUOTE_NONNUMERIC)
    arguments = ("describe", "houses.csv", "-t", "price", "--max-rows", "300")
    expected = [
        "the text is UTF-16",
        "fields are separated by a semicolon",
        "left out, for the target 'price' is missing or infinite: 10 rows",
        "regression, since 'price' has ",
        "infinite values read as missing: 'wild'",
        "left out, for all values are missing: 'void'",
        "constant, left out: 'flat'",
        "values of several types read as strings: 'mixed'",
        "strings read as dates, day.month.year: 'day'",
        "looks like an identifier, left out of every pipeline: 'customer_id'",
        "predicts the target 'price' alone, perhaps a leak: 'tax'",
        "holds dates, random folds may flatter if the future is to be predicted: 'day'",
        "50 rows (11.4%) repeat an earlier one to six digits, target included, identifiers aside; ",
        "sampled, stratified by the target: 300 of 440 rows",
    ]
    content = json.loads(autometa(*arguments, "-f", "json").stdout)
    printed = autometa(*arguments).stdout
    for note in expected:
        assert sum(line.startswith(note) for line in content["notes"]) == 1, note
        assert f"- {note}" in printed
    assert {column["name"]: column["kind"] for column in content["columns"]} == {
        "customer_id": "identifier",
        "size": "numeric",
        "wild": "numeric",
        "mixed": "categorical",
        "day": "datetime",
        "tax": "numeric",
    }


def test_kind_and_positive_class_can_be_asked_for(autometa: Command, tmp_path: Path) -> None:
    table = pd.DataFrame({"size": np.sin(np.arange(60)), "rooms": np.arange(60) % 2 + 1})
    table.to_csv(tmp_path / "houses.csv", index=False)
    described = json.loads(autometa("describe", "houses.csv", "--task", "regression", "-f", "json").stdout)
    assert described["task"]["kind"] == "regression"
    assert "regression, as asked for; 'rooms' has 2 distinct whole numbers in 60 rows" in described["notes"]
    described = json.loads(autometa("describe", "houses.csv", "--positive-class", "2", "-f", "json").stdout)
    assert described["task"]["kind"] == "binary"
    assert "positive class: 2, as asked for" in described["notes"]


def test_figures_are_set_for_people(autometa: Command, tmp_path: Path) -> None:
    table = pd.DataFrame({"size": np.sin(np.arange(60)), "rooms": np.arange(60) % 2 + 1})
    table.to_csv(tmp_path / "houses.csv", index=False)
    printed = autometa("describe", "houses.csv").stdout
    assert "houses: 60 rows x 1 column (1 numeric)" in printed
    figures = dict(line.split()[:2] for line in printed.split("meta-feature")[1].splitlines()[1:])
    assert (figures["nr_class"], figures["majority_share"], figures["ridge_rmse"]) == ("2", "0.5000", "?")
    assert "- ?: not defined for this table, or not for this kind of task" in printed
