"""The card of a model: what it was trained on, how well it did, and what its predictions rest on."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any  # JSON, and scikit-learn's estimators

import numpy as np
import pandas as pd

from autometa import __version__
from autometa._random import draw_stratified, generator, spawn
from autometa.evaluation import record
from autometa.evaluation.scoring import FoldScores, as_numbers, class_positions, score_fold
from autometa.metric import Metric
from autometa.space import Configuration
from autometa.task import Task
from autometa.task_kind import TaskKind

MAX_IMPORTANCES = 20
PREDICTING = ("scikit-learn", "skrub", "lightgbm", "xgboost", "xgboost-cpu", "catboost")
"""Libraries whose objects a predictor holds, by the names under which they are installed."""

_N_REPEATS = 5  # scikit-learn's own number
MOST_SECONDS = 10.0  # that importances may take: a model waits to be saved meanwhile


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """How a model came about.

    Parameters
    ----------
    command : str
        What was asked for, as a command line or call.
    score, score_std : float
        Score of the final model, cross-validated or on rows held out once, in the metric's own direction, and its
        deviation over the folds, None of one split.
    configurations : sequence of Configuration
        What is inside; several for an ensemble.
    leaderboard : sequence of mapping
        What was tried, best first, in plain values.
    importances : sequence of mapping
        As `importances` gives them.
    """

    command: str = ""
    score: float | None = None
    score_std: float | None = None
    configurations: Sequence[Configuration] = ()
    leaderboard: Sequence[Mapping[str, Any]] = field(default=(), repr=False)
    importances: Sequence[Mapping[str, Any]] = field(default=(), repr=False)


def make_card(task: Task, metric: Metric, training: Training) -> dict[str, Any]:
    """Return the card of a model, in plain values as JSON has them.

    Its keys are those of ``autometa leaderboard --format json``; see docs/output.md.
    """
    return {
        "autometa": __version__,
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": training.command,
        "task": task.name,
        "fingerprint": task.fingerprint,
        "n_rows": task.n_rows,
        "kind": str(task.kind),
        "target": task.target,
        "classes": list(task.classes),
        "columns": [{"name": name, "kind": str(task.column_kinds[name])} for name in task.X.columns],
        "metric": metric.name,
        "score": training.score,
        "score_std": training.score_std,
        "configurations": [
            {"algorithm": configuration.algorithm, "hyperparameters": dict(configuration.values)}
            for configuration in training.configurations
        ],
        "leaderboard": [dict(row) for row in training.leaderboard],
        "importances": [dict(row) for row in training.importances],
        "libraries": library_versions(),
    }


def library_versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that a model file is made of, as far as they are here."""
    return {**record.library_versions(), "skops": version("skops")}


def importances(  # noqa: PLR0913 - what is looked at, and for how long
    predictor: Any,
    X: pd.DataFrame,
    y: pd.Series,
    metric: Metric,
    *,
    seed: int = 0,
    max_rows: int = 500,
    max_seconds: float = MOST_SECONDS,
) -> list[dict[str, Any]]:
    """Return by how much a score is worse where the values of one column are shuffled; at most 20 columns, in order.

    Parameters
    ----------
    predictor : Pipeline or Ensemble
        Fitted.
    X : DataFrame of shape (n_rows, n_columns)
        As its reader gives it; without identifiers.
    y : Series of shape (n_rows,)
        The target.
    metric : Metric
        What is scored; positive importances speak for a column, whatever its direction.
    seed : int
        Seed of the shuffles, and of the rows that are taken.
    max_rows : int
        Rows of a longer table that are looked at, each class at its share.
    max_seconds : float
        What all may take, by what one score takes.

    Returns
    -------
    importances : list of dict
        ``column``, ``importance`` (mean over five shuffles, or as many as there is time for, in the metric's unit) and
        ``std`` of each; empty where the rows define no score, or there is no time for one shuffle.

    References
    ----------
    L. Breiman: Random Forests. Machine Learning 45, 2001. https://doi.org/10.1023/A:1010933404324
    """
    from sklearn.inspection import permutation_importance

    classes = pd.factorize(y)[0] if _classes_of(predictor) else np.zeros(len(y), dtype=np.int64)
    rows = draw_stratified(classes, max_rows, 1, generator(seed, "importances", "rows"))
    X, y = X.iloc[rows], y.iloc[rows]
    started = time.monotonic()
    is_defined = metric.name in score_rows(predictor, X, y).scores
    per_shuffle = X.shape[1] * (time.monotonic() - started)
    n_repeats = int(min(_N_REPEATS, max_seconds / max(per_shuffle, 1e-9)))
    if not is_defined or n_repeats < 1:
        return []
    result = permutation_importance(
        predictor, X, y, scoring=_scorer(metric), n_repeats=n_repeats, random_state=spawn(seed, "importances")
    )
    found = sorted(
        (-float(mean), str(name), float(std))
        for name, mean, std in zip(X.columns, result["importances_mean"], result["importances_std"], strict=True)
    )
    return [{"column": name, "importance": -loss, "std": std} for loss, name, std in found[:MAX_IMPORTANCES]]


def _scorer(metric: Metric) -> Callable[[Any, pd.DataFrame, pd.Series], float]:
    """Return a function of (predictor, X, y) whose larger values are better; NaN where the rows define no score."""
    sign = 1.0 if metric.greater_is_better else -1.0

    def score(predictor: Any, X: pd.DataFrame, y: pd.Series) -> float:
        return sign * score_rows(predictor, X, y).scores.get(metric.name, math.nan)

    return score


def score_rows(predictor: Any, X: pd.DataFrame, y: pd.Series) -> FoldScores:
    """Return every metric of a fitted predictor on rows (n_rows, n_columns) with their target (n_rows,).

    Raises
    ------
    DataError
        If the target holds a class that the predictor does not know.
    """
    classes = _classes_of(predictor)
    if not classes:
        return score_fold(TaskKind.REGRESSION, as_numbers(y, "target"), as_numbers(predictor.predict(X), "predictions"))
    kind = TaskKind.BINARY if len(classes) == 2 else TaskKind.MULTICLASS
    truth, predicted = (class_positions(np.asarray(labels), classes) for labels in (y, predictor.predict(X)))
    return score_fold(kind, truth, predicted, np.asarray(predictor.predict_proba(X), dtype=np.float64))


def _classes_of(predictor: Any) -> list[Any]:
    """Return the classes that a predictor tells apart; none of a regressor, though CatBoost's has a list of them."""
    return list(np.asarray(getattr(predictor, "classes_", ())).tolist())
