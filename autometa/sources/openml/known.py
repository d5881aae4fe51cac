"""OpenML's tasks as tasks known by description alone: what an imported run was measured on."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from autometa.errors import NotOfferedError
from autometa.knowledge.foreign import ForeignTask
from autometa.sources.openml.answers import (
    CLASSIFICATION,
    REGRESSION,
    DatasetInfo,
    TaskInfo,
    dataset_name_to_family,
)
from autometa.sources.openml.connection import Connection
from autometa.sources.openml.fetching import fetch_columns, fetch_dataset, fetch_qualities, fetch_task
from autometa.sources.openml.preparation import TableFacts
from autometa.sources.openml.qualities import to_metafeatures
from autometa.sources.openml.stored import METAFEATURES_VERSION
from autometa.task import TaskDescription
from autometa.task_kind import TaskKind

_MAX_COUNT = 2**31 - 1  # what a base holds


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownTask:
    """A task of OpenML's that runs are imported of.

    Parameters
    ----------
    number : int
        OpenML's number of the task.
    task : ForeignTask
        Its data set and target.
    protocol : str
        The protocol of runs on it, named after its estimation procedure.
    facts : TableFacts
        What decides which flows are ours on it.
    all_occur : bool
        Whether all classes that are declared are known to occur.
    """

    number: int
    task: ForeignTask
    protocol: str
    facts: TableFacts = field(repr=False)
    all_occur: bool

    @property
    def kind(self) -> TaskKind:
        """The kind of the task."""
        return self.facts.kind


def read_known_task(number: int, connection: Connection) -> KnownTask | None:
    """Return what is known of an OpenML task; None where it is neither classification nor regression.

    Its family is that of all versions of its data set, as for tables that `from_openml` reads.

    Raises
    ------
    NotOfferedError
        If OpenML has no such task, or not its data set, or does not tell how large that is, or how many classes
        there are.
    SourceError
        If OpenML does not give it.
    """
    info = fetch_task(connection, number)
    if info.type not in (CLASSIFICATION, REGRESSION):
        return None
    dataset = fetch_dataset(connection, info.dataset)
    qualities = fetch_qualities(connection, info.dataset)
    n_rows, n_columns = (_count(qualities, name) for name in ("NumberOfInstances", "NumberOfFeatures"))
    if n_rows < 1 or n_columns < 2:
        raise NotOfferedError(f"OpenML does not tell the size of data set {info.dataset}")
    n_classes, all_occur = (0, True) if info.type == REGRESSION else _classes(connection, info, dataset, qualities)
    kind = TaskKind.REGRESSION if n_classes == 0 else TaskKind.BINARY if n_classes == 2 else TaskKind.MULTICLASS
    is_usual = info.target == dataset.target
    description = TaskDescription(
        name=f"{dataset.name} ({dataset.version})",
        fingerprint=foreign_fingerprint(dataset.number, kind, "" if is_usual else info.target),
        family=dataset_name_to_family(dataset.name),
        kind=kind,
        n_rows=n_rows,
        n_columns=n_columns - 1,
        metafeatures=to_metafeatures(qualities, kind, is_of_target=is_usual),
    )
    return KnownTask(
        number=number,
        task=ForeignTask(description=description, n_classes=n_classes, metafeatures_version=METAFEATURES_VERSION),
        protocol=info.protocol.removesuffix("-first"),  # their scores are over all repeats
        facts=TableFacts.of_qualities(qualities, kind),
        all_occur=all_occur,
    )


def foreign_fingerprint(dataset: int, kind: TaskKind, target: str = "") -> str:
    """Return what tells a data set of OpenML apart from others, where its table is not here.

    All who have runs on it meet under it: `autometa.sources.oboe` too. Another target than the data set's own, and
    regression, are other tasks.
    """
    words = f"openml data set {dataset}"
    if kind is TaskKind.REGRESSION:
        words += " regression"
    if target:
        words += f" target {target}"
    return hashlib.sha256(words.encode()).hexdigest()


def _classes(
    connection: Connection, info: TaskInfo, dataset: DatasetInfo, qualities: Mapping[str, float]
) -> tuple[int, bool]:
    """Return the number of classes, and whether all that are declared are known to occur.

    Those of another target than the usual are not counted, so that they are those that are declared.
    """
    columns = fetch_columns(connection, info.dataset) or ()
    n_declared = next((len(column.labels) for column in columns if column.name == info.target), 0)
    n_counted = _count(qualities, "NumberOfClasses") if info.target == dataset.target else 0
    if max(n_counted, n_declared) < 2:
        raise NotOfferedError(f"OpenML does not tell the classes of task {info.number}")
    may_have_gaps = qualities.get("NumberOfMissingValues") != 0  # OpenML counts those of a target as a class
    known = (n_counted, n_declared) if may_have_gaps or n_counted < 2 else (n_counted,)
    return min(number for number in known if number >= 2), n_counted >= n_declared >= 2


def _count(qualities: Mapping[str, float], name: str) -> int:
    """Return a count among qualities, 0 where it is unknown or one that no table has."""
    value = qualities.get(name, math.nan)
    return int(value) if 0 <= value <= _MAX_COUNT else 0
