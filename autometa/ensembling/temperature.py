"""How sure of themselves probabilities should be: one temperature for all rows."""

import math

import numpy as np

from autometa._random import generator
from autometa.errors import DataError, OptionError

_N_FOLDS = 5
_TEMPERATURES = (0.05, 20.0)  # from a vote of one class to nearly all classes alike


def apply_temperature(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Return softmax(log p / T) of probabilities p (n_rows, n_classes): surer below T = 1, less sure above.

    The largest stays the largest. A probability of 0 counts as the least that floats tell from 0 beside 1.

    Raises
    ------
    OptionError
        If the temperature is not a positive number.

    Examples
    --------
    >>> apply_temperature(np.array([[0.2, 0.8]]), 0.5).round(3).tolist()
    [[0.059, 0.941]]
    """
    check_temperature(temperature)
    if temperature == 1.0:
        return probabilities
    return np.asarray(np.exp(_log_softmax(_logarithms(probabilities) / temperature)))


def temperature_of(probabilities: np.ndarray, y_positions: np.ndarray) -> float:
    """Return the temperature that gives out-of-fold probabilities the least log loss, if that holds out of sample.

    It is 1.0, no change, unless temperatures found on four fifths of the rows lower the mean loss of the others.
    Where all rows are right, the least log loss is that of certainty, which one further row may refute: so a row is
    taken to be wrong by one part in n_rows + 2, the chance of an error after ``n_rows`` successes by Laplace's rule of
    succession, much as Platt smooths the targets of his sigmoid.

    Parameters
    ----------
    probabilities : ndarray of shape (n_rows, n_classes)
        Of rows that the model was not fitted on.
    y_positions : ndarray of int, shape (n_rows,)
        The column of the true class of each row.

    Raises
    ------
    DataError
        If the positions are not those of columns, one a row, or a probability is not finite or below 0.

    References
    ----------
    C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger: On calibration of modern neural networks. 2017.
    doi:10.48550/arXiv.1706.04599
    J. Platt: Probabilistic outputs for support vector machines and comparisons to regularized likelihood methods.
    Advances in Large Margin Classifiers, 1999.

    Examples
    --------
    >>> too_sure = np.tile([0.01, 0.99], (100, 1))
    >>> truth = np.arange(100) % 5 > 0  # four of five
    >>> temperature = temperature_of(too_sure, truth.astype(int))
    >>> apply_temperature(too_sure[:1], temperature).round(2).tolist()
    [[0.21, 0.79]]
    """
    if probabilities.ndim != 2 or y_positions.shape != (len(probabilities),) or y_positions.dtype.kind not in "iu":
        raise DataError(
            f"a temperature needs a class a row: {y_positions.shape} for {probabilities.shape} probabilities"
        )
    if not np.isin(y_positions, np.arange(probabilities.shape[1])).all():
        raise DataError(f"a class is not the position of one of the {probabilities.shape[1]} columns of probabilities")
    if not (np.isfinite(probabilities) & (probabilities >= 0)).all():
        raise DataError("a probability is not finite or below 0; a temperature needs its logarithm")
    n_rows = len(probabilities)
    if n_rows < 2 or probabilities.shape[1] < 2:
        return 1.0
    logarithms = _logarithms(probabilities)
    fold = generator(0, "temperature").permutation(n_rows) % _N_FOLDS
    gain = 0.0
    for held_out in range(min(_N_FOLDS, n_rows)):
        is_held_out = fold == held_out
        found = _best_temperature(logarithms[~is_held_out], y_positions[~is_held_out])
        rest, truth = logarithms[is_held_out], y_positions[is_held_out]
        gain += (_total_loss(rest, truth, 1.0) - _total_loss(rest, truth, found)) / n_rows
    return _best_temperature(logarithms, y_positions) if gain > 0 else 1.0


def check_temperature(temperature: float) -> None:
    """Raise unless the temperature is one."""
    if not 0 < temperature < math.inf:
        raise OptionError(f"a temperature is a positive number, got {temperature}; 1.0 changes nothing")


def _logarithms(probabilities: np.ndarray) -> np.ndarray:
    """Return the logarithms of probabilities, of their shape, and of the precision for those below it."""
    return np.asarray(np.log(np.maximum(probabilities, np.finfo(np.float64).eps), dtype=np.float64))


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    """Return the logarithms of the probabilities (n_rows, n_classes) of logits of that shape."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))


def _total_loss(logarithms: np.ndarray, y_positions: np.ndarray, temperature: float) -> float:
    """Return the sum over rows of the log loss at a temperature."""
    return float(-_log_softmax(logarithms / temperature)[np.arange(len(y_positions)), y_positions].sum())


def _best_temperature(logarithms: np.ndarray, y_positions: np.ndarray) -> float:
    """Return the temperature of the least smoothed log loss, convex in 1 / T and so with one minimum in log T."""
    from scipy.optimize import minimize_scalar

    n_rows, n_classes = logarithms.shape
    error = 1 / (n_rows + 2)
    shares = np.full((n_rows, n_classes), error / (n_classes - 1))
    shares[np.arange(n_rows), y_positions] = 1 - error

    def smoothed_loss(log_temperature: float) -> float:
        return float(-(shares * _log_softmax(logarithms / math.exp(log_temperature))).sum())

    low, high = (math.log(temperature) for temperature in _TEMPERATURES)
    return math.exp(minimize_scalar(smoothed_loss, bounds=(low, high), method="bounded").x)
