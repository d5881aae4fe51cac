import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier

from autometa.metafeatures import landmarks
from autometa.metafeatures.landmarks import Fold
from autometa.metafeatures.sample import standardised
from autometa.task import Task


@pytest.fixture
def classes(wine: Task) -> np.ndarray:
    """Class of each row of wine."""
    return wine.y.to_numpy()


@pytest.fixture
def table(wine: Task) -> np.ndarray:
    """Wine, standardised."""
    return standardised(wine.X.to_numpy())


@pytest.fixture
def fold(table: np.ndarray, classes: np.ndarray) -> Fold:
    """Every second row for training."""
    return Fold(X=table[::2], Y=np.eye(3)[classes[::2]], X_test=table[1::2], random_state=0)


def test_linear_discriminant_agrees_with_scikit_learn(fold: Fold, classes: np.ndarray) -> None:
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=landmarks.DISCRIMINANT_SHRINKAGE)
    expected = model.fit(fold.X, classes[::2]).predict_proba(fold.X_test)
    np.testing.assert_allclose(landmarks.linear_discriminant(fold), expected, atol=1e-9)


def test_naive_bayes_agrees_with_scikit_learn(fold: Fold, classes: np.ndarray) -> None:
    # scikit-learn's floor is a share of the largest variance
    floor = landmarks.BAYES_VARIANCE_FLOOR / fold.X.var(axis=0).max()
    expected = GaussianNB(var_smoothing=floor).fit(fold.X, classes[::2]).predict_proba(fold.X_test)
    np.testing.assert_allclose(landmarks.naive_bayes(fold), expected, atol=1e-9)


def test_the_nearest_neighbour_agrees_with_scikit_learn(fold: Fold, classes: np.ndarray) -> None:
    expected = KNeighborsClassifier(n_neighbors=1).fit(fold.X, classes[::2]).predict(fold.X_test)
    np.testing.assert_array_equal(np.argmax(landmarks.one_nearest_neighbour(fold), axis=1), expected)


def test_ridge_agrees_with_scikit_learn(fold: Fold) -> None:
    penalty = landmarks.RIDGE_PENALTY * fold.X.var(axis=0).sum() / fold.X.shape[1] * len(fold.X)
    expected = Ridge(alpha=penalty).fit(fold.X, fold.Y).predict(fold.X_test)
    np.testing.assert_allclose(landmarks.ridge(fold), expected)


def test_trees_are_those_of_gini_impurity(fold: Fold, classes: np.ndarray) -> None:
    deep = DecisionTreeClassifier(max_depth=5, min_samples_leaf=5, random_state=0)
    stump = DecisionTreeClassifier(max_depth=1, random_state=0)
    for model, landmarker in ((deep, landmarks.decision_tree), (stump, landmarks.best_node)):
        expected = model.fit(fold.X, classes[::2]).predict_proba(fold.X_test)
        np.testing.assert_allclose(landmarker(fold), expected)


def test_a_class_without_training_rows_gets_no_probability() -> None:
    X = np.array([[0.0], [1.0], [2.0]])
    fold = Fold(X=X, Y=np.array([[1.0, 0, 0], [1.0, 0, 0], [0, 1.0, 0]]), X_test=X, random_state=0)
    for landmarker in (landmarks.linear_discriminant, landmarks.naive_bayes):
        probabilities = landmarker(fold)
        np.testing.assert_array_equal(probabilities[:, 2], 0.0)
        np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)


def test_the_area_under_the_curve_agrees_with_scikit_learn_on_ties() -> None:
    random = np.random.default_rng(0)
    scores = random.integers(0, 5, size=200).astype(float)
    positive = random.random(200) < 0.3
    expected = roc_auc_score(positive, scores)
    assert landmarks.area_under_curve(scores, positive) == pytest.approx(expected)


def test_folds_hold_equally_many_of_each_class() -> None:
    classes = np.repeat([0, 1, 2], [30, 9, 3])
    folds = landmarks.fold_numbers(classes, 3, np.random.default_rng(0))
    for number in range(3):
        np.testing.assert_array_equal(np.bincount(classes[folds == number]), [10, 3, 1])
    assert not np.array_equal(folds, landmarks.fold_numbers(classes, 3, np.random.default_rng(1)))


def test_no_probability_is_below_the_floor() -> None:
    floored = landmarks.with_floor(np.array([[1.0, 0.0], [0.5, 0.5]]))
    np.testing.assert_allclose(floored, [[1 / 1.01, 0.01 / 1.01], [0.5, 0.5]])
