"""The run database of Oboe: balanced errors of 219 scikit-learn configurations on OpenML data sets.

References
----------
Yang, C., Akimoto, Y., Kim, D. W., Udell, M. (2019). OBOE: collaborative filtering for AutoML model selection. KDD.
https://doi.org/10.1145/3292500.3330909
"""

import ast
import hashlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from autometa.errors import DataError
from autometa.evaluation.record import Evaluation, Status
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.foreign import ForeignTask, add_foreign_tasks
from autometa.knowledge.writing import Added
from autometa.space import Configuration
from autometa.task import TaskDescription
from autometa.task_kind import TaskKind

ORIGIN = "oboe"
LICENCE = "BSD-3-Clause"
PROTOCOL = "oboe"
VERSION = "oboe"  # of its pipelines, and of the meta-features: the qualities that OpenML has computed
METRIC = "balanced_accuracy"
KIND = TaskKind.MULTICLASS  # of all its tasks, those with two classes too: it is one table

_NOT_FEATURES = ("Name", "family", "Runs")


def add_oboe(base: KnowledgeBase, folder: str | Path) -> Added:
    """Add the runs of a folder with Oboe's files to a base.

    Parameters
    ----------
    base : KnowledgeBase
        What is added to.
    folder : str or Path
        With ``error_matrix.csv`` and ``runtime_matrix.csv`` (a column a configuration, as a Python dict),
        ``openml_qualities.csv`` (columns Name, family, and numbers) and ``dataset_sizes.csv`` (rows, columns); a row a
        data set of OpenML in each. Data sets that are not in all of them are left out.

    Raises
    ------
    DataError
        If a file is missing or not of that form; nothing is added.
    """
    names = ("error_matrix", "runtime_matrix", "openml_qualities", "dataset_sizes")
    errors, seconds, qualities, sizes = (_read(Path(folder), name) for name in names)
    missing = {"Name", "family", "NumberOfClasses"} - set(qualities.columns)
    if missing:
        raise DataError(f"openml_qualities.csv has no column {', '.join(sorted(missing))}")
    if not errors.columns.equals(seconds.columns) or not errors.index.equals(seconds.index):
        raise DataError("error_matrix.csv and runtime_matrix.csv do not have the same rows and columns")
    common = [number for number in errors.index if number in qualities.index and number in sizes.index]
    configurations = [_configuration(text) for text in errors.columns]
    tasks = [_task(number, qualities.loc[number], sizes.loc[number].to_list()) for number in common]
    evaluations = list(_evaluations(errors.loc[common], seconds.loc[common], configurations))
    add_foreign_tasks(base, tasks, origin=ORIGIN, licence=LICENCE)
    return base.add_evaluations(evaluations, licence=LICENCE)


def _read(folder: Path, name: str) -> pd.DataFrame:
    """Return a file of the source, its first column as the index."""
    path = folder / f"{name}.csv"
    try:
        return pd.read_csv(path, index_col=0)
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read {path}: {' '.join(str(error).split())[:200]}") from error


def _configuration(text: str) -> Configuration:
    """Return the configuration that a column stands for; what it has no word for is its library's default."""
    try:
        content = ast.literal_eval(text)
        return Configuration(algorithm=f"oboe:{content['algorithm']}", values=content["hyperparameters"])
    except (ValueError, SyntaxError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"not a configuration: {text[:80]!r}") from error


def _fingerprint(number: int) -> str:
    """Return what tells an OpenML data set apart."""
    return hashlib.sha256(f"openml data set {number}".encode()).hexdigest()


def _task(number: int, qualities: "pd.Series[Any]", size: list[int]) -> ForeignTask:  # Any: texts and numbers
    """Return an OpenML data set of (rows, columns) as a task."""
    try:
        features = qualities.drop(labels=list(_NOT_FEATURES), errors="ignore").astype(float)
    except ValueError as error:
        raise DataError(f"a quality of data set {number} is not a number: {error}") from error
    description = TaskDescription(
        name=str(qualities["Name"]),
        fingerprint=_fingerprint(number),
        family=str(qualities["family"]),
        kind=KIND,
        n_rows=int(size[0]),
        n_columns=int(size[1]),
        metafeatures={str(name): value if math.isfinite(value) else math.nan for name, value in features.items()},
    )
    counted = qualities["NumberOfClasses"]
    n_classes = int(counted) if counted >= 2 else 2  # not counted for targets that OpenML has as numbers
    return ForeignTask(description=description, n_classes=n_classes, metafeatures_version=VERSION)


def _evaluations(
    errors: pd.DataFrame, seconds: pd.DataFrame, configurations: list[Configuration]
) -> Iterator[Evaluation]:
    """Iterate over the cells that have a value; the mean over folds is all that is known, and stands for one fold."""
    for number, row in zip(errors.index, errors.to_numpy(float), strict=True):
        for configuration, error, taken in zip(configurations, row, seconds.loc[number], strict=True):
            if not math.isnan(error):
                yield Evaluation(
                    fingerprint=_fingerprint(number),
                    configuration=configuration,
                    protocol=PROTOCOL,
                    pipelines_version=VERSION,
                    seed=0,
                    status=Status.OK,
                    fold_scores={METRIC: (1.0 - error,)},
                    fit_seconds=float(taken),
                    predict_seconds=math.nan,
                    peak_memory_bytes=0,
                    error="",
                    absent={},
                    versions={},
                    origin=ORIGIN,
                )
