"""What a fit does with its time: ``python -m benchmarks.fitting --db FILE``

Made tables of several sizes are fitted with several budgets of seconds, on one core and on ``--jobs``. Told are the
seconds that the whole fit took, beside the budget; how many pipelines were attempted, and how many were measured to the
end; and the score out of fold of the first advice and of the model. With ``--index INDEX``, an ``index.csv`` as
`autometa kb grow --from` takes it, tables of more than 500 rows are taken from there: ``--tables`` of them, in the
order of the hashes of their names, none of a judgement family.
"""

import argparse
import math
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from autometa.estimators import AutoMetaClassifier, AutoMetaRegressor
from benchmarks.system import draw

Estimator = type[AutoMetaClassifier] | type[AutoMetaRegressor]
SIZES = ((1_000, 20), (10_000, 30), (100_000, 50))
BUDGETS = (2.0, 10.0, 30.0)
SEED = 0
LEAST_ROWS = 500


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--db", help="knowledge base; default: the user's own")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--budgets", type=float, nargs="+", default=list(BUDGETS))
    parser.add_argument("--index", type=Path, help="of tables to fit; default: made ones")
    parser.add_argument("--tables", type=int, default=12)
    options = parser.parse_args()
    first = made_table(500, 10)
    AutoMetaClassifier(time_budget=0, knowledge=options.db).fit(*first)  # what is learned once, and kept, is not timed
    tables = made_tables() if options.index is None else known_tables(options.index, options.tables)
    found = pd.DataFrame(rows(tables, options.db, options.budgets, options.jobs))
    print(found.to_string(index=False))
    print(found.groupby(["budget s", "cores"])["attempted"].describe()[["count", "min", "25%", "50%", "75%", "max"]])


def rows(
    tables: Iterable[tuple[str, Estimator, pd.DataFrame, pd.Series]], db: str | None, budgets: list[float], n_jobs: int
) -> Iterator[dict[str, object]]:
    """Yield a row for each table, budget and number of cores."""
    for name, make, X, y in tables:
        for budget in budgets:
            for jobs in sorted({1, n_jobs}):
                started = time.monotonic()
                model = make(time_budget=budget, n_jobs=jobs, knowledge=db).fit(X, y)
                seconds = time.monotonic() - started
                board = model.leaderboard_
                most = board["rung"].max()
                whole = board[(board["rung"] == most) & (board["status"] == "ok")]
                advised = model.recommendation_[0].configuration.key
                score = board.loc[(board["key"] == advised) & (board["rung"] == most), "score"]
                yield {
                    "table": name,
                    "budget s": budget,
                    "cores": jobs,
                    "took s": round(seconds, 1),
                    "within 1.1x + 2 s": seconds <= 1.1 * budget + 2.0,
                    "attempted": len(board),
                    "to the end": len(whole),
                    "first advice": round(float(score.iloc[0]), 4) if len(score) else math.nan,
                    "model": round(model.score_, 4),
                    "members": 1 if model.ensemble_ is None else len(model.ensemble_.members),
                }


def made_tables() -> Iterator[tuple[str, Estimator, pd.DataFrame, pd.Series]]:
    """Yield made tables with their names, and what fits them."""
    for n_rows, n_columns in SIZES:
        yield f"{n_rows:,} x {n_columns}", AutoMetaClassifier, *made_table(n_rows, n_columns)


def known_tables(index: Path, n_tables: int) -> Iterator[tuple[str, Estimator, pd.DataFrame, pd.Series]]:
    """Yield tables of an index with their names, and what fits them."""
    large = [row for row in draw(index, sys.maxsize, only_others=True) if row["n_rows"] > LEAST_ROWS]
    for row in large[:n_tables]:
        frame = pd.read_parquet(index.parent / row["file"])
        frame = frame[frame["target"].notna()]
        y = frame.pop("target")
        is_numbers = row["task"] == "regression"
        name = f"{row['name']}, {frame.shape[0]:,} x {frame.shape[1]}"
        yield name, AutoMetaRegressor if is_numbers else AutoMetaClassifier, frame, y if is_numbers else y.astype(str)


def made_table(n_rows: int, n_columns: int) -> tuple[pd.DataFrame, pd.Series]:
    """Return a table of numbers and two categories, and a binary target with products in it, and noise."""
    rng = np.random.default_rng(SEED)
    X = pd.DataFrame(rng.normal(size=(n_rows, n_columns - 2)), columns=[f"x{i}" for i in range(n_columns - 2)])
    for name in ("colour", "shape"):
        X[name] = rng.choice(["a", "b", "c", "d"], n_rows)
    signal = X["x0"] * X["x1"] + X["x2"] + (X["colour"] == "a") * X["x3"] + np.sin(3 * X["x4"])
    y = pd.Series(np.where(signal + rng.normal(size=n_rows) > 0, "yes", "no"), name="y")
    return X, y


if __name__ == "__main__":
    main()
