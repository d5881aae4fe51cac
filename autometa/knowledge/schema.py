"""The schema's life: engines, creating, checking, upgrading; the home of Alembic."""

import os
import secrets
import sqlite3
import stat
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from shlex import quote
from typing import Any
from urllib.parse import quote as percent_encoded

from sqlalchemy import Connection, Engine, create_engine, delete, event, insert, inspect, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError, OperationalError, ProgrammingError
from sqlalchemy.pool import ConnectionPoolEntry

from autometa._optional import require
from autometa._passwords import hide_passwords
from autometa._paths import migrations_path
from autometa.errors import KnowledgeError, SchemaError
from autometa.knowledge import tables

HEAD = "0005"
WAIT_SECONDS = 300  # for another writer: a long import
WRITING: Mapping[str, Any] = {"autometa_writes": True}  # execution options: typed so by SQLAlchemy

_WRITERS_LOCK = int.from_bytes(b"autometa", "big")  # any number of 64 bits that others do not use


def to_url(place: str | Path) -> URL:
    """Return the database URL for a URL or the path of a SQLite file.

    Raises
    ------
    KnowledgeError
        If it is neither.
    """
    words = str(place)
    if "://" not in words:
        url = URL.create("sqlite", database=str(Path(words).expanduser()) if words else "")
    else:
        try:
            url = make_url(words)
        except (ArgumentError, ValueError) as error:
            raise KnowledgeError(
                f"not a database URL: '{hide_passwords(words)}'; give a file or sqlite:///FILE"
            ) from error
    if url.get_backend_name() not in {"sqlite", "postgresql"}:
        raise KnowledgeError(f"'{url.get_backend_name()}' is not supported; use SQLite or PostgreSQL")
    if url.get_backend_name() == "sqlite" and url.database in {None, "", ":memory:"}:
        raise KnowledgeError(f"a knowledge base needs a file, got '{words}'; give a file or sqlite:///FILE")
    return url


def connect(url: URL, *, create: bool = False) -> Engine:
    """Return an engine for ``url``; SQLite with foreign keys and true transactions, one writer at a time.

    Parameters
    ----------
    url : URL
        As `to_url` gives it.
    create : bool
        Whether a SQLite file that is missing is made.

    Raises
    ------
    MissingDependencyError
        If the driver of that database is not installed.
    KnowledgeError
        If there is no such file, or it cannot be used.
    """
    if url.get_backend_name() == "postgresql":
        require("psycopg", extra="postgres")
        engine = create_engine(url.set(drivername="postgresql+psycopg"))
        event.listen(engine, "begin", _begin_postgresql)
        return engine
    if not create:
        _check_file(url)
    unwritable = {"creator": partial(_open_immutable, shown(url))} if _is_immutable(Path(shown(url))) else {}
    engine = create_engine(url.set(drivername="sqlite"), **unwritable)
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def create(engine: Engine) -> None:
    """Create every table, by running all migrations; a SQLite file is put in WAL mode, where it stays."""
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            _set_pragma(connection, "journal_mode = WAL")
    upgrade(engine, HEAD)


def version(engine: Engine) -> str | None:
    """Return the revision of the schema, or None where there is no knowledge base.

    Raises
    ------
    KnowledgeError
        If the file is not a database, or the server does not answer.
    """
    try:
        with engine.connect() as connection:
            return _version(connection)
    except (OperationalError, ProgrammingError) as error:  # the latter for want of a permission
        raise KnowledgeError(f"cannot open {shown(engine.url)}: {reason(error)}") from error
    except DatabaseError as error:
        raise KnowledgeError(f"{shown(engine.url)} is not a knowledge base: {reason(error)}") from error


def check(engine: Engine) -> None:
    """Raise unless the schema is the one that this release reads.

    Raises
    ------
    SchemaError
        If it is older or newer; the message has the command to run.
    KnowledgeError
        If there is no knowledge base.
    """
    found = version(engine)
    place = shown(engine.url)
    if found is None and engine.dialect.name == "sqlite":
        raise KnowledgeError(
            f"{place} is not a knowledge base; make one in another file with: autometa kb create --db FILE"
        )
    if found is None:
        raise KnowledgeError(missing(engine.url))
    if found < HEAD:
        command = f"autometa kb upgrade --db {in_command(engine.url)}"
        raise SchemaError(f"the knowledge base has schema {found}, this release reads {HEAD}; run: {command}")
    _check_not_newer(found)


def upgrade(engine: Engine, revision: str = HEAD, *, scripts: Path | None = None) -> None:
    """Bring the schema to ``revision`` in one transaction; all rows are kept, and a new state is drawn.

    Parameters
    ----------
    engine : Engine
        The database.
    revision : str
        Where to; default: the schema of this release.
    scripts : Path, optional
        Folder of the migrations; default: those of this release.

    Raises
    ------
    SchemaError
        If the schema is newer than this release.
    KnowledgeError
        If the database refuses it; nothing is changed.
    """
    found = version(engine)
    if found is not None:
        _check_not_newer(found)
    _migrate(engine, "upgrade", revision, scripts or migrations_path())


def downgrade(engine: Engine, revision: str, *, scripts: Path | None = None) -> None:
    """Take the schema back to ``revision`` ("base" for none) in one transaction; parameters as of `upgrade`."""
    _migrate(engine, "downgrade", revision, scripts or migrations_path())


def draw_state(connection: Connection) -> None:
    """Draw a new state of a base, by which readers know that something has changed, inside a transaction of writes."""
    info = tables.info
    state = secrets.token_hex(16)  # not counted: a restored backup may reach the same number by other writes
    connection.execute(delete(info).where(info.c.name == "state"))
    connection.execute(insert(info).values(name="state", value=state))


def shown(url: URL) -> str:
    """Return the URL as a user wrote it: a plain path for SQLite, the password hidden elsewhere."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    hidden = {name: "***" for name in url.query if "password" in name}
    return url.set(drivername=url.get_backend_name()).update_query_dict(hidden).render_as_string(hide_password=True)


def in_command(url: URL) -> str:
    """Return the URL as it stands in a command that a shell is to run; one with a password the user fills in."""
    place = shown(url)
    return "URL" if "***" in place else quote(place)


def missing(url: URL) -> str:
    """Return the message that there is no knowledge base, with the command that makes one."""
    return f"no knowledge base in {shown(url)}; make one with: autometa kb create --db {in_command(url)}"


def reason(error: DBAPIError) -> str:
    """Return in one line what the database itself said."""
    return " ".join(str(error.orig).split())


def is_wait_over(error: DBAPIError) -> bool:
    """Return whether another writer did not end in time."""
    if isinstance(error.orig, sqlite3.OperationalError):
        code = getattr(error.orig, "sqlite_errorcode", 0)  # the driver's own errors have none
        return code & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
    return getattr(error.orig, "sqlstate", None) == "55P03"  # lock_not_available


def _check_file(url: URL) -> None:
    """Raise unless a SQLite file is there: SQLite itself would make an empty one."""
    place = shown(url)
    try:
        mode = Path(place).stat().st_mode
    except (FileNotFoundError, NotADirectoryError) as error:
        raise KnowledgeError(missing(url)) from error
    except OSError as error:
        raise KnowledgeError(f"cannot open {place}: {error.strerror}") from error
    if not stat.S_ISREG(mode):
        raise KnowledgeError(f"{place} is not a file; give the file of a knowledge base")


def _is_immutable(path: Path) -> bool:
    """Return whether a file lies where SQLite can neither make nor find what it keeps beside it, even to read."""
    return path.exists() and not os.access(path.parent, os.W_OK) and not Path(f"{path}-wal").exists()


def _open_immutable(path: str) -> sqlite3.Connection:
    """Return a connection to a file that nobody changes."""
    return sqlite3.connect(f"file:{percent_encoded(path)}?mode=ro&immutable=1", uri=True, check_same_thread=False)


def _version(connection: Connection) -> str | None:
    """Return the revision of the schema, or None where there is none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _check_not_newer(found: str) -> None:
    """Raise if a schema is newer than the one of this release."""
    if found > HEAD:
        raise SchemaError(
            f"the knowledge base has schema {found}, newer than {HEAD}; run: pip install --upgrade autometa-ml"
        )


def _migrate(engine: Engine, direction: str, revision: str, scripts: Path) -> None:
    """Run Alembic inside one transaction, with SQLite's foreign keys off and checked before the commit."""
    from alembic import command  # slow to import, needed only here
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    is_sqlite = engine.dialect.name == "sqlite"
    with engine.connect().execution_options(**WRITING) as connection:
        if is_sqlite:  # a rebuilt parent table would delete its children
            _set_pragma(connection, "foreign_keys = OFF")
        try:
            with connection.begin():
                config.attributes["connection"] = connection
                before = _version(connection)
                getattr(command, direction)(config, revision)
                if _version(connection) not in {None, before}:
                    draw_state(connection)  # releases before write, but may not draw one
                if is_sqlite and connection.execute(text("PRAGMA foreign_key_check")).first():
                    raise KnowledgeError("the migration would break references; nothing was changed")
        except DBAPIError as error:
            message = f"the schema of {shown(engine.url)} cannot be changed, it is as it was: {reason(error)}"
            raise KnowledgeError(message) from error
        finally:
            if is_sqlite:
                _set_pragma(connection, "foreign_keys = ON")


def _set_pragma(connection: Connection, words: str) -> None:
    """Change a setting of SQLite that it allows only outside a transaction, so past SQLAlchemy, but with its errors."""
    driver = connection.connection.driver_connection
    if isinstance(driver, sqlite3.Connection):
        try:
            driver.execute(f"PRAGMA {words}")
        except sqlite3.Error as error:  # of a full disk, for one
            raise OperationalError(f"PRAGMA {words}", None, error) from error


def _set_up_sqlite(driver: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    """Leave transactions to SQLAlchemy, and wait for other writers; nothing here writes to the file."""
    driver.isolation_level = None
    for pragma in (f"busy_timeout = {WAIT_SECONDS * 1000}", "synchronous = NORMAL", "foreign_keys = ON"):
        driver.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    """Open the transaction that the driver does not; writers take the lock at once."""
    writes = connection.get_execution_options().get("autometa_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _begin_postgresql(connection: Connection) -> None:
    """Let writers take one lock at once, as in SQLite: they neither miss one another's rows nor end in a deadlock."""
    if connection.get_execution_options().get("autometa_writes", False):
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{WAIT_SECONDS}s'")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITERS_LOCK})")
