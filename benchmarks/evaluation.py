"""What an evaluation costs above its learner: starting and ending a process, by the size of the table.

    python benchmarks/evaluation.py [--repeats 200] [--soft-repeats 3] [--seconds 60]

"alone" is the learner by itself: its folds are cloned, fitted and predicted in this process, on one thread. "above" is
what an evaluation takes longer: handing the table over, the process, scores and reports; on the clock (mean, median,
most), and in CPU time of all processes (mean), which says more where other work goes on. Both take turns, so that a
machine that slows down slows both: where other work takes turns with both, "above" may even be negative for a learner
that takes seconds. A row ends after --repeats or, if that takes longer, --seconds. The aim: at most
50 ms on average.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import psutil
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.neighbors import KNeighborsClassifier
from threadpoolctl import threadpool_limits

from autometa.evaluation.protocol import CV_V1, HOLDOUT_V1, Protocol
from autometa.evaluation.record import Status
from autometa.evaluation.running import Evaluator
from autometa.reading import read_task
from autometa.space import Configuration
from autometa.task import Task

TABLES = ((100, 5, CV_V1), (3_000, 30, CV_V1), (20_000, 100, HOLDOUT_V1))
LEARNERS: dict[str, Any] = {  # Any: scikit-learn's classes have no types
    "dummy": DummyClassifier(),
    "k-NN": KNeighborsClassifier(),
}
CONFIGURATION = Configuration(algorithm="benchmark")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--repeats", type=int, default=200)
    parser.add_argument("--soft-repeats", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    print(
        f"{'table':>14} {'protocol':>10} {'learner':>7} {'limits':>6} {'runs':>4} {'alone ms':>8} "
        f"{'above: mean':>11} {'median':>7} {'most':>7} {'CPU':>6} {'first ms':>8}"
    )
    for n_rows, n_columns, protocol in TABLES:
        task = make_task(n_rows, n_columns)
        for name, learner in LEARNERS.items():
            for limits, n_repeats in (("hard", options.repeats), ("soft", options.soft_repeats)):
                with Evaluator(hard=limits == "hard") as evaluator:
                    first, alone, above, cpu = measure(evaluator, task, learner, protocol, n_repeats, options.seconds)
                print(
                    f"{f'{n_rows:,} x {n_columns}':>14} {protocol.name:>10} {name:>7} {limits:>6} {len(above):>4} "
                    f"{alone:8.1f} {statistics.fmean(above):11.1f} {statistics.median(above):7.1f} {max(above):7.1f} "
                    f"{cpu:6.1f} {first:8.0f}",
                    flush=True,
                )


def make_task(n_rows: int, n_columns: int) -> Task:
    """Return a task of two classes, numbers only."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(n_rows, n_columns)), columns=[f"x{i}" for i in range(n_columns)])
    return read_task(frame, np.where(frame["x0"] + rng.normal(size=n_rows) > 0, "yes", "no"), target="y")


def measure(
    evaluator: Evaluator, task: Task, learner: Any, protocol: Protocol, n_repeats: int, seconds: float
) -> tuple[float, float, list[float], float]:
    """Return milliseconds: of the first evaluation, of the learner alone, of each evaluation above that, and of CPU."""
    prepared = protocol.prepare(task, 0)

    def evaluate() -> None:
        evaluation = evaluator.evaluate_estimator(task, learner, CONFIGURATION, protocol=protocol)
        if evaluation.status is not Status.OK:
            raise SystemExit(f"{evaluation.status}: {evaluation.error}")

    def work() -> None:
        for train, test in prepared.folds:
            fitted = clone(learner).fit(prepared.X.iloc[train], prepared.y.iloc[train])
            X_test = prepared.X.iloc[test]
            fitted.predict(X_test)
            fitted.predict_proba(X_test)

    with threadpool_limits(1):
        first = milliseconds(evaluate)
        work()
        ends_at = time.monotonic() + seconds
        whole: list[float] = []
        alone: list[float] = []
        cpu_ms = 0.0
        while len(whole) < n_repeats and time.monotonic() < ends_at:
            before = cpu_seconds()
            whole.append(milliseconds(evaluate))
            between = cpu_seconds()
            alone.append(milliseconds(work))
            cpu_ms += 1000 * (2 * between - before - cpu_seconds())
    above = [each - statistics.median(alone) for each in whole]
    return first, statistics.median(alone), above, cpu_ms / len(whole)


def cpu_seconds() -> float:
    """Return CPU seconds of this process and of all below it, of ended ones too."""
    root = psutil.Process()
    times = [process.cpu_times() for process in (root, *root.children(recursive=True))]
    return sum(each.user + each.system + each.children_user + each.children_system for each in times)


def milliseconds(act: Callable[[], None]) -> float:
    """Return how long ``act`` takes on the clock."""
    started = time.perf_counter()
    act()
    return 1000 * (time.perf_counter() - started)


if __name__ == "__main__":
    main()
