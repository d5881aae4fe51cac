"""What is to be grown, and what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from autometa.evaluation.limits import Limits
from autometa.evaluation.protocol import CV_V1, Protocol
from autometa.evaluation.record import LOCAL, Evaluation
from autometa.growing.tables import TableSource
from autometa.space import Configuration
from autometa.task_kind import TaskKind

SEED = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to grow.

    Parameters
    ----------
    sources : sequence of TableSource
        The tables.
    candidates : mapping of TaskKind to sequence of Configuration
        What each task of a kind gets, in this order, nothing where the kind is absent; those whose library is not
        installed are left out.
    protocol : Protocol
        How they are measured.
    limits : Limits
        Of each evaluation.
    n_workers : int
        Evaluations at a time, one core each.
    max_seconds : float
        After so many seconds no evaluation is begun; those under way are finished.
    origin, licence : str
        Kept with every measurement.
    """

    sources: Sequence[TableSource]
    candidates: Mapping[TaskKind, Sequence[Configuration]]
    protocol: Protocol = CV_V1
    limits: Limits = field(default_factory=Limits)
    n_workers: int = 1
    max_seconds: float = float("inf")
    origin: str = LOCAL
    licence: str = "not stated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far growing has come: cells of the table tasks x candidates that are filled, and of how many."""

    n_filled: int
    n_cells: int
    last: Evaluation
    task_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Grown:
    """What growing has done.

    Parameters
    ----------
    n_new : int
        Evaluations that were run and stored.
    n_known : int
        Evaluations that were stored before, or by others meanwhile.
    n_left : int
        Evaluations for which no time was left, those under way elsewhere among them.
    skipped : dict of str to str
        Tables that could not be used, with the reason.
    """

    n_new: int
    n_known: int
    n_left: int
    skipped: dict[str, str]
