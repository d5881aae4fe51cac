"""Learners that compare rows by their distance: support vector machines, nearest neighbours."""

from typing import Any

from autometa.pipelines.learner import Hyperparameters, Learner
from autometa.pipelines.wrapping import with_probabilities
from autometa.space import Parameter
from autometa.task_kind import TaskKind


def _svm_hyperparameters(kind: TaskKind) -> tuple[Parameter, ...]:
    """Return auto-sklearn's ranges; C ends at 1000, where a fit on 3,000 rows takes up to ten seconds."""
    epsilon = Parameter(name="epsilon", kind="float", low=1e-3, high=1.0, log=True, default=0.1)
    return (
        Parameter(name="C", kind="float", low=0.03125, high=1000.0, log=True, default=1.0),
        Parameter(name="gamma", kind="float", low=3e-5, high=8.0, log=True, default="scale"),
        *(() if kind.is_classification else (epsilon,)),
    )


def _make_svm(values: Hyperparameters, kind: TaskKind, seed: int, n_jobs: int) -> Any:
    """Return an SVM, for classes with probabilities.

    ``SVC(probability=True)`` is deprecated in scikit-learn 1.9; a calibration is what it names instead. There is
    no choice of class weights: the calibration takes probabilities back to the shares of the classes.
    """
    from sklearn.svm import SVC, SVR

    return with_probabilities(SVC(**values), seed, n_jobs) if kind.is_classification else SVR(**values)


def _neighbors_hyperparameters(kind: TaskKind) -> tuple[Parameter, ...]:
    """Return the ranges of yahpo's rbv2_aknn; more neighbours than rows make the library refuse to predict."""
    return (
        Parameter(name="n_neighbors", kind="int", low=1, high=50, log=True, default=5),
        Parameter(name="weights", kind="categorical", choices=("uniform", "distance"), default="uniform"),
        Parameter(name="p", kind="categorical", choices=(1, 2), default=2),
    )


def _make_neighbors(values: Hyperparameters, kind: TaskKind, seed: int, n_jobs: int) -> Any:
    """Return scikit-learn's nearest neighbours, which draw nothing at random."""
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

    estimator = KNeighborsClassifier if kind.is_classification else KNeighborsRegressor
    return estimator(**values, n_jobs=n_jobs)


SVM_RBF = Learner(
    algorithm="svm_rbf",
    kinds=frozenset(TaskKind),
    module="sklearn",
    requirement="scikit-learn",
    hyperparameters=_svm_hyperparameters,
    make=_make_svm,
    encodings=("one_hot", "ordinal", "target"),
    scalings=("standard", "quantile", "none"),
    cost="medium",
    scales_target=True,
    max_rows=10_000,  # a fit on 13,000 takes minutes
)

K_NEAREST_NEIGHBORS = Learner(
    algorithm="k_nearest_neighbors",
    kinds=frozenset(TaskKind),
    module="sklearn",
    requirement="scikit-learn",
    hyperparameters=_neighbors_hyperparameters,
    make=_make_neighbors,
    encodings=("one_hot", "ordinal", "target"),
    scalings=("standard", "quantile", "none"),
    cost="low",
)
