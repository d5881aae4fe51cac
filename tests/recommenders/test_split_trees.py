"""Trees as arrays, against scikit-learn's own."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import RandomForestRegressor

from autometa import _array_cache
from autometa.recommenders.split_trees import SplitTrees

RNG = np.random.default_rng(0)
VALUES = RNG.normal(size=(150, 6))
TARGETS = np.column_stack([VALUES[:, 0] > 0, VALUES[:, 1] * VALUES[:, 2]]).astype(float)


def grow(targets: np.ndarray) -> SplitTrees:
    return SplitTrees.grow(VALUES, targets, np.ones(150), n_trees=20, min_leaf=3, feature_share=0.5, seed=7)


@pytest.fixture(scope="module")
def trees() -> SplitTrees:
    return grow(TARGETS)


def test_rows_come_to_the_leaves_that_scikit_learn_finds(trees: SplitTrees) -> None:
    forest = RandomForestRegressor(20, min_samples_leaf=3, max_features=0.5, random_state=7).fit(VALUES, TARGETS)
    new = np.vstack([RNG.normal(size=(500, 6)), VALUES, np.full((1, 6), 1e30), np.full((1, 6), -1e30)])
    ours = trees.apply(new) - trees.roots
    np.testing.assert_array_equal(ours, forest.apply(new))


def test_weights_count_as_scikit_learn_counts_them() -> None:
    weights = RNG.uniform(0.1, 3.0, size=150)
    trees = SplitTrees.grow(VALUES, TARGETS, weights, n_trees=20, min_leaf=3, feature_share=0.5, seed=7)
    forest = RandomForestRegressor(20, min_samples_leaf=3, max_features=0.5, random_state=7)
    forest.fit(VALUES, TARGETS, sample_weight=weights)
    np.testing.assert_array_equal(trees.apply(VALUES) - trees.roots, forest.apply(VALUES))
    assert (trees.apply(VALUES) != grow(TARGETS).apply(VALUES)).any()


def test_values_at_a_threshold_go_the_same_way(trees: SplitTrees) -> None:
    forest = RandomForestRegressor(20, min_samples_leaf=3, max_features=0.5, random_state=7).fit(VALUES, TARGETS)
    inner = np.flatnonzero(trees.features >= 0)
    at = np.zeros((len(inner), 6))
    at[np.arange(len(inner)), trees.features[inner]] = trees.thresholds[inner]
    np.testing.assert_array_equal(trees.apply(at) - trees.roots, forest.apply(at))


def test_one_target_that_never_varies_gives_one_leaf() -> None:
    trees = grow(np.zeros((150, 1)))
    leaves = trees.apply(VALUES)
    assert (leaves == leaves[0]).all()


def test_trees_come_back_from_a_file(trees: SplitTrees, tmp_path: Path) -> None:
    _array_cache.keep_arrays(tmp_path, {"name": "these"}, trees.arrays())
    kept = _array_cache.load_arrays(tmp_path, {"name": "these"})
    assert kept is not None
    np.testing.assert_array_equal(SplitTrees.from_arrays(kept).apply(VALUES), trees.apply(VALUES))
    assert _array_cache.load_arrays(tmp_path, {"name": "others"}) is None


@pytest.mark.parametrize("damage", ["circle", "beyond", "shape", "missing", "nan"])
def test_what_are_no_trees_is_refused(trees: SplitTrees, damage: str) -> None:
    arrays = {name: array.copy() for name, array in trees.arrays().items()}
    inner = int(np.flatnonzero(arrays["features"] >= 0)[1])
    if damage == "circle":
        arrays["children"][inner] = 0
    elif damage == "beyond":
        arrays["children"][inner] = len(arrays["features"])
    elif damage == "shape":
        arrays["thresholds"] = arrays["thresholds"][:-1]
    elif damage == "nan":
        arrays["thresholds"][0] = np.nan
    else:
        del arrays["roots"]
    with pytest.raises((ValueError, KeyError)):
        SplitTrees.from_arrays(arrays)
