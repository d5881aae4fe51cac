"""Linear models."""

from typing import Any

from autometa.pipelines.learner import CLASS_WEIGHT, Hyperparameters, Learner
from autometa.pipelines.wrapping import with_probabilities
from autometa.space import Parameter
from autometa.task_kind import CLASSIFICATION, TaskKind

_L1_RATIO = 0.5  # ElasticNet's default
_ALPHA = 0.01  # ElasticNet's own, 1.0, leaves nothing but the mean of a standardised target


def _logistic_hyperparameters(kind: TaskKind) -> tuple[Parameter, ...]:
    """Return the range of the inverse penalty; it takes in that of yahpo's rbv2_glmnet."""
    return (Parameter(name="C", kind="float", low=1e-4, high=1e4, log=True, default=1.0), CLASS_WEIGHT)


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


def _elastic_net_hyperparameters(kind: TaskKind) -> tuple[Parameter, ...]:
    """Return the ranges of both penalties; those of numbers are in units of the standardised target."""
    l1_ratio = Parameter(name="l1_ratio", kind="float", low=0.05, high=1.0, default=_L1_RATIO)
    if kind.is_classification:
        return (Parameter(name="C", kind="float", low=1e-3, high=1e3, log=True, default=1.0), l1_ratio, CLASS_WEIGHT)
    return (Parameter(name="alpha", kind="float", low=1e-4, high=1.0, log=True, default=_ALPHA), l1_ratio)


def _make_elastic_net(values: Hyperparameters, kind: TaskKind, seed: int, n_jobs: int) -> Any:
    """Return ElasticNet for numbers, and for classes logistic regression with the same mix of penalties."""
    from sklearn.linear_model import ElasticNet, LogisticRegression

    if not kind.is_classification:
        return ElasticNet(**{"alpha": _ALPHA, **values}, random_state=seed)
    return LogisticRegression(**{"l1_ratio": _L1_RATIO, **values}, solver="saga", random_state=seed)


def _linear_svm_hyperparameters(kind: TaskKind) -> tuple[Parameter, ...]:
    """Return auto-sklearn's ranges; C ends at 100, from where liblinear comes to no end in its 1,000 rounds."""
    margin = Parameter(name="C", kind="float", low=1e-3, high=100.0, log=True, default=1.0)
    if kind.is_classification:
        losses = ("squared_hinge", "hinge")
        return (margin, Parameter(name="loss", kind="categorical", choices=losses, default=losses[0]))
    losses = ("epsilon_insensitive", "squared_epsilon_insensitive")
    return (
        margin,
        Parameter(name="loss", kind="categorical", choices=losses, default=losses[0]),
        Parameter(name="epsilon", kind="float", low=1e-3, high=1.0, log=True, default=0.0),
    )


def _make_linear_svm(values: Hyperparameters, kind: TaskKind, seed: int, n_jobs: int) -> Any:
    """Return liblinear's SVM, for classes with probabilities."""
    from sklearn.svm import LinearSVC, LinearSVR

    if not kind.is_classification:
        return LinearSVR(**values, random_state=seed)
    return with_probabilities(LinearSVC(**values, random_state=seed), seed, n_jobs)


LOGISTIC_REGRESSION = Learner(
    algorithm="logistic_regression",
    kinds=CLASSIFICATION,
    module="sklearn",
    requirement="scikit-learn",
    hyperparameters=_logistic_hyperparameters,
    make=_make_logistic_regression,
    encodings=("one_hot", "ordinal", "target"),
    scalings=("standard", "quantile", "none", "spline"),
    cost="low",
    is_interpretable=True,
)

RIDGE = Learner(
    algorithm="ridge",
    kinds=frozenset({TaskKind.REGRESSION}),
    module="sklearn",
    requirement="scikit-learn",
    hyperparameters=_ridge_hyperparameters,
    make=_make_ridge,
    encodings=("one_hot", "ordinal", "target"),
    scalings=("standard", "quantile", "none", "spline"),
    cost="low",
    is_interpretable=True,
)

ELASTIC_NET = Learner(
    algorithm="elastic_net",
    kinds=frozenset(TaskKind),
    module="sklearn",
    requirement="scikit-learn",
    hyperparameters=_elastic_net_hyperparameters,
    make=_make_elastic_net,
    encodings=("one_hot", "ordinal", "target"),
    scalings=("standard", "quantile", "spline"),
    cost="medium",
    scales_target=True,
    is_interpretable=True,
)

LINEAR_SVM = Learner(
    algorithm="linear_svm",
    kinds=frozenset(TaskKind),
    module="sklearn",
    requirement="scikit-learn",
    hyperparameters=_linear_svm_hyperparameters,
    make=_make_linear_svm,
    encodings=("one_hot", "ordinal", "target"),
    scalings=("standard", "quantile", "spline"),
    cost="low",
    scales_target=True,
    is_interpretable=True,
)
