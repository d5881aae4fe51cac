"""How much past studies help a new one: ``python -m benchmarks.transfer ../shared/metadata/yahpo/rbv2_rpart``

Needs onnxruntime, and cmaes for that sampler. The instances are surrogates of real runs: the accuracy of decision trees
(five hyperparameters) on 117 OpenML data sets. Every fifth, in the order of their numbers, is held out; choices are
made without them, by ``--choosing 0`` to ``3``. On each of the others ``--past`` random trials are made, as users'
studies would have, and kept in a knowledge base. Then every sampler has 50 trials on each held-out instance, with each
seed. Regret after k trials: (best - best found) / (best - median), clipped to 0 to 1, where best and median are those
of 10,000 random configurations; means over instances and seeds, with standard errors over instances.
"""

import argparse
import hashlib
import json
import math
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd

from autometa._random import generator
from autometa.evaluation.record import Evaluation, Status
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.foreign import ForeignTask, add_foreign_tasks
from autometa.metric import get_metric
from autometa.refinement.sampler import KnowledgeSampler
from autometa.refinement.studies import STUDY_VERSION, study_protocol
from autometa.space import Configuration
from autometa.task import TaskDescription
from autometa.task_kind import TaskKind

CHECKPOINTS = (1, 5, 10, 25, 50)
N_REFERENCE = 10_000
ALGORITHM = "rpart"
OWN = {"knowledge": "population", "deep kernel": "deep_kernel"}  # samplers, and their surrogates
CATEGORY = "num.impute.selected.cpo"
NUMBERS = ("cp", "maxdepth", "minbucket", "minsplit")
Params = Mapping[str, Any]  # Any: as Optuna has it


class Instances:
    """The surrogate of all instances.

    Parameters
    ----------
    folder : Path
        With ``model.onnx``, ``config_space.json`` and ``encoding.json``.
    """

    def __init__(self, folder: Path) -> None:
        import onnxruntime

        self.encoding = json.loads((folder / "encoding.json").read_text(encoding="utf-8"))
        space = json.loads((folder / "config_space.json").read_text(encoding="utf-8"))["hyperparameters"]
        self.space = {each["name"]: each for each in space}
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(folder / "model.onnx", options)
        self.names = sorted((name for name in self.encoding["task_id"] if name != "#na#"), key=int)

    def distributions(self) -> dict[str, optuna.distributions.BaseDistribution]:
        """Return the search space."""
        own = {name: self.space[name] for name in NUMBERS}
        found: dict[str, optuna.distributions.BaseDistribution] = {
            name: (
                optuna.distributions.FloatDistribution(each["lower"], each["upper"], log=each["log"])
                if each["type"] == "uniform_float"
                else optuna.distributions.IntDistribution(each["lower"], each["upper"], log=each["log"])
            )
            for name, each in own.items()
        }
        return found | {CATEGORY: optuna.distributions.CategoricalDistribution(self.space[CATEGORY]["choices"])}

    def accuracies(self, name: str, points: list[Params]) -> np.ndarray:
        """Return the accuracies of some configurations on an instance, (n,)."""
        categories = [[self.encoding["task_id"][name], self.encoding[CATEGORY][point[CATEGORY]]] for point in points]
        numbers = [[*(point[each] for each in NUMBERS), 1.0, 10.0] for point in points]  # trainsize and repl
        inputs = {"x_cat": np.array(categories, np.int32), "x_cont": np.array(numbers, np.float32)}
        return np.asarray(np.clip(self.session.run(None, inputs)[0][:, 0], 0.0, 1.0), dtype=float)

    def drawn(self, n: int, rng: np.random.Generator) -> list[Params]:
        """Return random configurations."""
        found: list[Params] = []
        for _ in range(n):
            point: dict[str, Any] = {CATEGORY: str(rng.choice(self.space[CATEGORY]["choices"]))}
            for name in NUMBERS:
                own = self.space[name]
                if own["type"] == "uniform_int":
                    point[name] = int(rng.integers(own["lower"], own["upper"] + 1))
                else:
                    point[name] = math.exp(rng.uniform(math.log(own["lower"]), math.log(own["upper"])))
            found.append(point)
        return found


def split(names: list[str], choosing: int | None) -> tuple[list[str], list[str]]:
    """Return the instances that are held out and those of the past; for choices, the last ones are in neither."""
    others = [name for place, name in enumerate(names) if place % 5]
    if choosing is None:
        return names[::5], others
    return others[choosing::4], [name for place, name in enumerate(others) if place % 4 != choosing]


@cache
def instances(folder: Path) -> Instances:
    """Return the surrogate, loaded once in a process."""
    return Instances(folder)


def keep_past(base: KnowledgeBase, surrogate: Instances, names: list[str], n_past: int) -> None:
    """Keep random trials on some instances."""
    tasks, evaluations = [], []
    for name in names:
        fingerprint = hashlib.sha256(f"openml data set {name}".encode()).hexdigest()
        description = TaskDescription(
            name=f"openml {name}",
            fingerprint=fingerprint,
            family=f"openml {name}",
            kind=TaskKind.MULTICLASS,
            n_rows=1,  # not told
            n_columns=1,
            metafeatures={},
        )
        tasks.append(ForeignTask(description=description, n_classes=2, metafeatures_version="none"))
        points = surrogate.drawn(n_past, generator(0, "past", name))
        for point, accuracy in zip(points, surrogate.accuracies(name, points), strict=True):
            evaluations.append(
                Evaluation(
                    fingerprint=fingerprint,
                    configuration=Configuration(algorithm=ALGORITHM, values=point),
                    protocol=study_protocol(get_metric("accuracy", TaskKind.MULTICLASS)),
                    pipelines_version=STUDY_VERSION,
                    seed=0,
                    status=Status.OK,
                    fold_scores={"accuracy": (float(accuracy),)},
                    fit_seconds=math.nan,
                    predict_seconds=math.nan,
                    peak_memory_bytes=0,
                    error="",
                    absent={},
                    versions={},
                    origin="yahpo",
                )
            )
    add_foreign_tasks(base, tasks, origin="yahpo", licence="Apache-2.0")
    base.add_evaluations(evaluations, licence="Apache-2.0")


def _knowledge(database: str, surrogate: str, seed: int) -> optuna.samplers.BaseSampler:
    """Return a sampler that knows the past."""
    return KnowledgeSampler(
        database, algorithm=ALGORITHM, kind="multiclass", metric="accuracy", surrogate=surrogate, seed=seed
    )


def samplers(database: str) -> dict[str, Callable[[int], optuna.samplers.BaseSampler]]:
    """Return what makes each sampler from a seed."""
    return {
        "random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
        "tpe": lambda seed: optuna.samplers.TPESampler(seed=seed),
        "cmaes": lambda seed: optuna.samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False),
        "gp": lambda seed: optuna.samplers.GPSampler(seed=seed),
        **{name: partial(_knowledge, database, surrogate) for name, surrogate in OWN.items()},
    }


def regrets(folder: Path, database: str, method: str, seed: int, name: str) -> dict[str, Any]:  # Any: a row
    """Return the regrets of a sampler on an instance."""
    import warnings

    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    surrogate = instances(folder)
    reference = surrogate.accuracies(name, surrogate.drawn(N_REFERENCE, generator(0, "reference")))
    best, middle = reference.max(), np.median(reference)
    start = time.perf_counter()
    study = optuna.create_study(direction="maximize", sampler=samplers(database)[method](seed))
    space = surrogate.distributions()
    for _ in range(max(CHECKPOINTS)):
        trial = study.ask(space)
        study.tell(trial, float(surrogate.accuracies(name, [trial.params])[0]))
    found = np.maximum.accumulate([float(trial.value or 0.0) for trial in study.trials])
    regret = np.clip((best - found) / (best - middle), 0.0, 1.0)
    row = {"method": method, "seed": seed, "instance": name, "seconds": time.perf_counter() - start}
    return row | {f"k = {k}": regret[k - 1] for k in CHECKPOINTS}


def main() -> None:
    """Print a row for each sampler, and the differences to the Gaussian process in pairs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--methods", default="random,tpe,cmaes,gp,knowledge,deep kernel")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--past", type=int, default=100, help="random trials on each instance that is not held out")
    parser.add_argument("--choosing", type=int, choices=range(4), help="hold a quarter of the others out: for choices")
    parser.add_argument(
        "--rows", type=Path, help="a CSV file of this split: rows of Optuna's samplers are not made twice"
    )
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    surrogate = instances(arguments.folder)
    held_out, past = split(surrogate.names, arguments.choosing)
    kept = pd.read_csv(arguments.rows, dtype={"instance": str}) if arguments.rows and arguments.rows.exists() else None
    done = set() if kept is None else set(zip(kept["method"], kept["seed"], strict=True))
    found = pd.DataFrame() if kept is None else kept[~kept["method"].isin(OWN)]
    with tempfile.TemporaryDirectory() as own, ProcessPoolExecutor(arguments.workers) as pool:
        database = str(Path(own) / "past.db")
        with KnowledgeBase.create(database) as base:
            keep_past(base, surrogate, past, arguments.past)
        for method in arguments.methods.split(","):
            for seed in range(arguments.seeds):
                if method in OWN or (method, seed) not in done:
                    rows = pool.map(partial(regrets, arguments.folder, database, method, seed), held_out)
                    found = pd.concat([found, pd.DataFrame(rows)], ignore_index=True)
                    if arguments.rows:
                        found.to_csv(arguments.rows, index=False)
    found = found[found["method"].isin(arguments.methods.split(",")) & (found["seed"] < arguments.seeds)]
    columns = [f"k = {k}" for k in CHECKPOINTS]
    by_instance = found.groupby(["method", "instance"], sort=False)[columns].mean()
    print(f"{len(held_out)} instances held out, {arguments.seeds} seeds")
    rows_of = {method: by_instance.loc[method] for method in arguments.methods.split(",")}
    for name in set(OWN) & set(rows_of) if "gp" in rows_of else ():
        rows_of[f"{name} less gp"] = rows_of[name] - rows_of["gp"]
    told = {
        name: [f"{m:.3f} ± {e:.3f}" for m, e in zip(own.mean(), own.sem(), strict=True)]
        for name, own in rows_of.items()
    }
    print(pd.DataFrame.from_dict(told, orient="index", columns=columns).to_string())
    print(found.groupby("method", sort=False)["seconds"].mean().to_string(float_format="%.1f s"))


if __name__ == "__main__":
    main()
