"""Scores of one test fold: every metric of the task's kind, as scikit-learn defines it.

A metric that a fold does not define (the area under the curve of one class) is absent with its reason;
predictions that cannot be scored are an error of the learner. The metrics are written in NumPy because
scikit-learn's checks of its arguments cost 8 ms a fold, more than many fits; the tests hold every one of them
to scikit-learn.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from autometa.errors import DataError
from autometa.metric import Metric, metrics_of
from autometa.task_kind import TaskKind

NO_PROBABILITIES = "the learner gives no probabilities"
_ROW_SUM_TOLERANCE = 1e-3  # float32 probabilities of many classes are off by 1e-6; garbage by far more


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldScores:
    """The scores of one test fold.

    Parameters
    ----------
    scores : mapping of str to float
        Metric name to score, in the metric's own direction.
    absent : mapping of str to str
        Metric name to the reason why the fold has no such score.
    """

    scores: Mapping[str, float]
    absent: Mapping[str, str]


def class_positions(labels: np.ndarray, classes: Sequence[object]) -> np.ndarray:
    """Return the position in ``classes`` of every label, as an array of the shape of ``labels`` (n,).

    Raises
    ------
    DataError
        If a label is not among the classes.
    """
    positions = {label: position for position, label in enumerate(classes)}
    try:
        return np.array([positions[label] for label in labels.tolist()], dtype=np.int64)
    except KeyError as error:
        raise DataError(f"{error.args[0]!r} is not one of the {len(classes)} classes of the task") from error


def as_numbers(values: object, name: str) -> np.ndarray:
    """Return what a learner gave as an array of floats, its shape unchanged.

    Raises
    ------
    DataError
        If it holds no real numbers, though NumPy would make some of it: text, dates, complex numbers.
    """
    array = np.asarray(values)
    if array.dtype.kind not in "biufO":
        raise DataError(f"the learner's {name} are no real numbers but {array.dtype}")
    return array.astype(np.float64)


def align_probabilities(probabilities: np.ndarray, learned: np.ndarray, n_classes: int) -> np.ndarray:
    """Return probabilities (n_rows, n_classes): 0 for a class that the learner never saw, rows summing to 1.

    Parameters
    ----------
    probabilities : ndarray of shape (n_rows, n_learned)
        As the learner gives them.
    learned : ndarray of shape (n_learned,)
        Which of the task's classes each column stands for.
    n_classes : int
        Number of classes of the task.

    Raises
    ------
    DataError
        If they are no probabilities: another shape, not finite, negative, or rows that do not sum to 1.
    """
    if probabilities.ndim != 2 or probabilities.shape[1] != len(learned):
        raise DataError(f"the learner knows {len(learned)} classes but gives {probabilities.shape} probabilities")
    if len(np.unique(learned)) != len(learned):
        raise DataError(f"the learner names one of its {len(learned)} classes twice")
    if not np.isfinite(probabilities).all():
        raise DataError(f"{int((~np.isfinite(probabilities)).sum())} of the learner's probabilities are not finite")
    sums = probabilities.sum(axis=1, keepdims=True)
    if (probabilities < 0).any() or (np.abs(sums - 1) > _ROW_SUM_TOLERANCE).any():
        raise DataError("the learner's probabilities are negative or do not sum to 1")
    aligned = np.zeros((len(probabilities), n_classes))
    aligned[:, learned] = probabilities / sums
    return aligned


def score_fold(
    kind: TaskKind,
    y_true: np.ndarray,
    y_pred: np.ndarray,
    probabilities: np.ndarray | None = None,
) -> FoldScores:
    """Return every metric of ``kind`` that the fold defines, and the reasons of the others.

    Parameters
    ----------
    kind : TaskKind
        binary, multiclass or regression.
    y_true, y_pred : ndarray of shape (n_rows,)
        Numbers for a regression; else positions in the sorted classes of the task.
    probabilities : ndarray of shape (n_rows, n_classes), optional
        Probabilities of all classes of the task; None if the learner gives none.

    Raises
    ------
    DataError
        If the predictions have another length, or are not finite.
    """
    if y_pred.shape != y_true.shape or (probabilities is not None and len(probabilities) != len(y_true)):
        raise DataError(f"the learner gave predictions of shape {y_pred.shape} for {len(y_true)} rows")
    if not np.isfinite(y_pred).all():
        raise DataError(f"{int((~np.isfinite(y_pred)).sum())} of the learner's predictions are not finite")
    results = {}
    for metric in metrics_of(kind):
        if not metric.needs_probabilities:
            results[metric.name] = _FROM_PREDICTIONS[metric.name](y_true, y_pred)
        elif probabilities is None:
            results[metric.name] = NO_PROBABILITIES
        else:
            results[metric.name] = _FROM_PROBABILITIES[metric.name](y_true, probabilities)
    return FoldScores(
        scores={name: result for name, result in results.items() if not isinstance(result, str)},
        absent={name: result for name, result in results.items() if isinstance(result, str)},
    )


def score_predictions(metric: Metric, y_true: np.ndarray, predictions: np.ndarray) -> float:
    """Return one score of values (n_rows,), or of probabilities (n_rows, n_classes); NaN where it is undefined.

    The true classes are positions; the class that is predicted is the first of the most probable ones.
    """
    if metric.needs_probabilities:
        result = _FROM_PROBABILITIES[metric.name](y_true, predictions)
    else:
        y_pred = predictions.argmax(axis=1) if predictions.ndim == 2 else predictions
        result = _FROM_PREDICTIONS[metric.name](y_true, y_pred)
    return math.nan if isinstance(result, str) else result


def _accuracy(y_true: np.ndarray, y_pred: np.ndarray) -> float | str:
    """Return the share of rows whose class is right."""
    return float(np.mean(y_true == y_pred))


def _balanced_accuracy(y_true: np.ndarray, y_pred: np.ndarray) -> float | str:
    """Return the mean recall of the classes in the fold."""
    rows = np.bincount(y_true)
    hits = np.bincount(y_true[y_true == y_pred], minlength=len(rows))
    return float(np.mean(hits[rows > 0] / rows[rows > 0]))


def _f1_macro(y_true: np.ndarray, y_pred: np.ndarray) -> float | str:
    """Return the mean F1 of the classes in the fold or in its predictions."""
    n_classes = int(max(y_true.max(), y_pred.max())) + 1
    hits = np.bincount(y_true[y_true == y_pred], minlength=n_classes)
    rows = np.bincount(y_true, minlength=n_classes) + np.bincount(y_pred, minlength=n_classes)
    return float(np.mean(2 * hits[rows > 0] / rows[rows > 0]))


def _roc_auc(y_true: np.ndarray, probabilities: np.ndarray) -> float | str:
    """Return the area under the ROC curve; of more than two classes the mean of each against the rest.

    The mean is over the classes that have rows in the fold, and not all of them.
    """
    n_classes = probabilities.shape[1]
    areas = []
    for positive in [1] if n_classes == 2 else range(n_classes):
        n_positives = int((y_true == positive).sum())
        if 0 < n_positives < len(y_true):
            areas.append(_binary_area(y_true == positive, probabilities[:, positive]))
    return float(np.mean(areas)) if areas else "undefined in a test fold of one class"


def _binary_area(is_positive: np.ndarray, scores: np.ndarray) -> float:
    """Return the area under the ROC curve by the rank-sum statistic, ties at their mean rank.

    References
    ----------
    J. A. Hanley, B. J. McNeil: The meaning and use of the area under a receiver operating characteristic
    (ROC) curve. 1982. doi:10.1148/radiology.143.1.7063747
    """
    _, group, sizes = np.unique(scores, return_inverse=True, return_counts=True)
    mean_ranks = np.cumsum(sizes) - (sizes - 1) / 2
    n_positives = int(is_positive.sum())
    rank_sum = mean_ranks[group][is_positive].sum() - n_positives * (n_positives + 1) / 2
    return float(rank_sum / (n_positives * (len(scores) - n_positives)))


def _log_loss(y_true: np.ndarray, probabilities: np.ndarray) -> float | str:
    """Return the mean negative logarithm of the true class's probability, clipped by the precision."""
    epsilon = np.finfo(probabilities.dtype).eps
    true_class = probabilities[np.arange(len(y_true)), y_true]
    return float(-np.mean(np.log(np.clip(true_class, epsilon, 1 - epsilon))))


def _rmse(y_true: np.ndarray, y_pred: np.ndarray) -> float | str:
    """Return the root mean squared error."""
    return float(np.sqrt(np.mean((y_true - y_pred) ** 2)))


def _mae(y_true: np.ndarray, y_pred: np.ndarray) -> float | str:
    """Return the mean absolute error."""
    return float(np.mean(np.abs(y_true - y_pred)))


def _r2(y_true: np.ndarray, y_pred: np.ndarray) -> float | str:
    """Return the share of variance explained; of a constant target 1 if it is hit exactly, else 0."""
    if len(y_true) < 2:
        return "undefined in a test fold of one row"
    residual = float(np.sum((y_true - y_pred) ** 2))
    if (y_true == y_true[0]).all():  # the mean of equal numbers may differ from them in the last digit
        return float(residual == 0.0)
    total = float(np.sum((y_true - y_true.mean()) ** 2))
    return 1.0 - residual / total


_FROM_PREDICTIONS: dict[str, Callable[[np.ndarray, np.ndarray], float | str]] = {
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "f1_macro": _f1_macro,
    "rmse": _rmse,
    "mae": _mae,
    "r2": _r2,
}
_FROM_PROBABILITIES: dict[str, Callable[[np.ndarray, np.ndarray], float | str]] = {
    "roc_auc": _roc_auc,
    "log_loss": _log_loss,
}
