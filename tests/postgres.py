"""A PostgreSQL server of the tests' own, from the wheel that the dev extra brings, and fresh databases on it."""

import importlib.util
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from tests.conftest import SERVER_PACKAGE

_INSTALLATION = "pginstall18"
_USER = "nobody"  # the server refuses to be root's

# The server ends with this process, however it ends: then the pipe to its keeper closes.
_KEEPER = """
import signal, subprocess, sys
user, *command = sys.argv[1:]
server = subprocess.Popen(command, user=user or None, stdin=subprocess.DEVNULL)
sys.stdin.read()
server.send_signal(signal.SIGQUIT)  # at once: nothing is kept
server.wait()
"""

# Durability is not what these tests test.
_SETTINGS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off", "listen_addresses=")


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server, reached through the socket in a folder.

    Parameters
    ----------
    folder : Path
        Where its socket is.
    """

    folder: Path
    _numbers: Iterator[int] = field(default_factory=itertools.count, repr=False)

    def url(self, database: str, user: str = "postgres") -> str:
        """Return the URL of a database."""
        return f"postgresql://{user}@/{database}?host={self.folder}"

    def run(self, *statements: str, database: str = "postgres") -> None:
        """Run statements, each in a transaction of its own."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def new_database(self, template: str = "template0") -> str:
        """Return the name of a new database, a copy of another one."""
        name = f"test_{next(self._numbers)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        return name

    def drop(self, url: str) -> None:
        """Remove the database of a URL, whoever is connected to it."""
        self.run(f"DROP DATABASE {urlsplit(url).path[1:]} WITH (FORCE)")


@contextmanager
def running_server() -> Iterator[Server]:
    """Run a server, and leave nothing behind."""
    with tempfile.TemporaryDirectory(prefix="pg") as name:  # not pytest's: a socket's path has at most 107 characters
        folder = Path(name)
        user = _USER if os.geteuid() == 0 else ""
        programs = _programs(folder, user)
        made = subprocess.run(
            [programs / "initdb", "-D", folder / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale"],
            user=user or None,
            capture_output=True,
            text=True,
            check=False,
        )
        assert made.returncode == 0, made.stderr
        settings = [word for setting in _SETTINGS for word in ("-c", setting)]
        command = [str(programs / "postgres"), "-D", str(folder / "data"), "-k", str(folder), *settings]
        with (folder / "log").open("wb") as log:
            keeper = subprocess.Popen(
                [sys.executable, "-c", _KEEPER, user, *command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # what ends the tests, Ctrl-C say, is not for the keeper, which sees their end
            )
        try:
            server = Server(folder=folder)
            _wait_for(server, folder / "log")
            yield server
        finally:
            keeper.communicate(timeout=60)  # closes its stdin


def _programs(folder: Path, user: str) -> Path:
    """Return the folder of the server's programs; for another user a copy that this one may read."""
    spec = importlib.util.find_spec(SERVER_PACKAGE)
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    if user:
        shutil.chown(folder, user)
        folder.chmod(0o755)
        libraries = package.with_name(f"{SERVER_PACKAGE}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, folder / libraries.name)
        left_out = shutil.ignore_patterns("include")
        shutil.copytree(package / _INSTALLATION, folder / SERVER_PACKAGE / _INSTALLATION, ignore=left_out)
        package = folder / SERVER_PACKAGE
    return package / _INSTALLATION / "bin"


def _wait_for(server: Server, log: Path) -> None:
    """Return when a server answers."""
    deadline = time.monotonic() + 60
    while True:
        try:
            server.run("SELECT 1")
        except psycopg.OperationalError:
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        else:
            return
