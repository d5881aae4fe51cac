"""`autometa evaluate`."""

from typing import Any

import numpy as np
import pandas as pd

from autometa.cli.models import CHUNK_ROWS, ModelArgument, TableArgument, TrustOption, warnings_said
from autometa.cli.output import Format, FormatOption, print_content, print_renderables
from autometa.errors import DataError
from autometa.evaluation.scoring import FoldScores, class_positions, score_fold
from autometa.metric import METRICS
from autometa.persistence import Model, load
from autometa.reading.loading import read_chunks
from autometa.reading.wording import quote


def evaluate(
    model: ModelArgument, data: TableArgument, trust: TrustOption = False, form: FormatOption = Format.TABLE
) -> None:
    """Score a model file on a table that has the target too: every metric of its kind.

    \b
    Example:
      autometa evaluate model.skops data/examples/wine.csv
    """
    with warnings_said():
        fitted = load(model, trust=trust)
        scored, n_rows, n_without = _scores(fitted, data)
    content = {
        "kind": str(fitted.kind),
        "target": fitted.target,
        "metric": fitted.metric,
        "n_rows": n_rows,
        "n_without_target": n_without,
        "scores": dict(scored.scores),
        "absent": dict(scored.absent),
    }
    if form is Format.TABLE:
        _print_table(content)
    else:
        print_content(content, form)


def _scores(model: Model, data: str) -> tuple[FoldScores, int, int]:
    """Return the scores, the number of rows that have a target, and of those that have none."""
    truths: list[np.ndarray] = []
    predicted: list[np.ndarray] = []
    probabilities: list[np.ndarray] = []
    n_without = 0
    kept: list[np.ndarray] = []

    def with_target() -> Any:
        nonlocal n_without
        for chunk in read_chunks(data, CHUNK_ROWS):
            truth = model.reader.read_target(chunk.frame, decimal=chunk.decimal)
            is_there = truth.notna().to_numpy()
            n_without += int((~is_there).sum())
            kept.append(is_there)
            truths.append(_as_scored(model, truth[is_there]))
            yield chunk

    for place, table in enumerate(model.reader.read_all(with_target())):
        rows = table[kept[place]]
        if rows.empty:
            continue
        predicted.append(_as_scored(model, pd.Series(model.predict_read(rows))))
        if model.kind.is_classification:
            probabilities.append(model.probabilities_read(rows))
    if not predicted:
        raise DataError(f"all values of the target {quote(model.target)} are missing; give a table that has it")
    given = np.concatenate(probabilities) if probabilities else None
    scored = score_fold(model.kind, np.concatenate(truths), np.concatenate(predicted), given)
    return scored, sum(map(len, predicted)), n_without


def _as_scored(model: Model, values: pd.Series) -> np.ndarray:
    """Return classes as their positions, numbers as they are (n_rows,)."""
    if not model.kind.is_classification:
        return values.to_numpy(dtype=np.float64)
    return class_positions(np.asarray(values, dtype=object), model.classes)


def _print_table(content: dict[str, Any]) -> None:
    """Print the scores for people, the model's own metric marked."""
    from autometa.cli.drawing import draw_notes, draw_rows, short

    rows = [
        {
            "metric": f"{name} *" if name == content["metric"] else name,
            "score": short(score),
            "better": "greater" if METRICS[name].greater_is_better else "smaller",
        }
        for name, score in content["scores"].items()
    ]
    notes = [f"{content['n_rows']:,} rows; *: the metric that the model was chosen by"]
    if content["n_without_target"]:
        notes.append(f"left out, for {quote(content['target'])} is missing: {content['n_without_target']:,} rows")
    notes += [f"{name}: {reason}" for name, reason in content["absent"].items()]
    print_renderables(draw_rows(rows), *draw_notes(notes))
