"""AutoMetaClassifier and AutoMetaRegressor: the whole way from a table to a model, as scikit-learn estimators."""

import itertools
import numbers
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Self  # Any: tables, estimators and scorers of many libraries, most without types

import numpy as np
import pandas as pd
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    assert_all_finite,
    check_array,
    check_consistent_length,
    check_is_fitted,
    column_or_1d,
    validate_data,
)

from autometa._sizes import bytes_of, size_words
from autometa.errors import DataError, OptionError
from autometa.evaluation.protocol import OwnSplits
from autometa.evaluation.record import LOCAL
from autometa.reading import read_task
from autometa.reading.columns import tidy_column
from autometa.reading.conforming import TableReader
from autometa.task import Task

_MOST_DENSE_BYTES = 4 * 2**30  # of a sparse table made dense, where no limit is given
_N_GROUP_FOLDS = 5


class _AutoMeta(BaseEstimator, ABC):  # type: ignore[misc] # scikit-learn has no types
    """What both have in common."""

    _kind: str

    def __init__(  # noqa: PLR0913 - the parameters of the public door
        self,
        *,
        metric: Any = "auto",
        time_budget: float | None = 60.0,
        n_trials: int | None = None,
        max_memory: str | float | None = None,
        ensemble: bool = True,
        algorithms: Sequence[str] | None = None,
        knowledge: Any = None,
        recommender: str = "hybrid",
        record: bool = False,
        cv: Any = None,
        n_jobs: int | None = 1,
        random_state: Any = 0,
    ) -> None:
        self.metric = metric
        self.time_budget = time_budget
        self.n_trials = n_trials
        self.max_memory = max_memory
        self.ensemble = ensemble
        self.algorithms = algorithms
        self.knowledge = knowledge
        self.recommender = recommender
        self.record = record
        self.cv = cv
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(self, X: Any, y: Any, *, sample_weight: Any = None, groups: Any = None) -> Self:
        """Fit the best model that is found within the budget.

        Parameters
        ----------
        X : table or array-like of shape (n_rows, n_columns)
            pandas, polars, NumPy, or sparse, which is made dense; numbers, categories, text, dates, missing values.
        y : array-like of shape (n_rows,)
            The target, complete.
        sample_weight : array-like of shape (n_rows,), optional
            What each row counts in fits and scores; algorithms that cannot weigh rows are left out.
        groups : array-like of shape (n_rows,), optional
            Rows of a group are never on both sides of a split.

        Raises
        ------
        UserError
            If the table, the options or the knowledge base cannot be used.
        """
        started = time.monotonic()
        table = self._table_of(X, reset=True)
        self._names = _names_of(table)
        target = self._target_of(y)
        check_consistent_length(table, target)
        if len(target) == 1:
            raise DataError("one sample is too few to learn from; give more rows")
        names = itertools.chain(("target", "y"), map("target_{}".format, itertools.count(1)))
        name = next(each for each in names if each not in self._names)
        unread = pd.Series(target)[tidy_column(pd.Series(target), is_typed=True)[0].isna().to_numpy()]
        if len(unread):
            raise DataError(
                f"the target has {len(unread)} values that stand for a missing one, as {unread.iloc[0]!r}; "
                "name that class otherwise, or drop the rows"
            )
        task = read_task(table, pd.Series(target, name=name), kind=self._kind, name="table")
        return self._fit(task, table, target, started, sample_weight, groups)

    def fit_task(self, task: Task) -> Self:
        """Fit the best model for a task that `autometa.read_task` gave; errors as of `fit`."""
        if task.kind.is_classification != (self._kind == "classification"):
            raise OptionError(f"a {type(self).__name__} does not do a {task.kind} task; take the other estimator")
        self.n_features_in_ = task.X.shape[1]
        self.feature_names_in_ = np.asarray(task.X.columns, dtype=object)
        self._names = list(task.X.columns)
        return self._fit(task, task.X, self._target_of(np.asarray(task.y)), time.monotonic(), None, None)

    def predict(self, X: Any) -> np.ndarray:
        """Return the predictions (n_rows,) for X (n_rows, n_columns).

        Raises
        ------
        DataError
            If columns are missing, or hold something else than in training.
        """
        check_is_fitted(self)
        return self._ask("predict", X)

    def __getstate__(self) -> dict[str, Any]:
        """Return what is stored: of an open base its place alone, without a password, for predicting needs no base."""
        state = dict(super().__getstate__())
        state["knowledge"] = getattr(self.knowledge, "place", self.knowledge)
        return state

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "best_pipeline_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.non_deterministic = bool(self.time_budget)
        return tags

    @property
    def _model(self) -> Any:
        """What predicts."""
        return self.best_pipeline_ if self.ensemble_ is None else self.ensemble_

    def _fit(self, task: Task, table: Any, target: np.ndarray, started: float, sample_weight: Any, groups: Any) -> Self:
        """Fit a task, of which table and target are known as the user has them."""
        from autometa.fitting import FitOptions, fit_task  # predicting needs neither a database nor Optuna
        from autometa.knowledge.base import KnowledgeBase
        from autometa.knowledge.shipped import open_knowledge

        seed = self.random_state
        if not isinstance(seed, int | np.integer):
            seed = check_random_state(seed).randint(2**31)
        options = FitOptions(
            metric=self.metric,
            time_budget=self.time_budget,
            n_trials=self.n_trials,
            max_memory=self.max_memory,
            ensemble=self.ensemble,
            algorithms=self.algorithms,
            recommender=self.recommender,
            n_jobs=self.n_jobs,
            seed=int(seed),
            splits=self._splits(table, target, groups),
            sample_weight=_weights_of(sample_weight, len(target)),
            table=table,
            origin=LOCAL if self.record else None,
            started=started,
        )
        if isinstance(self.knowledge, KnowledgeBase):
            fitted = fit_task(task, target, self.knowledge, options)
        else:
            with open_knowledge(self.knowledge) as base:
                fitted = fit_task(task, target, base, options)
        self._reader = TableReader.of(task)
        self.best_pipeline_ = fitted.best_pipeline
        self.ensemble_ = fitted.ensemble
        self.recommendation_ = fitted.recommendation
        self.leaderboard_ = fitted.leaderboard
        self.study_ = fitted.study
        self.score_ = fitted.score
        self.notes_ = fitted.notes
        return self

    def _splits(self, table: Any, target: np.ndarray, groups: Any) -> OwnSplits | None:
        """Return the user's own folds, if they want any."""
        if self.cv is None and groups is None:
            return None
        from sklearn.model_selection import GroupKFold, StratifiedGroupKFold, check_cv

        is_classification = self._kind == "classification"
        cv = self.cv
        if groups is not None and pd.isna(np.asarray(groups, dtype=object)).any():
            raise OptionError("some rows have no group; name one for each")
        if groups is not None and (cv is None or isinstance(cv, numbers.Integral)):
            n_groups = len(np.unique(np.asarray(groups)))
            if n_groups < 2:
                raise OptionError("all rows are of one group; groups need at least two")
            n_folds = min(_N_GROUP_FOLDS if cv is None else int(cv), n_groups)
            if n_folds < 2:
                raise OptionError(f"cross-validation needs two folds or more, got cv={cv}")
            cv = StratifiedGroupKFold(n_folds) if is_classification else GroupKFold(n_folds)
        splitter = check_cv(cv, target, classifier=is_classification)
        folds = tuple((np.asarray(a), np.asarray(b)) for a, b in splitter.split(table, target, groups))
        own = OwnSplits(folds=tuple((_positions(a), _positions(b)) for a, b in folds))
        if groups is not None:
            names = np.asarray(groups)
            if any(np.isin(names[test], names[train]).any() for train, test in own.folds):
                raise OptionError("cv splits groups: some stand on both sides of a fold; take GroupKFold, or no cv")
        return own

    def _table_of(self, X: Any, *, reset: bool) -> Any:
        """Return a table as it is, anything else as a dense array; the columns are those of `fit`, or remembered."""
        if hasattr(X, "toarray"):
            X = self._dense(X)
        elif not hasattr(X, "columns"):
            X = check_array(X, dtype=None, ensure_all_finite=False)
        elif min(X.shape) == 0:
            raise DataError(f"the table is empty: {X.shape[0]} sample(s) and {X.shape[1]} feature(s); give it rows")
        validate_data(self, X, reset=reset, skip_check_array=True)
        return X

    def _dense(self, X: Any) -> np.ndarray:
        """Return a sparse matrix as an array, if it is not too large for that."""
        size = float(np.prod(X.shape, dtype=float)) * 8
        most = _MOST_DENSE_BYTES if self.max_memory is None else bytes_of(self.max_memory)
        if size > most:
            raise DataError(
                f"the sparse table would take {size_words(size)} as numbers, more than {size_words(most)}; "
                "give a larger max_memory, or fewer columns"
            )
        return np.asarray(check_array(X, accept_sparse=True, ensure_all_finite=False).toarray())

    def _ask(self, method: str, X: Any) -> np.ndarray:
        """Return what a method of the model says of a table."""
        with config_context(transform_output="default"):  # as where it was fitted
            return np.asarray(getattr(self._model, method)(self._read(X)))

    def _read(self, X: Any) -> pd.DataFrame:
        """Return a table as the pipelines take it: columns by name, or by position where one side has no names."""
        table = self._table_of(X, reset=False)
        if isinstance(table, np.ndarray):
            table = pd.DataFrame(table, columns=self._names)
        elif isinstance(table, pd.DataFrame) and not (
            hasattr(self, "feature_names_in_") and all(isinstance(name, str) for name in table.columns)
        ):
            table = table.set_axis(self._names, axis=1)
        return self._reader.read(table)

    @abstractmethod
    def _target_of(self, y: Any) -> np.ndarray:
        """Return the target (n_rows,) as the model is to predict it."""


class AutoMetaClassifier(ClassifierMixin, _AutoMeta):  # type: ignore[misc] # scikit-learn has no types
    """A classifier that is found by advice from past runs, a search on the table, and averaging.

    Parameters
    ----------
    metric : str or callable
        What is optimised: "auto" takes roc_auc (binary), log_loss (multiclass) or rmse (regression); or another metric
        of autometa's, the name of a scorer of scikit-learn, or a scorer: ``make_scorer(...)``, or a function of
        (estimator, X, y) that returns a number of which more is better.
    time_budget : float or None
        Seconds on the clock for the whole `fit`. 0: nothing is searched, the first advice is fitted. None: ``n_trials``
        alone counts.
    n_trials : int, optional
        Most pipelines that are attempted. With ``time_budget=None`` the same seed gives the same model.
    max_memory : str or float, optional
        That one fit may use: "2GB", or bytes.
    ensemble : bool
        Whether the model may be an average of several pipelines, where that is better out of fold.
    algorithms : sequence of str, optional
        The only ones that may be used; "interpretable" stands for linear models, LDA, naive Bayes and single trees.
    knowledge : KnowledgeBase, str or Path, optional
        Past runs: a base, its file or URL; default: the user's own.
    recommender : str
        How pipelines are ranked before any is measured: a name in `autometa.recommender_names.RECOMMENDER_NAMES`.
    record : bool
        Whether what is measured on all folds is kept in the base, and what fails by itself, for later advice; with
        ``cv`` or ``groups``, apart from what advice is drawn from.
    cv : int, splitter or iterable of (train, test), optional
        The user's own folds, as scikit-learn takes them (``TimeSeriesSplit()``, say); default: autometa's own, on at
        most 3,000 rows, then 20,000; with ``groups``, five folds of whole groups.
    n_jobs : int, optional
        Cores that are used in all; -1: all there are.
    random_state : int, RandomState or None
        Seed of all that is drawn.

    Attributes
    ----------
    best_pipeline_ : Pipeline
        The best single pipeline, fitted on all rows: plain scikit-learn. It takes the columns as autometa reads them.
    ensemble_ : estimator or None
        The average that predicts; None where the best alone does.
    recommendation_ : Recommendation
        What was advised before anything was measured.
    leaderboard_ : DataFrame
        A row per pipeline that was attempted, best first.
    study_ : optuna.study.Study or None
        The trials behind it; None where nothing was searched.
    score_ : float
        Out-of-fold score of what predicts; NaN where nothing was measured.
    notes_ : tuple of str
        What was inferred, and what to know.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where they have any.
    classes_ : ndarray of shape (n_classes,)
        The classes, sorted.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> X, y = load_wine(as_frame=True, return_X_y=True)
    >>> model = AutoMetaClassifier(time_budget=0).fit(X, y)  # doctest: +SKIP
    >>> model.predict(X.head(2)).tolist()  # doctest: +SKIP
    [0, 0]
    """

    _kind = "classification"

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return probabilities (n_rows, n_classes), columns as in ``classes_``; errors as of `predict`."""
        check_is_fitted(self)
        return self._ask("predict_proba", X)

    @property
    def classes_(self) -> np.ndarray:
        """The classes, sorted."""
        check_is_fitted(self)
        return np.asarray(self._model.classes_)

    def _target_of(self, y: Any) -> np.ndarray:
        if y is None:
            raise DataError("requires y to be passed, but the target y is None")
        labels = column_or_1d(y, warn=True)
        assert_all_finite(labels, input_name="y")
        if labels.dtype == object and pd.isna(labels).any():
            raise DataError("Input y contains NaN or None; drop the rows without a target")
        check_classification_targets(labels)
        if len(np.unique(labels)) < 2:
            raise DataError(f"the target has one class only, {labels[0]!r}; a classifier needs two classes")
        return np.asarray(labels)


class AutoMetaRegressor(RegressorMixin, _AutoMeta):  # type: ignore[misc] # scikit-learn has no types
    """A regressor that is found by advice from past runs, a search on the table, and averaging.

    Parameters and attributes are those of `AutoMetaClassifier`, but for the classes.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(as_frame=True, return_X_y=True)
    >>> model = AutoMetaRegressor(time_budget=0).fit(X, y)  # doctest: +SKIP
    >>> model.predict(X.head(2)).shape  # doctest: +SKIP
    (2,)
    """

    _kind = "regression"

    def _target_of(self, y: Any) -> np.ndarray:
        if y is None:
            raise DataError("requires y to be passed, but the target y is None")
        values = column_or_1d(y, warn=True)
        values = np.asarray(values, dtype=np.float64)
        assert_all_finite(values, input_name="y")
        return values


def _names_of(table: Any) -> list[str]:
    """Return the names of the columns of a table as a task has them."""
    if isinstance(table, np.ndarray):
        return [f"x{place}" for place in range(table.shape[1])]
    return [str(name) for name in getattr(table, "column_names", table.columns)]


def _weights_of(sample_weight: Any, n_rows: int) -> np.ndarray | None:
    """Return the weights of rows (n_rows,), if there are any."""
    if sample_weight is None:
        return None
    weights = column_or_1d(check_array(sample_weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight"))
    if len(weights) != n_rows:
        raise OptionError(f"sample_weight needs a number for each of {n_rows} rows; got {len(weights)}")
    if weights.min() < 0:
        raise OptionError(f"sample_weight needs numbers of at least 0; got {weights.min():g}")
    if not weights.any():
        raise OptionError("every weight of sample_weight is zero; give some rows a weight")
    return np.asarray(weights)


def _positions(part: np.ndarray) -> np.ndarray:
    """Return rows as positions, which some give as a mask."""
    return np.flatnonzero(part) if part.dtype == bool else part.astype(np.int64)
