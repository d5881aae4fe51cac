"""How well known tables are recognised: planted copies of real tables, and all pairs of unrelated ones.

Run with ``python benchmarks/known_tasks.py path/to/index.csv``: an index as `autometa kb grow --from` takes it.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from autometa.growing.tables import TableSource, find_tables
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.writing import Writer
from autometa.sketches import SKETCH_VERSION, Lineup, Sketch, draw_sketch, likeness
from autometa.sketches.cells import N_FEW
from autometa.sketches.sketch import SAMPLE_SIZES, VIEWS, smallest
from autometa.task import Task
from autometa.task_kind import TaskKind

MIN_ROWS = 100
N_KNOWN = 5_000  # sketches among which one is looked up


def shuffle(task: Task, rng: np.random.Generator) -> Task:
    """Return the rows in another order."""
    return _taken(task, rng.permutation(task.n_rows))


def keep_half(task: Task, rng: np.random.Generator) -> Task:
    """Return half of the rows."""
    return _taken(task, rng.permutation(task.n_rows)[: task.n_rows // 2])


def keep_tenth(task: Task, rng: np.random.Generator) -> Task:
    """Return a tenth of the rows."""
    return _taken(task, rng.permutation(task.n_rows)[: task.n_rows // 10])


def keep_half_of_columns(task: Task, rng: np.random.Generator) -> Task:
    """Return half of the columns, in another order."""
    kept = rng.permutation(task.n_columns)[: (task.n_columns + 1) // 2]
    return _remade(task, task.X.iloc[:, kept], task.y)


def rename(task: Task, rng: np.random.Generator) -> Task:
    """Return other names for all columns."""
    names = [f"v{number}" for number in rng.permutation(task.n_columns)]
    return _remade(task, task.X.set_axis(names, axis="columns"), task.y)


def recode(task: Task, rng: np.random.Generator) -> Task:
    """Return other words or numbers for all categories and classes, few-valued whole numbers among them."""
    X = pd.DataFrame({str(name): _recoded(task.X[name], rng) for name in task.X.columns}, index=task.X.index)
    y = task.y
    if task.kind.is_classification:
        codes, classes = pd.factorize(y)
        y = pd.Series(rng.permutation(len(classes))[codes], index=y.index)
    return _remade(task, X, y)


def to_float32(task: Task, rng: np.random.Generator) -> Task:
    """Return numbers of 32 bits."""
    floats = task.X.select_dtypes("float").columns
    return _remade(task, task.X.astype(dict.fromkeys(floats, np.float32)), task.y)


def to_six_digits(task: Task, rng: np.random.Generator) -> Task:
    """Return numbers of six significant digits."""
    floats = task.X.select_dtypes("float").columns
    X = task.X.assign(**{str(name): [float(f"{value:.6g}") for value in task.X[name]] for name in floats})
    return _remade(task, X, task.y)


def standardise(task: Task, rng: np.random.Generator) -> Task:
    """Return all numbers with mean 0 and standard deviation 1."""
    numbers = task.X.select_dtypes("number").astype(float)
    scaled = (numbers - numbers.mean()) / numbers.std().replace(0, 1)
    return _remade(task, task.X.assign(**{str(name): scaled[name] for name in scaled}), task.y)


Copy = Callable[[Task, np.random.Generator], Task]
COPIES: dict[str, tuple[Copy, ...]] = {
    "shuffled rows": (shuffle,),
    "half of the rows": (keep_half,),
    "a tenth of the rows": (keep_tenth,),
    "half of the columns": (keep_half_of_columns,),
    "renamed columns": (rename,),
    "re-encoded categories and classes": (recode,),
    "float32": (to_float32,),
    "six digits": (to_six_digits,),
    "half of the rows, re-encoded": (keep_half, recode),
    "half of the columns, re-encoded": (keep_half_of_columns, recode),
    "half of the rows and of the columns": (keep_half, keep_half_of_columns),
    "all of half rows, half columns, renamed, re-encoded, float32": (
        keep_half,
        keep_half_of_columns,
        rename,
        recode,
        to_float32,
    ),
    "standardised (not promised)": (standardise,),
}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("index", type=Path)
    parser.add_argument("--tables", type=int, default=60, help="tables of which copies are planted")
    parser.add_argument("--offset", type=int, default=0, help="which tables: the first of those that are taken")
    arguments = parser.parse_args()
    sources = find_tables(arguments.index)
    sketches: list[Sketch] = []
    families: list[str] = []
    n_rows: list[int] = []
    for source in sources:
        task = _read(source)
        sketches.append(draw_sketch(task))
        families.append(task.family)
        n_rows.append(task.n_rows)
    _print_sizes(sketches)
    _print_pairs([source.name for source in sources], sketches, families)
    large = [number for number in range(len(sources)) if n_rows[number] >= MIN_ROWS]
    taken = large[arguments.offset :: max(1, len(large) // arguments.tables)][: arguments.tables]
    _print_recall([sources[number] for number in taken], taken, sketches, families)
    _print_seconds()


def _print_sizes(sketches: Sequence[Sketch]) -> None:
    """Print how large sketches are."""
    sizes = [len(sketch.to_bytes()) for sketch in sketches]
    print(f"{len(sizes)} tables; bytes of a sketch: mean {np.mean(sizes):.0f}, largest {max(sizes)}")


def _print_pairs(names: Sequence[str], sketches: Sequence[Sketch], families: Sequence[str]) -> None:
    """Print the pairs of different tables that are nearly the same, and how many there are across families."""
    n_unrelated = n_wrong = 0
    for one, other in combinations(range(len(names)), 2):
        like = likeness(sketches[one], sketches[other])
        is_related = families[one] == families[other]
        n_unrelated += not is_related
        n_wrong += not is_related and like.is_near
        if like.is_near:
            print(f"  {'within' if is_related else 'ACROSS'} families: {names[one]}, {names[other]}: {like.words}")
    print(f"unrelated pairs taken for the same: {n_wrong} of {n_unrelated}")


def _print_recall(
    sources: Sequence[TableSource], numbers: Sequence[int], sketches: Sequence[Sketch], families: Sequence[str]
) -> None:
    """Print the share of planted copies that is recognised, by each of the four samples, and false alarms."""
    rows, lineup = [], Lineup(sketches)
    for source, number in zip(sources, numbers, strict=True):
        task = _read(source)
        for words, steps in COPIES.items():
            copy, rng = task, np.random.default_rng(number)
            for step in steps:
                copy = step(copy, rng)
            if copy.n_rows < MIN_ROWS and copy.n_rows < task.n_rows // 2:
                continue
            found = lineup.find(draw_sketch(copy))
            like = found.get(number)
            views = {name: like is not None and getattr(like, name) is not None for name in VIEWS}
            n_wrong = sum(families[other] != families[number] for other in found)
            rows.append({"copy": words, "recognised": like is not None, **views, "wrong": n_wrong, "task": source.name})
    frame = pd.DataFrame(rows)
    table = frame.groupby("copy", sort=False)[["recognised", *VIEWS]].mean().round(3)
    table.insert(0, "copies", frame.groupby("copy", sort=False).size())
    print(table.to_string())
    n_compared = sum(sum(families[other] != families[number] for other in range(len(sketches))) for number in numbers)
    print(
        f"copies taken for an unrelated table: {frame['wrong'].sum()} of about {n_compared * len(COPIES)} comparisons"
    )
    for words in COPIES:
        missed = frame.loc[~frame["recognised"] & (frame["copy"] == words), "task"]
        print(f"  missed, {words}: {', '.join(missed) or 'none'}")


def _print_seconds() -> None:
    """Print how long it takes to sketch a large table, and to look one up among many."""
    rng = np.random.default_rng(0)
    y = pd.Series(rng.integers(0, 2, 1_000_000))
    for words, values in (("real", rng.normal(size=(len(y), 50))), ("1 to 5", rng.integers(1, 6, (len(y), 50)))):
        X = pd.DataFrame(values, columns=[f"x{number}" for number in range(50)])
        task = Task(name="large", X=X, y=y, kind=TaskKind.BINARY, target="y", family="large")
        start, cpu = time.perf_counter(), time.process_time()
        draw_sketch(task)
        taken = f"{time.perf_counter() - start:.2f} s, {time.process_time() - cpu:.2f} CPU s"
        print(f"sketch of 1,000,000 x 50 numbers ({words}): {taken}")
    with tempfile.TemporaryDirectory() as folder, KnowledgeBase.create(Path(folder) / "many.db") as base:
        start = time.perf_counter()
        with base.writing() as writer:
            _store_many(writer, rng)
        print(f"{N_KNOWN} tasks with sketches stored, families joined, in {time.perf_counter() - start:.2f} s")
        start = time.perf_counter()
        base.near_tasks("", _random_sketch(rng))
        print(f"one looked up among {N_KNOWN} in {time.perf_counter() - start:.2f} s")


def _store_many(writer: Writer, rng: np.random.Generator) -> None:
    """Store tasks that resemble nothing."""
    origin_id = writer.origin_id("benchmark", "CC0")
    common = {"kind": "binary", "n_rows": 1, "n_columns": 1, "n_classes": 2, "licence": "CC0", "origin_id": origin_id}
    names = [f"{number:064d}" for number in range(N_KNOWN)]
    writer.add_tasks({"fingerprint": name, "name": name, "family": name, **common} for name in names)
    ids = writer.task_ids(names)
    writer.add_sketches(
        {"task_id": ids[name], "version": SKETCH_VERSION, "content": _random_sketch(rng).to_bytes()} for name in names
    )


def _random_sketch(rng: np.random.Generator) -> Sketch:
    """Return a sketch of full size that resembles nothing."""
    return Sketch(
        **{name: smallest(rng.integers(0, 2**32, 1000, dtype=np.uint32), n) for name, n in SAMPLE_SIZES.items()}
    )


def _recoded(values: pd.Series, rng: np.random.Generator) -> pd.Series:
    """Return a column with other categories; numbers with many values stay."""
    is_number = isinstance(values.dtype, np.dtype) and values.dtype.kind in "fiu"
    if is_number and (values.nunique() > N_FEW or (values.dropna() % 1 != 0).any()):
        return values
    if isinstance(values.dtype, np.dtype) and values.dtype.kind == "M":
        return values
    codes, distinct = pd.factorize(values)
    others = np.append(rng.permutation(len(distinct)).astype(float), np.nan)[codes]
    if rng.random() < 0.5:
        return pd.Series(others, index=values.index)
    words = pd.Series([None if np.isnan(code) else f"word {code:.0f}" for code in others], index=values.index)
    return words.astype("category")


def _read(source: TableSource) -> Task:
    """Return a table without its identifiers: they are not sketched, and a copy must not make columns of them."""
    task = source.read()
    return _remade(task, task.X[list(task.used_columns)], task.y) if task.identifiers else task


def _taken(task: Task, rows: np.ndarray) -> Task:
    """Return a task of some rows."""
    return _remade(task, task.X.iloc[rows].reset_index(drop=True), task.y.iloc[rows].reset_index(drop=True))


def _remade(task: Task, X: pd.DataFrame, y: pd.Series) -> Task:
    """Return a task of another table and target; classes that are gone change its kind."""
    kind = task.kind
    if kind.is_classification:
        kind = TaskKind.BINARY if y.nunique() == 2 else TaskKind.MULTICLASS
    return Task(name=task.name, X=X, y=y, kind=kind, target=task.target, family=task.family)


if __name__ == "__main__":
    main()
