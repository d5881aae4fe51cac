"""Configurations made into plain scikit-learn pipelines that take the raw table."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any  # Any: estimators and their parameters, of libraries without types

from autometa.errors import MissingDependencyError
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
