"""The whole way from a table to a fitted model: advice, refinement, ensemble, fit on all rows."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from statistics import stdev
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from autometa.advisor import Advisor
from autometa.errors import EvaluationError, OptionError
from autometa.evaluation.record import Status
from autometa.evaluation.warm import Evaluators
from autometa.fitting import leaderboard
from autometa.fitting.finishing import Choice, Finished, Means, choose, fit_all, fit_choice
from autometa.fitting.options import FitOptions
from autometa.fitting.timing import SAFETY, FinishTimes, by_time, seconds_left
from autometa.knowledge.base import KnowledgeBase
from autometa.pipelines.building import build, takes_weights
from autometa.pipelines.learners import learners_of
from autometa.recommenders.advising import Grounds
from autometa.recommenders.recommendation import Recommendation
from autometa.refinement.planning import FIT_SHARE
from autometa.space import Configuration
from autometa.task import Task
from autometa.wish import Wish

if TYPE_CHECKING:
    from autometa.refinement.objective import Objective
    from autometa.refinement.planning import Progress
    from autometa.refinement.refining import Refinement

_HOPELESS = (Status.FAILED, Status.OUT_OF_MEMORY)
_N_REASONS = 3  # that an error or a note repeats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fitted:
    """A fitted model and how it came about.

    Parameters
    ----------
    best_pipeline : Pipeline
        The best single one, fitted on all rows.
    ensemble : EnsembleClassifier or EnsembleRegressor, optional
        Fitted on all rows; None where the best alone is the model.
    recommendation : Recommendation
        What was advised.
    configurations : tuple of Configuration
        What the model is made of.
    leaderboard : DataFrame
        A row per attempt; see `autometa.fitting.leaderboard`.
    score : float
        Of the model, out of fold; NaN where nothing was measured.
    score_std : float
        Deviation of that over the folds; NaN where there is one at most.
    metric : str
        Of the scores.
    study : optuna.study.Study, optional
        The trials behind it; None where nothing was measured.
    notes : tuple of str
        What to know.
    """

    best_pipeline: Any = field(repr=False)
    ensemble: Any = field(repr=False)
    recommendation: Recommendation = field(repr=False)
    configurations: tuple[Configuration, ...] = field(repr=False)
    leaderboard: pd.DataFrame = field(repr=False)
    score: float
    score_std: float
    metric: str
    study: Any = field(repr=False)
    notes: tuple[str, ...]


def fit_task(
    task: Task,
    y: np.ndarray,
    base: KnowledgeBase,
    options: FitOptions,
    *,
    report: "Callable[[Progress], None] | None" = None,
) -> Fitted:
    """Return a model fitted on all rows of a task.

    Parameters
    ----------
    task : Task
        The table.
    y : ndarray of shape (n_rows,)
        The target as the user has it, which the model is to predict.
    base : KnowledgeBase
        Past runs; also where new ones are kept, if that is asked for.
    options : FitOptions
        What is asked for.
    report : callable, optional
        Called with a `autometa.refinement.planning.Progress` again and again.

    Raises
    ------
    UserError
        If the options make no sense for the table, or nothing is known about its kind.
    EvaluationError
        If no pipeline could be fitted.
    """
    from autometa.refinement.objective import Objective  # a fit without a search needs no Optuna, and this none

    given = (task.X if options.table is None else options.table, y)
    objective = Objective.of(options.metric, task, options.sample_weight, given=given)
    if options.origin is not None and options.sample_weight is not None:
        raise OptionError("runs on weighted rows cannot be compared with others, nor recorded; leave record out")
    advisor = Advisor(base, recommender=options.recommender)
    if not options.is_search:
        return _fit_first(_advised(advisor, task, options)[0], task, y, options)
    with Evaluators(options.n_cores) as evaluators:  # they start while advice is drawn
        return _fit_searched(advisor, objective, y, options, evaluators, report)


def _fit_searched(
    advisor: Advisor,
    objective: "Objective",
    y: np.ndarray,
    options: FitOptions,
    evaluators: Evaluators,
    report: "Callable[[Progress], None] | None",
) -> Fitted:
    """Return what a search finds, fitted; parameters and errors as of `fit_task`."""
    task = objective.task
    recommendation, grounds = _advised(advisor, task, options)
    from autometa.refinement.attempts import rungs_of  # a fit without a search needs no Optuna
    from autometa.refinement.keeping import Keeper
    from autometa.refinement.planning import Budget, Plan
    from autometa.refinement.refining import refine

    rungs = rungs_of(task, options.splits, is_recorded=options.origin is not None)
    seconds_on_all = FinishTimes(objective, rungs[-1].splits, options)
    budget = Budget(
        seconds=options.time_budget, n_trials=options.n_trials, started=options.started, reserve=seconds_on_all.reserve
    )
    keep = None
    if options.origin is not None:
        keep = Keeper(advisor.knowledge, task, options.origin, options.splits, memory_bytes=options.memory_bytes).keep
    refinement = refine(
        grounds,
        recommendation,
        objective,
        Plan(
            budget=budget,
            splits=options.splits,
            n_workers=options.n_cores,
            memory_bytes=options.memory_bytes,
            seed=options.seed,
            evaluators=evaluators,
        ),
        report=report,
        keep=keep,
    )
    finished, reasons = _finished(refinement, seconds_on_all, y, options)
    if finished is None:
        return _fit_furthest(refinement, recommendation, y, options, reasons)
    return _fitted(finished, refinement, recommendation, options, reasons)


def _finished(
    refinement: "Refinement", seconds_on_all: FinishTimes, y: np.ndarray, options: FitOptions
) -> tuple[Finished | None, list[str]]:
    """Return the best model that can be fitted, None if no attempt came to the end and can be; and what could not."""
    objective = refinement.objective
    whole = [each for each in refinement.attempts if each.is_whole]
    reasons: list[str] = []
    while whole:
        means = Means(
            max_seconds=seconds_left(options.started, options.time_budget) / SAFETY,
            n_cores=options.n_cores,
            n_considered=seconds_on_all.n_considered(whole) if options.ensemble else 1,
        )
        choice = choose(whole, objective, seconds_on_all.of(whole), means)
        finished = fit_choice(choice, objective, y, n_cores=options.n_cores, seed=options.seed)
        if isinstance(finished, Finished):
            return finished, [*reasons, *finished.reasons]
        reasons += finished
        failed = {each.configuration.key for each in (choice.best, *choice.members)}
        whole = [each for each in whole if each.configuration.key not in failed]
    return None, reasons


def _fitted(
    finished: Finished,
    refinement: "Refinement",
    recommendation: Recommendation,
    options: FitOptions,
    reasons: Sequence[str],
) -> Fitted:
    """Return what was finished with all that is told of it."""
    scores = finished.choice.fold_scores
    return Fitted(
        best_pipeline=finished.best,
        ensemble=finished.ensemble,
        recommendation=recommendation,
        configurations=tuple(each.configuration for each in finished.choice.members),
        leaderboard=leaderboard.of_refinement(refinement, _weights(finished.choice)),
        score=finished.choice.score,
        score_std=stdev(scores) if len(scores) > 1 else math.nan,
        metric=refinement.objective.name,
        study=refinement.study,
        notes=(*recommendation.notes, *_notes(refinement, options), *_left_out(reasons)),
    )


def _advised(advisor: Advisor, task: Task, options: FitOptions) -> tuple[Recommendation, Grounds]:
    """Return the advice: pipelines that can be fitted on all rows within the budget, as far as there are any."""
    wish = options.wish
    if options.sample_weight is not None:
        wish = replace(wish, algorithms=_weighing(task, wish))
    if not options.time_budget:
        return advisor.recommend_with_grounds(task, wish)
    try:
        return advisor.recommend_with_grounds(task, replace(wish, max_fit_seconds=FIT_SHARE * options.time_budget))
    except OptionError:
        unlimited = advisor.recommend_with_grounds(task, wish)
    fit_seconds = unlimited[1].priced.fit_seconds
    if not np.isfinite(fit_seconds).any():
        return unlimited
    return advisor.recommend_with_grounds(task, replace(wish, max_fit_seconds=2.0 * float(np.nanmin(fit_seconds))))


def _weighing(task: Task, wish: Wish) -> list[str]:
    """Return the algorithms that take weights of rows.

    Raises
    ------
    OptionError
        If none of those that are asked for does.
    """
    asked = [
        each.algorithm for each in learners_of(task.kind) if wish.allowed is None or each.algorithm in wish.allowed
    ]
    found = [
        name
        for name in asked
        if takes_weights(build(Configuration(algorithm=name), kind=task.kind, column_kinds=task.column_kinds))
    ]
    if not found:
        raise OptionError(
            f"none of {', '.join(asked) or 'the algorithms'} takes weights of rows; choose other algorithms"
        )
    return found


def _fit_first(recommendation: Recommendation, task: Task, y: np.ndarray, options: FitOptions) -> Fitted:
    """Return the first advice, fitted; the next one if it cannot be."""
    reasons: list[str] = []
    for advice in recommendation:
        pipeline, failures = _fit_one(advice.configuration, task, y, options)
        reasons += failures
        if pipeline is not None:
            return Fitted(
                best_pipeline=pipeline,
                ensemble=None,
                recommendation=recommendation,
                configurations=(advice.configuration,),
                leaderboard=leaderboard.of_recommendation(recommendation, advice.configuration.key),
                score=math.nan,
                score_std=math.nan,
                metric=recommendation.metric.name,
                study=None,
                notes=(*recommendation.notes, *_left_out(reasons)),
            )
    raise EvaluationError(f"none of the advised pipelines could be fitted; {_some(reasons)}")


def _fit_furthest(
    refinement: "Refinement",
    recommendation: Recommendation,
    y: np.ndarray,
    options: FitOptions,
    reasons: list[str],
) -> Fitted:
    """Return the attempt that came furthest, fitted, where none came to the end; else the cheapest advice.

    What failed or ran out of memory under limits is not tried without them; what is expected to take longer than is
    left comes last.
    """
    task = refinement.objective.task
    left = seconds_left(options.started, options.time_budget) / SAFETY
    in_time, late = by_time(refinement.ranked, refinement.rungs, task, left)
    cheapest = sorted(recommendation, key=lambda each: (math.isnan(each.fit_seconds), each.fit_seconds, each.rank))
    failed = {each.configuration.key for each in refinement.attempts if each.is_whole}  # but could not be fitted
    failed |= {each.configuration.key for each in refinement.attempts if each.last.status in _HOPELESS}
    reasons += [f"{each.configuration.algorithm}: {each.last.error}" for each in refinement.attempts if each.last.error]
    ranked, others = [each.configuration for each in in_time], [each.configuration for each in late]
    for configuration in (*ranked, *(each.configuration for each in cheapest), *others):
        if configuration.key in failed:
            continue
        pipeline, failures = _fit_one(configuration, task, y, options)
        reasons += failures
        if pipeline is not None:
            return Fitted(
                best_pipeline=pipeline,
                ensemble=None,
                recommendation=recommendation,
                configurations=(configuration,),
                leaderboard=leaderboard.of_refinement(refinement, {configuration.key: 1.0}),
                score=math.nan,
                score_std=math.nan,
                metric=refinement.objective.name,
                study=refinement.study,
                notes=(
                    *recommendation.notes,
                    *_notes(refinement, options),
                    f"nothing was measured to the end: {configuration.algorithm} is fitted, "
                    + ("whose score is of a part of the rows" if configuration in (*ranked, *others) else "unmeasured")
                    + "; "
                    + _why_nothing(refinement),
                    *_left_out(reasons),
                ),
            )
    raise EvaluationError(f"no pipeline could be fitted; {_some(reasons)}")


def _left_out(reasons: Sequence[str]) -> list[str]:
    """Return notes on what is not in the model though it was to be."""
    return [f"left out: {_some(reasons)}"] if reasons else []


def _some(reasons: Sequence[str]) -> str:
    """Return the first of several reasons, each once, in one line."""
    distinct = list(dict.fromkeys(reasons))
    more = f"; and {len(distinct) - _N_REASONS} more" if len(distinct) > _N_REASONS else ""
    return "; ".join(distinct[:_N_REASONS]) + more


def _why_nothing(refinement: "Refinement") -> str:
    """Return why no attempt came to an end."""
    name = refinement.objective.name
    absent = [each.last.absent[name] for each in refinement.attempts if name in each.last.absent]
    return f"{name} is {absent[0]}; choose other folds, or another metric" if absent else "allow more time"


def _fit_one(configuration: Configuration, task: Task, y: np.ndarray, options: FitOptions) -> tuple[Any, list[str]]:
    """Return the fitted pipeline of a configuration, None if it fails, and why."""
    pipelines, reasons = fit_all(
        [configuration], task, y, sample_weight=options.sample_weight, n_cores=options.n_cores, seed=options.seed
    )
    return pipelines[0], reasons


def _weights(choice: Choice) -> dict[str, float]:
    """Return the weight of each member by its key."""
    return {each.configuration.key: weight for each, weight in zip(choice.members, choice.weights, strict=True)}


def _notes(refinement: "Refinement", options: FitOptions) -> list[str]:
    """Return what to know of a refinement."""
    notes = []
    if options.time_budget is not None:
        notes.append("a budget of time: another run may end with another model; n_trials alone gives the same again")
    if refinement.was_interrupted:
        notes.append(f"stopped after {len(refinement.attempts)} pipelines: the best so far is what is fitted")
    if refinement.objective.metric is None:
        notes.append(
            f"past runs know nothing of '{refinement.objective.name}': what was advised first is by the usual metric"
        )
    return notes
