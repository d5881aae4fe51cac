"""The table of learners: every algorithm that autometa can build, by name."""

from functools import cache

from autometa.errors import ConfigurationError
from autometa.pipelines.boosting import CATBOOST, HIST_GRADIENT_BOOSTING, LIGHTGBM, XGBOOST
from autometa.pipelines.distances import K_NEAREST_NEIGHBORS, SVM_RBF
from autometa.pipelines.forests import DECISION_TREE, EXTRA_TREES, RANDOM_FOREST
from autometa.pipelines.gaussian import GAUSSIAN_PROCESS, LDA, NAIVE_BAYES, QDA
from autometa.pipelines.learner import Learner
from autometa.pipelines.linear import ELASTIC_NET, LINEAR_SVM, LOGISTIC_REGRESSION, RIDGE
from autometa.pipelines.neural import MLP
from autometa.space import Space
from autometa.task_kind import TaskKind

LEARNERS: dict[str, Learner] = {
    "lightgbm": LIGHTGBM,
    "catboost": CATBOOST,
    "xgboost": XGBOOST,
    "hist_gradient_boosting": HIST_GRADIENT_BOOSTING,
    "random_forest": RANDOM_FOREST,
    "extra_trees": EXTRA_TREES,
    "decision_tree": DECISION_TREE,
    "logistic_regression": LOGISTIC_REGRESSION,
    "ridge": RIDGE,
    "elastic_net": ELASTIC_NET,
    "linear_svm": LINEAR_SVM,
    "svm_rbf": SVM_RBF,
    "mlp": MLP,
    "gaussian_process": GAUSSIAN_PROCESS,
    "k_nearest_neighbors": K_NEAREST_NEIGHBORS,
    "naive_bayes": NAIVE_BAYES,
    "lda": LDA,
    "qda": QDA,
}

# Names that stand for several algorithms.
ALGORITHM_SETS: dict[str, tuple[str, ...]] = {
    # What a person can read: signed weights, also of splines; one tree; class means and variances of each column.
    "interpretable": (
        "logistic_regression",
        "ridge",
        "elastic_net",
        "linear_svm",
        "lda",
        "naive_bayes",
        "decision_tree",
    ),
}


def learners_of(kind: TaskKind, *, n_rows: int | None = None, installed_only: bool = True) -> tuple[Learner, ...]:
    """Return the learners that do tasks of ``kind``, and are not too slow for ``n_rows`` rows where that is given.

    Those whose library is not here are left out unless ``installed_only`` is off.
    """
    return tuple(
        learner
        for learner in LEARNERS.values()
        if kind in learner.kinds
        and (learner.is_installed or not installed_only)
        and (n_rows is None or learner.takes(n_rows))
    )


def learner_of(algorithm: str, kind: TaskKind) -> Learner:
    """Return the learner called ``algorithm``; whether its library is here is not asked.

    Raises
    ------
    ConfigurationError
        If there is none, or it does not do tasks of ``kind``.
    """
    learner = LEARNERS.get(algorithm)
    if learner is not None and kind in learner.kinds:
        return learner
    known = ", ".join(other.algorithm for other in learners_of(kind, installed_only=False))
    if learner is None:
        raise ConfigurationError(f"no algorithm '{algorithm}'; for a {kind} task choose one of: {known}")
    raise ConfigurationError(f"'{algorithm}' does not do a {kind} task; choose one of: {known}")


def space_of(algorithm: str, kind: TaskKind) -> Space:
    """Return the search space of ``algorithm`` for tasks of ``kind``.

    Raises
    ------
    ConfigurationError
        If there is no such algorithm, or it does not do tasks of ``kind``.

    Examples
    --------
    >>> [parameter.name for parameter in space_of("ridge", TaskKind.REGRESSION).parameters]
    ['alpha', 'encoding', 'scaling', 'n_knots', 'select', 'select_percentile', 'target_transform']
    """
    return _space(learner_of(algorithm, kind), kind)


@cache
def _space(learner: Learner, kind: TaskKind) -> Space:
    return learner.space(kind)
