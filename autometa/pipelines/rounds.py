"""The rounds of boosted trees: their number in a configuration, and what a fitted pipeline predicts after fewer.

One fit of many rounds tells what fits of fewer rounds would predict, so that the number of rounds costs no search.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any  # Any: estimators and tables, of libraries without types

import numpy as np

from autometa.errors import ConfigurationError, OptionError
from autometa.pipelines.learners import LEARNERS, space_of
from autometa.space import Configuration
from autometa.task_kind import TaskKind

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


_LEARNING_RATE = "learning_rate"  # as all of them call it


@dataclass(frozen=True, slots=True, kw_only=True)
class _Booster:
    """How one library counts its rounds: their parameter, how many a fit was asked for, and predictions after some."""

    parameter: str
    n_asked: Callable[[Any], int]
    stages: Callable[[Any, Any, Sequence[int]], Iterator[Any]]


def rounds_parameter(algorithm: str) -> str | None:
    """Return the name of the hyperparameter that is the number of rounds; None if the algorithm has no rounds.

    Examples
    --------
    >>> rounds_parameter("catboost"), rounds_parameter("random_forest")
    ('iterations', None)
    """
    return _BOOSTERS[algorithm].parameter if algorithm in _BOOSTERS else None


def n_rounds(configuration: Configuration) -> int:
    """Return the number of rounds of a configuration: its own, or the default of its algorithm.

    Raises
    ------
    ConfigurationError
        If its algorithm has no rounds, or their number is no integer.

    Examples
    --------
    >>> n_rounds(Configuration(algorithm="lightgbm"))
    100
    >>> n_rounds(Configuration(algorithm="xgboost", values={"n_estimators": 70}))
    70
    """
    name = _parameter_of(configuration)
    kind = min(LEARNERS[configuration.algorithm].kinds)  # the default is that of every kind
    parameter = next(p for p in space_of(configuration.algorithm, kind).parameters if p.name == name)
    value = parameter.cast(configuration.values.get(name, parameter.default))
    if not isinstance(value, int) or isinstance(value, bool):
        raise ConfigurationError(f"{configuration.algorithm}: {name}={value!r} is no number of rounds")
    return value


def with_rounds(configuration: Configuration, n: int, kind: TaskKind) -> Configuration:
    """Return the configuration with ``n`` rounds and all else as it is.

    Raises
    ------
    ConfigurationError
        If its algorithm has no rounds, or its space for tasks of ``kind`` does not hold the result: ``n`` may be
        outside the range.

    Examples
    --------
    >>> with_rounds(Configuration(algorithm="lightgbm", values={"num_leaves": 8}), 250, TaskKind.BINARY).to_json()
    '{"algorithm":"lightgbm","values":{"n_estimators":250,"num_leaves":8}}'
    """
    values = {**configuration.values, _parameter_of(configuration): n}
    return space_of(configuration.algorithm, kind).configuration(values)


def with_fewer_rounds(configuration: Configuration, n: int, kind: TaskKind) -> Configuration:
    """Return the configuration with ``n`` rounds, if it has more, and a learning rate that is as many times higher.

    So it learns about the same in less time. A learning rate that comes to the end of its range leaves more rounds, as
    far as their own range allows; one that the library finds itself follows the number of rounds.

    Raises
    ------
    ConfigurationError
        As of `with_rounds`.

    Examples
    --------
    >>> slow = Configuration(algorithm="catboost", values={"iterations": 1000, "learning_rate": 0.02})
    >>> with_fewer_rounds(slow, 250, TaskKind.BINARY).to_json()
    '{"algorithm":"catboost","values":{"iterations":250,"learning_rate":0.08}}'
    >>> with_fewer_rounds(slow, 10, TaskKind.BINARY).to_json()
    '{"algorithm":"catboost","values":{"iterations":67,"learning_rate":0.3}}'
    """
    own = n_rounds(configuration)
    if own <= n:
        return configuration
    parameters = {p.name: p for p in space_of(configuration.algorithm, kind).parameters}
    highest, most = parameters[_LEARNING_RATE].high, int(parameters[_parameter_of(configuration)].high)
    rate = configuration.values.get(_LEARNING_RATE, parameters[_LEARNING_RATE].default)
    if not isinstance(rate, float):
        return with_rounds(configuration, n, kind)
    ratio = min(own / n, max(highest / rate, 1.0))
    faster = Configuration(
        algorithm=configuration.algorithm, values={**configuration.values, _LEARNING_RATE: ratio * rate}
    )
    return with_rounds(faster, min(round(own / ratio), most), kind)  # a default may be more than its space offers


def is_prefix_stable(configuration: Configuration) -> bool:
    """Return whether the first rounds of a fit are those of a fit of fewer rounds, so that stages tell of the latter.

    They are not where CatBoost finds its learning rate itself: it depends on the number of rounds. An algorithm
    without rounds has no first ones.

    Examples
    --------
    >>> is_prefix_stable(Configuration(algorithm="catboost"))
    False
    >>> is_prefix_stable(Configuration(algorithm="catboost", values={"learning_rate": 0.1}))
    True
    """
    if configuration.algorithm == "catboost":
        return configuration.values.get("learning_rate") is not None
    return configuration.algorithm in _BOOSTERS


def staged_predictions(pipeline: "Pipeline", X: Any, rounds: Sequence[int]) -> list[np.ndarray]:
    """Return what a fitted pipeline predicts after each of some numbers of rounds.

    Where `is_prefix_stable` holds of its configuration, that is what it would predict had it been fitted with that
    many rounds, to the precision of its library (XGBoost's probabilities are float32). A fit that ended before the
    rounds it was asked for, because no split was left or the loss of rows that it had held back grew, would have
    ended there with any number above: its last stage holds for those. LightGBM forgets a round in which no leaf can
    be split, and goes on; where the next one draws other rows, columns or thresholds, it may split. Stages count
    those that did, and a fit of ``n`` rounds then has what an earlier stage shows.

    Parameters
    ----------
    pipeline : Pipeline
        Of a booster, as `autometa.pipelines.building.build` makes it, and fitted.
    X : DataFrame of shape (n_rows, n_columns)
        The raw table, prepared once for all stages.
    rounds : sequence of int
        Ascending numbers of rounds, from 1 to what the pipeline was asked for.

    Returns
    -------
    list of ndarray of float
        One for each of ``rounds``: predictions (n_rows,) of a regressor, in the target's own unit, or probabilities
        (n_rows, n_classes) of a classifier, columns as in its ``classes_``.

    Raises
    ------
    ConfigurationError
        If its learner has no rounds.
    OptionError
        If ``rounds`` are not ascending, or outside that range.

    Examples
    --------
    >>> import pandas as pd
    >>> from autometa.pipelines.building import build
    >>> from autometa.task import ColumnKind
    >>> configuration = Configuration(algorithm="hist_gradient_boosting", values={"min_samples_leaf": 2})
    >>> X, y = pd.DataFrame({"a": [0.0, 1.0] * 10}), [0.0, 1.0] * 10
    >>> pipeline = build(configuration, kind=TaskKind.REGRESSION, column_kinds={"a": ColumnKind.NUMERIC}).fit(X, y)
    >>> [stage.round(2).tolist() for stage in staged_predictions(pipeline, X[:2], [1, 100])]
    [[0.45, 0.55], [0.0, 1.0]]
    """
    outer = pipeline["learner"]
    transformer = getattr(outer, "transformer_", None)  # of a TransformedTargetRegressor
    inner = outer.regressor_ if transformer is not None else outer
    inner = inner.estimators_[0] if hasattr(inner, "estimators_") else inner  # of a vote of one
    booster = _booster_of(inner)
    _check_rounds(rounds, booster.n_asked(inner))
    stages = booster.stages(inner, pipeline[:-1].transform(X), rounds)
    if transformer is not None:
        stages = (np.asarray(transformer.inverse_transform(stage.reshape(-1, 1)))[:, 0] for stage in stages)
    return [np.asarray(stage, dtype=np.float64) for stage in stages]


def _parameter_of(configuration: Configuration) -> str:
    """Return the name of the number of rounds."""
    name = rounds_parameter(configuration.algorithm)
    if name is None:
        raise ConfigurationError(f"'{configuration.algorithm}' has no rounds; those that have: {', '.join(_BOOSTERS)}")
    return name


def _check_rounds(rounds: Sequence[int], n_asked: int) -> None:
    """Raise unless the numbers of rounds ascend within what was asked for."""
    if not all(earlier < later for earlier, later in pairwise(rounds)):
        raise OptionError(f"numbers of rounds must ascend, got {list(rounds)}")
    if rounds and not (rounds[0] >= 1 and rounds[-1] <= n_asked):
        raise OptionError(f"this fit has 1 to {n_asked} rounds, got {list(rounds)}")


def _booster_of(estimator: Any) -> _Booster:
    """Return what is known of the library of a fitted estimator."""
    library = type(estimator).__module__.partition(".")[0]
    if library == "sklearn" and type(estimator).__name__.startswith("HistGradientBoosting"):
        return _BOOSTERS["hist_gradient_boosting"]
    if library not in _BOOSTERS:
        raise ConfigurationError(f"a {type(estimator).__name__} has no rounds; those that have: {', '.join(_BOOSTERS)}")
    return _BOOSTERS[library]


def _predict(estimator: Any, X: Any, **stage: object) -> Any:
    """Return probabilities (n_rows, n_classes) of a classifier, or predictions (n_rows,), of a stage."""
    from sklearn.base import is_classifier

    return estimator.predict_proba(X, **stage) if is_classifier(estimator) else estimator.predict(X, **stage)


def _lightgbm_stages(estimator: Any, X: Any, rounds: Sequence[int]) -> Iterator[Any]:
    """Yield the predictions of LightGBM."""
    return (_predict(estimator, X, num_iteration=n) for n in rounds)


def _xgboost_stages(estimator: Any, X: Any, rounds: Sequence[int]) -> Iterator[Any]:
    """Yield the predictions of XGBoost."""
    return (_predict(estimator, X, iteration_range=(0, n)) for n in rounds)


def _catboost_stages(estimator: Any, X: Any, rounds: Sequence[int]) -> Iterator[Any]:
    """Yield the predictions of CatBoost."""
    return (_predict(estimator, X, ntree_end=min(n, estimator.tree_count_)) for n in rounds)


def _hist_gradient_boosting_stages(estimator: Any, X: Any, rounds: Sequence[int]) -> Iterator[Any]:
    """Yield the predictions of scikit-learn's boosting, which gives those after every round in turn."""
    from sklearn.base import is_classifier

    wanted = [min(n, estimator.n_iter_) for n in rounds]
    stages = estimator.staged_predict_proba(X) if is_classifier(estimator) else estimator.staged_predict(X)
    for n, stage in zip(range(1, max(wanted, default=0) + 1), stages, strict=False):
        for _ in range(wanted.count(n)):
            yield stage.copy()  # the next stage may be written into it


_BOOSTERS = {
    "lightgbm": _Booster(
        parameter="n_estimators", n_asked=lambda estimator: int(estimator.n_estimators), stages=_lightgbm_stages
    ),
    "xgboost": _Booster(
        parameter="n_estimators",
        n_asked=lambda estimator: int(estimator.get_num_boosting_rounds()),
        stages=_xgboost_stages,
    ),
    "hist_gradient_boosting": _Booster(
        parameter="max_iter", n_asked=lambda estimator: int(estimator.max_iter), stages=_hist_gradient_boosting_stages
    ),
    "catboost": _Booster(
        parameter="iterations",
        n_asked=lambda estimator: int(estimator.get_all_params()["iterations"]),
        stages=_catboost_stages,
    ),
}
