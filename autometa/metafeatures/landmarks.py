"""Landmarkers: small, fast learners whose out-of-fold predictions tell how a task can be learned.

All predict an indicator per class, or the standardised number, from standardised columns; most are a few
lines of linear algebra here, so that 100 classes, one class or more columns than rows need no special case
and a fit costs some milliseconds. Their agreement with scikit-learn is tested. Extremely randomised and boosted
trees take longest: about 20 ms a fit of 667 rows and 30 columns, and up to a second where columns and classes are many.

Legend: n rows, e columns, k outputs: classes, or 1 for regression.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from autometa.metafeatures.registry import Floats

# Of the mean variance; they make the covariance of more columns than rows invertible.
DISCRIMINANT_SHRINKAGE = 0.05
RIDGE_PENALTY = 0.01
TREE_DEPTH = 5
TREE_LEAF_ROWS = 5
# Added to variances, so that an indicator that is constant in a class does not rule the class out.
BAYES_VARIANCE_FLOOR = 0.05
PROBABILITY_FLOOR = 0.01
FOREST_TREES = 30
BOOSTED_TREES = {"num_leaves": 15, "learning_rate": 0.1}
BOOSTED_STUMPS = {"num_leaves": 2, "learning_rate": 0.2}
BOOSTING_ROUNDS = 50
MANY_CLASSES = 10  # of more of them there are fewer rounds
BOOSTED_LEAF_ROWS = 10
BOOSTED_BINS = 63
KERNEL_PENALTY = 0.1
KNOTS = (0.2, 0.4, 0.6, 0.8)  # quantiles of each column


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fold:
    """Training rows X (n, e) with outputs Y (n, k), and the test rows (n_test, e) to predict."""

    X: Floats
    Y: Floats
    X_test: Floats
    random_state: int


Landmarker: TypeAlias = Callable[[Fold], Floats]


def fold_numbers(classes: NDArray[np.int64], n_folds: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Return the fold (n,) of each row: random, and each class spread evenly over the folds."""
    shuffled = random.permutation(len(classes))
    order = shuffled[np.argsort(classes[shuffled], kind="stable")]
    folds = np.empty(len(classes), dtype=np.int64)
    folds[order] = np.arange(len(classes)) % n_folds
    return folds


def best_node(fold: Fold) -> Floats:
    """Return the predictions (n_test, k) of a tree of one level."""
    return _tree(fold, depth=1, leaf_rows=1)


def decision_tree(fold: Fold) -> Floats:
    """Return the predictions (n_test, k) of a tree of five levels with at least five rows a leaf."""
    return _tree(fold, depth=TREE_DEPTH, leaf_rows=TREE_LEAF_ROWS)


def one_nearest_neighbour(fold: Fold) -> Floats:
    """Return the outputs (n_test, k) of the nearest training row in Euclidean distance."""
    squares = np.einsum("ij,ij->i", fold.X, fold.X)
    nearest = np.argmin(squares - 2 * (fold.X_test @ fold.X.T), axis=1)
    return np.asarray(fold.Y[nearest])


def naive_bayes(fold: Fold) -> Floats:
    """Return the class probabilities (n_test, k) of Gaussian naive Bayes."""
    counts = fold.Y.sum(axis=0)
    safe_counts = np.maximum(counts, 1)[:, None]
    means = fold.Y.T @ fold.X / safe_counts
    squares = fold.Y.T @ fold.X**2 / safe_counts
    variances = np.maximum(squares - means**2, 0) + BAYES_VARIANCE_FLOOR
    # The sum over columns of (x - mean)^2 / variance, multiplied out into matrix products.
    distances = (
        fold.X_test**2 @ (1 / variances).T
        - 2 * fold.X_test @ (means / variances).T
        + (means**2 / variances).sum(axis=1)
    )
    return _probabilities(-0.5 * (distances + np.log(variances).sum(axis=1)), counts)


def linear_discriminant(fold: Fold) -> Floats:
    """Return the class probabilities (n_test, k) of linear discriminant analysis.

    The covariance is shrunk towards a multiple of the identity: J. H. Friedman, Regularized discriminant
    analysis, Journal of the American Statistical Association 84(405), 1989, doi:10.2307/2289860.
    """
    counts = fold.Y.sum(axis=0)
    means = fold.Y.T @ fold.X / np.maximum(counts, 1)[:, None]
    within = fold.X - fold.Y @ means
    covariance = within.T @ within / len(within)
    shrunk = (1 - DISCRIMINANT_SHRINKAGE) * covariance + _identity(covariance, DISCRIMINANT_SHRINKAGE)
    coefficients = np.linalg.solve(shrunk, means.T)
    offsets = -0.5 * np.einsum("ij,ji->i", means, coefficients)
    return _probabilities(fold.X_test @ coefficients + offsets, counts)


def ridge(fold: Fold) -> Floats:
    """Return the predictions (n_test, k) of ridge regression."""
    centre, mean = fold.X.mean(axis=0), fold.Y.mean(axis=0)
    centred = fold.X - centre
    covariance = centred.T @ centred / len(centred)
    penalised = covariance + _identity(covariance, RIDGE_PENALTY)
    coefficients = np.linalg.solve(penalised, centred.T @ (fold.Y - mean) / len(centred))
    return np.asarray((fold.X_test - centre) @ coefficients + mean)


def kernel_classes(fold: Fold) -> Floats:
    """Return the class probabilities (n_test, k) of kernel ridge regression on the indicators."""
    return _as_probabilities(kernel_ridge(fold))


def kernel_ridge(fold: Fold) -> Floats:
    """Return the predictions (n_test, k) of ridge regression with a Gaussian kernel.

    Its variance is the number of columns: half of the mean squared distance of rows of independent columns.
    """
    mean = fold.Y.mean(axis=0)
    kernel = _similarities(fold.X, fold.X) + KERNEL_PENALTY * np.eye(len(fold.X))
    return np.asarray(_similarities(fold.X_test, fold.X) @ np.linalg.solve(kernel, fold.Y - mean) + mean)


def additive_classes(fold: Fold) -> Floats:
    """Return the class probabilities (n_test, k) of linear discriminant analysis on pieces of each column."""
    return linear_discriminant(_widened(fold, _pieces(fold)))


def additive_ridge(fold: Fold) -> Floats:
    """Return the predictions (n_test, k) of ridge regression on pieces of each column."""
    return ridge(_widened(fold, _pieces(fold)))


def extra_trees(fold: Fold) -> Floats:
    """Return the predictions (n_test, k) of extremely randomised trees; for classes they split as `_tree` does."""
    from sklearn import config_context
    from sklearn.tree import ExtraTreeRegressor

    # Those of an ExtraTreesRegressor, which takes longer to load, clone and check than to grow them.
    several = fold.Y.shape[1] > 1
    draw = np.random.RandomState(fold.random_state)
    X, X_test = _single(fold.X), _single(fold.X_test)
    total = np.zeros((len(X_test), fold.Y.shape[1]))
    with config_context(skip_parameter_validation=True):
        for _ in range(FOREST_TREES):
            tree = ExtraTreeRegressor(
                max_features="sqrt" if several else 0.5, random_state=draw.randint(np.iinfo(np.int32).max)
            )
            tree.fit(X, fold.Y, check_input=False)
            total += tree.predict(X_test, check_input=False).reshape(total.shape)
    return np.asarray(total / FOREST_TREES)


def boosted_trees(fold: Fold) -> Floats:
    """Return the predictions (n_test, 1) of gradient boosted trees."""
    return _boosted_number(fold, BOOSTED_TREES)


def boosted_trees_of_classes(fold: Fold) -> Floats:
    """Return the class probabilities (n_test, k) of gradient boosted trees, of fewer where classes are many."""
    return _boosted_classes(fold, BOOSTED_TREES)


def boosted_stumps(fold: Fold) -> Floats:
    """Return the predictions (n_test, 1) of gradient boosted trees of one level: of each column by itself."""
    return _boosted_number(fold, BOOSTED_STUMPS)


def boosted_stumps_of_classes(fold: Fold) -> Floats:
    """Return the class probabilities (n_test, k) of gradient boosted trees of one level."""
    return _boosted_classes(fold, BOOSTED_STUMPS)


def with_floor(probabilities: Floats) -> Floats:
    """Return class probabilities (n, k) that are all at least about 0.01, so that no logarithm explodes."""
    floored = np.maximum(probabilities, PROBABILITY_FLOOR)
    return np.asarray(floored / floored.sum(axis=1, keepdims=True))


def area_under_curve(scores: Floats, is_positive: NDArray[np.bool_]) -> float:
    """Return the area under the ROC curve of scores (n,), by the rank sum of the positives.

    J. A. Hanley, B. J. McNeil: The meaning and use of the area under a ROC curve, Radiology 143(1), 1982,
    doi:10.1148/radiology.143.1.7063747.
    """
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]  # ties share their mean rank
    n_positive = int(is_positive.sum())
    n_negative = len(scores) - n_positive
    wins = ranks[is_positive].sum() - n_positive * (n_positive + 1) / 2
    return float(wins / (n_positive * n_negative))


def _tree(fold: Fold, *, depth: int, leaf_rows: int) -> Floats:
    """Return the predictions of a decision tree.

    For classes this is the tree by Gini impurity, which is the sum of the variances of the indicators
    (Breiman et al., Classification and Regression Trees, 1984, section 4.4).
    """
    from sklearn import config_context
    from sklearn.tree import DecisionTreeRegressor

    model = DecisionTreeRegressor(max_depth=depth, min_samples_leaf=leaf_rows, random_state=fold.random_state)
    X, X_test = _single(fold.X), _single(fold.X_test)
    with config_context(skip_parameter_validation=True):
        # Checks of the input change the filters of warnings for all threads; single precision is what they would make.
        predictions = model.fit(X, fold.Y, check_input=False).predict(X_test, check_input=False)
    return np.asarray(predictions).reshape(len(fold.X_test), -1)


def _single(X: Floats) -> NDArray[np.float32]:
    """Return rows as trees take them unchecked."""
    return np.ascontiguousarray(X, np.float32)


def _boosted_classes(fold: Fold, trees: Mapping[str, float]) -> Floats:
    """Return the class probabilities of gradient boosted trees."""
    n_classes = fold.Y.shape[1]
    if n_classes == 1:
        return np.ones((len(fold.X_test), 1))
    classes = np.argmax(fold.Y, axis=1)
    if n_classes == 2:
        second = _boosted(fold, classes, BOOSTING_ROUNDS, objective="binary", **trees)
        return np.column_stack([1 - second, second])
    n_rounds = BOOSTING_ROUNDS * MANY_CLASSES // max(n_classes, MANY_CLASSES)
    return _boosted(fold, classes, n_rounds, objective="multiclass", num_class=n_classes, **trees)


def _boosted_number(fold: Fold, trees: Mapping[str, float]) -> Floats:
    """Return the predictions of gradient boosted trees for a number."""
    return _boosted(fold, fold.Y[:, 0], BOOSTING_ROUNDS, objective="regression", **trees)[:, None]


def _boosted(fold: Fold, y: NDArray[np.generic], n_rounds: int, **parameters: object) -> Floats:
    """Return the predictions of LightGBM, the same ones whatever the number of cores.

    It never has more than one thread: with a pool of them, a fork of the user's process would hang.

    Raises
    ------
    ValueError
        If it fails.
    """
    import lightgbm

    parameters |= {
        "min_data_in_leaf": BOOSTED_LEAF_ROWS,
        "max_bin": BOOSTED_BINS,
        "num_threads": 1,
        "deterministic": True,
        "force_col_wise": True,
        "verbosity": -1,
    }
    # In single precision, so that bins do not depend on last digits, which the unit of a column decides.
    X, X_test = fold.X.astype(np.float32), fold.X_test.astype(np.float32)
    try:
        model = lightgbm.train(parameters, lightgbm.Dataset(X, y, params=parameters), n_rounds)
        return np.asarray(model.predict(X_test, num_threads=1))
    except lightgbm.basic.LightGBMError as error:
        raise ValueError(f"LightGBM: {error}") from error


def _widened(fold: Fold, widen: Callable[[Floats], Floats]) -> Fold:
    """Return the fold with more columns, standardised by the training rows; those that do not vary there are 0.

    Test rows beyond the training rows count as at their end: of squares above a single outlier nothing is left to tell.
    """
    columns, test = widen(fold.X), widen(np.clip(fold.X_test, fold.X.min(axis=0), fold.X.max(axis=0)))
    centre, width = columns.mean(axis=0), columns.std(axis=0)
    varies = width > np.finfo(float).eps
    width = np.where(varies, width, 1.0)
    X, X_test = (np.where(varies, (values - centre) / width, 0.0) for values in (columns, test))
    return Fold(X=X, Y=fold.Y, X_test=X_test, random_state=fold.random_state)


def _pieces(fold: Fold) -> Callable[[Floats], Floats]:
    """Return what adds to columns how far they lie above each of four quantiles of the training rows: linear splines.

    J. H. Friedman: Multivariate adaptive regression splines, Annals of Statistics 19(1), 1991,
    doi:10.1214/aos/1176347963.
    """
    knots = np.quantile(fold.X, KNOTS, axis=0)
    return lambda X: np.hstack([X, *(np.maximum(X - knot, 0.0) for knot in knots)])


def _similarities(rows: Floats, others: Floats) -> Floats:
    """Return Gaussian similarities, (n_rows, n_others), of rows (n_rows, e) and others (n_others, e)."""
    squares, other_squares = (np.einsum("ij,ij->i", each, each) for each in (rows, others))
    distances = squares[:, None] + other_squares - 2 * (rows @ others.T)
    return np.asarray(np.exp(-np.maximum(distances, 0.0) / (2 * rows.shape[1])))


def _as_probabilities(values: Floats) -> Floats:
    """Return predicted indicators (n, k) as class probabilities."""
    positive = np.maximum(values, 0.0) + np.finfo(np.float32).eps
    return np.asarray(positive / positive.sum(axis=1, keepdims=True))


def _identity(covariance: Floats, share: float) -> Floats:
    """Return the identity (e, e) times a share of the mean variance, which is above zero."""
    mean_variance = float(np.trace(covariance)) / len(covariance)
    return np.asarray(share * max(mean_variance, np.finfo(float).eps) * np.eye(len(covariance)))


def _probabilities(log_likelihoods: Floats, counts: Floats) -> Floats:
    """Return class probabilities (n, k) by likelihoods and class counts (k,); 0 for a class with no rows."""
    log_priors = np.log(np.maximum(counts, 0.5))
    scores = np.where(counts > 0, log_likelihoods + log_priors, -np.inf)
    exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))
