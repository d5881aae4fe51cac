"""Configurations made into plain scikit-learn pipelines that take the raw table."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any  # Any: estimators and their parameters, of libraries without types

from autometa.errors import ConfigurationError, MissingDependencyError
from autometa.pipelines.learners import learner_of
from autometa.space import Configuration
from autometa.task import ColumnKind
from autometa.task_kind import TaskKind

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

PIPELINES_VERSION = "1"
"""Version of what `build` makes of a configuration; any change in that raises it."""


def build(
    configuration: Configuration,
    *,
    kind: TaskKind,
    column_kinds: Mapping[str, ColumnKind],
    seed: int = 0,
    n_jobs: int = 1,
) -> "Pipeline":
    """Return the unfitted pipeline of a configuration: ``prepare`` the raw DataFrame, then the ``learner``.

    Columns may be selected in between, if the configuration says so. All classes are those of scikit-learn,
    skrub and the boosting libraries, so that a pipeline can be stored and used where autometa is not
    installed. It takes a DataFrame with the named columns, in any order and among others,
    with missing values and unseen categories. A classifier gives probabilities.

    Parameters
    ----------
    configuration : Configuration
        Algorithm and values; the library's defaults hold for all others.
    kind : TaskKind
        The kind of task.
    column_kinds : mapping of str to ColumnKind
        The columns and how each is treated, as in `Task.column_kinds`; identifiers are left out.
    seed : int
        Seed of every step that draws at random: same seed, same predictions.
    n_jobs : int
        Number of threads or processes of a learner that can use more than one.

    Raises
    ------
    ConfigurationError
        If the algorithm is unknown or does not do this kind, a value is outside its space, or there
        are no columns to predict from.
    MissingDependencyError
        If the algorithm's library is not installed.

    Examples
    --------
    >>> pipeline = build(
    ...     Configuration(algorithm="random_forest", values={"n_estimators": 50}),
    ...     kind=TaskKind.BINARY,
    ...     column_kinds={"width": ColumnKind.NUMERIC, "colour": ColumnKind.CATEGORICAL},
    ... )
    >>> list(pipeline.named_steps), pipeline["learner"]
    (['prepare', 'learner'], RandomForestClassifier(n_estimators=50, n_jobs=1, random_state=0))
    """
    learner = learner_of(configuration.algorithm, kind)
    values = learner.space(kind).configuration(configuration.values).values
    if not learner.is_installed:
        raise MissingDependencyError(
            f"'{learner.algorithm}' needs '{learner.module}', which is not installed; "
            f"install it with: pip install '{learner.requirement}'"
        )

    from sklearn.pipeline import Pipeline

    from autometa.pipelines.preparing import Scaling, category_positions, preparation, selection

    choices = learner.preprocessing(values)
    hyperparameters: dict[str, Any] = {name: value for name, value in values.items() if name not in choices}
    encoding = choices["encoding"]
    if encoding == "native" and learner.native is not None:
        encoding = learner.native.form
        positions = category_positions(column_kinds)
        hyperparameters |= {learner.native.parameter: positions} if positions else {}
    prepare = preparation(
        column_kinds,
        kind=kind,
        encoding=encoding,
        scaling=Scaling(name=choices["scaling"], n_knots=choices["n_knots"]),
        missing=learner.missing,
        seed=seed,
    )
    select = selection(kind, choices["select_percentile"], column_kinds) if choices["select"] == "univariate" else None
    estimator = learner.make(hyperparameters, kind, seed, n_jobs)
    if not kind.is_classification:
        estimator = _with_target(estimator, choices["target_transform"], is_scaled=learner.scales_target, seed=seed)
    return Pipeline(
        [("prepare", prepare), *([("select", select)] if select is not None else []), ("learner", estimator)]
    )


def _with_target(estimator: Any, transform: str, *, is_scaled: bool, seed: int) -> Any:
    """Return a regressor that learns a transformed target and turns its predictions back."""
    from sklearn.compose import TransformedTargetRegressor

    from autometa.pipelines.preparing import target_transformer

    transformer = target_transformer(transform, is_scaled=is_scaled, seed=seed)
    if transformer is None:
        return estimator
    is_exact = transform != "quantile"  # which has no exact inverse, of which scikit-learn would warn
    return TransformedTargetRegressor(estimator, transformer=transformer, check_inverse=is_exact)


def takes_weights(estimator: Any) -> bool:
    """Return whether a pipeline of `build`, or another estimator, can weigh the rows that it is fitted on."""
    from sklearn.utils.validation import has_fit_parameter

    inner = estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator
    if hasattr(inner, "estimators") and isinstance(inner.estimators, list):  # a vote, see `wrapping`
        return all(takes_weights(each) for _, each in inner.estimators)
    if hasattr(inner, "regressor"):  # with a transformed target
        return takes_weights(inner.regressor)
    if hasattr(inner, "estimator") and inner.estimator is not None:  # calibrated
        return takes_weights(inner.estimator)
    return bool(has_fit_parameter(inner, "sample_weight"))


def weight_arguments(estimator: Any, sample_weight: Any) -> dict[str, Any]:
    """Return the keyword argument by which the ``fit`` of an estimator takes the weights of rows, (n_rows,).

    Raises
    ------
    ConfigurationError
        If it takes none.
    """
    if not takes_weights(estimator):
        raise ConfigurationError(f"{_algorithm_of(estimator)} takes no weights of rows; choose other algorithms")
    if hasattr(estimator, "steps"):
        return {f"{estimator.steps[-1][0]}__sample_weight": sample_weight}
    return {"sample_weight": sample_weight}


def _algorithm_of(estimator: Any) -> str:
    """Return the name of the class that learns."""
    return type(estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator).__name__
