"""Results as people read them: rich tables and texts."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from autometa._sizes import size_words
from autometa.cli.terminal import shown
from autometa.metric import Metric
from autometa.recommenders.evidence import MEASURED
from autometa.recommenders.explaining import Explanation, standing_words
from autometa.recommenders.recommendation import Advice, KnownTask, PredictedGain, Recommendation
from autometa.task import Task

Drawn = Table | Text | Padding | str

_SHORT = 24  # characters of a cell that is never broken
_FIGURES = (0, 2, 4, 5, 6)  # columns of the list of pipelines that are set flush right
_LEGEND = (
    "{metric}: cross-validated score to expect; fit, memory: predicted CPU seconds and peak on the whole table. Last "
    "lines: past tasks, the score there, the place among the pipelines tried. Regret: 0 = the best known, 1 = a median "
    "pipeline."
)
_BY_REGRET = (
    "Order: by the regret to expect, and by what a pipeline adds to those before it; not by {metric} alone, so a later "
    "one may be predicted to score better."
)
_MEASURED_FIRST = "Order: the best of those that were measured on this table, then by the {metric} to expect."
_REFINED = "Order: by {metric}, but first those that were measured to the end."
_PREDICT = "Predict: predicted CPU seconds of predicting as many rows as the table has."
_EXPLAINED = (
    "Open a past run by what stands in brackets: autometa kb show FINGERPRINT. Signed numbers: what the meta-feature "
    "adds to the expected regret."
)


def draw_recommendation(
    task: Task,
    recommendation: Recommendation,
    usage: str = "",
    explanation: Explanation | None = None,
    *,
    is_refined: bool = False,
) -> list[Drawn]:
    """Return what `autometa recommend` prints: what was inferred, the pipelines, and how to use the first, if given."""
    metric = recommendation.metric.name
    order = _order(recommendation, is_refined=is_refined)
    drawn = [
        *draw_task(task, metric),
        *draw_neighbours(recommendation.known_tasks, recommendation.novelty),
        *draw_notes(recommendation.notes),
        "",
        *_pipelines(recommendation, explanation),
        "",
        Text(_LEGEND.format(metric=metric), style="dim"),
        *([Text(order.format(metric=metric), style="dim")] if order else []),
    ]
    if recommendation.trade_off is not None:
        drawn.append(Text(_PREDICT, style="dim"))
    if explanation is not None:
        drawn += [Text(_EXPLAINED, style="dim"), Text(explanation.trust, style="dim")]
    if usage:
        drawn += ["", "[bold]use the first in Python[/]", Padding(Text(usage), (0, 0, 0, 2), expand=False)]
    return drawn


def _order(recommendation: Recommendation, *, is_refined: bool) -> str:
    """Return what pipelines are in the order of, where that is neither the score to expect nor a trade-off."""
    losses = [recommendation.metric.loss(advice.predicted_score) for advice in recommendation]
    if recommendation.trade_off is not None or losses == sorted(losses):
        return ""
    if is_refined:
        return _REFINED
    return _MEASURED_FIRST if MEASURED in recommendation[0].reasons else _BY_REGRET


def draw_task(task: Task, metric: str) -> list[Drawn]:
    """Return two lines on what was inferred about the data."""
    counts = Counter(str(task.column_kinds[name]) for name in task.used_columns)
    columns = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    left_out = f", {len(task.identifiers)} left out as identifier" if task.identifiers else ""
    classes = f", {len(task.classes)} classes" if task.classes else ""
    return [
        f"[bold]{escape(task.name)}[/]: {task.n_rows} row{'s' * (task.n_rows != 1)} x "
        f"{task.n_columns} column{'s' * (task.n_columns != 1)} ({columns}){left_out}",
        f"{task.kind}: predict [bold]{escape(task.target)}[/]{classes}; metric {metric}",
    ]


def draw_neighbours(known_tasks: Sequence[KnownTask], novelty: float) -> list[Drawn]:
    """Return a line with the nearest known tasks."""
    nearest = ", ".join(f"{escape(known.name)} ({known.distance:.2f})" for known in known_tasks)
    return [f"nearest known tasks (distance): {nearest}; more unusual than {novelty:.0%} of the known tasks"]


def draw_notes(notes: Sequence[str]) -> list[Drawn]:
    """Return a line for each note."""
    return [Text(f"- {note}", style="dim") for note in notes]


def short(number: float) -> str:
    """Return a number with four decimals below 10, so that scores near 1 are told apart, and four digits above.

    What hardly has any digits left in four decimals has three of its own.
    """
    if not math.isfinite(number):
        return "?"
    if 0.0 < abs(number) < 1e-3:
        return f"{number:.3g}"
    return f"{number:.4f}" if abs(number) < 10 else f"{number:.4g}"


def _pipelines(recommendation: Recommendation, explanation: Explanation | None) -> list[Drawn]:
    """Return a line of figures for each pipeline, and below it hyperparameters, reasons and past runs."""
    is_traded = recommendation.trade_off is not None
    head = ("#", "pipeline", recommendation.metric.name, "80 % interval", "fit", "memory")
    rows = [
        (*head, "predict") if is_traded else head,
        *(_figures(advice, is_traded=is_traded) for advice in recommendation),
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.rjust(width) if column in _FIGURES else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    drawn: list[Drawn] = [Text(lines[0], style="bold")]
    for place, (line, advice) in enumerate(zip(lines[1:], recommendation, strict=True)):
        drawn.append(Text(line, style="bold"))
        gain = _gain(advice.gain, recommendation.metric)
        below = [Text(_hyperparameters(advice)), Text(gain), Text("; ".join(advice.reasons), style="dim")]
        if explanation is not None:
            below += [Text(words, style="dim") for words in standing_words(explanation.standings[place])]
            below += [Text(move.words, style="dim") for move in explanation.moves[place]]
        below.append(Text(_runs(advice, with_fingerprints=explanation is not None), style="dim"))
        drawn += [Padding(text, (0, 0, 0, widths[0] + 2), expand=False) for text in below if text.plain]
    return drawn


def _figures(advice: Advice, *, is_traded: bool) -> tuple[str, ...]:
    """Return what is told of a pipeline in its line; in a trade-off, times in more digits, that of predicting too."""
    seconds = _fine_seconds if is_traded else seconds_words
    figures = (
        str(advice.rank),
        advice.configuration.algorithm,
        short(advice.predicted_score),
        _interval(advice.interval),
        seconds(advice.fit_seconds),
        size_words(advice.memory_bytes) if math.isfinite(advice.memory_bytes) else "?",
    )
    return (*figures, seconds(advice.predict_seconds)) if is_traded else figures


def _hyperparameters(advice: Advice) -> str:
    """Return the hyperparameters that differ from the defaults, in a line."""
    return ", ".join(f"{name}={value}" for name, value in advice.configuration.values.items())


def _runs(advice: Advice, *, with_fingerprints: bool) -> str:
    """Return the past runs that speak for a pipeline, in a line."""
    return ", ".join(
        f"{run.task}{f' [{run.fingerprint[:12]}]' if with_fingerprints else ''} "
        f"{short(run.score)} ({run.rank}/{run.n_tried})"
        for run in advice.evidence
    )


def _gain(gain: PredictedGain | None, metric: Metric) -> str:
    """Return how much better a pipeline is expected to be than what people take out of habit."""
    if gain is None:
        return ""
    if gain.interval[0] == gain.interval[1]:
        words = f"{_better(gain.score)} than" if gain.score else "as good as"
        return f"{metric.name} {words} LightGBM's default, both measured"
    digits = 1 - math.floor(math.log10(max(map(abs, gain.interval))))  # two of the wider end
    score, low, high = (round(number, digits) for number in (gain.score, *gain.interval))
    words = f"about {_better(score)} than" if score else "about as good as"
    return f"{metric.name} {words} LightGBM's default (80 %: {_better(low)} to {_better(high)})"


def _better(gain: float) -> str:
    """Return by how much a score is better, whatever the metric's direction."""
    return f"{abs(gain):.2g} {'worse' if gain < 0 else 'better'}"


def _interval(interval: tuple[float, float]) -> str:
    """Return an interval; an open end as a question mark."""
    return f"{short(interval[0])} to {short(interval[1])}"


def seconds_words(seconds: float) -> str:
    """Return seconds as people say them, in two significant digits."""
    if not math.isfinite(seconds):
        return "?"
    if seconds < 10:
        return f"{seconds:.2g} s"
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def _fine_seconds(seconds: float) -> str:
    """Return seconds in three digits, which tell short ones apart."""
    return f"{seconds:.3g} s" if seconds < 100 else seconds_words(seconds)


def draw_rows(rows: Sequence[Mapping[str, object]]) -> Table:
    """Return a plain table with a line per row; its columns are those of the first row."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    cells = [{name: "" if value is None else shown(str(value)) for name, value in row.items()} for row in rows]
    for name, value in (rows[0] if rows else {}).items():
        longest = max(len(row[name]) for row in cells)
        justify: Literal["left", "right"] = "right" if isinstance(value, int | float) else "left"
        table.add_column(name, justify=justify, overflow="fold", no_wrap=longest <= _SHORT)
    for row in cells:
        table.add_row(*map(Text, row.values()))
    return table
