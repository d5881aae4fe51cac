"""The record of one evaluation: what came out, what it cost, or why it failed."""

import functools
import math
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata
from statistics import fmean

from autometa.errors import OptionError
from autometa.metric import get_metric
from autometa.space import Configuration

_LIBRARIES = ("numpy", "scipy", "pandas", "scikit-learn", "lightgbm", "skrub")
_OPTIONAL_LIBRARIES = ("xgboost", "xgboost-cpu", "catboost")

LOCAL = "local"  # origin of what was measured here, where nothing else is said


class Status(StrEnum):
    """How an evaluation ended."""

    OK = "ok"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    OUT_OF_MEMORY = "out_of_memory"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """One configuration measured on one task under one protocol.

    Parameters
    ----------
    fingerprint : str
        Of the task.
    configuration : Configuration
        What was measured.
    protocol : str
        Name of the protocol, such as ``"cv-v1"``.
    pipelines_version : str
        Version of what `autometa.pipelines.building.build` makes of a configuration.
    seed : int
        The seed that entered at the door.
    status : Status
        How it ended.
    fold_scores : mapping of str to tuple of float
        Metric name to one finite score per fold, in the metric's own direction; empty unless the status is
        ok.
    fit_seconds : float
        CPU seconds of one fit, whole process tree: the mean over the folds that were fitted; NaN if none was.
    predict_seconds : float
        CPU seconds of predicting one test fold, the mean over folds; NaN if none was predicted.
    peak_memory_bytes : int
        Peak memory of the evaluation's processes above what they started with.
    error : str
        Empty for ok; else one line: type and message of the exception, or the limit that was hit.
    absent : mapping of str to str
        Metric name to the reason why it could not be computed.
    versions : mapping of str to str
        Library to version, Python among them.
    origin : str
        Where the measurement comes from.

    Raises
    ------
    OptionError
        If scores and status, or error and status, contradict each other.

    Examples
    --------
    >>> evaluation = Evaluation(
    ...     fingerprint="0f", configuration=Configuration(algorithm="ridge"), protocol="cv-v1",
    ...     pipelines_version="1", seed=0, status=Status.OK, fold_scores={"r2": (0.5, 0.7)},
    ...     fit_seconds=0.1, predict_seconds=0.01, peak_memory_bytes=0, error="",
    ...     absent={}, versions={},
    ... )
    >>> round(evaluation.score("r2"), 6)
    0.6
    """

    fingerprint: str
    configuration: Configuration
    protocol: str
    pipelines_version: str
    seed: int
    status: Status
    fold_scores: Mapping[str, tuple[float, ...]]
    fit_seconds: float
    predict_seconds: float
    peak_memory_bytes: int
    error: str
    absent: Mapping[str, str]
    versions: Mapping[str, str]
    origin: str = LOCAL

    def __post_init__(self) -> None:
        scores = {name: tuple(map(float, values)) for name, values in self.fold_scores.items()}
        object.__setattr__(self, "status", Status(self.status))
        object.__setattr__(self, "fold_scores", scores)
        if (self.status is Status.OK) == bool(self.error) or "\n" in self.error:
            raise OptionError(f"an evaluation has one line of error unless it is ok; {self.status}: {self.error!r}")
        if (self.status is Status.OK) != bool(scores):
            raise OptionError(f"an evaluation has scores if and only if it is ok; {self.status}: {scores}")
        if not all(math.isfinite(score) for values in scores.values() for score in values):
            raise OptionError(f"the scores of an evaluation are finite, got {scores}")
        if len({len(values) for values in scores.values()} - {0}) > 1 or () in scores.values():
            raise OptionError(f"every metric has one score per fold, got {scores}")

    def score(self, metric: str) -> float:
        """Return the mean over folds in the metric's own direction; NaN where it is absent.

        Raises
        ------
        OptionError
            If there is no such metric.
        """
        if metric in self.fold_scores:
            return fmean(self.fold_scores[metric])
        get_metric(metric)
        return math.nan


@functools.cache
def library_versions() -> Mapping[str, str]:
    """Return the versions of Python and of the installed libraries that a score may depend on."""
    versions = {"python": platform.python_version()}
    versions |= {name: metadata.version(name) for name in _LIBRARIES}
    for name in _OPTIONAL_LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions
