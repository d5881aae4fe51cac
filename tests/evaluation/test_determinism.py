"""Every learner scores the same to 1e-9 in another process, in another order, beside another evaluator."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from autometa.pipelines.learners import learners_of
from autometa.task_kind import TaskKind

ROOT = Path(__file__).parents[2]

SCRIPT = """
import json, sys
import numpy as np
import pandas as pd
from autometa._random import generator
from autometa.evaluation.protocol import Protocol
from autometa.evaluation.running import Evaluator, Limits
from autometa.pipelines.learners import learners_of
from autometa.space import Configuration
from autometa.task import Task
from autometa.task_kind import TaskKind
HALVES = Protocol(name="halves", row_limit=120, small_rows=500, n_small_folds=2, n_folds=2)
rng = np.random.default_rng(0)
X = pd.DataFrame(rng.normal(size=(120, 2)), columns=["a", "b"])
X["c"] = pd.Categorical(rng.choice(list("uvw"), 120))
y = X["a"] + (X["c"] == "u") + rng.normal(scale=0.5, size=120)
X.loc[::7, "b"] = np.nan
X.loc[::11, "c"] = np.nan
targets = {TaskKind.BINARY: y > 0, TaskKind.MULTICLASS: pd.cut(y, 3, labels=False), TaskKind.REGRESSION: y}
work = []
for kind, target in targets.items():
    task = Task(name=str(kind), X=X, y=pd.Series(np.asarray(target)), kind=kind, target="y")
    for learner in learners_of(kind):
        sampled = learner.space(kind).sample(generator(0, str(kind), learner.algorithm))
        work += [(f"{kind}, sampled", task, sampled)]
        if kind is not TaskKind.MULTICLASS:
            work += [(f"{kind}, default", task, Configuration(algorithm=learner.algorithm))]
found = {}
with Evaluator(Limits(cpu_seconds=60)) as evaluator:
    for name, task, configuration in work[::int(sys.argv[1])]:
        evaluation = evaluator.evaluate(task, configuration, protocol=HALVES)
        found[f"{configuration.algorithm}, {name}"] = [evaluation.status, evaluation.error, evaluation.fold_scores]
print(json.dumps(found))
"""


def _start(step: int, hash_seed: int) -> "subprocess.Popen[str]":
    """Start a process that evaluates everything, in this order or, by a step of -1, in the other."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": str(hash_seed)}
    command = [sys.executable, "-W", "error", "-c", SCRIPT, str(step)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def test_every_learner_scores_the_same_in_another_process_and_order_beside_another_evaluator() -> None:
    processes = [_start(1, hash_seed=1), _start(-1, hash_seed=2)]
    first, second = (json.loads(process.communicate()[0]) for process in processes)
    assert {name.split(",")[0] for name in first} == {learner.algorithm for learner in learners_of(TaskKind.BINARY)} | {
        learner.algorithm for learner in learners_of(TaskKind.REGRESSION)
    }
    assert list(first) == list(reversed(second))
    for name, (status, error, scores) in first.items():
        assert status == "ok", f"{name}: {error}"
        same = {metric: pytest.approx(values, rel=0, abs=1e-9) for metric, values in scores.items()}
        assert second[name] == [status, error, same], name
