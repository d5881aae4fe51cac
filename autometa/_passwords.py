"""Passwords: hidden wherever a URL, or a text with one in it, is shown or kept."""

import re

_SECRET = re.compile(r"(?<=://)\S*(?=@)|(?<=password=)[^&\s]*")


def hide_passwords(text: str) -> str:
    """Return a text without what stands before the @ of its URLs, and without the values of their passwords.

    Examples
    --------
    >>> hide_passwords("--db postgresql://me:p@ss@server/runs?sslpassword=x&connect_timeout=3")
    '--db postgresql://***@server/runs?sslpassword=***&connect_timeout=3'
    """
    return _SECRET.sub("***", text)
