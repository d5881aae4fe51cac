"""Saving: a report enters its file whole, or not at all."""

import os
from pathlib import Path

from autometa.errors import OptionError


def check_place(path: Path, *, force: bool) -> None:
    """Raise unless a report can be saved there, before the work is done.

    Raises
    ------
    OptionError
        If the file exists and may not be replaced, or its folder does not.
    """
    try:
        is_folder, exists, has_folder = path.is_dir(), path.exists(), path.parent.is_dir()
    except OSError as error:  # a name that no file can have
        raise _refusal(path, error) from error
    if is_folder:
        raise OptionError(f"cannot write the report: {path} is a folder; name a file in it")
    if exists and not force:
        raise OptionError(f"{path} exists; give another name, or --force to replace it")
    if not has_folder:
        raise OptionError(f"cannot write the report: there is no folder {path.parent}; make it first")


def save(text: str, path: Path, *, force: bool) -> None:
    """Write a report in UTF-8.

    Raises
    ------
    OptionError
        As `check_place`, or if the file cannot be written.
    """
    check_place(path, force=force)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")  # so that no half report is ever found
    try:
        try:
            unfinished.write_text(text, encoding="utf-8")
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise _refusal(path, error) from error


def _refusal(path: Path, error: OSError) -> OptionError:
    """Return what a user is told about a file that cannot be written."""
    return OptionError(f"cannot write {path}: {error.strerror or error}; give another place")
