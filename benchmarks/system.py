"""The whole system on hidden tables: ``python -m benchmarks.system INDEX --db FILE --out FILE``

INDEX is an ``index.csv`` as `autometa kb grow --from` takes it. Tables are drawn by hash, those of judgement families
first. Of each a quarter of the rows is kept for the test; the default metric of its kind counts. On all of them:

- ``autometa 0``: AutoMetaClassifier or AutoMetaRegressor with ``time_budget=0``: the first advice, fitted;
- the defaults of LightGBM, scikit-learn's histogram boosting and its random forest, in autometa's pipelines.

With ``--searched N`` on the first N of them also

- ``autometa 30``: the same with ``time_budget=30``;
- ``cold 60``: Optuna's TPE on the same space, from nothing, for 60 s, the folds of cv-v1, the best fitted on all rows.

All on one core. A tie: within one standard error of the difference, by bootstrap of the test rows. What was done is
kept in the file ``--out``, a line of JSON for each table, and not done again.
"""

import argparse
import contextlib
import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
from optuna.samplers import TPESampler
from sklearn.model_selection import train_test_split
from threadpoolctl import threadpool_limits

from autometa.benchmark.judging import Share
from autometa.benchmark.replay import is_judgement
from autometa.errors import AutometaError, NotKnownError
from autometa.estimators import AutoMetaClassifier, AutoMetaRegressor
from autometa.evaluation.limits import Limits
from autometa.evaluation.record import Status
from autometa.evaluation.running import Evaluator
from autometa.evaluation.scoring import align_probabilities, class_positions, score_predictions
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.frames import Experience
from autometa.metric import Metric, get_metric
from autometa.pipelines.building import build
from autometa.pipelines.learners import learners_of, space_of
from autometa.reading import read_task
from autometa.reading.conforming import TableReader
from autometa.refinement.naming import NamedSpaces
from autometa.sketches import draw_sketch
from autometa.space import Configuration
from autometa.task import Task

SEED = 0
TEST_SHARE = 0.25
N_RESAMPLES = 300
DEFAULTS = ("lightgbm", "hist_gradient_boosting", "random_forest")
ADVISED, SEARCHED, COLD = "autometa 0", "autometa 30", "cold 60"
SEARCH_SECONDS, COLD_SECONDS = 30.0, 60.0
LEAST_TEST_ROWS = 20

Fit = Callable[[pd.DataFrame, pd.Series], Any]  # Any: whatever predicts


class HiddenBase(KnowledgeBase):
    """A knowledge base from which the families of one table are hidden: its own, and those of nearly the same ones."""

    hidden: frozenset[str] = frozenset()

    def hide(self, row: dict[str, Any], table: Task) -> None:
        near = super().near_tasks(table.fingerprint, draw_sketch(table))
        self.hidden = frozenset({str(row["family"]), *(each.family for each in near)})
        with contextlib.suppress(NotKnownError):
            self.hidden |= {self.describe(table.fingerprint).family}

    def experience(self, *arguments: Any, **named: Any) -> Experience:  # Any: as of the base
        return super().experience(*arguments, **named).without(sorted(self.hidden))

    def evaluations_of(self, *arguments: Any, **named: Any) -> tuple[Any, ...]:
        return ()

    def near_tasks(self, *arguments: Any, **named: Any) -> tuple[Any, ...]:
        return ()


class Model:
    """A fitted pipeline that reads tables as its training table was read."""

    def __init__(self, task: Task, pipeline: Any) -> None:
        self.pipeline = pipeline.fit(task.X, task.y)
        self.reader = TableReader.of(task)
        self.classes_ = getattr(pipeline, "classes_", None)

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        return np.asarray(self.pipeline.predict(self.reader.read(X)))

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        return np.asarray(self.pipeline.predict_proba(self.reader.read(X)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", type=Path)
    parser.add_argument("--db", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tables", type=int, default=100)
    parser.add_argument("--searched", type=int, default=0)
    parser.add_argument("--others", action="store_true", help="only tables that are not of judgement families")
    parser.add_argument("--workers", type=int, default=2, help="tables at once, each on one core")
    options = parser.parse_args()
    drawn = draw(options.index, options.tables, only_others=options.others)
    done = {(row["table"], row["is_searched"]) for row in results(options.out)}
    jobs = [(row, False) for row in drawn] + [(row, True) for row in drawn[: options.searched]]
    left = [(row, is_searched) for row, is_searched in jobs if (row["name"], is_searched) not in done]
    one_core = {"initializer": threadpool_limits, "initargs": (1,)}  # histogram boosting takes all that it is let
    with ProcessPoolExecutor(options.workers, **one_core) as pool, options.out.open("a", encoding="utf-8") as out:
        for line in pool.map(partial(contest, folder=options.index.parent, db=options.db), left):
            out.write(json.dumps(line) + "\n")
            out.flush()
    names = {row["name"] for row in drawn}
    summarise([row for row in results(options.out) if row["table"] in names])


def draw(index: Path, n_tables: int, *, only_others: bool = False) -> list[dict[str, Any]]:
    """Return rows of the index, those of judgement families first, in the order of the hashes of their names."""
    table = pd.read_csv(index)
    table = table[table["split"] == "dev"] if "split" in table else table
    rows = [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]
    if only_others:
        rows = [row for row in rows if not is_judgement(str(row["family"]))]
    rows.sort(key=lambda row: (not is_judgement(str(row["family"])), _hash(str(row["name"]))))
    return rows[:n_tables]


def results(path: Path) -> list[dict[str, Any]]:
    """Return what was done before."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def contest(job: tuple[dict[str, Any], bool], *, folder: Path, db: str) -> dict[str, Any]:
    """Return the scores of all methods on one table, and how they compare."""
    row, is_searched = job
    frame = pd.read_parquet(folder / row["file"])
    y = frame.pop("target")
    X = frame.loc[y.notna()].reset_index(drop=True)
    y = y[y.notna()].reset_index(drop=True)
    y = y if row["task"] == "regression" else y.astype(str)
    counts = y.value_counts()
    is_rare = row["task"] == "regression" or counts.min() < 2
    parts = train_test_split(X, y, test_size=TEST_SHARE, random_state=SEED, stratify=None if is_rare else y)
    line: dict[str, Any] = {"table": row["name"], "family": str(row["family"]), "is_searched": is_searched}
    line["judgement"] = is_judgement(str(row["family"]))
    metric = get_metric("auto", read_task(parts[0], parts[2], kind=_kind(row)).kind)
    with HiddenBase(db) as base:
        base.hide(row, read_task(folder / row["file"], target="target", kind=row["task"]))
        methods = searching(row, base) if is_searched else advising(row, base)
        predicted = {name: measure(fit, parts, metric) for name, fit in methods.items()}
    line["metric"] = metric.name
    line["seconds"] = {name: round(seconds, 2) for name, (_, seconds, _) in predicted.items()}
    line["errors"] = {name: error for name, (_, _, error) in predicted.items() if error}
    positions = targets(parts[2], parts[3], metric)
    line |= compared(metric, positions, {name: each for name, (each, _, _) in predicted.items()})
    return line


def advising(row: dict[str, Any], base: KnowledgeBase) -> dict[str, Fit]:
    """Return the methods that measure nothing."""
    return {
        ADVISED: partial(fit_autometa, row, base, 0),
        **{name: partial(fit_default, row, name) for name in DEFAULTS},
    }


def searching(row: dict[str, Any], base: KnowledgeBase) -> dict[str, Fit]:
    """Return the methods that search."""
    return {SEARCHED: partial(fit_autometa, row, base, SEARCH_SECONDS), COLD: partial(fit_cold, row)}


def fit_autometa(row: dict[str, Any], base: KnowledgeBase, seconds: float, X: pd.DataFrame, y: pd.Series) -> Any:
    """Return a fitted estimator of autometa's."""
    make = AutoMetaRegressor if row["task"] == "regression" else AutoMetaClassifier
    return make(time_budget=seconds, knowledge=base, n_jobs=1, random_state=SEED).fit(X, y)


def fit_default(row: dict[str, Any], algorithm: str, X: pd.DataFrame, y: pd.Series) -> Model:
    """Return a fitted pipeline of an algorithm's defaults."""
    task = read_task(X, y, kind=_kind(row))
    return Model(task, build(Configuration(algorithm=algorithm), kind=task.kind, column_kinds=task.column_kinds))


def fit_cold(row: dict[str, Any], X: pd.DataFrame, y: pd.Series) -> Model:
    """Return the best pipeline that TPE finds from nothing, fitted on all rows within the time."""
    started = time.monotonic()
    task = read_task(X, y, kind=_kind(row))
    metric = get_metric("auto", task.kind)
    learners = learners_of(task.kind, n_rows=task.n_rows)  # others take hours for the last fit, and lose
    spaces = NamedSpaces({each.algorithm: space_of(each.algorithm, task.kind) for each in learners})
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=TPESampler(seed=SEED, multivariate=True, group=True))
    best: tuple[float, Configuration, float] | None = None
    ratio = max(1.0, task.n_rows / 2_000) ** 1.2
    with Evaluator() as evaluator:
        while True:
            left = started + COLD_SECONDS - time.monotonic() - (1.5 * ratio * best[2] if best else 0.0)
            if left < 0.5:
                break
            trial = study.ask()
            configuration = spaces.suggest(trial)
            limits = Limits(cpu_seconds=min(60.0, left), max_wall_seconds=left)
            evaluation = evaluator.evaluate(task, configuration, limits=limits)
            if evaluation.status is not Status.OK or math.isnan(evaluation.score(metric.name)):
                study.tell(trial, state=optuna.trial.TrialState.FAIL)
                continue
            loss = metric.loss(evaluation.score(metric.name))
            study.tell(trial, loss)
            if best is None or loss < best[0]:
                best = (loss, configuration, evaluation.fit_seconds)
    chosen = best[1] if best else Configuration(algorithm="lightgbm")
    return Model(task, build(chosen, kind=task.kind, column_kinds=task.column_kinds))


def measure(fit: Fit, parts: Sequence[Any], metric: Metric) -> tuple[np.ndarray | None, float, str]:
    """Return predictions for the test rows, None where the fit fails, the seconds of the fit, and its error."""
    X_train, X_test, y_train, _ = parts
    started = time.monotonic()
    try:
        model = fit(X_train, y_train)
        seconds = time.monotonic() - started
        if not metric.needs_probabilities:
            return np.asarray(model.predict(X_test), dtype=float), seconds, ""
        classes = tuple(sorted(set(y_train)))
        learned = class_positions(np.asarray(model_classes(model)).astype(str), classes)
        return align_probabilities(model.predict_proba(X_test), learned, len(classes)), seconds, ""
    except (AutometaError, ValueError, TypeError, RuntimeError) as error:
        return None, time.monotonic() - started, f"{type(error).__name__}: {error}"[:300]


def model_classes(model: Any) -> np.ndarray:
    """Return the classes of a fitted model."""
    return np.asarray(model.pipeline.classes_ if isinstance(model, Model) else model.classes_)


def targets(y_train: pd.Series, y_test: pd.Series, metric: Metric) -> np.ndarray:
    """Return the test target: numbers, or positions of classes, -1 for one that was not there to be learned."""
    if not metric.needs_probabilities:
        return y_test.to_numpy(dtype=float)
    position = {label: place for place, label in enumerate(sorted(set(y_train)))}
    return np.array([position.get(label, -1) for label in y_test])


def compared(metric: Metric, y: np.ndarray, predicted: dict[str, np.ndarray | None]) -> dict[str, Any]:
    """Return the losses of the methods, and the standard errors of their differences to the first."""
    is_known = y >= 0 if metric.needs_probabilities else np.ones(len(y), dtype=bool)
    y = y[is_known]
    good = {name: each[is_known] for name, each in predicted.items() if each is not None}
    losses = {name: metric.loss(score_predictions(metric, y, each)) for name, each in good.items()}
    rng = np.random.default_rng(SEED)
    draws = [rng.integers(len(y), size=len(y)) for _ in range(N_RESAMPLES)]
    sampled = {
        name: np.array([metric.loss(score_predictions(metric, y[draw], each[draw])) for draw in draws])
        for name, each in good.items()
    }
    first = next(iter(predicted))
    errors = {
        name: float(np.nanstd(sampled[name] - sampled[first])) for name in good if name != first and first in good
    }
    return {"n_test": len(y), "losses": losses, "standard_errors": errors}


def outcome(line: dict[str, Any], own: str, other: str) -> str:
    """Return win, tie or loss of a method against another on one table; a method that fails loses."""
    losses = line["losses"]
    if own not in losses or other not in losses:
        return "tie" if own not in losses and other not in losses else ("win" if own in losses else "loss")
    difference = losses[other] - losses[own]
    if abs(difference) <= line["standard_errors"][other] or math.isnan(difference):
        return "tie"
    return "win" if difference > 0 else "loss"


def summarise(lines: Sequence[dict[str, Any]]) -> None:
    """Print shares of wins, ties and losses, and mean ranks."""
    usable = [line for line in lines if line["n_test"] >= LEAST_TEST_ROWS and line["losses"]]
    print(f"{len(lines)} contests, {len(usable)} with {LEAST_TEST_ROWS} test rows or more")
    for name, part in (("all", usable), ("judgement families", [line for line in usable if line["judgement"]])):
        print(f"\n{name}")
        rows = [*pairs([x for x in part if not x["is_searched"]], ADVISED, DEFAULTS)]
        rows += pairs([x for x in part if x["is_searched"]], SEARCHED, (COLD,))
        print(pd.DataFrame(rows).to_string(index=False))
        for is_searched in (False, True):
            own = [line["losses"] for line in part if line["is_searched"] is is_searched]
            if own:
                ranks = pd.DataFrame(own).rank(axis=1).mean().round(2)
                print(f"mean ranks ({len(own)}): {ranks.to_dict()}")
                seconds = pd.DataFrame([line["seconds"] for line in part if line["is_searched"] is is_searched])
                print(f"seconds, median: {seconds.median().round(2).to_dict()}, most: {seconds.max().to_dict()}")
    for line in lines:
        for method, error in line["errors"].items():
            print(f"failed: {line['table']}: {method}: {error}")


def pairs(lines: Sequence[dict[str, Any]], own: str, others: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield a row for each pair of methods."""
    for other in others:
        found = [outcome(line, own, other) for line in lines]
        if not found:
            continue
        row: dict[str, Any] = {"method": own, "against": other, "tables": len(found)}
        for what in ("win", "tie", "loss"):
            row[what] = f"{found.count(what) / len(found):.0%}"
        for what, n in (("win or tie", len(found) - found.count("loss")), ("harm", found.count("loss"))):
            low, high = Share(n=n, n_of=len(found)).interval
            row[what] = f"{n / len(found):.0%} ({low:.0%} to {high:.0%})"
        yield row


def _kind(row: dict[str, Any]) -> str:
    """Return the kind of a table, as `read_task` takes it."""
    return "regression" if row["task"] == "regression" else "classification"


def _hash(name: str) -> int:
    """Return a number that a name alone decides."""
    return int(hashlib.sha256(name.encode()).hexdigest()[:8], 16)


if __name__ == "__main__":
    main()
