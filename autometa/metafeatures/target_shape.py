"""Target-shape meta-features: balance of the classes, or distribution of the number, over the full table.

References
----------
.. [1] G. Lindner, R. Studer: AST: Support for algorithm selection with a CBR approach, PKDD 1999,
   doi:10.1007/978-3-540-48247-5_52.
.. [2] M. Feurer, J. T. Springenberg, F. Hutter: Initializing Bayesian hyperparameter optimization via
   meta-learning, AAAI 2015, doi:10.1609/aaai.v29i1.9354.
.. [3] C. Soares, P. B. Brazdil, P. Kuba: A meta-learning method to select the kernel width in support vector
   regression, Machine Learning 54, 2004, doi:10.1023/B:MACH.0000015879.28004.9b.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autometa.metafeatures.columns import without_unit
from autometa.metafeatures.registry import REGRESSION, Floats, Group
from autometa.metafeatures.sample import Sample
from autometa.task_kind import CLASSIFICATION

FEW_ROWS = 10
OUTLIER_WHISKER = 1.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Target:
    """The target over the full table.

    Parameters
    ----------
    class_counts : ndarray of shape (n_classes,)
        Rows of each class; empty for regression.
    numbers : ndarray of shape (n_rows,)
        Target of a regression over a power of two, so that nothing overflows; empty for classification.
    exponent : int
        The exponent of that power.
    standard : ndarray of shape (n_rows,)
        The numbers with mean 0 and standard deviation 1 (n degrees of freedom).
    deviation : float
        Standard deviation of the numbers (n - 1 degrees of freedom).
    n_distinct : int
        Number of distinct numbers.
    """

    class_counts: NDArray[np.int64]
    numbers: Floats
    exponent: int
    standard: Floats
    deviation: float
    n_distinct: int

    @property
    def class_shares(self) -> Floats:
        """Share of the rows of each class."""
        return np.asarray(self.class_counts / self.class_counts.sum())


def _prepare(sample: Sample) -> Target:
    """Return the target of a task."""
    if sample.task.kind.is_classification:
        nothing = np.empty(0)
        return Target(
            class_counts=sample.class_counts,
            numbers=nothing,
            exponent=0,
            standard=nothing,
            deviation=0.0,
            n_distinct=0,
        )
    numbers, exponent = without_unit(sample.full_target)
    centred = numbers - numbers.mean()
    return Target(
        class_counts=np.empty(0, dtype=np.int64),
        numbers=numbers,
        exponent=exponent,
        standard=centred / centred.std(),
        deviation=float(centred.std(ddof=1)),
        n_distinct=len(np.unique(numbers)),
    )


GROUP = Group("target-shape", prepare=_prepare)


@GROUP.values("mean", "sd", kinds=CLASSIFICATION)
def freq_class(target: Target) -> Floats:
    """Return the share of each class [1]_; as pymfe."""
    return target.class_shares


@GROUP.value(kinds=CLASSIFICATION)
def majority_share(target: Target) -> float:
    """Return the share of the most frequent class [2]_ (ClassProbabilityMax)."""
    return float(target.class_shares.max())


@GROUP.value(kinds=CLASSIFICATION)
def minority_share(target: Target) -> float:
    """Return the share of the rarest class [2]_ (ClassProbabilityMin)."""
    return float(target.class_shares.min())


@GROUP.value(kinds=CLASSIFICATION)
def log_minority_rows(target: Target) -> float:
    """Return the natural logarithm of the rows of the rarest class (ours)."""
    return float(np.log(target.class_counts.min()))


@GROUP.value(kinds=CLASSIFICATION)
def rare_class_share(target: Target) -> float:
    """Return the share of the classes with fewer than ten rows (ours)."""
    return float(np.mean(target.class_counts < FEW_ROWS))


@GROUP.value(kinds=REGRESSION)
def target_std(target: Target) -> float:
    """Return the standard deviation in the target's unit, n - 1 degrees of freedom [3]_."""
    return float(np.ldexp(target.deviation, target.exponent))


@GROUP.value(kinds=REGRESSION)
def target_skewness(target: Target) -> float:
    """Return the skewness m3 / s^3, s with n - 1 degrees of freedom [3]_."""
    return float((target.standard**3).mean() * (1 - 1 / len(target.standard)) ** 1.5)


@GROUP.value(kinds=REGRESSION)
def target_kurtosis(target: Target) -> float:
    """Return the excess kurtosis m4 / s^4 - 3, s with n - 1 degrees of freedom [3]_."""
    return float((target.standard**4).mean() * (1 - 1 / len(target.standard)) ** 2 - 3)


@GROUP.value(kinds=REGRESSION)
def target_abs_deviation(target: Target) -> float:
    """Return the mean absolute deviation from the median, in standard deviations (ours).

    What a constant guess gets as mean absolute error, in the unit in which its root mean squared error is 1.
    """
    return float(np.mean(np.abs(target.standard - np.median(target.standard))))


@GROUP.value(kinds=REGRESSION)
def target_outlier_share(target: Target) -> float:
    """Return the share of rows beyond 1.5 interquartile ranges from the quartiles [3]_."""
    first, third = np.quantile(target.standard, (0.25, 0.75))
    reach = OUTLIER_WHISKER * (third - first)
    return float(np.mean((target.standard < first - reach) | (target.standard > third + reach)))


@GROUP.value(kinds=REGRESSION)
def target_distinct_share(target: Target) -> float:
    """Return the number of distinct values per row (ours)."""
    return target.n_distinct / len(target.numbers)


@GROUP.value(kinds=REGRESSION)
def target_zero_share(target: Target) -> float:
    """Return the share of zeros (ours): counts and amounts often have many."""
    return float(np.mean(target.numbers == 0))


@GROUP.value(kinds=REGRESSION)
def target_log_skewness(target: Target) -> float | None:
    """Return the skewness of the target's logarithm (ours); undefined unless every value is above zero.

    Near zero beside a large `target_skewness`: a model of the logarithm may fit better.
    """
    if target.numbers.min() <= 0:
        return None
    logarithms = np.log(target.numbers)
    centred = logarithms - logarithms.mean()
    deviation = centred.std()
    if deviation == 0:  # the values differ in their last digits alone
        return None
    n_rows = len(logarithms)
    return float(((centred / deviation) ** 3).mean() * (1 - 1 / n_rows) ** 1.5)
