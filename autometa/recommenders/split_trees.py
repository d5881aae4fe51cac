"""Trees as arrays: quick to use without the library that grew them, and kept on disk in an open format."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import numpy as np

LEAF = -1
_MAX_SEED = np.iinfo(np.int32).max  # as in scikit-learn


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SplitTrees:
    """Where the splits of many trees lie.

    Parameters
    ----------
    features : ndarray of int, shape (n_nodes,)
        Column that a node looks at; `LEAF` where it is a leaf.
    thresholds : ndarray of shape (n_nodes,)
        A row goes to the first child where its value, in single precision, is at most the threshold.
    children : ndarray of int, shape (n_nodes, 2)
        Nodes, over all trees.
    roots : ndarray of int, shape (n_trees,)
        First node of each tree.
    """

    features: np.ndarray = field(repr=False)
    thresholds: np.ndarray = field(repr=False)
    children: np.ndarray = field(repr=False)
    roots: np.ndarray = field(repr=False)

    @classmethod
    def grow(  # noqa: PLR0913 - the settings of the trees
        cls,
        values: np.ndarray,
        targets: np.ndarray,
        weights: np.ndarray,
        *,
        n_trees: int,
        min_leaf: int,
        feature_share: float,
        seed: int,
    ) -> Self:
        """Return a random forest that tells targets (n_rows, n_targets) apart by values (n_rows, n_columns).

        References
        ----------
        Breiman, L. (2001). Random forests. Machine Learning 45. https://doi.org/10.1023/A:1010933404324
        """
        from sklearn import config_context
        from sklearn.tree import DecisionTreeRegressor

        # Those of a RandomForestRegressor, which takes longer to clone and check trees of a few rows than to grow them.
        draw = np.random.RandomState(seed)
        single, targets = np.ascontiguousarray(values, np.float32), np.ascontiguousarray(targets, np.float64)
        n_rows, shares = len(single), None if (weights == 1.0).all() else weights / weights.sum()
        trees = []
        with config_context(skip_parameter_validation=True):
            for _ in range(n_trees):
                own_seed = draw.randint(_MAX_SEED)
                rows = np.random.RandomState(own_seed).choice(n_rows, n_rows, p=shares)
                tree = DecisionTreeRegressor(
                    min_samples_leaf=min_leaf, max_features=feature_share, random_state=own_seed
                )
                counts = np.bincount(rows, minlength=n_rows)
                trees.append(tree.fit(single, targets, counts, check_input=False).tree_)
        roots = np.concatenate([[0], np.cumsum([tree.node_count for tree in trees])[:-1]])
        is_leaf = np.concatenate([tree.children_left == tree.children_right for tree in trees])
        children = [
            np.column_stack([tree.children_left, tree.children_right]) + root
            for tree, root in zip(trees, roots, strict=True)
        ]
        return cls(
            features=np.where(is_leaf, LEAF, np.concatenate([tree.feature for tree in trees])).astype(np.int32),
            thresholds=np.concatenate([tree.threshold for tree in trees]),
            children=np.concatenate(children).astype(np.int32),
            roots=roots.astype(np.int32),
        )

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Self:
        """Return the trees whose `arrays` these are.

        Raises
        ------
        KeyError, ValueError
            If they are not of any trees.
        """
        trees = cls(**{name: arrays[name] for name in cls.__slots__})
        n_nodes = len(trees.features)
        shapes = (trees.thresholds.shape, trees.children.shape)
        if shapes != ((n_nodes,), (n_nodes, 2)) or not np.isfinite(trees.thresholds).all():
            raise ValueError(f"no trees: {n_nodes} features, {shapes}")
        is_inner = trees.features != LEAF
        later = trees.children[is_inner] > np.flatnonzero(is_inner)[:, None]  # so that every way down ends
        if (
            not later.all()
            or trees.children[is_inner].max(initial=0) >= n_nodes
            or trees.roots.max(initial=0) >= n_nodes
        ):
            raise ValueError("no trees: nodes lead nowhere")
        return trees

    def arrays(self) -> dict[str, np.ndarray]:
        """Return all that the trees are, for a file."""
        return {name: getattr(self, name) for name in self.__slots__}

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Return the leaf that each row comes to in each tree: ndarray of int, (n_rows, n_trees)."""
        single = values.astype(np.float32)
        nodes = np.tile(self.roots, (len(single), 1))
        rows = np.arange(len(single))[:, None]
        while True:
            features = self.features[nodes]
            is_inner = features != LEAF
            if not is_inner.any():
                return nodes
            is_right = single[rows, features] > self.thresholds[nodes]
            nodes = np.where(is_inner, self.children[nodes, is_right.astype(int)], nodes)
