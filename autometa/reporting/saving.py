"""Saving: a report or a script enters its file whole, or not at all."""

from pathlib import Path

from autometa import _writing

_WHAT = "the file"


def check_place(path: Path, *, force: bool) -> None:
    """Raise unless a text can be saved there, before the work is done.

    Raises
    ------
    OptionError
        If the file exists and may not be replaced, or its folder does not.
    """
    _writing.check_place(path, force=force, what=_WHAT)


def save(text: str, path: Path, *, force: bool) -> None:
    """Write a text in UTF-8.

    Raises
    ------
    OptionError
        As `check_place`, or if the file cannot be written.
    """
    with _writing.written_whole(path, force=force, what=_WHAT) as unfinished:
        unfinished.write_text(text, encoding="utf-8")
