"""Origins: where runs come from, and how far each is trusted."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Connection, Double, case, literal, select

from autometa.errors import NotKnownError, OptionError
from autometa.evaluation.record import LOCAL
from autometa.knowledge import tables

MAX_WEIGHT = 1000.0
UNDISCLOSED = "undisclosed"

# Under these names lie runs of many: the user's own, those of who keeps a name back. No file takes them back.
ANYBODYS = frozenset({LOCAL, UNDISCLOSED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """How much the runs of each origin count in advice.

    A run of an excluded origin is as not made, and a task of which no run is left as not known; where another origin
    measured the same with another result, that was kept aside and does not take its place. A task weighs as much as
    the mean of its runs: half the weight is half a vote in the ranking. Weights change neither predicted times nor
    intervals.

    Parameters
    ----------
    weights : mapping of str to float
        Origin -> weight; 0 excludes, and an origin that is not named has weight 1.

    Raises
    ------
    OptionError
        If a weight is no number from 0 to 1000.

    Examples
    --------
    >>> Trust(weights={"old cluster": 0.5, "intern": 0}).excluded
    frozenset({'intern'})
    """

    weights: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, weight in self.weights.items():
            is_number = isinstance(weight, int | float) and not isinstance(weight, bool)
            if not (is_number and math.isfinite(weight) and 0 <= weight <= MAX_WEIGHT):
                raise OptionError(f"the weight of origin '{name}' is a number from 0 to {MAX_WEIGHT:g}, not {weight!r}")

    @classmethod
    def of(cls, exclude_origins: Sequence[str], origin_weights: Mapping[str, float]) -> "Trust":
        """Return the trust in origins of which some are excluded and others weighted.

        Raises
        ------
        OptionError
            If an origin is both, or a weight makes no sense.
        """
        if isinstance(exclude_origins, str):
            raise OptionError(
                f"exclude_origins is a list of names, got '{exclude_origins}'; write ['{exclude_origins}']"
            )
        for name in exclude_origins:
            if name in origin_weights:
                raise OptionError(f"origin '{name}' is both excluded and weighted; decide for one")
        return cls(weights={**origin_weights, **dict.fromkeys(exclude_origins, 0.0)})

    @property
    def excluded(self) -> frozenset[str]:
        """Origins whose runs do not count."""
        return frozenset(name for name, weight in self.weights.items() if weight == 0)

    @property
    def words(self) -> tuple[str, ...]:
        """What is not as usual, for people to read."""
        weighted = [f"{name} x {weight:g}" for name, weight in self.weights.items() if weight not in {0, 1}]
        excluded = f"without the runs of: {', '.join(sorted(self.excluded))}"
        return ((excluded,) if self.excluded else ()) + ((f"runs weighted: {', '.join(weighted)}",) if weighted else ())


ALL_ALIKE = Trust()


def check_origins(connection: Connection, names: Iterable[str]) -> None:
    """Raise NotKnownError unless all of these are origins of something in the base."""
    known = set(connection.execute(select(tables.origins.c.name)).scalars())
    for name in names:
        if name not in known:
            there = ", ".join(sorted(known)[:20]) or "none yet"
            raise NotKnownError(f"no origin '{name[:80]}'; there are: {there}")


def weight_column(trust: Trust) -> ColumnElement[float]:
    """Return the weight of the origin that a query joins, as a column."""
    weights = [(tables.origins.c.name == name, literal(float(w), Double)) for name, w in trust.weights.items()]
    return case(*weights, else_=literal(1.0, Double)) if weights else literal(1.0, Double)
