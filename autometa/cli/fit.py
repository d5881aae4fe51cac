"""`autometa fit`."""

import math
import sys
from pathlib import Path
from time import monotonic
from typing import Annotated, Any

import numpy as np
import typer

from autometa._passwords import hide_passwords
from autometa.cli.models import leaderboard_notes, leaderboard_rows
from autometa.cli.options import (
    AlgorithmsOption,
    CategoricalOption,
    DataArgument,
    DatabaseOption,
    FormatOption,
    IgnoreOption,
    KindOption,
    MaxMemoryOption,
    MaxRowsOption,
    MetricOption,
    OfflineOption,
    PositiveOption,
    RecommenderOption,
    SeedOption,
    TargetOption,
    given,
    opened,
    split,
    task_content,
)
from autometa.cli.output import Format, print_content, print_renderables
from autometa.cli.refining import JobsOption, RecordOption, refining_progress
from autometa.evaluation.record import LOCAL
from autometa.recommender_names import DEFAULT_RECOMMENDER


def fit(  # noqa: PLR0913 - an argument for each option
    data: DataArgument,
    target: TargetOption = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where the model goes.", show_default=False)
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file.", show_default=False)] = False,
    time: Annotated[
        float | None,
        typer.Option(
            "--time",
            metavar="SECONDS",
            help="For everything; 0: no search, the first advice is fitted; default: 60, or no limit with --trials.",
            show_default=False,
        ),
    ] = None,
    trials: Annotated[
        int | None,
        typer.Option(
            "--trials",
            metavar="N",
            help="At most so many pipelines; without --time, the same seed gives the same model.",
            show_default=False,
        ),
    ] = None,
    ensemble: Annotated[
        bool, typer.Option("--ensemble/--single", help="Average several pipelines where that is better.")
    ] = True,
    metric: MetricOption = "auto",
    task: KindOption = None,
    ignore_columns: IgnoreOption = None,
    categorical: CategoricalOption = None,
    positive_class: PositiveOption = None,
    max_rows: MaxRowsOption = None,
    offline: OfflineOption = False,
    max_memory: MaxMemoryOption = None,
    algorithms: AlgorithmsOption = None,
    recommender: RecommenderOption = DEFAULT_RECOMMENDER,
    record: RecordOption = False,
    db: DatabaseOption = None,
    jobs: JobsOption = 1,
    seed: SeedOption = 0,
    form: FormatOption = Format.TABLE,
) -> None:
    """Fit the best model that is found within the time, and store it.

    \b
    Example:
      autometa fit data/examples/wine.csv --target cultivar --time 10 -o wine.skops
    """
    begun = monotonic()
    from autometa._writing import check_place
    from autometa.fitting import FitOptions, fit_task
    from autometa.fitting.storing import model_of
    from autometa.persistence import MOST_SECONDS, save
    from autometa.sources.tables import as_task

    if output is not None:
        check_place(output, force=force, what="the model")
    seconds = time if time is not None or trials is not None else _USUAL_SECONDS
    to_store = min(_STORING_SHARE * max(seconds or 0.0, 0.0), _MOST_STORING_SECONDS) if output is not None else 0.0
    options = FitOptions(
        metric=metric,
        time_budget=None if seconds is None else seconds - to_store,
        n_trials=trials,
        max_memory=max_memory,
        ensemble=ensemble,
        algorithms=split(algorithms),
        recommender=recommender,
        n_jobs=jobs,
        seed=seed,
        origin=LOCAL if record else None,
        started=begun,
    )
    table = as_task(data, **given(target, task, ignore_columns, categorical, positive_class, max_rows, offline))
    with opened(db) as base, refining_progress(options.time_budget, options.n_trials, str(metric)) as report:
        fitted = fit_task(table, np.asarray(table.y), base, options, report=report)
    if output is not None:
        left = begun + seconds - monotonic() - _SAVING_SECONDS if seconds else MOST_SECONDS
        max_seconds = min(max(left, 0.0), MOST_SECONDS)
        model = model_of(fitted, table, command=command_line(), seed=seed, max_seconds=max_seconds)
        save(model, output, force=force)
    if form is not Format.TABLE:
        print_content(_content(table, fitted, output), form)
        return
    from autometa.cli.drawing import draw_notes, draw_rows, draw_task

    tried = _leaderboard(fitted)
    print_renderables(
        *draw_task(table, fitted.metric),
        *draw_notes(fitted.notes),
        "",
        draw_rows(leaderboard_rows(tried, fitted.metric)),
        "",
        *draw_notes([*leaderboard_notes(tried), _outcome(fitted), f"stored: {output}" if output else _UNSTORED]),
    )


_USUAL_SECONDS = 60.0
_STORING_SHARE = 0.15  # of the time, to see what the model rests on, and to write it
_MOST_STORING_SECONDS = 6.0
_SAVING_SECONDS = 0.5  # which writing alone takes
_UNSTORED = "not stored; name a file with -o model.skops, for: autometa predict model.skops new.csv"


def command_line() -> str:
    """Return the command line, as the card tells it: without passwords."""
    import shlex

    return shlex.join(["autometa", *map(hide_passwords, sys.argv[1:])])


def _leaderboard(fitted: Any) -> list[dict[str, Any]]:  # Any: JSON
    """Return the leaderboard in plain values."""
    from autometa.fitting.leaderboard import plain_rows

    return plain_rows(fitted.leaderboard)


def _outcome(fitted: Any) -> str:  # Any: as above
    """Return in a line what was fitted on all rows."""
    algorithms = [configuration.algorithm for configuration in fitted.configurations]
    what = algorithms[0] if len(algorithms) == 1 else f"an average of {', '.join(algorithms)}"
    if math.isnan(fitted.score):
        return f"fitted on all rows: {what}; nothing was measured{'' if fitted.study is None else ' to the end'}"
    from autometa.cli.drawing import short

    return f"fitted on all rows: {what}, out of fold {fitted.metric} {short(fitted.score)}"


def _content(task: Any, fitted: Any, output: Path | None) -> dict[str, Any]:  # Any: as above, and JSON
    """Return the documented JSON (docs/output.md)."""
    return {
        "task": task_content(task, fitted.metric),
        "score": fitted.score,
        "is_ensemble": fitted.ensemble is not None,
        "leaderboard": _leaderboard(fitted),
        "notes": list(fitted.notes),
        "model": None if output is None else str(output),
    }
