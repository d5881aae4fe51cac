"""Neural networks."""

from typing import Any

from autometa.pipelines.learner import Hyperparameters, Learner
from autometa.space import Parameter
from autometa.task_kind import TaskKind

_LIBRARY_LAYER_SIZE = 100


def _hyperparameters(kind: TaskKind) -> tuple[Parameter, ...]:
    """Return auto-sklearn's ranges; number and size of the layers make up ``hidden_layer_sizes``."""
    return (
        Parameter(name="n_hidden_layers", kind="int", low=1, high=3, default=1),
        Parameter(name="hidden_layer_size", kind="int", low=16, high=256, log=True, default=_LIBRARY_LAYER_SIZE),
        Parameter(name="activation", kind="categorical", choices=("relu", "tanh"), default="relu"),
        Parameter(name="alpha", kind="float", low=1e-7, high=1.0, log=True, default=1e-4),
        Parameter(name="learning_rate_init", kind="float", low=1e-4, high=0.05, log=True, default=1e-3),
        Parameter(name="early_stopping", kind="categorical", choices=(False, True), default=False),
    )


def _make(values: Hyperparameters, kind: TaskKind, seed: int, n_jobs: int) -> Any:
    """Return scikit-learn's multilayer perceptron, which runs in one job."""
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    others = dict(values)
    n_layers = others.pop("n_hidden_layers", 1)
    layer_size = others.pop("hidden_layer_size", _LIBRARY_LAYER_SIZE)
    estimator = MLPClassifier if kind.is_classification else MLPRegressor
    return estimator(hidden_layer_sizes=(layer_size,) * n_layers, **others, random_state=seed)


MLP = Learner(
    algorithm="mlp",
    kinds=frozenset(TaskKind),
    module="sklearn",
    requirement="scikit-learn",
    hyperparameters=_hyperparameters,
    make=_make,
    encodings=("one_hot", "ordinal", "target"),
    scalings=("standard", "quantile", "none"),
    cost="medium",
    scales_target=True,
)
