"""One evaluation: fit and score fold by fold, and report; in the server's fork within hard limits."""

import contextlib
import errno
import importlib
import json
import logging
import math
import os
import pickle
import random
import re
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from time import process_time  # bound now: learners, or what they import, patch the module
from typing import Any, NoReturn

import numpy as np

from autometa.errors import DataError
from autometa.evaluation import processes
from autometa.evaluation.limits import Limits
from autometa.evaluation.messages import (
    DISK_FULL,
    NOT_IMPORTABLE,
    FoldReport,
    Job,
    Table,
    message_of,
    one_line,
    predictions_file,
    write_line,
)
from autometa.evaluation.record import Status
from autometa.evaluation.scoring import align_probabilities, as_numbers, class_positions, score_fold
from autometa.pipelines.building import build, weight_arguments
from autometa.pipelines.rounds import staged_predictions

Say = Callable[[dict[str, object]], None]

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_SIGNS_OF_NO_MEMORY = ("bad_alloc", "bad allocation", "cannot allocate memory", "unable to allocate")
# What may be imported for good before an estimator is unpickled that names it: our dependencies only.
_OUR_MODULES = re.compile(rb"(?:sklearn|lightgbm|xgboost|catboost|skrub)(?:\.[A-Za-z_]\w*)*")
_STARTS_THREADS = frozenset({"polars"})  # on import, by CatBoost and skrub; a process with threads must not fork
_SLACK_BYTES = 64 * 2**20  # between soft and hard limit: enough to report that the soft one was hit


def build_learner(job: Job) -> Any:  # Any: scikit-learn's classes have no types
    """Return the unfitted pipeline of the job's configuration; None if the job brings an estimator.

    What either needs of our dependencies is imported, and no thread starts.
    """
    with _hidden():
        if not job.estimator:
            return build(job.configuration, kind=job.kind, column_kinds=job.column_kinds, seed=job.seed, n_jobs=1)
        for module in sorted(set(_OUR_MODULES.findall(job.estimator))):
            with contextlib.suppress(ImportError):  # a word that only looks like one
                importlib.import_module(module.decode("ascii"))
    return None


class _Hiding:
    """Lets libraries that start threads seem not to be installed, where others import them if they are."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        """Refuse the import of such a library; leave all others to the next finder."""
        if name in _STARTS_THREADS:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


@contextlib.contextmanager
def _hidden() -> Iterator[None]:
    """Hide what starts threads from imports."""
    sys.meta_path.insert(0, _Hiding)
    try:
        yield
    finally:
        sys.meta_path.remove(_Hiding)


def import_libraries() -> None:
    """Import what every evaluation needs, and what scikit-learn imports on the first fit; no thread starts."""
    import pandas as pd
    import sklearn.compose
    import sklearn.pipeline
    import sklearn.preprocessing  # noqa: F401 - imported for the children
    from sklearn.dummy import DummyClassifier

    X = pd.DataFrame({"a": [0.0, 1.0]})
    DummyClassifier().fit(X, [0, 1]).predict(X)


def run_confined(job: Job, table: bytes, learner: Any, reports: int, server: int) -> NoReturn:
    """Evaluate in this fork of ``server`` within hard limits, report to the descriptor, and end."""
    code = 1
    try:
        _leave_the_world(server)
        _set_limits(job.limits)
        memory = processes.read_memory(os.getpid())
        start_bytes = memory.own_bytes if memory else 0
        say = speaker(reports)
        say({"start_bytes": start_bytes})
        status, error = evaluate(job, table, learner, say)
        if status is Status.OUT_OF_MEMORY:
            _lift_memory_limit()
        memory = processes.read_memory(os.getpid())
        peak_bytes = memory.peak_bytes - memory.file_bytes - start_bytes if memory else 0
        say({"end": [status, error], "peak_bytes": max(peak_bytes, 0)})
        code = 0
    finally:
        os._exit(code)  # nothing that a learner left behind runs


def speaker(descriptor: int) -> Say:
    """Return the function that writes reports to ``descriptor``; it ends any copy that a learner forked."""
    evaluator = os.getpid()

    def say(report: dict[str, object]) -> None:
        if os.getpid() != evaluator:
            os._exit(1)
        write_line(descriptor, json.dumps(report))

    return say


def evaluate(job: Job, table: bytes, learner: Any, say: Say) -> tuple[Status, str]:
    """Return status and error after reporting every fold through ``say``.

    Parameters
    ----------
    job : Job
        What is evaluated; brings the estimator if ``learner`` is None.
    table : bytes
        A pickled `Table`.
    learner : scikit-learn estimator, optional
        As of `build_learner`.
    say : callable
        Takes one report, of what JSON holds.
    """
    _quieten(job.seed)
    try:
        data: Table = pickle.loads(table)  # noqa: S301 - from our own parent
        learner = _load(job.estimator) if learner is None else learner
        for number in job.fold_numbers or range(len(data.folds)):
            report, predictions = _evaluate_fold(learner, data, job, *data.folds[number])
            if job.predictions_folder:
                _save(predictions, predictions_file(job.predictions_folder, number))
            say({"fold": asdict(report)})
    except BaseException as error:  # noqa: BLE001 - a learner's training: whatever it raises is a result
        status = Status.OUT_OF_MEMORY if _is_out_of_memory(error) else Status.FAILED
        return status, DISK_FULL if _is_disk_full(error) else one_line(error)
    return Status.OK, ""


def _save(predictions: np.ndarray, file: Path) -> None:
    """Write predictions; NumPy does not say why it cannot write all of them."""
    try:
        np.save(file, predictions, allow_pickle=False)
    except OSError as error:
        if shutil.disk_usage(file.parent).free < predictions.nbytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
        raise


def _evaluate_fold(
    learner: Any, data: Table, job: Job, train: np.ndarray, test: np.ndarray
) -> tuple[FoldReport, np.ndarray]:
    """Fit a clone on the rows of ``train``, score it on those of ``test``; return what it predicts as well.

    Of a classifier these are probabilities, (n_test, n_classes), or 1 for the class that it chose if it gives none.
    """
    from sklearn.base import clone

    kind = job.kind
    fitted = clone(learner, safe=False)  # a foreign estimator without get_params is copied
    X_train, X_test = data.X.iloc[train], data.X.iloc[test]
    started = _cpu_seconds()
    weights = {} if data.sample_weight is None else weight_arguments(fitted, data.sample_weight[train])
    fitted.fit(X_train, data.y[train], **weights)
    fit_end = _cpu_seconds()
    y_pred = np.asarray(fitted.predict(X_test))
    predict_end = _cpu_seconds()
    y_true = data.y[test]
    y_pred = y_pred[:, 0] if y_pred.ndim == 2 and y_pred.shape[1] == 1 else y_pred
    if y_pred.shape != y_true.shape:
        raise DataError(f"the learner gave predictions of shape {y_pred.shape} for {len(y_true)} rows")
    probabilities = None
    if kind.is_classification:
        y_true, y_pred = class_positions(y_true, data.classes), class_positions(y_pred, data.classes)
        if hasattr(fitted, "predict_proba"):
            learned = class_positions(np.asarray(fitted.classes_), data.classes)
            given = as_numbers(fitted.predict_proba(X_test), "probabilities")
            probabilities = align_probabilities(given, learned, len(data.classes))
    else:
        y_pred = as_numbers(y_pred, "predictions")
    with np.errstate(all="ignore"):  # whatever the learner set
        fold = score_fold(kind, y_true, y_pred, probabilities)
    for name, score in fold.scores.items():
        if not math.isfinite(score):
            raise DataError(f"{name} is not finite: {score}")
    report = FoldReport(
        fit_seconds=fit_end - started,
        predict_seconds=predict_end - fit_end,
        scores=dict(fold.scores),
        absent=dict(fold.absent),
    )
    if job.rounds:
        return report, np.stack(_staged(fitted, X_test, data, job))
    if not kind.is_classification:
        return report, y_pred
    return report, np.eye(len(data.classes))[y_pred] if probabilities is None else probabilities


def _staged(fitted: Any, X_test: Any, data: Table, job: Job) -> list[np.ndarray]:
    """Return what is predicted after each number of rounds, as `_evaluate_fold` does after all."""
    stages = staged_predictions(fitted, X_test, job.rounds)
    if not job.kind.is_classification:
        return stages
    learned = class_positions(np.asarray(fitted.classes_), data.classes)
    return [align_probabilities(stage, learned, len(data.classes)) for stage in stages]


def _load(estimator: bytes) -> Any:
    """Return the user's estimator."""
    try:
        return pickle.loads(estimator)  # noqa: S301 - from our own parent
    except (AttributeError, ImportError) as error:
        raise DataError(f"{NOT_IMPORTABLE} ({error}); define it in a module") from error


def _cpu_seconds() -> float:
    """Return CPU seconds of this process and all below it, of ended and awaited ones too."""
    seconds = process_time()
    if sys.platform == "win32":  # which knows of no children
        return seconds
    import resource

    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds += ended.ru_utime + ended.ru_stime
    if sys.platform == "linux" and processes.has_children():
        seconds += sum(process.cpu_seconds for process in processes.descendants(os.getpid()))
    return seconds


def _quieten(seed: int) -> None:
    """Silence warnings and logs, and seed the global generators for learners that use them."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    random.seed(seed)
    np.random.seed(seed)


def _leave_the_world(server: int) -> None:
    """Keep nothing of the server but its memory, and end when it ends."""
    os.setpgid(0, 0)
    processes.adopt_orphans()
    processes.die_with(server)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)


def _set_limits(limits: Limits) -> None:
    """Have the kernel enforce what it can for one process; the server watches the tree."""
    import resource

    cpu = math.ceil(limits.cpu_seconds) + 1  # behind the server's, which counts finer
    data = processes.data_bytes() + limits.memory_bytes
    _set_limit(resource.RLIMIT_CPU, cpu, cpu + 1)
    _set_limit(resource.RLIMIT_DATA, data, data + _SLACK_BYTES)
    _set_limit(resource.RLIMIT_FSIZE, limits.memory_bytes, limits.memory_bytes)
    _set_limit(resource.RLIMIT_CORE, 0, 0)
    with contextlib.suppress(OSError):  # where memory runs out, this process goes first
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def _set_limit(which: int, soft: int, hard: int) -> None:
    """Lower a resource limit; one that is lower already stays."""
    import resource

    _, ceiling = resource.getrlimit(which)
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = min(soft, ceiling), min(hard, ceiling)
    resource.setrlimit(which, (soft, hard))


def _lift_memory_limit() -> None:
    """Raise the soft limit of memory to the hard one."""
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))


def _is_out_of_memory(error: BaseException) -> bool:
    """Return whether an exception, or one that led to it, says that memory could not be had."""
    return any(
        isinstance(cause, MemoryError)
        or (isinstance(cause, OSError) and cause.errno == errno.ENOMEM)
        or any(sign in message_of(cause).lower() for sign in _SIGNS_OF_NO_MEMORY)
        for cause in _causes(error)
    )


def _is_disk_full(error: BaseException) -> bool:
    """Return whether an exception, or one that led to it, says that there is no room for a file."""
    return any(isinstance(cause, OSError) and cause.errno in _NO_ROOM for cause in _causes(error))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and those that it came from."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or cause.__context__
