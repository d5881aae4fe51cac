"""What meta-features cost: seconds and memory by the size of the table, beside pymfe where it is installed.

    python benchmarks/metafeatures.py [--repeats 3]

Every row is measured in a process of its own: the table is made and read as a task, then the features are extracted
--repeats times; "first" is a first extraction of a tiny table, which imports the libraries. Memory is the highest
resident size above that with the table and the warm libraries, freed memory handed back before. The aims:
1,000,000 x 50 under 5 s and under twice the table's own memory in all; 1,000 x 20 under 0.3 s.
"""

import argparse
import ctypes
import gc
import importlib.util
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from autometa.metafeatures import extract
from autometa.reading import read_task
from autometa.task import Task
from autometa.task_kind import TaskKind

SHAPES = ((1_000, 20), (10_000, 30), (100_000, 50), (1_000_000, 50))
# The values that pymfe computes too, in its groups.
PYMFE_GROUPS = ("general", "statistical", "info-theory", "landmarking")


def main() -> None:
    """Print the table, or measure one row of it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--row", nargs=3, metavar=("ROWS", "COLUMNS", "KIND"))
    options = parser.parse_args()
    if options.row:
        print(json.dumps(measure(int(options.row[0]), int(options.row[1]), TaskKind(options.row[2]), options.repeats)))
        return
    print(f"{'table':>15} {'kind':>11} {'seconds':>9} {'first':>7} {'table MB':>9} {'extra MB':>9} {'in all':>7}")
    for n_rows, n_columns in SHAPES:
        for kind in (TaskKind.BINARY, TaskKind.REGRESSION):
            command = [sys.executable, __file__, "--repeats", str(options.repeats), "--row"]
            result = subprocess.run(
                [*command, str(n_rows), str(n_columns), str(kind)], check=True, capture_output=True, text=True
            )
            row = json.loads(result.stdout)
            in_all = (row["table_mb"] + row["extra_mb"]) / row["table_mb"]
            print(
                f"{n_rows:>9,} x {n_columns:<3} {kind:>11} {row['seconds']:9.3f} {row['first']:7.3f} "
                f"{row['table_mb']:9.1f} {row['extra_mb']:9.1f} {in_all:6.2f}x"
            )
    compare_with_pymfe(options.repeats)


def make_task(n_rows: int, n_columns: int, kind: TaskKind) -> Task:
    """Return a task with numbers, categories and missing values."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(n_rows, n_columns)), columns=[f"x{i}" for i in range(n_columns)])
    for name in frame.columns[::10]:
        frame[name] = pd.Categorical.from_codes(rng.integers(0, 8, n_rows), categories=pd.Index(list("abcdefgh")))
    for name in frame.columns[1::10]:
        frame.loc[rng.random(n_rows) < 0.05, name] = np.nan
    level = frame["x2"] - frame["x3"] + rng.normal(size=n_rows)
    target = level if kind is TaskKind.REGRESSION else np.where(level > 0, "yes", "no")
    return read_task(frame, target, target="y", kind=kind)


def measure(n_rows: int, n_columns: int, kind: TaskKind, repeats: int) -> dict[str, float]:
    """Return seconds and megabytes of one shape, in this process."""
    started = time.perf_counter()
    extract(make_task(60, 5, kind))  # the libraries that are imported on use
    first = time.perf_counter() - started
    task = make_task(n_rows, n_columns, kind)
    hand_back_memory()
    reset_peak()
    before = peak_bytes()
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        features = extract(task)
        seconds.append(time.perf_counter() - started)
    if features.failures:
        raise SystemExit(f"failures: {features.failures}")
    return {
        "seconds": statistics.median(seconds),
        "first": first,
        "table_mb": float(task.X.memory_usage(deep=True).sum() + task.y.memory_usage(deep=True)) / 2**20,
        "extra_mb": (peak_bytes() - before) / 2**20,
    }


def hand_back_memory() -> None:
    """Give freed memory back to the system where the C library can, so that it is not used again uncounted."""
    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)


def reset_peak() -> None:
    """Let the highest resident size begin anew, where the system can."""
    path = Path("/proc/self/clear_refs")
    if path.exists():
        path.write_text("5", encoding="ascii")


def peak_bytes() -> int:
    """Return the highest resident size of this process."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = dict(line.split(":", 1) for line in status.read_text(encoding="ascii").splitlines())
        return int(lines["VmHWM"].split()[0]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def compare_with_pymfe(repeats: int) -> None:
    """Print seconds of both on one numeric table, for the groups that both have."""
    if importlib.util.find_spec("pymfe") is None:
        print("pymfe is not installed: no comparison (pip install pymfe)")
        return
    from pymfe.mfe import MFE

    rng = np.random.default_rng(0)
    X = rng.normal(size=(1_000, 20))
    y = (X[:, 0] + X[:, 1] > 0).astype(int)
    task = read_task(X, y)
    extract(task)
    ours, theirs = [], []
    for _ in range(repeats):
        started = time.perf_counter()
        extract(task)
        ours.append(time.perf_counter() - started)
        started = time.perf_counter()
        MFE(groups=list(PYMFE_GROUPS), random_state=0).fit(X, y).extract(suppress_warnings=True)
        theirs.append(time.perf_counter() - started)
    a, b = statistics.median(ours), statistics.median(theirs)
    print(
        f"1,000 x 20 numbers, two classes: ours (all groups) {a:.3f} s, pymfe (shared groups) {b:.3f} s: {b / a:.1f}x"
    )


if __name__ == "__main__":
    main()
