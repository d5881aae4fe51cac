"""Planning: how long a refinement goes on, by what means, and what it tells meanwhile."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from autometa.errors import OptionError
from autometa.evaluation.limits import Limits
from autometa.evaluation.protocol import OwnSplits
from autometa.evaluation.warm import Evaluators
from autometa.refinement.attempts import Attempt

FIT_SHARE = 0.25  # of the time, which the fit on all rows of what is tried may be predicted to take


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How long a refinement goes on.

    Parameters
    ----------
    seconds : float, optional
        On the clock, from ``started`` on.
    n_trials : int, optional
        Attempts in all, those of earlier runs of the study included.
    started : float
        As `time.monotonic` tells it.
    reserve : callable, optional
        Given the attempts so far, the seconds to leave for what comes after.

    Raises
    ------
    OptionError
        If there is no limit, or it is not positive.
    """

    seconds: float | None = None
    n_trials: int | None = None
    started: float = field(default_factory=time.monotonic)
    reserve: Callable[[Sequence[Attempt]], float] | None = None

    def __post_init__(self) -> None:
        if self.seconds is None and self.n_trials is None:
            raise OptionError("a refinement needs a budget: seconds, a number of trials, or both")
        if self.seconds is not None and not 0 < self.seconds < math.inf:
            raise OptionError(f"the seconds of a refinement must be positive and finite, got {self.seconds}")
        if self.n_trials is not None and self.n_trials < 1:
            raise OptionError(f"a refinement needs one trial or more, got {self.n_trials}")

    def left(self, attempts: Sequence[Attempt]) -> float:
        """Return the seconds that are left for attempts; infinite without a limit."""
        if self.seconds is None:
            return math.inf
        return self.started + self.seconds - self.reserved(attempts) - time.monotonic()

    def used(self) -> float:
        """Return the share of the seconds that is over; 0 without a limit."""
        return (time.monotonic() - self.started) / self.seconds if self.seconds is not None else 0.0

    def reserved(self, attempts: Sequence[Attempt]) -> float:
        """Return the seconds that are left for what comes after."""
        return self.reserve(attempts) if self.reserve is not None and self.seconds is not None else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a refinement is: attempts so far, the best whole one, the last, and seconds left (infinite: unknown)."""

    n_attempts: int
    best: Attempt | None
    last: Attempt | None
    seconds_left: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a refinement is done.

    Parameters
    ----------
    budget : Budget
        How long.
    splits : OwnSplits, optional
        The user's own; default: see `autometa.refinement.attempts`.
    n_workers : int
        Attempts that are measured at once, on a core each.
    memory_bytes : int
        That one may use.
    seed : int
        Seed of all that is drawn. Under a budget of trials alone, same seed, same attempts.
    storage : str, optional
        URL of Optuna's storage, in which a refinement that was killed goes on; default: in memory.
    study_name : str, optional
        Default: from the task and the metric.
    evaluators : Evaluators, optional
        As many as workers, which have started already; closed at the end.
    """

    budget: Budget
    splits: OwnSplits | None = None
    n_workers: int = 1
    memory_bytes: int = Limits().memory_bytes
    seed: int = 0
    storage: str | None = None
    study_name: str | None = None
    evaluators: Evaluators | None = field(default=None, repr=False)
