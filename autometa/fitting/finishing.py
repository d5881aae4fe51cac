"""Finishing: from what was attempted to models that are fitted on all rows, in the time that is left."""

import math
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

import numpy as np
from sklearn import config_context
from threadpoolctl import threadpool_limits

from autometa._random import spawn
from autometa.ensembling import apply_temperature, average, select_weights, temperature_of
from autometa.pipelines.building import build, weight_arguments
from autometa.refinement.attempts import Attempt
from autometa.refinement.objective import Objective
from autometa.space import Configuration
from autometa.task import Task

MAX_MEMBERS = 8  # of an ensemble: more hardly gain, and each has to predict
N_CONSIDERED = 50  # attempts, the best, that an ensemble is chosen from
MAX_PREDICT_FACTOR = 20.0  # of the best one's time to predict, that all members together may take
_LEAST_PREDICT_SECONDS = 0.05  # below it, times to predict are all alike


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Choice:
    """Which attempts become the model.

    Parameters
    ----------
    best : Attempt
        The best single one.
    members : tuple of Attempt
        Best first; the best alone where there is no ensemble.
    weights : tuple of float
        Of each; they sum to 1.
    temperature : float
        Of the average of a classifier; 1 changes nothing.
    fold_scores : tuple of float
        Of the average, out of fold; empty where its predictions are not known.
    """

    best: Attempt = field(repr=False)
    members: tuple[Attempt, ...] = field(repr=False)
    weights: tuple[float, ...]
    temperature: float = 1.0
    fold_scores: tuple[float, ...] = ()

    @property
    def score(self) -> float:
        """The mean of the fold scores; that of the best where they are not known."""
        return fmean(self.fold_scores) if self.fold_scores else self.best.score


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What may be spent on the model.

    Parameters
    ----------
    max_seconds : float
        That the fits may take on the clock; where no single one is that fast, the fastest is taken.
    n_cores : int
        That the fits are shared out to.
    n_considered : int
        Most attempts, the best, that an average is chosen from; 1: there is none.

    Examples
    --------
    >>> Means(max_seconds=10.0).n_considered
    50
    """

    max_seconds: float = math.inf
    n_cores: int = 1
    n_considered: int = N_CONSIDERED


def choose(whole: Sequence[Attempt], objective: Objective, seconds_on_all: Mapping[int, float], means: Means) -> Choice:
    """Return the attempts that become the model: the best, or an average that is better out of fold.

    Parameters
    ----------
    whole : sequence of Attempt
        That came through all rungs; at least one.
    objective : Objective
        What is made small.
    seconds_on_all : mapping of int to float
        By number of the attempt, what its fit on all rows is expected to take on one core.
    means : Means
        What may be spent.
    """
    distinct: dict[str, Attempt] = {}
    for each in sorted(whole, key=lambda each: (each.loss, each.number)):
        distinct.setdefault(each.configuration.key, each)
    ranked = list(distinct.values())
    affordable = [each for each in ranked if seconds_on_all[each.number] <= means.max_seconds]
    if not affordable:
        affordable = [min(ranked, key=lambda each: (seconds_on_all[each.number], each.loss, each.number))]
    best = affordable[0]
    single = Choice(best=best, members=(best,), weights=(1.0,), fold_scores=_fold_scores(best, objective))
    # Where nothing is bounded by time, the same seed gives the same model, whatever the machine does beside.
    limit = MAX_PREDICT_FACTOR * _predict_seconds(best) if math.isfinite(means.max_seconds) else math.inf
    pool = [each for each in affordable if each.measurement is not None and _predict_seconds(each) <= limit]
    pool = pool[: means.n_considered]
    if len(pool) < 2 or pool[0] is not best:
        return single
    return _averaged(pool, objective, seconds_on_all, means.max_seconds * means.n_cores) or single


def _averaged(
    pool: Sequence[Attempt], objective: Objective, seconds_on_all: Mapping[int, float], max_seconds: float
) -> Choice | None:
    """Return the average of some attempts, the best first; None if it is not better than that."""
    stacked, fold_scores = _stacked(pool, objective)
    weights = select_weights(
        stacked,
        lambda predictions: objective.loss(fmean(fold_scores(predictions))),
        max_members=MAX_MEMBERS,
        costs=[seconds_on_all[each.number] for each in pool],
        max_cost=max_seconds,
    )
    mean = average(stacked, weights)
    temperature = 1.0
    if objective.is_plain and objective.name == "log_loss":
        rows = _measured(pool[0]).rows
        temperature = temperature_of(mean, objective.y[np.concatenate([rows[number] for number in sorted(rows)])])
    if np.count_nonzero(weights) < 2 and temperature == 1.0:
        return None
    members = [(each, float(weight)) for each, weight in zip(pool, weights, strict=True) if weight > 0]
    return Choice(
        best=pool[0],
        members=tuple(each for each, _ in members),
        weights=tuple(weight for _, weight in members),
        temperature=temperature,
        fold_scores=fold_scores(_tempered(mean, temperature)),
    )


def _stacked(
    attempts: Sequence[Attempt], objective: Objective
) -> tuple[list[np.ndarray], Callable[[np.ndarray], tuple[float, ...]]]:
    """Return what each attempt predicts on all folds, one after another, and what scores such predictions by fold."""
    rows = _measured(attempts[0]).rows
    numbers = sorted(rows)
    ends = np.cumsum([len(rows[number]) for number in numbers])[:-1]

    def fold_scores(predictions: np.ndarray) -> tuple[float, ...]:
        return objective.fold_scores(dict(zip(numbers, np.split(predictions, ends), strict=True)), rows)

    stacked = [np.concatenate([_measured(each).predictions[number] for number in numbers]) for each in attempts]
    return stacked, fold_scores


def without(choice: Choice, failed: Collection[str], objective: Objective) -> Choice | None:
    """Return what is left of a choice if some of its configurations, by key, cannot be had; None if nothing is."""
    left = [
        (each, weight)
        for each, weight in zip(choice.members, choice.weights, strict=True)
        if each.configuration.key not in failed
    ]
    best = [each for each in (choice.best, *(each for each, _ in left)) if each.configuration.key not in failed]
    if not best:
        return None
    if not left:
        return Choice(best=best[0], members=(best[0],), weights=(1.0,), fold_scores=_fold_scores(best[0], objective))
    members, weights = tuple(each for each, _ in left), np.array([weight for _, weight in left])
    scores = _fold_scores(members[0], objective)
    if len(members) > 1 or choice.temperature != 1.0:
        stacked, fold_scores = _stacked(members, objective)
        scores = fold_scores(_tempered(average(stacked, weights), choice.temperature))
    return Choice(
        best=best[0],
        members=members,
        weights=tuple(float(each) for each in weights / weights.sum()),
        temperature=choice.temperature,
        fold_scores=scores,
    )


def fit_all(
    configurations: Sequence[Configuration],
    task: Task,
    y: np.ndarray,
    *,
    sample_weight: np.ndarray | None,
    n_cores: int,
    seed: int,
) -> tuple[list[Any], list[str]]:
    """Return the pipelines of configurations fitted on all rows, None for one that fails, and why it does.

    Parameters
    ----------
    configurations : sequence of Configuration
        What is built.
    task : Task
        Its table is what they are fitted on.
    y : ndarray of shape (n_rows,)
        The target, as the user has it.
    sample_weight : ndarray of shape (n_rows,), optional
        What each row counts.
    n_cores : int
        One pipeline has all of them; several are fitted at once, on one each.
    seed : int
        Seed of the pipelines' draws, each by its configuration.
    """
    n_jobs = n_cores if len(configurations) == 1 else 1

    def fitted(configuration: Configuration) -> tuple[Any, str]:
        own_seed = spawn(seed, "evaluation", configuration.key) % 2**31  # as where it was measured
        try:
            pipeline = build(
                configuration, kind=task.kind, column_kinds=task.column_kinds, seed=own_seed, n_jobs=n_jobs
            )
            weights = {} if sample_weight is None else weight_arguments(pipeline, sample_weight)
            with (
                threadpool_limits(n_jobs, user_api="openmp"),  # of this thread alone; BLAS knows all threads together
                config_context(enable_metadata_routing=False, transform_output="default"),  # as where it was measured
            ):
                return pipeline.fit(task.X, y, **weights), ""
        except Exception as error:  # noqa: BLE001 - a learner's training: whatever it raises, others may succeed
            return None, f"{configuration.algorithm}: {type(error).__name__}: {' '.join(str(error).split())[:300]}"

    n_threads = min(n_cores, len(configurations))
    with (
        warnings.catch_warnings(action="ignore"),  # as where it was measured: what they warn of is in the score
        threadpool_limits(n_jobs, user_api="blas"),
    ):
        results = _in_threads(fitted, configurations, n_threads)
    return [pipeline for pipeline, _ in results], [reason for _, reason in results if reason]


def _in_threads(
    fitted: Callable[[Configuration], tuple[Any, str]], configurations: Sequence[Configuration], n_threads: int
) -> list[tuple[Any, str]]:
    """Return what a function gives for each, in this thread or in several, for which an interrupt does not wait."""
    if n_threads == 1:
        return list(map(fitted, configurations))
    pool = ThreadPoolExecutor(n_threads)
    try:
        return list(pool.map(fitted, configurations))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Finished:
    """What a choice came to.

    Parameters
    ----------
    choice : Choice
        Without what could not be fitted; its score is that of what is left.
    best : Pipeline
        The best single one.
    ensemble : EnsembleClassifier or EnsembleRegressor, optional
        None: the best alone is the model.
    reasons : tuple of str
        Why others are left out.
    """

    choice: Choice
    best: Any
    ensemble: Any
    reasons: tuple[str, ...]


def fit_choice(
    choice: Choice, objective: Objective, y: np.ndarray, *, n_cores: int, seed: int
) -> Finished | tuple[str, ...]:
    """Return the fitted choice; if none of its pipelines could be fitted, why not.

    Parameters
    ----------
    choice : Choice
        What is fitted.
    objective : Objective
        Knows the task, and what its rows count.
    y, n_cores, seed
        As of `fit_all`.
    """
    from autometa.ensembling.estimators import EnsembleClassifier, EnsembleRegressor

    task = objective.task
    wanted = {each.configuration.key: each.configuration for each in (choice.best, *choice.members)}
    pipelines, reasons = fit_all(
        list(wanted.values()), task, y, sample_weight=objective.sample_weight, n_cores=n_cores, seed=seed
    )
    fitted = {key: pipeline for key, pipeline in zip(wanted, pipelines, strict=True) if pipeline is not None}
    left = without(choice, wanted.keys() - fitted.keys(), objective) if reasons else choice
    if left is None:
        return tuple(reasons)
    best = fitted[left.best.configuration.key]
    members = [fitted[each.configuration.key] for each in left.members]
    if len(members) == 1 and members[0] is best and left.temperature == 1.0:
        ensemble = None
    elif task.kind.is_classification:
        ensemble = EnsembleClassifier(members, left.weights, temperature=left.temperature)
    else:
        ensemble = EnsembleRegressor(members, left.weights)
    return Finished(choice=left, best=best, ensemble=ensemble, reasons=tuple(reasons))


def _measured(attempt: Attempt) -> Any:
    """Return the measurement of an attempt that has one."""
    if attempt.measurement is None:
        raise ValueError("an attempt without its predictions")
    return attempt.measurement


def _fold_scores(attempt: Attempt, objective: Objective) -> tuple[float, ...]:
    """Return the scores of an attempt's folds; none where its predictions are not known."""
    if attempt.measurement is None:
        return ()
    parts = attempt.measurement
    return objective.fold_scores(parts.predictions, parts.rows)


def _tempered(mean: np.ndarray, temperature: float) -> np.ndarray:
    """Return probabilities after a temperature, which other predictions do not have."""
    return mean if temperature == 1.0 else apply_temperature(mean, temperature)


def _predict_seconds(attempt: Attempt) -> float:
    """Return the seconds that an attempt took to predict a fold."""
    return max(attempt.last.predict_seconds, _LEAST_PREDICT_SECONDS)
