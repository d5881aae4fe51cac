"""The database under a knowledge base: its transactions, and what it refuses as errors of ours."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection, Engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from autometa.errors import KnowledgeError
from autometa.knowledge import schema

# SQLite does so by itself.
_ONE_STATE: Mapping[str, Any] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


class Database:
    """An open database with the schema of this release.

    Parameters
    ----------
    place : str or Path
        File of a SQLite database, or a database URL. It must exist: see `create`.

    Raises
    ------
    KnowledgeError
        If there is no knowledge base.
    SchemaError
        If its schema is not the one of this release; opening never changes it.
    """

    def __init__(self, place: str | Path) -> None:
        self._url = schema.to_url(place)
        self._engine: Engine = schema.connect(self._url)
        try:
            schema.check(self._engine)
        except KnowledgeError:
            self._engine.dispose()
            raise

    @classmethod
    def create(cls, place: str | Path) -> Self:
        """Make an empty one, and open it.

        Raises
        ------
        KnowledgeError
            If there is one already, or the place cannot be written.
        """
        url = schema.to_url(place)
        shown = schema.shown(url)
        if url.get_backend_name() == "sqlite":
            path = Path(shown)
            try:
                if path.exists():
                    raise KnowledgeError(f"{shown} exists already; open it, or remove the file first")
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise KnowledgeError(f"cannot make {shown}: {error.strerror}") from error
        engine = schema.connect(url, create=True)
        try:
            with _translated(url):
                if schema.version(engine) is not None:
                    raise KnowledgeError(f"there is a knowledge base in {shown} already; open it")
                schema.create(engine)
        except KnowledgeError:
            if url.get_backend_name() == "sqlite":  # the file is ours, and holds nothing
                engine.dispose()
                for ending in ("", "-wal", "-shm", "-journal"):
                    Path(shown + ending).unlink(missing_ok=True)
            raise
        finally:
            engine.dispose()
        return cls(place)

    @property
    def place(self) -> str:
        """Where it is: the path of the file, or the URL without its password."""
        return schema.shown(self._url)

    def close(self) -> None:
        """Let go of it."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a connection for reading: all that is read is of one state."""
        with _translated(self._url), self._engine.connect() as connection:
            if connection.dialect.name == "postgresql":
                connection = connection.execution_options(**_ONE_STATE)
            yield connection

    @contextmanager
    def writing(self, *, is_alone: bool = True) -> Iterator[Connection]:
        """Open one transaction of writes: committed as a whole at the end, or not at all.

        Parameters
        ----------
        is_alone : bool
            Whether no other transaction writes meanwhile, so that what is read here stays true until the commit. One
            that changes a single row of its own does without, and so need not wait for a long import.
        """
        engine = self._engine.execution_options(**schema.WRITING) if is_alone else self._engine
        with _translated(self._url), engine.begin() as connection:
            yield connection


@contextmanager
def _translated(url: URL) -> Iterator[None]:
    """Turn what the database refuses into a KnowledgeError."""
    try:
        yield
    except DBAPIError as error:
        place = schema.shown(url)
        if schema.is_wait_over(error):
            raise KnowledgeError(
                f"another process has been writing to {place} for {schema.WAIT_SECONDS} s; wait for it, or end it"
            ) from error
        raise KnowledgeError(f"the knowledge base {place} failed: {schema.reason(error)}") from error
