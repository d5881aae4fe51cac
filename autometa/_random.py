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


def generator(seed: int, *path: str) -> np.random.Generator:
    """Return a NumPy generator seeded with the child seed of ``seed`` named by ``path``."""
    return np.random.default_rng(spawn(seed, *path))
