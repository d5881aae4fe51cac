"""OpenML's evaluation measures that are metrics of ours, and why others are none.

OpenML computes a measure over the predictions of all folds (and repeats) together, not as a mean of folds; its runs are
stored under protocols of their own, so that the two are never compared.

References
----------
What is computed: ``Output.evaluatorToMap`` and ``OpenMLEvaluation`` of https://github.com/openml/EvaluationEngine, with
Weka's Evaluation.
"""

from autometa.errors import OptionError
from autometa.metric import METRICS
from autometa.task_kind import CLASSIFICATION, TaskKind

MEASURES: dict[str, tuple[str, frozenset[TaskKind]]] = {
    "predictive_accuracy": ("accuracy", CLASSIFICATION),
    "unweighted_recall": ("balanced_accuracy", CLASSIFICATION),
    # with more classes it weighs each by its rows, ours does not; of two classes both areas are the same
    "area_under_roc_curve": ("roc_auc", frozenset({TaskKind.BINARY})),
    # of classification, the errors of the probabilities: no metric of ours
    "root_mean_squared_error": ("rmse", frozenset({TaskKind.REGRESSION})),
    "mean_absolute_error": ("mae", frozenset({TaskKind.REGRESSION})),
}
"""Measure -> our metric, and the kinds of task for which it is the same."""

OF_DECLARED = "unweighted_recall"
"""A mean over the classes that are declared, ours over those that occur."""

_NO_METRIC = {
    "f_measure": "it weighs each class by its rows, f1_macro does not",
    "mean_weighted_f_measure": "it weighs each class by its rows, f1_macro does not",
    "weighted_recall": "it is predictive_accuracy; ask for that",
    "log_loss": "OpenML computes none",
    "r2": "OpenML computes none",
    "root_relative_squared_error": "it is relative to the mean of all folds, which r2 is not",
}


def metric_of(measure: str, kind: TaskKind, *, all_occur: bool = True) -> str | None:
    """Return the name of the metric that a measure is on tasks of a kind; None where it is another quantity.

    Parameters
    ----------
    measure : str
        One of `MEASURES`.
    kind : TaskKind
        The kind of the task.
    all_occur : bool
        Whether all classes that OpenML declares occur.

    Examples
    --------
    >>> metric_of("area_under_roc_curve", TaskKind.BINARY), metric_of("area_under_roc_curve", TaskKind.MULTICLASS)
    ('roc_auc', None)
    """
    metric, kinds = MEASURES[measure]
    return metric if kind in kinds and (all_occur or measure != OF_DECLARED) else None


def checked_measures(names: list[str]) -> tuple[str, ...]:
    """Return OpenML's names of measures, each once; our name of a metric stands for its measure.

    Raises
    ------
    OptionError
        If there is none, or one is no metric of ours.
    """
    ours = {metric: measure for measure, (metric, _) in MEASURES.items()}
    wanted = tuple(dict.fromkeys(ours.get(name, name) for name in names))
    for name in wanted:
        if name not in MEASURES:
            reason = _NO_METRIC.get(name, f"autometa's metrics are {', '.join(METRICS)}")
            raise OptionError(f"the measure '{name}' cannot be imported: {reason}; choose from: {', '.join(MEASURES)}")
    if not wanted:
        raise OptionError(f"no measure; choose from: {', '.join(MEASURES)}")
    return wanted
