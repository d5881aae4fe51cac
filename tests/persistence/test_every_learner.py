"""Every algorithm, with every encoding and scaling that it offers, is the same after its file as before."""

import itertools
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.linalg import LinAlgWarning
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from autometa.persistence import Model, load, save
from autometa.pipelines.building import build
from autometa.pipelines.learners import LEARNERS
from autometa.reading.conforming import TableReader
from autometa.space import Value
from autometa.task import Task
from autometa.task_kind import TaskKind
from tests.pipelines.quick import case, quick, shorten

N_ROWS = 100
WORDS = ("late", "early", "sound", "cheap")

# What brings other types into a pipeline, beside encodings and scalings.
FURTHER: dict[str, tuple[dict[str, Value], ...]] = {
    "gaussian_process": ({"learns_kernel": True, "kernel": "matern"},),
    "k_nearest_neighbors": ({"p": 1, "weights": "distance"},),
    "mlp": ({"early_stopping": True},),
    "lda": ({"solver": "lsqr"},),
    "catboost": ({"class_weight": "balanced"},),
    "random_forest": ({"class_weight": "balanced", "max_samples": 0.5},),
    "ridge": ({"target_transform": "quantile"}, {"target_transform": "log", "select": "univariate"}),
    "logistic_regression": ({"select": "univariate"},),
}


def _cases() -> Iterator[object]:
    """Yield each algorithm with enough choices to meet every encoding and scaling, in turn with the kinds it does."""
    for learner in LEARNERS.values():
        kinds = itertools.cycle(sorted(learner.kinds))
        choices: list[dict[str, Value]] = []
        for place in range(max(len(learner.encodings), len(learner.scalings), len(learner.kinds))):
            choice: dict[str, Value] = {}
            if len(learner.encodings) > 1:
                choice["encoding"] = learner.encodings[place % len(learner.encodings)]
            if len(learner.scalings) > 1:
                choice["scaling"] = learner.scalings[place % len(learner.scalings)]
            choices.append(choice)
        for choice in (*choices, *FURTHER.get(learner.algorithm, ())):
            if learner.algorithm == "qda":
                choice["shrinkage"] = 0.5
            kind = next(kinds)
            if "target_transform" not in choice and "class_weight" in choice and not kind.is_classification:
                kind = TaskKind.BINARY
            yield case(learner, kind, choice)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    import sklearn.ensemble  # noqa: F401 - loads the libraries that are limited

    with threadpool_limits(limits=1):
        yield


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Rows of numbers, booleans, categories, dates with and without a zone, and text, with missing values."""
    rng = np.random.default_rng(0)
    days = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(1000, size=N_ROWS), unit="D")
    frame = pd.DataFrame(
        {
            "width": rng.normal(size=N_ROWS),
            "count": rng.integers(50, size=N_ROWS),
            "is_new": rng.integers(2, size=N_ROWS).astype(bool),
            "colour": pd.Categorical(np.array(["red", "blue", "green"])[rng.integers(3, size=N_ROWS)]),
            "grade": pd.Categorical(rng.integers(1, 4, size=N_ROWS)),
            "sold": days,
            "made": pd.DatetimeIndex(days).tz_localize("Europe/Berlin"),
            "remark": pd.Series([" ".join(rng.choice(WORDS, size=2)) for _ in range(N_ROWS)], dtype="str"),
        }
    )
    for name in ("width", "colour", "sold", "remark"):
        frame.loc[rng.choice(N_ROWS, size=5, replace=False), name] = None
    return frame


@pytest.fixture(scope="module")
def tasks(table: pd.DataFrame) -> dict[TaskKind, Task]:
    signal = table["width"].fillna(0) + (table["colour"] == "red") * 2.0 + table["count"] / 50
    targets = {
        TaskKind.BINARY: (signal > signal.median()).map({True: "yes", False: "no"}).astype("str"),
        TaskKind.MULTICLASS: pd.qcut(signal, 3, labels=False),
        TaskKind.REGRESSION: signal,
    }
    return {kind: Task(name="all", X=table, y=y, kind=kind, target="y") for kind, y in targets.items()}


@pytest.mark.parametrize(("algorithm", "kind", "choice"), list(_cases()))
def test_a_pipeline_predicts_the_same_after_its_file(
    algorithm: str, kind: TaskKind, choice: dict[str, Value], tasks: dict[TaskKind, Task], tmp_path: Path
) -> None:
    task = tasks[kind]
    pipeline = shorten(build(quick(algorithm, **choice), kind=kind, column_kinds=task.column_kinds))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # of three epochs
        warnings.simplefilter("ignore", LinAlgWarning)  # of columns that are not scaled
        pipeline.fit(task.X, task.y)
    model = Model(predictor=pipeline, reader=TableReader.of(task), kind=kind, target="y", metric=_metric(kind))
    save(model, tmp_path / "model.skops")
    loaded = load(tmp_path / "model.skops")
    if kind.is_classification:
        np.testing.assert_array_equal(loaded.predict_proba(task.X), pipeline.predict_proba(task.X))
    else:
        np.testing.assert_array_equal(loaded.predict(task.X.astype(object)), pipeline.predict(task.X))


def _metric(kind: TaskKind) -> str:
    return "accuracy" if kind.is_classification else "rmse"
