"""Dates: strings that spell moments, in one of several formats."""

import re

import pandas as pd

DATE_FORMATS = {
    "%m/%d/%Y": "month/day/year",
    "%d/%m/%Y": "day/month/year",
    "%Y/%m/%d": "year/month/day",
    "%d.%m.%Y": "day.month.year",
    "%d-%m-%Y": "day-month-year",
    "%d %b %Y": "day month year",
    "%d-%b-%Y": "day-month-year",
    "%d %B %Y": "day month year",
    "%b %d, %Y": "month day, year",
    "%B %d, %Y": "month day, year",
}
"""Dates beside ISO 8601, with an optional time of day; the first format that reads all values is taken."""

_SWAPPED = {"%m/%d/%Y": "%d/%m/%Y", "%d-%m-%Y": "%m-%d-%Y"}
"""Formats whose dates may mean something else, day and month the other way round."""

TIMES = ("", " %H:%M", " %H:%M:%S")
"""How a time of day follows such a date."""

READ_AS_DATES = "strings read as dates, "
"""How the remark on a column of such dates begins; the order of their parts follows."""

AMBIGUOUS = "day and month may be the other way round; if they are, write the dates as 2023-12-31"

_DATE_SHAPE = re.compile(
    r"\d{4}[-/]\d{1,2}[-/]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}"
    r"|\d{1,2}[- ][A-Za-z]{3,9}[- ]\d{4}|[A-Za-z]{3,9} \d{1,2}, \d{4}"
)
_OFFSET = r"(?:Z|[+-]\d\d:?\d\d)$"


def parse_dates(labels: "pd.Index[str]") -> tuple[pd.DatetimeIndex | None, tuple[str, ...]]:
    """Return the moments that all labels spell, in UTC if they carry offsets, and which format it was."""
    if not _DATE_SHAPE.match(labels[0]):
        return None, ()
    has_offsets = bool(labels.str.contains(_OFFSET, regex=True).all())
    try:
        return pd.to_datetime(labels, format="ISO8601", utc=has_offsets), ()
    except ValueError:
        pass
    for date, meaning in DATE_FORMATS.items():
        for time in TIMES:
            try:
                moments = pd.to_datetime(labels, format=date + time)
            except ValueError:
                continue
            swapped = _SWAPPED.get(date)
            is_ambiguous = swapped is not None and _are_dates(labels, swapped + time)
            return moments, (f"{READ_AS_DATES}{meaning}", *((AMBIGUOUS,) if is_ambiguous else ()))
    return None, ()


def _are_dates(labels: "pd.Index[str]", form: str) -> bool:
    """Return whether all labels are dates of a format."""
    return bool(pd.to_datetime(labels, format=form, errors="coerce").notna().all())
