"""Trading: pipelines that no other is expected to beat in both score and cost."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autometa.errors import OptionError
from autometa.evaluation.record import Evaluation
from autometa.metric import Metric
from autometa.recommenders.base import measured_losses
from autometa.recommenders.candidates import Candidates


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One of the two things that are traded: the field of an advised pipeline that holds it, and what that is.

    The unit of a pure number is empty.
    """

    key: str
    words: str
    unit: str
    greater_is_better: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeOff:
    """What a list of pipelines is a trade-off between: a cost that grows from one to the next, and a better score.

    Parameters
    ----------
    n_unbeaten, n_left_out : int
        Candidates that no other is expected to beat in both, and how many of them are not in the list.
    """

    cost: Axis
    score: Axis
    n_unbeaten: int
    n_left_out: int

    @property
    def notes(self) -> tuple[str, ...]:
        """What the list is, in a line, and how much of it is left out, in another."""
        unit = f" ({self.score.unit})" if self.score.unit else ""
        what = f"a trade-off of {self.score.words}{unit} against {self.cost.words} ({self.cost.unit})"
        what += ": each costs less than all below it, by a tenth at least; none is expected to be beaten in both"
        left_out = f"{self.n_left_out} of {self.n_unbeaten} such pipelines are left out; a larger k shows them"
        return (what, left_out) if self.n_left_out else (what,)


STEP = 1.1  # between the costs of one pipeline and the next

# By the names of `autometa.wish.TRADE_OFFS`; keys are fields of `Candidates` as well.
COSTS = {
    "time": Axis(key="fit_seconds", words="predicted time of a fit", unit="CPU seconds"),
    "memory": Axis(key="memory_bytes", words="predicted peak memory of a fit", unit="bytes"),
    "predict-time": Axis(
        key="predict_seconds", words="predicted time to predict as many rows as the table has", unit="CPU seconds"
    ),
}


def trade(
    name: str,
    k: int,
    priced: Candidates,
    losses: npt.NDArray[np.float64],
    observed: Sequence[Evaluation],
    metric: Metric,
) -> tuple[TradeOff, list[int]]:
    """Return the trade-off of the score against a cost of `COSTS`, and at most ``k`` positions, from cheapest to best.

    The losses (n_candidates,) are what is expected of the candidates in the metric. Values are compared as they are
    told, in six digits; what is cheaper by less than `STEP` does not count as cheaper, since predicted costs are off by
    more. What failed on the very table, by what was observed there, is left out.

    Raises
    ------
    OptionError
        If the cost of no candidate is known.
    """
    cost = COSTS[name]
    measured = measured_losses(observed, metric)
    failed = {each.configuration.key for each in observed} - measured.keys()
    has_failed = np.array([c.key in failed for c in priced.configurations], dtype=bool)
    costs = np.where(has_failed, np.nan, _in_six_digits(getattr(priced, cost.key)))
    scores = _in_six_digits([metric.score(float(loss)) for loss in losses])
    losses = -scores if metric.greater_is_better else scores
    unbeaten = front(costs, losses)
    unbeaten = unbeaten[apart(costs[unbeaten])]
    if not len(unbeaten):
        raise OptionError(f"of no candidate the {cost.words} is known; choose another of: {', '.join(COSTS)}")
    kept = unbeaten[spread(np.log(costs[unbeaten]), losses[unbeaten], k)]
    score = Axis(
        key="predicted_score",
        words=f"expected {metric.name}",
        unit=metric.unit,
        greater_is_better=metric.greater_is_better,
    )
    trade_off = TradeOff(cost=cost, score=score, n_unbeaten=len(unbeaten), n_left_out=len(unbeaten) - len(kept))
    return trade_off, kept.tolist()


def front(costs: npt.NDArray[np.float64], losses: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    """Return the positions of all that no other beats, from the least cost to the least loss: the Pareto front.

    One beats another if it is no worse in both and better in one; of equals in both, the first counts.

    Parameters
    ----------
    costs, losses : ndarray of shape (n,)
        Smaller is better; what is NaN in either is left out.

    Examples
    --------
    >>> front(np.array([1.0, 2.0, 3.0, 2.0]), np.array([0.5, 0.6, 0.1, 0.4])).tolist()
    [0, 3, 2]
    """
    order = np.lexsort((losses, costs))  # stable: equals stay in their order
    order = order[~np.isnan(costs[order]) & ~np.isnan(losses[order])]
    least_before = np.minimum.accumulate(np.concatenate([[np.inf], losses[order]]))[:-1]
    return order[losses[order] < least_before]


def apart(costs: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    """Return the positions of a front that are kept, ascending: from the best on, what is cheaper by a `STEP`.

    Parameters
    ----------
    costs : ndarray of shape (n,)
        Of a front: positive, strictly ascending.
    """
    kept: list[int] = []
    for position in range(len(costs) - 1, -1, -1):
        if not kept or costs[position] * STEP <= costs[kept[-1]]:
            kept.append(position)
    return np.array(kept[::-1], dtype=np.intp)


def spread(costs: npt.NDArray[np.float64], losses: npt.NDArray[np.float64], k: int) -> npt.NDArray[np.intp]:
    """Return ``k`` positions of a front, ascending: its two ends, then what lies farthest from all chosen, in turn.

    Distances are on axes that reach from 0 to 1 over the front; of equals, the cheapest counts. Only the end of least
    loss is kept if ``k`` is 1; all where there are no more than ``k``.

    Parameters
    ----------
    costs, losses : ndarray of shape (n,)
        Of a front: costs strictly ascending, losses strictly descending.
    k : int
        At least 1.
    """
    if len(costs) <= k:
        return np.arange(len(costs))
    points = np.column_stack([(axis - axis.min()) / np.ptp(axis) for axis in (costs, losses)])
    chosen = [len(costs) - 1, 0][:k]
    while len(chosen) < k:
        distances = np.linalg.norm(points[:, None] - points[chosen], axis=2).min(axis=1)
        chosen.append(int(np.argmax(distances)))
    return np.sort(chosen)


def _in_six_digits(values: Sequence[float] | npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return numbers in six significant digits, as results show them."""
    return np.array([float(f"{value:.6g}") for value in values])
