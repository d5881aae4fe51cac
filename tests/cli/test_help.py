"""Every command has help with an example that runs."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from autometa.cli.main import app
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
    tmp_path: Path,
    shipped_base: Path,
    one_shard_base: Path,
    examples: Path,
    openml_here: OpenMLServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shutil.copytree(examples, tmp_path / "data" / "examples")
    base = tmp_path / "knowledge.db"
    shutil.copy(shipped_base, base)
    write_oboe(tmp_path / "oboe")
    add_tasks(openml_here, (3, 31))
    add_runs(openml_here, Runs(tasks=(3, 31), n_runs=8, n_setups=4))
    Desk(openml_here)
    save_model(examples / "wine.csv", tmp_path / "model.skops")
    monkeypatch.chdir(tmp_path)
    for command in COMMANDS:
        monkeypatch.setenv(
            "AUTOMETA_DATABASE_URL", str(one_shard_base if command.startswith(("benchmark", "fewshot")) else base)
        )
        examples_found = re.findall(r"(autometa \S.*?)\s*$", _help_of(command).split("Example:")[1], re.MULTILINE)
        arguments = shlex.split(examples_found[0])[1:]
        assert " ".join(arguments).startswith(command)
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, (command, result.output, result.exception)
        assert result.stdout.strip()


def test_without_a_command_the_help_is_shown() -> None:
    assert "recommend" in CliRunner().invoke(app, []).output


def test_the_version_is_printed() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert re.fullmatch(r"autometa \d+\.\d+\.\d+\n", result.output)
