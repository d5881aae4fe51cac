"""How far predicted fit times, memory and predict times are off: ``python benchmarks/budgets.py --db FILE``

Each family is hidden in one of ten folds; what is predicted for its tasks, on the rows that were measured, is held
against what was measured: by cross-validation, and on holdouts of more rows, with and without other holdouts to learn
from. A factor of 1.3 means 1.3 times as much or as little. ``--rows 200000`` holds predictions against fits on a made
table far above what was measured as well, two thirds of which are fitted.
"""

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from autometa.advisor import describe_task
from autometa.benchmark.replay import is_judgement, splits
from autometa.evaluation.limits import Limits
from autometa.evaluation.protocol import CV_V1, HOLDOUT_V1, Protocol
from autometa.evaluation.running import Evaluator
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.frames import Experience
from autometa.metric import get_metric
from autometa.pipelines.building import PIPELINES_VERSION
from autometa.recommenders.cost import FitTime, PeakMemory, PredictTime
from autometa.space import Configuration
from autometa.task import Task
from autometa.task_kind import TaskKind

LAWS: dict[str, type[FitTime] | type[PeakMemory] | type[PredictTime]] = {
    "CPU seconds": FitTime,
    "memory": PeakMemory,
    "predict CPU seconds": PredictTime,
}
ALGORITHMS = ("lightgbm", "catboost", "xgboost", "random_forest", "extra_trees", "logistic_regression", "mlp")
SEED = 0


def main() -> None:
    """Print a row for each kind and law."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--db", required=True, help="knowledge base")
    parser.add_argument("--families", choices=("judgement", "others"), default="judgement")
    parser.add_argument("--rows", type=int, default=0, help="rows of a made table; default: none is made")
    arguments = parser.parse_args()
    with KnowledgeBase(arguments.db) as base:
        runs = {kind: _runs(base, kind) for kind in TaskKind}
    has_holdouts = all(HOLDOUT_V1 in own for own in runs.values())
    rows = []
    for name in LAWS:
        for measured, learned in ((CV_V1, [CV_V1]), (HOLDOUT_V1, [CV_V1]), (HOLDOUT_V1, [CV_V1, HOLDOUT_V1])):
            if measured is HOLDOUT_V1 and not has_holdouts:
                continue
            everything = []
            of = {"what": name, "on": measured.name, "from": " + ".join(each.name for each in learned)}
            for kind, own in runs.items():
                known = {each: own[each] for each in learned}
                off = np.concatenate(list(_errors(own[measured], measured, known, name, arguments.families)))
                everything.append(off)
                rows.append({**of, **_row(str(kind), off)})
            rows.append({**of, **_row("all", np.concatenate(everything))})
    print(pd.DataFrame(rows).to_string(index=False))
    if arguments.rows:
        print(pd.DataFrame(_large(runs[TaskKind.BINARY], arguments.rows)).to_string(index=False))


def _runs(base: KnowledgeBase, kind: TaskKind) -> dict[Protocol, Experience]:
    """Return what most tasks of a kind have, by the protocols under which there is anything."""
    metric = get_metric("auto", kind)
    found = {
        protocol: base.experience(kind, metric, protocol=protocol.name, pipelines_version=PIPELINES_VERSION)
        for protocol in (CV_V1, HOLDOUT_V1)
    }
    return {protocol: own.of_share(0.5) for protocol, own in found.items() if own.n_tasks}


def _errors(
    experience: Experience, protocol: Protocol, known: Mapping[Protocol, Experience], name: str, families: str
) -> Iterator[np.ndarray]:
    """Return the errors of logarithms on each hidden task of an experience, by a law of what is known of others."""
    make = LAWS[name]
    measured, rows_of = {
        FitTime: (experience.fit_seconds, protocol.fit_rows),
        PeakMemory: (experience.memory_bytes, protocol.fit_rows),
        PredictTime: (experience.predict_seconds, protocol.predict_rows),
    }[make]
    is_wanted = families == "judgement"
    own = [row for row, family in enumerate(experience.families) if is_judgement(family) is is_wanted]
    for hidden, rows in splits(experience, own, 10):
        law = make().fit({each: runs.without(hidden) for each, runs in known.items()})
        for row in rows:
            description = experience.descriptions[row]
            as_measured = replace(description, n_rows=rows_of(description.n_rows))
            predicted = law.predict(as_measured, experience.configurations)
            is_known = np.isfinite(measured[row]) & np.isfinite(predicted)
            actual = np.maximum(measured[row, is_known], make.floor)
            yield np.abs(np.log(np.maximum(predicted[is_known], make.floor) / actual))


def _row(kind: str, off: np.ndarray) -> dict[str, object]:
    """Return the factors of errors of logarithms."""
    quantiles = np.exp(np.quantile(off, [0.5, 0.9]))
    return {"kind": kind, "pairs": len(off), "median factor": quantiles[0], "90 % within": quantiles[1]}


def _large(runs: Mapping[Protocol, Experience], n_rows: int) -> Iterator[dict[str, object]]:
    """Return what defaults take on a made table of 20 columns, predicted and measured."""
    rng = np.random.default_rng(SEED)
    X = pd.DataFrame(rng.normal(size=(n_rows, 20)), columns=[f"x{i}" for i in range(20)])
    y = pd.Series(np.where(X["x0"] * X["x1"] + X["x2"] + rng.normal(size=n_rows) > 0, "yes", "no"), name="y")
    task = Task(name="made", X=X, y=y, kind=TaskKind.BINARY, target="y")
    protocol = Protocol(name="large", row_limit=n_rows, small_rows=10, n_small_folds=3, n_folds=3, is_holdout=True)
    description = replace(describe_task(task)[0], n_rows=protocol.fit_rows(n_rows))
    laws = {name: make().fit(runs) for name, make in LAWS.items()}
    with Evaluator(Limits(cpu_seconds=300, memory_bytes=8 * 2**30)) as evaluator:
        for algorithm in ALGORITHMS:
            configuration = Configuration(algorithm=algorithm)
            evaluation = evaluator.evaluate(task, configuration, protocol=protocol)
            predicted = [float(law.predict(description, [configuration])[0]) for law in laws.values()]
            yield {
                "default of": algorithm,
                "status": str(evaluation.status),
                "seconds predicted": predicted[0],
                "measured": evaluation.fit_seconds,
                "MB predicted": predicted[1] / 1e6,
                "MB measured": evaluation.peak_memory_bytes / 1e6,
            }


if __name__ == "__main__":
    main()
