"""`Dialect`: how a delimited text separates fields, quotes them and writes numbers, found by looking at its head."""

import csv
import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

DELIMITERS = (",", ";", "\t", "|")

_HEAD_LINES = 50
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+(?:[eE][+-]?\d+)?")
_DECIMAL_POINT = re.compile(r"[+-]?\d+\.\d+(?:[eE][+-]?\d+)?")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+")
_SINGLE_QUOTED = re.compile(r"(?:^|[,;\t|])'[^'\n]*'(?=[,;\t|\r\n]|$)", re.MULTILINE)
_SPOKEN = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "|"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One way to write a table as delimited text.

    Parameters
    ----------
    delimiter : str
        What separates fields, one of `DELIMITERS`.
    quote : str
        What encloses a field that holds a delimiter or a line break; doubled, it stands for itself.
    escape : str or None
        What stands before a quote inside of a quoted field instead, if anything does.
    decimal : str
        What stands before the fraction of a number, "." or ",".
    """

    delimiter: str
    quote: str = '"'
    escape: str | None = None
    decimal: str = "."

    @property
    def spoken_delimiter(self) -> str:
        """The delimiter as messages name it."""
        return _SPOKEN[self.delimiter]

    def split(self, lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
        """Yield the fields of each record with the number of its first line; blank lines are no records.

        A record without an end, or with a field that is too long, comes last and has no fields.
        """
        reader = csv.reader(lines, delimiter=self.delimiter, quotechar=self.quote, escapechar=self.escape)
        line = 1
        try:
            for fields in reader:
                if fields:
                    yield line, fields
                line = reader.line_num + 1
        except csv.Error:
            yield line, []


def sniff(head: str) -> Dialect:
    r"""Return the dialect that splits the most lines as it splits the first one.

    Parameters
    ----------
    head : str
        The beginning of a text.

    Examples
    --------
    >>> sniff("name;price\n'a, b';1,5\nc;2,25\n")
    Dialect(delimiter=';', quote='"', escape=None, decimal=',')
    """
    lines = head.splitlines(keepends=True)
    lines = lines[:-1] or lines  # the last one may be cut off
    quote = "'" if '"' not in head and len(_SINGLE_QUOTED.findall(head)) >= len(lines) else '"'
    escapes = (None, "\\") if f"\\{quote}" in head else (None,)
    candidates = [
        Dialect(delimiter=delimiter, quote=quote, escape=escape)
        for escape, delimiter in itertools.product(escapes, DELIMITERS)
    ]
    best = max(candidates, key=lambda dialect: _merit(dialect, lines[:_HEAD_LINES]))
    if best.delimiter == "," or not _has_decimal_commas(best, lines):
        return best
    return Dialect(delimiter=best.delimiter, quote=best.quote, escape=best.escape, decimal=",")


def _merit(dialect: Dialect, lines: list[str]) -> tuple[float, int]:
    """Return how consistently, then how finely, a dialect splits."""
    widths = [len(fields) for _, fields in dialect.split(lines)]
    if not widths or widths[0] < 2:
        return (0.0, 0)
    return (widths.count(widths[0]) / len(widths), widths[0])


def _has_decimal_commas(dialect: Dialect, lines: list[str]) -> bool:
    """Return whether more numbers are written with a decimal comma than with a point.

    Commas that all stand before three digits may separate thousands, except beside semicolons: those are
    taken as delimiters where the comma is the decimal sign.
    """
    fields = [field.strip() for _, record in dialect.split(lines) for field in record]
    with_comma = [field for field in fields if _DECIMAL_COMMA.fullmatch(field)]
    if dialect.delimiter != ";" and all(_THOUSANDS.fullmatch(field) for field in with_comma):
        return False
    return len(with_comma) > sum(bool(_DECIMAL_POINT.fullmatch(field)) for field in fields)
