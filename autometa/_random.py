"""Seeds: one integer enters at the door, children are derived from it by name.

A child depends on its parent and its path alone, so the order of work and its distribution over
processes change nothing.
"""

import hashlib

import numpy as np


def spawn(seed: int, *path: str) -> int:
    """Return the child seed of ``seed`` named by ``path``, an integer in [0, 2**32).

    Examples
    --------
    >>> spawn(0, "evaluation", "abc") == spawn(0, "evaluation", "abc")
    True
    >>> spawn(0, "evaluation", "abc") == spawn(1, "evaluation", "abc")
    False
    """
    text = "\x1f".join([str(int(seed)), *path])
    return int.from_bytes(hashlib.sha256(text.encode("utf-8")).digest()[:4], "big")


def draw_stratified(strata: np.ndarray, n_drawn: int, n_kept: int, rng: np.random.Generator) -> np.ndarray:
    """Return the ascending positions of ``n_drawn`` rows, shared out among the strata by their sizes.

    Each stratum has its share to within one row, but ``n_kept`` rows or more as far as it has them. Rows are taken in
    the order of (rank within the stratum + 1/2) / size of the stratum: Sainte-Laguë's method.

    Parameters
    ----------
    strata : ndarray of int, shape (n_rows,)
        Number of each row's stratum, from 0.
    n_drawn, n_kept : int
        Rows in all, and rows that every stratum keeps.
    rng : Generator
        Decides which rows of a stratum are taken.
    """
    if len(strata) <= n_drawn:
        return np.arange(len(strata))
    order = group_shuffled(strata, rng)
    sizes = np.bincount(strata)
    rank = np.arange(len(strata)) - (np.cumsum(sizes) - sizes)[strata[order]]
    priority = np.where(rank < n_kept, rank - n_kept, (rank + 0.5) / sizes[strata[order]])
    return np.sort(order[np.argsort(priority, kind="stable")[:n_drawn]])


def group_shuffled(strata: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the positions of all rows (n_rows,), stratum after stratum, shuffled within each."""
    shuffled = rng.permutation(len(strata))
    return np.asarray(shuffled[np.argsort(strata[shuffled], kind="stable")])


def generator(seed: int, *path: str) -> np.random.Generator:
    """Return a NumPy generator seeded with the child seed of ``seed`` named by ``path``."""
    return np.random.default_rng(spawn(seed, *path))
