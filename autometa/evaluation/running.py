"""Running evaluations: the door of this folder."""

import errno
import math
import os
import pickle
import stat
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from types import TracebackType
from typing import Any, Self

import numpy as np

from autometa._random import spawn
from autometa.errors import AutometaWarning, OptionError
from autometa.evaluation.hard import ForkServer
from autometa.evaluation.limits import Limits
from autometa.evaluation.messages import DISK_FULL, Job, Outcome, Table, predictions_file
from autometa.evaluation.processes import has_hard_limits
from autometa.evaluation.protocol import CV_V1, Protocol, Splits
from autometa.evaluation.record import Evaluation, Status, library_versions
from autometa.evaluation.soft import SoftRunner
from autometa.metric import metrics_of
from autometa.pipelines.building import PIPELINES_VERSION
from autometa.space import Configuration
from autometa.task import Task

_HEADER_BYTES = 4096  # at most, of an array in a file

__all__ = ["Evaluator", "Limits", "Measurement", "evaluate"]


class Evaluator:
    """Evaluates configurations, one after another, in processes with limits.

    A warm server process is started with the first evaluation and kept until `close`; an evaluation then
    costs a fork. Evaluators are independent of one another: use one per thread or process.

    Parameters
    ----------
    limits : Limits
        What each evaluation may use.
    hard : bool, optional
        Whether the limits are enforced by the kernel and a supervising process, which needs Linux, or softly:
        by a look at the process every now and then, which costs seconds per evaluation. Default: hard where
        possible, else soft with a warning.

    Raises
    ------
    OptionError
        If hard limits are asked for where there are none.

    Warns
    -----
    AutometaWarning
        If the limits are soft because the platform has no others.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.linear_model import Ridge
    >>> X = pd.DataFrame({"a": np.arange(30.0)})
    >>> task = Task(name="line", X=X, y=2 * X["a"], kind="regression", target="b")
    >>> with Evaluator(Limits(cpu_seconds=5)) as evaluator:
    ...     evaluation = evaluator.evaluate_estimator(task, Ridge(), Configuration(algorithm="ridge"))
    >>> evaluation.status, evaluation.score("r2") > 0.99
    (<Status.OK: 'ok'>, True)
    """

    def __init__(self, limits: Limits | None = None, *, hard: bool | None = None) -> None:
        self._limits = Limits() if limits is None else limits
        self._runner = _runner(hard)
        self._last: tuple[Task, Splits, int, int] | None = None
        self._table = b""
        self._tests: tuple[np.ndarray, ...] = ()
        self._weights: np.ndarray | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Start the server process, which the first evaluation would do otherwise; another thread may go on meanwhile.

        Raises
        ------
        EvaluationError
            If it does not start.
        """
        self._runner.start()

    def close(self) -> None:
        """End the server process, and what it evaluates for another thread; a later evaluation starts another."""
        self._runner.close()

    def evaluate(
        self,
        task: Task,
        configuration: Configuration,
        *,
        protocol: Splits = CV_V1,
        seed: int = 0,
        limits: Limits | None = None,
    ) -> Evaluation:
        """Return what the pipeline of ``configuration`` scores and costs on ``task``.

        Whatever the learner does ends as a status of the evaluation. ``limits`` are those of this one alone.

        Raises
        ------
        UserError
            If the pipeline cannot be built here: outside its space, or its library is not installed.
        EvaluationError
            If the machinery itself breaks.
        OSError
            If the disk of temporary files is full.
        """
        return self._run(task, configuration, b"", protocol, seed, _Wanted(limits=limits or self._limits))

    def measure(  # noqa: PLR0913 - what may differ between two measurements of one configuration
        self,
        task: Task,
        configuration: Configuration,
        *,
        splits: Splits = CV_V1,
        seed: int = 0,
        limits: Limits | None = None,
        fold_numbers: Sequence[int] = (),
        sample_weight: np.ndarray | None = None,
        rounds: Sequence[int] = (),
    ) -> "Measurement":
        """Return the evaluation on some folds, or on all, with what is predicted for their test rows.

        Parameters
        ----------
        task : Task
            The table.
        configuration : Configuration
            What is measured.
        splits : Protocol or OwnSplits
            Rows and folds.
        seed : int
            Seed of rows and folds.
        limits : Limits, optional
            Of this measurement; default: those of the evaluator.
        fold_numbers : sequence of int
            Numbers of the folds; default: all.
        sample_weight : ndarray of shape (n_rows,), optional
            What each row of the task counts in a fit. Scores of the evaluation are not weighted.
        rounds : sequence of int
            Of boosted trees: numbers of rounds, ascending, after which predictions are wanted; see
            `autometa.pipelines.rounds.staged_predictions`. Predictions have a first axis for them then.

        Raises
        ------
        UserError
            If the pipeline cannot be built here.
        EvaluationError
            If the machinery itself breaks.
        """
        with tempfile.TemporaryDirectory(prefix="autometa-predictions-", ignore_cleanup_errors=True) as folder:
            wanted = _Wanted(
                limits=limits or self._limits,
                fold_numbers=tuple(fold_numbers),
                folder=folder,
                sample_weight=sample_weight,
                rounds=tuple(rounds),
            )
            evaluation = self._run(task, configuration, b"", splits, seed, wanted)
            numbers = fold_numbers or range(len(self._tests))
            tests = {number: self._tests[number] for number in numbers}
            if evaluation.status is not Status.OK:
                return Measurement(evaluation=evaluation, predictions={}, rows={})
            predictions = {number: _read_predictions(wanted, number, rows, task) for number, rows in tests.items()}
        if any(each is None for each in predictions.values()):
            spoilt = replace(
                evaluation,
                status=Status.FAILED,
                error="the learner disturbed its predictions",
                fold_scores={},
                absent={},
            )
            return Measurement(evaluation=spoilt, predictions={}, rows={})
        kept = {number: each for number, each in predictions.items() if each is not None}
        return Measurement(evaluation=evaluation, predictions=kept, rows=tests)

    def evaluate_estimator(
        self,
        task: Task,
        estimator: Any,  # Any: scikit-learn's classes have no types
        configuration: Configuration,
        *,
        protocol: Protocol = CV_V1,
        seed: int = 0,
    ) -> Evaluation:
        """Return what an estimator of the user's own scores and costs on ``task``.

        Parameters
        ----------
        task : Task
            What it is measured on.
        estimator : scikit-learn estimator
            Takes the task's raw columns. It must be picklable, and its class importable in another process.
            It keeps its own random state. A classifier without ``predict_proba`` has no roc_auc and no
            log_loss.
        configuration : Configuration
            The name and the values under which it is recorded.
        protocol : Protocol
            Rows and folds.
        seed : int
            Seed of rows, folds, and the global generators.

        Raises
        ------
        OptionError
            If the estimator cannot be pickled.
        EvaluationError
            If the machinery itself breaks.
        """
        try:
            pickled = pickle.dumps(estimator, protocol=5)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise OptionError(
                f"a {type(estimator).__name__} cannot be sent to another process ({error}); "
                "define its class, and functions that it holds, in a module"
            ) from error
        return self._run(task, configuration, pickled, protocol, seed, _Wanted(limits=self._limits))

    def _run(
        self, task: Task, configuration: Configuration, estimator: bytes, splits: Splits, seed: int, wanted: "_Wanted"
    ) -> Evaluation:
        """Return the evaluation of a configuration, or of a pickled estimator if there is one."""
        job = Job(
            configuration=configuration,
            estimator=estimator,
            kind=task.kind,
            column_kinds=task.column_kinds,
            seed=spawn(seed, "evaluation", configuration.key) % 2**31,  # some libraries take 31 bits
            limits=wanted.limits,
            fold_numbers=wanted.fold_numbers,
            predictions_folder=wanted.folder,
            rounds=wanted.rounds,
        )
        table = self._pickled_table(task, splits, seed, wanted.sample_weight)
        if not set(wanted.fold_numbers) <= set(range(len(self._tests))):
            raise OptionError(f"folds are numbered 0 to {len(self._tests) - 1}, got {list(wanted.fold_numbers)}")
        n_folds = len(wanted.fold_numbers) or len(self._tests)
        outcome = _checked(self._runner.run(pickle.dumps(job, protocol=5), table, wanted.limits), task, n_folds)
        if outcome.error == DISK_FULL:  # which says nothing of the learner, and will be so for the next one
            raise OSError(errno.ENOSPC, DISK_FULL)
        is_ok = outcome.status is Status.OK
        absent = {name: reason for fold in outcome.folds for name, reason in fold.absent.items()} if is_ok else {}
        return Evaluation(
            fingerprint=task.fingerprint,
            configuration=configuration,
            protocol=splits.name,
            pipelines_version=PIPELINES_VERSION,
            seed=seed,
            status=outcome.status,
            fold_scores=_fold_scores(outcome, absent) if is_ok else {},
            fit_seconds=_mean([fold.fit_seconds for fold in outcome.folds]),
            predict_seconds=_mean([fold.predict_seconds for fold in outcome.folds]),
            peak_memory_bytes=outcome.peak_memory_bytes,
            error=outcome.error,
            absent=absent,
            versions=library_versions(),
        )

    def _pickled_table(self, task: Task, splits: Splits, seed: int, sample_weight: np.ndarray | None = None) -> bytes:
        """Return the pickled `Table`; the last one is kept, since many configurations meet one task."""
        wanted = (task, splits, seed, id(sample_weight))
        if wanted != self._last:
            prepared = splits.prepare(task, seed)
            y = np.asarray(prepared.y)
            table = Table(
                X=prepared.X,
                y=y if task.kind.is_classification else y.astype(np.float64),
                classes=task.classes,
                folds=prepared.folds,
                sample_weight=None if sample_weight is None else sample_weight[prepared.rows],
            )
            self._table = pickle.dumps(table, protocol=5)
            self._tests = tuple(prepared.rows[test] for _, test in prepared.folds)
            self._last = wanted
            self._weights = sample_weight  # kept, so that no other gets its place in memory
        return self._table


def evaluate(
    task: Task,
    configuration: Configuration,
    *,
    protocol: Protocol = CV_V1,
    seed: int = 0,
    limits: Limits | None = None,
) -> Evaluation:
    """Return what the pipeline of ``configuration`` scores and costs on ``task``.

    For a single evaluation: an `Evaluator` spares all but the first the start of a process.

    Raises
    ------
    UserError
        If the pipeline cannot be built here.
    EvaluationError
        If the machinery itself breaks.
    """
    with Evaluator(limits) as evaluator:
        return evaluator.evaluate(task, configuration, protocol=protocol, seed=seed)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measurement:
    """An evaluation with what was predicted out of fold.

    Parameters
    ----------
    evaluation : Evaluation
        Scores of the folds that were measured, in their order.
    predictions : mapping of int to ndarray of shape (n_test,) or (n_test, n_classes)
        By number of the fold: values, or probabilities of the task's classes; empty unless the evaluation is ok.
    rows : mapping of int to ndarray of shape (n_test,)
        By number of the fold, the positions in the task of the rows that were predicted.
    """

    evaluation: Evaluation
    predictions: Mapping[int, np.ndarray] = field(repr=False)
    rows: Mapping[int, np.ndarray] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Wanted:
    """What of an evaluation: its limits, which folds, where predictions go, and what each row of the task counts."""

    limits: Limits
    fold_numbers: tuple[int, ...] = ()
    folder: str = ""
    sample_weight: np.ndarray | None = None
    rounds: tuple[int, ...] = ()


def _read_predictions(wanted: _Wanted, number: int, rows: np.ndarray, task: Task) -> np.ndarray | None:
    """Return what was predicted for the test rows of a fold; None if that is not what a fold predicts."""
    shape: tuple[int, ...] = (len(rows), len(task.classes)) if task.kind.is_classification else (len(rows),)
    shape = (len(wanted.rounds), *shape) if wanted.rounds else shape
    path = predictions_file(wanted.folder, number)
    most_bytes = 8 * math.prod(shape) + _HEADER_BYTES
    try:
        if (
            not stat.S_ISREG(os.lstat(path).st_mode) or os.lstat(path).st_size > most_bytes
        ):  # a pipe is never read to its end
            return None
        predictions = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    is_sound = predictions.shape == shape and predictions.dtype == np.float64 and np.isfinite(predictions).all()
    return predictions if is_sound else None


def _runner(hard: bool | None) -> "ForkServer | SoftRunner":
    """Return what runs the jobs."""
    is_possible = has_hard_limits()
    if hard and not is_possible:
        raise OptionError("hard limits need Linux with /proc, which this platform is not; leave hard=True out")
    if hard is None and not is_possible:
        warnings.warn(
            "limits on evaluations are soft here, and each starts a process; hard ones need Linux",
            AutometaWarning,
            stacklevel=3,
        )
    if is_possible and hard is not False:
        return ForkServer()
    return SoftRunner()


def _checked(outcome: Outcome, task: Task, n_folds: int) -> Outcome:
    """Return the outcome; a failed one instead if it lacks a fold or a metric, or has too many."""
    names = [metric.name for metric in metrics_of(task.kind)]
    is_whole = len(outcome.folds) == n_folds or (outcome.status is not Status.OK and len(outcome.folds) < n_folds)
    if is_whole and all(sorted((*fold.scores, *fold.absent)) == sorted(names) for fold in outcome.folds):
        return outcome
    return replace(
        outcome, status=Status.FAILED, error="the learner disturbed the report: not the folds and metrics", folds=()
    )


def _fold_scores(outcome: Outcome, absent: Mapping[str, str]) -> dict[str, tuple[float, ...]]:
    """Return the scores per fold of every metric that all folds have."""
    names = [name for name in outcome.folds[0].scores if name not in absent]
    return {name: tuple(fold.scores[name] for fold in outcome.folds) for name in names}


def _mean(values: list[float]) -> float:
    """Return the mean, NaN of nothing."""
    return fmean(values) if values else math.nan
