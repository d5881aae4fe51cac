"""Where `autometa kb grow` finds its tables: in files, or at OpenML."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from autometa.cli.output import say
from autometa.errors import OptionError

if TYPE_CHECKING:
    from autometa.growing.openml_tables import Found

FromOption = Annotated[
    str | None,
    typer.Option("--from", metavar="PLACE", help="An index.csv, a folder of tables, or one table.", show_default=False),
]
SuiteOption = Annotated[
    str | None,
    typer.Option(
        "--openml-suite", metavar="SUITE", help="The tasks of a suite of OpenML, with their splits.", show_default=False
    ),
]
TasksOption = Annotated[
    str | None,
    typer.Option("--openml-tasks", metavar="ID,ID,...", help="Tasks of OpenML, with their splits.", show_default=False),
]
DatasetsOption = Annotated[
    str | None,
    typer.Option("--openml-datasets", metavar="ID,ID,...", help="Data sets of OpenML.", show_default=False),
]
MaxRowsToGrowOption = Annotated[
    int | None, typer.Option("--max-rows", help="Leave out tables of OpenML with more rows.", show_default=False)
]
MaxColumnsOption = Annotated[
    int | None, typer.Option("--max-columns", help="Leave out tables of OpenML with more columns.", show_default=False)
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What the options say of where tables are; exactly one of the first four is given.

    Raises
    ------
    OptionError
        If it is none of them, or several, or other options do not go with it.
    """

    path: str | None
    suite: str | None
    tasks: str | None
    datasets: str | None
    split: str | None
    target: str | None
    limit: int | None
    max_rows: int | None
    max_columns: int | None
    is_offline: bool

    def __post_init__(self) -> None:
        choices = {
            "--from": self.path,
            "--openml-suite": self.suite,
            "--openml-tasks": self.tasks,
            "--openml-datasets": self.datasets,
        }
        given = [name for name, value in choices.items() if value is not None]
        if len(given) != 1:
            raise OptionError(
                f"say where the tables are by one of {', '.join(choices)}; got {' and '.join(given) or 'none'}"
            )
        of_files = {"--split": self.split, "--target": self.target}
        of_openml = {
            "--max-rows": self.max_rows,
            "--max-columns": self.max_columns,
            "--offline": self.is_offline or None,
        }
        for name, value in (of_openml if self.path is not None else of_files).items():
            if value is not None:
                raise OptionError(f"{name} does not go with {given[0]}; leave it out")

    @property
    def has_own_splits(self) -> bool:
        """Whether the tables come with splits of their own."""
        return self.suite is not None or self.tasks is not None

    def find(self) -> "Found":
        """Return the tables."""
        from autometa.growing.openml_tables import Bounds, Found, find_datasets, find_suite, find_tasks
        from autometa.growing.tables import find_tables
        from autometa.sources.openml.connection import Connection

        if self.path is not None:
            tables = find_tables(self.path, split=self.split, target=self.target)[: self.limit]
            return Found(sources={"": [*tables]})
        connection = Connection(is_offline=self.is_offline)
        bounds = Bounds(
            max_rows=math.inf if self.max_rows is None else self.max_rows,
            max_columns=math.inf if self.max_columns is None else self.max_columns,
        )
        if self.datasets is not None:
            return find_datasets(connection, _numbers(self.datasets)[: self.limit], bounds)
        if self.tasks is not None:
            return find_tasks(connection, _numbers(self.tasks)[: self.limit], bounds)
        if not self.is_offline:
            say(f"asking OpenML for the tasks of suite {self.suite}")
        return find_suite(connection, str(self.suite), bounds, self.limit)


def _numbers(words: str) -> list[int]:
    """Return the ids between commas."""
    parts = [part.strip() for part in words.split(",")]
    wrong = [part for part in parts if not part.removeprefix("-").isdecimal()]
    if wrong:
        raise OptionError(f"not an id of OpenML: '{wrong[0]}'; write numbers with commas between, as 31,37")
    return [int(part) for part in parts]
