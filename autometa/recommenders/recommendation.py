"""Recommendations: ranked pipelines with their predicted scores, reasons and evidence."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from autometa.evaluation.record import Evaluation, Status
from autometa.metric import Metric
from autometa.pipelines.building import build
from autometa.recommenders.trading import TradeOff
from autometa.space import Configuration
from autometa.task import ColumnKind, TaskDescription
from autometa.task_kind import TaskKind

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

_N_SHOWN = 3  # pipelines in a line


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A past run that speaks for a configuration; `autometa kb show` opens it by the task's fingerprint.

    Parameters
    ----------
    task : str
        Name of the task.
    fingerprint : str
        Fingerprint of the task.
    score : float
        Mean score over the folds.
    rank : int
        Place of the configuration among those tried on that task, 1 = best.
    n_tried : int
        Number of configurations tried there.
    """

    task: str
    fingerprint: str
    score: float
    rank: int
    n_tried: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownTask:
    """A known task and its distance to the new one."""

    name: str
    distance: float
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedGain:
    """How much better a pipeline is expected to be than LightGBM's default.

    Parameters
    ----------
    score : float
        By how much its score is better, in the metric's unit: positive is better, whatever the metric's direction.
    interval : tuple of (float, float)
        Lower and upper end of the 80 % interval; the same number twice where both were measured.
    """

    score: float
    interval: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What was measured on the very table before the advice was given.

    Parameters
    ----------
    first : Configuration
        What would have been advised first.
    runs : tuple of Evaluation
        In their order: the first advised, defaults of LightGBM and the random forest, then what results spoke for.
    n_rows : int
        Rows that were used.
    seconds : float
        On the clock, in all.
    """

    first: Configuration
    runs: tuple[Evaluation, ...] = field(repr=False)
    n_rows: int
    seconds: float

    @property
    def ended(self) -> tuple[Evaluation, ...]:
        """The runs that time did not cut short: with more of it the others might have been good."""
        return tuple(run for run in self.runs if run.status is not Status.TIMED_OUT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """One advised pipeline.

    Parameters
    ----------
    rank : int
        Place, from 1.
    configuration : Configuration
        Algorithm and hyperparameters that differ from the defaults.
    predicted_score : float
        Of the cross-validated score, in the metric's own direction.
    interval : tuple of (float, float)
        Lower and upper score of the 80 % interval.
    fit_seconds : float
        Predicted CPU seconds of one fit on the whole table; NaN = unknown.
    reasons : tuple of str
        Why it stands here.
    evidence : tuple of Run
        Past runs that speak for it, strongest first.
    gain : PredictedGain, optional
        Over LightGBM's default; of the first pipeline alone, and None where that is it or nothing can be said.
    memory_bytes : float
        Predicted peak memory of one fit on the whole table, above Python with its libraries and the table itself;
        NaN = unknown.
    predict_seconds : float
        Predicted CPU seconds of predicting as many rows as the table has; NaN = unknown.
    """

    rank: int
    configuration: Configuration
    predicted_score: float
    interval: tuple[float, float]
    fit_seconds: float
    reasons: tuple[str, ...]
    evidence: tuple[Run, ...]
    kind: TaskKind = field(repr=False)
    column_kinds: Mapping[str, ColumnKind] = field(repr=False)
    gain: PredictedGain | None = None
    memory_bytes: float = math.nan
    predict_seconds: float = math.nan

    def build(self, *, seed: int = 0, n_jobs: int = 1) -> "Pipeline":
        """Return the unfitted scikit-learn Pipeline; it takes the table's columns as they are."""
        return build(
            self.configuration,
            kind=self.kind,
            column_kinds=self.column_kinds,
            seed=seed,
            n_jobs=n_jobs,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """Pipelines to try on a task: best first, or those of a trade-off from the cheapest to the best.

    Parameters
    ----------
    task : TaskDescription
        The task.
    target : str
        Name of the target column.
    metric : Metric
        The metric of the scores.
    known_tasks : tuple of KnownTask
        The nearest known tasks, nearest first.
    novelty : float
        In [0, 1]: share of known tasks that lie closer to their nearest neighbour than this one.
    advice : tuple of Advice
        Not empty, distinct.
    notes : tuple of str
        What was inferred, and what to know before trusting it.
    probe : Probe, optional
        What was measured before, if that was asked for.
    trade_off : TradeOff, optional
        Between what the pipelines are a trade-off, if that was asked for.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import autometa
    >>> from autometa.knowledge.shipped import create_filled
    >>> from sklearn.datasets import load_wine
    >>> X, y = load_wine(as_frame=True, return_X_y=True)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     create_filled(Path(folder) / "runs.db")
    ...     recommendation = autometa.recommend(X, y, k=3, knowledge=Path(folder) / "runs.db")
    >>> [advice.rank for advice in recommendation]
    [1, 2, 3]
    >>> list(recommendation[0].build().named_steps)
    ['prepare', 'learner']
    """

    task: TaskDescription
    target: str
    metric: Metric
    known_tasks: tuple[KnownTask, ...]
    novelty: float
    advice: tuple[Advice, ...]
    notes: tuple[str, ...] = ()
    probe: Probe | None = None
    trade_off: TradeOff | None = None

    def __post_init__(self) -> None:
        keys = {advice.configuration.key for advice in self.advice}
        if not self.advice or len(keys) != len(self.advice):
            raise ValueError("a recommendation holds at least one configuration, and none twice")

    def __repr__(self) -> str:
        """Return a line: all of it would be thousands of characters."""
        shown = [f"{a.rank}. {a.configuration.algorithm} {a.predicted_score:.4g}" for a in self.advice[:_N_SHOWN]]
        n_more = len(self) - len(shown)
        listed = ", ".join([*shown, *([f"{n_more} more"] if n_more else [])])
        return f"<Recommendation for {self.task.name!r} ({self.task.kind}) by {self.metric.name}: {listed}>"

    def __len__(self) -> int:
        return len(self.advice)

    def __iter__(self) -> Iterator[Advice]:
        return iter(self.advice)

    def __getitem__(self, position: int) -> Advice:
        return self.advice[position]
