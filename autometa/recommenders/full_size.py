"""Full size: how candidates are ordered for tables with more rows than predicted scores are for.

What is best on a sample of a large table need not be so on all of it. A few candidates, those that are best on most
tables, are measured on many rows of large ones as well.
"""

from collections.abc import Sequence

import numpy as np

from autometa.knowledge.frames import MIN_COMMON, Experience
from autometa.recommenders.base import Recommender
from autometa.space import Configuration
from autometa.task import TaskDescription

# Both chosen on families that are not for judgement (docs/benchmarks.md, "Large tables").
LARGE_WEIGHT = 3.0  # of a large task; a small one has 1
MIN_LARGE = 20  # tasks; of fewer nothing is learned


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
    is_large = np.array([known.n_rows > row_limit for known in many.descriptions], dtype=bool)
    large = many.of_tasks(is_large & np.isfinite(many.losses).any(axis=1))
    keys = [c.key for c, common in zip(large.configurations, large.is_common, strict=True) if common]
    keys = [key for key in keys if key in few.position_of]
    if large.n_tasks < MIN_LARGE or len(keys) < MIN_COMMON:
        return None
    small = few.of_tasks(np.array([known.n_rows <= row_limit for known in few.descriptions], dtype=bool))
    return small.of_configurations(keys).beside(large.of_configurations(keys), weight=LARGE_WEIGHT)


def order_at_full_size(
    ranker: Recommender,
    others: Recommender,
    description: TaskDescription,
    candidates: Sequence[Configuration],
    n: int,
) -> list[int]:
    """Return the first ``n`` candidates: those that are known at full size by one ranker, then the rest by another.

    Parameters
    ----------
    ranker : Recommender
        Fitted on `at_full_size`.
    others : Recommender
        Fitted on all candidates.
    description : TaskDescription
        The task; nothing was measured on it.
    candidates : sequence of Configuration
        What is ordered.
    n : int
        How many positions in it are returned, if there are as many.
    """
    position_of = ranker.experience_.position_of
    known = [position for position, candidate in enumerate(candidates) if candidate.key in position_of]
    if not known:
        return list(others.rank(description, candidates, (), n))
    first = [known[place] for place in ranker.rank(description, [candidates[position] for position in known], (), n)]
    if len(first) >= n:
        return first
    taken = set(first)
    rest = others.rank(description, candidates, (), n)  # of which as many may be taken as are first
    return (first + [position for position in rest if position not in taken])[:n]
