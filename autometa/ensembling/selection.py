"""Which models an average takes, and how much of each.

Shapes: n_models predictions of the same n_rows rows, (n_rows,) for a regression or (n_rows, n_classes) probabilities.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

from autometa.errors import DataError, OptionError

_MOST_STEPS = 100  # finer weights than hundredths cannot be told apart on a validation set
_PATIENCE = 10  # steps without a gain; a second way up after that is rare
# Part of the loss by which a longer sum must beat a shorter one. A stricter guard is no better on unseen rows
# (docs/benchmarks.md): more members are themselves a guard against overfitting.
_LEAST_GAIN = 1e-4


def select_weights(
    predictions: Sequence[np.ndarray],
    loss: Callable[[np.ndarray], float],
    *,
    max_members: int | None = None,
    costs: Sequence[float] | None = None,
    max_cost: float | None = None,
) -> np.ndarray:
    """Return weights (n_models,) that sum to 1, of an average whose loss is never above that of the best single model.

    Greedy selection with replacement: from the best single model on, each step adds the one that leaves the average
    with the least loss, and the best of all steps is kept; ties go to the first. A longer sum replaces a shorter one
    only if its loss is lower by more than one part in 10,000, so that no model joins for what is less than chance.

    Parameters
    ----------
    predictions : sequence of ndarray of float, each of shape (n_rows,) or (n_rows, n_classes)
        What each model predicts for the same rows, none of which it was fitted on.
    loss : callable
        Takes an average of the predictions, of their shape; smaller is better, and an average without a finite loss
        is never chosen.
    max_members : int, optional
        Most models with a weight above 0.
    costs : sequence of float, optional
        What each model costs, seconds of a prediction, say.
    max_cost : float, optional
        Most that the models with a weight above 0 cost together; the best single model may cost more, but is then
        alone.

    Raises
    ------
    DataError
        If there are no models, their predictions differ in shape or are not finite, or no single one has a finite loss.
    OptionError
        If a bound makes no sense, or costs do not go with the models.

    References
    ----------
    R. Caruana, A. Niculescu-Mizil, G. Crew, A. Ksikes: Ensemble selection from libraries of models. 2004.
    doi:10.1145/1015330.1015432

    Examples
    --------
    >>> y = np.array([0.0, 0.0, 0.0])
    >>> models = [np.array([2.0, 2.0, 2.0]), np.array([-1.0, -1.0, -1.0]), np.array([9.0, 9.0, 9.0])]
    >>> select_weights(models, lambda average: float(np.mean((average - y) ** 2))).round(3).tolist()
    [0.333, 0.667, 0.0]
    """
    models = _checked_predictions(predictions)
    bounds = _Bounds(len(models), max_members, costs, max_cost)
    alone = np.array([_finite(loss(model)) for model in models])
    best_single = int(np.argmin(alone))
    if not math.isfinite(alone[best_single]):
        raise DataError(f"none of the {len(models)} models has a finite loss; leave the ensemble out")
    counts = _select_greedily(models, loss, bounds, best_single, float(alone[best_single]))
    weights = counts / counts.sum()
    if _finite(loss(average(models, weights))) < alone[best_single]:  # rounded otherwise than the sums of the search
        return np.asarray(weights)
    return np.asarray(np.arange(len(models)) == best_single, dtype=np.float64)


def average(predictions: Sequence[np.ndarray], weights: np.ndarray) -> np.ndarray:
    """Return the average (n_rows,) or (n_rows, n_classes) of predictions of that shape by weights (n_models,)."""
    total = np.zeros_like(predictions[0], dtype=np.float64)
    for model, weight in zip(predictions, weights / np.sum(weights), strict=True):
        if weight > 0:
            total += weight * model
    return total


class _Bounds:
    """What an ensemble may hold and cost."""

    def __init__(
        self, n_models: int, max_members: int | None, costs: Sequence[float] | None, max_cost: float | None
    ) -> None:
        if max_members is not None and max_members < 1:
            raise OptionError(f"an ensemble has a member at least, got max_members={max_members}")
        if (costs is None) is not (max_cost is None):
            raise OptionError("costs and max_cost go together; give both or neither")
        self._costs = np.zeros(n_models) if costs is None else np.asarray(costs, dtype=np.float64)
        self._max_cost = 0.0 if max_cost is None else max_cost
        self._max_members = n_models if max_members is None else max_members
        if self._costs.shape != (n_models,) or not (np.isfinite(self._costs) & (self._costs >= 0)).all():
            raise OptionError(f"{n_models} models need a finite cost of 0 or more each, got {self._costs.tolist()}")
        if math.isnan(self._max_cost):
            raise OptionError("max_cost is not a number; leave costs and max_cost out for no bound")

    def allowed(self, counts: np.ndarray) -> np.ndarray:
        """Return the ascending positions of the models that can join those with a count (n_models,) above 0."""
        is_member = counts > 0
        if is_member.sum() >= self._max_members:
            return np.flatnonzero(is_member)
        return np.flatnonzero(is_member | (self._costs[is_member].sum() + self._costs <= self._max_cost))


def _select_greedily(
    models: Sequence[np.ndarray],
    loss: Callable[[np.ndarray], float],
    bounds: _Bounds,
    first: int,
    first_loss: float,
) -> np.ndarray:
    """Return how often each model (n_models,) is in the best sum that begins with the model ``first``."""
    counts = np.zeros(len(models), dtype=np.int64)
    counts[first] = 1
    total = models[first].copy()
    best_counts, best_loss, best_size = counts.copy(), first_loss, 1
    for size in range(2, _MOST_STEPS + 1):
        allowed = bounds.allowed(counts)
        if size - best_size > _PATIENCE or len(allowed) == 1:
            break
        losses = [_finite(loss((total + models[model]) / size)) for model in allowed]
        position = int(np.argmin(losses))
        counts[allowed[position]] += 1
        total += models[allowed[position]]
        if losses[position] < best_loss - _LEAST_GAIN * abs(best_loss):
            best_counts, best_loss, best_size = counts.copy(), losses[position], size
    return best_counts


def _checked_predictions(predictions: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return the predictions as arrays of float64 of one shape."""
    models = [np.asarray(model) for model in predictions]
    shapes = {model.shape for model in models}
    if len(shapes) != 1 or len(next(iter(shapes))) not in {1, 2} or 0 in next(iter(shapes)):
        found = ", ".join(str(shape) for shape in sorted(shapes)) or "no models"
        raise DataError(
            f"an ensemble is chosen from predictions of one shape, (n_rows,) or (n_rows, n_classes): {found}"
        )
    for position, model in enumerate(models):
        if model.dtype.kind not in "biuf" or not np.isfinite(model).all():
            raise DataError(f"the predictions of model {position} are not finite numbers; leave it out")
    return [model.astype(np.float64, copy=False) for model in models]  # sums of float32 are rounded otherwise


def _finite(loss: float) -> float:
    """Return the loss; infinity for one that is not a number, which would win or lose by chance."""
    return float(loss) if math.isfinite(loss) else math.inf
