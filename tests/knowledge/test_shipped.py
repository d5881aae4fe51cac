"""The user's own base: made from shipped shards at first use, topped up later."""

import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from autometa._paths import data_path
from autometa.errors import KnowledgeError, SchemaError
from autometa.knowledge import shipped
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.exchange import export_shard
from tests.conftest import uncovered_environment
from tests.knowledge.conftest import MakeEvaluation, MakeTask

FIRST_USE = """
import sys
from autometa.knowledge import shipped
print("ready", flush=True)
sys.stdin.readline()
with shipped.open_knowledge() as base:
    print(base.status().evaluations["total"], flush=True)
"""

SLOW_FIRST_USE = """
from autometa.knowledge import shipped

def report(done, total, joined):
    if done == 1:
        print("half-way", flush=True)
        time.sleep(60)

shipped.open_knowledge(progress=report)
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of the user's own base in a home of its own; nothing is there yet."""
    for name in ("HOME", "XDG_DATA_HOME", "LOCALAPPDATA", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.delenv(shipped.URL_VARIABLE, raising=False)
    assert tmp_path in shipped.default_place().parents
    return shipped.default_place()


@pytest.fixture
def shards(filled: KnowledgeBase, make_task: MakeTask, make_evaluation: MakeEvaluation, tmp_path: Path) -> list[Path]:
    """Two shards, of 12 evaluations and of one more."""
    folder = tmp_path / "shards"
    export_shard(filled, folder / "0001.parquet")
    filled.add_evaluations([make_evaluation(make_task(), "later")])
    export_shard(filled, folder / "0002.parquet", beside=folder)
    return sorted(folder.iterdir())


@pytest.fixture
def few(shards: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this release ship those two, where all that it does would only take longer."""
    monkeypatch.setattr(shipped, "data_path", lambda name: shards[0].parent)


@pytest.fixture
def package(shards: list[Path], tmp_path: Path) -> Path:
    """A copy of autometa as in a wheel, that ships the two shards."""
    source = Path(shipped.__file__).parents[1]
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(source, tmp_path / "site" / "autometa", ignore=ignored)
    installed = tmp_path / "site" / "autometa"
    if not (installed / "_migrations").exists():
        shutil.copytree(source.parent / "migrations", installed / "_migrations", ignore=ignored)
    shutil.rmtree(installed / "_data", ignore_errors=True)
    (installed / "_data" / "knowledge").mkdir(parents=True)
    for shard in shards:
        shutil.copy(shard, installed / "_data" / "knowledge")
    return tmp_path / "site"


def _start(code: str, package: Path) -> "subprocess.Popen[str]":
    """Start Python with another copy of autometa."""
    pipe = subprocess.PIPE
    environment = {**uncovered_environment(), "PYTHONPATH": str(package)}
    return subprocess.Popen(
        [sys.executable, "-c", code], stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environment, cwd=package
    )


def _first_uses(n_processes: int, package: Path) -> list[str]:
    """Return what processes print that open the user's base at the same time."""
    processes = [_start(FIRST_USE, package) for _ in range(n_processes)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    printed = []
    for process in processes:
        out, errors = process.communicate(timeout=60)
        assert errors == ""
        printed.append(out.strip())
    return printed


def _add(base: KnowledgeBase, shards: Sequence[Path]) -> int:
    """Add shards, and return how many evaluations there are then."""
    shipped.add_shards(base, shards)
    return base.status().evaluations["total"]


def test_two_processes_at_first_use_both_end_with_a_good_base(home: Path, package: Path) -> None:
    assert _first_uses(2, package) == ["13", "13"]
    assert [path.name for path in home.parent.iterdir()] == ["knowledge.db"]
    driver = sqlite3.connect(home)
    assert driver.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    driver.close()


def test_a_kill_in_the_first_import_leaves_nothing_half_made(home: Path, package: Path) -> None:
    process = _start(SLOW_FIRST_USE, package)
    assert process.stdout is not None
    assert process.stdout.readline() == "half-way\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not home.exists()
    assert _first_uses(1, package) == ["13"]


def test_first_use_makes_a_base_that_a_newer_release_tops_up(home: Path, package: Path, shards: list[Path]) -> None:
    newer = package / "autometa" / "_data" / "knowledge" / "0002.parquet"
    newer.unlink()
    assert _first_uses(1, package) == ["12"]
    assert [path.name for path in home.parent.iterdir()] == ["knowledge.db"]
    shutil.copy(shards[1], newer)
    assert _first_uses(1, package) == ["13"]


def test_what_is_shipped_here_can_be_read(shipped_base: Path, tmp_path: Path) -> None:
    shutil.copy(shipped_base, tmp_path / "runs.db")
    with KnowledgeBase(tmp_path / "runs.db") as base:
        assert shipped.missing_shards(base) == ()
        total = base.status().evaluations["total"]
        assert _add(base, shipped.shipped_shards()) == total
    assert (total > 0) == bool(list(data_path("knowledge").glob("*.parquet")))


@pytest.mark.usefixtures("few")
def test_opening_the_users_own_base_makes_it_once(home: Path) -> None:
    with shipped.open_knowledge() as base:
        assert base.place == str(home)
        assert base.status().evaluations["total"] == 13
        revision = base.revision
    with shipped.open_knowledge() as base:
        assert base.revision == revision


def test_the_environment_names_another_base(
    home: Path, filled: KnowledgeBase, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(shipped.URL_VARIABLE, f"sqlite:///{filled.place}")
    with shipped.open_knowledge() as base:
        assert base.place == filled.place
    KnowledgeBase.create(tmp_path / "third.db").close()
    with shipped.open_knowledge(tmp_path / "third.db") as base:
        assert base.place == str(tmp_path / "third.db")
    assert not home.exists()


@pytest.mark.usefixtures("few")
def test_an_empty_variable_names_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(shipped.URL_VARIABLE, "")
    with shipped.open_knowledge() as base:
        assert base.place == str(home)


def test_a_named_base_must_exist(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(shipped.URL_VARIABLE, str(tmp_path / "none.db"))
    with pytest.raises(KnowledgeError, match="no knowledge base in"):
        shipped.open_knowledge()
    assert not (tmp_path / "none.db").exists()
    assert not home.exists()


@pytest.mark.usefixtures("few")
def test_the_users_own_base_of_another_schema_is_refused(home: Path) -> None:
    shipped.open_knowledge().close()
    driver = sqlite3.connect(home)
    driver.execute("UPDATE alembic_version SET version_num = '0000'")
    driver.commit()
    driver.close()
    with pytest.raises(SchemaError, match=f"run: autometa kb upgrade --db {home}$"):
        shipped.open_knowledge()


def test_shards_are_added_with_progress(base: KnowledgeBase, shards: list[Path], tmp_path: Path) -> None:
    reported: list[tuple[int, ...]] = []
    with KnowledgeBase.create(tmp_path / "new.db") as new:
        shipped.add_shards(new, shards, progress=lambda *counts: reported.append(counts))
        assert new.status().evaluations["total"] == 13
    assert reported == [(0, 2, 0), (1, 2, 0), (2, 2, 0)]


def test_a_users_import_of_the_same_name_hides_no_shipped_shard(
    shards: list[Path], package: Path, home: Path, tmp_path: Path
) -> None:
    """A colleague's file may be called like one of ours."""
    code = f"""
import shutil
from autometa.knowledge import shipped
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.exchange import import_shard
with KnowledgeBase.create({str(home)!r}) as base:
    shutil.copy({str(shards[1])!r}, "0001.parquet")
    import_shard(base, "0001.parquet")
"""
    process = _start(code, package)
    assert process.communicate(timeout=60) == ("", "")
    assert _first_uses(1, package) == ["13"]


@pytest.mark.usefixtures("few")
def test_a_filled_base_is_made_only_where_none_is(tmp_path: Path) -> None:
    path = tmp_path / "below" / "[odd] name*.db"
    shipped.create_filled(path)
    content = path.read_bytes()
    with pytest.raises(KnowledgeError, match="exists already; open it, or remove the file first"):
        shipped.create_filled(path)
    assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.usefixtures("few")
def test_a_filled_base_is_made_by_url_too(tmp_path: Path) -> None:
    shipped.create_filled(f"sqlite:///{tmp_path}/runs.db")
    with KnowledgeBase(tmp_path / "runs.db") as base:
        assert shipped.missing_shards(base) == ()
        assert base.status().evaluations["total"] == 13


@pytest.mark.usefixtures("few")
def test_files_that_belong_to_others_are_left_alone(tmp_path: Path) -> None:
    others = [tmp_path / f".runs.db.{os.getpid()}1", tmp_path / f".runs.db.{os.getpid()}"]
    for other in others:
        other.write_text("another process is making its base here")
    shipped.create_filled(tmp_path / "runs.db")
    assert all(other.exists() for other in others)


def test_a_broken_shipped_shard_leaves_no_base(home: Path, package: Path) -> None:
    (package / "autometa" / "_data" / "knowledge" / "0002.parquet").write_bytes(b"broken")
    process = _start("from autometa.knowledge import shipped; shipped.open_knowledge()", package)
    _, errors = process.communicate(timeout=60)
    assert "ExchangeError: 0002.parquet is not a readable Parquet file" in errors
    assert list(home.parent.iterdir()) == []


@pytest.mark.parametrize("n_bytes", [1000, 8000, 40_000, 2_000_000])
def test_a_base_that_does_not_fit_on_the_disk_is_refused_and_leaves_nothing(tmp_path: Path, n_bytes: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))  # as a full disk: writing more fails
    try:
        with pytest.raises(KnowledgeError, match=r"knowledge\.db.*: disk I/O error$"):
            shipped.create_filled(tmp_path / "own.db")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.iterdir())
