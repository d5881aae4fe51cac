"""What to expect of candidates on a task, of which some may have been measured already."""

import math
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from autometa.evaluation.record import Evaluation, Status
from autometa.metric import Metric
from autometa.recommenders.base import Recommender, measured_losses
from autometa.recommenders.calibration import REFERENCE, Calibration
from autometa.recommenders.location import unit
from autometa.recommenders.recommendation import PredictedGain
from autometa.space import Configuration
from autometa.task import TaskDescription

_SMALL = 1e-3  # relative to the unit: smaller losses are told apart no further where predictions are moved


def expected_losses(
    ranker: Recommender,
    description: TaskDescription,
    candidates: Sequence[Configuration],
    observed: Sequence[Evaluation],
    calibration: Calibration,
) -> npt.NDArray[np.float64]:
    """Return the loss to expect of each candidate, (n_candidates,).

    Measured where the candidate was measured on this very table; elsewhere predicted and calibrated, moved by the mean
    error of the predictions of the measured ones, shrunk as if one more prediction had been right, and no worse than
    chance.
    """
    metric = ranker.experience_.metric
    size = unit(metric, description)
    predicted = ranker.predict(description, candidates, observed).losses
    losses = np.minimum(calibration.centred(predicted, size), metric.chance_loss)
    measured = measured_losses(observed, metric)
    known = [position for position, c in enumerate(candidates) if c.key in measured]
    if known:
        actual = np.array([measured[candidates[position].key] for position in known])
        errors = np.log((actual + _SMALL * size) / (losses[known] + _SMALL * size))
        losses = np.minimum(losses * np.exp(errors.sum() / (len(known) + 1)), metric.chance_loss)
        losses[known] = actual
    return np.asarray(losses)


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
    *,
    is_ranked: bool,
) -> list[tuple[float, tuple[float, float]]]:
    """Return score and interval of each configuration; measured ones have the spread of their folds.

    ``is_ranked``: whether they are in the recommender's order. Then the first of them, where nothing was measured, is
    the first advice, of which errors are known by themselves.
    """
    size = unit(metric, description)
    measured = {e.configuration.key: e for e in observed if e.status is Status.OK}
    has_first = is_ranked and not observed
    result = []
    for place, (configuration, loss) in enumerate(expected):
        evaluation = measured.get(configuration.key)
        folds = [metric.loss(s) for s in evaluation.fold_scores.get(metric.name, ())] if evaluation else []
        if len(folds) > 1:
            error = errors_of_80(len(folds)) * float(np.std(folds, ddof=1)) / math.sqrt(len(folds))
            low, high = max(loss - error, 0.0), loss + error
        else:
            low, high = calibration.interval(float(loss), size, is_first=has_first and place == 0)
            low, high = min(low, float(loss)), max(min(high, metric.chance_loss), float(loss))
        bounds = sorted((metric.score(low), metric.score(high)))
        result.append((metric.score(float(loss)), (bounds[0], bounds[1])))
    return result


def errors_of_80(n: int) -> float:
    """Return how many standard errors of a mean of ``n`` values, two or more, an 80 % interval reaches to each side.

    By Student's distribution, as of values that know nothing of each other: folds share rows to learn from.
    """
    return float(stdtrit(n - 1, 0.9))


def predicted_gain(
    ranker: Recommender,
    description: TaskDescription,
    first: tuple[Configuration, float],
    of_reference: float,
    observed: Sequence[Evaluation],
    calibration: Calibration,
) -> PredictedGain | None:
    """Return how much better the first pipeline is expected to be than LightGBM's default.

    None where it is that, where that is not known, or where one of the two was measured and the other not.

    Parameters
    ----------
    ranker : Recommender
        Fitted.
    description : TaskDescription
        The task.
    first : tuple of Configuration and float
        The first pipeline, and the loss expected of it.
    of_reference : float
        The loss expected of LightGBM's default.
    observed : sequence of Evaluation
        What was measured on the task.
    calibration : Calibration
        Of what is first.
    """
    configuration, loss = first
    if configuration == REFERENCE or REFERENCE.key not in ranker.experience_.position_of:
        return None
    gain = of_reference - loss
    measured = measured_losses(observed, ranker.experience_.metric)
    is_measured = {key in measured for key in (configuration.key, REFERENCE.key)}
    if is_measured == {True}:
        return PredictedGain(score=gain, interval=(gain, gain))
    low, high = calibration.gain_interval(gain, ranker.location_.predict(description)[1])
    if is_measured != {False} or not math.isfinite(low):
        return None
    return PredictedGain(score=min(max(gain, low), high), interval=(low, high))
