"""The user's own knowledge base: made from the shipped shards at first use, topped up by newer ones."""

import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import platformdirs
from sqlalchemy import select

from autometa._paths import data_path
from autometa.errors import KnowledgeError
from autometa.knowledge import tables
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.exchange import import_shard
from autometa.knowledge.schema import shown, to_url
from autometa.knowledge.shards import is_withdrawing

URL_VARIABLE = "AUTOMETA_DATABASE_URL"

# Told the number of shards read so far, of all, and of families that they made one with others.
Progress = Callable[[int, int, int], None]


def default_place() -> Path:
    """Return the file of the user's own knowledge base."""
    return platformdirs.user_data_path("autometa") / "knowledge.db"


def chosen_place(place: str | Path | None = None) -> str | Path:
    """Return a place if there is one, else what ``AUTOMETA_DATABASE_URL`` names, else the user's own file."""
    return place if place is not None else os.environ.get(URL_VARIABLE) or default_place()


def shipped_shards() -> tuple[Path, ...]:
    """Return the shards that come with this release, oldest first."""
    return tuple(sorted(data_path("knowledge").glob("*.parquet")))


def open_knowledge(place: str | Path | None = None, *, progress: Progress | None = None) -> KnowledgeBase:
    """Open a knowledge base.

    Parameters
    ----------
    place : str or Path, optional
        A file or database URL, which must exist. Default: what the environment variable ``AUTOMETA_DATABASE_URL``
        names; without it the user's own, made from the shipped shards where it is missing and topped up where this
        release brings shards that it has not seen.
    progress : callable, optional
        Called with (shards read, shards to read, families joined) while shards are read.

    Raises
    ------
    KnowledgeError
        If it does not exist, or cannot be opened or written.
    SchemaError
        If its schema is not the one of this release.
    """
    place = place if place is not None else os.environ.get(URL_VARIABLE) or None
    if place is not None:
        return KnowledgeBase(place)
    path = default_place()
    if not path.exists():
        create_filled(path, progress=progress)
    base = KnowledgeBase(path)
    try:
        add_shards(base, missing_shards(base), progress=progress)
    except BaseException:
        base.close()
        raise
    return base


def create_filled(place: str | Path, *, progress: Progress | None = None) -> None:
    """Make a knowledge base from the shipped shards.

    A SQLite file appears under its name only when it is complete; of two processes that make it at once, one wins and
    the other takes what the first made.

    Raises
    ------
    KnowledgeError
        If there is one already, or the place cannot be written.
    """
    url = to_url(place)
    if url.get_backend_name() != "sqlite":
        with KnowledgeBase.create(place) as base:
            add_shards(base, shipped_shards(), progress=progress)
        return
    path = Path(shown(url))
    try:
        if path.exists():
            raise KnowledgeError(f"{path} exists already; open it, or remove the file first")
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
            unfinished = Path(folder) / "knowledge.db"
            with KnowledgeBase.create(unfinished) as base:
                add_shards(base, shipped_shards(), progress=progress)
            _link(unfinished, path)
    except OSError as error:
        raise KnowledgeError(f"cannot make {path}: {error.strerror}") from error


def missing_shards(base: KnowledgeBase) -> tuple[Path, ...]:
    """Return the shipped shards that a base has not read, by name: a shard never changes."""
    with base.reading() as connection:
        known = set(connection.execute(select(tables.shards.c.name)).scalars())
    return tuple(path for path in shipped_shards() if path.name not in known)


def add_shards(base: KnowledgeBase, shards: Sequence[Path], *, progress: Progress | None = None) -> None:
    """Read shipped shards into a base, each in a transaction of its own.

    Those that withdraw runs come first: a new result that comes before its old one is withdrawn, from another shard,
    would be kept aside as differing, without its scores per fold.
    """
    n_joined = 0
    for number, path in enumerate(sorted(shards, key=lambda path: not is_withdrawing(path))):
        if progress is not None:
            progress(number, len(shards), n_joined)
        n_joined += import_shard(base, path, is_shipped=True).n_joined
    if shards and progress is not None:
        progress(len(shards), len(shards), n_joined)


def _link(unfinished: Path, path: Path) -> None:
    """Give a finished database its name, unless another process was first."""
    try:
        os.link(unfinished, path)
    except FileExistsError:
        return
    except OSError:  # a file system without hard links
        if not path.exists():
            unfinished.replace(path)
