"""Replays of several kinds as one: regrets are on a common scale, whatever the metric."""

from collections.abc import Sequence

import numpy as np

from autometa.benchmark.replay import Replay
from autometa.benchmark.seconds import Seconds


def pooled(replays: Sequence[Replay]) -> Replay:
    """Return the replay of all their tasks by the methods that are in each of them.

    A family that has tasks of several kinds stays one. Losses are of different metrics, so that nothing but regrets
    and seconds can be compared between its tasks.

    Raises
    ------
    ValueError
        If there is none, or they have different numbers of steps.
    """
    if not replays:
        raise ValueError("no replays to pool")
    first = replays[0]
    names = [name for name in first.found if all(name in each.found for each in replays)]
    return Replay(
        tasks=tuple(task for each in replays for task in each.tasks),
        best=np.concatenate([each.best for each in replays]),
        median=np.concatenate([each.median for each in replays]),
        worst=np.concatenate([each.worst for each in replays]),
        found={name: np.concatenate([each.found[name] for each in replays]) for name in names},
        fit_seconds={name: np.concatenate([each.fit_seconds[name] for each in replays]) for name in names},
        seconds={name: sum((each.seconds[name] for each in replays), Seconds()) for name in names},
        n_left_out=sum(each.n_left_out for each in replays),
        kept=tuple(name for name in names if all(name in each.kept for each in replays)),
    )
