"""Diversity: a list of k pipelines is not k shades of one."""

from collections.abc import Sequence

import numpy as np

from autometa.knowledge.frames import Experience
from autometa.space import Configuration

# Chosen on families that are not for judgement (docs/benchmarks.md, "No shades of one pipeline").
SHADE = 0.08
MIN_COMMON_TASKS = 5
N_BEHIND = 3  # times as many as are advised are ranked: what takes the place of a shade comes from there


def defer_shades(
    experience: Experience, candidates: Sequence[Configuration], order: Sequence[int], k: int, *, shade: float = SHADE
) -> list[int]:
    """Return an order of which the first ``k`` hold no two shades of one configuration, as far as there are others.

    A shade has the algorithm of one that stands before it, and differs from it by at most ``shade`` in normalised loss,
    in the mean over the tasks, at least five, on which both were tried. It comes after the first ``k`` others.

    Parameters
    ----------
    experience : Experience
        Past runs.
    candidates : sequence of Configuration
        What is ordered.
    order : sequence of int
        Positions in ``candidates``, best first.
    k : int
        How many are advised.
    shade : float
        Mean difference of normalised losses up to which two are shades of one.
    """
    losses = experience.normalised_losses
    kept: list[int] = []
    columns_of: dict[str, list[int]] = {}
    for position in order:
        if len(kept) == k:
            break
        algorithm = candidates[position].algorithm
        column = experience.position_of.get(candidates[position].key)
        before = columns_of.setdefault(algorithm, [])
        if column is not None:
            if _is_shade(losses[:, column], losses[:, before], shade):
                continue
            before.append(column)
        kept.append(position)
    taken = set(kept)
    return kept + [position for position in order if position not in taken]


def _is_shade(losses: np.ndarray, others: np.ndarray, shade: float) -> bool:
    """Return whether losses (n_tasks,) are nearly those of one of others, (n_tasks, n_others); NaN = not tried."""
    differences = np.abs(others - losses[:, None])
    n_common = np.isfinite(differences).sum(axis=0)
    means = np.nansum(differences, axis=0) / np.maximum(n_common, 1)
    return bool(((n_common >= MIN_COMMON_TASKS) & (means <= shade)).any())
