"""Landmarkers: what quick learners lose on a task, and which of them lose less."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from autometa.metafeatures.landmarking import STRONG
from autometa.metric import Metric
from autometa.task import TaskDescription

_FLOOR = 1e-3  # relative losses below it are told apart no further
_RATIO_FLOOR = 1e-2  # and ratios of them, which are noisier, no further than this

_ACCURACIES = ("decision_tree", "one_nn", "naive_bayes", "linear_discr", *STRONG)
_ERRORS = ("best_node_rmse", "decision_tree_rmse", "one_nn_rmse", "ridge_rmse", *(f"{name}_rmse" for name in STRONG))
# Names under which OpenML publishes error rates of quick learners among its data qualities.
_OPENML_ERRORS = (
    "DecisionStumpErrRate",
    "J48.001.ErrRate",
    "NaiveBayesErrRate",
    "REPTreeDepth1ErrRate",
    "REPTreeDepth2ErrRate",
    "REPTreeDepth3ErrRate",
    "RandomTreeDepth1ErrRate",
    "RandomTreeDepth2ErrRate",
    "RandomTreeDepth3ErrRate",
    "kNN1NErrRate",
)
_AUCS = ("decision_tree_auc", "naive_bayes_auc", "linear_discr_auc", *(f"{name}_auc" for name in STRONG))
_LOG_LOSSES = ("decision_tree_log_loss", "linear_discr_log_loss", *(f"{name}_log_loss" for name in STRONG))
_IS_LOSS = frozenset((*_ERRORS, *_OPENML_ERRORS, *_LOG_LOSSES))

# Meta-features that are scores of quick learners, by the metric that they are scores of.
_OF_METRIC: dict[str, tuple[str, ...]] = {
    "accuracy": _ACCURACIES,
    "balanced_accuracy": (*_ACCURACIES, *_OPENML_ERRORS),
    "f1_macro": _ACCURACIES,
    "roc_auc": _AUCS,
    "log_loss": _LOG_LOSSES,
    "rmse": _ERRORS,
    "mae": _ERRORS,
    "r2": _ERRORS,
}
_COMPARED = (_ACCURACIES, _AUCS, _LOG_LOSSES, _ERRORS, _OPENML_ERRORS)


def log_losses(metric: Metric, descriptions: Sequence[TaskDescription], units: np.ndarray) -> np.ndarray:
    """Return logarithms of the landmarkers' losses, relative to the tasks' units.

    Parameters
    ----------
    metric : Metric
        The metric whose landmarkers are asked for.
    descriptions : sequence of TaskDescription, n_tasks of them
        The tasks.
    units : ndarray of shape (n_tasks,)
        See `autometa.recommenders.location.unit`.

    Returns
    -------
    ndarray of shape (n_tasks, n_landmarks)
        A missing one counts as the unit: what is scored without looking at the columns.
    """
    names = _OF_METRIC.get(metric.name, ())
    losses = _losses(names, descriptions)
    if metric.name == "log_loss":
        losses = losses / units[:, None]
    elif metric.name == "r2":
        losses = losses**2
    return np.asarray(np.log(np.clip(np.nan_to_num(losses, nan=1.0), 0.0, None) + _FLOOR))


def are_scored(metric: Metric, descriptions: Sequence[TaskDescription]) -> np.ndarray:
    """Return whether any landmarker for a metric is known of each task: ndarray of bool, (n_tasks,)."""
    return np.asarray(np.isfinite(_losses(_OF_METRIC.get(metric.name, ()), descriptions)).any(axis=1))


def log_ratios(descriptions: Sequence[TaskDescription]) -> np.ndarray:
    """Return how much more one quick learner loses than another, for each pair with one measure.

    Returns
    -------
    ndarray of shape (n_tasks, n_pairs)
        Logarithms of the ratios; NaN where one of the two is missing.

    References
    ----------
    Fürnkranz, J., Petrak, J. (2001). An evaluation of landmarking variants. ECML/PKDD workshop on integrating aspects
    of data mining, decision support and meta-learning.
    """
    columns = []
    for names in _COMPARED:
        logs = np.log(np.clip(_losses(names, descriptions), 0.0, None) + _RATIO_FLOOR)
        columns += [logs[:, one] - logs[:, other] for one, other in combinations(range(len(names)), 2)]
    return np.column_stack(columns)


def _losses(names: Sequence[str], descriptions: Sequence[TaskDescription]) -> np.ndarray:
    """Return meta-features as losses, (n_tasks, n_names); NaN = missing."""
    rows = [
        [
            known if name in _IS_LOSS else 1.0 - known
            for name in names
            for known in (each.metafeatures.get(name, np.nan),)
        ]
        for each in descriptions
    ]
    losses = np.array(rows, dtype=float).reshape(len(descriptions), len(names))
    return np.where(np.isfinite(losses), losses, np.nan)
