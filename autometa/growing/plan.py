"""What is to be grown, and what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from autometa.evaluation.limits import Limits
from autometa.evaluation.protocol import CV_V1, Protocol
from autometa.evaluation.record import LOCAL, Evaluation
from autometa.growing.tables import Source
from autometa.space import Configuration
from autometa.task_kind import TaskKind

SEED = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to grow.

    Parameters
    ----------
    sources : sequence of Source
        The tables.
    candidates : mapping of TaskKind to sequence of Configuration
        What each task of a kind gets, in this order, nothing where the kind is absent; those whose library is not
        installed are left out.
    protocol : Protocol
        How they are measured.
    own_protocol : str
        The name of the protocol where the sources bring splits of their own: the splits of each are called so.
    limits : Limits
        Of each evaluation.
    n_workers : int
        Evaluations at a time, one core each.
    max_seconds : float
        After so many seconds no evaluation is begun; those under way are finished.
    origin, licence : str
        Kept with every measurement.
    """

    sources: Sequence[Source]
    candidates: Mapping[TaskKind, Sequence[Configuration]]
    protocol: Protocol = CV_V1
    own_protocol: str = ""
    limits: Limits = field(default_factory=Limits)
    n_workers: int = 1
    max_seconds: float = float("inf")
    origin: str = LOCAL
    licence: str = "not stated"

    @property
    def protocol_name(self) -> str:
        """The name of the protocol under which all is stored."""
        return self.own_protocol or self.protocol.name


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
    unreached : dict of str to str
        Tables that did not come from where they lie, with the reason: another time they may.
    """

    n_new: int
    n_known: int
    n_left: int
    skipped: dict[str, str]
    unreached: dict[str, str] = field(default_factory=dict)

    def __add__(self, other: "Grown") -> "Grown":
        """Return what two plans have done."""
        return Grown(
            n_new=self.n_new + other.n_new,
            n_known=self.n_known + other.n_known,
            n_left=self.n_left + other.n_left,
            skipped=self.skipped | other.skipped,
            unreached=self.unreached | other.unreached,
        )
