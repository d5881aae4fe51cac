"""Trains the shipped task encoder, and judges it: ``python -m benchmarks.encoder INDEX``

INDEX is an ``index.csv`` as `autometa kb grow --from` takes it; tables that the shipped base knows are used, and of
them nothing but weights and embeddings is kept. Families of judgement are left out of the training; on them is
measured, for each task, Spearman's correlation between similarity to the tasks of other families and the agreement with
them in which configurations are good, and its mean with a standard error over families.

With ``--choose`` the same is measured for five folds of the other families, each hidden in turn, and nothing is
written: by that everything was chosen. Without, writes data/fewshot/encoder.safetensors and, with ``--shard FILE``, the
embeddings of the known tasks.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from autometa._paths import data_path
from autometa.benchmark.replay import is_judgement
from autometa.embedding import EMBEDDING_VERSION
from autometa.fewshot.encoder.agreement import retrieval
from autometa.fewshot.encoder.inference import TaskEncoder
from autometa.fewshot.encoder.learning import EFFORT, EncoderTasks, TrainedEncoder, Weighing, embeddings, train_encoder
from autometa.fewshot.encoder.own import N_ROWS, encoder_tasks
from autometa.fewshot.encoder.tables import read_table
from autometa.fewshot.training import Effort
from autometa.growing.tables import known_tasks
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.described import add_embeddings, export_embeddings
from autometa.knowledge.shipped import create_filled
from autometa.recommenders.similarity import Similarity
from autometa.task import Task
from autometa.task_kind import TaskKind

N_FOLDS = 5
METAFEATURES, ENCODER, NUMBERS_ALONE, BOTH, POPULAR = (
    "meta-features",
    "encoder",
    "encoder, no table",
    "both",
    "popularity",
)

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", type=Path)
    parser.add_argument("--choose", action="store_true", help="look at families that are not for judgement alone")
    parser.add_argument("--rounds", type=int, default=EFFORT.n_rounds)
    parser.add_argument("--same-table", type=float, default=Weighing().same_table)
    parser.add_argument("--no-tables", action="store_true", help="train on meta-features and runs alone")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--shard", type=Path, help="write the embeddings of the known tasks there")
    options = parser.parse_args()
    effort = replace(EFFORT, n_rounds=options.rounds, device=options.device)
    weighing = replace(Weighing(), same_table=options.same_table)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shipped.db"
        create_filled(path)
        with KnowledgeBase(path) as base:
            known = known_tasks(options.index, base)
            tables = (
                {} if options.no_tables else {name: read_table(task, n_rows=N_ROWS) for name, task in known.items()}
            )
            tasks = encoder_tasks(base, tables)
            print(f"{tasks.n_tasks} tasks, {len(tables)} of them with tables")
            others = np.flatnonzero([not is_judgement(family) for family in tasks.families])
            if options.choose:
                choose(tasks.of_rows(others), effort, weighing)
                return
            began = time.perf_counter()
            trained = train_encoder(tasks.of_rows(others), effort=effort, weighing=weighing, report=_report)
            seconds = time.perf_counter() - began
            figures = summarise(tasks, [(trained, others, np.setdiff1d(np.arange(tasks.n_tasks), others))])
            left_out = sorted({family for family in tasks.families if is_judgement(family)})
            about = {
                "data": f"{len(others)} tasks of the shipped base with their public tables; see docs/campaign.md",
                "families left out": left_out,
                "figures": figures,
                "seconds": round(seconds),
                "command": "python -m benchmarks.encoder INDEX",
            }
            target = data_path("fewshot", "encoder.safetensors")
            target.parent.mkdir(exist_ok=True)
            trained.save(target, version=EMBEDDING_VERSION, about=about)
            print(f"trained in {seconds:.0f} s; {target.name}: {target.stat().st_size:,} bytes")
            if options.shard is not None:
                n_tasks = write_shard(base, TaskEncoder.load(target), known, options.shard)
                print(f"{n_tasks} embeddings in {options.shard}")


def choose(tasks: EncoderTasks, effort: Effort, weighing: Weighing) -> None:
    """Print the figures of folds of families that are hidden in turn."""
    runs = []
    for number, hidden in enumerate(_folds(tasks)):
        learned = np.setdiff1d(np.arange(tasks.n_tasks), hidden)
        trained = train_encoder(tasks.of_rows(learned), seed=number, effort=effort, weighing=weighing)
        runs.append((trained, learned, hidden))
    summarise(tasks, runs)


def summarise(tasks: EncoderTasks, runs: list[tuple[TrainedEncoder, Rows, Rows]]) -> dict[str, dict[str, float]]:
    """Print and return the mean rank correlations on hidden tasks, in all and by kind, with standard errors."""
    found: dict[str, Floats] = {}
    hidden = np.concatenate([rows for *_, rows in runs])
    for trained, learned, rows in runs:
        for name, similarity in similarities(tasks, trained, learned).items():
            judged = retrieval(similarity, tasks.agreement, tasks.families, rows)
            found[name] = np.concatenate([found.get(name, np.zeros(0)), judged])
    kinds = np.array([str(tasks.descriptions[row].kind) for row in hidden])
    families = np.array([tasks.families[row] for row in hidden], dtype=object)
    figures: dict[str, dict[str, float]] = {}
    for name, values in found.items():
        figures[name] = {}
        for part in ("all", *map(str, TaskKind)):
            is_part = np.isfinite(values) & ((kinds == part) | (part == "all"))
            by_family = [values[is_part & (families == each)].mean() for each in sorted(set(families[is_part]))]
            error = np.std(by_family, ddof=1) / np.sqrt(len(by_family))
            figures[name] |= {part: round(float(values[is_part].mean()), 3), f"{part}, error": round(float(error), 3)}
        words = "  ".join(
            f"{part} {figures[name][part]:.3f} ± {figures[name][f'{part}, error']:.3f}"
            for part in ("all", *map(str, TaskKind))
        )
        print(f"{name:18} {words}")
    gain = found[ENCODER] - found[METAFEATURES]
    gain = gain[np.isfinite(gain)]
    print(f"encoder above meta-features: {gain.mean():.3f}, on {(gain > 0).mean():.0%} of {len(gain)} tasks")
    return figures


def similarities(tasks: EncoderTasks, trained: TrainedEncoder, learned: Rows) -> dict[str, Floats]:
    """Return similarities of all tasks, (T, T), by each way; what must be learned is learned from some tasks."""
    near = np.full(tasks.agreement.shape, np.nan)
    kinds = np.array([str(each.kind) for each in tasks.descriptions])
    for kind in sorted(set(kinds)):
        rows = np.flatnonzero(kinds == kind)
        scales = Similarity().fit([tasks.descriptions[row] for row in np.intersect1d(rows, learned)])
        scaled = scales.transform([tasks.descriptions[row] for row in rows])
        near[np.ix_(rows, rows)] = -np.sqrt(((scaled[:, None] - scaled[None]) ** 2).mean(axis=2))
    z = embeddings(trained, tasks)
    alone = embeddings(trained, replace(tasks, tables=(None,) * tasks.n_tasks))
    family = np.array(tasks.families, dtype=object)
    others = np.where(family[:, None] == family[None, :], np.nan, tasks.agreement)[:, learned]
    counts = np.isfinite(others).sum(axis=1)
    popular = np.nansum(others, axis=1) / np.maximum(counts, 1)
    cosines = z @ z.T / z.shape[1]
    return {
        METAFEATURES: near,
        ENCODER: cosines,
        NUMBERS_ALONE: alone @ alone.T / z.shape[1],
        BOTH: _standard(near, kinds) + _standard(cosines, kinds),
        POPULAR: np.tile(popular, (tasks.n_tasks, 1)),
    }


def write_shard(base: KnowledgeBase, encoder: TaskEncoder, known: Mapping[str, Task], path: Path) -> int:
    """Write the embeddings of known tasks as a shard of tasks alone, and return how many there are."""
    found = {name: encoder.embed(base.describe(name), task) for name, task in sorted(known.items())}
    with base.writing() as writer:  # those of an earlier encoder, which shipped shards bring
        writer.connection.exec_driver_sql("DELETE FROM embeddings")
    add_embeddings(base, found, version=encoder.version)
    return export_embeddings(base, path)


def _folds(tasks: EncoderTasks) -> Iterator[Rows]:
    """Iterate over the rows of folds of families."""
    families = np.random.default_rng(0).permutation(sorted(set(tasks.families)))
    for part in np.array_split(families, N_FOLDS):
        yield np.flatnonzero(np.isin(np.array(tasks.families), part))


def _standard(similarity: Floats, kinds: npt.NDArray[np.str_]) -> Floats:
    """Return similarities with mean 0 and standard deviation 1 within each kind."""
    made = np.full(similarity.shape, np.nan)
    for kind in sorted(set(kinds)):
        rows = np.flatnonzero(kinds == kind)
        part = similarity[np.ix_(rows, rows)]
        off = part[~np.eye(len(rows), dtype=bool)]
        made[np.ix_(rows, rows)] = (part - off.mean()) / off.std()
    return made


def _report(number: int, loss: float, kept: float) -> None:
    """Print how the training goes."""
    print(f"round {number}: loss {loss:.4f}", flush=True)


if __name__ == "__main__":
    main()
