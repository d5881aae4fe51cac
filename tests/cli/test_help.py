"""Every command has help with an example that runs."""

import re
import shlex
import shutil
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from autometa._paths import data_path
from autometa.cli.main import app
from autometa.knowledge import shipped
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.shards import SCHEMA
from autometa.metafeatures import EXTRACTION_VERSION, MetaFeatures
from autometa.task import Task
from autometa.task_kind import TaskKind
from tests.cli.model_files import save_model
from tests.openml_server import OpenMLServer
from tests.sources.openml_runs import Desk, Runs, add_runs, add_tasks
from tests.sources.published import write_oboe

# In an order in which each finds what it needs.
COMMANDS = (
    "kb create",
    "kb grow",
    "kb status",
    "kb list",
    "kb show",
    "kb export",
    "kb import",
    "kb merge",
    "kb import-openml",
    "kb publish-openml",
    "kb remove",
    "kb doctor",
    "kb upgrade",
    "benchmark import",
    "benchmark replay",
    "benchmark judge",
    "fewshot train",
    "fewshot train-encoder",
    "fewshot status",
    "fewshot evaluate",
    "describe",
    "similar",
    "recommend",
    "explain",
    "fit",
    "predict",
    "evaluate",
    "leaderboard",
    "export",
)


def _help_of(command: str) -> str:
    result = CliRunner().invoke(app, [*command.split(), "--help"], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    return result.output


def _commands_in_help(*group: str) -> set[str]:
    words = CliRunner().invoke(app, [*group, "--help"], env={"COLUMNS": "200"}).output.split("Commands")[1]
    return set(re.findall(r"^\W*([a-z][a-z-]+)\s{2,}", words, flags=re.MULTILINE))


def test_every_command_is_in_the_list() -> None:
    groups = ("kb", "benchmark", "fewshot")
    found = {f"{group} {name}" for group in groups for name in _commands_in_help(group)}
    found |= _commands_in_help() - set(groups)
    assert found == set(COMMANDS)


def test_the_example_of_every_command_runs(
    tmp_path: Path, examples: Path, openml_here: OpenMLServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(examples, tmp_path / "data" / "examples")
    shipping = tmp_path / "shipping"
    _write_small_shard(shipping)
    monkeypatch.setattr(shipped, "data_path", lambda name: shipping)  # all that is shipped would only take longer
    base = tmp_path / "knowledge.db"
    shipped.create_filled(base)
    _add_sonar(base)
    write_oboe(tmp_path / "oboe")
    add_tasks(openml_here, (3, 31))
    add_runs(openml_here, Runs(tasks=(3, 31), n_runs=8, n_setups=4))
    Desk(openml_here)
    save_model(examples / "wine.csv", tmp_path / "model.skops")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AUTOMETA_DATABASE_URL", str(base))
    for command in COMMANDS:
        examples_found = re.findall(r"(autometa \S.*?)\s*$", _help_of(command).split("Example:")[1], re.MULTILINE)
        arguments = shlex.split(examples_found[0])[1:]
        assert " ".join(arguments).startswith(command)
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, (command, result.output, result.exception)
        assert result.stdout.strip()


def _write_small_shard(folder: Path) -> None:
    """Write the shipped runs on twelve tasks of each kind into a folder."""
    rows = pq.read_table(data_path("knowledge", "campaign-1-003.parquet")).to_pylist()
    kept: set[str] = set()
    for kind in TaskKind:
        kept.update([row["fingerprint"] for row in rows if row["record"] == "task" and row["kind"] == kind][:12])
    evaluations = [row for row in rows if row["record"] == "evaluation" and row["fingerprint"] in kept]
    kept |= {row["key"] for row in evaluations}
    rest = [row for row in rows if row["record"] != "evaluation" and kept & {row["fingerprint"], row["key"]}]
    folder.mkdir()
    pq.write_table(pa.Table.from_pylist([*evaluations, *rest], schema=SCHEMA), folder / "small.parquet")


def _add_sonar(place: Path) -> None:
    """Add the task that examples name, of which the small shard has no runs."""
    X = pd.DataFrame({"echo": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]})
    task = Task(name="sonar", X=X, y=pd.Series(list("RMRMRM")), kind=TaskKind.BINARY, target="rock")
    with KnowledgeBase(place) as base:
        base.add_task(task, MetaFeatures(values={}, failures={}, seconds={}, version=EXTRACTION_VERSION))


def test_without_a_command_the_help_is_shown() -> None:
    assert "recommend" in CliRunner().invoke(app, []).output


def test_the_version_is_printed() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert re.fullmatch(r"autometa \d+\.\d+\.\d+\n", result.output)
