"""The database under a knowledge base: its transactions, and what it refuses as errors of ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from sqlalchemy import Connection, Engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from autometa.errors import KnowledgeError
from autometa.knowledge import schema


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
        """Open a connection for reading."""
        with _translated(self._url), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open one transaction of writes: committed as a whole at the end, or not at all."""
        with (
            _translated(self._url),
            self._engine.execution_options(**schema.WRITING).begin() as connection,
        ):
            yield connection


@contextmanager
def _translated(url: URL) -> Iterator[None]:
    """Turn what the database refuses into a KnowledgeError."""
    try:
        yield
    except DBAPIError as error:
        raise KnowledgeError(f"the knowledge base {schema.shown(url)} failed: {schema.reason(error)}") from error
