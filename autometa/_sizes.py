"""Sizes of memory, as people write and read them."""

import re

from autometa.errors import OptionError

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}


def bytes_of(size: str | float) -> float:
    """Return the bytes of a size like 2GB, 500 MB, 1.5GiB, 800k or 1000000.

    Raises
    ------
    OptionError
        If it is no size.

    Examples
    --------
    >>> bytes_of("2GB"), bytes_of("1.5 GiB"), bytes_of(1000)
    (2000000000.0, 1610612736.0, 1000.0)
    """
    found = re.fullmatch(r"\s*([0-9]*\.?[0-9]+(?:e[0-9]+)?)\s*([kmgt]?i?)b?\s*", str(size), flags=re.IGNORECASE)
    if found is None or found[2].lower() not in _UNITS:
        raise OptionError(f"not a size of memory: '{str(size)[:40]}'; write 2GB, 500MB, 1.5GiB, or a number of bytes")
    return float(found[1]) * _UNITS[found[2].lower()]


def size_words(size_bytes: float) -> str:
    """Return a size as people say it.

    Examples
    --------
    >>> size_words(3_200_000), size_words(2.5e9)
    ('3.2 MB', '2.5 GB')
    """
    for unit, name in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if size_bytes >= unit:
            return f"{size_bytes / unit:.3g} {name}"
    return f"{size_bytes:.0f} bytes"
