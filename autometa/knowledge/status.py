"""How much a knowledge base holds."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class KnowledgeStatus:
    """How much a knowledge base holds.

    Parameters
    ----------
    tasks, configurations, evaluations : mapping of str to int
        Counts: ``total``, then by kind, by algorithm, by status.
    coverage : float
        Share of the table tasks x configurations that is filled, each kind for itself: evaluations over
        the sum over kinds of its tasks times the configurations tried on that kind; 0 where nothing is.
    differing_repeats : int
        Results that differ from the one stored first.
    revision : int
        Counts the writes.
    schema : str
        Revision of the schema.
    """

    tasks: Mapping[str, int]
    configurations: Mapping[str, int]
    evaluations: Mapping[str, int]
    coverage: float
    differing_repeats: int
    revision: int
    schema: str
