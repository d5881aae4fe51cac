"""Task to meta-features: all groups, one after the other, with their failures and seconds."""

import time
from typing import Any

from threadpoolctl import threadpool_limits

from autometa.metafeatures import (
    information,
    landmarking,
    model_based,
    simple,
    statistical,
    target_shape,
)
from autometa.metafeatures.registry import Group
from autometa.metafeatures.sample import Sample
from autometa.metafeatures.vector import MetaFeatures
from autometa.task import Task

EXTRACTION_VERSION = "3"
# Far above what any table takes: it stops runaways, and decides no value of an ordinary extraction.
TIME_LIMIT_SECONDS = 120.0

# Any: each group has its own prepared input.
GROUPS: tuple[Group[Any], ...] = (
    simple.GROUP,
    statistical.GROUP,
    information.GROUP,
    target_shape.GROUP,
    model_based.GROUP,
    landmarking.GROUP,
)


def names() -> tuple[str, ...]:
    """Return the name of every meta-feature, in the order of the vector."""
    return tuple(name for group in GROUPS for name in group.names)


def meanings() -> dict[str, str]:
    """Return what each meta-feature stands for, in words.

    Examples
    --------
    >>> meanings()["nr_inst"], meanings()["attr_ent.mean"]
    ('number of rows', 'entropy of each column (mean)')
    """
    return {name: meaning for group in GROUPS for name, meaning in group.meanings.items()}


def extract(task: Task, seed: int = 0, *, time_limit_seconds: float = TIME_LIMIT_SECONDS) -> MetaFeatures:
    """Return the meta-features of a task; the vector has every name for every kind of task.

    The values depend on the task and the seed alone. Sizes, missing values and the target are counted over
    the full table, all else on a sample of at most 2,000 rows and 100 columns, so the cost hardly grows
    with the table.

    Parameters
    ----------
    task : Task
        The task.
    seed : int
        Decides the sample, the folds and the ties inside trees.
    time_limit_seconds : float
        No meta-feature is begun later than this; those left are failures.

    Returns
    -------
    MetaFeatures
        NaN stands for a meta-feature that is undefined for the task, or, with a reason, failed.

    Examples
    --------
    >>> import pandas as pd
    >>> X = pd.DataFrame({"width": [1.0, 2.0, 4.0], "colour": ["red", "blue", "red"]})
    >>> task = Task(name="t", X=X, y=pd.Series([0, 1, 0]), kind="binary", target="sold")
    >>> described = extract(task)
    >>> described.values["nr_inst"], described.values["cat_share"], dict(described.failures)
    (3.0, 0.5, {})
    """
    started = time.perf_counter()
    sample = Sample(task=task, seed=seed)
    values: dict[str, float] = {}
    failures: dict[str, str] = {}
    seconds: dict[str, float] = {}
    # One thread: sums do not depend on the number of cores, and small matrices do not gain from more.
    with threadpool_limits(limits=1, user_api="blas"):
        for group in GROUPS:
            began = time.perf_counter()
            measured = group.measure(sample, deadline=started + time_limit_seconds)
            values.update(measured.values)
            failures.update(measured.failures)
            seconds[group.name] = time.perf_counter() - began
    return MetaFeatures(values=values, failures=failures, seconds=seconds, version=EXTRACTION_VERSION)
