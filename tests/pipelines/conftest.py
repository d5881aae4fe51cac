"""A small table with every kind of column, and targets of every kind of task."""

import dataclasses
import io
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from autometa.pipelines.learners import LEARNERS
from autometa.task import ColumnKind, column_kind
from autometa.task_kind import TaskKind

N_ROWS = 120
WORDS = ("late", "early", "broken", "sound", "cheap", "dear", "small", "large", "blue", "green")


@pytest.fixture(scope="session")
def table() -> pd.DataFrame:
    """120 rows of numbers, booleans, categories, dates and text, with missing values in most."""
    rng = np.random.default_rng(0)
    colours = np.array(["red", "blue", "green"], dtype=object)[rng.integers(3, size=N_ROWS)]
    days = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(1000, size=N_ROWS), unit="D")
    frame = pd.DataFrame(
        {
            "width [cm], {a:1}": rng.normal(size=N_ROWS),
            "count": rng.integers(50, size=N_ROWS),
            "is_new": rng.integers(2, size=N_ROWS).astype(bool),
            "colour": pd.Categorical(colours),
            "grade": pd.Categorical(rng.integers(1, 4, size=N_ROWS)),
            "sold": days,
            "remark": pd.Series([" ".join(rng.choice(WORDS, size=4)) for _ in range(N_ROWS)], dtype="str"),
        }
    )
    for name in ("width [cm], {a:1}", "colour", "grade", "sold", "remark"):
        frame.loc[rng.choice(N_ROWS, size=9, replace=False), name] = None
    return frame


@pytest.fixture(scope="session")
def column_kinds(table: pd.DataFrame) -> dict[str, ColumnKind]:
    return {str(name): column_kind(dtype) for name, dtype in table.dtypes.items()}


@pytest.fixture(scope="session")
def targets(table: pd.DataFrame) -> dict[TaskKind, pd.Series]:
    """A target of each kind that depends on the numbers and the colour."""
    signal = table.iloc[:, 0].fillna(0) + (table["colour"] == "red") * 2.0 + table["count"] / 50
    return {
        TaskKind.BINARY: (signal > signal.median()).map({True: "yes", False: "no"}),
        TaskKind.MULTICLASS: pd.qcut(signal, 3, labels=False),
        TaskKind.REGRESSION: signal,
    }


@pytest.fixture(scope="session")
def as_read_by_pandas() -> Callable[[pd.DataFrame], pd.DataFrame]:
    """The table as a user has it who reads it from CSV: dates are strings, categories what they look like."""

    def through_csv(frame: pd.DataFrame) -> pd.DataFrame:
        return pd.read_csv(io.StringIO(frame.to_csv(index=False)))

    return through_csv


@pytest.fixture
def without_library(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Take the library of an algorithm away, as far as the table of learners knows."""

    def take_away(algorithm: str) -> None:
        learner = dataclasses.replace(LEARNERS[algorithm], module="no_such_library")
        monkeypatch.setitem(LEARNERS, algorithm, learner)

    return take_away


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """One thread for learners that take it from OpenMP: more fight over the few cores of a test machine."""
    import sklearn.ensemble  # noqa: F401 - loads the libraries that are limited

    with threadpool_limits(limits=1):
        yield
