import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from autometa.metafeatures import (
    EXTRACTION_VERSION,
    extract,
    information,
    landmarking,
    model_based,
    names,
    simple,
    statistical,
    target_shape,
)
from autometa.task import Task
from autometa.task_kind import TaskKind

MODULES = (simple, statistical, information, target_shape, model_based, landmarking)
N = 60
EVEN = np.arange(N) % 2
NOISE = np.random.default_rng(0).normal(size=N)


def _task(X: dict[str, object], y: object, kind: str = "binary") -> Task:
    return Task(name="t", X=pd.DataFrame(X), y=pd.Series(y), kind=TaskKind(kind), target="y")


HARD_TABLES = {
    "an all-missing column": _task({"a": np.full(N, np.nan), "b": NOISE}, EVEN),
    "nothing but missing": _task({"a": pd.Series([None] * N, dtype="str")}, NOISE, "regression"),
    "nothing but a constant": _task({"a": np.ones(N)}, EVEN),
    "one row per class": _task({"a": NOISE}, np.arange(N), "multiclass"),
    "a hundred classes": _task({"a": np.arange(1_500.0)}, np.arange(1_500) % 100, "multiclass"),
    "only text": _task({"a": [f"word {i}" for i in range(N)]}, EVEN),
    "only dates": _task({"a": pd.date_range("2020", periods=N)}, NOISE, "regression"),
    "thousands of levels": _task({"a": pd.Categorical(np.arange(9_000) % 4_000)}, np.arange(9_000) % 2),
    "levels of mixed types": _task({"a": pd.Categorical([1, "a", 2.5] * 20)}, EVEN),
    "unused classes": _task({"a": NOISE}, pd.Categorical(np.where(EVEN, "u", "v"), list("vzu"))),
    "ten thousand columns": _task({f"c{i}": NOISE for i in range(10_000)}, EVEN),
    "huge values": _task({"a": NOISE * 1e300, "b": np.where(EVEN, 1.7e308, -1.7e308)}, NOISE * 1e300, "regression"),
    "tiny values": _task({"a": NOISE * 1e-310}, np.where(EVEN, 5e-324, 0.0), "regression"),
    "infinite values": _task({"a": np.where(EVEN, np.inf, NOISE), "b": np.full(N, -np.inf)}, EVEN),
    "three rows, two classes": _task({"a": [1.0, 2.0, 3.0], "b": ["x", "y", "x"]}, [0, 1, 0]),
    "three rows, three classes": _task({"a": [1.0, 2.0, 3.0]}, [0, 1, 2], "multiclass"),
    "three rows, a number": _task({"a": [1.0, 2.0, 3.0]}, [0.0, 1.0, 5.0], "regression"),
    "two rows": _task({"a": [1.0, 2.0]}, [0, 1]),
    "a class that the sample misses": _task({"a": np.arange(50_000.0)}, np.arange(50_000) == 7),
    "a number that the sample misses": _task(
        {"a": np.arange(50_000.0)}, (np.arange(50_000) == 7).astype(float), "regression"
    ),
    "repeated row labels": Task(
        name="t",
        X=pd.DataFrame({"a": NOISE}, index=np.zeros(N, dtype=int)),
        y=pd.Series(EVEN),
        kind=TaskKind.BINARY,
        target="y",
    ),
}


@pytest.mark.parametrize("label", HARD_TABLES)
def test_a_hard_table_gives_a_full_vector_without_failures(label: str) -> None:
    described = extract(HARD_TABLES[label])
    assert described.failures == {}
    assert tuple(described.values) == names()
    assert not any(math.isinf(value) for value in described.values.values())
    assert described.values["nr_inst"] == HARD_TABLES[label].n_rows


def test_the_vector_has_more_than_sixty_distinct_names_in_six_groups(iris: Task) -> None:
    assert len(names()) == len(set(names()))
    assert len(names()) > 60
    described = extract(iris)
    assert described.version == EXTRACTION_VERSION
    assert list(described.seconds) == [
        "simple",
        "statistical",
        "information-theoretic",
        "target-shape",
        "model-based",
        "landmarking",
    ]
    assert all(seconds > 0 for seconds in described.seconds.values())


def test_every_meta_feature_names_its_source_and_has_a_pinned_value() -> None:
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    for module in MODULES:
        for name in module.GROUP.names:
            strong = next((words for learner, words in landmarking.STRONG.items() if name.startswith(learner)), None)
            docstring = getattr(module, name.split(".")[0]).__doc__ if strong is None else f"{strong} (ours)"
            assert any(source in docstring for source in ("]_", "doi:", "pymfe", "(ours)")), name
            assert f'"{name}"' in tests, f"{name} has no pinned value"


def test_the_same_task_and_seed_give_the_same_values_in_another_process() -> None:
    script = (
        "import json, numpy as np, pandas as pd\n"
        "from autometa.metafeatures import extract\n"
        "from autometa.task import Task\n"
        "random = np.random.default_rng(0)\n"
        "X = pd.DataFrame(random.normal(size=(3_000, 6)), columns=list('abcdef'))\n"
        "X['g'] = pd.Categorical(random.choice(list('xyz'), 3_000))\n"
        "y = pd.Series((X['a'] * X['b'] + random.normal(size=3_000) > 0).astype(int))\n"
        "task = Task(name='t', X=X, y=y, kind='binary', target='y')\n"
        "print(json.dumps([dict(extract(task, seed).values) for seed in (3, 4)]))\n"
    )
    runs = [
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert runs[0] == runs[1]
    third, fourth = json.loads(runs[0])
    assert third["nr_inst"] == fourth["nr_inst"] == 3_000
    assert third["skewness.mean"] != fourth["skewness.mean"]  # another seed draws other rows


def test_extraction_leaves_no_threads() -> None:  # a pool of them would make a later fork hang
    script = (
        "import os, time, numpy as np, pandas as pd\n"
        "from autometa.metafeatures import extract\n"
        "from autometa.task import Task\n"
        "X = pd.DataFrame(np.random.default_rng(0).normal(size=(900, 6)), columns=list('abcdef'))\n"
        "task = Task(name='t', X=X, y=pd.Series((X['a'] > 0).astype(int)), kind='binary', target='y')\n"
        "import sklearn.tree, lightgbm\n"
        "before = len(os.listdir('/proc/self/task'))\n"
        "extract(task)\n"
        "end = time.monotonic() + 5\n"
        "while len(os.listdir('/proc/self/task')) > before and time.monotonic() < end:\n"
        "    time.sleep(0.01)  # what was joined may take a moment to go\n"
        "print(len(os.listdir('/proc/self/task')) - before)\n"
    )
    if not Path("/proc/self/task").is_dir():
        pytest.skip("needs /proc, where the threads of a process are listed")
    environment = {**os.environ, "OMP_NUM_THREADS": "3"}
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)
    assert run.stdout.strip() == "0"


def test_the_order_of_columns_does_not_matter(toys: Task, wine: Task) -> None:
    for task in (toys, wine):
        turned = Task(name="t", X=task.X[task.X.columns[::-1]], y=task.y, kind=task.kind, target="y")
        assert dict(extract(turned).values) == pytest.approx(dict(extract(task).values), nan_ok=True, abs=0, rel=0)


def test_extraction_changes_nothing_in_the_task(gaps: Task) -> None:
    X, y = gaps.X.copy(deep=True), gaps.y.copy(deep=True)
    extract(gaps)
    pd.testing.assert_frame_equal(gaps.X, X)
    pd.testing.assert_series_equal(gaps.y, y)


def test_a_runaway_is_stopped_and_every_value_left_is_a_failure(iris: Task) -> None:
    described = extract(iris, time_limit_seconds=0.0)
    defined = {name for name, value in extract(iris).values.items() if not math.isnan(value)}
    assert defined <= set(described.failures)
    assert all("ran past its time limit" in reason for reason in described.failures.values())
    assert all(math.isnan(value) for value in described.values.values())
