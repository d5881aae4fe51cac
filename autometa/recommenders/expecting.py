"""What to expect of candidates on a task, of which some may have been measured already."""

import math
from collections.abc import Collection, Iterable, Sequence

import numpy as np
import numpy.typing as npt

from autometa.evaluation.record import Evaluation, Status
from autometa.metric import Metric
from autometa.recommenders.base import Recommender, measured_losses
from autometa.recommenders.calibration import REFERENCE, Calibration
from autometa.recommenders.location import unit
from autometa.recommenders.recommendation import PredictedGain
from autometa.space import Configuration
from autometa.task import TaskDescription

# Normalised loss from which on a prediction says no more how bad a configuration is: it stops at 1, the median. Chosen
# on families that are not for judgement (docs/benchmarks.md, "Trade-offs").
VAGUE = 0.9

_SMALL = 1e-3  # losses below it are told apart no further where predictions are moved


def expected_losses(
    ranker: Recommender,
    description: TaskDescription,
    candidates: Sequence[Configuration],
    observed: Sequence[Evaluation],
) -> npt.NDArray[np.float64]:
    """Return the loss to expect of each candidate, (n_candidates,).

    Measured where the candidate was measured on this very table; elsewhere predicted, no worse than chance, and moved
    by the mean error of the predictions of the measured ones, shrunk as if one more prediction had been right.
    """
    metric = ranker.experience_.metric
    losses = np.minimum(ranker.predict(description, candidates, observed).losses, metric.chance_loss)
    measured = measured_losses(observed, metric)
    known = [position for position, c in enumerate(candidates) if c.key in measured]
    if known:
        actual = np.array([measured[candidates[position].key] for position in known])
        errors = np.log((actual + _SMALL) / (losses[known] + _SMALL))
        losses = losses * np.exp(errors.sum() / (len(known) + 1))
        losses[known] = actual
    return np.asarray(losses)


def vague_ones(
    ranker: Recommender,
    description: TaskDescription,
    configurations: Sequence[Configuration],
    observed: Sequence[Evaluation],
) -> frozenset[str]:
    """Return the keys of those that are expected to be about the median of the task or worse, unless measured on it."""
    mean = ranker.predict(description, configurations, observed).mean
    measured = measured_losses(observed, ranker.experience_.metric)
    return frozenset(c.key for c, m in zip(configurations, mean, strict=True) if m >= VAGUE and c.key not in measured)


def order_candidates(
    ranker: Recommender,
    description: TaskDescription,
    candidates: Sequence[Configuration],
    observed: Sequence[Evaluation],
    losses: npt.NDArray[np.float64],
    n: int,
) -> list[int]:
    """Return the first ``n`` candidates in the recommender's order; by expected loss where the very table is known.

    What failed on this very table is left out.
    """
    measured = measured_losses(observed, ranker.experience_.metric)
    known = [position for position, c in enumerate(candidates) if c.key in measured]
    if not known:
        return list(ranker.rank(description, candidates, observed, n))
    order = known + list(ranker.rank(description, candidates, observed))
    return sorted(order, key=lambda position: losses[position])[:n]


def score_intervals(
    metric: Metric,
    description: TaskDescription,
    expected: Iterable[tuple[Configuration, float]],
    observed: Sequence[Evaluation],
    calibration: Calibration,
    vague: Collection[str] = (),
) -> list[tuple[float, tuple[float, float]]]:
    """Return score and interval of each configuration; measured ones have the spread of their folds.

    The interval of those with a key in ``vague`` reaches to the loss of guessing, infinite where there is none.
    """
    size = unit(metric, description)
    measured = {e.configuration.key: e for e in observed if e.status is Status.OK}
    result = []
    for configuration, loss in expected:
        evaluation = measured.get(configuration.key)
        folds = [metric.loss(s) for s in evaluation.fold_scores.get(metric.name, ())] if evaluation else []
        if len(folds) > 1:
            error = 1.2816 * float(np.std(folds, ddof=1)) / math.sqrt(len(folds))  # 80 % of a normal
            low, high = max(loss - error, 0.0), loss + error
        else:
            low, high = calibration.interval(float(loss), size)
            high = math.inf if configuration.key in vague else high
            high = max(min(high, metric.chance_loss), float(loss))
        bounds = sorted((metric.score(low), metric.score(high)))
        result.append((metric.score(float(loss)), (bounds[0], bounds[1])))
    return result


def predicted_gain(
    ranker: Recommender,
    description: TaskDescription,
    first: tuple[Configuration, float],
    observed: Sequence[Evaluation],
    calibration: Calibration,
) -> PredictedGain | None:
    """Return how much better the first pipeline, with the loss expected of it, is than LightGBM's default.

    None where it is that, where that is not known, or where one of the two was measured and the other not.
    """
    configuration, loss = first
    if configuration == REFERENCE or REFERENCE.key not in ranker.experience_.position_of:
        return None
    gain = float(expected_losses(ranker, description, [REFERENCE], observed)[0]) - loss
    is_measured = {
        key in measured_losses(observed, ranker.experience_.metric) for key in (configuration.key, REFERENCE.key)
    }
    if is_measured == {True}:
        return PredictedGain(score=gain, interval=(gain, gain))
    low, high = calibration.gain_interval(gain, ranker.location_.predict(description)[1])
    if is_measured != {False} or not math.isfinite(low):
        return None
    return PredictedGain(score=gain, interval=(low, high))
