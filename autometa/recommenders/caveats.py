"""Caveats: what to know before trusting the advice."""

import heapq
from collections.abc import Mapping, Sequence

import numpy as np

from autometa.evaluation.protocol import Protocol, larger_than
from autometa.evaluation.record import Evaluation
from autometa.knowledge.frames import Experience
from autometa.metric import Metric
from autometa.pipelines.learners import LEARNERS
from autometa.recommenders.base import Recommender, measured_losses
from autometa.recommenders.lacking import expected_gain
from autometa.recommenders.recommendation import Probe
from autometa.recommenders.similarity import NOVEL
from autometa.space import Configuration
from autometa.task import TaskDescription
from autometa.wish import Wish

_FAR = 10  # times the rows that are measured: from there on costs are told to be extrapolated
_FEW_TASKS = 10  # fewer that were measured on so many rows, or more, say too little of costs, or scores, there


def missing_libraries(
    ranker: Recommender,
    description: TaskDescription,
    here: Sequence[Configuration],
    others: Sequence[Configuration],
    observed: Sequence[Evaluation],
    wish: Wish,
) -> list[str]:
    """Return what is not installed, and what it would bring to the best of the advised, but for a trade-off."""
    if not others:
        return []
    names = sorted({other.algorithm for other in others})
    remedy = " ".join(f"'{wanted}'" for wanted in sorted({LEARNERS[name].requirement for name in names}))
    missing = f"not installed: {', '.join(names)} (pip install {remedy})"
    if wish.trade_off is not None:
        return [missing]
    gain = expected_gain(ranker, description, here, others, observed, wish.k)
    if gain is None or gain.share_better <= gain.share_worse:
        return [missing]
    return [
        f"{missing}; with them the best of {wish.k} would be better on {gain.share_better:.0%} and worse on "
        f"{gain.share_worse:.0%} of {gain.n_tasks} known tasks, "
        f"its loss lower by {gain.median_reduction:.1%} in the median"
    ]


def caveats(
    experience: Experience, observed: Sequence[Evaluation], novelty: float, n_advised: int, wish: Wish
) -> list[str]:
    """Return what to know before trusting the advice."""
    notes = list(wish.trust.words)
    if observed:
        notes.append(f"known table: {len(observed)} of its runs are stored; their scores are measured, not predicted")
    elif novelty > NOVEL:
        notes.append("unlike all known tasks: the advice and the predicted scores are less certain")
    if experience.n_tasks < 30:
        notes.append(f"thin knowledge: {experience.n_tasks} {experience.kind} tasks are known, so intervals are wide")
    if n_advised < wish.k and wish.trade_off is None:
        notes.append(f"{wish.k} pipelines were asked for, {n_advised} candidates are known")
    return notes


def extrapolated(description: TaskDescription, runs: Mapping[Protocol, Experience]) -> list[str]:
    """Return a warning on predicted costs where the table is far larger than what they were measured on."""
    used = (min(known.n_rows, each.row_limit) for each, own in runs.items() for known in own.descriptions)
    n_measured = min(heapq.nlargest(_FEW_TASKS, used))
    if description.n_rows <= _FAR * n_measured:
        return []
    return [
        f"fit time and memory are extrapolated from {n_measured} rows to {description.n_rows}: "
        "forests may take about ten times as long"
    ]


def on_more_rows(description: TaskDescription, protocol: Protocol, runs: Mapping[Protocol, Experience]) -> list[str]:
    """Return by how much fits on more rows than scores are predicted for were better on known tables.

    Parameters
    ----------
    description : TaskDescription
        The task.
    protocol : Protocol
        Of the scores.
    runs : mapping of Protocol to Experience
        Past runs, those under it among them.
    """
    larger = larger_than(protocol, runs, description.n_rows)
    if larger is None:
        return []
    n_rows = min(description.n_rows, larger.row_limit)
    gains = _gains(runs[protocol], runs[larger])
    usual = [gain for n_known, gain in gains if n_rows / 2 <= min(n_known, larger.row_limit) <= 2 * n_rows]
    if len(usual) < _FEW_TASKS:
        return []
    low, middle, high = np.round(np.quantile(usual, [0.1, 0.5, 0.9]), 2)
    begin = _lower(low) if low < 0 <= high else f"{abs(low):.0%}"
    return [
        f"scores are for {protocol.row_limit} of the rows; on {len(usual)} known tables of about this size the same "
        f"pipelines, measured on up to {larger.row_limit}, had a loss {_lower(middle)} "
        f"in the median (80 %: {begin} to {_lower(high)})"
    ]


def _lower(share: float) -> str:
    """Return by how much something is lower, or higher."""
    return f"{abs(share):.0%} {'higher' if share < 0 else 'lower'}"


def _gains(few: Experience, many: Experience) -> list[tuple[int, float]]:
    """Return of each task of both its rows, and by which share pipelines lost less on many of them, in the median."""
    rows = {known.fingerprint: row for row, known in enumerate(few.descriptions)}
    columns = np.array([few.position_of.get(configuration.key, -1) for configuration in many.configurations], dtype=int)
    gains = []
    for known, losses in zip(many.descriptions, many.losses, strict=True):
        if known.fingerprint not in rows:
            continue
        before = np.where(columns >= 0, few.losses[rows[known.fingerprint], columns], np.nan)
        is_both = np.isfinite(before) & np.isfinite(losses) & (before > 0)
        if is_both.any():
            gains.append((known.n_rows, float(np.median(1.0 - losses[is_both] / before[is_both]))))
    return gains


def scaled(speed: float) -> list[str]:
    """Return what predicted times were scaled by, where this machine is not as fast as the one that measured."""
    if speed == 1.0:
        return []
    return [f"this machine is about {speed:.2g} times as fast as the one that measured: predicted times are scaled"]


def probe_words(
    probed: Probe, metric: Metric, advised: Configuration, observed: Sequence[Evaluation], *, is_decisive: bool
) -> str:
    """Return what was measured on the table before the advice, and what that changed.

    Parameters
    ----------
    probed : Probe
        What was measured.
    metric : Metric
        Of the scores.
    advised : Configuration
        What is advised first now.
    observed : sequence of Evaluation
        All that was measured on the table.
    is_decisive : bool
        Whether that was taken into account.
    """
    n_cut = len(probed.runs) - len(probed.ended)
    cut = f", {n_cut} of them cut short by time" if n_cut else ""
    did = f"probed in {probed.seconds:.0f} s on {probed.n_rows} rows: {len(probed.runs)} pipelines{cut}"
    if not is_decisive and any(run.configuration == probed.first for run in probed.ended):
        return f"{did}; none of them has a score, so nothing is changed"
    if not is_decisive:
        return f"{did}; the first advised was not measured, so nothing is changed: give it more time"
    if advised == probed.first:
        return f"{did}; what was advised first was the best of them"
    scores = {key: metric.score(loss) for key, loss in measured_losses(observed, metric).items()}
    before = f"{scores[probed.first.key]:.4g}" if probed.first.key in scores else "has none"
    return (
        f"{did}; {_named(probed.first)} was advised first ({metric.name} {before}), but "
        f"{_named(advised)} is better ({scores[advised.key]:.4g}; as the best of {len(scores)}, a little too good)"
    )


def _named(configuration: Configuration) -> str:
    """Return a pipeline in a few words."""
    return configuration.algorithm if configuration.values else f"the default of {configuration.algorithm}"
