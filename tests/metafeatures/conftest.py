"""Tasks with known meta-features."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_iris, load_wine

from autometa.task import Task
from autometa.task_kind import TaskKind


@pytest.fixture(scope="session")
def iris() -> Task:
    """150 x 4, numeric, 3 classes."""
    data = load_iris(as_frame=True)
    return Task(name="iris", X=data.data, y=data.target, kind=TaskKind.MULTICLASS, target="species")


@pytest.fixture(scope="session")
def wine() -> Task:
    """178 x 13, numeric, 3 classes."""
    data = load_wine(as_frame=True)
    return Task(name="wine", X=data.data, y=data.target, kind=TaskKind.MULTICLASS, target="cultivar")


@pytest.fixture(scope="session")
def diabetes() -> Task:
    """442 x 10, numeric, regression."""
    data = load_diabetes(as_frame=True, scaled=False)
    return Task(name="diabetes", X=data.data, y=data.target, kind=TaskKind.REGRESSION, target="progression")


@pytest.fixture(scope="session")
def toys() -> Task:
    """12 x 3, two nominal columns and a number, 2 classes; small enough to be counted by hand."""
    X = pd.DataFrame(
        {
            "colour": pd.Categorical(list("rrrgggbbrgbr")),
            "size": pd.Series(list("slslslslslll"), dtype="str"),
            "width": [1.0, 2, 4, 3, 5, 6, 8, 9, 1, 2, 7, 3],
        }
    )
    y = pd.Series([0, 0, 1, 0, 1, 1, 1, 1, 0, 0, 1, 0])
    return Task(name="toys", X=X, y=y, kind=TaskKind.BINARY, target="sold")


@pytest.fixture(scope="session")
def gaps() -> Task:
    """6 x 5, every kind of column, missing values and a regression target with zeros and an outlier."""
    X = pd.DataFrame(
        {
            "number": [1.0, np.nan, 3.0, np.inf, 5.0, 1.0],
            "flag": [True, False, True, True, False, True],
            "level": pd.Categorical(["a", None, "b", "a", "c", "a"]),
            "text": pd.Series(["p", "q", None, "s", "t", "u"], dtype="str"),
            "day": pd.to_datetime(pd.Series(["2024-01-01", "2024-01-02", None, None, "2024-01-05", None])),
        }
    )
    y = pd.Series([0.0, 0.0, 1.0, 2.0, 3.0, 100.0])
    return Task(name="gaps", X=X, y=y, kind=TaskKind.REGRESSION, target="amount")
