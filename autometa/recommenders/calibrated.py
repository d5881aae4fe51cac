"""Calibrations that are at hand: shipped, kept on disk, or else made now and kept.

`calibrate` fits a recommender ten times. What it finds changes little with a few more runs, so the shipped tables serve
for every base that is nearly the shipped one; the rule looks at the base alone, so that the same base gives the same
intervals.
"""

import json
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from autometa import _array_cache
from autometa._paths import data_path
from autometa.knowledge.frames import Experience
from autometa.recommenders.base import Recommender
from autometa.recommenders.calibration import Calibration, calibrate

FORMAT = 4  # 1 was of losses that ended at the median, 2 had no first advice alone, 3 none of one algorithm
SHARE_NEW = 0.05  # of runs and of tasks that may be new, or lacking, where a shipped table serves
N_DIGITS = 8  # of a fingerprint, in a table

_FIRST_OF, _GAINS_OF = "first of ", "gains of "  # an algorithm, among the arrays that are kept


def calibration_for(make: Callable[[], Recommender], experience: Experience, seed: int = 0) -> Calibration:
    """Return the calibration of a recommender on an experience: shipped, kept, or made."""
    one = make()
    name, version = one.name, one.version
    for table in _shipped(str(experience.kind)):
        if (table["recommender"], table["version"]) == (name, version) and is_nearly(table, experience):
            return Calibration(
                residuals=np.array(table["residuals"], dtype=float),
                weights=np.ones(len(table["residuals"])),
                first=np.array(table["first"], dtype=float),
                n_tasks=table["n_tasks"],
                gains=np.array(table["gains"], dtype=float),
                by_algorithm={
                    name: (np.array(own["first"], dtype=float), np.array(own["gains"], dtype=float))
                    for name, own in table["by_algorithm"].items()
                },
            )
    identity = {"format": FORMAT, "name": name, "version": version, "experience": experience.digest, "seed": seed}
    folder = _array_cache.cache_folder("calibration")
    kept = _array_cache.load_arrays(folder, identity)
    if kept is not None and {"residuals", "weights", "first", "n_tasks", "gains"} <= kept.keys():
        return Calibration(
            residuals=kept["residuals"],
            weights=kept["weights"],
            first=kept["first"],
            n_tasks=int(kept["n_tasks"]),
            gains=kept["gains"],
            by_algorithm={
                name.removeprefix(_FIRST_OF): (first, kept[_GAINS_OF + name.removeprefix(_FIRST_OF)])
                for name, first in kept.items()
                if name.startswith(_FIRST_OF)
            },
        )
    made = calibrate(make, experience, seed)
    arrays = {
        "residuals": made.residuals,
        "weights": made.weights,
        "first": made.first,
        "n_tasks": np.array(made.n_tasks),
        "gains": made.gains,
        **{_FIRST_OF + name: first for name, (first, _) in made.by_algorithm.items()},
        **{_GAINS_OF + name: gains for name, (_, gains) in made.by_algorithm.items()},
    }
    _array_cache.keep_arrays(folder, identity, arrays)
    return made


def table_of(make: Callable[[], Recommender], experience: Experience) -> dict[str, Any]:  # Any: JSON
    """Return the table to ship for a recommender and the experience of the shipped base."""
    one, made = make(), calibrate(make, experience).thinned()
    return {
        "recommender": one.name,
        "version": one.version,
        "metric": experience.metric.name,
        "n_runs": int(experience.is_tried.sum()),
        "tasks": sorted(_short(experience)),
        "n_tasks": made.n_tasks,
        "residuals": np.round(np.sort(made.residuals), 4).tolist(),
        "first": np.round(np.sort(made.first), 4).tolist(),
        "gains": np.round(np.sort(made.gains), 4).tolist(),
        "by_algorithm": {
            name: {"first": np.round(np.sort(first), 3).tolist(), "gains": np.round(np.sort(gains), 3).tolist()}
            for name, (first, gains) in made.by_algorithm.items()
        },
    }


def is_nearly(table: dict[str, Any], experience: Experience) -> bool:  # Any: JSON
    """Return whether an experience is nearly the one that a shipped table was made from."""
    if table["metric"] != experience.metric.name or (experience.weights != experience.weights[0]).any():
        return False
    there, here = set(table["tasks"]), set(_short(experience))
    n_runs = int(experience.is_tried.sum())
    return len(there ^ here) <= SHARE_NEW * len(there) and abs(n_runs - table["n_runs"]) <= SHARE_NEW * table["n_runs"]


def _short(experience: Experience) -> list[str]:
    """Return the first digits of the fingerprints."""
    return [known.fingerprint[:N_DIGITS] for known in experience.descriptions]


@cache
def _shipped(kind: str) -> Sequence[dict[str, Any]]:  # Any: JSON
    """Return the shipped tables of one kind; none where there is no such file."""
    path = data_path("calibrations", f"{kind}.json")
    if not path.is_file():
        return ()
    content = json.loads(path.read_text(encoding="utf-8"))
    return tuple(content["tables"]) if content["format"] == FORMAT else ()
