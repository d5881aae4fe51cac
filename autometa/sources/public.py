"""The run databases of others that can be read, by name."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.writing import Added
from autometa.sources import oboe
from autometa.task_kind import TaskKind


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicRuns:
    """A published run database, and how its runs are found in a base.

    Parameters
    ----------
    about : str
        What it holds, in a few words.
    add : callable
        Adds the runs of a folder with its files to a base.
    protocol : str
        The protocol under which its runs are stored.
    version : str
        The version of its pipelines, and of its meta-features.
    kind : TaskKind
        The kind of its tasks.
    metric : str
        The metric of its scores.
    """

    about: str
    add: Callable[[KnowledgeBase, str | Path], Added]
    protocol: str
    version: str
    kind: TaskKind
    metric: str


PUBLIC_RUNS: dict[str, PublicRuns] = {
    "oboe": PublicRuns(
        about="415 OpenML data sets x 219 scikit-learn classifiers",
        add=oboe.add_oboe,
        protocol=oboe.PROTOCOL,
        version=oboe.VERSION,
        kind=oboe.KIND,
        metric=oboe.METRIC,
    ),
}
