"""Storing: a fitted model as one that goes into a file."""

import math
import time
from typing import Any

import numpy as np
import pandas as pd

from autometa._random import draw_stratified, generator
from autometa.errors import OptionError
from autometa.fitting.fitting import Fitted
from autometa.fitting.leaderboard import plain_rows
from autometa.metric import METRICS, Metric, default_metric
from autometa.persistence import Model, Training, importances, make_card, score_rows
from autometa.reading.conforming import TableReader
from autometa.task import Task

_MOST_ROWS = 500  # of the table, that importances are told from
_MOST_SECONDS = 10.0  # that they may take
_N_SCORINGS = 5  # of each column


def model_of(fitted: Fitted, task: Task, *, command: str = "", seed: int = 0) -> Model:
    """Return the model with its card; it predicts the task's own labels.

    The card's importances are those on rows that the model was fitted on: what it looks at, not how well it does. They
    are left out where they would take more than ten seconds.

    Raises
    ------
    OptionError
        If the model predicts other labels than the task's.
    """
    predictor = fitted.best_pipeline if fitted.ensemble is None else fitted.ensemble
    if task.kind.is_classification and list(predictor.classes_) != list(task.classes):
        raise OptionError("the model was fitted on other labels than those of the table; fit it on the table's own")
    metric = METRICS.get(fitted.metric, default_metric(task.kind))
    reader = TableReader.of(task)
    used = task.X[list(task.used_columns)]
    training = Training(
        command=command,
        score=None if math.isnan(fitted.score) else fitted.score,
        score_std=None if math.isnan(fitted.score_std) else fitted.score_std,
        configurations=fitted.configurations,
        leaderboard=plain_rows(fitted.leaderboard),
        importances=_importances(predictor, used, task, metric, seed),
    )
    return Model(
        predictor=predictor,
        reader=reader,
        kind=task.kind,
        target=task.target,
        metric=fitted.metric,
        card={**make_card(task, metric, training), "metric": fitted.metric, "importances_metric": metric.name},
    )


def _importances(predictor: Any, X: pd.DataFrame, task: Task, metric: Metric, seed: int) -> list[dict[str, Any]]:
    """Return the importances of columns; none where they would take long, or the rows define no score."""
    rows = draw_stratified(_strata(task), _MOST_ROWS, 1, generator(seed, "importances"))
    drawn, y = X.iloc[rows].reset_index(drop=True), task.y.iloc[rows].reset_index(drop=True)
    started = time.monotonic()
    is_defined = metric.name in score_rows(predictor, drawn, y).scores
    if not is_defined or _N_SCORINGS * X.shape[1] * (time.monotonic() - started) > _MOST_SECONDS:
        return []
    return importances(predictor, drawn, y, metric, seed=seed)


def _strata(task: Task) -> np.ndarray:
    """Return the class of each row as a number (n_rows,); all alike for a regression."""
    if not task.kind.is_classification:
        return np.zeros(task.n_rows, dtype=np.int64)
    return np.asarray(pd.factorize(task.y)[0], dtype=np.int64)
