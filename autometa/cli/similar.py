"""`autometa similar`."""

from typing import Annotated, Any

import typer

from autometa.advisor import Advisor
from autometa.cli.drawing import draw_notes, draw_rows, draw_task, short
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
from autometa.fewshot.similar import WAYS, SimilarTask
from autometa.metric import default_metric
from autometa.sources.tables import as_task

_WORDS = {
    "embedding": "the cosine of embeddings: 1 = the same configurations are expected to be good",
    "metafeatures": "1 / (1 + distance of meta-features)",
    "both": "share of known tasks that are less alike, mean of embedding and meta-features",
}


def similar(  # noqa: PLR0913 - an argument for each option
    data: DataArgument,
    target: TargetOption = None,
    by: Annotated[
        str | None,
        typer.Option("--by", help=f"{', '.join(WAYS)}; default: embedding where there are any.", show_default=False),
    ] = None,
    k: Annotated[int, typer.Option("-k", help="Number of tasks.")] = 10,
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
    """List the known tasks that are most like a table, and what was best there.

    \b
    Example:
      autometa similar data/examples/wine.csv --target cultivar
    """
    table = as_task(data, **given(target, task, ignore_columns, categorical, positive_class, max_rows, offline))
    load(*MEASURING)
    metric = default_metric(table.kind).name
    with opened(db) as base:
        found = Advisor(base).similar(table, by=by, k=k, seed=seed)
    notes = [*table.notes, *found.notes]
    if form is not Format.TABLE:
        content = {
            "task": task_content(table, metric),
            "by": found.by,
            "similar": [_content(each) for each in found.tasks],
            "notes": notes,
        }
        print_content(content, form)
        return
    print_renderables(
        *draw_task(table, metric),
        *draw_notes([*notes, f"similarity: {_WORDS[found.by]}"]),
        "",
        draw_rows([_row(each, metric) for each in found.tasks]),
    )


def _content(known: SimilarTask) -> dict[str, Any]:  # Any: JSON
    """Return what is told of a known task."""
    best = known.best
    return {
        "name": known.description.name,
        "fingerprint": known.description.fingerprint,
        "family": known.description.family,
        "similarity": round(known.similarity, 4),
        "n_rows": known.description.n_rows,
        "n_columns": known.description.n_columns,
        "best": None
        if best is None
        else {"algorithm": best.algorithm, "hyperparameters": dict(best.values), "key": best.key},
        "score": known.score,
        "n_tried": known.n_tried,
    }


def _row(known: SimilarTask, metric: str) -> dict[str, object]:
    """Return a line of the list."""
    return {
        "task": known.description.name,
        "similarity": round(known.similarity, 3),
        "rows": known.description.n_rows,
        "columns": known.description.n_columns,
        "best": known.best.algorithm if known.best is not None else "nothing succeeded",
        metric: short(known.score),
        "of": known.n_tried,
    }
