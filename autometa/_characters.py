"""Characters that a terminal obeys instead of showing them: texts from elsewhere may hold them.

They are those of Unicode's category Cc, the beginning of every escape sequence among them, and those that turn the
direction of writing around (Boucher and Anderson: Trojan Source: Invisible Vulnerabilities, 2021,
doi:10.48550/arXiv.2111.00169).
"""

import re

LAYOUT = "\t\n\r"  # belongs into a text of several lines

_OBEYED = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def first_control(text: str, *, but: str = "") -> str | None:
    """Return the first character of a text that a terminal obeys, but for those in ``but``; None if there is none."""
    if text.isprintable():  # nearly always, and seen faster
        return None
    return next((found[0] for found in _OBEYED.finditer(text) if found[0] not in but), None)


def escape_controls(text: str, *, but: str = "") -> str:
    r"""Return a text with what a terminal obeys as backslash escapes, but for the characters in ``but``.

    Examples
    --------
    >>> escape_controls("\x1b[31mred\n", but="\n")
    '\\x1b[31mred\n'
    """
    return _OBEYED.sub(lambda found: found[0] if found[0] in but else found[0].encode("unicode_escape").decode(), text)
