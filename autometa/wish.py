"""What the user asks for."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from autometa._sizes import bytes_of
from autometa.errors import OptionError
from autometa.knowledge.origins import Trust
from autometa.pipelines.learners import ALGORITHM_SETS, LEARNERS

TRADE_OFFS = ("time", "memory", "predict-time")  # against the expected score


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the user asks for.

    Parameters
    ----------
    metric : str
        Name of a metric, or "auto" for the default of the task's kind.
    k : int
        Number of pipelines.
    max_fit_seconds : float, optional
        Only pipelines that are predicted to fit within so many CPU seconds.
    max_memory : str or float, optional
        Only pipelines whose fit is predicted to need no more memory than that; see `bytes_of`.
    algorithms : sequence of str, optional
        Only pipelines of these algorithms; a name of `ALGORITHM_SETS`, as "interpretable", stands for all in it.
    seed : int
        Seed of all that is drawn.
    exclude_origins : sequence of str
        Origins whose runs do not count.
    origin_weights : mapping of str to float
        How much the runs of an origin count; default: 1.
    probe_seconds : float, optional
        For how long pipelines are measured on the table itself before advice is given; default: not at all.
    trade_off : str, optional
        A name in `TRADE_OFFS`: only pipelines that no other is expected to beat in both score and this cost.

    Raises
    ------
    OptionError
        If k or a limit is not positive, an algorithm or a trade-off is unknown, a weight makes no sense, or both a
        probe and a trade-off are asked for.
    """

    metric: str = "auto"
    k: int = 10
    max_fit_seconds: float | None = None
    max_memory: str | float | None = None
    algorithms: Sequence[str] | None = None
    seed: int = 0
    exclude_origins: Sequence[str] = ()
    origin_weights: Mapping[str, float] = field(default_factory=dict)
    probe_seconds: float | None = None
    trade_off: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.k, int) or self.k < 1:
            raise OptionError(f"k must be a whole number of at least 1, got {self.k!r}")
        if isinstance(self.algorithms, str):
            raise OptionError(f"algorithms is a list of names, got '{self.algorithms}'; write ['{self.algorithms}']")
        if self.max_fit_seconds is not None and not self.max_fit_seconds > 0:
            raise OptionError(f"max_fit_seconds must be positive, got {self.max_fit_seconds}")
        if self.max_memory_bytes is not None and not self.max_memory_bytes > 0:
            raise OptionError(f"max_memory must be positive, got {self.max_memory}")
        if self.probe_seconds is not None and not 0 < self.probe_seconds < math.inf:
            raise OptionError(f"probe_seconds must be positive and finite, got {self.probe_seconds}")
        if self.trade_off is not None and self.trade_off not in TRADE_OFFS:
            raise OptionError(f"no trade-off '{self.trade_off}'; choose one of: {', '.join(TRADE_OFFS)}")
        if self.trade_off is not None and self.probe_seconds is not None:
            raise OptionError(
                "a trade-off compares all candidates by prediction, and a probe measures a few; ask for one of the two"
            )
        for algorithm in self.algorithms or ():
            if algorithm not in LEARNERS and algorithm not in ALGORITHM_SETS:
                known = ", ".join((*sorted(LEARNERS), *ALGORITHM_SETS))
                raise OptionError(f"unknown algorithm '{algorithm}'; choose from: {known}")
        Trust.of(self.exclude_origins, self.origin_weights)

    @property
    def max_memory_bytes(self) -> float | None:
        """The limit on memory in bytes; None: there is none."""
        return None if self.max_memory is None else bytes_of(self.max_memory)

    @property
    def allowed(self) -> frozenset[str] | None:
        """Names of the algorithms that may be advised, sets taken apart; None: all."""
        if self.algorithms is None:
            return None
        return frozenset(name for each in self.algorithms for name in ALGORITHM_SETS.get(each, (each,)))

    @property
    def is_restricting(self) -> bool:
        """Whether not all that is known may be advised."""
        return any(limit is not None for limit in (self.allowed, self.max_fit_seconds, self.max_memory))

    @property
    def trust(self) -> Trust:
        """How much the runs of each origin count."""
        return Trust.of(self.exclude_origins, self.origin_weights)
