"""Estimators made back into configurations: what `build` would have made, and what is foreign."""

import functools
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any  # Any: estimators and their parameters, of libraries without types

import numpy as np

from autometa.errors import ConfigurationError
from autometa.pipelines.building import build
from autometa.pipelines.comparing import inside, is_same, library_of, parameters_of
from autometa.pipelines.foreign import foreign
from autometa.pipelines.learner import Learner
from autometa.pipelines.learners import learner_of, learners_of
from autometa.space import Configuration, Value
from autometa.task import ColumnKind, Task
from autometa.task_kind import TaskKind

# Some others LightGBM and XGBoost refuse in the names of a DataFrame's columns, which our pipelines never show them.
_HARMLESS_NAME = re.compile(r"[^\[\]<>{}\",:]*")
_DTYPE_BYTES = 8
_FROM_VALUES = frozenset({"mean", "median", "most_frequent"})  # of an imputer that cannot fail where nothing is missing
_SOME_PERCENTILES = (50, 10)  # for the few columns of which all percentiles choose the same share

Values = dict[str, Any]  # not checked yet


def recognise(estimator: Any, task: Task) -> Configuration:
    """Return the configuration of autometa's that an estimator is on a task, or else a foreign one that names it.

    It is ours if `build` makes the same of that configuration for the columns of this task: the same classes with the
    same parameters, all through; random states, numbers of threads and verbosity aside, numbers to six significant
    digits. A clone, a copy from a file and a fitted one are as the original.

    On a *plain* table our preparation does nothing but scale and select: all columns are numbers (64 bits),
    complete and finite, none is an identifier, and no name has one of ``[]<>{}",:``. There, what is written by hand
    is ours as well if it has the same effect: a bare learner, or a Pipeline of our scaling (``StandardScaler()``, if
    that is the learner's, ...), our selection and the learner. Between them may stand a `SimpleImputer` of means,
    medians or modes, ``"passthrough"``, nested Pipelines, and first a `ColumnTransformer` of all columns in
    their order. XGBoost, CatBoost and forests with class weights are built inside a vote of one, for labels of any
    kind; where the classes are the integers 0, 1, ... they are ours without it. On any other table what is written
    by hand is foreign: our preparation would encode, fill and flag.

    Where several configurations make the same on this task (encodings without a category, say), it is
    the one with most defaults. All else is foreign, were it off by a single parameter (as ``max_iter``) or outside the
    ranges of `autometa.pipelines.learners`: what is known of our algorithms must not come from others.

    Parameters
    ----------
    estimator : scikit-learn estimator
        Any, fitted or not.
    task : Task
        What it is to be used on.

    Returns
    -------
    Configuration
        Ours, or of the algorithm that `autometa.pipelines.foreign.foreign` names.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.ensemble import ExtraTreesRegressor
    >>> X = pd.DataFrame({"a": np.arange(4.0)})
    >>> task = Task(name="line", X=X, y=X["a"], kind=TaskKind.REGRESSION, target="b")
    >>> recognise(ExtraTreesRegressor(n_estimators=300), task).to_json()
    '{"algorithm":"extra_trees","values":{"n_estimators":300}}'
    >>> recognise(ExtraTreesRegressor(max_depth=3), task).to_json()
    '{"algorithm":"sklearn.ensemble.ExtraTreesRegressor","values":{"max_depth":3}}'
    """
    ours = _ours(estimator, task)
    return ours if ours is not None else foreign(estimator)


def recognise_learner(estimator: Any, kind: TaskKind) -> Configuration | None:
    """Return the configuration whose learner is the same as an estimator, None if there is none.

    Preprocessing is not looked at: its choices are at their defaults. Learners that our pipelines only use inside of
    something else (a calibration, a standardised target) are none here; a vote of one, which changes nothing, is.

    Parameters
    ----------
    estimator : scikit-learn estimator
        A single one, fitted or not.
    kind : TaskKind
        The kind of task that it is for.

    Examples
    --------
    >>> from sklearn.ensemble import ExtraTreesRegressor
    >>> recognise_learner(ExtraTreesRegressor(n_estimators=300), TaskKind.REGRESSION).to_json()
    '{"algorithm":"extra_trees","values":{"n_estimators":300}}'
    """
    for learner in learners_by_class(type(estimator), kind):
        defaults = {parameter.name: parameter.default for parameter in learner.hyperparameters(kind)}
        configuration = _configuration(learner, kind, _hyperparameters(learner, estimator, defaults))
        if configuration is not None:
            made = _without_vote(learner.make(dict(configuration.values), kind, 0, 1))
            if is_same(made, estimator, defaults):
                return configuration
    return None


def learners_by_class(made: Any, kind: TaskKind) -> tuple[Learner, ...]:
    """Return the learners whose pipelines end in an estimator of that very class, in nothing but a vote of one."""
    library = str(made.__module__).partition(".")[0]
    return tuple(
        learner
        for learner in learners_of(kind, installed_only=False)  # its library is here, where the class is from
        if learner.module == library
        and (kind.is_classification or not learner.scales_target)
        and _made_class(learner.algorithm, kind) is made
    )


@functools.cache
def _made_class(algorithm: str, kind: TaskKind) -> type:
    """Return the class that a learner makes, outside of a vote."""
    return type(_without_vote(learner_of(algorithm, kind).make({}, kind, 0, 1)))


def is_plain(task: Task) -> bool:
    """Return whether our preparation does nothing but scale and select on a task; see `recognise`."""
    if any(kind is not ColumnKind.NUMERIC for kind in task.column_kinds.values()):
        return False
    return all(
        _HARMLESS_NAME.fullmatch(str(name)) is not None
        and task.X[name].to_numpy().itemsize == _DTYPE_BYTES
        and bool(np.isfinite(task.X[name].to_numpy()).all())
        for name in task.X.columns
    )


def _ours(estimator: Any, task: Task) -> Configuration | None:
    """Return our configuration that makes the same as an estimator on a task; None if there is none."""
    parts = list(inside(estimator))
    libraries = {library_of(part) for part in parts}
    steps = _steps(estimator, list(task.X.columns)) if is_plain(task) else None
    for learner in learners_of(task.kind):
        if learner.module not in libraries:
            continue
        defaults = {parameter.name: parameter.default for parameter in learner.hyperparameters(task.kind)}
        for configuration in _candidates(learner, task, parts, defaults):
            built = build(configuration, kind=task.kind, column_kinds=task.column_kinds)
            if is_same(built, estimator, defaults):
                return configuration
            if steps is not None and _is_same_plain(built, configuration, steps, defaults, task):
                return configuration
    return None


def _candidates(
    learner: Learner, task: Task, parts: Sequence[Any], defaults: Mapping[str, Value]
) -> Iterator[Configuration]:
    """Iterate over the configurations of a learner that may have made an estimator with these parts."""
    core = _core(learner.make({}, task.kind, 0, 1))
    found = [part for part in parts if type(part) is type(core)]
    if len(found) == 1:  # as in all that is built
        values = _hyperparameters(learner, found[0], defaults)
        for choices in _choices(learner, task, parts):
            configuration = _configuration(learner, task.kind, {**values, **choices})
            if configuration is not None:
                yield configuration


def _configuration(learner: Learner, kind: TaskKind, values: Mapping[str, Any]) -> Configuration | None:
    """Return the configuration of those values that have an effect; None if the learner's space does not hold them."""
    space = learner.space(kind)
    kept: dict[str, Value] = {}
    for parameter in space.parameters:
        value = values.get(parameter.name, parameter.default)
        if not (value is None or isinstance(value, int | float | str | np.generic)):
            return None
        if value != parameter.default and space.is_active(parameter, kept):
            kept[parameter.name] = value  # type: ignore[assignment] # NumPy's scalars are taken as well
    try:
        return space.configuration(kept)
    except ConfigurationError:
        return None


# Hyperparameters ----------------------------------------------------------------------------------------------


def _hyperparameters(learner: Learner, core: Any, defaults: Mapping[str, Value]) -> Values:
    """Return an estimator's hyperparameters under the names of a learner's space."""
    found = parameters_of(core, defaults)
    if learner.algorithm == "mlp":
        found |= _layers(found["hidden_layer_sizes"])
    if learner.algorithm == "gaussian_process":
        found |= _kernel(found.pop("kernel"))
    if learner.algorithm == "catboost" and found.get("auto_class_weights") == "Balanced":
        found["class_weight"] = "balanced"
    return {name: found[name] for name in defaults if name in found}


def _layers(sizes: Any) -> Values:
    """Return number and size of the hidden layers of a network, if all have one size."""
    if isinstance(sizes, list | tuple) and len(sizes) > 0 and all(size == sizes[0] for size in sizes):
        return {"n_hidden_layers": len(sizes), "hidden_layer_size": sizes[0]}
    return {}


def _kernel(kernel: Any) -> Values:
    """Return what a space says of a Gaussian process's kernel; nothing of its default."""
    from sklearn.gaussian_process.kernels import RBF, Matern

    for part in inside(kernel):
        if type(part) in (RBF, Matern):
            return {
                "kernel": "rbf" if type(part) is RBF else "matern",
                "length_scale": part.length_scale,
                "learns_kernel": part.length_scale_bounds != "fixed",
            }
    return {}


# Preprocessing ------------------------------------------------------------------------------------------------


def _choices(learner: Learner, task: Task, parts: Sequence[Any]) -> Iterator[Values]:
    """Iterate over choices of preprocessing that an estimator with these parts may have been made by."""
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.feature_selection import SelectPercentile
    from sklearn.preprocessing import SplineTransformer

    has_words = any(kind in (ColumnKind.CATEGORICAL, ColumnKind.BOOLEAN) for kind in task.column_kinds.values())
    encodings = learner.encodings if has_words else learner.encodings[:1]
    knots = [part.n_knots for part in parts if type(part) is SplineTransformer][:1]
    scalings = learner.scalings if not knots else ("spline",)
    percentiles = [part.percentile for part in parts if type(part) is SelectPercentile][:1]
    selections: list[Values] = [{}]
    if percentiles:
        selections = [{"select": "univariate", "select_percentile": p} for p in (*percentiles, *_SOME_PERCENTILES)]
    is_transformed = any(type(part) is TransformedTargetRegressor for part in parts)
    transforms = ("none", "log", "quantile") if is_transformed else ("none",)
    for encoding, scaling, select, transform in itertools.product(encodings, scalings, selections, transforms):
        yield {
            "encoding": encoding,
            "scaling": scaling,
            **({"n_knots": knots[0]} if knots else {}),
            **select,
            "target_transform": transform,
        }


# Plain tables -------------------------------------------------------------------------------------------------


def _is_same_plain(
    built: Any, configuration: Configuration, steps: Sequence[Any], defaults: Mapping[str, Value], task: Task
) -> bool:
    """Return whether steps do on a plain table what our pipeline of a configuration does."""
    from autometa.pipelines.preparing import Scaling, scaling_steps

    choices = learner_of(configuration.algorithm, task.kind).preprocessing(configuration.values)
    scalers = scaling_steps(Scaling(name=choices["scaling"], n_knots=choices["n_knots"]), seed=0)
    own = [inner for _, step in (*scalers, *built.steps[1:]) for inner in _steps(step, [])]
    if is_same(own, steps, defaults):
        return True
    is_counted = all(type(label) is int for label in task.classes) and task.classes == tuple(range(len(task.classes)))
    return is_counted and is_same([*own[:-1], _without_vote(own[-1])], steps, defaults)


def _steps(estimator: Any, columns: Sequence[str]) -> list[Any]:
    """Return what an estimator does on a plain table, one after another; what does nothing there is left out.

    ``columns`` are those of the DataFrame that it is given; none where it is given an array.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline

    if estimator is None or (isinstance(estimator, str) and estimator == "passthrough"):
        return []
    if type(estimator) is Pipeline and _are_tuples(estimator.steps, 2):
        steps = [step for _, step in estimator.steps]
        return [inner for n, step in enumerate(steps) for inner in _steps(step, columns if n == 0 else [])]
    if type(estimator) is SimpleImputer and is_same(np.nan, estimator.missing_values):
        return [] if isinstance(estimator.strategy, str) and estimator.strategy in _FROM_VALUES else [estimator]
    if type(estimator) is ColumnTransformer and columns and _are_tuples(estimator.transformers, 3):
        _, transformer, chosen = estimator.transformers[0]
        is_all = isinstance(chosen, list | tuple) and list(chosen) == list(columns)
        if is_all and len(estimator.transformers) == 1 and not estimator.transformer_weights:
            return _steps(transformer, columns)
    return [estimator]


def _are_tuples(steps: Any, length: int) -> bool:
    """Return whether these are the steps of a pipeline, or the parts of a ColumnTransformer, at least one."""
    return (
        isinstance(steps, list)
        and len(steps) > 0
        and all(isinstance(step, tuple) and len(step) == length for step in steps)
    )


def _core(estimator: Any) -> Any:
    """Return the estimator inside our own wrappers."""
    from sklearn.calibration import CalibratedClassifierCV

    estimator = _without_vote(estimator)
    return estimator.estimator if type(estimator) is CalibratedClassifierCV else estimator


def _without_vote(estimator: Any) -> Any:
    """Return the estimator inside our vote of one."""
    from sklearn.ensemble import VotingClassifier

    return estimator.estimators[0][1] if type(estimator) is VotingClassifier else estimator
