"""`autometa fewshot`: train, status, evaluate."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from autometa.cli.main import app
from autometa.fewshot.deep_recommender import DeepKernelGP
from autometa.fewshot.training import Effort
from autometa.fewshot.weights import load_arrays
from autometa.knowledge.base import KnowledgeBase
from autometa.metric import get_metric
from autometa.pipelines.building import PIPELINES_VERSION
from autometa.task_kind import TaskKind

KIND = ("--kind", "multiclass", "--rounds", "1")


@pytest.fixture
def _own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["fewshot", *arguments])
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def refusal(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["fewshot", *arguments], standalone_mode=False)
    assert result.exception is not None
    return str(result.exception)


@pytest.mark.usefixtures("_own_data")
def test_weights_are_kept_shown_and_taken_up_where_the_runs_are_the_same(one_shard_base: Path) -> None:
    db = ("--db", str(one_shard_base))
    assert json.loads(run("status", "-f", "json")) == []
    assert "autometa fewshot train" in CliRunner().invoke(app, ["fewshot", "status"]).stderr
    made = json.loads(run("train", *KIND, *db, "-f", "json"))
    arrays, card = load_arrays(made["file"])
    assert card["learner"] == "deep_kernel"
    assert card["n_tasks"] == made["tasks"]
    (row,) = json.loads(run("status", "-f", "json"))
    assert row["file"] == made["file"]
    assert row["loss"] == pytest.approx(card["figures"]["loss"])
    with KnowledgeBase(one_shard_base) as base:
        experience = base.experience(
            TaskKind.MULTICLASS,
            get_metric("auto", TaskKind.MULTICLASS),
            protocol="cv-v1",
            pipelines_version=PIPELINES_VERSION,
        )
    taken_up = DeepKernelGP().fit(experience)
    assert not hasattr(taken_up, "trained_"), "nothing was trained"
    assert all((taken_up.state()[name] == value).all() for name, value in arrays.items())
    short = Effort(n_rounds=1, n_steps=1)
    others = {
        "of other runs": DeepKernelGP(short).fit(experience.without([experience.families[0]])),
        "by another seed": DeepKernelGP(short).fit(experience, 1),
        "where it is measured": DeepKernelGP(short).fit_anew(experience),
    }
    assert [case for case, each in others.items() if not hasattr(each, "trained_")] == []
    file = Path(made["file"])
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    (row,) = json.loads(run("status", "-f", "json"))
    assert "was changed" in row["refused"]


@pytest.mark.usefixtures("_own_data")
def test_it_is_evaluated_on_families_that_were_left_out(one_shard_base: Path, tmp_path: Path) -> None:
    db = ("--db", str(one_shard_base))
    file = tmp_path / "net.safetensors"
    run("train", *KIND, *db, "--leave-out", "judgement", "--out", str(file))
    left_out = load_arrays(file)[1]["left_out"]
    assert left_out
    rows = json.loads(run("evaluate", *KIND, *db, "-f", "json"))
    assert [row["learner"] for row in rows] == ["deep_kernel", "average"]
    assert rows[0]["tasks"] == rows[1]["tasks"] >= len(left_out)
    assert rows[0]["loss"] < rows[1]["loss"], "results tell something"


def test_what_makes_no_sense_is_refused_in_one_line(one_shard_base: Path) -> None:
    db = ("--db", str(one_shard_base))
    assert "no meta-learner 'nonsense'" in refusal("train", "--learner", "nonsense", *db)
    assert "no device 'abacus'" in refusal("train", "--device", "abacus", *db)
    assert "no families 'some'" in refusal("train", "--leave-out", "some", *db)
    assert "positive" in refusal("train", "--rounds", "0", *db)


def test_without_torch_the_extra_is_named_and_all_else_works(tmp_path: Path) -> None:
    script = (
        "import sys, importlib.util\n"
        "find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *more: None if name == 'torch' else find(name, *more)\n"
        "sys.modules['torch'] = None\n"
        "from autometa.cli.main import main\n"
        "sys.argv = ['autometa', *sys.argv[1:]]\n"
        "main()\n"
    )

    def without_torch(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False)

    refused = without_torch("fewshot", "train")
    assert refused.returncode == 2
    assert refused.stderr.strip().count("\n") == 0
    assert "autometa-ml[fewshot]" in refused.stderr
    assert without_torch("fewshot", "status", "-f", "json").returncode == 0
