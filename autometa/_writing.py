"""Writing: a file enters its place whole, or not at all, and replaces another only where that is asked for."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autometa.errors import OptionError


def check_place(path: Path, *, force: bool, what: str) -> None:
    """Raise unless a file can be written there, before the work is done; ``what`` is what messages call it.

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
        raise OptionError(f"cannot write {what}: {path} is a folder; name a file in it")
    if exists and not force:
        raise OptionError(f"{path} exists; give another name, or --force to replace it")
    if not has_folder:
        raise OptionError(f"cannot write {what}: there is no folder {path.parent}; make it first")


@contextmanager
def written_whole(path: Path, *, force: bool, what: str) -> Iterator[Path]:
    """Give the path of an unfinished file beside ``path`` that takes its place at the end; on an error it is gone.

    Raises
    ------
    OptionError
        As `check_place`, or if the file cannot be written.
    """
    check_place(path, force=force, what=what)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")  # so that no half file is ever found
    try:
        try:
            yield unfinished
            with unfinished.open("rb") as file:
                os.fsync(file.fileno())
            check_place(path, force=force, what=what)  # another may have been there first
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise _refusal(path, error) from error


def _refusal(path: Path, error: OSError) -> OptionError:
    """Return what a user is told about a file that cannot be written."""
    return OptionError(f"cannot write {path}: {error.strerror or error}; give another place")
