"""Options that several commands share."""

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from autometa.cli.output import FormatOption as FormatOption
from autometa.cli.output import shard_progress
from autometa.errors import OptionError
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.shipped import URL_VARIABLE, open_knowledge
from autometa.recommender_names import RECOMMENDER_NAMES
from autometa.task import Task
from autometa.wish import TRADE_OFFS

DatabaseOption = Annotated[
    str | None,
    typer.Option(
        "--db",
        metavar="FILE|URL",
        help=f"Knowledge base; default: ${URL_VARIABLE}, else your own.",
        show_default=False,
    ),
]
DataArgument = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="A table: CSV, Parquet, Feather, ARFF, JSON lines, packed or not; - for stdin; openml:31, openml:task/3.",
    ),
]
TargetOption = Annotated[
    str | None,
    typer.Option("--target", "-t", help="Target column, by name or position; default: the last.", show_default=False),
]
KindOption = Annotated[
    str | None,
    typer.Option(
        "--task", help="binary, multiclass, classification or regression; default: inferred.", show_default=False
    ),
]
IgnoreOption = Annotated[
    str | None, typer.Option("--ignore-columns", metavar="A,B,...", help="Columns to leave out.", show_default=False)
]
CategoricalOption = Annotated[
    str | None,
    typer.Option(
        "--categorical", metavar="A,B,...", help="Columns of categories, numbers included.", show_default=False
    ),
]
PositiveOption = Annotated[
    str | None,
    typer.Option("--positive-class", help="The positive class of a binary target.", show_default=False),
]
OfflineOption = Annotated[
    bool,
    typer.Option("--offline", help="Of OpenML, only what its library has in its cache.", show_default=False),
]
MaxRowsOption = Annotated[
    int | None, typer.Option("--max-rows", help="Sample longer tables to so many rows.", show_default=False)
]
NumberOption = Annotated[int, typer.Option("-k", help="Number of pipelines.")]
MaxFitTimeOption = Annotated[
    float | None,
    typer.Option("--max-fit-time", metavar="SECONDS", help="Longest predicted fit.", show_default=False),
]
AlgorithmsOption = Annotated[
    str | None,
    typer.Option(
        "--algorithms",
        metavar="A,B,...",
        help="Only these; interpretable: linear models, LDA, naive Bayes, single trees.",
        show_default=False,
    ),
]
RecommenderOption = Annotated[str, typer.Option("--recommender", help=f"One of: {', '.join(RECOMMENDER_NAMES)}.")]
ExcludeOriginOption = Annotated[
    list[str] | None,
    typer.Option("--exclude-origin", metavar="NAME", help="As if its runs were not there.", show_default=False),
]
WeightOriginOption = Annotated[
    list[str] | None,
    typer.Option(
        "--weight-origin", metavar="NAME=WEIGHT", help="How much its runs count; 1 is usual.", show_default=False
    ),
]
ProbeOption = Annotated[
    float | None,
    typer.Option(
        "--probe",
        metavar="SECONDS",
        help="First measure the advice and common defaults on the table, for so long.",
        show_default=False,
    ),
]
MaxMemoryOption = Annotated[
    str | None,
    typer.Option("--max-memory", metavar="SIZE", help="Most memory predicted for a fit, as 2GB.", show_default=False),
]
TradeOffOption = Annotated[
    str | None,
    typer.Option(
        "--trade-off",
        metavar="COST",
        help=f"Pipelines of which none is expected to be beaten in both score and COST: {', '.join(TRADE_OFFS)}.",
        show_default=False,
    ),
]
MetricOption = Annotated[str, typer.Option("--metric", "-m", help="Metric of the scores; auto: by kind of task.")]
SeedOption = Annotated[int, typer.Option("--seed", help="Seed of all that is drawn.")]


@contextmanager
def opened(place: str | None) -> Iterator[KnowledgeBase]:
    """Open the knowledge base that an option names."""
    with shard_progress() as progress:
        base = open_knowledge(place, progress=progress)
    with base:
        yield base


def split(words: str | None) -> list[str] | None:
    """Return the parts between commas, without the blanks around them."""
    return [word.strip() for word in words.split(",")] if words else None


def weights_of(words: Iterable[str]) -> dict[str, float]:
    """Return name -> weight of words like "name=0.5".

    Raises
    ------
    OptionError
        If a word is not of that form, or a name stands twice.
    """
    weights: dict[str, float] = {}
    for word in words:
        name, _, number = word.rpartition("=")
        try:
            weight = float(number)
        except ValueError:
            weight = math.nan
        if not name or math.isnan(weight):
            raise OptionError(f"not a weight of an origin: '{word}'; write NAME=0.5")
        if name in weights:
            raise OptionError(f"origin '{name}' has two weights; give one")
        weights[name] = weight
    return weights


def given(  # noqa: PLR0913 - an argument for each option
    target: str | None,
    kind: str | None,
    ignore_columns: str | None,
    categorical: str | None,
    positive_class: str | None,
    max_rows: int | None,
    offline: bool = False,
) -> dict[str, Any]:  # Any: arguments of several types
    """Return the arguments of `as_task` that the options give, without those left at their defaults."""
    arguments = {
        "target": target,
        "kind": kind,
        "ignore_columns": split(ignore_columns),
        "categorical": split(categorical),
        "positive_class": positive_class,
        "max_rows": max_rows,
        "offline": offline or None,
    }
    return {name: value for name, value in arguments.items() if value is not None}


def task_content(task: Task, metric: str) -> dict[str, Any]:  # Any: JSON
    """Return what every result says about its task."""
    return {
        "name": task.name,
        "kind": str(task.kind),
        "target": task.target,
        "n_rows": task.n_rows,
        "n_columns": task.n_columns,
        "metric": metric,
        "fingerprint": task.fingerprint,
    }
