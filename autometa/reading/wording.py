"""How names and values stand in messages: quoted, on one line, never too many."""

from collections.abc import Sequence

import numpy as np

_LONGEST = 60
_MOST = 5


def quote(value: object) -> str:
    """Return ``repr(value)``, of a plain Python value, cut to 60 characters.

    Examples
    --------
    >>> quote("price")
    "'price'"
    """
    text = repr(value.item() if isinstance(value, np.generic) else value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 4]}...{text[-1]}"


def enumerate_names(names: Sequence[str]) -> str:
    """Return the first five names, quoted, and how many more there are.

    Examples
    --------
    >>> enumerate_names(["a", "b"])
    "'a', 'b'"
    >>> enumerate_names(list("abcdefgh"))
    "'a', 'b', 'c', 'd', 'e' and 3 more"
    """
    listed = ", ".join(quote(name) for name in names[:_MOST])
    return listed if len(names) <= _MOST else f"{listed} and {len(names) - _MOST} more"


def count(number: int, noun: str) -> str:
    """Return the number with its noun, in the plural unless it is one.

    Examples
    --------
    >>> count(1, "row"), count(1200, "row")
    ('1 row', '1,200 rows')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
