"""Proposals kept on disk: a method that was replayed is not replayed again while nothing has changed.

A file depends on all that the proposals do: what is stored (the very runs and meta-features, so that it serves whatever
else a base has learned), which tasks are hidden and how, the seed, the method's name, version and settings, and the
source of all recommenders, so that an edited one is never taken for the old one.
"""

import hashlib
import sys
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import numpy as np

from autometa import _array_cache
from autometa.benchmark.seconds import Seconds
from autometa.knowledge.frames import Experience
from autometa.recommenders.base import Recommender

FORMAT = 3  # 1 did not tell how a recommender is set, 2 not how long it was fitted

_LEARNING = ("autometa.recommenders", "autometa.benchmark", "autometa.knowledge")  # what proposals come from


def replay_folder() -> Path:
    """Return the folder of the files; it need not exist."""
    return _array_cache.cache_folder("replay")


def identity_of(
    experience: Experience,
    make: Callable[[], Recommender],
    rows: np.ndarray,
    *,
    n_folds: int | None,
    n_steps: int,
    seed: int,
) -> dict[str, object]:
    """Return what the proposals of a method for the tasks in ``rows`` depend on, as JSON values."""
    one = make()
    return {
        "format": FORMAT,
        "experience": experience.digest,
        "tasks": [experience.descriptions[row].fingerprint for row in rows],
        "method": [one.name, type(one).__qualname__],
        "version": one.version,
        "settings": {name: _told(value) for name, value in vars(one).items()},
        "source": source_of(type(one).__module__),
        "n_folds": n_folds,
        "n_steps": n_steps,
        "seed": seed,
    }


def load(folder: Path, identity: Mapping[str, object], shape: tuple[int, int]) -> tuple[np.ndarray, Seconds] | None:
    """Return picks of this shape and seconds that were kept under an identity, or None."""
    arrays = _array_cache.load_arrays(folder, identity)
    if arrays is None or not {"picks", "seconds"} <= arrays.keys() or arrays["picks"].shape != shape:
        return None
    fit, propose = arrays["seconds"].tolist()
    return arrays["picks"], Seconds(fit=fit, propose=propose)


def keep(folder: Path, identity: Mapping[str, object], picks: np.ndarray, seconds: Seconds) -> None:
    """Keep picks, (n_tasks, n_steps), and the seconds that they took."""
    _array_cache.keep_arrays(folder, identity, {"picks": picks, "seconds": np.array([seconds.fit, seconds.propose])})


def _told(value: object) -> object:
    """Return what a recommender is set to as JSON; what is neither a value nor a recommender as its own alone."""
    if isinstance(value, type) and issubclass(value, Recommender):
        return [value.name, value.__module__, value.__qualname__, value.version]
    return value if value is None or isinstance(value, bool | int | float | str) else repr(value)


@cache
def source_of(module: str) -> str:
    """Return the digest of all source from which the proposals of a recommender in ``module`` come."""
    files = {name: sys.modules[name].__file__ for name in (*_LEARNING, module)}
    folders = sorted({Path(file).parent for file in files.values() if file is not None})
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.glob("*.py")):
            digest.update(f"{folder.name}/{path.name}".encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
