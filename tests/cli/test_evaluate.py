"""`autometa evaluate`."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.metrics import log_loss, roc_auc_score, root_mean_squared_error

from tests.cli.model_files import Ran, ran, save_model

__all__ = ["ran"]


def table(n_rows: int = 150, seed: int = 0) -> pd.DataFrame:
    """Return rows of a noisy target of two classes, 1 and 2."""
    rng = np.random.default_rng(seed)
    size = rng.normal(size=n_rows)
    return pd.DataFrame({"size": size, "y": np.where(size + rng.normal(size=n_rows) > 0, 2, 1)})


def test_every_metric_is_that_of_scikit_learn(ran: Ran, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autometa.cli.evaluate.CHUNK_ROWS", 40)
    model = save_model(table(), tmp_path / "model.skops", "logistic_regression", target="y")
    test = table(101, seed=1)
    test.astype({"y": "Int64"}).assign(y=lambda t: t["y"].mask(t.index == 7)).to_csv("test.csv", index=False)
    code, out, err = ran("evaluate", "model.skops", "test.csv", "-f", "json")
    assert (code, err) == (0, "")
    content = json.loads(out)
    kept = test.drop(index=7)
    given = model.predict_proba(kept)
    assert (content["kind"], content["target"], content["metric"]) == ("binary", "y", "roc_auc")
    assert (content["n_rows"], content["n_without_target"], content["absent"]) == (100, 1, {})
    assert content["is_training_table"] is False
    assert set(content["scores"]) == {"accuracy", "balanced_accuracy", "f1_macro", "roc_auc", "log_loss"}
    assert content["scores"]["roc_auc"] == pytest.approx(roc_auc_score(kept["y"], given[:, 1]))
    assert content["scores"]["log_loss"] == pytest.approx(log_loss(kept["y"], given))
    assert content["scores"]["accuracy"] == pytest.approx(np.mean(model.predict(kept) == kept["y"]))
    assert yaml.safe_load(ran("evaluate", "model.skops", "test.csv", "-f", "yaml")[1]) == content
    printed = ran("evaluate", "model.skops", "test.csv")[1]
    assert f"roc_auc *          {content['scores']['roc_auc']:.4f}  greater" in printed
    assert "- 100 rows; *: the metric that the model was chosen by" in printed
    assert "- left out, for 'y' is missing: 1 row\n" in printed


def test_numbers_are_scored(ran: Ran, tmp_path: Path) -> None:
    frame = pd.DataFrame({"size": np.sin(np.arange(60)), "price": np.sin(np.arange(60)) * 3 + np.cos(np.arange(60))})
    model = save_model(frame, tmp_path / "model.skops", "ridge", target="price")
    frame.to_csv("test.csv", index=False)
    scores = json.loads(ran("evaluate", "model.skops", "test.csv", "-f", "json")[1])["scores"]
    assert set(scores) == {"rmse", "mae", "r2"}
    assert scores["rmse"] == pytest.approx(root_mean_squared_error(frame["price"], model.predict(frame)))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("size,y\n1,1\n2,3\n", "the target 'y' holds what was no class in training: '3'; the classes are '1', '2'"),
        ("size,z\n1,1\n", "there is no target column 'y'"),
        ("size,y\n1,\n2,?\n", "all values of the target 'y' are missing; give a table that has it"),
        ("y,other\n1,1\n", "'test.csv' lacks the column 'size' that the model was trained on"),
    ],
)
def test_what_cannot_be_scored_is_refused_in_one_line(content: str, message: str, ran: Ran, tmp_path: Path) -> None:
    save_model(table(), tmp_path / "model.skops", target="y")
    Path("test.csv").write_text(content)
    code, out, err = ran("evaluate", "model.skops", "test.csv")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("error: ")
    assert message in err


def test_a_metric_that_the_rows_do_not_define_is_absent_with_its_reason(ran: Ran, tmp_path: Path) -> None:
    save_model(table(), tmp_path / "model.skops", target="y")
    Path("test.csv").write_text("size,y\n1,1\n2,1\n")
    content = json.loads(ran("evaluate", "model.skops", "test.csv", "-f", "json")[1])
    assert "roc_auc" not in content["scores"]
    assert content["absent"]["roc_auc"] == "undefined in a table of one class"
    shown = ran("evaluate", "model.skops", "test.csv")[1]
    assert "- roc_auc: undefined" in shown
    assert "*" not in shown, "the metric that the model was chosen by has no line"


@pytest.mark.parametrize("case", ["the same", "other rows", "other order", "other format", "sampled"])
def test_the_training_table_is_told_to_be_no_test(ran: Ran, tmp_path: Path, case: str) -> None:
    frame = table().assign(
        row=[f"r{row:05d}" for row in range(150)], grade=[row % 3 for row in range(150)], note="x", left=0.5
    )
    frame["left"] += np.arange(150)
    options: dict[str, Any] = {"target": "y", "ignore_columns": ["left"], "categorical": ["grade"]}
    save_model(frame, tmp_path / "model.skops", **options, max_rows=100 if case == "sampled" else None)
    data = "test.parquet" if case == "other format" else "test.csv"
    if case == "other format":
        frame.to_parquet(data)
    else:
        changed = {"other rows": frame.assign(size=frame["size"] + 1), "other order": frame[frame.columns[::-1]]}
        changed.get(case, frame).to_csv(data, index=False)
    content = json.loads(ran("evaluate", "model.skops", data, "-f", "json")[1])
    assert content["is_training_table"] is (case != "other rows")
    shown = ran("evaluate", "model.skops", data)[1]
    assert ("- the very table that the model was fitted on, so this is no test; " in shown) is (case != "other rows")
