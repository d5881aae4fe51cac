"""Configurations made into plain scikit-learn pipelines that take the raw table."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from autometa.errors import MissingDependencyError
from autometa.pipelines.learner import PREPROCESSING
from autometa.pipelines.learners import learner_of
from autometa.space import Configuration
from autometa.task import ColumnKind
from autometa.task_kind import TaskKind

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

PIPELINES_VERSION = "0.1"
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

    It is made of scikit-learn, LightGBM and skrub classes alone, so that it can be stored and used where
    autometa is not installed. It takes a DataFrame with the named columns, in any order and among others,
    with missing values and unseen categories. A classifier gives probabilities.

    Parameters
    ----------
    configuration : Configuration
        Algorithm and values; the library's defaults hold for all others.
    kind : TaskKind
        The kind of task.
    column_kinds : mapping of str to ColumnKind
        The columns to use and how each is treated, as in `Task.column_kinds`.
    seed : int
        Seed of every step that draws at random: same seed, same predictions.
    n_jobs : int
        Number of threads or processes of a learner that can use more than one.

    Raises
    ------
    ConfigurationError
        If the algorithm is unknown or does not do this kind, a value is outside its space, or there
        are no columns.
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

    from sklearn.compose import TransformedTargetRegressor
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    from autometa.pipelines.preparing import preparation

    hyperparameters = {name: value for name, value in values.items() if name not in PREPROCESSING}
    estimator = learner.make(hyperparameters, kind, seed, n_jobs)
    if learner.scales_target and not kind.is_classification:
        estimator = TransformedTargetRegressor(estimator, transformer=StandardScaler())
    prepare = preparation(
        column_kinds,
        encoding=str(values.get("encoding", learner.encodings[0])),
        scaling=str(values.get("scaling", learner.scalings[0])),
        imputes=not learner.takes_missing,
        seed=seed,
    )
    return Pipeline([("prepare", prepare), ("learner", estimator)])
