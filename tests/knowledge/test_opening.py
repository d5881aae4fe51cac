"""Making and opening a knowledge base, and what is refused."""

import os
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from autometa.errors import KnowledgeError, MissingDependencyError, SchemaError
from autometa.knowledge import schema
from autometa.knowledge.base import KnowledgeBase
from tests.conftest import uncovered_environment

if TYPE_CHECKING:
    from tests.postgres import Server

AS_NOBODY = """
import os, sys
import alembic.command  # whatever is imported later must be readable for the other user too
import autometa.knowledge.shipped as shipped
from autometa.errors import KnowledgeError
from autometa.knowledge.base import KnowledgeBase
from tests.conftest import uncovered_environment
os.setuid(65534)
actions = {"open": KnowledgeBase, "create": KnowledgeBase.create, "create_filled": shipped.create_filled}
for argument in sys.argv[1:]:
    action, path = argument.split(":")
    try:
        actions[action](path)
    except KnowledgeError as error:
        print(error)
"""


def _as_nobody(*arguments: str) -> list[str]:
    """Return the KnowledgeErrors that another user meets, a line each."""
    command = [sys.executable, "-c", AS_NOBODY, *arguments]
    environment = uncovered_environment()
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert ended.stderr == ""
    return ended.stdout.splitlines()


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """Another program's SQLite file, in SQLite's own journal mode."""
    path = tmp_path / "photos.db"
    driver = sqlite3.connect(path)
    driver.execute("CREATE TABLE photos (name TEXT)")
    driver.commit()
    driver.close()
    return path


def test_a_new_base_is_empty_and_has_the_schema_of_this_release(tmp_path: Path) -> None:
    with KnowledgeBase.create(tmp_path / "new" / "folder" / "runs.db") as base:
        status = base.status()
    assert status.tasks == {"total": 0, "binary": 0, "multiclass": 0, "regression": 0}
    assert status.configurations == {"total": 0}
    assert status.evaluations == {"total": 0, "ok": 0, "failed": 0, "timed_out": 0, "out_of_memory": 0}
    assert (status.coverage, status.differing_repeats, status.revision) == (0.0, 0, 0)
    assert status.schema == schema.HEAD


def test_a_new_base_writes_ahead_and_keeps_doing_so(tmp_path: Path) -> None:
    KnowledgeBase.create(tmp_path / "runs.db").close()
    driver = sqlite3.connect(tmp_path / "runs.db")
    assert driver.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    driver.close()


def test_a_closed_base_is_one_file_and_nothing_beside_it(tmp_path: Path) -> None:
    KnowledgeBase.create(tmp_path / "runs.db").close()
    assert [path.name for path in tmp_path.iterdir()] == ["runs.db"]


@pytest.mark.parametrize("place", ["{}/runs.db", "sqlite:///{}/runs.db"])
def test_a_base_is_found_by_path_and_by_url(tmp_path: Path, place: str) -> None:
    KnowledgeBase.create(place.format(tmp_path)).close()
    with KnowledgeBase(tmp_path / "runs.db") as base:
        assert base.place == str(tmp_path / "runs.db")


def test_a_home_folder_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    KnowledgeBase.create("~/runs.db").close()
    assert (tmp_path / "runs.db").is_file()


def test_open_refuses_a_missing_file_and_makes_none(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    with pytest.raises(KnowledgeError, match=f"no knowledge base in {path}; .*autometa kb create --db {path}$"):
        KnowledgeBase(path)
    assert not path.exists()


def test_connecting_to_a_missing_file_makes_none(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    with pytest.raises(KnowledgeError, match="autometa kb create"):
        schema.version(schema.connect(schema.to_url(path)))
    assert not path.exists()


def test_open_refuses_an_empty_database(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    path.touch()
    with pytest.raises(KnowledgeError, match=f"{path} is not a knowledge base; .*: autometa kb create --db FILE$"):
        KnowledgeBase(path)
    assert path.read_bytes() == b""


def test_open_refuses_binary_junk_and_leaves_it(tmp_path: Path) -> None:
    path = tmp_path / "junk.db"
    path.write_bytes(bytes(range(256)) * 64)
    with pytest.raises(KnowledgeError, match=f"{path} is not a knowledge base"):
        KnowledgeBase(path)
    assert path.read_bytes() == bytes(range(256)) * 64


def test_open_refuses_a_truncated_base(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    KnowledgeBase.create(path).close()
    path.write_bytes(path.read_bytes()[:6000])
    with pytest.raises(KnowledgeError, match=f"{path} is not a knowledge base"):
        KnowledgeBase(path)


def test_open_refuses_a_folder(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match=f"{tmp_path} is not a file"):
        KnowledgeBase(tmp_path)


def test_open_refuses_another_programs_database_and_leaves_it(foreign: Path) -> None:
    before = foreign.read_bytes()
    with pytest.raises(KnowledgeError, match=f"{foreign} is not a knowledge base; make one in another file"):
        KnowledgeBase(foreign)
    assert foreign.read_bytes() == before
    assert [path.name for path in foreign.parent.iterdir()] == [foreign.name]


def test_open_refuses_an_older_schema_and_names_the_command(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    KnowledgeBase.create(path).close()
    _set_version(path, "0000")
    with pytest.raises(SchemaError, match=f"schema 0000.* reads {schema.HEAD}; run: autometa kb upgrade --db {path}$"):
        KnowledgeBase(path)


def test_a_command_in_a_message_is_one_that_a_shell_takes(tmp_path: Path) -> None:
    path = tmp_path / "our runs & yours.db"
    with pytest.raises(KnowledgeError, match=f"no knowledge base in {path}; .*autometa kb create --db '{path}'$"):
        KnowledgeBase(path)
    KnowledgeBase.create(path).close()
    _set_version(path, "0000")
    with pytest.raises(SchemaError, match=f"; run: autometa kb upgrade --db '{path}'$"):
        KnowledgeBase(path)


def test_a_command_in_a_message_has_no_half_of_a_password() -> None:
    url = schema.to_url("postgresql://user:secret@host/base")
    assert schema.missing(url) == (
        "no knowledge base in postgresql://user:***@host/base; make one with: autometa kb create --db URL"
    )


def test_open_refuses_a_newer_schema_and_names_the_command(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    KnowledgeBase.create(path).close()
    _set_version(path, "9999")
    with pytest.raises(SchemaError, match=r"schema 9999, newer than .*; run: pip install --upgrade autometa-ml$"):
        KnowledgeBase(path)


def test_opening_changes_no_byte(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    KnowledgeBase.create(path).close()
    before = path.read_bytes()
    with KnowledgeBase(path) as base:
        base.status()
    assert path.read_bytes() == before


@pytest.mark.parametrize("version", ["0000", "9999"])
def test_a_refused_schema_is_left_as_it_is(tmp_path: Path, version: str) -> None:
    path = tmp_path / "runs.db"
    KnowledgeBase.create(path).close()
    _set_version(path, version)
    before = path.read_bytes()
    with pytest.raises(SchemaError):
        KnowledgeBase(path)
    assert path.read_bytes() == before


def test_create_refuses_what_is_there_already(tmp_path: Path, foreign: Path) -> None:
    path = tmp_path / "runs.db"
    KnowledgeBase.create(path).close()
    for taken in (path, foreign, tmp_path):
        with pytest.raises(KnowledgeError, match=f"{taken} exists already"):
            KnowledgeBase.create(taken)


def test_create_refuses_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(KnowledgeError, match=f"cannot make {tmp_path}/file/runs.db: "):
        KnowledgeBase.create(tmp_path / "file" / "runs.db")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_places_that_another_user_may_not_use_are_refused_in_one_line() -> None:
    with tempfile.TemporaryDirectory() as name:  # tmp_path lies below a folder of root alone
        folder = Path(name)
        folder.chmod(0o755)
        KnowledgeBase.create(folder / "unreadable.db").close()
        (folder / "unreadable.db").chmod(0o600)
        (folder / "closed").mkdir(mode=0o700)
        KnowledgeBase.create(folder / "closed" / "runs.db").close()
        found = _as_nobody(
            f"open:{folder}/unreadable.db",
            f"open:{folder}/closed/runs.db",
            f"create:{folder}/closed/new.db",
            f"create:{folder}/closed/below/new.db",
            f"create:{folder}/new.db",
            f"create_filled:{folder}/new.db",
            f"create_filled:{folder}/below/new.db",
        )
        assert sorted(path.name for path in folder.iterdir()) == ["closed", "unreadable.db"]
    assert found[0] == f"cannot open {folder}/unreadable.db: unable to open database file"
    assert found[1] == f"cannot open {folder}/closed/runs.db: Permission denied"
    assert found[2] == f"cannot make {folder}/closed/new.db: Permission denied"
    assert found[3] == f"cannot make {folder}/closed/below/new.db: Permission denied"
    assert found[4] == f"cannot open {folder}/new.db: unable to open database file"
    assert found[5] == f"cannot make {folder}/new.db: Permission denied"
    assert found[6] == f"cannot make {folder}/below/new.db: Permission denied"
    assert len(found) == 7


def test_a_path_that_no_file_system_takes_is_refused(tmp_path: Path) -> None:
    for open_or_create in (KnowledgeBase, KnowledgeBase.create):
        with pytest.raises(KnowledgeError, match="File name too long"):
            open_or_create(tmp_path / ("x" * 5000))


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", ":memory:", "", "sqlite:///"])
def test_a_base_that_would_not_outlive_the_process_is_refused(url: str) -> None:
    for open_or_create in (KnowledgeBase, KnowledgeBase.create):
        with pytest.raises(KnowledgeError, match="needs a file"):
            open_or_create(url)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("mysql://host/base", "'mysql' is not supported"),
        ("postgresql+nothing://host:many/base", "not a database URL"),
    ],
)
def test_an_url_of_another_kind_is_refused(url: str, reason: str) -> None:
    with pytest.raises(KnowledgeError, match=reason):
        KnowledgeBase(url)


def test_postgresql_without_its_driver_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.delitem(sys.modules, "psycopg", raising=False)
    with pytest.raises(MissingDependencyError, match=r"pip install 'autometa-ml\[postgres\]'"):
        KnowledgeBase("postgresql://host/base")


def test_a_password_is_never_shown() -> None:
    for written in ("postgresql://user:secret@host/base", "postgresql+psycopg://user:secret@host/base"):
        assert schema.shown(schema.to_url(written)) == "postgresql://user:***@host/base"
    for name in ("password", "sslpassword"):
        shown = schema.shown(schema.to_url(f"postgresql://user@host/base?{name}=secret&sslmode=require"))
        assert "secret" not in shown
        assert "sslmode=require" in shown


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:secret@host:many/base",
        "postgresql://user:se@cret@host:many/base",
        "postgresql://host:many/base?password=secret&sslmode=require",
        "postgresql+nothing://user:secret@host:many/base",
    ],
)
def test_a_password_in_a_url_that_is_refused_is_not_shown_either(url: str) -> None:
    with pytest.raises(KnowledgeError, match=r"not a database URL: .*host:many/base") as caught:
        KnowledgeBase(url)
    assert "cret" not in str(caught.value)


def test_a_server_that_does_not_answer_is_told_in_one_line() -> None:
    pytest.importorskip("psycopg", reason="needs the extra postgres")
    with pytest.raises(KnowledgeError, match=r"cannot open postgresql://host\.invalid/base: ") as caught:
        KnowledgeBase("postgresql://host.invalid/base")
    assert "\n" not in str(caught.value)


def test_a_base_on_a_server_is_made_once(postgres: "Server") -> None:
    url = postgres.url(postgres.new_database())
    with pytest.raises(
        KnowledgeError, match=r"^no knowledge base in postgresql://.*: autometa kb create --db 'postgresql://.*'$"
    ):
        KnowledgeBase(url)
    KnowledgeBase.create(url).close()
    with pytest.raises(KnowledgeError, match=r"^there is a knowledge base in postgresql://.* already; open it$"):
        KnowledgeBase.create(url)
    postgres.drop(url)


def test_a_database_that_the_server_does_not_have_is_told_in_one_line(postgres: "Server") -> None:
    with pytest.raises(
        KnowledgeError, match=r'^cannot open postgresql://.*database "nowhere" does not exist'
    ) as caught:
        KnowledgeBase(postgres.url("nowhere"))
    assert "\n" not in str(caught.value)


def test_a_user_who_may_not_read_is_told_in_one_line(postgres: "Server") -> None:
    name = postgres.new_database()
    KnowledgeBase.create(postgres.url(name)).close()
    postgres.run("CREATE ROLE stranger LOGIN")
    with pytest.raises(KnowledgeError, match=r"^cannot open postgresql://stranger.*: permission denied") as caught:
        KnowledgeBase(postgres.url(name, user="stranger"))
    assert "\n" not in str(caught.value)
    postgres.drop(postgres.url(name))


def _set_version(path: Path, version: str) -> None:
    """Write another schema version into a base."""
    driver = sqlite3.connect(path)
    driver.execute("UPDATE alembic_version SET version_num = ?", (version,))
    driver.commit()
    driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    driver.close()
