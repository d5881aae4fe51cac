"""Boosted trees."""

from typing import Any

from autometa.pipelines.learner import CLASS_WEIGHT, Hyperparameters, Learner, NativeCategories
from autometa.pipelines.wrapping import with_labels
from autometa.space import Parameter
from autometa.task_kind import TaskKind


def _rounds(name: str, kind: TaskKind, default: int) -> Parameter:
    """Return the range of the number of rounds; with more than two classes a round costs a tree a class.

    With the ranges of the other parameters, a fit on 3,000 rows and 30 columns ends within 20 s.
    """
    most = 300 if kind is TaskKind.MULTICLASS else 1000
    return Parameter(name=name, kind="int", low=50, high=most, log=True, default=default)


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
        *((CLASS_WEIGHT,) if kind.is_classification else ()),
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


def _hist_gradient_boosting_hyperparameters(kind: TaskKind) -> tuple[Parameter, ...]:
    """Return ranges like those of LightGBM, whose algorithm it is."""
    return (
        _rounds("max_iter", kind, default=100),
        Parameter(name="learning_rate", kind="float", low=0.005, high=0.3, log=True, default=0.1),
        Parameter(name="max_leaf_nodes", kind="int", low=4, high=128, log=True, default=31),
        Parameter(name="min_samples_leaf", kind="int", low=2, high=100, log=True, default=20),
        Parameter(name="max_features", kind="float", low=0.3, high=1.0, default=1.0),
        Parameter(name="l2_regularization", kind="float", low=1e-3, high=100.0, log=True, default=0.0),
        *((CLASS_WEIGHT,) if kind.is_classification else ()),
    )


def _make_hist_gradient_boosting(values: Hyperparameters, kind: TaskKind, seed: int, n_jobs: int) -> Any:
    """Return scikit-learn's boosting on histograms; it takes its number of threads from OpenMP, not from us."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    estimator = HistGradientBoostingClassifier if kind.is_classification else HistGradientBoostingRegressor
    return estimator(**values, random_state=seed)


def _xgboost_hyperparameters(kind: TaskKind) -> tuple[Parameter, ...]:
    """Return ranges around those of TabArena; its class weights have no 'balanced' that a space could name."""
    return (
        _rounds("n_estimators", kind, default=100),
        Parameter(name="learning_rate", kind="float", low=0.005, high=0.5, log=True, default=0.3),
        Parameter(name="max_depth", kind="int", low=2, high=8, default=6),
        Parameter(name="min_child_weight", kind="float", low=1e-2, high=100.0, log=True, default=1.0),
        Parameter(name="subsample", kind="float", low=0.5, high=1.0, default=1.0),
        Parameter(name="colsample_bytree", kind="float", low=0.3, high=1.0, default=1.0),
        Parameter(name="reg_lambda", kind="float", low=1e-3, high=100.0, log=True, default=1.0),
        Parameter(name="reg_alpha", kind="float", low=1e-3, high=10.0, log=True, default=0.0),
    )


def _make_xgboost(values: Hyperparameters, kind: TaskKind, seed: int, n_jobs: int) -> Any:
    """Return a silent XGBoost estimator."""
    from xgboost import XGBClassifier, XGBRegressor

    fixed = {"random_state": seed, "n_jobs": n_jobs, "verbosity": 0}
    if kind.is_classification:
        return with_labels("xgboost", XGBClassifier(**values, **fixed))
    return XGBRegressor(**values, **fixed)


def _catboost_hyperparameters(kind: TaskKind) -> tuple[Parameter, ...]:
    """Return ranges around those of TabArena, without its other policies of growth, which take minutes."""
    return (
        _rounds("iterations", kind, default=1000),
        Parameter(name="learning_rate", kind="float", low=0.005, high=0.3, log=True, default=None),  # from the data
        Parameter(name="depth", kind="int", low=2, high=8, default=6),
        Parameter(name="l2_leaf_reg", kind="float", low=1e-2, high=100.0, log=True, default=3.0),
        Parameter(name="random_strength", kind="float", low=1e-2, high=10.0, log=True, default=1.0),
        Parameter(name="rsm", kind="float", low=0.3, high=1.0, default=1.0),
        Parameter(name="bootstrap_type", kind="categorical", choices=(None, "Bernoulli"), default=None),
        Parameter(
            name="subsample",
            kind="float",
            low=0.5,
            high=1.0,
            default=None,
            condition=("bootstrap_type", ("Bernoulli",)),
        ),
        Parameter(name="one_hot_max_size", kind="int", low=2, high=100, log=True, default=None),
        *((CLASS_WEIGHT,) if kind.is_classification else ()),
    )


def _make_catboost(values: Hyperparameters, kind: TaskKind, seed: int, n_jobs: int) -> Any:
    """Return a CatBoost estimator that neither prints nor writes files."""
    from catboost import CatBoostClassifier, CatBoostRegressor

    fixed = {"random_state": seed, "thread_count": n_jobs, "verbose": False, "allow_writing_files": False}
    others = dict(values)
    if others.pop("class_weight", None) == "balanced":
        others["auto_class_weights"] = "Balanced"
    if kind.is_classification:
        return with_labels("catboost", CatBoostClassifier(**others, **fixed))
    return CatBoostRegressor(**others, **fixed)


LIGHTGBM = Learner(
    algorithm="lightgbm",
    kinds=frozenset(TaskKind),
    module="lightgbm",
    requirement="lightgbm",
    hyperparameters=_lightgbm_hyperparameters,
    make=_make_lightgbm,
    encodings=("native", "ordinal", "one_hot", "target"),
    scalings=("none",),
    cost="medium",
    missing="keep",
    # An alias of `categorical_feature`: under that name LightGBM takes it in `fit` alone.
    native=NativeCategories(parameter="cat_feature", form="codes"),
)

HIST_GRADIENT_BOOSTING = Learner(
    algorithm="hist_gradient_boosting",
    kinds=frozenset(TaskKind),
    module="sklearn",
    requirement="scikit-learn",
    hyperparameters=_hist_gradient_boosting_hyperparameters,
    make=_make_hist_gradient_boosting,
    encodings=("native", "ordinal", "one_hot", "target"),
    scalings=("none",),
    cost="medium",
    missing="keep_seen",
    native=NativeCategories(parameter="categorical_features", form="codes"),
)

# No encoding `native`: XGBoost wants the type of every column, and how many the parts of dates and the
# components of text will be is not known before the fit; types by name it takes from a DataFrame alone, of
# which it refuses names with brackets.
XGBOOST = Learner(
    algorithm="xgboost",
    kinds=frozenset(TaskKind),
    module="xgboost",
    requirement="autometa-ml[boosters]",
    hyperparameters=_xgboost_hyperparameters,
    make=_make_xgboost,
    encodings=("ordinal", "one_hot", "target"),
    scalings=("none",),
    cost="medium",
    missing="keep",
)

CATBOOST = Learner(
    algorithm="catboost",
    kinds=frozenset(TaskKind),
    module="catboost",
    requirement="autometa-ml[boosters]",
    hyperparameters=_catboost_hyperparameters,
    make=_make_catboost,
    encodings=("native", "ordinal", "one_hot", "target"),
    scalings=("none",),
    cost="high",
    missing="keep",
    native=NativeCategories(parameter="cat_features", form="words"),
)
