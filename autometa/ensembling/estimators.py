"""Averages of fitted pipelines as scikit-learn estimators.

Apart from the choice of weights, because of scikit-learn's import time.
"""

from collections.abc import Sequence
from typing import Any, Self  # Any: estimators and tables, of libraries without types

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted, column_or_1d

from autometa.ensembling.selection import average
from autometa.ensembling.temperature import apply_temperature, check_temperature
from autometa.errors import OptionError
from autometa.evaluation.scoring import align_probabilities, as_numbers


class _Ensemble(BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """A weighted average of estimators, which are those given where they are fitted, or else those that `fit` fits."""

    def __init__(self, members: Sequence[Any], weights: Sequence[float] | None = None) -> None:
        self.members = members
        self.weights = weights

    def fit(self, X: Any, y: Any) -> Self:
        """Return self, with copies of the members fitted on X (n_rows, n_columns) and y (n_rows,)."""
        self._check()
        target = column_or_1d(y, warn=True)
        self.members_ = [clone(member).fit(X, target) for member in self.members]
        return self

    @property
    def n_features_in_(self) -> int:
        """Number of columns that the members take."""
        return int(self._fitted()[0].n_features_in_)

    @property
    def feature_names_in_(self) -> np.ndarray:
        """Names (n_columns,) of the columns that the members take, where they were fitted on a DataFrame."""
        return np.asarray(self._fitted()[0].feature_names_in_)

    def __sklearn_is_fitted__(self) -> bool:
        try:
            self._fitted()
        except NotFittedError:
            return False
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        of_members = [get_tags(member).input_tags for member in self.members]
        tags.input_tags.allow_nan = all(member.allow_nan for member in of_members)
        tags.input_tags.sparse = all(member.sparse for member in of_members)
        return tags

    def _fitted(self) -> Sequence[Any]:
        """Return the fitted members; scikit-learn's NotFittedError if there are none."""
        if hasattr(self, "members_"):
            return list(self.members_)
        self._check()
        for member in self.members:
            check_is_fitted(member)
        return list(self.members)

    def _shares(self) -> np.ndarray:
        """Return the weights (n_members,) as shares of 1."""
        if self.weights is None:
            return np.full(len(self.members), 1 / len(self.members))
        weights = np.asarray(self.weights, dtype=np.float64)
        return np.asarray(weights / weights.sum())

    def _check(self) -> None:
        """Raise unless there are members, and a positive weight for each."""
        if len(self.members) == 0:
            raise OptionError("an ensemble has a member at least; give it a list of estimators")
        if self.weights is None:
            return
        weights = np.asarray(self.weights, dtype=np.float64)
        if weights.shape != (len(self.members),) or not (np.isfinite(weights) & (weights > 0)).all():
            raise OptionError(
                f"{len(self.members)} members need a positive weight each, got {weights.tolist()}; "
                "leave members of no weight out"
            )


class EnsembleClassifier(ClassifierMixin, _Ensemble):  # type: ignore[misc] # as above
    """A classifier whose probabilities are the weighted average of those of others.

    Made of fitted members it predicts at once. `fit` fits copies of them, so that it can be cloned and cross-validated
    like any other estimator.

    Parameters
    ----------
    members : sequence of classifiers
        With `predict_proba` and, fitted, `classes_`; a class that one never saw has probability 0 there.
    weights : sequence of float, optional
        A positive weight for each member; only their proportions matter. None: all alike.
    temperature : float
        What the average is divided by in logarithms; 1.0 changes nothing.

    Examples
    --------
    >>> from sklearn.dummy import DummyClassifier
    >>> X, y = np.zeros((4, 1)), np.array(["a", "b", "b", "b"])
    >>> often, alike = DummyClassifier(strategy="prior").fit(X, y), DummyClassifier(strategy="prior").fit(X[:2], y[:2])
    >>> EnsembleClassifier([often, alike], weights=[1, 1]).predict_proba(X[:1]).tolist()
    [[0.375, 0.625]]
    """

    def __init__(
        self, members: Sequence[Any], weights: Sequence[float] | None = None, temperature: float = 1.0
    ) -> None:
        super().__init__(members, weights)
        self.temperature = temperature

    @property
    def classes_(self) -> np.ndarray:
        """All classes (n_classes,) that a member knows, sorted."""
        return np.unique(np.concatenate([np.asarray(member.classes_) for member in self._fitted()]))

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return probabilities (n_rows, n_classes) for X (n_rows, n_columns), columns as in `classes_`."""
        classes = self.classes_
        aligned = [
            align_probabilities(
                as_numbers(member.predict_proba(X), "probabilities"),
                np.searchsorted(classes, np.asarray(member.classes_)),
                len(classes),
            )
            for member in self._fitted()
        ]
        return apply_temperature(average(aligned, self._shares()), self.temperature)

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable class (n_rows,) of each row of X (n_rows, n_columns), the first of equals."""
        return np.asarray(self.classes_[np.argmax(self.predict_proba(X), axis=1)])

    def _check(self) -> None:
        """Raise unless members, weights and temperature make sense."""
        super()._check()
        check_temperature(self.temperature)


class EnsembleRegressor(RegressorMixin, _Ensemble):  # type: ignore[misc] # as above
    """A regressor whose predictions are the weighted average of those of others.

    Made of fitted members it predicts at once. `fit` fits copies of them, so that it can be cloned and cross-validated
    like any other estimator.

    Parameters
    ----------
    members : sequence of regressors
        Whatever predicts one number a row.
    weights : sequence of float, optional
        A positive weight for each member; only their proportions matter. None: all alike.

    Examples
    --------
    >>> from sklearn.dummy import DummyRegressor
    >>> low, high = (DummyRegressor().fit([[0]], [target]) for target in (0.0, 4.0))
    >>> EnsembleRegressor([low, high], weights=[3, 1]).predict([[0], [1]]).tolist()
    [1.0, 1.0]
    """

    def predict(self, X: Any) -> np.ndarray:
        """Return the predictions (n_rows,) for X (n_rows, n_columns)."""
        return average([as_numbers(member.predict(X), "predictions") for member in self._fitted()], self._shares())
