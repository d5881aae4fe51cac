"""How fast this machine is, beside the one that measured the shipped runs."""

import math
import os
import platform
import time

import numpy as np

from autometa import _array_cache

# CPU seconds of `_work` on the machine that measured the shipped runs, the least of many.
REFERENCE_SECONDS = 0.0062
_STEPS = 2  # to a factor of 2: a speed is told in steps, so that it is the same whenever it is measured
_REPEATS = 5
_VERSION = 1
_FOLDER = "machine"


def machine_speed() -> float:
    """Return how many times as fast as the reference this machine is, in steps of the root of 2; measured once.

    What was measured is kept in the user's cache, so that later predictions are the same.
    """
    kept = _array_cache.load_arrays(_array_cache.cache_folder(_FOLDER), _identity())
    if kept is not None and "speed" in kept:
        return float(kept["speed"])
    seconds = min(_seconds() for _ in range(_REPEATS))
    if seconds <= 0.0:  # a clock that is too coarse to tell
        return 1.0
    speed = in_steps(REFERENCE_SECONDS / seconds)
    keep_speed(speed)
    return speed


def keep_speed(speed: float) -> None:
    """Keep a speed of this machine for later predictions."""
    _array_cache.keep_arrays(_array_cache.cache_folder(_FOLDER), _identity(), {"speed": np.array(speed)})


def in_steps(ratio: float) -> float:
    """Return the nearest power of the root of 2.

    Examples
    --------
    >>> in_steps(0.9), in_steps(2.1)
    (1.0, 2.0)
    """
    return float(2.0 ** (round(_STEPS * math.log2(ratio)) / _STEPS))


def _identity() -> dict[str, object]:
    """Return what tells machines apart."""
    return {"version": _VERSION, "machine": [platform.node(), platform.machine(), os.cpu_count()]}


def _seconds() -> float:
    """Return the CPU seconds of the work, whatever else the machine does."""
    rng = np.random.default_rng(0)
    values, bins = rng.random(100_000), rng.integers(0, 256, size=100_000)
    start = time.thread_time()
    _work(values, bins)
    return time.thread_time() - start


def _work(values: np.ndarray, bins: np.ndarray) -> float:
    """Do what growing trees is made of: sorting, histograms, sums, and reading here and there; on one thread."""
    total = 0.0
    for _ in range(2):
        order = np.argsort(values)
        total += float(np.cumsum(values[order])[-1])
        for _ in range(10):
            total += float(np.bincount(bins, weights=values).max())
    return total
