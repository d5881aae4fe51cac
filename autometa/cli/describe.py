"""`autometa describe`."""

import math
from typing import Any

from autometa.advisor import Advisor, describe_task
from autometa.cli.drawing import draw_neighbours, draw_notes, draw_rows, draw_task, short
from autometa.cli.importing import MEASURING, load
from autometa.cli.options import (
    CategoricalOption,
    DataArgument,
    DatabaseOption,
    FormatOption,
    IgnoreOption,
    KindOption,
    MaxRowsOption,
    OfflineOption,
    PositiveOption,
    SeedOption,
    TargetOption,
    given,
    opened,
    task_content,
)
from autometa.cli.output import Format, print_content, print_renderables
from autometa.errors import NotKnownError
from autometa.metric import default_metric
from autometa.recommenders.recommendation import KnownTask
from autometa.sources.tables import as_task
from autometa.task import Task

_UNDEFINED = "?: not defined for this table, or not for this kind of task"


def describe(  # noqa: PLR0913 - an argument for each option
    data: DataArgument,
    target: TargetOption = None,
    task: KindOption = None,
    ignore_columns: IgnoreOption = None,
    categorical: CategoricalOption = None,
    positive_class: PositiveOption = None,
    max_rows: MaxRowsOption = None,
    offline: OfflineOption = False,
    db: DatabaseOption = None,
    seed: SeedOption = 0,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show what is seen in a table: its columns, meta-features and nearest known tasks.

    \b
    Example:
      autometa describe data/examples/wine.csv --target cultivar
    """
    table = as_task(data, **given(target, task, ignore_columns, categorical, positive_class, max_rows, offline))
    load(*MEASURING)
    features = describe_task(table, seed=seed)[1]
    known_tasks: tuple[KnownTask, ...] = ()
    novelty, notes = 1.0, list(table.notes)
    with opened(db) as base:
        notes += Advisor(base).near_notes(table)
        try:
            known_tasks, novelty = Advisor(base).known_tasks(table, seed)
        except NotKnownError as error:
            notes.append(str(error))
    if form is not Format.TABLE:
        content = {
            "task": task_content(table, default_metric(table.kind).name),
            "columns": _columns(table),
            "metafeatures": dict(features.values),
            "failures": dict(features.failures),
            "known_tasks": [{"name": k.name, "distance": round(k.distance, 4)} for k in known_tasks],
            "novelty": round(novelty, 4),
            "notes": notes,
        }
        print_content(content, form)
        return
    print_renderables(
        *draw_task(table, default_metric(table.kind).name),
        *(draw_neighbours(known_tasks, novelty) if known_tasks else ()),
        *draw_notes(notes),
        "",
        draw_rows(_columns(table)),
        "",
        draw_rows([{"meta-feature": name, "value": _figure(value)} for name, value in features.values.items()]),
        *draw_notes([_UNDEFINED] if any(map(math.isnan, features.values.values())) else []),
        *draw_notes([f"{name} failed: {reason}" for name, reason in features.failures.items()]),
    )


def _figure(value: float) -> str:
    """Return a meta-feature as people read it: counts as whole numbers."""
    return f"{value:.0f}" if value.is_integer() else short(value)


def _columns(task: Task) -> list[dict[str, Any]]:  # Any: JSON
    """Return what is known of each column."""
    return [
        {
            "name": name,
            "kind": str(kind),
            "n_missing": int(task.X[name].isna().sum()),
            "n_distinct": int(task.X[name].nunique()),
        }
        for name, kind in task.column_kinds.items()
    ]
