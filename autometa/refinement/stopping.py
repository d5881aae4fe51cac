"""Stopping: after how many rounds boosted trees are best, found by one fit of many.

The best attempt so far, if it is of boosted trees, is measured again with up to twice its rounds, and with what it
predicts after fewer: the number that is best on all folds becomes an attempt of its own. So boosters stop early, or go
on, where that is better than the fixed number they began with, and all rows are left to the final fit.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from autometa.evaluation.record import Evaluation, Status
from autometa.evaluation.running import Evaluator, Measurement
from autometa.evaluation.scoring import score_fold
from autometa.pipelines.learners import space_of
from autometa.pipelines.rounds import is_prefix_stable, n_rounds, rounds_parameter, with_rounds
from autometa.refinement.attempts import SEED, Attempt, Rung
from autometa.refinement.climbing import Allowance
from autometa.refinement.objective import Objective
from autometa.space import Configuration
from autometa.task_kind import TaskKind

SHARES = (0.25, 0.4, 0.6, 0.8, 1.25, 1.6, 2.0)  # of the rounds that a configuration has


def stages_of(configuration: Configuration, kind: TaskKind) -> tuple[int, ...]:
    """Return the other numbers of rounds that are looked at, ascending; none where a fit does not tell of them."""
    name = rounds_parameter(configuration.algorithm)
    if name is None or not is_prefix_stable(configuration):
        return ()
    own = n_rounds(configuration)
    space = space_of(configuration.algorithm, kind)
    low, high = next((p.low, p.high) for p in space.parameters if p.name == name)
    found = {int(np.clip(round(share * own), low, high)) for share in SHARES}
    return tuple(sorted(found - {own}))


def next_to_stop(attempts: Sequence[Attempt], kind: TaskKind, seconds_left: float = math.inf) -> Configuration | None:
    """Return the best whole attempt's configuration, if other numbers of its rounds are to be looked at, and can be."""
    whole = [each for each in attempts if each.is_whole]
    if not whole:
        return None
    best = min(whole, key=lambda each: (each.loss, each.number))
    stages = stages_of(best.configuration, kind)
    if not stages:
        return None
    ratio = max(stages[-1] / n_rounds(best.configuration), 1.0)
    n_folds = max(map(len, best.last.fold_scores.values()), default=1)
    seconds = n_folds * ratio * (best.last.fit_seconds + best.last.predict_seconds)
    return best.configuration if seconds <= seconds_left else None


def without_rounds(configuration: Configuration) -> str:
    """Return what is the same of all configurations that differ in their rounds alone."""
    name = rounds_parameter(configuration.algorithm)
    values = {key: value for key, value in configuration.values.items() if key != name}
    return Configuration(algorithm=configuration.algorithm, values=values).key


def measure_stages(
    evaluator: Evaluator, rungs: Sequence[Rung], objective: Objective, attempt: Attempt, allowance: Allowance
) -> Attempt:
    """Return an attempt whose configuration has the number of rounds that is best of all but its own.

    Its scores are those that a fit of so many rounds would have; its times are shares of the one fit's.
    """
    rung = rungs[-1]
    kind = objective.task.kind
    stages = stages_of(attempt.configuration, kind)
    longest = with_rounds(attempt.configuration, stages[-1], kind)
    staged = evaluator.measure(
        objective.task,
        longest,
        splits=rung.splits,
        seed=SEED,
        limits=allowance.limits(),
        sample_weight=objective.sample_weight,
        rounds=stages,
    )
    if staged.evaluation.status is not Status.OK:
        return replace(attempt, configuration=longest, evaluations=(staged.evaluation,))
    scores = [objective.score(_stage(staged, place), staged.rows) for place in range(len(stages))]
    best = int(np.argmin([objective.loss(score) for score in scores]))
    configuration = with_rounds(attempt.configuration, stages[best], kind)
    predictions = _stage(staged, best)
    score, error = objective.score_with_error(predictions, staged.rows)
    evaluation = _evaluation(staged, predictions, configuration, objective, stages[best] / stages[-1])
    loss = objective.loss(score)
    return replace(
        attempt,
        configuration=configuration,
        is_whole=math.isfinite(loss),
        evaluations=(evaluation,),
        measurement=Measurement(evaluation=evaluation, predictions=predictions, rows=staged.rows),
        losses=(loss,) * len(rungs),
        score=score,
        standard_error=error,
    )


def _stage(staged: Measurement, place: int) -> dict[int, np.ndarray]:
    """Return the predictions after one number of rounds, by number of the fold."""
    return {number: each[place] for number, each in staged.predictions.items()}


def _evaluation(
    staged: Measurement,
    predictions: dict[int, np.ndarray],
    configuration: Configuration,
    objective: Objective,
    share: float,
) -> Evaluation:
    """Return the evaluation of a configuration with the share of the rounds that was fitted."""
    folds = []
    for number, each in sorted(predictions.items()):
        y = objective.y[staged.rows[number]]
        is_classes = each.ndim == 2
        folds.append(
            score_fold(
                objective.task.kind, y, each.argmax(axis=1) if is_classes else each, each if is_classes else None
            )
        )
    absent = {name: reason for fold in folds for name, reason in fold.absent.items()}
    names = [name for name in folds[0].scores if name not in absent]
    return replace(
        staged.evaluation,
        configuration=configuration,
        fold_scores={name: tuple(fold.scores[name] for fold in folds) for name in names},
        absent=absent,
        fit_seconds=share * staged.evaluation.fit_seconds,
    )
