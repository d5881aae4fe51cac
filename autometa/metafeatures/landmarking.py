"""Landmarking meta-features: out-of-fold scores of small learners on a seeded subsample.

Scores are over three folds of at most 1,000 sampled rows, all out-of-fold predictions taken together. pymfe
scores ten folds of the full table and averages them, which costs too much here: its values agree in kind,
not in digits. Accuracies and areas under the curve: larger is better. Relative errors are root mean squared
errors in standard deviations of the target, 1 = no better than the mean.

References
----------
.. [1] B. Pfahringer, H. Bensusan, C. Giraud-Carrier: Meta-learning by landmarking various learning
   algorithms, ICML 2000, pp. 743-750.
.. [2] H. Bensusan, C. Giraud-Carrier: Discovering task neighbourhoods through landmark learning performances,
   PKDD 2000, pp. 325-330.
.. [3] J. Fürnkranz, J. Petrak: An evaluation of landmarking variants, IDDM 2001, pp. 57-68.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass

import numpy as np

from autometa._random import generator, spawn
from autometa.metafeatures import landmarks
from autometa.metafeatures.registry import REGRESSION, Floats, Group
from autometa.metafeatures.sample import Sample
from autometa.task_kind import CLASSIFICATION, TaskKind

LANDMARK_ROWS = 1_000
N_FOLDS = 3

_N_THREADS = 4

_CLASSIFIERS: dict[str, landmarks.Landmarker] = {
    "best_node": landmarks.best_node,
    "decision_tree": landmarks.decision_tree,
    "one_nn": landmarks.one_nearest_neighbour,
    "linear": landmarks.linear_discriminant,
    "naive_bayes": landmarks.naive_bayes,
    "additive": landmarks.additive_classes,
    "kernel": landmarks.kernel_classes,
    "extra_trees": landmarks.extra_trees,
    "boosted_trees": landmarks.boosted_trees_of_classes,
    "boosted_stumps": landmarks.boosted_stumps_of_classes,
}
_REGRESSORS: dict[str, landmarks.Landmarker] = {
    "best_node": landmarks.best_node,
    "decision_tree": landmarks.decision_tree,
    "one_nn": landmarks.one_nearest_neighbour,
    "linear": landmarks.ridge,
    "additive": landmarks.additive_ridge,
    "kernel": landmarks.kernel_ridge,
    "extra_trees": landmarks.extra_trees,
    "boosted_trees": landmarks.boosted_trees,
    "boosted_stumps": landmarks.boosted_stumps,
}
# Those that come near to what pipelines do. Of each the scores are entered that the kind of task has.
STRONG = {
    "additive": "a linear model of pieces of each column",
    "kernel": "kernel ridge regression",
    "extra_trees": "thirty extremely randomised trees",
    "boosted_trees": "gradient boosted trees",
    "boosted_stumps": "gradient boosted trees of one level",
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Landmarks:
    """Out-of-fold predictions; n rows, k outputs: classes, or 1 for regression.

    Parameters
    ----------
    is_classification : bool
        Whether the outputs are class probabilities.
    outputs : ndarray of shape (n, k)
        Indicators of the classes, or the standardised target.
    predictions : dict of str to ndarray of shape (n, k)
        Name of the landmarker to its predictions.
    """

    is_classification: bool
    outputs: Floats
    predictions: dict[str, Floats]

    def accuracy(self, name: str) -> float:
        """Return the share of rows whose class gets the largest probability."""
        predicted = np.argmax(self.predictions[name], axis=1)
        return float(np.mean(predicted == np.argmax(self.outputs, axis=1)))

    def auc(self, name: str) -> float | None:
        """Return the area under the ROC curve, for more classes the mean of each against the rest."""
        positives = self.outputs.T > 0
        if len(positives) < 2:  # the rows that were drawn have one class
            return None
        scores = self.predictions[name].T
        pairs = zip(scores, positives, strict=True)
        return float(np.mean([landmarks.area_under_curve(score, positive) for score, positive in pairs]))

    def log_loss(self, name: str) -> float:
        """Return the cross-entropy in nats, probabilities at least 0.01."""
        probabilities = landmarks.with_floor(self.predictions[name])
        return float(-np.mean(np.log(probabilities[self.outputs > 0])))

    def relative_rmse(self, name: str) -> float:
        """Return the root mean squared error in standard deviations of the target."""
        return float(np.sqrt(np.mean((self.predictions[name] - self.outputs) ** 2)))

    def gain(self, name: str, over: str = "best_node") -> float:
        """Return by how much one landmarker is better than another, in accuracy or relative error."""
        if self.is_classification:
            return self.accuracy(name) - self.accuracy(over)
        return self.relative_rmse(over) - self.relative_rmse(name)


def _prepare(sample: Sample) -> Landmarks:
    """Return the out-of-fold predictions of all landmarkers of the task's kind."""
    rows = sample.learner_rows(LANDMARK_ROWS)
    is_classification = sample.task.kind.is_classification
    X, Y = sample.encoded[rows], sample.outputs(rows)
    strata = np.argmax(Y, axis=1)  # all 0 for regression
    n_folds = min(N_FOLDS, len(rows))
    folds = landmarks.fold_numbers(strata, n_folds, generator(sample.seed, "metafeatures", "folds"))
    random_state = spawn(sample.seed, "metafeatures", "landmarkers")
    landmarkers = _CLASSIFIERS if is_classification else _REGRESSORS
    predictions = {name: np.empty_like(Y) for name in landmarkers}

    def predict(number: int, name: str) -> None:
        test = folds == number
        fold = landmarks.Fold(X=X[~test], Y=Y[~test], X_test=X[test], random_state=random_state)
        predictions[name][test] = landmarkers[name](fold)

    # Most of the time is spent in libraries that let other threads run.
    with ThreadPoolExecutor(_N_THREADS) as pool:
        fits = [
            pool.submit(copy_context().run, predict, number, name) for number in range(n_folds) for name in landmarkers
        ]
        try:
            for fit in fits:
                fit.result()
        finally:
            pool.shutdown(cancel_futures=True)
    return Landmarks(is_classification=is_classification, outputs=Y, predictions=predictions)


GROUP = Group("landmarking", prepare=_prepare)


@GROUP.value(kinds=CLASSIFICATION)
def best_node(marks: Landmarks) -> float:
    """Return the accuracy of a tree of one level [1]_."""
    return marks.accuracy("best_node")


@GROUP.value(kinds=CLASSIFICATION)
def decision_tree(marks: Landmarks) -> float:
    """Return the accuracy of a tree of five levels [1]_; not in pymfe."""
    return marks.accuracy("decision_tree")


@GROUP.value(kinds=CLASSIFICATION)
def one_nn(marks: Landmarks) -> float:
    """Return the accuracy of the nearest neighbour [2]_."""
    return marks.accuracy("one_nn")


@GROUP.value(kinds=CLASSIFICATION)
def naive_bayes(marks: Landmarks) -> float:
    """Return the accuracy of Gaussian naive Bayes [1]_."""
    return marks.accuracy("naive_bayes")


@GROUP.value(kinds=CLASSIFICATION)
def linear_discr(marks: Landmarks) -> float:
    """Return the accuracy of linear discriminant analysis [1]_."""
    return marks.accuracy("linear")


@GROUP.value(kinds=CLASSIFICATION)
def best_node_auc(marks: Landmarks) -> float | None:
    """Return the area under the curve of a tree of one level (ours).

    This and the other areas are undefined where the drawn rows have one class.
    """
    return marks.auc("best_node")


@GROUP.value(kinds=CLASSIFICATION)
def decision_tree_auc(marks: Landmarks) -> float | None:
    """Return the area under the curve of a tree of five levels (ours)."""
    return marks.auc("decision_tree")


@GROUP.value(kinds=CLASSIFICATION)
def naive_bayes_auc(marks: Landmarks) -> float | None:
    """Return the area under the curve of Gaussian naive Bayes (ours)."""
    return marks.auc("naive_bayes")


@GROUP.value(kinds=CLASSIFICATION)
def linear_discr_auc(marks: Landmarks) -> float | None:
    """Return the area under the curve of linear discriminant analysis (ours)."""
    return marks.auc("linear")


@GROUP.value(kinds=CLASSIFICATION)
def decision_tree_log_loss(marks: Landmarks) -> float:
    """Return the cross-entropy of a tree of five levels, in nats (ours)."""
    return marks.log_loss("decision_tree")


@GROUP.value(kinds=CLASSIFICATION)
def linear_discr_log_loss(marks: Landmarks) -> float:
    """Return the cross-entropy of linear discriminant analysis, in nats (ours)."""
    return marks.log_loss("linear")


@GROUP.value(kinds=REGRESSION)
def best_node_rmse(marks: Landmarks) -> float:
    """Return the relative error of a tree of one level (ours)."""
    return marks.relative_rmse("best_node")


@GROUP.value(kinds=REGRESSION)
def decision_tree_rmse(marks: Landmarks) -> float:
    """Return the relative error of a tree of five levels (ours)."""
    return marks.relative_rmse("decision_tree")


@GROUP.value(kinds=REGRESSION)
def one_nn_rmse(marks: Landmarks) -> float:
    """Return the relative error of the nearest neighbour (ours)."""
    return marks.relative_rmse("one_nn")


@GROUP.value(kinds=REGRESSION)
def ridge_rmse(marks: Landmarks) -> float:
    """Return the relative error of ridge regression (ours)."""
    return marks.relative_rmse("linear")


@GROUP.value()
def decision_tree_gain(marks: Landmarks) -> float:
    """Return by how much a tree of five levels beats one of one level [3]_."""
    return marks.gain("decision_tree")


@GROUP.value()
def one_nn_gain(marks: Landmarks) -> float:
    """Return by how much the nearest neighbour beats a tree of one level [3]_."""
    return marks.gain("one_nn")


@GROUP.value(kinds=CLASSIFICATION)
def naive_bayes_gain(marks: Landmarks) -> float:
    """Return by how much Gaussian naive Bayes beats a tree of one level [3]_."""
    return marks.gain("naive_bayes")


@GROUP.value()
def linear_gain(marks: Landmarks) -> float:
    """Return by how much the linear model beats a tree of one level [3]_."""
    return marks.gain("linear")


@GROUP.value()
def linear_to_tree(marks: Landmarks) -> float:
    """Return by how much the linear model beats a tree of five levels [3]_."""
    return marks.gain("linear", over="decision_tree")


_SCORES: tuple[tuple[str, Callable[[Landmarks, str], float | None], str, frozenset[TaskKind]], ...] = (
    ("", Landmarks.accuracy, "accuracy", CLASSIFICATION),
    ("_auc", Landmarks.auc, "area under the curve", CLASSIFICATION),
    ("_log_loss", Landmarks.log_loss, "cross-entropy", CLASSIFICATION),
    ("_rmse", Landmarks.relative_rmse, "relative error", REGRESSION),
)


def _enter(name: str, words: str) -> None:
    """Enter the scores of a landmarker under its name (ours)."""
    for suffix, score, meaning, kinds in _SCORES:

        def value(marks: Landmarks, score: Callable[[Landmarks, str], float | None] = score) -> float | None:
            return score(marks, name)

        value.__name__ = f"{name}{suffix}"
        value.__doc__ = f"Return the {meaning} of {words} (ours)."
        GROUP.value(kinds=kinds)(value)


for _name, _words in STRONG.items():
    _enter(_name, _words)
