"""Resemblance: strings that look like numbers with a unit, or like dates, and are read as neither."""

import re
from collections.abc import Sequence

from autometa.reading.number_styles import UNITS
from autometa.reading.wording import enumerate_names

MIN_LOOK_SHARE = 0.9
"""So many of the distinct strings (share) must look alike, the others may be words for a missing value."""

MIN_LOOK_STRINGS = 3
"""So many of them at least; of two classes such as "2D" and "3D" nobody wants numbers."""

MAX_LOOK_UNITS = 2
"""With more units than this, as in "1st", "2nd", "3rd", they are no units; neither are several letters, as in "3a"."""

_HEAD_LABELS = 1_000
_NUMBER = r"-?(?:0(?!\d)|[1-9])[\d.,'’\s]*"  # no leading zeros: those are codes
_WORD = r"°?[^\W\d_]{1,12}(?:/[^\W\d_]{1,6})?"
_MEASURE = re.compile(rf"[+-]?\s*(?:(?P<before>[{UNITS}])\s*{_NUMBER}|{_NUMBER}(?P<after>[{UNITS}]|{_WORD}))")
_DATE = re.compile(
    r"(?:\d{4}([-/.])[01]?\d\1[0-3]?\d|[0-3]?\d([-/.])[0-3]?\d\2(?:\d{4}|\d{2})"
    r"|[0-3]?\d([- ])[A-Za-z]{3,9}\3(?:\d{4}|\d{2}))(?:[T ]\d{1,2}:\d{2}.*)?"
)


def find_units(labels: Sequence[str]) -> tuple[str, ...]:
    """Return the units of strings that look like numbers with one or two units; none if they do not.

    Examples
    --------
    >>> find_units(["75.3 kg", "80 kg", "68.1 kg"]), find_units(["1st", "2nd", "3rd", "4th"])
    (('kg',), ())
    """
    found = [match for label in labels[:_HEAD_LABELS] if (match := _MEASURE.fullmatch(label.strip()))]
    units = sorted({match["before"] or match["after"] for match in found})
    are_letters = len(units) > 1 and any(len(unit) == 1 and unit.isalpha() for unit in units)
    return tuple(units) if _are_enough(len(found), labels) and len(units) <= MAX_LOOK_UNITS and not are_letters else ()


def find_resemblance(labels: Sequence[str]) -> str:
    """Return what distinct strings look like, such as "numbers with 'kg'", and how to have that; empty for nothing."""
    if units := find_units(labels):
        return f"numbers with {enumerate_names(units)}; for numbers, leave out what is beside them"
    n_dates = sum(bool(_DATE.fullmatch(label.strip())) for label in labels[:_HEAD_LABELS])
    return "dates; for dates, write all of them as 2023-12-31" if _are_enough(n_dates, labels) else ""


def _are_enough(n_alike: int, labels: Sequence[str]) -> bool:
    """Return whether so many of the first labels are nearly all."""
    return n_alike >= max(MIN_LOOK_STRINGS, MIN_LOOK_SHARE * min(len(labels), _HEAD_LABELS))
