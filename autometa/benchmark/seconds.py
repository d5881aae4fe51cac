"""How long methods take."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Seconds:
    """What a method took on the clock, in all.

    Parameters
    ----------
    fit, propose : float
        Seconds for fitting, as often as it was, and for all proposals.
    """

    fit: float = 0.0
    propose: float = 0.0

    def __add__(self, other: "Seconds") -> "Seconds":
        """Return both together."""
        return Seconds(fit=self.fit + other.fit, propose=self.propose + other.propose)
