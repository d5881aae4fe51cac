"""Which sources of tables can be reached, and when to give up asking."""

from autometa.errors import SourceError

MAX_FAILURES = 3
"""After so many failures one after another nothing more is asked for: it is the network, not the table."""


class Reach:
    """What did not come from where it lies.

    Examples
    --------
    >>> reach = Reach()
    >>> for number in range(MAX_FAILURES):
    ...     reach.fail(f"table {number}", SourceError("no answer"))
    >>> reach.is_given_up
    True
    """

    def __init__(self) -> None:
        self.unreached: dict[str, str] = {}
        self._n_failed = 0

    @property
    def is_given_up(self) -> bool:
        """Whether so many failed, one after another, that the next would too."""
        return self._n_failed >= MAX_FAILURES

    def fail(self, name: str, error: SourceError) -> None:
        """Say that one did not come."""
        self.unreached[name] = str(error)
        self._n_failed += 1

    def leave(self, name: str) -> None:
        """Say that one was not asked for any more."""
        self.unreached[name] = f"not asked for, since {MAX_FAILURES} before it did not come"

    def succeed(self) -> None:
        """Say that one came; what was given up stays so."""
        if not self.is_given_up:
            self._n_failed = 0
