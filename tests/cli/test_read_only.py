"""A base that may only be read: advice and lists come from it, and writing is refused in one line."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from autometa.knowledge import schema
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.shipped import create_filled
from tests.conftest import ROOT

if TYPE_CHECKING:
    from tests.postgres import Server

# Runs `autometa` as a user for whom the modes of files hold, which they do not for root.
AS_A_READER = """
import ctypes, os, sys
if os.geteuid() == 0:
    for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH: past the bits of a file's mode
        assert ctypes.CDLL(None).prctl(24, capability, 0, 0, 0) == 0  # PR_CAPBSET_DROP
os.execv(sys.executable, [sys.executable, "-m", "autometa", *sys.argv[1:]])
"""


def _documented(role: str) -> list[str]:
    """Return the two statements by which, as the README says, a role may read the tables."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    statements = re.findall(r"^((?:GRANT|ALTER) .*) TO reader;", readme, re.MULTILINE)
    assert [statement.split()[0] for statement in statements] == ["GRANT", "ALTER"]
    return [f"{statement} TO {role}" for statement in statements]


@pytest.fixture(scope="module")
def readable_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of the shipped runs on a server, of a user who may only read them."""
    server = request.getfixturevalue("postgres")
    name = server.new_database()
    create_filled(server.url(name))
    server.run("CREATE ROLE reader LOGIN PASSWORD 'secret'", *_documented("reader"), database=name)
    yield server.url(name, user="reader:secret")
    server.drop(server.url(name))


@pytest.fixture(params=["file", "folder", "server"])
def readable(request: pytest.FixtureRequest, shipped_base: Path, tmp_path: Path) -> Iterator[str]:
    """The place of the shipped runs: a file that is read-only, one in a read-only folder, or a server."""
    if request.param == "server":
        yield request.getfixturevalue("readable_url")
        return
    folder = tmp_path / "archive"
    folder.mkdir()
    (folder / "runs.db").write_bytes(shipped_base.read_bytes())
    (folder / "runs.db").chmod(0o444)
    folder.chmod(0o555 if request.param == "folder" else 0o755)
    yield str(folder / "runs.db")
    folder.chmod(0o755)


def _read(place: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Return what came of a command, run by someone who may not write."""
    command = [sys.executable, "-c", AS_A_READER, *arguments, "--db", place]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def expected(shipped_base: Path, examples: Path) -> dict[tuple[str, ...], str]:
    """What commands print on a base that may be written."""
    commands = (
        ("recommend", str(examples / "wine.csv"), "-k", "3", "-f", "json"),
        ("kb", "status", "-f", "json"),
        ("kb", "list", "tasks", "-f", "json"),
    )
    return {command: _read(str(shipped_base), *command).stdout for command in commands}


def test_what_may_only_be_read_is_read_and_says_the_same(readable: str, expected: dict[tuple[str, ...], str]) -> None:
    before = _listed(readable)
    for command, output in expected.items():
        found = _read(readable, *command)
        assert (found.returncode, found.stderr) == (0, "")
        assert json.loads(found.stdout) == json.loads(output)
    assert _listed(readable) in (before, ["runs.db", "runs.db-shm", "runs.db-wal"])


def test_writing_to_it_is_refused_in_one_line(readable: str, examples: Path) -> None:
    refused = _read(readable, "kb", "grow", "--from", str(examples / "wine.csv"))
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("error: the knowledge base ")
    assert refused.stderr.count("\n") == 1
    assert "permission denied" in refused.stderr or "readonly" in refused.stderr
    assert "secret" not in refused.stderr


def test_a_role_reads_what_an_upgrade_adds_if_it_was_granted_before_or_is_again(postgres: "Server") -> None:
    name = postgres.new_database()
    url = postgres.url(name)
    KnowledgeBase.create(url).close()
    engine = schema.connect(schema.to_url(url))
    schema.downgrade(engine, "0003")
    (grant, alter), (again, _) = _documented("early"), _documented("late")
    postgres.run("CREATE ROLE early LOGIN", "CREATE ROLE late LOGIN", grant, alter, again, database=name)
    schema.upgrade(engine)
    engine.dispose()
    status = ("kb", "status", "-f", "json")
    early, late = (postgres.url(name, user=user) for user in ("early", "late"))
    assert _read(early, *status).returncode == 0
    refused = _read(late, *status)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.endswith(" failed: permission denied for table withdrawals\n")
    postgres.run(again, database=name)
    assert _read(late, *status).stdout == _read(early, *status).stdout
    postgres.drop(url)


def _listed(place: str) -> list[str]:
    """Return the files beside a file, nothing for a URL."""
    return [] if "://" in place else sorted(path.name for path in Path(place).parent.iterdir())
