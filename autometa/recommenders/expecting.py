"""What to expect of candidates on a task, of which some may have been measured already."""

import math
from collections.abc import Iterable, Sequence

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

_SMALL = 1e-3  # losses below it are told apart no further where predictions are moved


def expected_losses(
    ranker: Recommender,
    description: TaskDescription,
    candidates: Sequence[Configuration],
    observed: Sequence[Evaluation],
    calibration: Calibration,
) -> npt.NDArray[np.float64]:
    """Return the loss to expect of each candidate, (n_candidates,).

    Measured where the candidate was measured on this very table; elsewhere predicted and calibrated, no worse than
    chance, and moved by the mean error of the predictions of the measured ones, shrunk as if one more prediction had
    been right.
    """
    metric = ranker.experience_.metric
    predicted = ranker.predict(description, candidates, observed).losses
    losses = np.minimum(calibration.centred(predicted, unit(metric, description)), metric.chance_loss)
    measured = measured_losses(observed, metric)
    known = [position for position, c in enumerate(candidates) if c.key in measured]
    if known:
        actual = np.array([measured[candidates[position].key] for position in known])
        errors = np.log((actual + _SMALL) / (losses[known] + _SMALL))
        losses = losses * np.exp(errors.sum() / (len(known) + 1))
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
            error = 1.2816 * float(np.std(folds, ddof=1)) / math.sqrt(len(folds))  # 80 % of a normal
            low, high = max(loss - error, 0.0), loss + error
        else:
            low, high = calibration.interval(float(loss), size, is_first=has_first and place == 0)
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
    gain = float(expected_losses(ranker, description, [REFERENCE], observed, calibration)[0]) - loss
    is_measured = {
        key in measured_losses(observed, ranker.experience_.metric) for key in (configuration.key, REFERENCE.key)
    }
    if is_measured == {True}:
        return PredictedGain(score=gain, interval=(gain, gain))
    low, high = calibration.gain_interval(gain, ranker.location_.predict(description)[1])
    if is_measured != {False} or not math.isfinite(low):
        return None
    return PredictedGain(score=gain, interval=(low, high))
