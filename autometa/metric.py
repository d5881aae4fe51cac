"""Metrics: names, orientation, and the loss that a score stands for."""

import math
from dataclasses import dataclass

from autometa.errors import OptionError
from autometa.task_kind import CLASSIFICATION, TaskKind

REGRESSION_KINDS = frozenset({TaskKind.REGRESSION})


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One way to score predictions.

    Parameters
    ----------
    name : str
        The field's name, as in scikit-learn.
    kinds : frozenset of TaskKind
        The kinds of task that it scores.
    greater_is_better : bool
        The direction of its scores.
    needs_probabilities : bool
        Whether it reads class probabilities (n_rows, n_classes) instead of predicted values (n_rows,).
    low, high : float
        The range of its scores; infinite where it has no bound.
    chance_loss : float
        Loss of guessing, where it is the same for every task; infinite elsewhere.
    scales_with_target : bool
        Whether multiplying the target by c multiplies the score by c (root mean squared error does).

    Examples
    --------
    >>> get_metric("roc_auc").loss(0.75)
    0.25
    >>> get_metric("rmse").loss(2.0)
    2.0
    """

    name: str
    kinds: frozenset[TaskKind]
    greater_is_better: bool
    needs_probabilities: bool = False
    low: float = 0.0
    high: float = 1.0
    chance_loss: float = math.inf
    scales_with_target: bool = False

    @property
    def unit(self) -> str:
        """Unit of its scores; empty for a pure number."""
        return "unit of the target" if self.scales_with_target else {"log_loss": "nats"}.get(self.name, "")

    def loss(self, score: float) -> float:
        """Return the loss of a score: smaller is better; 0 is perfect."""
        return self.high - score if self.greater_is_better else score

    def score(self, loss: float) -> float:
        """Return the score of a loss, clipped to the metric's range: the inverse of `loss`."""
        score = self.high - loss if self.greater_is_better else loss
        return min(max(score, self.low), self.high)


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(name="accuracy", kinds=CLASSIFICATION, greater_is_better=True),
        Metric(name="balanced_accuracy", kinds=CLASSIFICATION, greater_is_better=True),
        Metric(name="f1_macro", kinds=CLASSIFICATION, greater_is_better=True),
        Metric(
            name="roc_auc",
            kinds=CLASSIFICATION,
            greater_is_better=True,
            needs_probabilities=True,
            chance_loss=0.5,
        ),
        Metric(
            name="log_loss",
            kinds=CLASSIFICATION,
            greater_is_better=False,
            needs_probabilities=True,
            high=math.inf,
        ),
        Metric(
            name="rmse",
            kinds=REGRESSION_KINDS,
            greater_is_better=False,
            high=math.inf,
            scales_with_target=True,
        ),
        Metric(
            name="mae",
            kinds=REGRESSION_KINDS,
            greater_is_better=False,
            high=math.inf,
            scales_with_target=True,
        ),
        Metric(name="r2", kinds=REGRESSION_KINDS, greater_is_better=True, low=-math.inf),
    )
}

_DEFAULTS = {TaskKind.BINARY: "roc_auc", TaskKind.MULTICLASS: "log_loss", TaskKind.REGRESSION: "rmse"}


def metrics_of(kind: TaskKind) -> tuple[Metric, ...]:
    """Return the metrics that score tasks of ``kind``, in the order in which they are recorded."""
    return tuple(metric for metric in METRICS.values() if kind in metric.kinds)


def default_metric(kind: TaskKind) -> Metric:
    """Return the default metric: roc_auc (binary), log_loss (multiclass), rmse (regression)."""
    return METRICS[_DEFAULTS[kind]]


def get_metric(name: str, kind: TaskKind | None = None) -> Metric:
    """Return the metric called ``name``; ``"auto"`` means the default of ``kind``.

    Raises
    ------
    OptionError
        If there is no such metric, or it does not score tasks of ``kind``.
    """
    if name == "auto" and kind is not None:
        return default_metric(kind)
    metric = METRICS.get(name)
    if metric is None or (kind is not None and kind not in metric.kinds):
        known = ", ".join(sorted(m.name for m in (metrics_of(kind) if kind else METRICS.values())))
        purpose = f" for a {kind} task" if kind else ""
        raise OptionError(f"no metric '{name}'{purpose}; choose one of: {known}")
    return metric
