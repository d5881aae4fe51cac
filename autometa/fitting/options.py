"""What is asked of a fit."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any  # tables of many libraries

import numpy as np

from autometa._sizes import bytes_of
from autometa.errors import OptionError
from autometa.evaluation.limits import Limits, n_cores
from autometa.evaluation.protocol import OwnSplits
from autometa.metric import METRICS
from autometa.wish import Wish

Scoring = str | Callable[..., float]

N_ADVISED = 5  # pipelines that are tried before results have a say


@dataclass(frozen=True, slots=True, kw_only=True)
class FitOptions:
    """What is asked of a fit.

    Parameters
    ----------
    metric : str or callable
        A metric of ours, "auto", the name of a scorer of scikit-learn, or a scorer itself.
    time_budget : float, optional
        Seconds on the clock for everything; 0: no search, the first advice is fitted; None: only trials count.
    n_trials : int, optional
        Most pipelines that are attempted; without ``time_budget`` the result is the same for the same seed.
    max_memory : str or float, optional
        That a fit may use: "2GB", or bytes.
    ensemble : bool
        Whether several pipelines may be averaged.
    algorithms : sequence of str, optional
        The only ones that may be used.
    recommender : str
        A name in `autometa.recommender_names.RECOMMENDER_NAMES`.
    n_jobs : int, optional
        Cores that are used in all; -1: all there are.
    seed : int
        Seed of all that is drawn.
    splits : OwnSplits, optional
        The user's own folds.
    sample_weight : ndarray of shape (n_rows,), optional
        What each row counts.
    table : table of shape (n_rows, any number of columns), optional
        As the user has it, for a metric of their own; default: what was read of it.
    origin : str, optional
        Under which every evaluation is kept in the knowledge base; default: none is.
    started : float
        When the time began to run, as `time.monotonic` tells it.

    Raises
    ------
    OptionError
        If one of them makes no sense.
    """

    metric: Scoring = "auto"
    time_budget: float | None = 60.0
    n_trials: int | None = None
    max_memory: str | float | None = None
    ensemble: bool = True
    algorithms: Sequence[str] | None = None
    recommender: str
    n_jobs: int | None = 1
    seed: int = 0
    splits: OwnSplits | None = field(default=None, repr=False)
    sample_weight: np.ndarray | None = field(default=None, repr=False)
    table: Any = field(default=None, repr=False)
    origin: str | None = None
    started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        if self.time_budget is None and self.n_trials is None:
            raise OptionError("a fit needs a time_budget, a number of trials, or both")
        if self.time_budget is not None and not 0 <= self.time_budget < math.inf:
            raise OptionError(f"time_budget must be 0 or more seconds, and finite, got {self.time_budget}")
        if self.time_budget == 0 and self.n_trials is not None:
            raise OptionError("a time_budget of 0 searches nothing; leave out n_trials, or take time_budget=None")
        if self.n_trials is not None and self.n_trials < 1:
            raise OptionError(f"n_trials must be at least 1, got {self.n_trials}")
        n_cores(self.n_jobs)

    @property
    def is_search(self) -> bool:
        """Whether anything is measured before the fit."""
        return self.time_budget != 0

    @property
    def n_cores(self) -> int:
        """Cores that are used."""
        return n_cores(self.n_jobs)

    @property
    def memory_bytes(self) -> int:
        """Bytes that one fit may use."""
        return Limits().memory_bytes if self.max_memory is None else int(bytes_of(self.max_memory))

    @property
    def wish(self) -> Wish:
        """What is asked of the advice; for a metric that past runs do not have, the usual one stands."""
        is_own = isinstance(self.metric, str) and (self.metric in METRICS or self.metric == "auto")
        return Wish(
            metric=str(self.metric) if is_own else "auto",
            k=N_ADVISED,
            max_memory=self.max_memory,
            algorithms=self.algorithms,
            seed=self.seed,
        )
