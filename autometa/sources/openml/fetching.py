"""Fetching: the files of a data set or task, from the cache of the `openml` library or from OpenML.

The library fills its cache, and the files in it are read here: what is in the cache is not asked for again, and offline
it must do. A process that was killed may have left half of a file there, which the library would take for the whole
one: what is broken is removed, with all that the library derived from it, and fetched once more. Where an answer does
not come, the library removes all that it has of that data set or task, the data too: here it outlives that.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

import pandas as pd

from autometa.errors import DataError, NotOfferedError, OptionError, SourceError
from autometa.reading.loading import load
from autometa.sources.openml.answers import (
    BrokenAnswerError,
    ColumnInfo,
    DatasetInfo,
    RepeatSplits,
    TaskInfo,
    parse_columns,
    parse_dataset,
    parse_qualities,
    parse_splits,
    parse_task,
)
from autometa.sources.openml.connection import Connection

T = TypeVar("T")
_Numbered = TypeVar("_Numbered", DatasetInfo, TaskInfo)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted(Generic[T]):
    """Something in a file of the cache: what it is called, where it may lie, how it is read, and what fetches it."""

    what: str
    places: Sequence[Path]
    parse: Callable[[Path], T]
    fetch: Callable[[], object]
    is_data: bool = False


def fetch_dataset(connection: Connection, number: int) -> DatasetInfo:
    """Return what OpenML says of a data set.

    Raises
    ------
    NotOfferedError
        As all functions here, if OpenML has no such thing.
    SourceError
        If it does not answer, or offline what is not in the cache.
    """
    path = _folder(connection, "datasets", number) / "description.xml"
    parse = partial(_about, number, parse_dataset)
    return _kept(connection, _Wanted(what=_named(number), places=[path], parse=parse, fetch=_dataset(number)))


def fetch_columns(connection: Connection, number: int) -> tuple[ColumnInfo, ...] | None:
    """Return what OpenML says of the columns of a data set; None if it says nothing of them."""
    path = _folder(connection, "datasets", number) / "features.xml"
    wanted = _Wanted(
        what=f"the columns of {_named(number)}",
        places=[path],
        parse=parse_columns,
        fetch=_dataset(number, download_features_meta_data=True),
    )
    if connection.is_offline and not path.is_file() and _data_file(connection, number) is not None:
        return None  # it had been asked for before the data came
    try:
        return _kept(connection, wanted)
    except NotOfferedError:
        return None


def fetch_size(connection: Connection, number: int) -> tuple[int, int] | None:
    """Return the numbers of rows and of columns of a data set, the target too, before its data are fetched.

    None if they are here already, or OpenML does not say.
    """
    path = _folder(connection, "datasets", number) / "qualities.xml"
    if not path.is_file() and (connection.is_offline or _data_file(connection, number) is not None):
        return None
    qualities = fetch_qualities(connection, number)
    if not {"NumberOfInstances", "NumberOfFeatures"} <= set(qualities):
        return None
    return int(qualities["NumberOfInstances"]), int(qualities["NumberOfFeatures"])


def fetch_qualities(connection: Connection, number: int) -> dict[str, float]:
    """Return what OpenML has counted and computed of a data set, by its names; nothing where it has not."""
    wanted = _Wanted(
        what=f"the qualities of {_named(number)}",
        places=[_folder(connection, "datasets", number) / "qualities.xml"],
        parse=parse_qualities,
        fetch=_dataset(number, download_qualities=True),
    )
    try:
        return _kept(connection, wanted)
    except NotOfferedError:
        return {}


def fetch_data(connection: Connection, info: DatasetInfo) -> pd.DataFrame:
    """Return the table of a data set as its file has it, Parquet where OpenML has one that comes, else ARFF.

    Raises
    ------
    DataError
        If the file is whole, but no table that could be read.
    """
    folder = _folder(connection, "datasets", info.number)
    wanted = _Wanted(
        what=f"the data of {_named(info.number)}",
        places=[folder / f"dataset_{info.number}.pq", folder / "dataset.arff"],
        parse=partial(_table, info=info),
        fetch=_dataset(info.number, download_data=True),
        is_data=True,
    )
    return _kept(connection, wanted)


def fetch_task(connection: Connection, number: int) -> TaskInfo:
    """Return what OpenML says of a task."""
    path = _folder(connection, "tasks", number) / "task.xml"
    parse, fetch = partial(_about, number, parse_task), _task(number, with_splits=False)
    return _kept(connection, _Wanted(what=f"task {number}", places=[path], parse=parse, fetch=fetch))


def fetch_splits(connection: Connection, info: TaskInfo) -> RepeatSplits:
    """Return the splits of a task."""
    wanted = _Wanted(
        what=f"the splits of task {info.number}",
        places=[_folder(connection, "tasks", info.number) / "datasplits.arff"],
        parse=partial(parse_splits, info=info),
        fetch=_task(info.number, with_splits=True),
        is_data=True,
    )
    return _kept(connection, wanted)


def fetch_suite(connection: Connection, suite: str) -> tuple[int, ...]:
    """Return the ids of the tasks of a benchmark suite, by its id or its alias; the library keeps none in its cache.

    Raises
    ------
    OptionError
        If it has no tasks.
    SourceError
        As of the others; offline always.
    """
    if connection.is_offline:
        raise SourceError(
            f"offline, and suites are never in the cache of openml; name the tasks of suite {suite} by --openml-tasks"
        )

    def ask() -> list[int] | None:
        import openml

        tasks: list[int] | None = openml.study.get_suite(int(suite) if suite.isdecimal() else suite).tasks
        return tasks

    tasks = connection.ask(f"suite {suite}", ask)
    if not tasks:
        raise OptionError(f"OpenML's suite {suite} has no tasks; choose another")
    return tuple(tasks)


def _kept(connection: Connection, wanted: _Wanted[T]) -> T:
    """Return what is wanted from the cache, fetched where it is not there or broken."""
    reason = ""
    for _ in range(2):
        path = next((place for place in wanted.places if place.is_file()), None)
        if path is None and connection.is_offline:
            raise SourceError(
                f"offline, and {wanted.what} is not in the cache of openml ({wanted.places[-1]}); "
                "leave out --offline once"
            )
        if path is None:
            for place in wanted.places:
                _drop(place)
            fetch = partial(_sparing, wanted.places[0].parent, wanted.fetch)
            connection.ask(wanted.what, fetch, is_data=wanted.is_data)
            path = next((place for place in wanted.places if place.is_file()), None)
        if path is None:
            raise SourceError(
                f"the openml library did not keep {wanted.what} in {wanted.places[-1].parent}; look there"
            )
        try:
            return wanted.parse(path)
        except BrokenAnswerError as error:
            reason = str(error)
        if connection.is_offline:
            raise SourceError(
                f"offline, and {wanted.what} is broken in the cache of openml ({path}: {reason}); "
                "leave out --offline once"
            )
        _drop(path)
    raise SourceError(f"OpenML gives {wanted.what} in a form that cannot be read ({reason}); report it to OpenML")


def _about(number: int, parse: Callable[[Path], _Numbered], path: Path) -> _Numbered:
    """Return what is parsed, broken if it is about another data set or task."""
    info = parse(path)
    if info.number != number:
        raise BrokenAnswerError(f"{path.name} is about {info.number}")
    return info


def _sparing(folder: Path, fetch: Callable[[], object]) -> object:
    """Return what is fetched; where that fails, the files that were in a folder before are there again."""
    with tempfile.TemporaryDirectory(prefix="spared-", dir=_existing(folder.parent)) as spared:
        for path in folder.glob("*"):
            if path.is_file():
                _link(path, Path(spared) / path.name)
        try:
            return fetch()
        except BaseException:
            folder.mkdir(exist_ok=True)
            for path in Path(spared).iterdir():
                if not (folder / path.name).exists():
                    path.replace(folder / path.name)
            raise


def _existing(folder: Path) -> Path:
    """Return a folder, made if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _link(path: Path, other: Path) -> None:
    """Give a file a second name, or a copy where the file system has no such thing."""
    try:
        os.link(path, other)
    except OSError:
        shutil.copy2(path, other)


def _table(path: Path, info: DatasetInfo) -> pd.DataFrame:
    """Return the table in a file, broken if it is not what OpenML's checksum says, or half of a Parquet file."""
    is_arff = path.suffix == ".arff"
    if is_arff and info.md5:
        digest = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
        if digest != info.md5:
            raise BrokenAnswerError(f"{path.name} is not what its checksum says")
    try:
        return load(path).frame
    except DataError as error:
        if is_arff:
            raise DataError(f"{_named(info.number)} of OpenML: {error}") from error
        raise BrokenAnswerError(str(error)) from error


def _drop(path: Path) -> None:
    """Remove a file, and what the library derived from it, which it would read instead."""
    for derived in path.parent.glob(f"{path.stem}.*"):
        derived.unlink(missing_ok=True)


def _folder(connection: Connection, kind: str, number: int) -> Path:
    """Return where the library keeps the files of a data set or a task."""
    return connection.cache / kind / str(number)


def _data_file(connection: Connection, number: int) -> Path | None:
    """Return the file of a data set's table, None if it is not here yet."""
    folder = _folder(connection, "datasets", number)
    places = (folder / f"dataset_{number}.pq", folder / "dataset.arff")
    return next((place for place in places if place.is_file()), None)


def _named(number: int) -> str:
    """Return what messages call a data set."""
    return f"data set {number}"


def _dataset(number: int, **wanted: Any) -> Callable[[], object]:
    """Return what lets the library fetch files of a data set; Any: flags of the library's."""

    def fetch() -> object:
        import openml

        return openml.datasets.get_dataset(number, **wanted)

    return fetch


def _task(number: int, *, with_splits: bool) -> Callable[[], object]:
    """Return what lets the library fetch the files of a task."""

    def fetch() -> object:
        import openml

        return openml.tasks.get_task(number, download_splits=with_splits)

    return fetch
