"""Objective: what a refinement makes as small as it can, of our metrics or of the user's own."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from autometa.errors import OptionError
from autometa.evaluation.scoring import class_positions, score_predictions
from autometa.metric import METRICS, Metric, get_metric
from autometa.refinement.weighting import score_weighted
from autometa.task import Task

N_PARTS = 10  # of the rows of a single fold
Scorer = Callable[..., float]  # as scikit-learn has them: (estimator, X, y, sample_weight=...) -> greater is better


@dataclass(frozen=True, kw_only=True, eq=False)
class Objective:
    """What a refinement makes as small as it can: the loss of the mean score over folds.

    Parameters
    ----------
    name : str
        Of the metric or scorer.
    task : Task
        The table.
    metric : Metric, optional
        One of ours; None where there is a scorer.
    scorer : callable, optional
        As `sklearn.metrics.make_scorer` gives it: greater is better.
    sample_weight : ndarray of shape (n_rows,), optional
        What each row counts in a score.
    given : tuple of table and ndarray of shape (n_rows,), optional
        Table and target as the user has them, which a scorer sees; default: those of the task.

    Examples
    --------
    >>> import pandas as pd
    >>> X = pd.DataFrame({"a": [1.0, 2.0]})
    >>> task = Task(name="line", X=X, y=X["a"] + 1, kind="regression", target="b")
    >>> objective = Objective.of("neg_mean_absolute_error", task)
    >>> score = objective.score({0: np.array([2.0, 4.0])}, {0: np.array([0, 1])})
    >>> score, objective.loss(score)
    (-0.5, 0.5)
    """

    name: str
    task: Task = field(repr=False)
    metric: Metric | None = None
    scorer: Scorer | None = field(default=None, repr=False)
    sample_weight: np.ndarray | None = field(default=None, repr=False)
    given: tuple[Any, np.ndarray] | None = field(default=None, repr=False)
    y: np.ndarray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        y = np.asarray(self.task.y)
        is_classification = self.task.kind.is_classification
        positions = class_positions(y, self.task.classes) if is_classification else y.astype(np.float64)
        object.__setattr__(self, "y", positions)

    @classmethod
    def of(
        cls,
        metric: str | Scorer,
        task: Task,
        sample_weight: np.ndarray | None = None,
        *,
        given: tuple[Any, np.ndarray] | None = None,
    ) -> "Objective":
        """Return the objective of a metric of ours, of a scorer of scikit-learn by name, or of a scorer itself.

        Parameters are those of the class.

        Raises
        ------
        OptionError
            If there is no such metric or scorer, or it does not go with the kind of task.
        """
        from sklearn.metrics import get_scorer, get_scorer_names

        if callable(metric):
            asked = getattr(metric, "_score_func", metric)  # what make_scorer was given
            name = str(getattr(asked, "__name__", type(asked).__name__))
            return cls(name=name, task=task, scorer=metric, sample_weight=sample_weight, given=given)
        if metric != "auto" and metric not in METRICS and metric in get_scorer_names():
            return cls(name=metric, task=task, scorer=get_scorer(metric), sample_weight=sample_weight, given=given)
        own = get_metric(metric, task.kind)
        return cls(name=own.name, task=task, metric=own, sample_weight=sample_weight)

    @property
    def greater_is_better(self) -> bool:
        """Whether a greater score is better."""
        return self.metric.greater_is_better if self.metric is not None else True

    @property
    def is_plain(self) -> bool:
        """Whether its scores are those that every evaluation holds under its name."""
        return self.metric is not None and self.sample_weight is None

    def loss(self, score: float) -> float:
        """Return the loss of a score: smaller is better; infinite for NaN."""
        if math.isnan(score):
            return math.inf
        return self.metric.loss(score) if self.metric is not None else -score

    def score_of(self, loss: float) -> float:
        """Return the score of a loss: the inverse of `loss`."""
        return self.metric.score(loss) if self.metric is not None else -loss

    def score(self, predictions: Mapping[int, np.ndarray], rows: Mapping[int, np.ndarray]) -> float:
        """Return the mean of `fold_scores`; parameters and errors as there."""
        return float(np.mean(self.fold_scores(predictions, rows)))

    def fold_scores(self, predictions: Mapping[int, np.ndarray], rows: Mapping[int, np.ndarray]) -> tuple[float, ...]:
        """Return the score of each fold, in its own direction.

        A fold whose rows count nothing, or do not define the metric (the area under the curve of one class), is left
        out, for that is the same for all predictions; if that holds of all, a single NaN is left.

        Parameters
        ----------
        predictions : mapping of int to ndarray of shape (n_test,) or (n_test, n_classes)
            Values or probabilities by number of the fold.
        rows : mapping of int to ndarray of shape (n_test,)
            Positions in the task of the rows that were predicted.

        Raises
        ------
        OptionError
            If the user's scorer fails.
        """
        weights = self.sample_weight
        counting = [number for number in sorted(predictions) if weights is None or weights[rows[number]].any()]
        scores = [self.fold_score(predictions[number], rows[number]) for number in counting]
        defined = [score for score in scores if self.metric is None or not math.isnan(score)]
        return tuple(defined) or (math.nan,)

    def score_with_error(
        self, predictions: Mapping[int, np.ndarray], rows: Mapping[int, np.ndarray]
    ) -> tuple[float, float]:
        """Return `score` and its standard error over folds, NaN where it is unknown.

        Of a single fold, that over ten parts of its rows: how much the score depends on which rows were predicted,
        though not on which were learned from. With the user's own metric it is unknown there, for that may need more
        rows than a part has.

        Parameters
        ----------
        predictions, rows : mapping
            As of `fold_scores`.
        """
        scores = self.fold_scores(predictions, rows)
        score = float(np.mean(scores))
        if len(predictions) == 1 and self.metric is not None:
            ((number, found),) = predictions.items()
            parts = [np.arange(place, len(found), N_PARTS) for place in range(min(N_PARTS, len(found)))]
            scores = self.fold_scores(
                {place: found[part] for place, part in enumerate(parts)},
                {place: rows[number][part] for place, part in enumerate(parts)},
            )
        return score, float(np.std(scores, ddof=1) / math.sqrt(len(scores))) if len(scores) > 1 else math.nan

    def fold_score(self, predictions: npt.NDArray[np.float64], rows: npt.NDArray[np.int64]) -> float:
        """Return the score of the predictions for some rows; parameters and errors as of `score`."""
        if self.metric is not None and self.sample_weight is None:
            return score_predictions(self.metric, self.y[rows], predictions)
        if self.metric is not None and self.sample_weight is not None:
            return score_weighted(self.metric, self.y[rows], predictions, self.sample_weight[rows])
        from sklearn.utils import _safe_indexing

        X, y = self.given if self.given is not None else (self.task.X, np.asarray(self.task.y))
        weights = {} if self.sample_weight is None else {"sample_weight": self.sample_weight[rows]}
        foreseen = _ForeseenClasses(predictions, self._labels) if self.task.classes else _Foreseen(predictions)
        try:
            return float(self._asked(foreseen, _safe_indexing(X, rows), y[rows], **weights))
        except Exception as error:  # the user's own code, which may raise anything
            message = " ".join(str(error).split())[:300]
            raise OptionError(f"the metric '{self.name}' fails: {type(error).__name__}: {message}") from error

    @cached_property
    def _labels(self) -> np.ndarray:
        """The classes as the target has them that a scorer sees, in the order of the task's."""
        if self.given is None:
            return np.array(self.task.classes)
        return self.given[1][np.unique(self.y, return_index=True)[1]]

    def _asked(self, *arguments: Any, **weights: Any) -> float:  # Any: as scikit-learn has it
        """Return what the scorer says."""
        if self.scorer is None:
            raise OptionError(f"'{self.name}' is neither a metric nor a scorer")
        return self.scorer(*arguments, **weights)


class _Foreseen:
    """What looks to a scorer like a fitted regressor, and gives predictions that were made before."""

    def __init__(self, predictions: np.ndarray) -> None:
        self._predictions = predictions

    def __sklearn_tags__(self) -> Any:  # Any: scikit-learn carries no types
        from sklearn.utils import InputTags, RegressorTags, Tags, TargetTags

        return Tags(
            estimator_type="regressor",
            target_tags=TargetTags(required=True),
            regressor_tags=RegressorTags(),
            input_tags=InputTags(),
        )

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def fit(self, X: object, y: object) -> Self:
        """Return itself: there is nothing to learn."""
        return self

    def predict(self, X: object) -> np.ndarray:
        """Return the values."""
        return self._predictions


class _ForeseenClasses(_Foreseen):
    """The same of a classifier."""

    def __init__(self, predictions: np.ndarray, classes: np.ndarray) -> None:
        super().__init__(predictions)
        self.classes_ = classes

    def __sklearn_tags__(self) -> Any:  # Any: scikit-learn carries no types
        from sklearn.utils import ClassifierTags

        tags = super().__sklearn_tags__()
        tags.estimator_type, tags.classifier_tags, tags.regressor_tags = "classifier", ClassifierTags(), None
        return tags

    def predict(self, X: object) -> np.ndarray:
        """Return the most probable classes."""
        return np.asarray(self.classes_[self._predictions.argmax(axis=1)])

    def predict_proba(self, X: object) -> np.ndarray:
        """Return the probabilities."""
        return self._predictions
