"""`autometa fewshot train-encoder`: an encoder of one's own, in force in place of the shipped one."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from autometa._paths import data_path
from autometa.cli.main import app
from autometa.fewshot.encoder.inference import encoder_in_force, own_path, shipped_encoder
from autometa.fewshot.weights import load_arrays
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.exchange import import_shard

WINE = ("data/examples/wine.csv", "--target", "cultivar")


@pytest.fixture(autouse=True)
def _own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture
def base(one_shard_base: Path, tmp_path: Path) -> str:
    """Return a base of one's own, to be written to, with the embeddings by the shipped encoder."""
    path = shutil.copy(one_shard_base, tmp_path / "own.db")
    with KnowledgeBase(path) as base:
        import_shard(base, data_path("knowledge", "embeddings-2-001.parquet"))
    return str(path)


def run(*arguments: str) -> tuple[str, str]:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout, result.stderr


def test_tasks_are_compared_by_ones_own_encoder_as_long_as_its_file_is_there(base: str) -> None:
    similar = ("similar", *WINE, "--db", base, "-k", "5", "-f", "json")
    shipped = json.loads(run(*similar)[0])
    said, told = run("fewshot", "train-encoder", "--rounds", "1", "--db", base, "-f", "json")
    made = json.loads(said)
    assert "the branch that reads tables is not trained" in told
    assert made["file"] == str(own_path())
    assert made["embeddings stored"] == made["tasks"] > 20
    own = json.loads(run(*similar)[0])
    assert own["by"] == shipped["by"] == "embedding"
    assert [each["similarity"] for each in own["similar"]] != [each["similarity"] for each in shipped["similar"]]
    (row,) = json.loads(run("fewshot", "status", "-f", "json")[0])
    assert (row["learner"], row["tasks"]) == ("encoder", made["tasks"])
    own_path().unlink()
    assert json.loads(run(*similar)[0]) == shipped


def test_a_file_that_is_no_encoder_leaves_the_shipped_one_in_force(base: str) -> None:
    own_path().parent.mkdir(parents=True)
    own_path().write_bytes(b"nonsense")
    assert encoder_in_force() is shipped_encoder()
    assert json.loads(run("similar", *WINE, "--db", base, "-k", "1", "-f", "json")[0])["by"] == "embedding"


def test_known_tables_are_learned_from_and_families_can_be_left_out(base: str, tmp_path: Path) -> None:
    run("kb", "grow", "--from", "data/examples/wine.csv", "--candidates", "1", "--db", base)
    file = tmp_path / "encoder.safetensors"
    options = ("--leave-out", "judgement", "--out", str(file), "--rounds", "1", "--db", base, "-f", "json")
    made = json.loads(run("fewshot", "train-encoder", "--from", "data/examples", *options)[0])
    assert (made["tables"], made["embeddings stored"], own_path().exists()) == (1, 0, False)
    assert made["families left out"] == len(load_arrays(file)[1]["left_out"]) > 0


def test_too_few_tasks_and_no_such_families_are_one_line(tmp_path: Path) -> None:
    few = str(tmp_path / "few.db")
    run("kb", "create", "--empty", "--db", few)
    for arguments, words in (((), "an encoder needs 20 tasks"), (("--leave-out", "some"), "no families 'some'")):
        result = CliRunner().invoke(app, ["fewshot", "train-encoder", *arguments, "--db", few], standalone_mode=False)
        assert words in str(result.exception)
