"""Candidate lists from the pilot: ``python -m benchmarks.pilot.choose PILOT.db INDEX FOLDER``

Writes ``binary.json`` and so on into FOLDER: `N_CANDIDATES` configurations a kind, in an order of which every prefix is
to be a good portfolio, and prints how good. How a list is made:

1. Losses are normalised per task: 0 the best run of the pilot, 1 the median. Of that x, the square root of x / (1 + x)
   is the cost that a list is to make small. Cut off at the median instead, single tasks on which a configuration
   happens to be the best decide too much, since most others count alike there.
2. Configurations that failed on more than `MAX_NOT_OK` of the tasks, or take more than `MAX_CPU_SECONDS` on average,
   are left out; the libraries' defaults never are.
3. Greedy choice, each pick lowering the mean best cost the most; once no pick lowers it by `MIN_GAIN`, a new layer
   begins that forgets what was picked, so that later candidates are a portfolio of their own and no twins of the first.
4. Every `DEFAULTS_EVERY`-th place goes to the best default that is left.

Judged leaving one task out: the list is made from the others, and its first k are measured on the one left out, by x
cut off at 1. Beside it: the draws in one random order, the same greedy choice without layers and defaults, and the list
made to keep cut-off losses small.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from autometa.knowledge.base import KnowledgeBase
from autometa.space import Configuration
from autometa.task_kind import TaskKind
from benchmarks.pilot.figures import Pilot, print_table, read

N_CANDIDATES = 100
MAX_NOT_OK = 0.1
MAX_CPU_SECONDS = 20.0
MIN_GAIN = 2e-3
DEFAULTS_EVERY = 2
MIN_COVERAGE = 0.9
KS = (1, 3, 5, 10, 25, 50, 100)

Chooser = Callable[[np.ndarray, np.ndarray], list[int]]


def main() -> None:
    """Write the lists and print how good they are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("db", type=Path)
    parser.add_argument("index", type=Path, help="the index.csv of the pilot's tables")
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    index = pd.read_csv(arguments.index)
    with KnowledgeBase(arguments.db) as base:
        pilots = [read(base, kind, index) for kind in TaskKind]
    for pilot in pilots:
        table = Table(pilot)
        chosen = choose_layered(table.costs, table.is_default)[:N_CANDIDATES]
        write(arguments.folder / f"{pilot.kind}.json", [table.configurations[column] for column in chosen])
        print(f"\n## {pilot.kind}: {len(table.tasks)} tasks, {len(table.configurations)} eligible configurations\n")
        judged = [judge(table, name, chooser, table.costs) for name, chooser in CHOOSERS.items()]
        judged.append(judge(table, "the list, if cut off", choose_layered, table.losses))
        print_table(pd.DataFrame(judged))
        algorithms = pd.Series([table.configurations[column].algorithm for column in chosen]).value_counts()
        print("\n" + ", ".join(f"{name} {n}" for name, n in algorithms.items()))
        cost = table.cpu_seconds[chosen]
        print(f"{cost.sum():.0f} CPU s a task on average, all folds together; the first 40: {cost[:40].sum():.0f}")


class Table:
    """Eligible configurations of one kind on the tasks of the pilot.

    ``losses``, by which lists are judged, and ``costs``, by which they are made: (n_tasks, n_configurations);
    ``is_default``, ``cpu_seconds``: (n_configurations,).
    """

    def __init__(self, pilot: Pilot) -> None:
        runs = pilot.runs.drop_duplicates(["task", "key"])
        runs = runs.assign(is_ok=runs["status"] == "ok")
        by_key = runs.groupby("key")
        n_tasks = runs["task"].nunique()
        is_eligible = (by_key["task"].nunique() >= MIN_COVERAGE * n_tasks) & (
            by_key["is_default"].first()
            | ((by_key["is_ok"].mean() >= 1 - MAX_NOT_OK) & (by_key["cpu_seconds"].mean() <= MAX_CPU_SECONDS))
        )
        runs = runs[runs["key"].map(is_eligible)]
        runs = runs.assign(cost=np.sqrt(1.0 - 1.0 / (1.0 + runs["excess"])))
        losses, costs = (
            runs.pivot_table(index="task", columns="key", values=name, dropna=False).fillna(1.0)
            for name in ("normalised", "cost")
        )
        first = runs.drop_duplicates("key").set_index("key").reindex(losses.columns)
        self.kind = pilot.kind
        self.tasks = list(losses.index)
        self.configurations = [
            Configuration(algorithm=row["algorithm"], values=row["values"]) for row in first.to_dict("records")
        ]
        self.losses, self.costs = losses.to_numpy(), costs.to_numpy()
        self.is_default = first["is_default"].to_numpy(dtype=bool)
        self.cpu_seconds = by_key["cpu_seconds"].mean().reindex(losses.columns).to_numpy()


def choose_layered(costs: np.ndarray, is_default: np.ndarray) -> list[int]:
    """Return columns in the order of the list."""
    return pick(costs, is_default, defaults_every=DEFAULTS_EVERY, min_gain=MIN_GAIN)


def choose_greedy(costs: np.ndarray, is_default: np.ndarray) -> list[int]:
    """Return columns by greedy choice alone."""
    return pick(costs, is_default, defaults_every=0, min_gain=0.0)


def pick(costs: np.ndarray, is_default: np.ndarray, *, defaults_every: int, min_gain: float) -> list[int]:
    """Return columns, each lowering the mean best cost the most; ties go to the lower mean.

    Every ``defaults_every``-th place goes to a default while there are some; below ``min_gain`` a new layer begins.
    """
    left, means = list(range(costs.shape[1])), costs.mean(axis=0)
    chosen: list[int] = []
    best = np.ones(len(costs))
    while left and len(chosen) < N_CANDIDATES:
        takes_default = defaults_every and (len(chosen) + 1) % defaults_every == 0
        among = [column for column in left if is_default[column] or not takes_default] or left
        after = reached(best, costs[:, among])
        if best.mean() - after.min() < min_gain and best.mean() < 1.0:
            best = np.ones(len(costs))  # a new layer
            after = reached(best, costs[:, among])
        picked = min(zip(after, means[among], among, strict=True))[2]
        best = np.minimum(best, costs[:, picked])
        chosen.append(picked)
        left.remove(picked)
    return chosen


def reached(best: np.ndarray, costs: np.ndarray) -> np.ndarray:
    """Return the mean best cost that each further column would give; rounded, so that what is equal ties."""
    means: np.ndarray = np.minimum(best[:, None], costs).mean(axis=0)
    return means.round(9)


def choose_average(costs: np.ndarray, is_default: np.ndarray) -> list[int]:
    """Return columns by their mean cost."""
    return [int(column) for column in np.argsort(costs.mean(axis=0), kind="stable")]


def choose_random(costs: np.ndarray, is_default: np.ndarray) -> list[int]:
    """Return columns in random order."""
    return [int(column) for column in np.random.default_rng(0).permutation(costs.shape[1])]


CHOOSERS: dict[str, Chooser] = {
    "one random": choose_random,
    "average": choose_average,
    "greedy": choose_greedy,
    "the list": choose_layered,
}


def judge(table: Table, name: str, chooser: Chooser, costs: np.ndarray) -> dict[str, object]:
    """Return the mean normalised loss of the first k on tasks that the list was not made from.

    ``costs`` (n_tasks, n_configurations) are what it was made to keep small.
    """
    rows = []
    for task in range(len(table.tasks)):
        others = np.arange(len(table.tasks)) != task
        order = chooser(costs[others], table.is_default)
        best = np.minimum.accumulate(table.losses[task, order])
        rows.append([best[min(k, len(best)) - 1] for k in KS])
    return {"order": name, **{f"k = {k}": mean for k, mean in zip(KS, np.mean(rows, axis=0), strict=True)}}


def write(path: Path, configurations: Sequence[Configuration]) -> None:
    """Write one configuration a line, as JSON."""
    lines = ",\n".join(configuration.to_json() for configuration in configurations)
    path.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
