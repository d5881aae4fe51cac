"""What the pilot says: algorithms, ranges, preprocessing, cost. ``python -m benchmarks.pilot.figures PILOT.db INDEX``

Losses of a task are normalised as everywhere: 0 is the best run of the pilot on it, 1 the median or worse. The *top
tenth* of an algorithm on a task are its tenth of runs with the lowest losses there. Printed as Markdown.

- **Algorithms**: mean normalised loss of the defaults and of the best run; the loss to expect of the best of 10 random
  draws; on how many tasks an algorithm has the best run of all; by how much the mean loss of a greedy portfolio of 10
  over all runs rises when the algorithm is left out of it; CPU seconds of an evaluation, all folds together.
- **Ranges**: where in the range of a parameter (of its logarithm, if it is drawn so) the top tenth lies, against all
  draws: shares in the lowest and the highest tenth of the range; 10 % each is what chance gives.
- **Choices**: share of each choice among all draws and in the top tenth; encodings on tasks with categories alone.
"""

import argparse
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from autometa.knowledge.base import KnowledgeBase
from autometa.metric import default_metric
from autometa.pipelines.building import PIPELINES_VERSION
from autometa.pipelines.learners import space_of
from autometa.space import Parameter, Value
from autometa.task_kind import TaskKind

TOP_SHARE = 0.1
N_DRAWS = 10
N_PORTFOLIO = 10


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pilot:
    """The runs of one kind.

    ``runs`` has a row for each run: task, algorithm, key, values, is_default, excess ((loss - best) / (median - best),
    inf for a failure), normalised (the same, at most 1), cpu_seconds, status, n_categorical.
    """

    kind: TaskKind
    runs: pd.DataFrame


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("db", type=Path)
    parser.add_argument("index", type=Path, help="the index.csv of the pilot's tables")
    arguments = parser.parse_args()
    with KnowledgeBase(arguments.db) as base:
        pilots = [read(base, kind, pd.read_csv(arguments.index)) for kind in TaskKind]
    for pilot in pilots:
        n_tasks = pilot.runs["task"].nunique()
        print(f"\n## {pilot.kind}: {n_tasks} tasks, {len(pilot.runs)} runs\n")
        print_table(algorithm_figures(pilot))
    print("\n## Ranges\n")
    print_table(pd.DataFrame([row for pilot in pilots for row in range_figures(pilot)]))
    print("\n## Choices\n")
    print_table(pd.DataFrame([row for pilot in pilots for row in choice_figures(pilot)]))


def read(base: KnowledgeBase, kind: TaskKind, index: pd.DataFrame) -> Pilot:
    """Return the runs on the tables of ``index``."""
    metric = default_metric(kind)
    frame = base.evaluations()
    index = index[index["task"] == kind].set_index("name")
    is_ours = frame["task"].isin(index.index) & (frame["pipelines_version"] == PIPELINES_VERSION)
    runs = frame[is_ours & (frame["protocol"] == "cv-v1")].sort_values(["task", "key"])  # in whatever order they came
    runs["loss"] = [metric.loss(score) if pd.notna(score) else math.inf for score in runs[metric.name]]
    runs["values"] = [json.loads(content)["values"] for content in runs["content"]]
    runs["is_default"] = [not values for values in runs["values"]]
    runs["n_categorical"] = index["n_categorical"].reindex(runs["task"]).to_numpy()
    n_folds = np.where(index["n_rows"].reindex(runs["task"]).to_numpy() <= 500, 5, 3)
    runs["cpu_seconds"] = (runs["fit_seconds"] + runs["predict_seconds"].fillna(0.0)) * n_folds
    ok = runs["loss"].where(np.isfinite(runs["loss"]))
    best, median = (ok.groupby(runs["task"]).transform(statistic) for statistic in ("min", "median"))
    runs["excess"] = ((runs["loss"] - best) / (median - best)).fillna(math.inf)
    runs["normalised"] = runs["excess"].clip(0.0, 1.0)
    return Pilot(kind=kind, runs=runs)


def algorithm_figures(pilot: Pilot) -> pd.DataFrame:
    """Return a row for each algorithm, best ones first."""
    runs = pilot.runs
    matrix = runs.pivot_table(index="task", columns="key", values="normalised", aggfunc="first").fillna(1.0)
    algorithm_of = runs.drop_duplicates("key").set_index("key")["algorithm"].reindex(matrix.columns).to_numpy()
    reached = portfolio_loss(matrix.to_numpy())
    winners = runs.loc[runs.groupby("task")["normalised"].idxmin(), "algorithm"].value_counts()
    rows = []
    for algorithm, own in runs.groupby("algorithm"):
        defaults = own[own["is_default"]]["normalised"]
        rows.append(
            {
                "algorithm": algorithm,
                "configurations": own["key"].nunique(),
                "defaults": defaults.mean(),
                f"best of {N_DRAWS}": own.groupby("task")["normalised"].apply(expected_best).mean(),
                "best": own.groupby("task")["normalised"].min().mean(),
                "wins": int(winners.get(algorithm, 0)),
                "left out": portfolio_loss(matrix.to_numpy()[:, algorithm_of != algorithm]) - reached,
                "CPU s": own["cpu_seconds"].mean(),
                "not ok": float(np.mean(own["status"] != "ok")),
            }
        )
    return pd.DataFrame(rows).sort_values(f"best of {N_DRAWS}")


def expected_best(losses: pd.Series) -> float:
    """Return the expectation of the lowest of `N_DRAWS` losses drawn without replacement."""
    ascending = np.sort(losses.to_numpy())
    n, k = len(ascending), min(N_DRAWS, len(ascending))
    # P(the i-th smallest is the lowest of k) = C(n-i-1, k-1) / C(n, k)
    weights = np.array([math.comb(n - i - 1, k - 1) / math.comb(n, k) for i in range(n)])
    return float(weights @ ascending)


def portfolio_loss(losses: np.ndarray) -> float:
    """Return the mean over tasks of the best loss in a greedy portfolio of `N_PORTFOLIO`."""
    best = np.ones(len(losses))
    for _ in range(N_PORTFOLIO):
        after = np.minimum(best[:, None], losses)
        best = after[:, after.mean(axis=0).argmin()]
    return float(best.mean())


def tops(pilot: Pilot, algorithm: str, *, with_categories: bool = False) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return all draws of an algorithm, and the top tenth of each task."""
    drawn = pilot.runs[(pilot.runs["algorithm"] == algorithm) & ~pilot.runs["is_default"]]
    if with_categories:
        drawn = drawn[drawn["n_categorical"] > 0]
    rank = drawn.groupby("task")["normalised"].rank(method="first", pct=True)
    return drawn, drawn[rank <= TOP_SHARE]


def range_figures(pilot: Pilot) -> Iterator[dict[str, object]]:
    """Yield a row for each numeric parameter."""
    for algorithm in sorted(pilot.runs["algorithm"].unique()):
        drawn, top = tops(pilot, algorithm)
        for parameter in space_of(algorithm, pilot.kind).parameters:
            if parameter.kind == "categorical" or len(top) < 5:
                continue
            everywhere, there = (positions(frame["values"], parameter) for frame in (drawn, top))
            if len(there) < 5:
                continue
            yield {
                "kind": str(pilot.kind),
                "algorithm": algorithm,
                "parameter": parameter.name,
                "range": f"{parameter.low:g} to {parameter.high:g}",
                "all: low": np.mean(everywhere <= 0.1),
                "all: high": np.mean(everywhere >= 0.9),
                "top: low": np.mean(there <= 0.1),
                "top: high": np.mean(there >= 0.9),
                "top: median": median_value(there, parameter),
                "n": len(there),
            }


def positions(values: pd.Series, parameter: Parameter) -> np.ndarray:
    """Return where in its range, 0 to 1, a parameter lies in the runs that set it."""
    given = np.array([each[parameter.name] for each in values if isinstance(each.get(parameter.name), int | float)])
    scale = np.log if parameter.log else np.asarray
    low, high = scale(parameter.low), scale(parameter.high)
    return np.asarray((scale(given) - low) / (high - low)) if len(given) else np.empty(0)


def median_value(there: np.ndarray, parameter: Parameter) -> float:
    """Return the median of positions as a value of the parameter."""
    middle = float(np.median(there))
    if parameter.log:
        return float(parameter.low * (parameter.high / parameter.low) ** middle)
    return parameter.low + middle * (parameter.high - parameter.low)


def choice_figures(pilot: Pilot) -> Iterator[dict[str, object]]:
    """Yield a row for each choice of each categorical parameter."""
    for algorithm in sorted(pilot.runs["algorithm"].unique()):
        for parameter in space_of(algorithm, pilot.kind).parameters:
            if parameter.kind != "categorical":
                continue
            drawn, top = tops(pilot, algorithm, with_categories=parameter.name == "encoding")
            if parameter.condition is not None or len(top) < 5:
                continue
            for choice in parameter.choices:
                yield {
                    "kind": str(pilot.kind),
                    "algorithm": algorithm,
                    "parameter": parameter.name,
                    "choice": str(choice),
                    "all": share(drawn["values"], parameter, choice),
                    "top": share(top["values"], parameter, choice),
                    "n": len(top),
                }


def share(values: pd.Series, parameter: Parameter, choice: Value) -> float:
    """Return the share of runs with a choice; absent means the default."""
    return float(np.mean([each.get(parameter.name, parameter.default) == choice for each in values]))


def print_table(frame: pd.DataFrame) -> None:
    """Print a frame as a table of Markdown."""
    if frame.empty:
        return
    print("| " + " | ".join(frame.columns) + " |")
    print("|" + "|".join("---:" if pd.api.types.is_numeric_dtype(dtype) else "---" for dtype in frame.dtypes) + "|")
    for row in frame.itertuples(index=False):
        print("| " + " | ".join(f"{cell:.3g}" if isinstance(cell, float) else str(cell) for cell in row) + " |")


if __name__ == "__main__":
    main()
