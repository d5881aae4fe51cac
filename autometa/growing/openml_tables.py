"""Tables to grow from that lie at OpenML: a suite, tasks, or data sets."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from autometa.errors import DataError, NotOfferedError, OptionError, SourceError
from autometa.evaluation.protocol import OwnSplits
from autometa.growing.reaching import Reach
from autometa.growing.tables import Ready, Source
from autometa.sources.openml.connection import Connection
from autometa.sources.openml.fetching import fetch_size, fetch_splits, fetch_suite, fetch_task
from autometa.sources.openml.reading import Reference, fetch


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Tables with more rows or columns (the target not counted) are left out, before their data are fetched.

    Raises
    ------
    OptionError
        If no table would be left.
    """

    max_rows: float = math.inf
    max_columns: float = math.inf

    def __post_init__(self) -> None:
        if self.max_rows < 2 or self.max_columns < 1:
            raise OptionError(f"no table has so few rows or columns: {self.max_rows} and {self.max_columns}")

    def check(self, n_rows: int, n_columns: int) -> None:
        """Raise a DataError if a table is too large."""
        if n_rows > self.max_rows:
            raise DataError(f"{n_rows:,} rows, more than --max-rows {self.max_rows:,}")
        if n_columns > self.max_columns:
            raise DataError(f"{n_columns:,} columns, more than --max-columns {self.max_columns:,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenMLSource:
    """A data set of OpenML, or a task with its splits.

    Parameters
    ----------
    connection : Connection
        How OpenML is asked.
    reference : Reference
        The data set or task.
    dataset : int
        Id of the data set.
    bounds : Bounds
        How large it may be.
    """

    connection: Connection
    reference: Reference
    dataset: int
    bounds: Bounds

    @property
    def name(self) -> str:
        """What messages call it: "openml:31"."""
        return str(self.reference)

    def ready(self) -> Ready:
        """Return the task; that of a task of OpenML with its splits, of which the first repeat is measured.

        Raises
        ------
        DataError
            If it cannot be used: it is too large, OpenML has it no more, or it has no target.
        SourceError
            If it does not come now.
        """
        try:
            size = fetch_size(self.connection, self.dataset)
            if size is not None:
                self.bounds.check(size[0], size[1] - 1)
            fetched = fetch(self.connection, self.reference)
            task = fetched.task
            self.bounds.check(task.n_rows, task.n_columns)
            if not self.reference.is_task:
                return Ready(task=task)
            info = fetch_task(self.connection, self.reference.number)
            splits = fetch_splits(self.connection, info)
        except (NotOfferedError, OptionError) as error:
            raise DataError(str(error)) from error
        fetched.check_rows()
        folds = splits.for_rows(fetched.rows, fetched.n_file_rows)
        return Ready(task=task, splits=OwnSplits(folds=folds, called=info.protocol))


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What OpenML has of what was asked for.

    Parameters
    ----------
    sources : dict of str to list of Source
        Those with splits of their own by the name of their protocol, others under "".
    skipped, unreached : dict of str to str
        As of `autometa.growing.plan.Grown`.
    """

    sources: dict[str, list[Source]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    unreached: dict[str, str] = field(default_factory=dict)


def find_datasets(connection: Connection, numbers: Sequence[int], bounds: Bounds) -> Found:
    """Return data sets of OpenML; nothing is asked for yet."""
    references = [Reference(number=number) for number in dict.fromkeys(numbers)]
    return Found(sources={"": [_source(connection, each, each.number, bounds) for each in references]})


def find_tasks(connection: Connection, numbers: Sequence[int], bounds: Bounds) -> Found:
    """Return tasks of OpenML, asked for their estimation procedure, and not for their data yet."""
    found = Found()
    reach = Reach()
    for number in dict.fromkeys(numbers):
        reference = Reference(number=number, is_task=True)
        if reach.is_given_up:
            reach.leave(str(reference))
            continue
        try:
            info = fetch_task(connection, number)
        except (NotOfferedError, DataError) as error:
            found.skipped[str(reference)] = str(error)
        except SourceError as error:
            reach.fail(str(reference), error)
        else:
            reach.succeed()
            source = _source(connection, reference, info.dataset, bounds)
            found.sources.setdefault(info.protocol, []).append(source)
    found.unreached.update(reach.unreached)
    return found


def find_suite(connection: Connection, suite: str, bounds: Bounds, limit: int | None = None) -> Found:
    """Return the tasks of a suite of OpenML, given by its id or its alias, or the first of them.

    Raises
    ------
    NotOfferedError
        If there is no such suite.
    SourceError
        If OpenML does not answer.
    """
    return find_tasks(connection, fetch_suite(connection, suite)[:limit], bounds)


def _source(connection: Connection, reference: Reference, dataset: int, bounds: Bounds) -> OpenMLSource:
    """Return a source."""
    return OpenMLSource(connection=connection, reference=reference, dataset=dataset, bounds=bounds)
