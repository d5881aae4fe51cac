"""Models of normal distributions: naive Bayes, discriminant analysis, Gaussian processes."""

from typing import Any

from autometa.pipelines.learner import Hyperparameters, Learner
from autometa.space import Parameter
from autometa.task_kind import CLASSIFICATION, TaskKind

_NOISE_BOUNDS = (1e-6, 10.0)  # of a standardised target
_LENGTH_SCALE_BOUNDS = (1e-2, 1e3)  # of standardised columns


def _naive_bayes_hyperparameters(kind: TaskKind) -> tuple[Parameter, ...]:
    """Return the range of what is added to every variance, as a share of the largest."""
    return (Parameter(name="var_smoothing", kind="float", low=1e-10, high=1.0, log=True, default=1e-9),)


def _make_naive_bayes(values: Hyperparameters, kind: TaskKind, seed: int, n_jobs: int) -> Any:
    """Return scikit-learn's Gaussian naive Bayes, which draws nothing at random."""
    from sklearn.naive_bayes import GaussianNB

    return GaussianNB(**values)


def _lda_hyperparameters(kind: TaskKind) -> tuple[Parameter, ...]:
    """Return the solver and, for the one that can, the shrinkage of the covariances; Ledoit and Wolf's if absent."""
    return (
        Parameter(name="solver", kind="categorical", choices=("svd", "lsqr"), default="svd"),
        Parameter(
            name="shrinkage",
            kind="float",
            low=1e-3,
            high=1.0,
            log=True,
            default="auto",
            condition=("solver", ("lsqr",)),
        ),
    )


def _make_lda(values: Hyperparameters, kind: TaskKind, seed: int, n_jobs: int) -> Any:
    """Return scikit-learn's linear discriminant analysis."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    can_shrink = values.get("solver") == "lsqr"
    return LinearDiscriminantAnalysis(**{"shrinkage": "auto" if can_shrink else None, **values})


def _qda_hyperparameters(kind: TaskKind) -> tuple[Parameter, ...]:
    """Return the range of the shrinkage of the covariances; Ledoit and Wolf's if absent."""
    return (Parameter(name="shrinkage", kind="float", low=1e-3, high=1.0, log=True, default="auto"),)


def _make_qda(values: Hyperparameters, kind: TaskKind, seed: int, n_jobs: int) -> Any:
    """Return scikit-learn's quadratic discriminant analysis with shrunk covariances.

    Without shrinkage it raises wherever the columns are collinear within a class, which they always are after
    one-hot encoding; this is what its message advises.
    """
    from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis

    return QuadraticDiscriminantAnalysis(**{"shrinkage": "auto", **values}, solver="eigen")


def _gaussian_process_hyperparameters(kind: TaskKind) -> tuple[Parameter, ...]:
    """Return the kernel, its length in standard deviations of a column, and whether the likelihood adapts it."""
    noise = Parameter(name="alpha", kind="float", low=1e-8, high=1.0, log=True, default=1e-10)
    return (
        Parameter(name="kernel", kind="categorical", choices=("rbf", "matern"), default="rbf"),
        Parameter(name="length_scale", kind="float", low=0.3, high=30.0, log=True, default=1.0),
        Parameter(name="learns_kernel", kind="categorical", choices=(False, True), default=False),
        *(() if kind.is_classification else (noise,)),
    )


def _make_gaussian_process(values: Hyperparameters, kind: TaskKind, seed: int, n_jobs: int) -> Any:
    """Return scikit-learn's Gaussian process; its default kernel is an RBF of length 1 that is never adapted."""
    from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor

    others = dict(values)
    choices = {name: others.pop(name) for name in ("kernel", "length_scale", "learns_kernel") if name in others}
    if choices:
        others["kernel"] = _kernel(kind, **choices)
    if kind.is_classification:
        return GaussianProcessClassifier(**others, random_state=seed, n_jobs=n_jobs)
    return GaussianProcessRegressor(**others, random_state=seed)


def _kernel(kind: TaskKind, kernel: str = "rbf", length_scale: float = 1.0, *, learns_kernel: bool = False) -> Any:
    """Return the kernel; one that is adapted also learns its height and, for numbers, the noise."""
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, Matern, WhiteKernel

    shape = RBF if kernel == "rbf" else Matern
    if not learns_kernel:
        return ConstantKernel(1.0, "fixed") * shape(length_scale, "fixed")
    adapted = ConstantKernel(1.0) * shape(length_scale, _LENGTH_SCALE_BOUNDS)
    return adapted if kind.is_classification else adapted + WhiteKernel(0.1, _NOISE_BOUNDS)


NAIVE_BAYES = Learner(
    algorithm="naive_bayes",
    kinds=CLASSIFICATION,
    module="sklearn",
    requirement="scikit-learn",
    hyperparameters=_naive_bayes_hyperparameters,
    make=_make_naive_bayes,
    encodings=("one_hot", "ordinal", "target"),
    scalings=("standard", "quantile"),
    cost="low",
    is_interpretable=True,
)

LDA = Learner(
    algorithm="lda",
    kinds=CLASSIFICATION,
    module="sklearn",
    requirement="scikit-learn",
    hyperparameters=_lda_hyperparameters,
    make=_make_lda,
    encodings=("one_hot", "ordinal", "target"),
    scalings=("standard", "quantile"),
    cost="low",
    is_interpretable=True,
)

QDA = Learner(
    algorithm="qda",
    kinds=CLASSIFICATION,
    module="sklearn",
    requirement="scikit-learn",
    hyperparameters=_qda_hyperparameters,
    make=_make_qda,
    encodings=("one_hot", "ordinal", "target"),
    scalings=("standard", "quantile"),
    cost="low",
)

GAUSSIAN_PROCESS = Learner(
    algorithm="gaussian_process",
    kinds=frozenset(TaskKind),
    module="sklearn",
    requirement="scikit-learn",
    hyperparameters=_gaussian_process_hyperparameters,
    make=_make_gaussian_process,
    encodings=("one_hot", "ordinal", "target"),
    scalings=("standard", "quantile"),
    cost="medium",
    scales_target=True,
    max_rows=1000,
)
