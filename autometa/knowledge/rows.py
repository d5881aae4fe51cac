"""Between nouns and rows: how an evaluation lies in the tables and in a shard."""

import json
import math
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from autometa._characters import LAYOUT, escape_controls
from autometa.errors import OptionError
from autometa.evaluation.record import Evaluation, Status
from autometa.metric import METRICS, metrics_of
from autometa.space import Configuration
from autometa.task_kind import TaskKind

# The position in this list is what is stored: only ever appended to.
STATUSES = (Status.OK, Status.FAILED, Status.TIMED_OUT, Status.OUT_OF_MEMORY)

Row = dict[str, Any]  # column -> a value as the database driver takes it

MAX_TEXT = 100_000  # characters in one cell

_MAX_FOLDS = 255  # their number is one byte
_INTEGERS = range(-(2**63), 2**63)  # what a database holds


def pack_folds(fold_scores: Mapping[str, Sequence[float]], kind: TaskKind) -> bytes | None:
    """Return the fold scores as bytes, or None where there are none.

    One byte with the number of folds, then little-endian float64 of shape (n_metrics, n_folds) in the order
    of `metrics_of` the kind; NaN where a metric is absent. New metrics only ever join at the end.

    Raises
    ------
    OptionError
        If a score is not one of that kind, or there are more than 255 folds.
    """
    names = [metric.name for metric in metrics_of(kind)]
    for name in fold_scores:
        if name not in names:
            raise OptionError(f"there is no '{name}' of a {kind} task; its metrics are: {', '.join(names)}")
    n_folds = max((len(scores) for scores in fold_scores.values()), default=0)
    if n_folds == 0:
        return None
    if n_folds > _MAX_FOLDS:
        raise OptionError(f"scores of {n_folds} folds; at most {_MAX_FOLDS} can be kept")
    absent = (math.nan,) * n_folds
    matrix = [fold_scores.get(name, absent) for name in names]
    return struct.pack("<B", n_folds) + np.asarray(matrix, dtype="<f8").tobytes()


def unpack_folds(packed: bytes | None, kind: TaskKind) -> dict[str, tuple[float, ...]]:
    """Return what `pack_folds` was given: metric -> one score per fold.

    Raises
    ------
    ValueError
        If the bytes are not of that form.
    """
    if packed is None:
        return {}
    n_folds = packed[0] if packed else 0
    if n_folds == 0 or (len(packed) - 1) % (8 * n_folds):
        raise ValueError(f"{len(packed)} bytes are no fold scores")
    matrix = np.frombuffer(packed, dtype="<f8", offset=1).reshape(-1, n_folds)
    names = [metric.name for metric in metrics_of(kind)]
    if len(matrix) > len(names):
        raise ValueError(f"fold scores of {len(matrix)} metrics; a {kind} task has {len(names)}")
    is_absent = np.isnan(matrix)
    if (is_absent.any(axis=1) != is_absent.all(axis=1)).any():
        raise ValueError("fold scores of which some folds are missing")
    rows = zip(names, matrix.tolist(), is_absent[:, 0], strict=False)
    return {name: tuple(scores) for name, scores, is_missing in rows if not is_missing}


def configuration_row(configuration: Configuration) -> Row:
    """Return the row of a configuration."""
    return {
        "key": configuration.key,
        "algorithm": configuration.algorithm,
        "content": configuration.to_json(),
    }


def evaluation_row(evaluation: Evaluation, kind: TaskKind) -> Row:
    """Return the columns of an evaluation that hold values, without references to other tables.

    Raises
    ------
    OptionError
        If a score is not one of that kind, or the seed has more than 64 bits.
    """
    if evaluation.seed not in _INTEGERS:
        raise OptionError(f"the seed {evaluation.seed} has more than 64 bits; give a smaller one")
    scores = {name: _or_null(evaluation.score(name)) for name in METRICS}
    return {
        "seed": evaluation.seed,
        "status": STATUSES.index(evaluation.status),
        **scores,
        "folds": pack_folds(evaluation.fold_scores, kind),
        "fit_seconds": _or_null(evaluation.fit_seconds),
        "predict_seconds": _or_null(evaluation.predict_seconds),
        "peak_memory_bytes": evaluation.peak_memory_bytes,
        "error": storable(evaluation.error, but=LAYOUT) or None,
        "absent": to_json(evaluation.absent) if evaluation.absent else None,
    }


def to_evaluation(row: Mapping[str, Any], kind: TaskKind, configuration: Configuration) -> Evaluation:
    """Return the evaluation of a row joined with its task, configuration, protocol, environment and origin.

    Raises
    ------
    ValueError
        If the row contradicts itself.
    """
    return Evaluation(
        fingerprint=row["fingerprint"],
        configuration=configuration,
        protocol=row["protocol"],
        pipelines_version=row["pipelines_version"],
        seed=row["seed"],
        status=STATUSES[row["status"]],
        fold_scores=unpack_folds(row["folds"], kind),
        fit_seconds=math.nan if row["fit_seconds"] is None else row["fit_seconds"],
        predict_seconds=math.nan if row["predict_seconds"] is None else row["predict_seconds"],
        peak_memory_bytes=row["peak_memory_bytes"] or 0,
        error=row["error"] or "",
        absent=json.loads(row["absent"]) if row["absent"] else {},
        versions=json.loads(row["versions"]),
        origin=row["origin"],
    )


def is_same_result(new: Row, old: Mapping[str, Any]) -> bool:
    """Return whether two rows of the same task, configuration, protocol and seed tell the same result."""
    if new["status"] != old["status"]:
        return False
    return all(_is_close(new[name], old[name]) for name in METRICS)


def metafeatures_json(values: Mapping[str, float]) -> str:
    """Return meta-features as JSON, null for NaN, 9 significant digits."""
    return to_json({name: _or_null(float(f"{value:.9g}")) for name, value in values.items()})


def metafeatures_values(text: str) -> dict[str, float]:
    """Return what `metafeatures_json` was given."""
    return {name: math.nan if value is None else float(value) for name, value in json.loads(text).items()}


def to_json(content: object) -> str:
    """Return compact JSON with sorted names, all of it storable; texts in a mapping may have several lines."""
    if isinstance(content, Mapping):
        content = {
            escape_controls(name): escape_controls(value, but=LAYOUT) if isinstance(value, str) else value
            for name, value in content.items()
        }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return storable(text)  # half a pair becomes its JSON escape


def storable(text: str, *, but: str = "") -> str:
    r"""Return a text as every database and every shard takes it.

    Half surrogate pairs and what a terminal obeys, but for the characters in ``but``, become backslash escapes. They
    come from file names that are not UTF-8, and from what learners print.

    Examples
    --------
    >>> storable("caf\udce9")
    'caf\\udce9'
    """
    return escape_controls(text, but=but).encode("utf-8", errors="backslashreplace").decode("utf-8")


def _or_null(number: float) -> float | None:
    """Return a plain float, or None for NaN."""
    return None if math.isnan(number) else float(number)


def _is_close(a: float | None, b: float | None) -> bool:
    """Return whether two scores are equal but for rounding."""
    if a is None or b is None:
        return a is b
    return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)
