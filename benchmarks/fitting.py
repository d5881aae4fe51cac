"""What a fit does with its time: ``python -m benchmarks.fitting --db FILE``

Made tables of several sizes are fitted with several budgets of seconds, on one core and on ``--jobs``. Told are the
seconds that the whole fit took, beside the budget; how many pipelines were attempted, and how many were measured to the
end; and the score out of fold of the first advice and of the model.
"""

import argparse
import math
import time
from collections.abc import Iterator

import numpy as np
import pandas as pd

from autometa.estimators import AutoMetaClassifier

SIZES = ((1_000, 20), (10_000, 30), (100_000, 50))
BUDGETS = (2.0, 10.0, 30.0)
SEED = 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--db", help="knowledge base; default: the user's own")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--budgets", type=float, nargs="+", default=list(BUDGETS))
    options = parser.parse_args()
    first = made_table(500, 10)
    AutoMetaClassifier(time_budget=0, knowledge=options.db).fit(*first)  # what is learned once, and kept, is not timed
    print(pd.DataFrame(rows(options.db, options.budgets, options.jobs)).to_string(index=False))


def rows(db: str | None, budgets: list[float], n_jobs: int) -> Iterator[dict[str, object]]:
    """Yield a row for each size, budget and number of cores."""
    for n_rows, n_columns in SIZES:
        X, y = made_table(n_rows, n_columns)
        for budget in budgets:
            for jobs in sorted({1, n_jobs}):
                started = time.monotonic()
                model = AutoMetaClassifier(time_budget=budget, n_jobs=jobs, knowledge=db).fit(X, y)
                seconds = time.monotonic() - started
                board = model.leaderboard_
                most = board["rung"].max()
                whole = board[(board["rung"] == most) & (board["status"] == "ok")]
                advised = model.recommendation_[0].configuration.key
                score = board.loc[(board["key"] == advised) & (board["rung"] == most), "score"]
                yield {
                    "table": f"{n_rows:,} x {n_columns}",
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
