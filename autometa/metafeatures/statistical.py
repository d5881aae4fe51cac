"""Statistical meta-features: shape of the numeric columns, and geometry of the encoded table.

Shapes (`skewness`, `kurtosis`, `cor`, outliers) are of the numeric columns that vary; pymfe turns
categories into indicators first and takes those too, so both agree where all columns are numeric. Geometry
(canonical correlations, principal components, `gravity`) is of the table as learners read it, standardised.
Of pymfe's names, those that change with the unit of a column (mean, max, var, cov, ...) are left out:
metres or feet must not matter.

References
----------
.. [1] D. Michie, D. J. Spiegelhalter, C. C. Taylor: Machine Learning, Neural and Statistical Classification,
   Ellis Horwood, 1994.
.. [2] M. Feurer, J. T. Springenberg, F. Hutter: Initializing Bayesian hyperparameter optimization via
   meta-learning, AAAI 2015, doi:10.1609/aaai.v29i1.9354.
.. [3] A. Kalousis: Algorithm Selection via Meta-Learning, PhD thesis, University of Geneva, 2002.
.. [4] M. A. Salama, A. E. Hassanien, K. Revett: Employment of neural network and rough set in meta-learning,
   Memetic Computing 5(3), 2013, pp. 165-177.
.. [5] H. Hotelling: Relations between two sets of variates, Biometrika 28, 1936,
   doi:10.1093/biomet/28.3-4.321.
"""

from dataclasses import dataclass

import numpy as np

from autometa.metafeatures.registry import REGRESSION, Floats, Group
from autometa.metafeatures.sample import Sample, standardised
from autometa.task_kind import CLASSIFICATION

OUTLIER_WHISKER = 1.5  # interquartile ranges, as in pymfe
HIGH_CORRELATION = 0.5  # as in pymfe
PCA_VARIANCE = 0.95
# Components with less than this share of the largest variance are rounding.
_RANK_TOLERANCE = 1e-10


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Geometry:
    """What the functions of this group read; n sampled rows.

    Parameters
    ----------
    sample : Sample
        The sample itself.
    numeric : ndarray of shape (n, number of numeric columns that vary)
        Standardised.
    correlations : ndarray of shape (number of pairs,)
        Absolute correlation of each pair of these columns.
    variances : ndarray of shape (rank,)
        Variance along each principal component of the encoded table, falling.
    components : ndarray of shape (n, rank)
        Rows of the encoded table along these components, each of length 1.
    canonical_correlations : ndarray of shape (at most min(rank, number of classes - 1),)
        Between the encoded table and the target, falling; the class is taken as indicators.
    """

    sample: Sample
    numeric: Floats
    correlations: Floats
    variances: Floats
    components: Floats
    canonical_correlations: Floats


def _prepare(sample: Sample) -> Geometry:
    """Return the geometry of a sample."""
    numeric = standardised(sample.numeric)
    variances, components = _principal_components(sample.encoded)
    return Geometry(
        sample=sample,
        numeric=numeric,
        correlations=_pairwise_correlations(numeric),
        variances=variances,
        components=components,
        canonical_correlations=_canonical_correlations(sample, components),
    )


def _pairwise_correlations(numeric: Floats) -> Floats:
    """Return the absolute correlation of each pair of standardised columns."""
    matrix = np.abs(numeric.T @ numeric) / len(numeric)
    return np.minimum(matrix[np.tril_indices(len(matrix), k=-1)], 1.0)


def _principal_components(encoded: Floats) -> tuple[Floats, Floats]:
    """Return the variances (rank,) and rows along the components (n, rank) of a standardised table."""
    variances, axes = np.linalg.eigh(encoded.T @ encoded / len(encoded))
    kept = variances > max(variances[-1] * _RANK_TOLERANCE, _RANK_TOLERANCE)
    variances, axes = variances[kept][::-1], axes[:, kept][:, ::-1]
    return variances, encoded @ axes / np.sqrt(variances * len(encoded))


def _canonical_correlations(sample: Sample, components: Floats) -> Floats:
    """Return the canonical correlations between orthonormal components and the target."""
    n_rows, rank = components.shape
    if sample.task.kind.is_classification:
        counts = np.bincount(sample.classes)
        target = (sample.classes[:, None] == np.arange(len(counts))) / np.sqrt(counts)
        n_correlations = min(rank, len(counts) - 1)
    elif sample.target.min() < sample.target.max():
        target = standardised(sample.target[:, None]) / np.sqrt(n_rows)
        n_correlations = min(rank, 1)
    else:  # the rows that were drawn have one value
        n_correlations = 0
    if n_correlations == 0:
        return np.empty(0)
    correlations = np.linalg.svd(components.T @ target, compute_uv=False)
    return np.clip(correlations[:n_correlations], 0.0, 1.0)


def _skewness(standard: Floats) -> Floats:
    """Return m3 / s^3 of standardised columns, s with n - 1 degrees of freedom."""
    n_rows = len(standard)
    return np.asarray((standard**3).mean(axis=0) * (1 - 1 / n_rows) ** 1.5)


def _kurtosis(standard: Floats) -> Floats:
    """Return m4 / s^4 - 3 of standardised columns, s with n - 1 degrees of freedom."""
    n_rows = len(standard)
    return np.asarray((standard**4).mean(axis=0) * (1 - 1 / n_rows) ** 2 - 3)


GROUP = Group("statistical", prepare=_prepare)


@GROUP.values("mean", "sd", "min", "max")
def skewness(geometry: Geometry) -> Floats:
    """Return the skewness of each numeric column [1]_; as pymfe (its method 3)."""
    return _skewness(geometry.numeric)


@GROUP.values("mean", "sd", "min", "max")
def kurtosis(geometry: Geometry) -> Floats:
    """Return the excess kurtosis of each numeric column [1]_; as pymfe (its method 3)."""
    return _kurtosis(geometry.numeric)


@GROUP.values("mean", "sd", "max")
def cor(geometry: Geometry) -> Floats:
    """Return the absolute correlation of each pair of numeric columns [1]_; as pymfe."""
    return geometry.correlations


@GROUP.value()
def nr_cor_attr(geometry: Geometry) -> float | None:
    """Return the share of pairs with an absolute correlation of at least 0.5 [4]_; as pymfe."""
    if len(geometry.correlations) == 0:
        return None
    return float(np.mean(geometry.correlations >= HIGH_CORRELATION))


@GROUP.values("mean", "max", kinds=REGRESSION)
def target_cor(geometry: Geometry) -> Floats:
    """Return the absolute correlation of each numeric column with the target (ours)."""
    target = geometry.sample.target[:, None]
    if target.min() == target.max():  # the rows that were drawn have one value
        return np.empty(0)
    return np.abs(geometry.numeric.T @ standardised(target)).ravel() / len(target)


@GROUP.value()
def outlier_attr_share(geometry: Geometry) -> float | None:
    """Return the share of numeric columns with a value beyond 1.5 interquartile ranges from the quartiles.

    pymfe's nr_outliers per numeric column: C. Köpf, I. Iglezakis: Combination of task description
    strategies and case base properties for meta-learning, IDDM 2002, pp. 65-76.
    """
    if geometry.numeric.shape[1] == 0:
        return None
    low, first, third, high = np.percentile(geometry.numeric, (0, 25, 75, 100), axis=0)
    reach = OUTLIER_WHISKER * (third - first)
    return float(np.mean((low < first - reach) | (high > third + reach)))


@GROUP.values("mean", "sd", "max")
def can_cor(geometry: Geometry) -> Floats:
    """Return the canonical correlations between the table and the target [3]_ [5]_.

    As pymfe up to the precision of its iterations, where all columns are numeric. For regression, which pymfe
    does not take, it is the multiple correlation. Undefined where no column varies.
    """
    return geometry.canonical_correlations


@GROUP.value()
def w_lambda(geometry: Geometry) -> float | None:
    """Return Wilks' lambda, the product of 1 - r^2 over the canonical correlations r; as pymfe.

    G. Lindner, R. Studer: AST: Support for algorithm selection with a CBR approach, PKDD 1999,
    doi:10.1007/978-3-540-48247-5_52.
    """
    if len(geometry.canonical_correlations) == 0:
        return None
    return float(np.prod(1 - geometry.canonical_correlations**2))


@GROUP.value()
def p_trace(geometry: Geometry) -> float | None:
    """Return Pillai's trace, the sum of r^2 over the canonical correlations r; as pymfe.

    K. C. S. Pillai: Some new test criteria in multivariate analysis, Annals of Mathematical Statistics 26(1),
    1955, doi:10.1214/aoms/1177728599.
    """
    if len(geometry.canonical_correlations) == 0:
        return None
    return float(np.sum(geometry.canonical_correlations**2))


@GROUP.value(kinds=CLASSIFICATION)
def gravity(geometry: Geometry) -> float:
    """Return the distance between the centres of the largest and the smallest class.

    Of pymfe on the standardised table; pymfe's default takes the columns in their units, so that
    one column decides. S. Ali, K. A. Smith: On learning algorithm selection for classification, Applied Soft
    Computing 6(2), 2006, doi:10.1016/j.asoc.2004.12.002.
    """
    classes = geometry.sample.classes
    counts = np.bincount(classes)
    largest = int(np.argmax(counts))
    smallest = min((c for c in range(len(counts)) if c != largest), key=lambda c: counts[c], default=largest)
    encoded = geometry.sample.encoded
    centres = [encoded[classes == c].mean(axis=0) for c in (largest, smallest)]
    return float(np.linalg.norm(centres[0] - centres[1]))


@GROUP.value()
def pca_share(geometry: Geometry) -> float | None:
    """Return the principal components that hold 95 % of the variance, per encoded column [2]_.

    Undefined where no column varies.
    """
    if len(geometry.variances) == 0:
        return None
    held = np.cumsum(geometry.variances) / geometry.variances.sum()
    n_components = min(int(np.searchsorted(held, PCA_VARIANCE)) + 1, len(held))
    return float(n_components / geometry.sample.encoded.shape[1])


@GROUP.value()
def pca_first(geometry: Geometry) -> float | None:
    """Return the share of the variance along the first principal component (ours)."""
    if len(geometry.variances) == 0:
        return None
    return float(geometry.variances[0] / geometry.variances.sum())


@GROUP.value()
def pca_skewness(geometry: Geometry) -> float | None:
    """Return the absolute skewness along the first principal component [2]_, whose sign is arbitrary."""
    if len(geometry.variances) == 0:
        return None
    return abs(float(_skewness(standardised(geometry.components[:, :1]))[0]))


@GROUP.value()
def pca_kurtosis(geometry: Geometry) -> float | None:
    """Return the excess kurtosis along the first principal component [2]_."""
    if len(geometry.variances) == 0:
        return None
    return float(_kurtosis(standardised(geometry.components[:, :1]))[0])
