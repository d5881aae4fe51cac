"""Model-based meta-features: the shape of a full-grown decision tree.

The tree is grown on up to 1,000 sampled rows as learners read them; pymfe's on the full table, with
categories as indicators: both agree on small numeric tables. For regression, which pymfe does not take, a
leaf holds at least five rows, since a tree grown further has one leaf a row and tells nothing.

References
----------
.. [1] Y. Peng, P. A. Flach, P. Brazdil, C. Soares: Decision tree-based data characterization for
   meta-learning, IDDM 2002, pp. 111-122.
.. [2] H. Bensusan, C. Giraud-Carrier, C. Kennedy: A higher-order approach to meta-learning, ILP 2000.
.. [3] A. Filchenkov, A. Pendryak: Datasets meta-feature description for recommending feature selection
   algorithm, AINL-ISMW FRUCT 2015, pp. 11-18.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autometa._random import spawn
from autometa.metafeatures.registry import Floats, Group
from autometa.metafeatures.sample import Sample
from autometa.task_kind import CLASSIFICATION

TREE_ROWS = 1_000
REGRESSION_LEAF_ROWS = 5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tree:
    """A grown tree; m nodes, parents before children.

    Parameters
    ----------
    depths : ndarray of shape (m,)
        Depth of each node, 0 at the root.
    split_columns : ndarray of shape (m,)
        Column that the node splits; -1 for leaves.
    n_node_rows : ndarray of shape (m,)
        Rows that reach each node.
    leaf_classes : ndarray of shape (number of leaves,)
        Most frequent class of each leaf; zeros for regression.
    importances : ndarray of shape (number of columns,)
        Share of the whole fall in impurity that each column brings.
    """

    depths: NDArray[np.int64]
    split_columns: NDArray[np.int64]
    n_node_rows: NDArray[np.int64]
    leaf_classes: NDArray[np.int64]
    importances: Floats

    @property
    def is_leaf(self) -> NDArray[np.bool_]:
        """Where a node is a leaf, (m,)."""
        return self.split_columns < 0

    @property
    def n_splits(self) -> int:
        """Number of nodes that are no leaves."""
        return int(np.sum(~self.is_leaf))


def _grow(sample: Sample) -> Tree:
    """Return the full-grown tree of the sample."""
    from sklearn.tree import DecisionTreeRegressor

    rows = sample.learner_rows(TREE_ROWS)
    # On indicators of the classes, squared error is Gini impurity: one tree for all kinds of task.
    model = DecisionTreeRegressor(
        min_samples_leaf=1 if sample.task.kind.is_classification else REGRESSION_LEAF_ROWS,
        random_state=spawn(sample.seed, "metafeatures", "tree"),
    )
    model.fit(sample.encoded[rows], sample.outputs(rows))
    grown = model.tree_
    is_leaf = grown.feature < 0
    return Tree(
        depths=_depths(grown.children_left, grown.children_right),
        split_columns=np.where(is_leaf, -1, grown.feature),
        n_node_rows=np.asarray(grown.n_node_samples),
        leaf_classes=np.argmax(grown.value[is_leaf, :, 0], axis=1),
        importances=np.asarray(model.feature_importances_),
    )


def _depths(left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the depth (m,) of each node, given its children (m,), -1 for leaves."""
    depths = np.zeros(len(left), dtype=np.int64)
    for node in np.flatnonzero(left >= 0):
        depths[[left[node], right[node]]] = depths[node] + 1
    return depths


GROUP = Group("model-based", prepare=_grow)


@GROUP.value()
def leaves(tree: Tree) -> float:
    """Return the number of leaves [1]_; as pymfe."""
    return float(np.sum(tree.is_leaf))


@GROUP.value()
def nodes(tree: Tree) -> float:
    """Return the number of nodes that are no leaves [1]_; as pymfe."""
    return float(tree.n_splits)


@GROUP.value()
def nodes_per_attr(tree: Tree) -> float:
    """Return the number of splits per encoded column [2]_; as pymfe."""
    return tree.n_splits / len(tree.importances)


@GROUP.value()
def nodes_per_inst(tree: Tree) -> float:
    """Return the number of splits per row [2]_; as pymfe."""
    return tree.n_splits / float(tree.n_node_rows[0])


@GROUP.values("mean", "sd", "max")
def tree_depth(tree: Tree) -> Floats:
    """Return the depth of every node [1]_; as pymfe."""
    return tree.depths.astype(np.float64)


@GROUP.values("mean", "sd")
def leaves_branch(tree: Tree) -> Floats:
    """Return the depth of every leaf [1]_; as pymfe."""
    return tree.depths[tree.is_leaf].astype(np.float64)


@GROUP.values("mean", "sd", "max")
def leaves_corrob(tree: Tree) -> Floats:
    """Return the share of the rows in each leaf [2]_; as pymfe."""
    return np.asarray(tree.n_node_rows[tree.is_leaf] / tree.n_node_rows[0])


@GROUP.values("sd", kinds=CLASSIFICATION)
def leaves_per_class(tree: Tree) -> Floats:
    """Return the share of the leaves of each class that has one [3]_; as pymfe."""
    counts = np.unique(tree.leaf_classes, return_counts=True)[1]
    return np.asarray(counts / len(tree.leaf_classes))


@GROUP.values("mean", "sd", "max")
def nodes_per_level(tree: Tree) -> Floats:
    """Return the number of splits at each depth [1]_; as pymfe; undefined without splits."""
    return np.unique(tree.depths[~tree.is_leaf], return_counts=True)[1].astype(np.float64)


@GROUP.values("mean", "sd", "max")
def nodes_repeated(tree: Tree) -> Floats:
    """Return the number of splits of each column that is split [2]_; as pymfe; undefined without splits."""
    return np.unique(tree.split_columns[~tree.is_leaf], return_counts=True)[1].astype(np.float64)


@GROUP.values("mean", "sd")
def tree_shape(tree: Tree) -> Floats:
    """Return -p log2 p of each leaf, p the probability that a random walk ends there [2]_; as pymfe."""
    leaf_depths = tree.depths[tree.is_leaf]
    return np.asarray(leaf_depths * 0.5**leaf_depths)


@GROUP.values("mean", "sd")
def tree_imbalance(tree: Tree) -> Floats:
    """Return the imbalance of each depth with leaves: -q log2 q, q = 2^-(probability to end there) [2]_; as pymfe."""
    depths, counts = np.unique(tree.depths[tree.is_leaf], return_counts=True)
    probabilities = counts * 0.5**depths
    return np.asarray(probabilities * 0.5**probabilities)


@GROUP.values("sd", "max")
def var_importance(tree: Tree) -> Floats:
    """Return the Gini importance of each encoded column [2]_; as pymfe."""
    return tree.importances
