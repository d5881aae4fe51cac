"""`autometa export`."""

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from autometa._characters import escape_controls
from autometa.advisor import Advisor
from autometa.cli.drawing import seconds_words, short
from autometa.cli.importing import MEASURING, load
from autometa.cli.options import (
    AlgorithmsOption,
    CategoricalOption,
    DataArgument,
    DatabaseOption,
    IgnoreOption,
    KindOption,
    MaxFitTimeOption,
    MaxMemoryOption,
    MaxRowsOption,
    MetricOption,
    PositiveOption,
    RecommenderOption,
    SeedOption,
    TargetOption,
    given,
    opened,
    split,
)
from autometa.errors import OptionError
from autometa.evaluation.protocol import CV_V1
from autometa.metric import Metric
from autometa.pipelines.exporting import NO_BREAK, Validation, export_script
from autometa.pipelines.rereading import reread
from autometa.reading import read_task
from autometa.reading.options import ReadOptions
from autometa.reading.sampling import sample_rows
from autometa.recommender_names import DEFAULT_RECOMMENDER
from autometa.recommenders.recommendation import Advice
from autometa.reporting.saving import check_place, save
from autometa.sources.openml.reading import is_at_openml
from autometa.task import Task
from autometa.task_kind import TaskKind
from autometa.wish import Wish

_N_LISTED = 10  # pipelines that `recommend` lists, which ranks count in
_MAX_REASONS = 200  # characters


def export(  # noqa: PLR0913 - an argument for each option
    data: DataArgument,
    target: TargetOption = None,
    rank: Annotated[int, typer.Option("--rank", help="Which of the advised pipelines; 1 is the first.")] = 1,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Where to write; default: stdout.", show_default=False),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace that file.", show_default=False)] = False,
    metric: MetricOption = "auto",
    task: KindOption = None,
    ignore_columns: IgnoreOption = None,
    categorical: CategoricalOption = None,
    positive_class: PositiveOption = None,
    max_rows: MaxRowsOption = None,
    max_fit_time: MaxFitTimeOption = None,
    max_memory: MaxMemoryOption = None,
    algorithms: AlgorithmsOption = None,
    recommender: RecommenderOption = DEFAULT_RECOMMENDER,
    db: DatabaseOption = None,
    seed: SeedOption = 0,
) -> None:
    """Write an advised pipeline as a Python script that reads the table, fits and predicts without autometa.

    \b
    Example:
      autometa export data/examples/wine.csv --target cultivar --rank 2
    """
    if output is not None:
        check_place(output, force=force)
    if rank < 1:
        raise OptionError(f"a rank is 1 or more, got {rank}")
    if is_at_openml(data):
        raise OptionError(f"a script reads a file, and {data} is none; write its table to a file, and give that")
    reading = given(target, task, ignore_columns, categorical, positive_class, None)
    ReadOptions(max_rows=max_rows)
    full = read_task(data, **reading)
    rereading = reread(data, full, max_rows=max_rows)
    table = full if max_rows is None else sample_rows(full, max_rows)
    wish = Wish(
        metric=metric,
        k=max(rank, _N_LISTED),
        max_fit_seconds=max_fit_time,
        max_memory=max_memory,
        algorithms=split(algorithms),
        seed=seed,
    )
    load(*MEASURING)
    with opened(db) as base:
        recommendation = Advisor(base, recommender=recommender).recommend(table, wish)
    if rank > len(recommendation):
        raise OptionError(f"there is no pipeline of rank {rank}; {len(recommendation)} are advised")
    advice = recommendation[rank - 1]
    asked = {
        "--target": target,
        "--task": task,
        "--ignore-columns": ignore_columns,
        "--categorical": categorical,
        "--positive-class": positive_class,
        "--max-rows": max_rows,
        "--rank": rank,
        "--metric": metric if metric != "auto" else None,
        "--max-fit-time": max_fit_time,
        "--max-memory": max_memory,
        "--algorithms": algorithms,
        "--recommender": recommender if recommender != DEFAULT_RECOMMENDER else None,
        "--db": db if "://" not in (db or "") else None,  # a URL may hold a password
        "--seed": seed or None,
    }
    validation, unmeasured = _validation(table, recommendation.metric)
    script = export_script(
        advice.configuration,
        kind=advice.kind,
        column_kinds=advice.column_kinds,
        rereading=rereading,
        validation=validation,
        remarks=(*_remarks(advice, recommendation.metric.name), *unmeasured, _command(data, asked)),
        seed=seed,
    )
    _write(script, output, force=force)


def _validation(table: Task, metric: Metric) -> tuple[Validation | None, tuple[str, ...]]:
    """Return how the script measures its pipeline, as the score to expect is meant; or a remark on why it does not."""
    if table.n_rows > CV_V1.row_limit:
        return None, (f"Prints no score: that to expect is of {CV_V1.row_limit:,} rows, and the table has more.",)
    n_folds = min(CV_V1.folds_of(table.n_rows), table.n_rows)
    n_rarest = int(np.bincount(table.class_numbers).min())
    n_rarest -= bool(table.full_n_rows)  # the script draws a sample of its own, which may have a row less
    if metric.name == "roc_auc" and table.kind is TaskKind.BINARY and n_rarest < n_folds:
        return None, (f"Prints no score: roc_auc is undefined where one of {n_folds} folds lacks the rarer class.",)
    return Validation(metric=metric, n_folds=n_folds, is_lacking=n_rarest < n_folds), ()


def _remarks(advice: Advice, metric: str) -> tuple[str, ...]:
    """Return what the script says of the advice."""
    low, high = advice.interval
    reasons = "; ".join(advice.reasons)
    reasons = reasons if len(reasons) <= _MAX_REASONS else reasons[:_MAX_REASONS].rpartition(" ")[0] + " ..."
    expected = f"{short(advice.predicted_score)}, 80{NO_BREAK}% interval {short(low)} to {short(high)}"
    seconds = seconds_words(advice.fit_seconds).replace(" ", NO_BREAK)
    return (
        f"Expected {metric} in cross-validation: {expected}; predicted fit: {seconds}.",
        *([f"Why: {reasons}"] if reasons else []),
    )


def _command(data: str, asked: dict[str, Any]) -> str:  # Any: arguments of several types
    """Return the command that writes the script."""
    options = [word for name, value in asked.items() if value is not None for word in (name, str(value))]
    return "Made by: " + shlex.join(["autometa", "export", data, *options])


def _write(script: str, output: Path | None, *, force: bool) -> None:
    """Write the script where it is wanted."""
    if output is None:
        sys.stdout.write(script)
        return
    save(script, output, force=force)
    words = f"wrote {len(script.splitlines())} lines; run them with: python {shlex.quote(str(output))}"
    sys.stdout.write(escape_controls(words.encode("utf-8", errors="backslashreplace").decode()) + "\n")
