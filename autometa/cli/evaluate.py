"""`autometa evaluate`."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from autometa.cli.models import CHUNK_ROWS, ModelArgument, TableArgument, TrustOption, warnings_said
from autometa.cli.output import Format, FormatOption, print_content, print_renderables
from autometa.errors import DataError, UserError
from autometa.evaluation.scoring import FoldScores, class_positions, score_fold
from autometa.metric import METRICS
from autometa.persistence import Model, load
from autometa.reading import read_task
from autometa.reading.loading import read_chunks
from autometa.reading.wording import count, quote
from autometa.task import ColumnKind


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
        scored = _scored(fitted, data)
        is_training_table = _is_training_table(fitted, data, scored)
    content = {
        "kind": str(fitted.kind),
        "target": fitted.target,
        "metric": fitted.metric,
        "n_rows": scored.n_rows,
        "n_without_target": scored.n_without_target,
        "is_training_table": is_training_table,
        "scores": dict(scored.scores.scores),
        "absent": {name: reason.replace("a test fold", "a table") for name, reason in scored.scores.absent.items()},
    }
    if form is Format.TABLE:
        _print_table(content)
    else:
        print_content(content, form)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scored:
    """The scores of a table, of how many rows with and without a target, and the names of its columns."""

    scores: FoldScores
    n_rows: int
    n_without_target: int
    columns: tuple[str, ...]


def _scored(model: Model, data: str) -> _Scored:
    """Return what a model scores on a table."""
    truths: list[np.ndarray] = []
    predicted: list[np.ndarray] = []
    probabilities: list[np.ndarray] = []
    n_without = 0
    columns: tuple[str, ...] = ()
    kept: list[np.ndarray] = []

    def with_target() -> Any:
        nonlocal n_without, columns
        for chunk in read_chunks(data, CHUNK_ROWS):
            columns = tuple(chunk.frame.columns)
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
    scores = score_fold(model.kind, np.concatenate(truths), np.concatenate(predicted), given)
    return _Scored(scores=scores, n_rows=sum(map(len, predicted)), n_without_target=n_without, columns=columns)


def _is_training_table(model: Model, data: str, scored: _Scored) -> bool:
    """Return whether a table is found to be the one that the model was fitted on: read as that was, the same content.

    Longer ones, of which the model may have seen a sample, are read as a whole only if they are one piece; and what
    came from standard input cannot be read again.
    """
    n_known = model.card.get("n_rows", 0)
    if data == "-" or not 0 < n_known <= scored.n_rows <= max(n_known, CHUNK_ROWS):
        return False
    kinds = {column["name"]: column["kind"] for column in model.card["columns"]}
    try:
        task = read_task(
            data,
            target=model.target,
            kind=model.kind,
            ignore_columns=[name for name in scored.columns if name not in kinds and name != model.target],
            categorical=[name for name, kind in kinds.items() if kind == ColumnKind.CATEGORICAL],
        )
    except UserError:  # nothing could have been learned from it, so it is another
        return False
    return bool(task.fingerprint == model.card["fingerprint"])


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
    legend = "; *: the metric that the model was chosen by" if content["metric"] in content["scores"] else ""
    notes = [count(content["n_rows"], "row") + legend]
    if content["is_training_table"]:
        notes.append(
            "the very table that the model was fitted on, so this is no test; autometa leaderboard tells the score of "
            "rows that it had not seen"
        )
    if content["n_without_target"]:
        missing = count(content["n_without_target"], "row")
        notes.append(f"left out, for {quote(content['target'])} is missing: {missing}")
    notes += [f"{name}: {reason}" for name, reason in content["absent"].items()]
    print_renderables(draw_rows(rows), *draw_notes(notes))
