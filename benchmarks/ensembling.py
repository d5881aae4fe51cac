"""What averages of pipelines gain, and how greedy their choice should be: ``python benchmarks/ensembling.py``

Each example table is split in three again and again: pipelines drawn at random are fitted on one part, weights and
temperature are found on the second, and the loss is measured on the third. Its mean over splits is given
relative to that of the pipeline that was best on the second part: below 1 is a gain. ``--rows 20000`` times the choice
among 50 made models of three classes.
"""

import argparse
import time
import warnings
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from autometa._paths import data_path
from autometa._random import generator, spawn
from autometa.ensembling import apply_temperature, average, select_weights, selection, temperature_of
from autometa.evaluation.scoring import class_positions, score_fold
from autometa.metric import Metric, default_metric, get_metric
from autometa.pipelines.building import build
from autometa.pipelines.learners import learners_of
from autometa.reading import read_task
from autometa.task import Task
from autometa.task_kind import TaskKind

TABLES = (("breast_cancer", "diagnosis"), ("wine", "cultivar"), ("diabetes", None))
QUICK = ("low", "medium")  # costs of a fit
SEED = 0


def main() -> None:
    """Print a row for each table and metric, or the seconds of a choice."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, default=20, help="pipelines of each split")
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--rows", type=int, default=0, help="rows of made models whose choice is timed instead")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    if arguments.rows:
        print(f"{_seconds(arguments.rows):.2f} s")
        return
    rows = [row for name, target in TABLES for row in _rows(name, target, arguments.models, arguments.splits)]
    print(pd.DataFrame(rows).round(3).to_string(index=False))


def _rows(name: str, target: str | None, n_models: int, n_splits: int) -> Iterator[dict[str, object]]:
    """Yield what each metric says of the averages on a table."""
    task = read_task(data_path("examples", f"{name}.csv"), target=target)
    y = np.asarray(task.y)
    y = class_positions(y, task.classes) if task.kind.is_classification else y.astype(np.float64)
    splits = [_predictions(task, n_models, split) for split in range(n_splits)]
    metrics = [get_metric("log_loss")] if task.kind.is_classification else []
    for metric in dict.fromkeys([default_metric(task.kind), *metrics]):
        means = pd.DataFrame([_losses(task.kind, metric, y, *split) for split in splits]).mean()
        n_members, single = means.pop("members of ours"), means.pop("single")
        row = {"table": name, "metric": metric.name, "members of ours": n_members, "single": single}
        yield row | {str(way): loss / single for way, loss in means.items()}


def _predictions(task: Task, n_models: int, split: int) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Return what pipelines fitted on a third of the rows predict for all of them, and the other two thirds."""
    rng = generator(SEED, "ensembling", task.name, str(split))
    training, validation, test = np.array_split(rng.permutation(len(task.X)), 3)
    learners = [learner for learner in learners_of(task.kind) if learner.cost in QUICK]
    models: list[np.ndarray] = []
    while len(models) < n_models:
        configuration = learners[int(rng.integers(len(learners)))].space(task.kind).sample(rng)
        seed = spawn(SEED, configuration.key) % 2**31
        pipeline = build(configuration, kind=task.kind, column_kinds=task.column_kinds, seed=seed)
        pipeline.fit(task.X.iloc[training], np.asarray(task.y)[training])
        is_classification = task.kind.is_classification
        models.append(np.asarray(pipeline.predict_proba(task.X) if is_classification else pipeline.predict(task.X)))
    return models, validation, test


def _losses(
    kind: TaskKind,
    metric: Metric,
    y: np.ndarray,
    models: Sequence[np.ndarray],
    validation: np.ndarray,
    test: np.ndarray,
) -> dict[str, float]:
    """Return the loss on the test rows of the best single model and of each way to average."""

    def loss(predicted: np.ndarray, rows: np.ndarray) -> float:
        classes = predicted.argmax(axis=1) if kind.is_classification else predicted
        probabilities = predicted if kind.is_classification else None
        return metric.loss(score_fold(kind, y[rows], classes, probabilities).scores[metric.name])

    known, unseen = [model[validation] for model in models], [model[test] for model in models]
    single = loss(unseen[int(np.argmin([loss(model, validation) for model in known]))], test)
    results = {"single": single, "of all": loss(average(unseen, np.ones(len(models))), test)}
    chosen = selection._LEAST_GAIN
    for name, least_gain in {"any gain": 0.0, "ours": chosen, "1 / n_rows": 1 / len(validation)}.items():
        selection._LEAST_GAIN = least_gain
        weights = select_weights(known, lambda predicted: loss(predicted, validation))
        results[name] = loss(average(unseen, weights), test)
        if name == "ours":
            n_members, ours = np.count_nonzero(weights), weights
    selection._LEAST_GAIN = chosen
    if metric.name == "log_loss":
        temperature = temperature_of(average(known, ours), y[validation])
        results["ours at its temperature"] = loss(apply_temperature(average(unseen, ours), temperature), test)
    return {**results, "members of ours": float(n_members)}


def _seconds(n_rows: int) -> float:
    """Return the CPU seconds of choosing among 50 models of three classes by their log loss."""
    rng = np.random.default_rng(SEED)
    signal = rng.normal(size=(n_rows, 3))
    y = (signal + rng.gumbel(size=signal.shape)).argmax(axis=1)
    logits = [signal * rng.uniform(0.5, 2.0) + rng.normal(size=signal.shape) for _ in range(50)]
    models = [np.exp(model) / np.exp(model).sum(axis=1, keepdims=True) for model in logits]

    def loss(probabilities: np.ndarray) -> float:
        return float(-np.mean(np.log(np.maximum(probabilities[np.arange(n_rows), y], 1e-15))))

    started = time.process_time()
    select_weights(models, loss)
    return time.process_time() - started


if __name__ == "__main__":
    main()
