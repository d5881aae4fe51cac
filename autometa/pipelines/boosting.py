"""Boosted trees."""

from typing import Any

from autometa.pipelines.learner import Hyperparameters, Learner
from autometa.space import Parameter
from autometa.task_kind import TaskKind


def _lightgbm_hyperparameters(kind: TaskKind) -> tuple[Parameter, ...]:
    """Return ranges around those of AutoGluon and TabArena; ``subsample`` acts only with a frequency."""
    return (
        Parameter(name="n_estimators", kind="int", low=50, high=1000, log=True, default=100),
        Parameter(name="learning_rate", kind="float", low=0.005, high=0.3, log=True, default=0.1),
        Parameter(name="num_leaves", kind="int", low=4, high=256, log=True, default=31),
        Parameter(name="min_child_samples", kind="int", low=2, high=100, log=True, default=20),
        Parameter(name="colsample_bytree", kind="float", low=0.3, high=1.0, default=1.0),
        Parameter(name="subsample_freq", kind="categorical", choices=(0, 1), default=0),
        Parameter(name="subsample", kind="float", low=0.5, high=1.0, default=1.0, condition=("subsample_freq", (1,))),
        Parameter(name="reg_lambda", kind="float", low=1e-3, high=100.0, log=True, default=0.0),
        Parameter(name="extra_trees", kind="categorical", choices=(False, True), default=False),
    )


def _make_lightgbm(values: Hyperparameters, kind: TaskKind, seed: int, n_jobs: int) -> Any:
    """Return a silent LightGBM estimator whose sums do not depend on the number of threads."""
    from lightgbm import LGBMClassifier, LGBMRegressor

    estimator = LGBMClassifier if kind.is_classification else LGBMRegressor
    return estimator(
        **values,
        random_state=seed,
        n_jobs=n_jobs,
        verbosity=-1,
        deterministic=True,
        force_row_wise=True,
    )


LIGHTGBM = Learner(
    algorithm="lightgbm",
    kinds=frozenset(TaskKind),
    module="lightgbm",
    requirement="lightgbm",
    hyperparameters=_lightgbm_hyperparameters,
    make=_make_lightgbm,
    encodings=("ordinal", "one_hot"),
    scalings=("none",),
    takes_missing=True,
    turns=3,
)
