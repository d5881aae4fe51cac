"""`NumberStyle`: numbers as people write them, with thousands separated, a currency sign or a percent sign.

A column is of a style only if all its values are, and no other style reads them as well; so strings that merely look
like numbers, such as zip codes, versions, telephone numbers or addresses of computers, are of none.
"""

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

from autometa.reading.wording import quote

GAP_WORDS = frozenset(
    ["-", "--", "–", "—", ".", "..", "none", "missing", "unknown", "n.a.", "k.a.", "#div/0!", "#value!", "#ref!"]
)
"""Words that stand for a missing value among numbers of a style, in lower case."""

UNITS = "$£¥¢¤฿\u20a0-\u20cf%"
"""Currency signs and the percent sign, as in a class of a regular expression."""

_SPACES = "\\s"  # those that do not break lines are among them
_SEPARATORS = {"": "", ",": ",", ".": r"\.", " ": _SPACES, "'": "['’]"}
_FIGURE = re.compile(
    rf"(?P<sign>[+-]?)\s*(?P<before>[{UNITS}]?)\s*-?(?P<body>(?:[0-9]|[.,][0-9])(?:[0-9.,'’\s]*[0-9])?)\s*(?P<after>[{UNITS}]?)"
)
_EXAMPLE = re.compile(rf"(?P<before>[{UNITS}]?)1(?P<thousands>[,. ']?)000(?P<decimal>[.,])5(?P<after>[{UNITS}]?)")


@dataclass(frozen=True, kw_only=True)  # no slots, for the pattern is kept
class NumberStyle:
    """One way to write numbers; it prints as the number 1000.5 looks in it.

    Parameters
    ----------
    thousands : str
        What separates thousands, "," or "." or " " or "'"; empty if nothing does.
    decimal : str
        What stands before the fraction, "." or ",".
    before, after : str
        The sign of a currency or of percent that stands there; empty if there is none.

    Examples
    --------
    >>> style = NumberStyle(thousands=".", decimal=",", after="€")
    >>> str(style), style.spell("-7.021,56 €"), style.spell("0.5 €")
    ('1.000,5€', '-7021.56', None)
    >>> NumberStyle.parse("1.000,5€") == style
    True
    """

    thousands: str = ""
    decimal: str = "."
    before: str = ""
    after: str = ""

    def __str__(self) -> str:
        return f"{self.before}1{self.thousands}000{self.decimal}5{self.after}"

    @classmethod
    def parse(cls, example: str) -> Self:
        """Return the style in which the number 1000.5 looks like this.

        Raises
        ------
        ValueError
            If there is none.
        """
        match = _EXAMPLE.fullmatch(example)
        if match is None:
            raise ValueError(f"{example!r} is no style of numbers; give one such as '$1,000.5'")
        return cls(**match.groupdict())

    def spell(self, text: str) -> str | None:
        """Return a number of this style as Python spells it, None for what is none; the unit may be lacking."""
        match = self._pattern.fullmatch(text.strip())
        if match is None:
            return None
        digits = re.sub(_SEPARATORS[self.thousands], "", match["digits"]) if self.thousands else match["digits"]
        sign = match["sign"] + match["minus"]
        return sign + digits.replace(self.decimal, ".") if len(sign) < 2 else None

    def tell(self, texts: Iterable[str]) -> str:
        """Return how a number of this style is read, as "'$7,021.50' as 7021.50"; the longest of those in the texts."""
        example = max((text.strip() for text in texts if self.spell(text)), key=len, default=str(self))
        return f"{quote(example)} as {self.spell(example)}"

    @property
    def signs(self) -> str:
        """What is to be left out so that digits and the decimal sign remain, as a regular expression."""
        return f"[{self.before}{self.after}{self.thousands.strip()}{_SPACES}]".replace("'", "'’")

    @cached_property
    def _pattern(self) -> "re.Pattern[str]":
        """What a number of this style looks like; of thousands there are either all separators or none."""
        whole = r"0|[1-9][0-9]*"
        if self.thousands:
            whole += rf"|[1-9][0-9]{{0,2}}(?:{_SEPARATORS[self.thousands]}[0-9]{{3}})+"
        fraction = rf"{re.escape(self.decimal)}[0-9]+"
        before, after = (re.escape(sign) for sign in (self.before, self.after))
        return re.compile(
            rf"(?P<sign>[+-]?)\s*(?:{before})?\s*(?P<minus>-?)"
            rf"(?P<digits>(?:{whole})(?:{fraction})?|{fraction})\s*(?:{after})?"
        )


def find_number_style(labels: Iterable[str], decimal: str = ".") -> tuple[NumberStyle, tuple[str, ...]] | None:
    """Return the one style in which all strings are numbers, and which of them are `GAP_WORDS`; None if there is none.

    Plain numbers have no style, and neither have those with nothing but a decimal comma. Where separators may stand
    for thousands as well as before a fraction, as in "1,234", a comma separates thousands and a point stands before
    a fraction, unless the decimal sign of the file is a comma; with a currency sign, "$1.234" remains open.

    Parameters
    ----------
    labels : iterable of str
        Distinct strings.
    decimal : str
        What stands before the fraction of the numbers in the file that need no style.
    """
    figures: list[re.Match[str]] = []
    gaps = []
    for label in labels:
        match = _FIGURE.fullmatch(label.strip())
        if match is not None:
            figures.append(match)
        elif is_gap_word(label):
            gaps.append(label)
        else:
            return None
    units = {(figure["before"], figure["after"]) for figure in figures}
    if len(units) != 1:
        return None
    style = _settle(figures, *units.pop(), decimal)
    return None if style is None else (style, tuple(gaps))


def is_gap_word(label: str) -> bool:
    """Return whether a string is one of `GAP_WORDS`; blanks and case do not count."""
    return label.strip().lower() in GAP_WORDS


def _settle(figures: "Sequence[re.Match[str]]", before: str, after: str, decimal: str) -> NumberStyle | None:
    """Return the style of numbers that all have the same units."""
    bodies = [re.sub(r"\s", " ", figure["body"]).replace("’", "'") for figure in figures]
    separators = set("".join(bodies)) & set(",. '")
    unit = before + after
    if len(unit) > 1 or (not unit and (not separators or any("+" in figure["sign"] for figure in figures))):
        return None
    fitting = [
        style
        for style in _candidates(separators, before, after, decimal)
        if (unit or _is_evident(style, bodies, decimal))
        and all(style.spell(figure[0]) is not None and not _is_long(figure["body"], style) for figure in figures)
    ]
    if len(fitting) < 2 or len(separators) > 1:
        return fitting[0] if len(fitting) == 1 else None
    is_open = decimal == "." and (separators == {"."}) != (unit == "%")
    return None if is_open else next((style for style in fitting if style.decimal == decimal), None)


def _candidates(separators: set[str], before: str, after: str, decimal: str) -> list[NumberStyle]:
    """Return the styles that use all these separators: one of thousands, the other before a fraction, or one alone."""
    found = []
    for thousands, sign in itertools.product(_SEPARATORS, ".,"):
        others = separators - {thousands}
        is_unused = not others and sign != {",": ".", ".": ","}.get(thousands, decimal)
        if thousands != sign and others <= {sign} and not is_unused and separators >= set(thousands):
            found.append(NumberStyle(thousands=thousands, decimal=sign, before=before, after=after))
    return found


def _is_evident(style: NumberStyle, bodies: Sequence[str], decimal: str) -> bool:
    """Return whether numbers without a unit can be nothing else: fractions tell, and numbers of several lengths."""
    if not style.thousands:
        return False
    if any(style.decimal in body for body in bodies):
        return True
    if style.thousands == decimal:
        return False
    return style.thousands == "," or len({len(body) for body in bodies}) > 1


def _is_long(body: str, style: NumberStyle) -> bool:
    """Return whether more than three digits stand together where thousands are to be separated."""
    return bool(style.thousands) and re.match(r"[0-9]{4}", body) is not None
