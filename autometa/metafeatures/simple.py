"""Simple meta-features: sizes, kinds of columns, missing values, levels.

Sizes and missing values are counted over the full table; distinct values over the sample.

References
----------
.. [1] D. Michie, D. J. Spiegelhalter, C. C. Taylor: Machine Learning, Neural and Statistical Classification,
   Ellis Horwood, 1994.
.. [2] R. Engels, C. Theusinger: Using a data metric for preprocessing advice for data mining applications,
   ECAI 1998, pp. 430-434.
.. [3] M. Feurer, J. T. Springenberg, F. Hutter: Initializing Bayesian hyperparameter optimization via
   meta-learning, AAAI 2015, doi:10.1609/aaai.v29i1.9354.
.. [4] A. Kalousis, T. Theoharis: NOEMON: Design, implementation and performance results of an intelligent
   assistant for classifier selection, Intelligent Data Analysis 3(5), 1999, pp. 319-337.
.. [5] E. Alcobaça et al.: MFE: Towards reproducible meta-feature extraction, JMLR 21(111), 2020 (pymfe).
"""

import math

import numpy as np

from autometa.metafeatures.registry import Floats, Group
from autometa.metafeatures.sample import Sample
from autometa.task import ColumnKind
from autometa.task_kind import CLASSIFICATION

NOMINAL = (ColumnKind.CATEGORICAL, ColumnKind.BOOLEAN, ColumnKind.TEXT)


def _count(sample: Sample, *kinds: ColumnKind) -> int:
    """Return the number of columns that are of one of the kinds."""
    return sum(kind in kinds for kind in sample.task.column_kinds.values())


def _itself(sample: Sample) -> Sample:
    """Return the sample: this group needs nothing more."""
    return sample


GROUP = Group("simple", prepare=_itself)


@GROUP.value()
def nr_inst(sample: Sample) -> float:
    """Return the number of rows [1]_; as pymfe."""
    return float(sample.task.n_rows)


@GROUP.value()
def nr_attr(sample: Sample) -> float:
    """Return the number of columns [1]_; as pymfe."""
    return float(sample.task.n_columns)


@GROUP.value(kinds=CLASSIFICATION)
def nr_class(sample: Sample) -> float:
    """Return the number of classes [1]_; as pymfe."""
    return float(len(sample.class_counts))


@GROUP.value()
def log_nr_inst(sample: Sample) -> float:
    """Return the natural logarithm of the number of rows [3]_."""
    return math.log(sample.task.n_rows)


@GROUP.value()
def log_nr_attr(sample: Sample) -> float:
    """Return the natural logarithm of the number of columns [3]_."""
    return math.log(sample.task.n_columns)


@GROUP.value()
def attr_to_inst(sample: Sample) -> float:
    """Return columns per row [4]_; as pymfe."""
    return sample.task.n_columns / sample.task.n_rows


@GROUP.value()
def inst_to_attr(sample: Sample) -> float:
    """Return rows per column (P. Kuba et al., IBERAMIA 2002); as pymfe."""
    return sample.task.n_rows / sample.task.n_columns


@GROUP.value()
def log_inst_to_attr(sample: Sample) -> float:
    """Return the natural logarithm of rows per column [3]_."""
    return math.log(sample.task.n_rows / sample.task.n_columns)


@GROUP.value()
def nr_num(sample: Sample) -> float:
    """Return the number of numeric columns [2]_; as pymfe, which knows no dates: they are not counted."""
    return float(_count(sample, ColumnKind.NUMERIC))


@GROUP.value()
def nr_cat(sample: Sample) -> float:
    """Return the number of categorical, boolean and text columns [2]_; as pymfe's categorical ones."""
    return float(_count(sample, *NOMINAL))


@GROUP.value()
def cat_to_num(sample: Sample) -> float | None:
    """Return categorical columns per numeric one: `nr_cat` / `nr_num` [3]_; as pymfe, undefined without the latter."""
    n_numeric = _count(sample, ColumnKind.NUMERIC)
    return _count(sample, *NOMINAL) / n_numeric if n_numeric else None


@GROUP.value()
def cat_share(sample: Sample) -> float:
    """Return the share of categorical, boolean and text columns; `cat_to_num` without its gap (ours)."""
    return _count(sample, *NOMINAL) / sample.task.n_columns


@GROUP.value()
def text_share(sample: Sample) -> float:
    """Return the share of text columns (ours)."""
    return _count(sample, ColumnKind.TEXT) / sample.task.n_columns


@GROUP.value()
def date_share(sample: Sample) -> float:
    """Return the share of date columns (ours)."""
    return _count(sample, ColumnKind.DATETIME) / sample.task.n_columns


@GROUP.value()
def bin_share(sample: Sample) -> float:
    """Return the share of columns with exactly two distinct values [1]_: pymfe's nr_bin per column."""
    return float(np.mean([column.n_distinct == 2 for column in sample.columns]))


@GROUP.value()
def constant_share(sample: Sample) -> float:
    """Return the share of columns with fewer than two distinct values (ours)."""
    return float(np.mean([not column.varies for column in sample.columns]))


@GROUP.value()
def missing_share(sample: Sample) -> float:
    """Return the share of missing values in the table [3]_ (PercentageOfMissingValues)."""
    return float(sample.missing_counts.sum() / (sample.task.n_rows * sample.task.n_columns))


@GROUP.value()
def attr_with_missing_share(sample: Sample) -> float:
    """Return the share of columns with a missing value [3]_ (PercentageOfFeaturesWithMissingValues)."""
    return float(np.mean(sample.missing_counts > 0))


@GROUP.value()
def inst_with_missing_share(sample: Sample) -> float:
    """Return the share of sampled rows with a missing value [3]_ (PercentageOfInstancesWithMissingValues)."""
    return float(np.any([column.is_missing for column in sample.columns], axis=0).mean())


@GROUP.values("mean", "sd", "max")
def log_symbols(sample: Sample) -> Floats:
    """Return the natural logarithm of 1 + the distinct values of each nominal column.

    Feurer et al. [3]_ take the numbers themselves (SymbolsMean, SymbolsSTD, SymbolsMax); on a
    logarithm one column of names does not hide all others. Undefined without nominal columns.
    """
    return np.array([math.log1p(column.n_distinct) for column in sample.columns if column.kind in NOMINAL])


@GROUP.values("mean", "sd")
def sparsity(sample: Sample) -> Floats:
    """Return the repetition of values of each column: (n / distinct values - 1) / (n - 1), as pymfe's sparsity.

    M. A. Salama, A. E. Hassanien, K. Revett: Employment of neural network and rough set in meta-learning,
    Memetic Computing 5(3), 2013, pp. 165-177.
    """
    n_rows = len(sample.rows)
    distinct = np.array([max(column.n_distinct, 1) for column in sample.columns])
    return np.asarray((n_rows / distinct - 1) / (n_rows - 1))
