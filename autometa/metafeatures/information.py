"""Information-theoretic meta-features: entropies of the columns in their discrete form, in bits.

Numbers are cut into equal-frequency bins, by the rule of pymfe; so is the target of a regression, which
pymfe does not take. pymfe adds 1e-8 to each joint probability, so its joint entropies differ by about 1e-6
from these.

References
----------
.. [1] D. Michie, D. J. Spiegelhalter, C. C. Taylor: Machine Learning, Neural and Statistical Classification,
   Ellis Horwood, 1994.
.. [2] A. Kalousis, M. Hilario: Model selection via meta-learning: a comparative study, International
   Journal on Artificial Intelligence Tools 10(4), 2001, doi:10.1142/S0218213001000647.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autometa.metafeatures.registry import Floats, Group
from autometa.metafeatures.sample import Sample
from autometa.task_kind import CLASSIFICATION

# Less information than this, in bits, is rounding.
_NOTHING = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Information:
    """Entropies in bits; d sampled columns.

    Parameters
    ----------
    target : float
        Entropy of the target's classes or bins over the sample.
    columns : ndarray of shape (d,)
        Entropy of each column.
    joint : ndarray of shape (d,)
        Joint entropy of each column and the target.
    concentration : ndarray of shape (number of columns that vary,)
        Goodman and Kruskal's tau: by how much the target tells of the column.
    class_counts : ndarray of shape (n_classes,), or empty
        Rows of each class over the full table.
    """

    target: float
    columns: Floats
    joint: Floats
    concentration: Floats
    class_counts: NDArray[np.int64]

    @property
    def mutual(self) -> Floats:
        """Mutual information (d,) of each column and the target."""
        return np.maximum(self.columns + self.target - self.joint, 0.0)


def _prepare(sample: Sample) -> Information:
    """Return the entropies of a sample."""
    classes = sample.classes
    class_shares = np.bincount(classes) / len(classes)
    columns, joint, concentration = [], [], []
    for levels in sample.levels.T:
        shares = np.bincount(levels) / len(levels)
        pairs, counts = np.unique(levels * len(class_shares) + classes, return_counts=True)
        pair_shares = counts / len(levels)
        columns.append(_entropy(shares))
        joint.append(_entropy(pair_shares))
        if len(shares) > 1:
            alone = np.sum(shares**2)
            given = np.sum(pair_shares**2 / class_shares[pairs % len(class_shares)])
            concentration.append((given - alone) / (1 - alone))
    is_classification = sample.task.kind.is_classification
    return Information(
        target=_entropy(class_shares),
        columns=np.array(columns),
        joint=np.array(joint),
        concentration=np.array(concentration),
        class_counts=sample.class_counts if is_classification else np.empty(0, dtype=np.int64),
    )


def _entropy(shares: Floats) -> float:
    """Return the entropy in bits of shares that sum to 1, all above 0."""
    return max(float(-np.sum(shares * np.log2(shares))), 0.0)


GROUP = Group("information-theoretic", prepare=_prepare)


@GROUP.value(kinds=CLASSIFICATION)
def class_ent(information: Information) -> float:
    """Return the entropy of the class over the full table [1]_; as pymfe."""
    return _entropy(information.class_counts / information.class_counts.sum())


@GROUP.value(kinds=CLASSIFICATION)
def class_ent_share(information: Information) -> float:
    """Return the entropy of the class over its largest possible value, 1 = balanced.

    pymfe's c1: A. C. Lorena et al.: How complex is your classification problem?, ACM Computing Surveys
    52(5), 2019, doi:10.1145/3347711.
    """
    n_classes = len(information.class_counts)
    return _entropy(information.class_counts / information.class_counts.sum()) / float(np.log2(n_classes))


@GROUP.values("mean", "sd")
def attr_ent(information: Information) -> Floats:
    """Return the entropy of each column [1]_; as pymfe."""
    return information.columns


@GROUP.values("mean", "sd")
def joint_ent(information: Information) -> Floats:
    """Return the joint entropy of each column and the target [1]_; as pymfe."""
    return information.joint


@GROUP.values("mean", "sd", "max")
def mut_inf(information: Information) -> Floats:
    """Return the mutual information of each column and the target [1]_; as pymfe."""
    return information.mutual


@GROUP.value()
def mut_inf_share(information: Information) -> float | None:
    """Return the largest mutual information over the target's entropy: 1 = one column tells all (ours).

    The uncertainty coefficient: H. Theil, On the estimation of relationships involving qualitative
    variables, American Journal of Sociology 76(1), 1970, doi:10.1086/224909. Undefined where the sampled
    rows have one class.
    """
    if information.target < _NOTHING:
        return None
    return float(information.mutual.max() / information.target)


@GROUP.values("mean", "sd", "max")
def class_conc(information: Information) -> Floats:
    """Return the concentration coefficient of each column that varies, given the target [2]_; as pymfe."""
    return information.concentration


@GROUP.value()
def eq_num_attr(information: Information) -> float | None:
    """Return the target's entropy over the mean mutual information [1]_; as pymfe.

    The number of columns as good as the mean that would tell the target; undefined where no column tells
    anything.
    """
    told = float(information.mutual.mean())
    return information.target / told if told > _NOTHING else None


@GROUP.value()
def ns_ratio(information: Information) -> float | None:
    """Return the columns' information that is not on the target, over the part that is [1]_; as pymfe.

    Undefined where no column tells anything.
    """
    told = float(information.mutual.sum())
    return (float(information.columns.sum()) - told) / told if told > _NOTHING else None
