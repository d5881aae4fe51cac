"""What the user's process, the server and the child say to one another.

Requests go down as frames of bytes: a pickled `Job`, which the server reads, and a pickled `Table`, which
only the child does. Reports come up as lines of JSON, never as pickles: a hostile learner may have written
them. What is no report makes the evaluation fail; one that a learner forged well is believed, since it shares
its process with the scoring: the limits are for accidents, not for malice.
"""

import json
import math
import os
import pickle
import signal
import struct
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, NoReturn

import numpy as np
import pandas as pd

from autometa import errors
from autometa.evaluation.limits import Limits
from autometa.evaluation.record import Status
from autometa.space import Configuration
from autometa.task import ColumnKind
from autometa.task_kind import TaskKind

NOT_IMPORTABLE = "the estimator's class cannot be imported in another process"
"""How the message of a failure begins that says nothing about the estimator."""

DISK_FULL = "the disk of temporary files is full"
"""The whole message of a failure that is the machine's."""

_LENGTH = struct.Struct("<Q")
_MAX_REPORT_BYTES = 2**24
_MAX_ERROR_LENGTH = 500
_MAX_READ_LENGTH = 20 * _MAX_ERROR_LENGTH
_MOST_BYTES = 2**63 - 1  # that a database's integer holds


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is to be evaluated: a configuration, or an estimator of the user's own, pickled.

    On some folds alone, if ``fold_numbers`` is not empty. What is predicted for their test rows is left in
    ``predictions_folder``, if there is one: see `predictions_file`. That is what is predicted after each of ``rounds``
    of boosted trees, if there are any.
    """

    configuration: Configuration
    estimator: bytes
    kind: TaskKind
    column_kinds: Mapping[str, ColumnKind]
    seed: int
    limits: Limits
    fold_numbers: tuple[int, ...] = ()
    predictions_folder: str = ""
    rounds: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Table:
    """What it is evaluated on: X (n_rows, n_columns), y and weights (n_rows,), sorted classes, folds as positions."""

    X: pd.DataFrame = field(repr=False)
    y: np.ndarray = field(repr=False)
    classes: tuple[object, ...]
    folds: tuple[tuple[np.ndarray, np.ndarray], ...] = field(repr=False)
    sample_weight: np.ndarray | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldReport:
    """One fold: CPU seconds of fit and prediction, scores by metric, and why a metric is absent."""

    fit_seconds: float
    predict_seconds: float
    scores: dict[str, float]
    absent: dict[str, str]

    def __post_init__(self) -> None:
        numbers = (self.fit_seconds, self.predict_seconds, *self.scores.values())
        if not all(map(math.isfinite, numbers)) or not all(isinstance(why, str) for why in self.absent.values()):
            raise ValueError("a fold has finite numbers, and reasons in words")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an evaluation ended, with the folds that came to an end before."""

    status: Status
    error: str
    folds: tuple[FoldReport, ...]
    peak_memory_bytes: int

    def to_json(self) -> str:
        """Return one line of JSON that `from_json` reads."""
        return json.dumps({"outcome": asdict(self)})

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Outcome":  # Any: whatever JSON holds
        """Return the outcome in parsed JSON."""
        folds = tuple(FoldReport(**fold) for fold in content["folds"])
        return cls(
            status=Status(content["status"]),
            error=content["error"],
            folds=folds,
            peak_memory_bytes=content["peak_memory_bytes"],
        )


class Reports:
    """What the child has said so far, read as it arrives.

    Attributes
    ----------
    start_bytes : int
        Memory that the child started with; what it says before any learner's code runs, and never again.
    folds : list of FoldReport
        The folds that it has finished.
    verdict : tuple of (Status, str), optional
        Status and error in its last words; None while it has not said them.
    peak_bytes : int
        Its peak memory above the start, in its last words.
    refusal : list of str, optional
        Type and message of the error for which the learner was not even built.
    """

    def __init__(self) -> None:
        self.start_bytes = 0
        self.peak_bytes = 0
        self.folds: list[FoldReport] = []
        self.verdict: tuple[Status, str] | None = None
        self.refusal: list[str] | None = None
        self._rest = b""
        self._n_bytes = 0

    def feed(self, content: bytes) -> None:
        """Take in what arrived; anything that is no report makes the verdict failed."""
        self._n_bytes += len(content)
        *lines, self._rest = (self._rest + content).split(b"\n")
        try:
            if self._n_bytes > _MAX_REPORT_BYTES:
                raise ValueError(f"more than {_MAX_REPORT_BYTES} bytes")
            for line in lines:
                self._take(json.loads(line))
        except (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError) as error:
            self._rest = b""
            self.verdict = (Status.FAILED, f"the learner disturbed the report: {one_line(error)}")

    def _take(self, report: Mapping[str, Any]) -> None:  # Any: whatever JSON holds
        """Take in one report."""
        if self.verdict is not None:
            return
        if "start_bytes" in report:
            self.start_bytes = self.start_bytes or int(report["start_bytes"])
        elif "fold" in report:
            self.folds.append(FoldReport(**report["fold"]))
        elif "refused" in report:
            self.refusal = [str(part) for part in report["refused"]]
        else:
            status, reason = Status(report["end"][0]), shorten(report["end"][1])
            if (status is Status.OK) == bool(reason) or not 0 <= report["peak_bytes"] <= _MOST_BYTES:
                raise ValueError("no such end")
            self.peak_bytes = int(report["peak_bytes"])
            self.verdict = (status, reason)


def predictions_file(folder: str | Path, fold_number: int) -> Path:
    """Return where the predictions of a fold lie: an array (n_test,), or probabilities (n_test, n_classes).

    After several numbers of rounds: (n_rounds, ...).
    """
    return Path(folder) / f"{fold_number}.npy"


def send_request(stream: IO[bytes], job: bytes, table: bytes) -> None:
    """Write both parts of a request; an empty table stands for that of the request before."""
    for part in (job, table):
        stream.write(_LENGTH.pack(len(part)))
        stream.write(part)
    stream.flush()


def read_request(stream: IO[bytes]) -> tuple[Job, bytes] | None:
    """Return the job and the pickled table (empty: that of the request before), or None at the end of the stream."""
    parts = []
    for _ in range(2):
        head = stream.read(_LENGTH.size)
        if len(head) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack(head)
        parts.append(stream.read(length))
        if len(parts[-1]) < length:
            return None
    return pickle.loads(parts[0]), parts[1]  # noqa: S301 - from our own parent


def write_line(descriptor: int, text: str) -> None:
    """Write all of one line."""
    content = text.encode("utf-8") + b"\n"
    while content:
        content = content[os.write(descriptor, content) :]


def raise_refusal(refusal: Sequence[str]) -> NoReturn:
    """Raise the error whose type's name and message are given."""
    name, message = refusal
    raise getattr(errors, name)(message)


def one_line(error: BaseException) -> str:
    """Return type and message of an exception in one line of bounded length."""
    return shorten(f"{type(error).__name__}: {message_of(error)[:_MAX_READ_LENGTH]}").removesuffix(":")


def message_of(error: BaseException) -> str:
    """Return the message of an exception, a note instead if asking for it fails."""
    try:
        return str(error)
    except BaseException as another:  # noqa: BLE001 - code of a learner's own: whatever it raises is a result
        return f"(its message cannot be had: {type(another).__name__})"


def shorten(text: str) -> str:
    """Return ``text`` in one line of bounded length that every database and terminal takes."""
    line = " ".join(text[:_MAX_READ_LENGTH].encode("utf-8", "replace").decode("utf-8").split())
    return "".join(character if character.isprintable() else "?" for character in line)[:_MAX_ERROR_LENGTH]


def describe_exit(code: int) -> str:
    """Return how a process ended, from its exit code or, negative, the signal that killed it."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"
