"""Every learner with every kind of task that it does, in configurations that are fitted in a moment."""

from typing import Any

import pytest
from _pytest.mark import ParameterSet

from autometa.pipelines.learner import Learner
from autometa.pipelines.learners import LEARNERS
from autometa.space import Configuration, Value
from autometa.task_kind import TaskKind

_QUICK: dict[str, dict[str, Value]] = {
    "catboost": {"iterations": 50},
    "hist_gradient_boosting": {"max_iter": 50},
    "lightgbm": {"n_estimators": 50},
    "random_forest": {"n_estimators": 50},
    "extra_trees": {"n_estimators": 50},
    "xgboost": {"n_estimators": 50},
}
_ROUNDS = ("n_estimators", "max_iter", "iterations")


def quick(algorithm: str, **values: Value) -> Configuration:
    """Return the configuration of an algorithm with few rounds and the given values."""
    return Configuration(algorithm=algorithm, values={**_QUICK.get(algorithm, {}), **values})


def shorten(pipeline: Any) -> Any:
    """Return the pipeline with three trees or epochs at most, for the time of a test alone."""
    parameters = pipeline.get_params()
    rounds = {name: value for name, value in parameters.items() if name.rpartition("__")[2] in _ROUNDS}
    return pipeline.set_params(**{name: 3 for name, value in rounds.items() if value is not None and value > 3})


def case(learner: Learner, *others: object) -> ParameterSet:
    """Return the parameters of a test of a learner, left out with a reason where its library is not installed."""
    reason = f"needs {learner.module}: pip install '{learner.requirement}'"
    name = "-".join(map(str, (learner.algorithm, *others)))
    return pytest.param(
        learner.algorithm, *others, marks=pytest.mark.skipif(not learner.is_installed, reason=reason), id=name
    )


ALGORITHMS = [case(learner) for learner in LEARNERS.values()]
PAIRS = [case(learner, kind) for learner in LEARNERS.values() for kind in sorted(learner.kinds)]
CLASSIFIERS = [case(learner) for learner in LEARNERS.values() if TaskKind.MULTICLASS in learner.kinds]
REGRESSORS = [case(learner) for learner in LEARNERS.values() if TaskKind.REGRESSION in learner.kinds]


def kind_of(algorithm: str) -> TaskKind:
    """Return a kind of task that an algorithm does."""
    return TaskKind.MULTICLASS if TaskKind.MULTICLASS in LEARNERS[algorithm].kinds else TaskKind.REGRESSION
