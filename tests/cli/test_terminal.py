"""Texts from elsewhere that a terminal would obey: shown as escapes, in every form and on both streams."""

import io
import json
import re
import sqlite3
from pathlib import Path

import pandas as pd
import pytest
import yaml
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from autometa.cli.terminal import ShowingConsole
from autometa.knowledge.base import KnowledgeBase
from tests.conftest import Command
from tests.knowledge.test_checking import OBEYED

ODD = "a\x1b[31mb\x9b2Jc\u202ed\x1b]0;e\x07"
SHOWN = r"a\x1b[31mb\x9b2Jc\u202ed\x1b]0;e"  # of a bell, rich shows nothing
FORMS = ("table", "json", "yaml")


def _is_raw(text: str) -> bool:
    """Return whether a text holds what a terminal obeys, but for the ends of lines."""
    return re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text) is not None


def _texts(value: object) -> list[str]:
    """Return all texts in what JSON or YAML held."""
    if isinstance(value, dict):
        return [text for name, item in value.items() for text in (name, *_texts(item))]
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return [value] if isinstance(value, str) else []


@pytest.fixture
def odd_table(examples: Path, tmp_path: Path) -> Path:
    """A table with odd names of its file, of a column and of the target."""
    frame = pd.read_csv(examples / "wine.csv")
    names = {frame.columns[0]: ODD, frame.columns[-1]: f"{ODD}target"}
    path = tmp_path / "odd\x1b[1m.csv"
    frame.rename(columns=names).to_csv(path, index=False)
    return path


@pytest.fixture
def odd_base(shipped_base: Path, tmp_path: Path) -> Path:
    """A base into which an older release has let odd names of a task, an origin and an algorithm."""
    path = tmp_path / "odd.db"
    path.write_bytes(shipped_base.read_bytes())
    driver = sqlite3.connect(path)
    driver.execute("UPDATE tasks SET name = ? || name, licence = ?, family = ? || family", (ODD, ODD, ODD))
    renamed = (
        "UPDATE configurations SET algorithm = ?, content = replace(content, 'ridge', ?) WHERE algorithm = 'ridge'"
    )
    driver.execute(renamed, (ODD, json.dumps(ODD)[1:-1]))
    driver.execute("UPDATE configurations SET content = replace(content, 'one_hot', ?)", (json.dumps(ODD)[1:-1],))
    driver.execute("UPDATE evaluations SET error = ? WHERE error IS NOT NULL", (ODD,))
    driver.execute("UPDATE origins SET name = ? || id", (ODD,))
    driver.commit()
    driver.close()
    return path


@pytest.mark.parametrize(
    ("command", "form"), [*(("describe", form) for form in FORMS), ("recommend", "table"), ("explain", "table")]
)
def test_odd_names_in_a_table_work_and_are_shown(command: str, form: str, odd_table: Path, autometa: Command) -> None:
    found = autometa(command, str(odd_table), "-f", form)
    assert found.returncode == 0, found.stderr
    assert not _is_raw(found.stdout + found.stderr)
    if form == "table":
        assert r"odd\x1b[1m: 178 rows" in found.stdout
        assert f"predict {SHOWN}target, 3 classes" in found.stdout
        return
    content = json.loads(found.stdout) if form == "json" else yaml.safe_load(found.stdout)
    assert content["task"]["target"] == f"{ODD}target"  # programs get the very names
    assert content["task"]["name"] == "odd\x1b[1m"


def test_odd_columns_are_listed_whole(odd_table: Path, autometa: Command) -> None:
    found = autometa("describe", str(odd_table)).stdout
    assert re.search(rf"^{re.escape(SHOWN)}\\x07 +numeric +0 +126$", found, re.MULTILINE)


def test_an_odd_table_can_be_grown_from(odd_table: Path, tmp_path: Path, autometa: Command) -> None:
    KnowledgeBase.create(tmp_path / "runs.db").close()
    (tmp_path / "no\x1b[1mtable.csv").write_text("a\n")
    command = ("kb", "grow", "--from", str(tmp_path), "--candidates", "1", "--db", str(tmp_path / "runs.db"))
    grown = autometa(*command)
    assert grown.returncode == 0, grown.stderr
    assert r"skipped no\x1b[1mtable" in grown.stderr
    assert "1 evaluations run and stored" in grown.stdout
    assert not _is_raw(grown.stdout + grown.stderr)
    assert r"odd\x1b[1m" in autometa("kb", "list", "tasks", "--db", str(tmp_path / "runs.db")).stdout


def test_a_message_about_an_odd_name_is_one_plain_line(odd_table: Path, autometa: Command) -> None:
    for arguments in (
        ("recommend", str(odd_table), "--target", f"no{ODD}"),
        ("recommend", f"no{ODD}.csv"),
        ("kb", "show", ODD),
        ("kb", "list", ODD),
        (ODD,),
    ):
        found = autometa(*arguments)
        assert (found.returncode, found.stdout) == (2, "")
        assert not _is_raw(found.stderr)
        assert found.stderr.count("\n") == 1


def test_a_hostile_shard_or_base_is_refused_in_one_plain_line(
    odd_base: Path, tmp_path: Path, autometa: Command
) -> None:
    exported = autometa("kb", "export", "hostile.parquet", "--db", str(odd_base))
    assert exported.returncode == 0, exported.stderr
    KnowledgeBase.create(tmp_path / "runs.db").close()
    for command in (("import", "hostile.parquet"), ("merge", str(odd_base))):
        found = autometa("kb", *command, "--db", "runs.db")
        assert (found.returncode, found.stdout) == (2, "")
        assert re.search(
            r"^error: \S+, task 1: \w+ holds the control character U\+001B; the file is refused\n$", found.stderr
        )
    assert json.loads(autometa("kb", "list", "tasks", "--db", "runs.db", "-f", "json").stdout) == []


@pytest.mark.parametrize(
    ("what", "form"), [*(("tasks", form) for form in FORMS), ("configurations", "table"), ("evaluations", "table")]
)
def test_what_an_older_release_let_in_is_shown(what: str, form: str, odd_base: Path, autometa: Command) -> None:
    found = autometa("kb", "list", what, "--db", str(odd_base), "-f", form)
    assert found.returncode == 0, found.stderr
    assert not _is_raw(found.stdout + found.stderr)
    if form == "table":
        assert SHOWN in found.stdout
    else:
        content = json.loads(found.stdout) if form == "json" else yaml.safe_load(found.stdout)
        assert any(ODD in text for text in _texts(content))


@pytest.mark.parametrize(
    "command",
    [
        ("recommend", "wine.csv", "--explain"),
        ("kb", "doctor"),
        ("kb", "status"),
        ("kb", "show", f"{ODD}iris"),
        ("kb", "remove", "--task", f"{ODD}iris"),
        ("kb", "remove", "--task", f"{ODD}iris", "--yes"),
        ("kb", "export", f"{ODD}.parquet"),
    ],
    ids=" ".join,
)
def test_no_command_prints_it_raw(command: tuple[str, ...], odd_base: Path, examples: Path, autometa: Command) -> None:
    arguments = [str(examples / word) if word == "wine.csv" else word for word in command]
    found = autometa(*arguments, "--db", str(odd_base))
    assert "Traceback" not in found.stderr
    assert found.stdout + found.stderr
    assert not _is_raw(found.stdout + found.stderr)


@pytest.mark.parametrize("obeyed", OBEYED)
def test_on_a_terminal_there_are_colours_and_nothing_else(obeyed: str) -> None:
    odd = f"a{obeyed}b"
    table = Table(f"head {odd}")
    table.add_row(odd)
    table.add_row(Text(odd, style="bold"))
    out = io.StringIO()
    console = ShowingConsole(file=out, force_terminal=True, color_system="standard", width=60)
    for part in (odd, f"[bold]{odd}[/]", Text(odd), Text(odd, style="red"), Padding(Text(odd), 1), Padding(odd), table):
        console.print(part)
    written = out.getvalue()
    assert "\x1b[31m" in written  # rich's own red
    assert odd not in written
    assert not _is_raw(re.sub(r"\x1b\[(0|1|31)m", "", written.replace(odd, "\0")))
    assert re.search(r"a(\\x1b\[31m|\\x..(31m)?|\\u20..|)b", written)
