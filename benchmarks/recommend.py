"""What `autometa recommend` costs: wall time of whole processes, and how much of it is imports.

    python benchmarks/recommend.py [--rows 10000 --columns 30] [--repeats 7]

Each figure is the median over processes of their own, on a warm disk; the commands take turns, so that a machine that
slows down slows all of them.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from autometa.knowledge.shipped import create_filled, shipped_shards

# What a recommendation imports, and nothing else: as Python does it, and as the command does, not collecting garbage.
IMPORTS = "import autometa.cli.main, autometa.cli.recommend, sklearn.tree, lightgbm"
LOADS = (
    "import autometa.cli.main; from autometa.cli.importing import MEASURING, load; "
    "load('autometa.cli.recommend'); load(*MEASURING)"
)
MODULES = ("pandas", "sqlalchemy", "sklearn.tree", "typer")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--columns", type=int, default=30)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        base, table = Path(folder) / "knowledge.db", Path(folder) / "table.csv"
        started = time.perf_counter()
        create_filled(base)
        first_use = time.perf_counter() - started
        make_table(options.rows, options.columns).to_csv(table, index=False)
        example = str(Path(__file__).parents[1] / "data" / "examples" / "breast_cancer.csv")
        recommend = [sys.executable, "-m", "autometa", "recommend", "--db", str(base), "--format", "json"]
        commands = {
            f"recommend, {options.rows} x {options.columns}": [*recommend, str(table)],
            "recommend, breast_cancer.csv": [*recommend, example],
            "imports alone, as the command does": [sys.executable, "-c", LOADS],
            "imports alone, as Python does": [sys.executable, "-c", IMPORTS],
            **{f"  of which {module}": [sys.executable, "-c", f"import {module}"] for module in MODULES},
            "import autometa": [sys.executable, "-c", "import autometa"],
            "python alone": [sys.executable, "-c", "pass"],
        }
        print(f"making the base from {len(shipped_shards())} shipped shards, once: {first_use:.2f} s")
        report(measure(commands, options.repeats))


def make_table(n_rows: int, n_columns: int) -> pd.DataFrame:
    """Return a table with numbers, categories and missing values, the target last."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(n_rows, n_columns)), columns=[f"x{i}" for i in range(n_columns)])
    for name in frame.columns[::5]:
        frame[name] = rng.choice(["red", "green", "blue", "grey"], size=n_rows)
    frame = frame.mask(rng.random(frame.shape) < 0.02)
    return frame.assign(y=np.where(rng.random(n_rows) + frame["x1"].fillna(0) > 0.5, "yes", "no"))


def measure(commands: dict[str, list[str]], repeats: int) -> dict[str, list[float]]:
    """Return wall seconds of each command, one warm-up apart, in turns."""
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(repeats + 1):
        for name, command in commands.items():
            started = time.perf_counter()
            result = subprocess.run(command, check=True, capture_output=True)
            if turn > 0:
                seconds[name].append(time.perf_counter() - started)
            if "recommend" in name and not json.loads(result.stdout)["recommendations"]:
                raise SystemExit(f"{name} gave nothing")
    return seconds


def report(seconds: dict[str, list[float]]) -> None:
    """Print median and range of each command, and its share of the first."""
    whole = statistics.median(next(iter(seconds.values())))
    print(f"{'command':40} {'median s':>9} {'min':>7} {'max':>7} {'share':>7}")
    for name, values in seconds.items():
        median = statistics.median(values)
        print(f"{name:40} {median:9.3f} {min(values):7.3f} {max(values):7.3f} {median / whole:7.0%}")


if __name__ == "__main__":
    main()
