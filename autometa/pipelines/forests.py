"""Single trees, and forests of independent ones."""

from functools import partial
from typing import Any

from autometa.pipelines.learner import CLASS_WEIGHT, Hyperparameters, Learner
from autometa.pipelines.wrapping import with_labels
from autometa.space import Parameter, Value
from autometa.task_kind import TaskKind


def _hyperparameters(kind: TaskKind, *, bootstrap: bool) -> tuple[Parameter, ...]:
    """Return ranges after auto-sklearn and yahpo's rbv2_ranger; ``bootstrap`` is the library's default."""
    criterion = Parameter(name="criterion", kind="categorical", choices=("gini", "entropy"), default="gini")
    max_features: Value = "sqrt" if kind.is_classification else 1.0
    return (
        Parameter(name="n_estimators", kind="int", low=50, high=500, log=True, default=100),
        *((criterion,) if kind.is_classification else ()),
        Parameter(name="max_features", kind="float", low=0.05, high=1.0, log=True, default=max_features),
        Parameter(name="min_samples_leaf", kind="int", low=1, high=20, log=True, default=1),
        Parameter(name="bootstrap", kind="categorical", choices=(True, False), default=bootstrap),
        Parameter(name="max_samples", kind="float", low=0.3, high=1.0, condition=("bootstrap", (True,))),
        *((CLASS_WEIGHT,) if kind.is_classification else ()),
    )


def _make_random_forest(values: Hyperparameters, kind: TaskKind, seed: int, n_jobs: int) -> Any:
    """Return scikit-learn's random forest."""
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    estimator = RandomForestClassifier if kind.is_classification else RandomForestRegressor
    forest = estimator(**values, random_state=seed, n_jobs=n_jobs)
    return with_labels("random_forest", forest) if "class_weight" in values else forest


def _make_extra_trees(values: Hyperparameters, kind: TaskKind, seed: int, n_jobs: int) -> Any:
    """Return scikit-learn's extremely randomised trees."""
    from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

    estimator = ExtraTreesClassifier if kind.is_classification else ExtraTreesRegressor
    forest = estimator(**values, random_state=seed, n_jobs=n_jobs)
    return with_labels("extra_trees", forest) if "class_weight" in values else forest


def _tree_hyperparameters(kind: TaskKind) -> tuple[Parameter, ...]:
    """Return ranges after yahpo's rbv2_rpart; pruning is in units of the target, so only for classes."""
    criterion = Parameter(name="criterion", kind="categorical", choices=("gini", "entropy"), default="gini")
    pruning = Parameter(name="ccp_alpha", kind="float", low=1e-5, high=0.1, log=True, default=0.0)
    return (
        Parameter(name="max_depth", kind="int", low=1, high=30, log=True, default=None),
        Parameter(name="min_samples_leaf", kind="int", low=1, high=100, log=True, default=1),
        Parameter(name="max_features", kind="float", low=0.3, high=1.0, default=None),
        *((criterion, pruning, CLASS_WEIGHT) if kind.is_classification else ()),
    )


def _make_decision_tree(values: Hyperparameters, kind: TaskKind, seed: int, n_jobs: int) -> Any:
    """Return scikit-learn's decision tree."""
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    estimator = DecisionTreeClassifier if kind.is_classification else DecisionTreeRegressor
    return estimator(**values, random_state=seed)


RANDOM_FOREST = Learner(
    algorithm="random_forest",
    kinds=frozenset(TaskKind),
    module="sklearn",
    requirement="scikit-learn",
    hyperparameters=partial(_hyperparameters, bootstrap=True),
    make=_make_random_forest,
    encodings=("ordinal", "one_hot", "target"),
    scalings=("none",),
    cost="medium",
    missing="keep",
)

EXTRA_TREES = Learner(
    algorithm="extra_trees",
    kinds=frozenset(TaskKind),
    module="sklearn",
    requirement="scikit-learn",
    hyperparameters=partial(_hyperparameters, bootstrap=False),
    make=_make_extra_trees,
    encodings=("ordinal", "one_hot", "target"),
    scalings=("none",),
    cost="medium",
    missing="keep",
)

DECISION_TREE = Learner(
    algorithm="decision_tree",
    kinds=frozenset(TaskKind),
    module="sklearn",
    requirement="scikit-learn",
    hyperparameters=_tree_hyperparameters,
    make=_make_decision_tree,
    encodings=("ordinal", "one_hot", "target"),
    scalings=("none",),
    cost="low",
    missing="keep",
    is_interpretable=True,
)
