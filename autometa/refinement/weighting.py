"""Weighting: our metrics, of rows that do not all count alike, as scikit-learn defines them.

Where all weights are equal they are those of `autometa.evaluation.scoring`, to the last digits; the tests hold them to
it.
"""

import math
from collections.abc import Callable

import numpy as np

from autometa.metric import Metric


def score_weighted(metric: Metric, y_true: np.ndarray, predictions: np.ndarray, sample_weight: np.ndarray) -> float:
    """Return one score of values (n_rows,), or of probabilities (n_rows, n_classes); NaN where it is undefined.

    Parameters
    ----------
    metric : Metric
        One of ours.
    y_true : ndarray of shape (n_rows,)
        Numbers for a regression; else positions of classes.
    predictions : ndarray of shape (n_rows,) or (n_rows, n_classes)
        Values or probabilities; the class that is predicted is the first of the most probable ones.
    sample_weight : ndarray of shape (n_rows,)
        What each row counts; a row of weight 0 is as if it were not there.

    Examples
    --------
    >>> from autometa.metric import METRICS
    >>> y, predictions = np.array([0.0, 0.0]), np.array([1.0, 3.0])
    >>> score_weighted(METRICS["mae"], y, predictions, np.array([3.0, 1.0]))
    1.5
    """
    counts = sample_weight > 0
    y, weights, given = y_true[counts], sample_weight[counts], predictions[counts]
    if len(y) == 0:
        return math.nan
    if not metric.needs_probabilities and given.ndim == 2:
        given = given.argmax(axis=1)
    return float(_SCORES[metric.name](y, given, weights))


def _accuracy(y: np.ndarray, y_pred: np.ndarray, weights: np.ndarray) -> float:
    """Return the share of weight whose class is right."""
    return float(np.average(y == y_pred, weights=weights))


def _balanced_accuracy(y: np.ndarray, y_pred: np.ndarray, weights: np.ndarray) -> float:
    """Return the mean recall of the classes that have rows."""
    return float(np.mean([_accuracy(y[y == each], y_pred[y == each], weights[y == each]) for each in np.unique(y)]))


def _f1_macro(y: np.ndarray, y_pred: np.ndarray, weights: np.ndarray) -> float:
    """Return the mean F1 of the classes that have rows or predictions."""
    from sklearn.metrics import f1_score

    return float(f1_score(y, y_pred, average="macro", sample_weight=weights, zero_division=0.0))


def _roc_auc(y: np.ndarray, probabilities: np.ndarray, weights: np.ndarray) -> float:
    """Return the area under the ROC curve; of more than two classes the mean of each that has rows, and not all."""
    from sklearn.metrics import roc_auc_score

    n_classes = probabilities.shape[1]
    positives = [1] if n_classes == 2 else range(n_classes)
    areas = [
        roc_auc_score(y == each, probabilities[:, each], sample_weight=weights)
        for each in positives
        if 0 < (y == each).sum() < len(y)
    ]
    return float(np.mean(areas)) if areas else math.nan


def _log_loss(y: np.ndarray, probabilities: np.ndarray, weights: np.ndarray) -> float:
    """Return the mean negative logarithm of the true class's probability, clipped by the precision."""
    epsilon = np.finfo(probabilities.dtype).eps
    chance = np.clip(probabilities[np.arange(len(y)), y], epsilon, 1 - epsilon)
    return float(-np.average(np.log(chance), weights=weights))


def _rmse(y: np.ndarray, y_pred: np.ndarray, weights: np.ndarray) -> float:
    """Return the root mean squared error."""
    return float(np.sqrt(np.average((y - y_pred) ** 2, weights=weights)))


def _mae(y: np.ndarray, y_pred: np.ndarray, weights: np.ndarray) -> float:
    """Return the mean absolute error."""
    return float(np.average(np.abs(y - y_pred), weights=weights))


def _r2(y: np.ndarray, y_pred: np.ndarray, weights: np.ndarray) -> float:
    """Return the share of variance explained; of a constant target 1 if it is hit exactly, else 0."""
    if len(y) < 2:
        return math.nan
    residual = float(np.average((y - y_pred) ** 2, weights=weights))
    counted = y[weights > 0]
    if (counted == counted[0]).all():  # the mean of equal numbers may differ from them in the last digit
        return float(residual == 0.0)
    total = float(np.average((y - np.average(y, weights=weights)) ** 2, weights=weights))
    return 1.0 - residual / total


_SCORES: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray], float]] = {
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "f1_macro": _f1_macro,
    "roc_auc": _roc_auc,
    "log_loss": _log_loss,
    "rmse": _rmse,
    "mae": _mae,
    "r2": _r2,
}
