"""Full size: how candidates are ordered for tables with more rows than predicted scores are for.

What is best on a sample of a large table need not be so on all of it. A few candidates, those that are best on most
tables, are measured on many rows of large ones as well.
"""

from collections.abc import Sequence

import numpy as np

from autometa.evaluation.record import Evaluation
from autometa.knowledge.frames import MIN_COMMON, Experience
from autometa.recommenders.base import Recommender
from autometa.space import Configuration
from autometa.task import TaskDescription

LARGE_WEIGHT = 3.0  # of a large task, a small one has 1; chosen on families that are not for judgement
MIN_LARGE = 20  # tasks; of fewer nothing is learned
MIN_SHARE = 0.5  # of the candidates known at full size that may be advised: the best of a few of them need not be good


def at_full_size(few: Experience, many: Experience, row_limit: int) -> Experience | None:
    """Return what is known of candidates on all rows of a task, or None if that is too little.

    Small tasks have the losses that they have, for those are of all their rows; large ones, which count more, have
    those on many rows. Only candidates that half of the large tasks have on many rows are in it.

    Parameters
    ----------
    few : Experience
        Runs on at most ``row_limit`` rows.
    many : Experience
        Runs on more.
    row_limit : int
        Tasks that have more rows are large.
    """
    large = many.of_configurations(list(few.position_of))
    large = large.of_tasks(np.array([known.n_rows > row_limit for known in large.descriptions], dtype=bool))
    for _ in range(2):  # tasks with little of it do not say what is common, and without what is common have little
        large = large.of_tasks(np.isfinite(large.losses).sum(axis=1) >= MIN_COMMON)
        large = large.of_configurations(
            [large.configurations[column].key for column in np.flatnonzero(large.is_common)]
        )
    if large.n_tasks < MIN_LARGE:
        return None
    small = few.of_tasks(np.array([known.n_rows <= row_limit for known in few.descriptions], dtype=bool))
    both = small.beside(large, weight=LARGE_WEIGHT)
    return both.of_tasks(np.isfinite(both.losses).any(axis=1))


def is_enough(known: Experience, candidates: Sequence[Configuration]) -> bool:
    """Return whether half or more of what is known at full size may be advised."""
    n_allowed = sum(candidate.key in known.position_of for candidate in candidates)
    return n_allowed >= MIN_SHARE * known.n_configurations


def order_at_full_size(
    ranker: Recommender,
    others: Recommender,
    description: TaskDescription,
    candidates: Sequence[Configuration],
    observed: Sequence[Evaluation],
    n: int,
) -> list[int]:
    """Return the first ``n`` candidates: those that are known at full size by one ranker, then the rest by another.

    What was measured is left out.

    Parameters
    ----------
    ranker : Recommender
        Fitted on `at_full_size`.
    others : Recommender
        Fitted on all candidates.
    description : TaskDescription
        The task.
    candidates : sequence of Configuration
        What is ordered.
    observed : sequence of Evaluation
        What failed on the task; nothing else was measured on it.
    n : int
        How many positions in it are returned, if there are as many.
    """
    position_of = ranker.experience_.position_of
    known = [position for position, candidate in enumerate(candidates) if candidate.key in position_of]
    chosen = [candidates[position] for position in known]
    first = [known[place] for place in ranker.rank(description, chosen, observed, n)]
    if len(first) >= n:
        return first
    taken = set(first)
    rest = others.rank(description, candidates, observed, n)  # of which as many may be taken as are first
    return (first + [position for position in rest if position not in taken])[:n]
