"""What the tests of evaluation share: a task, learners that other processes can import, and evaluators."""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from autometa.evaluation.running import Evaluator, Limits
from autometa.task import Task
from autometa.task_kind import TaskKind
from tests.evaluation.allowances import CPU_SECONDS, MEMORY_BYTES

ROOT = str(Path(__file__).parents[2])
if ROOT not in sys.path:  # for tests.evaluation.hostile_learners, here and in the processes of an evaluation
    sys.path.append(ROOT)


@pytest.fixture(scope="session")
def line() -> Task:
    """A regression of 60 rows."""
    X = pd.DataFrame({"a": np.arange(60.0)})
    return Task(name="line", X=X, y=2 * X["a"] + 1, kind=TaskKind.REGRESSION, target="b")


@pytest.fixture(scope="session")
def evaluator() -> Iterator[Evaluator]:
    """Half a second of CPU, one and a half on the clock, 200 MiB."""
    with Evaluator(Limits(cpu_seconds=CPU_SECONDS, memory_bytes=MEMORY_BYTES)) as evaluator:
        yield evaluator
