"""Scores of a replay: mean regrets with standard errors, compared with one method in pairs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from autometa.benchmark.replay import ORACLE, Replay

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
        Mean rank among the methods, 1 the best; equal ones share. NaN of the oracle, which is not among them.
    wins : float
        Share of the tasks on which no other method has less regret; equal ones share the task. NaN of the oracle.
    """

    method: str
    k: int
    regret: float
    regret_error: float
    regret_to_worst: float
    difference: float
    difference_error: float
    rank: float
    wins: float


def scores_of(replay: Replay, *, reference: str, ks: Sequence[int] = KS) -> list[Score]:
    """Return a score for each method and k, method by method.

    Standard errors treat the families as the independent units, whatever the number of tasks in each: that of a mean
    over tasks m is sqrt(sum over families of (sum over its tasks of (x - m))^2) / n_tasks.
    """
    regrets = {name: replay.regrets(name) for name in replay.found}
    to_worst = {name: replay.regrets(name, to_worst=True) for name in replay.found}
    steps = [k for k in ks if k <= next(iter(regrets.values())).shape[1]]
    ranked = [name for name in regrets if name != ORACLE]
    at_k = {k: np.array([regrets[name][:, k - 1] for name in ranked]) for k in steps}
    ranks = {k: dict(zip(ranked, rankdata(at_k[k], axis=0).mean(axis=1), strict=True)) for k in steps}
    wins = {k: dict(zip(ranked, _wins(at_k[k]), strict=True)) for k in steps}
    return [
        Score(
            method=name,
            k=k,
            regret=float(regrets[name][:, k - 1].mean()),
            regret_error=clustered_error(regrets[name][:, k - 1], replay.families),
            regret_to_worst=float(to_worst[name][:, k - 1].mean()),
            difference=float((regrets[name] - regrets[reference])[:, k - 1].mean()),
            difference_error=clustered_error((regrets[name] - regrets[reference])[:, k - 1], replay.families),
            rank=float(ranks[k].get(name, np.nan)),
            wins=float(wins[k].get(name, np.nan)),
        )
        for name in regrets
        for k in steps
    ]


def regret_by_time(replay: Replay, method: str, seconds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean regret and its standard error when proposals have taken so many CPU seconds to fit.

    Parameters
    ----------
    replay : Replay
        What was found.
    method : str
        Its name.
    seconds : ndarray of shape (n_times,)
        Times.

    Returns
    -------
    mean, error : ndarray of shape (n_times,)
        Until the first fit has ended the regret of a task counts as 1, that of a median configuration; after the last
        proposal it stays. Tasks of which no fit time is stored are left out; NaN where that is all.
    """
    spent = replay.fit_seconds[method]
    is_timed = np.isfinite(spent).all(axis=1)
    if not is_timed.any():
        return np.full(len(seconds), np.nan), np.full(len(seconds), np.nan)
    regrets = replay.regrets(method)[is_timed]
    padded = np.column_stack([np.ones(len(regrets)), regrets])
    n_ended = np.array([np.searchsorted(row, seconds, side="right") for row in spent[is_timed]])
    reached = np.take_along_axis(padded, n_ended, axis=1)
    families = [family for family, has_times in zip(replay.families, is_timed, strict=True) if has_times]
    return reached.mean(axis=0), np.array([clustered_error(column, families) for column in reached.T])


def _wins(regrets: np.ndarray) -> np.ndarray:
    """Return the share of tasks that each method wins, (n_methods,), of regrets (n_methods, n_tasks)."""
    is_least = regrets == regrets.min(axis=0)
    return np.asarray((is_least / is_least.sum(axis=0)).mean(axis=1))


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
