"""`autometa leaderboard`."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from autometa.cli.models import leaderboard_notes
from tests.cli.model_files import Ran, ran, save_model

__all__ = ["ran"]


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    size = np.sin(np.arange(80))
    frame = pd.DataFrame({"size": size, "noise": np.cos(np.arange(80) * 7), "y": np.where(size > 0, "up", "down")})
    save_model(frame, tmp_path / "model.skops", target="y", name="waves")
    return tmp_path / "model.skops"


@pytest.mark.usefixtures("model_file")
def test_the_card_is_shown_for_people(ran: Ran) -> None:
    code, out, err = ran("leaderboard", "model.skops")
    assert (code, err) == (0, "")
    for line in (
        "- binary: predicts y of 2 columns",
        "- trained on 80 rows of waves [",
        "- cross-validated roc_auc: 0.8750 (+- 0.0125 over the folds)",
        "- made of: decision_tree",
        ": autometa fit waves",
    ):
        assert line in out
    assert [line.split()[:2] for line in out.split("rank")[1].splitlines()[1:3]] == [
        ["1", "decision_tree"],
        ["2", "ridge"],
    ]
    assert out.split("roc_auc lost if shuffled")[1].splitlines()[1].startswith("size")
    assert "- pruned: given up on a part of the rows or folds; such scores do not compare" in out
    assert leaderboard_notes([{"rank": 1, "status": "ok"}, {"status": "failed"}]) == []


def test_a_score_on_rows_held_out_once_is_not_called_cross_validated(ran: Ran, tmp_path: Path) -> None:
    frame = pd.DataFrame({"size": np.arange(40.0), "y": np.where(np.arange(40) > 20, "up", "down")})
    save_model(frame, tmp_path / "model.skops", score_std=None, target="y", name="steps")
    out = ran("leaderboard", "model.skops")[1]
    assert "- roc_auc on rows held out: 0.8750\n" in out
    assert "cross-validated" not in out


def test_columns_that_look_like_identifiers_are_counted_apart(ran: Ran, tmp_path: Path) -> None:
    rows = np.arange(80)
    frame = pd.DataFrame({"id": [f"r{row:05d}" for row in rows], "size": np.sin(rows), "y": ["up", "down"] * 40})
    save_model(frame, tmp_path / "model.skops", target="y")
    assert "- binary: predicts y of 1 column, 1 left out as identifier\n" in ran("leaderboard", "model.skops")[1]


def test_columns_whose_part_was_not_measured_are_not_passed_over(ran: Ran, tmp_path: Path) -> None:
    frame = pd.DataFrame({"size": np.arange(60.0), "y": np.arange(60.0)})
    save_model(frame, tmp_path / "model.skops", target="y", max_seconds=0.0)
    assert "- which columns it rests on was not measured" in ran("leaderboard", "model.skops")[1]


@pytest.mark.usefixtures("model_file")
def test_the_json_is_the_card(ran: Ran) -> None:
    content = json.loads(ran("leaderboard", "model.skops", "-f", "json")[1])
    assert content["made_here"] is True
    assert (content["score"], content["score_std"], content["metric"]) == (0.875, 0.0125, "roc_auc")
    assert [row["algorithm"] for row in content["leaderboard"]] == ["decision_tree", "ridge"]
    assert content["importances"][0]["column"] == "size"
    assert set(content) >= {"autometa", "created_at", "command", "fingerprint", "n_rows", "columns", "libraries"}


@pytest.mark.usefixtures("model_file")
def test_the_card_of_another_is_shown_and_said_to_be_so(
    ran: Ran, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("other")))
    code, out, _ = ran("leaderboard", "model.skops")
    assert code == 0
    assert "- not made by you on this machine, so all of this is what its maker says" in out


def test_what_is_no_model_file_is_refused_in_one_line(ran: Ran) -> None:
    Path("a.skops").write_text("no zip")
    code, out, err = ran("leaderboard", "a.skops")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "'a.skops' is no readable model file" in err
