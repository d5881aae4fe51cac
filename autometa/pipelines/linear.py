"""Linear models."""

from typing import Any

from autometa.pipelines.learner import Hyperparameters, Learner
from autometa.space import Parameter
from autometa.task_kind import CLASSIFICATION, TaskKind


def _logistic_hyperparameters(kind: TaskKind) -> tuple[Parameter, ...]:
    """Return the range of the inverse penalty; it takes in that of yahpo's rbv2_glmnet."""
    return (Parameter(name="C", kind="float", low=1e-4, high=1e4, log=True, default=1.0),)


def _make_logistic_regression(values: Hyperparameters, kind: TaskKind, seed: int, n_jobs: int) -> Any:
    """Return scikit-learn's logistic regression, which has no use for more than one job."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(**values, random_state=seed)


def _ridge_hyperparameters(kind: TaskKind) -> tuple[Parameter, ...]:
    """Return the range of the penalty; with scaled columns it is in units of rows."""
    return (Parameter(name="alpha", kind="float", low=1e-3, high=1e5, log=True, default=1.0),)


def _make_ridge(values: Hyperparameters, kind: TaskKind, seed: int, n_jobs: int) -> Any:
    """Return scikit-learn's ridge regression, which runs in one job."""
    from sklearn.linear_model import Ridge

    return Ridge(**values, random_state=seed)


LOGISTIC_REGRESSION = Learner(
    algorithm="logistic_regression",
    kinds=CLASSIFICATION,
    module="sklearn",
    requirement="scikit-learn",
    hyperparameters=_logistic_hyperparameters,
    make=_make_logistic_regression,
    encodings=("one_hot", "ordinal"),
    scalings=("standard", "quantile", "none"),
    is_interpretable=True,
)

RIDGE = Learner(
    algorithm="ridge",
    kinds=frozenset({TaskKind.REGRESSION}),
    module="sklearn",
    requirement="scikit-learn",
    hyperparameters=_ridge_hyperparameters,
    make=_make_ridge,
    encodings=("one_hot", "ordinal"),
    scalings=("standard", "quantile", "none"),
    is_interpretable=True,
)
