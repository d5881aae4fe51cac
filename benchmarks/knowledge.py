"""How a knowledge base of a million evaluations behaves: ``python benchmarks/knowledge.py [URL ...]``

Builds ``--tasks`` x ``--configurations`` evaluations of one kind, with every metric and the scores of three folds, in
a SQLite file of its own and in an empty PostgreSQL database for each URL given, and prints for each

- bulk inserts a second, tasks and configurations being there, by the way that `kb import` goes; and of the same rows
  once more, which changes nothing;
- seconds and memory to read the Experience of the kind for one metric, from the tables and again at the same revision;
- milliseconds to find what is known about a task, and whether a table is nearly the same as a known one;
- size on disk.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

import numpy as np
from sqlalchemy import text

from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.rows import Row, configuration_row, metafeatures_json, pack_folds
from autometa.knowledge.writing import Writer
from autometa.metafeatures import EXTRACTION_VERSION
from autometa.metric import METRICS, get_metric, metrics_of
from autometa.pipelines.learners import learners_of
from autometa.space import Configuration
from autometa.task_kind import TaskKind

KIND = TaskKind.BINARY
N_FOLDS = 3
N_LOOKUPS = 50
PROTOCOL = ("cv-v1", "1")
TASKS_AT_ONCE = 250
FEATURES = tuple(f"feature_{number}" for number in range(123))  # as many as `extract` gives


def main() -> None:
    """Build the bases and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("urls", nargs="*", help="empty PostgreSQL databases")
    parser.add_argument("--tasks", type=int, default=5_000)
    parser.add_argument("--configurations", type=int, default=200)
    arguments = parser.parse_args()
    columns = {}
    with tempfile.TemporaryDirectory() as folder:
        for place in (str(Path(folder) / "runs.db"), *arguments.urls):
            with KnowledgeBase.create(place) as base:
                name = "PostgreSQL" if "://" in place else "SQLite"
                columns[name] = measure(base, arguments.tasks, arguments.configurations)
    print(f"{arguments.tasks} tasks x {arguments.configurations} configurations, {N_FOLDS} folds, {KIND}")
    print("| | " + " | ".join(columns) + " |")
    print("|---|" + "---:|" * len(columns))
    for row in next(iter(columns.values())):
        print(f"| {row} | " + " | ".join(column[row] for column in columns.values()) + " |")


def measure(base: KnowledgeBase, n_tasks: int, n_configurations: int) -> dict[str, str]:
    """Return what was measured on one base, in words."""
    fingerprints = [f"{number:064x}" for number in range(n_tasks)]
    configurations = draw(n_configurations)
    build_references(base, fingerprints, configurations)
    figures = {}
    for words in ("inserted evaluations/s", "the same once more, evaluations/s"):
        seconds = fill(base, fingerprints, configurations)
        figures[words] = f"{n_tasks * n_configurations / seconds:,.0f}"
    metric = get_metric("auto", KIND)
    for words in ("Experience of a metric, s", "the same again, s"):
        start, before = time.perf_counter(), peak_bytes()
        experience = base.experience(KIND, metric, protocol=PROTOCOL[0], pipelines_version=PROTOCOL[1])
        figures[words] = f"{time.perf_counter() - start:.2f}"
        figures[f"{words[:-3]}, MB more at the peak"] = f"{(peak_bytes() - before) / 1e6:.0f}"
    if experience.losses.shape != (n_tasks, n_configurations) or np.isnan(experience.losses).any():
        raise RuntimeError("the experience does not hold what was written")
    figures["what is known about a task, ms"] = f"{lookup_ms(base, fingerprints):.2f}"
    figures["size on disk, MB"] = f"{size_bytes(base) / 1e6:.0f}"
    return figures


def draw(n_configurations: int) -> list[Configuration]:
    """Return different configurations, of all algorithms in turn."""
    spaces = [learner.space(KIND) for learner in learners_of(KIND, installed_only=False)]
    rng = np.random.default_rng(0)
    found: dict[str, Configuration] = {}
    while len(found) < n_configurations:
        configuration = spaces[len(found) % len(spaces)].sample(rng)
        found[configuration.key] = configuration
    return list(found.values())


def build_references(base: KnowledgeBase, fingerprints: Sequence[str], configurations: Sequence[Configuration]) -> None:
    """Write tasks with meta-features, and configurations."""
    rng = np.random.default_rng(1)
    with base.writing() as writer:
        origin_id = writer.origin_id("benchmark", "CC0-1.0")
        common = {"kind": str(KIND), "n_rows": 1_000, "n_columns": 20, "n_classes": 2, "licence": "CC0-1.0"}
        writer.add_tasks(
            {"fingerprint": each, "name": f"task {each[-8:]}", "family": each, "origin_id": origin_id, **common}
            for each in fingerprints
        )
        ids = writer.task_ids(fingerprints)
        writer.add_metafeatures(
            {
                "task_id": ids[each],
                "version": EXTRACTION_VERSION,
                "values": metafeatures_json(dict(zip(FEATURES, rng.normal(size=len(FEATURES)).tolist(), strict=True))),
                "failures": "{}",
            }
            for each in fingerprints
        )
        writer.add_configurations(map(configuration_row, configurations))
        writer.raise_revision()


def fill(base: KnowledgeBase, fingerprints: Sequence[str], configurations: Sequence[Configuration]) -> float:
    """Write all evaluations, and return the seconds that it took without making them up."""
    rng = np.random.default_rng(2)
    seconds = 0.0
    for start in range(0, len(fingerprints), TASKS_AT_ONCE):
        with base.writing() as writer:
            tasks = writer.task_ids(fingerprints[start : start + TASKS_AT_ONCE])
            rows = list(evaluation_rows(writer, rng, list(tasks.values()), configurations))
            began = time.perf_counter()
            writer.add_evaluations(rows)
        seconds += time.perf_counter() - began  # with the commit
    return seconds


def evaluation_rows(
    writer: Writer, rng: np.random.Generator, tasks: Sequence[int], configurations: Sequence[Configuration]
) -> Iterator[Row]:
    """Yield an evaluation for each pair of task and configuration."""
    names = [metric.name for metric in metrics_of(KIND)]
    ids = writer.configuration_ids(configuration.key for configuration in configurations)
    references = {
        "protocol_id": writer.protocol_id(*PROTOCOL),
        "environment_id": writer.environment_id("{}"),
        "origin_id": writer.origin_id("benchmark", "CC0-1.0"),
    }
    for task_id in tasks:
        scores = rng.random((len(ids), len(names), N_FOLDS))
        for number, configuration_id in enumerate(ids.values()):
            folds = dict(zip(names, map(tuple, scores[number].tolist()), strict=True))
            means = dict(zip(names, scores[number].mean(axis=1).tolist(), strict=True))
            yield {
                "task_id": task_id,
                "configuration_id": configuration_id,
                **references,
                "seed": 0,
                "status": 0,
                **{name: means.get(name) for name in METRICS},
                "folds": pack_folds(folds, KIND),
                "fit_seconds": 0.5,
                "predict_seconds": 0.01,
                "peak_memory_bytes": 10**8,
                "error": None,
                "absent": None,
            }


def lookup_ms(base: KnowledgeBase, fingerprints: Sequence[str]) -> float:
    """Return the median milliseconds to find all evaluations of a task."""
    taken = []
    for fingerprint in np.random.default_rng(3).choice(fingerprints, N_LOOKUPS):
        start = time.perf_counter()
        base.evaluations_of(str(fingerprint), protocol=PROTOCOL[0], pipelines_version=PROTOCOL[1])
        taken.append((time.perf_counter() - start) * 1e3)
    return median(taken)


def peak_bytes() -> int:
    """Return the most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def size_bytes(base: KnowledgeBase) -> int:
    """Return how much room the base takes."""
    if "://" not in base.place:
        return sum(path.stat().st_size for path in Path(base.place).parent.glob(Path(base.place).name + "*"))
    with base.reading() as connection:
        return int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one())


if __name__ == "__main__":
    main()
