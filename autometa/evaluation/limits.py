"""How much one evaluation may use before it is killed."""

import math
import os
from dataclasses import dataclass

import numpy as np

from autometa.errors import OptionError

MAX_PROCESSES = 64  # in the tree of one evaluation: generous for a learner, and the end of a fork bomb
_WALL_PER_CPU = 3.0
_LONGEST_PER_CPU = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one evaluation, all folds together, may use.

    Parameters
    ----------
    cpu_seconds : float
        CPU seconds of its whole process tree. A limit of three times that on the clock stands behind it, for what
        sleeps; on Linux the time that it waits for a core, which others have, is not counted there up to sixty times.
    max_wall_seconds : float
        Seconds on the clock, where they are fewer.
    memory_bytes : int
        Memory in bytes of its whole process tree, above what the process starts with; also the most that it
        may write to files.

    Raises
    ------
    OptionError
        If a limit is not positive.

    Examples
    --------
    >>> Limits(cpu_seconds=20).wall_seconds
    60.0
    """

    cpu_seconds: float = 60.0
    memory_bytes: int = 4 * 2**30
    max_wall_seconds: float = math.inf

    def __post_init__(self) -> None:
        if not self.cpu_seconds > 0:
            raise OptionError(f"the CPU limit must be positive, got {self.cpu_seconds} s")
        if not self.max_wall_seconds > 0:
            raise OptionError(f"the limit on the clock must be positive, got {self.max_wall_seconds} s")
        if not self.memory_bytes > 0:
            raise OptionError(f"the memory limit must be positive, got {self.memory_bytes} bytes")

    @property
    def wall_seconds(self) -> float:
        """Seconds on the clock after which an evaluation that never waits for a core ends, whatever it did."""
        return min(_WALL_PER_CPU * self.cpu_seconds, self.max_wall_seconds)

    @property
    def longest_seconds(self) -> float:
        """Seconds on the clock after which any evaluation ends."""
        return min(_LONGEST_PER_CPU * self.cpu_seconds, self.max_wall_seconds)


def n_cores(n_jobs: int | None) -> int:
    """Return how many cores ``n_jobs`` stands for: itself, for None one, for -1 all that this process may use.

    Raises
    ------
    OptionError
        If it is neither.
    """
    if n_jobs is None:  # scikit-learn's default
        return 1
    if isinstance(n_jobs, bool) or not isinstance(n_jobs, int | np.integer) or n_jobs == 0 or n_jobs < -1:
        raise OptionError(f"a number of cores is positive, or -1 for all of them, got {n_jobs!r}")
    if n_jobs > 0:
        return int(n_jobs)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
