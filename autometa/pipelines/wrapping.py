"""Classifiers inside scikit-learn's own wrappers, where the library alone does not do what a pipeline must."""

from typing import Any

_CALIBRATION_FOLDS = 3


def with_probabilities(estimator: Any, seed: int, n_jobs: int) -> Any:
    """Return a classifier that turns the decisions of ``estimator`` into probabilities, by Platt's method.

    One machine fitted on all rows (``ensemble=False``) gives a clearly better log loss on small tables than
    an average of machines that are each calibrated on one fold. A splitter without the attribute
    ``n_splits`` is not refused where a class has fewer members than there are folds: one class of three
    members is enough, the others may have two, and a single one where there are four classes or more. Below
    that scikit-learn's ValueError stands: out-of-fold decisions do not exist there.

    References
    ----------
    J. Platt, Probabilistic outputs for support vector machines and comparisons to regularized likelihood
    methods, Advances in Large Margin Classifiers, 1999.
    """
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.model_selection import RepeatedStratifiedKFold

    folds = RepeatedStratifiedKFold(n_splits=_CALIBRATION_FOLDS, n_repeats=1, random_state=seed)
    return CalibratedClassifierCV(estimator, ensemble=False, cv=folds, n_jobs=n_jobs)


def with_labels(algorithm: str, estimator: Any) -> Any:
    """Return a classifier that takes and gives any labels around one that is at home with 0, 1, ... alone.

    XGBoost refuses other labels; CatBoost turns booleans into text and predicts more than two classes as a
    column (n_rows, 1); scikit-learn 1.9's forests cannot weigh classes called "0" and "1". scikit-learn has no
    label encoder for targets in a pipeline, but its vote encodes them: a vote of one has the probabilities of
    that one to the bit, and their largest wins.
    """
    from sklearn.ensemble import VotingClassifier

    return VotingClassifier([(algorithm, estimator)], voting="soft")
