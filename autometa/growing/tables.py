"""Tables to grow from: an index file, a folder, or single files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pandas as pd

from autometa.errors import DataError, OptionError
from autometa.evaluation.protocol import OwnSplits
from autometa.knowledge.base import KnowledgeBase
from autometa.reading import read_task
from autometa.task import Task

_ENDINGS = {".csv", ".tsv", ".parquet"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A task that is ready to be measured, with splits of its own if it has any."""

    task: Task
    splits: OwnSplits | None = None


class Source(Protocol):
    """Where a table lies, and how it is to be read."""

    @property
    def name(self) -> str:
        """What messages call it, before it is read."""

    def ready(self) -> Ready:
        """Return the task.

        Raises
        ------
        DataError
            If the table cannot be used.
        SourceError
            If it does not come now.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSource:
    """A table on disk and how it is to be read.

    Parameters
    ----------
    path : Path
        The file.
    name : str
        Name of the task.
    target : str, optional
        Target column; default: the last one.
    kind : str, optional
        Kind of task; default: inferred.
    family : str
        Family of the task; default: its own.
    licence : str
        Licence of the data.
    """

    path: Path
    name: str
    target: str | None = None
    kind: str | None = None
    family: str = ""
    licence: str = "not stated"

    def read(self) -> Task:
        """Return the task.

        Raises
        ------
        DataError
            If the table cannot be used.
        """
        return read_task(
            self.path,
            target=self.target,
            kind=self.kind,
            name=self.name,
            family=self.family,
            licence=self.licence,
        )

    def ready(self) -> Ready:
        """Return the task, to be measured by the protocol of the plan; errors as of `read`."""
        return Ready(task=self.read())


def known_tasks(place: str | Path, base: KnowledgeBase) -> dict[str, Task]:
    """Return those tables of a place that a base knows, by fingerprint; others are not read, as their names tell.

    Raises
    ------
    DataError
        As of `find_tables`, or if such a table cannot be read.
    """
    stored = base.tasks()
    names, fingerprints = set(stored["name"]), set(stored["fingerprint"])
    read = (source.read() for source in find_tables(place) if source.name in names)
    return {task.fingerprint: task for task in read if task.fingerprint in fingerprints}


def find_tables(place: str | Path, *, split: str | None = None, target: str | None = None) -> list[TableSource]:
    """Return the tables of an index file, of a folder, or the one file.

    Parameters
    ----------
    place : str or Path
        ``index.csv`` with a column ``file`` (relative to it) and, as far as known, ``name``, ``task`` (kind),
        ``split``, ``family``, ``licence``, ``target``; or a folder of CSV and Parquet files; or one such file.
    split : str, optional
        Only rows of the index with this value in the column ``split``.
    target : str, optional
        Target column where the index does not name one; an index without a column ``target`` means ``target``.

    Raises
    ------
    DataError
        If there is no such place, or no table in it.
    OptionError
        If ``split`` is asked of something without splits.
    """
    try:
        return _find(Path(place), split, target)
    except PermissionError as error:
        raise DataError(f"no permission to read {place}; change its mode, or run as another user") from error


def _find(path: Path, split: str | None, target: str | None) -> list[TableSource]:
    """Return the tables of a place that may be read."""
    if not path.exists():
        raise DataError(f"no such file or folder: {path}")
    if path.is_dir() and (path / "index.csv").is_file():
        path = path / "index.csv"
    if path.name == "index.csv":
        return _read_index(path, split, target)
    if split is not None:
        raise OptionError(f"--split needs an index.csv with a column 'split'; {path} is none")
    files = sorted(p for p in path.iterdir() if p.suffix.lower() in _ENDINGS) if path.is_dir() else [path]
    if not files:
        raise DataError(f"no CSV or Parquet file in {path}")
    return [TableSource(path=file, name=file.stem, target=target) for file in files]


def _read_index(path: Path, split: str | None, target: str | None) -> list[TableSource]:
    """Return the tables that an index names, in its order."""
    try:
        index = pd.read_csv(path, dtype="str", keep_default_na=False)
    except ValueError as error:  # of pandas: it is empty, or a quote is open; or it is not UTF-8
        raise DataError(f"{path} cannot be read as CSV: {error}") from error
    if "file" not in index.columns:
        raise DataError(f"{path} has no column 'file'; it has: {', '.join(index.columns)[:200]}")
    if split is not None:
        if "split" not in index.columns:
            raise OptionError(f"{path} has no column 'split'")
        found: Sequence[str] = sorted(set(index["split"]))
        index = index[index["split"] == split]
        if index.empty:
            raise OptionError(f"no split '{split}' in {path}; it has: {', '.join(found)}")
    if index.empty:
        raise DataError(f"{path} names no table")
    return [
        TableSource(
            path=path.parent / row["file"],
            name=row.get("name") or Path(row["file"]).stem,
            target=row.get("target") or target or "target",
            kind=row.get("task") or None,
            family=row.get("family") or "",
            licence=row.get("licence") or "not stated",
        )
        for row in index.to_dict("records")
    ]
