"""Arrays kept on disk under what they depend on, so that a file is never stale.

A file holds named arrays in NumPy's own format without pickled objects. Its name is a digest of all that the arrays
depend on; old files give way to new ones. Nothing here fails: without a file, or with a broken one, the caller makes
the arrays anew.
"""

import hashlib
import json
import logging
import os
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import platformdirs

MAX_BYTES = 500_000_000  # of one folder
MAX_FILES = 100

_log = logging.getLogger(__name__)


def cache_folder(name: str) -> Path:
    """Return the folder of one sort of files in the user's cache; it need not exist."""
    return platformdirs.user_cache_path("autometa") / name


def load_arrays(folder: Path, identity: Mapping[str, object]) -> dict[str, np.ndarray] | None:
    """Return the arrays that were kept under an identity (of JSON values), or None."""
    path = _path(folder, identity)
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as content:
            arrays = {name: content[name] for name in content.files}
        os.utime(path)  # what is used stays
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        _log.debug("not read: %s (%s)", path, error)
        return None
    return arrays


def keep_arrays(folder: Path, identity: Mapping[str, object], arrays: Mapping[str, np.ndarray]) -> None:
    """Keep arrays under an identity (of JSON values)."""
    path = _path(folder, identity)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".") as unfinished_folder:
            unfinished = Path(unfinished_folder) / path.name
            np.savez(unfinished, allow_pickle=False, **dict(arrays))
            unfinished.replace(path)
    except OSError as error:  # a full disk, a folder that belongs to another user
        _log.debug("not kept: %s (%s)", path, error)
        return
    _make_room(path)


def _path(folder: Path, identity: Mapping[str, object]) -> Path:
    """Return the file of an identity."""
    text = json.dumps(dict(identity), sort_keys=True)
    return folder / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.npz"


def _make_room(newest: Path) -> None:
    """Remove files that were not used for the longest time, but never the newest one."""
    try:
        entries = [(path, path.stat()) for path in newest.parent.glob("*.npz") if path != newest]
        size_bytes = newest.stat().st_size
        for number, (path, entry) in enumerate(sorted(entries, key=lambda each: -each[1].st_mtime)):
            size_bytes += entry.st_size
            if number + 1 >= MAX_FILES or size_bytes > MAX_BYTES:
                path.unlink(missing_ok=True)
    except OSError as error:  # another process makes room as well
        _log.debug("no room made in %s (%s)", newest.parent, error)
