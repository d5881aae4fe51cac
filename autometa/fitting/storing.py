"""Storing: a fitted model as one that goes into a file."""

import math

from autometa.errors import OptionError
from autometa.fitting.fitting import Fitted
from autometa.fitting.leaderboard import plain_rows
from autometa.metric import METRICS, default_metric
from autometa.persistence import MOST_SECONDS, Model, Training, importances, make_card
from autometa.reading.conforming import TableReader
from autometa.task import Task


def model_of(
    fitted: Fitted, task: Task, *, command: str = "", seed: int = 0, max_seconds: float = MOST_SECONDS
) -> Model:
    """Return the model with its card; it predicts the task's own labels.

    The card's importances are those on rows that the model was fitted on: what it looks at, not how well it does. They
    are left out where they would take longer than ``max_seconds``.

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
        importances=importances(predictor, used, task.y, metric, seed=seed, max_seconds=max_seconds),
    )
    return Model(
        predictor=predictor,
        reader=reader,
        kind=task.kind,
        target=task.target,
        metric=fitted.metric,
        card={**make_card(task, metric, training), "metric": fitted.metric, "importances_metric": metric.name},
    )
