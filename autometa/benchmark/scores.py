"""Scores of a replay: mean regrets with standard errors, compared with one method in pairs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from autometa.benchmark.replay import Replay

KS = (1, 3, 5, 10, 25)


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How one method did after k proposals.

    Parameters
    ----------
    method : str
        Its name.
    k : int
        Proposals for each task.
    regret, regret_error : float
        Mean normalised regret over the tasks (median), and its standard error.
    regret_to_worst : float
        The same, normalised by the worst result instead of the median.
    difference, difference_error : float
        Mean over the tasks of the regret less that of the reference method, and its standard error.
    rank : float
        Mean rank among the methods, 1 the best; equal ones share.
    """

    method: str
    k: int
    regret: float
    regret_error: float
    regret_to_worst: float
    difference: float
    difference_error: float
    rank: float


def scores_of(replay: Replay, *, reference: str, ks: Sequence[int] = KS) -> list[Score]:
    """Return a score for each method and k, method by method.

    Standard errors treat the families as the independent units, whatever the number of tasks in each: that of a mean
    over tasks m is sqrt(sum over families of (sum over its tasks of (x - m))^2) / n_tasks.
    """
    regrets = {name: replay.regrets(name) for name in replay.found}
    to_worst = {name: replay.regrets(name, to_worst=True) for name in replay.found}
    steps = [k for k in ks if k <= next(iter(regrets.values())).shape[1]]
    ranks = {k: rankdata([regrets[name][:, k - 1] for name in regrets], axis=0).mean(axis=1) for k in steps}
    return [
        Score(
            method=name,
            k=k,
            regret=float(regrets[name][:, k - 1].mean()),
            regret_error=clustered_error(regrets[name][:, k - 1], replay.families),
            regret_to_worst=float(to_worst[name][:, k - 1].mean()),
            difference=float((regrets[name] - regrets[reference])[:, k - 1].mean()),
            difference_error=clustered_error((regrets[name] - regrets[reference])[:, k - 1], replay.families),
            rank=float(ranks[k][number]),
        )
        for number, name in enumerate(regrets)
        for k in steps
    ]


def clustered_error(values: np.ndarray, families: Sequence[str]) -> float:
    """Return the standard error of the mean of values (n_tasks,) whose families are independent of one another.

    References
    ----------
    Liang, K.-Y., Zeger, S. L. (1986). Longitudinal data analysis using generalized linear models. Biometrika 73.
    https://doi.org/10.1093/biomet/73.1.13
    """
    of_family = np.unique(np.array(families, dtype=str), return_inverse=True)[1]
    sums = np.bincount(of_family, weights=values - values.mean())
    return float(np.sqrt((sums**2).sum()) / len(values))
