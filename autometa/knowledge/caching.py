"""Experiences kept on disk: reading a large base once for each of its states.

A file holds the arrays of one `Experience` and its texts as JSON. It is kept under all that the experience depends on,
the state of the base among it: see `autometa._array_cache`.
"""

import json
import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from autometa import _array_cache
from autometa.embedding import EMBEDDING_SIZE
from autometa.errors import AutometaError
from autometa.knowledge.frames import Experience
from autometa.metric import get_metric
from autometa.space import Configuration
from autometa.task import TaskDescription
from autometa.task_kind import TaskKind

FORMAT = 3  # 1 had no predict times, 2 no embeddings
MIN_CELLS = 20_000  # below, reading the base takes no longer than a blink

_ARRAYS = ("losses", "fit_seconds", "memory_bytes", "predict_seconds", "weights")
_log = logging.getLogger(__name__)


def cache_folder() -> Path:
    """Return the folder of the files; it need not exist."""
    return _array_cache.cache_folder("experience")


def load(identity: Mapping[str, object]) -> Experience | None:
    """Return the experience that was kept under an identity, or None."""
    content = _array_cache.load_arrays(cache_folder(), {**identity, "format": FORMAT})
    if content is None:
        return None
    try:
        return _from_arrays(content)
    except (ValueError, KeyError, TypeError, AutometaError) as error:
        _log.debug("not read: an experience in %s (%s)", cache_folder(), error)
        return None


def keep(identity: Mapping[str, object], experience: Experience) -> None:
    """Keep an experience under an identity, if it is large enough to be worth a file."""
    if experience.losses.size >= MIN_CELLS:
        _array_cache.keep_arrays(cache_folder(), {**identity, "format": FORMAT}, _to_arrays(experience))


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
        **_embedding_arrays(experience),
        "texts": np.frombuffer(json.dumps(texts).encode(), dtype=np.uint8),
    }


def _embedding_arrays(experience: Experience) -> dict[str, np.ndarray]:
    """Return the embeddings of the tasks, (n_tasks, their length), and which of them have one, (n_tasks,)."""
    found = [each.embedding for each in experience.descriptions]
    absent = (np.nan,) * EMBEDDING_SIZE
    values = np.asarray([each if each is not None else absent for each in found], dtype=float)
    return {
        "embeddings": values.reshape(len(found), EMBEDDING_SIZE),
        "has_embedding": np.asarray([each is not None for each in found], dtype=bool),
    }


def _from_arrays(content: Mapping[str, np.ndarray]) -> Experience:
    """Return what `_to_arrays` was given."""
    texts = json.loads(content["texts"].tobytes())
    kind, names = TaskKind(texts["kind"]), texts["metafeatures"]
    embeddings = [
        tuple(values) if is_there else None
        for values, is_there in zip(content["embeddings"].tolist(), content["has_embedding"].tolist(), strict=True)
    ]
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
                embedding=embedding,
            )
            for (name, fingerprint, family, n_rows, n_columns), own, embedding in zip(
                texts["tasks"], metafeatures, embeddings, strict=True
            )
        ),
        configurations=tuple(map(Configuration.from_json, texts["configurations"])),
        **{name: content[name] for name in _ARRAYS},
    )
