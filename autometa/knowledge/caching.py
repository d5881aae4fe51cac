"""Experiences kept on disk: reading a large base once for each of its states.

A file holds the arrays of one `Experience` and its texts as JSON, in NumPy's own format without pickled objects. Its
name is a digest of all that the experience depends on, the state of the base among it, so that a file is never stale;
old ones give way to new ones. Nothing here fails: without a file, or with a broken one, the base is read.
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

from autometa.errors import AutometaError
from autometa.knowledge.frames import Experience
from autometa.metric import get_metric
from autometa.space import Configuration
from autometa.task import TaskDescription
from autometa.task_kind import TaskKind

FORMAT = 1
MIN_CELLS = 20_000  # below, reading the base takes no longer than a blink
MAX_BYTES = 500_000_000
MAX_FILES = 20

_ARRAYS = ("losses", "fit_seconds", "memory_bytes", "weights")
_log = logging.getLogger(__name__)


def cache_folder() -> Path:
    """Return the folder of the files; it need not exist."""
    return platformdirs.user_cache_path("autometa") / "experience"


def load(identity: Mapping[str, object]) -> Experience | None:
    """Return the experience that was kept under an identity, or None."""
    path = _path(identity)
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as content:
            experience = _from_arrays({name: content[name] for name in content.files})
        os.utime(path)  # what is used stays
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, AutometaError) as error:
        _log.debug("not read: %s (%s)", path, error)
        return None
    return experience


def keep(identity: Mapping[str, object], experience: Experience) -> None:
    """Keep an experience under an identity, if it is large enough to be worth a file."""
    if experience.losses.size < MIN_CELLS:
        return
    path = _path(identity)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".") as folder:
            unfinished = Path(folder) / path.name
            np.savez(unfinished, allow_pickle=False, **_to_arrays(experience))
            unfinished.replace(path)
    except OSError as error:  # a full disk, a folder that belongs to another user
        _log.debug("not kept: %s (%s)", path, error)
        return
    _make_room(path)


def _path(identity: Mapping[str, object]) -> Path:
    """Return the file of an identity."""
    text = json.dumps({**identity, "format": FORMAT}, sort_keys=True)
    return cache_folder() / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.npz"


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


def _to_arrays(experience: Experience) -> dict[str, np.ndarray]:
    """Return all of an experience as arrays of numbers and bytes."""
    names = sorted({name for each in experience.descriptions for name in each.metafeatures})
    values = [[each.metafeatures.get(name, np.nan) for name in names] for each in experience.descriptions]
    has = [[name in each.metafeatures for name in names] for each in experience.descriptions]
    texts = {
        "kind": str(experience.kind),
        "metric": experience.metric.name,
        "revision": experience.revision,
        "metafeatures": names,
        "configurations": [configuration.to_json() for configuration in experience.configurations],
        "tasks": [[d.name, d.fingerprint, d.family, d.n_rows, d.n_columns] for d in experience.descriptions],
    }
    shape = (len(experience.descriptions), len(names))
    return {
        **{name: getattr(experience, name) for name in _ARRAYS},
        "metafeatures": np.asarray(values, dtype=float).reshape(shape),
        "has_metafeature": np.asarray(has, dtype=bool).reshape(shape),
        "texts": np.frombuffer(json.dumps(texts).encode(), dtype=np.uint8),
    }


def _from_arrays(content: Mapping[str, np.ndarray]) -> Experience:
    """Return what `_to_arrays` was given."""
    texts = json.loads(content["texts"].tobytes())
    kind, names = TaskKind(texts["kind"]), texts["metafeatures"]
    rows = zip(content["metafeatures"].tolist(), content["has_metafeature"], strict=True)
    metafeatures = [
        dict(zip(names, values, strict=True))
        if has.all()
        else {name: value for name, value, is_there in zip(names, values, has, strict=True) if is_there}
        for values, has in rows
    ]
    return Experience(
        kind=kind,
        metric=get_metric(texts["metric"], kind),
        revision=texts["revision"],
        descriptions=tuple(
            TaskDescription(
                name=name,
                fingerprint=fingerprint,
                family=family,
                kind=kind,
                n_rows=n_rows,
                n_columns=n_columns,
                metafeatures=own,
            )
            for (name, fingerprint, family, n_rows, n_columns), own in zip(texts["tasks"], metafeatures, strict=True)
        ),
        configurations=tuple(map(Configuration.from_json, texts["configurations"])),
        **{name: content[name] for name in _ARRAYS},
    )
