import numpy as np
import pytest
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.kernel_ridge import KernelRidge
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


def test_kernel_ridge_agrees_with_scikit_learn(fold: Fold) -> None:
    mean = fold.Y.mean(axis=0)
    model = KernelRidge(kernel="rbf", gamma=1 / (2 * fold.X.shape[1]), alpha=landmarks.KERNEL_PENALTY)
    expected = model.fit(fold.X, fold.Y - mean).predict(fold.X_test) + mean
    np.testing.assert_allclose(landmarks.kernel_ridge(fold), expected, atol=1e-9)
    probabilities = landmarks.kernel_classes(fold)
    np.testing.assert_array_equal(np.argmax(probabilities, axis=1), np.argmax(expected, axis=1))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)


def test_extra_trees_agree_with_scikit_learn(fold: Fold) -> None:
    expected = ExtraTreesRegressor(landmarks.FOREST_TREES, max_features="sqrt", random_state=0).fit(fold.X, fold.Y)
    np.testing.assert_allclose(landmarks.extra_trees(fold), expected.predict(fold.X_test))
    number = Fold(X=fold.X, Y=fold.X[:, :1] * fold.X[:, 1:2], X_test=fold.X_test, random_state=0)
    forest = ExtraTreesRegressor(landmarks.FOREST_TREES, max_features=0.5, random_state=0)
    expected = forest.fit(number.X, number.Y[:, 0]).predict(number.X_test)
    np.testing.assert_allclose(landmarks.extra_trees(number)[:, 0], expected)


@pytest.mark.parametrize("name", ["boosted_trees", "boosted_stumps"])
def test_boosted_trees_agree_with_lightgbm(fold: Fold, classes: np.ndarray, name: str) -> None:
    settings = {
        "n_estimators": landmarks.BOOSTING_ROUNDS,
        "min_child_samples": landmarks.BOOSTED_LEAF_ROWS,
        "random_state": 0,
        "n_jobs": 1,
        "verbose": -1,
        "max_bin": landmarks.BOOSTED_BINS,
        **getattr(landmarks, name.upper()),
    }
    fold = Fold(X=fold.X.astype(np.float32), Y=fold.Y, X_test=fold.X_test.astype(np.float32), random_state=0)
    of_classes, of_number = getattr(landmarks, f"{name}_of_classes"), getattr(landmarks, name)
    for chosen in (np.arange(3), np.arange(2)):
        rows, test = (np.isin(each, chosen) for each in (classes[::2], classes[1::2]))
        part = Fold(X=fold.X[rows], Y=fold.Y[rows][:, chosen], X_test=fold.X_test[test], random_state=0)
        expected = LGBMClassifier(**settings).fit(part.X, np.argmax(part.Y, axis=1)).predict_proba(part.X_test)
        np.testing.assert_allclose(of_classes(part), expected)
    number = Fold(X=fold.X, Y=fold.X[:, :1] + fold.Y[:, 1:2], X_test=fold.X_test, random_state=0)
    expected = LGBMRegressor(**settings).fit(number.X, number.Y[:, 0]).predict(number.X_test)
    np.testing.assert_allclose(of_number(number)[:, 0], expected)


def test_pieces_of_columns_and_stumps_learn_what_a_line_cannot_and_no_products() -> None:
    random = np.random.default_rng(0)
    X = standardised(random.normal(size=(600, 3)))
    names = ("ridge", "additive_ridge", "boosted_stumps", "boosted_trees", "kernel_ridge")
    learned: dict[str, set[str]] = {}
    for what, target in (("line", X[:, :1]), ("bent", np.abs(X[:, :1])), ("product", X[:, :1] * X[:, 1:2])):
        fold = Fold(X=X[::2], Y=target[::2], X_test=X[1::2], random_state=0)
        for name in names:
            error = np.mean((getattr(landmarks, name)(fold) - target[1::2]) ** 2) / target.var()
            learned.setdefault(name, set()).update({what} if error < 0.5 else ())
    assert learned["ridge"] == {"line"}
    assert learned["additive_ridge"] == learned["boosted_stumps"] == {"line", "bent"}
    assert learned["boosted_trees"] == learned["kernel_ridge"] == {"line", "bent", "product"}


@pytest.mark.parametrize(
    "name", ["additive_classes", "kernel_classes", "boosted_trees_of_classes", "boosted_stumps_of_classes"]
)
def test_hard_folds_give_probabilities(name: str) -> None:
    constant = Fold(X=np.zeros((6, 2)), Y=np.eye(2)[[0, 1] * 3], X_test=np.ones((2, 2)), random_state=0)
    single = Fold(X=np.arange(6.0)[:, None], Y=np.ones((6, 1)), X_test=np.ones((2, 1)), random_state=0)
    tiny = Fold(X=np.array([[0.0], [1.0]]), Y=np.eye(3)[[0, 2]], X_test=np.array([[5.0]]), random_state=0)
    for fold in (constant, single, tiny):
        probabilities = getattr(landmarks, name)(fold)
        assert probabilities.shape == (len(fold.X_test), fold.Y.shape[1])
        np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)


@pytest.mark.parametrize(
    "name", ["additive_ridge", "kernel_ridge", "boosted_trees", "boosted_stumps", "extra_trees", "ridge"]
)
def test_hard_folds_give_numbers(name: str) -> None:
    constant = Fold(X=np.zeros((6, 2)), Y=np.arange(6.0)[:, None], X_test=np.ones((2, 2)), random_state=0)
    flat = Fold(X=np.arange(6.0)[:, None], Y=np.zeros((6, 1)), X_test=np.ones((2, 1)), random_state=0)
    for fold, expected in ((constant, 2.5), (flat, 0.0)):
        np.testing.assert_allclose(getattr(landmarks, name)(fold), np.full((2, 1), expected), atol=1e-9)


def test_an_outlier_among_the_test_rows_is_not_extrapolated() -> None:
    random = np.random.default_rng(0)
    X = random.normal(size=(300, 2))
    X_test = np.array([[0.0, 1e9], [0.0, 0.0]])
    fold = Fold(X=X, Y=X[:, :1], X_test=X_test, random_state=0)
    assert np.abs(landmarks.additive_ridge(fold)).max() < 1
    of_classes = Fold(X=X, Y=np.eye(2)[(X[:, 0] > 0).astype(int)], X_test=X_test, random_state=0)
    assert (landmarks.additive_classes(of_classes) > 1e-6).all()


def test_boosted_trees_that_fail_are_a_failure_of_the_group(fold: Fold) -> None:
    with pytest.raises(ValueError, match=r"^LightGBM: .*nonsense"):
        landmarks._boosted(fold, fold.Y[:, 0], 5, objective="nonsense")


def test_where_classes_are_many_there_are_fewer_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    boosted = landmarks._boosted

    def told(fold: Fold, y: np.ndarray, n_rounds: int, **parameters: object) -> np.ndarray:
        asked.append(n_rounds)
        return boosted(fold, y, n_rounds, **parameters)

    monkeypatch.setattr(landmarks, "_boosted", told)
    for n_classes in (2, 10, 50):
        X = np.arange(2.0 * n_classes)[:, None]
        Y = np.eye(n_classes)[np.arange(2 * n_classes) % n_classes]
        landmarks.boosted_trees_of_classes(Fold(X=X, Y=Y, X_test=X[:1], random_state=0))
    assert asked == [50, 50, 10]


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
