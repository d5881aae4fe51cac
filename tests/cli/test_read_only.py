"""A base that may only be read: advice and lists come from it, and writing is refused in one line."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from autometa.knowledge.shipped import create_filled

# Runs `autometa` as a user for whom the modes of files hold, which they do not for root.
AS_A_READER = """
import ctypes, os, sys
if os.geteuid() == 0:
    for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH: past the bits of a file's mode
        assert ctypes.CDLL(None).prctl(24, capability, 0, 0, 0) == 0  # PR_CAPBSET_DROP
os.execv(sys.executable, [sys.executable, "-m", "autometa", *sys.argv[1:]])
"""


@pytest.fixture(scope="module")
def readable_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of the shipped runs on a server, of a user who may only read them."""
    server = request.getfixturevalue("postgres")
    name = server.new_database()
    create_filled(server.url(name))
    grants = ("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader",)
    server.run("CREATE ROLE reader LOGIN PASSWORD 'secret'", *grants, database=name)
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


def _listed(place: str) -> list[str]:
    """Return the files beside a file, nothing for a URL."""
    return [] if "://" in place else sorted(path.name for path in Path(place).parent.iterdir())
