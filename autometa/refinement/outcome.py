"""Outcome: a recommendation after its refinement, led by what was measured."""

import math
from collections.abc import Sequence
from dataclasses import replace

from autometa.metric import Metric
from autometa.recommenders.advising import Grounds
from autometa.recommenders.evidence import evidence_for
from autometa.recommenders.expecting import errors_of_80
from autometa.recommenders.recommendation import Advice, Recommendation
from autometa.refinement.attempts import Attempt, Source, fit_seconds_on_all
from autometa.refinement.objective import N_PARTS
from autometa.refinement.refining import Refinement

_SOURCE_WORDS = {
    Source.ADVISED: "advised before anything was measured",
    Source.RECOMMENDED: "proposed by the recommender from what was measured",
    Source.NEAR: "near what was expected to be best",
    Source.SEARCHED: "found by Optuna's sampler",
    Source.STOPPED: "the best so far with another number of rounds",
}


def refined(recommendation: Recommendation, grounds: Grounds, refinement: Refinement, k: int) -> Recommendation:
    """Return the ``k`` best pipelines that were measured, best first; the advice as it was where none has a score.

    Their scores and intervals are those of the folds; their times what is expected on the whole table after those of
    a fold, on which their memory was measured. Pipelines that were given up after a cheap rung come after those that
    were measured to the end.
    """
    distinct: dict[str, Attempt] = {}
    for each in refinement.ranked:  # a small space is soon tried out, and then repeated
        distinct.setdefault(each.configuration.key, each)
    best = list(distinct.values())[:k]
    words = _words(recommendation, refinement)
    if not best:
        return replace(recommendation, notes=(*recommendation.notes, *words))
    evidence = evidence_for(grounds.ranker, grounds.description, [each.configuration for each in best])
    known = recommendation[0]
    task = refinement.objective.task
    advice = tuple(
        Advice(
            rank=place + 1,
            configuration=each.configuration,
            predicted_score=each.score,
            interval=_interval(each, recommendation.metric),
            fit_seconds=fit_seconds_on_all(each, task, refinement.rungs[len(each.losses) - 1].splits),
            memory_bytes=float(each.last.peak_memory_bytes),
            reasons=_reasons(each),
            evidence=evidence[place],
            kind=known.kind,
            column_kinds=known.column_kinds,
        )
        for place, each in enumerate(best)
    )
    return replace(recommendation, advice=advice, notes=(*recommendation.notes, *words))


def _reasons(attempt: Attempt) -> tuple[str, ...]:
    """Return who proposed an attempt, and how far it was measured."""
    reasons = [f"attempt {attempt.number + 1}: {_SOURCE_WORDS[attempt.source]}"]
    if not attempt.is_whole:
        reasons.append("given up before it was measured to the end: its score is of fewer rows or folds")
    return tuple(reasons)


def _interval(attempt: Attempt, metric: Metric) -> tuple[float, float]:
    """Return the 80 % interval of a score by its standard error; the score twice where that is unknown."""
    n_folds = max((len(scores) for scores in attempt.last.fold_scores.values()), default=1)
    n_errors = errors_of_80(n_folds if n_folds > 1 else N_PARTS)
    error = 0.0 if math.isnan(attempt.standard_error) else n_errors * attempt.standard_error
    return max(attempt.score - error, metric.low), min(attempt.score + error, metric.high)


def _words(recommendation: Recommendation, refinement: Refinement) -> Sequence[str]:
    """Return what to know of the refinement."""
    attempts = refinement.attempts
    n_whole = sum(each.is_whole for each in attempts)
    n_failed = sum(each.has_failed for each in attempts)
    words = [
        f"refined for {refinement.seconds:.0f} s: {len(attempts)} pipelines attempted, {n_whole} measured to the end, "
        f"{n_failed} failed or cut short; "
        + ("scores are measured, on folds of the table" if refinement.ranked else "scores are predicted, none measured")
    ]
    first = next((each for each in attempts if each.configuration == recommendation[0].configuration), None)
    best = refinement.best
    if best is not None and first is not None and first.is_whole:
        name = refinement.objective.name
        words.append(
            f"the first advice scored {first.score:.4g} {name}"
            + (", and is still the best" if best is first else f", the best now {best.score:.4g}")
            + "; the best of many is a little too good to be true"
        )
    elif best is not None and first is not None and not first.has_failed:
        words.append(
            f"the first advice was given up on rung {len(first.losses)} of {len(refinement.rungs)}: "
            "others scored better there, or its next would have taken longer than was left"
        )
    if best is None:
        words.append("nothing was measured to the end; give it more time")
    if refinement.was_interrupted:
        words.append("stopped by the user: this is what was known by then")
    return words
