"""How much two tasks agree in which configurations are good: what similarity is to follow."""

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from autometa.knowledge.frames import Experience

MIN_COMMON = 10  # configurations tried on both tasks: a rank correlation of fewer is mostly noise


def agreements(experience: Experience, *, min_common: int = MIN_COMMON) -> npt.NDArray[np.float64]:
    """Return Spearman's rank correlations of the costs of tasks, an ndarray of shape (n_tasks, n_tasks).

    Over the configurations that were tried on both; NaN where these are too few, or all alike on a task.

    Parameters
    ----------
    experience : Experience
        Past runs of one kind.
    min_common : int
        Least number of common configurations.
    """
    costs, tried = experience.costs, experience.is_tried
    n_tasks = experience.n_tasks
    found = np.full((n_tasks, n_tasks), np.nan)
    for one in range(n_tasks):
        for other in range(one, n_tasks):
            common = tried[one] & tried[other]
            if common.sum() >= min_common:
                found[one, other] = found[other, one] = correlation(costs[one, common], costs[other, common])
    return found


def correlation(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> float:
    """Return Spearman's rank correlation of two vectors (n,); NaN where one of them does not vary.

    Examples
    --------
    >>> round(correlation(np.array([1.0, 2.0, 3.0]), np.array([1.0, 8.0, 9.0])), 12)
    1.0
    """
    ranks = [rankdata(each) for each in (one, other)]
    centred = [each - each.mean() for each in ranks]
    size = np.sqrt((centred[0] ** 2).sum() * (centred[1] ** 2).sum())
    return float((centred[0] * centred[1]).sum() / size) if size > 0 else float("nan")


def retrieval(
    similarity: npt.NDArray[np.float64],
    agreement: npt.NDArray[np.float64],
    families: tuple[str, ...],
    rows: npt.NDArray[np.intp],
) -> npt.NDArray[np.float64]:
    """Return how well similarity orders tasks of other families by their agreement with each of some tasks.

    Parameters
    ----------
    similarity, agreement : ndarray of shape (n_tasks, n_tasks)
        What is judged, and what it should follow; NaN = not known.
    families : tuple of str, n_tasks of them
        A task is not compared with its relatives.
    rows : ndarray of int
        The tasks for which it is judged.

    Returns
    -------
    ndarray of shape (len(rows),)
        Rank correlations; NaN where fewer than ten others are known.
    """
    family = np.array(families, dtype=object)
    found = np.full(len(rows), np.nan)
    for place, row in enumerate(rows):
        others = (family != family[row]) & np.isfinite(agreement[row])
        if others.sum() >= MIN_COMMON:
            found[place] = correlation(similarity[row, others], agreement[row, others])
    return found
