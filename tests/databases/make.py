"""Write the database of the newest schema, ``tests/databases/<revision>.db``, once for each revision.

Run once, with the release that brings the revision, and commit the file: ``python tests/databases/make.py``.
A stored database is never written again: it stands for the bases that users have.
"""

import sqlite3
from pathlib import Path

import numpy as np
import pandas as pd

from autometa.embedding import EMBEDDING_SIZE
from autometa.evaluation.record import Evaluation, Status
from autometa.knowledge import schema
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.described import add_embeddings
from autometa.knowledge.withdrawing import Withdrawals, result_hash
from autometa.metafeatures import EXTRACTION_VERSION, MetaFeatures
from autometa.metric import default_metric, metrics_of
from autometa.space import Configuration, Value
from autometa.task import Task
from autometa.task_kind import TaskKind

SCORES = (0.1 + 0.2, 0.25, 1 / 3)
VALUES: dict[str, Value] = {"alpha": 0.125, "is_fast": True, "kind": "ü", "n": 3, "none": None}


def old_task(kind: TaskKind) -> Task:
    """Return a table of six rows, another one for each kind."""
    targets = {
        TaskKind.BINARY: [0, 1, 0, 1, 0, 1],
        TaskKind.MULTICLASS: [0, 1, 2, 0, 1, 2],
        TaskKind.REGRESSION: [0.5, 1.5, 2.5, 3.5, 4.5, 5.5],
    }
    return Task(
        name=f"old {kind}",
        X=pd.DataFrame({"width": np.arange(6.0) + 10 * list(TaskKind).index(kind), "colour": pd.Categorical(["red", "blue", "red"] * 2)}),
        y=pd.Series(targets[kind]),
        kind=kind,
        target="y",
        family=f"family of {kind}",
        licence="CC0",
    )


def old_evaluation(task: Task, status: Status, *, is_partial: bool, scores: tuple[float, ...] = SCORES) -> Evaluation:
    """Return an evaluation; a partial one lacks the default metric."""
    names = [metric.name for metric in metrics_of(task.kind)]
    missing = default_metric(task.kind).name
    is_ok = status is Status.OK
    return Evaluation(
        fingerprint=task.fingerprint,
        configuration=Configuration(algorithm=f"{status} {is_partial}", values=VALUES),
        protocol="cv-v1",
        pipelines_version="0.1",
        seed=0,
        status=status,
        fold_scores={name: scores for name in names if not (is_partial and name == missing)} if is_ok else {},
        fit_seconds=0.5 if is_ok else float("nan"),
        predict_seconds=0.125 if is_ok else float("nan"),
        peak_memory_bytes=1_000_000,
        error="" if is_ok else f"{status}: it ended badly",
        absent={missing: "no probabilities"} if is_partial and is_ok else {},
        versions={"python": "3.11.7", "scikit-learn": "1.9.1"},
        origin="old machine",
    )


def old_embedding(kind: TaskKind) -> tuple[float, ...]:
    """Return an embedding, another one for each kind."""
    return tuple(0.125 * (number + list(TaskKind).index(kind)) for number in range(EMBEDDING_SIZE))


def old_withdrawal() -> dict[str, str | int]:
    """Return the withdrawal of a run that the database does not hold."""
    names = {"protocol": "cv-v1", "pipelines_version": "0.1", "origin": "older machine", "reason": "its clock was wrong"}
    return {**names, "fingerprint": "0" * 64, "key": "1" * 64, "seed": 0, "added_at": 1, "result": result_hash("failed", {})}


def main() -> None:
    """Write the database, unless it is there."""
    path = Path(__file__).parent / f"{schema.HEAD}.db"
    with KnowledgeBase.create(path) as base:
        for kind in TaskKind:
            task = old_task(kind)
            values = {"nr_inst": 6.0, "nr_attr": float("nan")}
            metafeatures = MetaFeatures(
                values=values, failures={"nr_attr": "ValueError: none"}, seconds={}, version=EXTRACTION_VERSION
            )
            base.add_task(task, metafeatures, origin="old machine")
            add_embeddings(base, {task.fingerprint: old_embedding(kind)}, version="1")
            base.add_evaluations(
                [
                    old_evaluation(task, Status.OK, is_partial=False),
                    *(old_evaluation(task, status, is_partial=True) for status in Status),
                ],
                licence="CC0",
            )
        differing = old_evaluation(old_task(TaskKind.BINARY), Status.OK, is_partial=False, scores=(0.5, 0.5, 0.5))
        base.add_evaluations([differing], licence="CC0")
        with base.writing() as writer:
            Withdrawals(writer).add([old_withdrawal()])
    _shrink(path)


def _shrink(path: Path) -> None:
    """Write small pages: most tables have less than one."""
    driver = sqlite3.connect(path)
    for words in ("journal_mode = DELETE", "page_size = 1024"):
        driver.execute(f"PRAGMA {words}")
    driver.execute("VACUUM")
    driver.execute("PRAGMA journal_mode = WAL")
    driver.close()


if __name__ == "__main__":
    main()
