"""The pilot that chose ranges and candidates: which tables, and which configurations.

``python -m benchmarks.pilot.draw INDEX FOLDER`` writes into FOLDER what was run: an ``index.csv`` of 40 tables of
INDEX (a corpus with the columns name, file, task, family, n_rows, n_features, n_categorical, synthetic, flag) and a
list of configurations for each kind: the first half of the draws. Then

    autometa kb grow --from FOLDER --configurations FOLDER --db pilot.db

runs them, every configuration on all tables before the next one, and goes on where it was stopped. When they are done,
``python -m benchmarks.pilot.draw INDEX FOLDER --second-half pilot.db`` writes the lists with the second half added,
which is bred from the first (see `benchmarks.pilot.breed`), and the same command of `autometa` goes on.

No table is of a judgement family, synthetic, or has more than `MAX_COLUMNS` columns; of a family one is taken. They are
spread over sizes and over tables with and without categories by `QUOTAS`.
"""

import argparse
import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from autometa._random import generator
from autometa.benchmark.replay import is_judgement
from autometa.knowledge.base import KnowledgeBase
from autometa.pipelines.learners import learners_of
from autometa.space import Configuration
from autometa.task_kind import TaskKind
from benchmarks.pilot.breed import breed
from benchmarks.pilot.figures import Pilot, read, tops

SEED = 0
MAX_COLUMNS = 200
WIDE = 100
QUOTAS = {
    TaskKind.BINARY: {"small": (4, 3), "middle": (2, 2), "large": (1, 1), "wide": (1, 0)},
    TaskKind.MULTICLASS: {"small": (3, 2), "middle": (2, 2), "large": (1, 1), "wide": (0, 0)},
    TaskKind.REGRESSION: {"small": (4, 4), "middle": (3, 2), "large": (1, 1), "wide": (0, 0)},
}
"""Tables of each size: without categories, and with them. One is wide: four took a third of all time."""

N_TURNS = 150
N_RANDOM_TURNS = 75
FIRST_LOOK = 45
SECOND_LOOK = 90
STRONG_AT_FIRST = ("lightgbm", "catboost", "xgboost", "extra_trees", "svm_rbf", "mlp")
STRONG = {
    TaskKind.BINARY: ("lightgbm", "catboost", "extra_trees", "svm_rbf"),
    TaskKind.MULTICLASS: ("lightgbm", "catboost", "xgboost", "mlp"),
    TaskKind.REGRESSION: ("lightgbm", "catboost", "xgboost", "extra_trees", "svm_rbf"),
}
"""Algorithms with a draw each turn: up to the first look, and after it.

After it they are those without which a greedy portfolio of ten was worse, and LightGBM; the others of the first go on
with every third turn, and Gaussian processes, which never came near and took ten times as long, are not drawn again.
After the second look only the strong ones are drawn.
"""

EVERY = {
    **dict.fromkeys(STRONG_AT_FIRST, 3),
    "random_forest": 3,
    "hist_gradient_boosting": 5,
    "logistic_regression": 3,
    "ridge": 3,
    "elastic_net": 3,
    "gaussian_process": 30,
}
"""In every how many turns any other algorithm has one; not named here: `OTHERS_EVERY`."""
OTHERS_EVERY = 5


def main() -> None:
    """Write the tables and configurations of the pilot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--second-half", type=Path, metavar="DB", help="a base that holds the first half's runs")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    tables = choose_tables(pd.read_csv(arguments.index))
    tables["file"] = [str((arguments.index.parent / file).resolve()) for file in tables["file"]]
    tables.to_csv(arguments.folder / "index.csv", index=False)
    for kind in TaskKind:
        drawn = list(draw(kind))
        if arguments.second_half is not None:
            with KnowledgeBase(arguments.second_half) as base:
                drawn += draw_second_half(read(base, kind, tables), drawn)
        items = [{"algorithm": each.algorithm, "values": dict(each.values)} for each in drawn]
        (arguments.folder / f"{kind}.json").write_text(json.dumps(items), encoding="utf-8")
        print(f"{kind}: {(tables['task'] == kind).sum()} tables, {len(drawn)} configurations")
        print("  " + ", ".join(f"{name} {n}" for name, n in Counter(each.algorithm for each in drawn).items()))


def choose_tables(index: pd.DataFrame) -> pd.DataFrame:
    """Return the tables of the pilot, in an order that depends on their names alone."""
    index = index[~index["family"].map(is_judgement) & ~index["synthetic"] & index["flag"].isna()]
    index = index[index["n_features"] <= MAX_COLUMNS]
    order = index["name"].map(lambda name: hashlib.sha256(f"pilot {name}".encode()).hexdigest())
    index = index.loc[order.sort_values().index]
    chosen, families = [], set()
    for kind, sizes in QUOTAS.items():
        left = {(size, has): n for size, quota in sizes.items() for has, n in zip((False, True), quota, strict=True)}
        for row in index[index["task"] == kind].to_dict("records"):
            cell = (size_of(row["n_rows"], row["n_features"]), bool(row["n_categorical"] > 0))
            if left[cell] and row["family"] not in families:
                left[cell] -= 1
                families.add(row["family"])
                chosen.append(row)
    return pd.DataFrame(chosen)


def size_of(n_rows: int, n_features: int) -> str:
    """Return the name of a size in `QUOTAS`."""
    if n_features > WIDE:
        return "wide"
    return "small" if n_rows < 700 else "middle" if n_rows <= 3_000 else "large"


def draw(kind: TaskKind) -> Iterator[Configuration]:
    """Yield the first half of a kind: all defaults, then turn by turn a draw of each algorithm that has one."""
    spaces = {learner.algorithm: learner.space(kind) for learner in learners_of(kind)}
    streams = {name: generator(SEED, "pilot", kind, name) for name in spaces}
    seen = {space.default() for space in spaces.values()}
    yield from (space.default() for space in spaces.values())
    for turn in range(1, N_RANDOM_TURNS + 1):
        for name, space in spaces.items():
            if has_turn(name, kind, turn):
                configuration = space.sample(streams[name])
                if configuration not in seen:
                    seen.add(configuration)
                    yield configuration


def draw_second_half(pilot: Pilot, first_half: Sequence[Configuration]) -> list[Configuration]:
    """Return the second half of a kind, bred from the runs of the first alone, whatever else is stored."""
    keys = {configuration.key for configuration in first_half}
    first = Pilot(kind=pilot.kind, runs=pilot.runs[pilot.runs["key"].isin(keys)])
    n_runs = first.runs.groupby("key").size().reindex(sorted(keys), fill_value=0)
    if (n_runs < n_runs.max()).any():
        raise SystemExit(f"{pilot.kind}: the first half is not done ({(n_runs < n_runs.max()).sum()} configurations)")
    spaces = {learner.algorithm: learner.space(pilot.kind) for learner in learners_of(pilot.kind)}
    streams = {name: generator(SEED, "pilot", "second half", pilot.kind, name) for name in spaces}
    parents = {name: tops(first, name)[1]["values"].tolist() for name in spaces}
    bred: dict[Configuration, None] = {}
    for turn in range(N_RANDOM_TURNS + 1, N_TURNS + 1):
        for name, space in spaces.items():
            if has_turn(name, pilot.kind, turn):
                configuration = breed(space, parents[name], streams[name])
                if configuration.key not in keys:
                    bred[configuration] = None
    return list(bred)


def has_turn(algorithm: str, kind: TaskKind, turn: int) -> bool:
    """Return whether an algorithm has a draw in a turn."""
    is_first = turn <= FIRST_LOOK
    if algorithm in (STRONG_AT_FIRST if is_first else STRONG[kind]):
        return True
    if turn > SECOND_LOOK or (algorithm == "gaussian_process" and not is_first):
        return False
    return turn % EVERY.get(algorithm, OTHERS_EVERY) == 0


if __name__ == "__main__":
    main()
