"""RGPE: Gaussian processes of past tasks and of the new one, weighted by how well they rank its results.

Shapes: n points, d coordinates (see `autometa.recommenders.unit_cube`), t past tasks, s bootstrap samples.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

MIN_RUNS = 5  # of a past task, to learn from it
MAX_RUNS = 60  # of a past task that are learned from: the best third, and others evenly by rank
_N_BOOTSTRAP = 30
_WORSE = 0.95  # quantile of the target's ranking loss above which a past task says nothing
_JITTER = 1e-8


class RankingEnsemble:
    """A weighted mean of Gaussian processes: one for each past task, one for the new one.

    The losses of a past task enter by the normal scores of their ranks. The weight of a process is the share of
    bootstrap samples of the observed points in which it puts the fewest pairs into the wrong order, the new task's own
    process judged by leaving each point out; past tasks that are usually wrong more often than that one are left out.

    References
    ----------
    Feurer, M., Letham, B., Hutter, F., Bakshy, E. (2018). Practical transfer learning for Bayesian optimization.
    https://doi.org/10.48550/arXiv.1802.02219
    Sundararajan, S., Keerthi, S. S. (2001). Predictive approaches for choosing hyperparameters in Gaussian processes.
    Neural Computation 13 (leaving one out in closed form). https://doi.org/10.1162/08997660151134343
    """

    def fit(self, past: Sequence[tuple[Floats, Floats]]) -> Self:
        """Learn from past tasks, each coordinates (n, d) and losses (n,); those of fewer than `MIN_RUNS` are left out.

        A loss that is not finite counts as the worst.
        """
        self.past_ = [_Process(*_thinned(points, losses)) for points, losses in past if len(losses) >= MIN_RUNS]
        return self

    def expected(self, points: Floats) -> Floats:
        """Return what each past task lets expect at points (n, d), (t, n), in normal scores: smaller is better."""
        return np.array([process.mean(points) for process in self.past_]).reshape(len(self.past_), len(points))

    def condition(self, points: Floats, losses: Floats, rng: np.random.Generator) -> "WeightedProcesses":
        """Return what is expected after losses (n,) were observed at points (n, d), two of them at least."""
        known = _standardised(losses)
        own = _Process(points, known)
        weights = _weights(self.expected(points), own.left_out(), losses, rng)
        kept = [(process, float(w)) for process, w in zip((*self.past_, own), weights, strict=True) if w > 0]
        return WeightedProcesses(processes=tuple(kept), least=float(known.min()))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WeightedProcesses:
    """Processes and their weights, which sum to 1; the least of the observed losses, standardised as all of them."""

    processes: tuple[tuple["_Process", float], ...] = field(repr=False)
    least: float

    def predict(self, points: Floats) -> tuple[Floats, Floats]:
        """Return mean and standard deviation, (n,) each, at points (n, d)."""
        mean, variance = np.zeros(len(points)), np.zeros(len(points))
        for process, weight in self.processes:
            own_mean, own_std = process.spread(points)
            mean += weight * own_mean
            variance += (weight * own_std) ** 2
        return mean, np.sqrt(variance)


class _Process:
    """A Gaussian process with a Matern kernel, a length for each coordinate, and noise."""

    def __init__(self, points: Floats, values: Floats) -> None:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

        lengths = Matern(np.full(points.shape[1], 0.5), (0.05, 20.0), nu=2.5)
        kernel = ConstantKernel(1.0, (0.05, 20.0)) * lengths + WhiteKernel(1e-2, (1e-6, 1.0))
        self._values = values
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # a length at the end of its range is no fault
            self._regressor = GaussianProcessRegressor(kernel).fit(points, values)

    def mean(self, points: Floats) -> Floats:
        """Return the mean at points (n, d)."""
        return np.asarray(self._regressor.predict(points))

    def spread(self, points: Floats) -> tuple[Floats, Floats]:
        """Return mean and standard deviation at points (n, d)."""
        mean, std = self._regressor.predict(points, return_std=True)
        return np.asarray(mean), np.asarray(std)

    def left_out(self) -> Floats:
        """Return what the process, without each of its points, expects there: (n,)."""
        covariance = self._regressor.kernel_(self._regressor.X_train_)
        inverse = np.linalg.inv(covariance + _JITTER * np.eye(len(covariance)))
        return np.asarray(self._values - (inverse @ self._values) / np.diag(inverse))


def normal_scores(losses: Floats) -> Floats:
    """Return the normal quantiles of the ranks of losses, (n,); equals have the mean of their ranks."""
    from scipy.stats import norm, rankdata

    return np.asarray(norm.ppf((rankdata(losses) - 0.5) / len(losses)))


def _thinned(points: Floats, losses: Floats) -> tuple[Floats, Floats]:
    """Return at most `MAX_RUNS` points, and the normal scores that their losses have among all."""
    scores = normal_scores(losses)
    if len(losses) <= MAX_RUNS:
        return points, scores
    order = np.argsort(losses, kind="stable")
    n_best = MAX_RUNS // 3
    others = np.linspace(n_best, len(order) - 1, MAX_RUNS - n_best).astype(int)
    kept = np.sort(order[np.concatenate([np.arange(n_best), others])])
    return points[kept], scores[kept]


def _standardised(losses: Floats) -> Floats:
    """Return losses (n,) of mean 0 and standard deviation 1; what is not finite as the worst that is."""
    is_finite = np.isfinite(losses)
    worst = losses[is_finite].max() if is_finite.any() else 0.0
    known = np.where(is_finite, losses, worst)
    deviation = known.std()
    return np.asarray((known - known.mean()) / (deviation if deviation > 0 else 1.0))


def _weights(expected: Floats, left_out: Floats, losses: Floats, rng: np.random.Generator) -> Floats:
    """Return the weights of t past tasks and, last, of the new one: (t + 1,).

    Parameters
    ----------
    expected : ndarray of shape (t, n)
        What past tasks let expect at the observed points.
    left_out : ndarray of shape (n,)
        What the new task's own process expects at each of them without it.
    losses : ndarray of shape (n,)
        What was observed.
    """
    is_less = losses[:, None] < losses[None, :]
    wrong = [np.not_equal(each[:, None] < each[None, :], is_less) for each in expected]
    known = _standardised(losses)
    wrong.append(np.not_equal(left_out[:, None] < known[None, :], is_less))
    counts = rng.multinomial(len(losses), np.full(len(losses), 1.0 / len(losses)), size=_N_BOOTSTRAP).astype(float)
    ranking_losses = np.array([((counts @ each) * counts).sum(axis=1) for each in wrong])  # (t + 1, s)
    own = ranking_losses[-1]
    is_useless = np.median(ranking_losses[:-1], axis=1) > np.quantile(own, _WORSE)
    ranking_losses[:-1][is_useless] = np.inf
    is_least = ranking_losses == ranking_losses.min(axis=0)
    is_least[:-1, is_least[-1]] = False  # of equals, the task's own
    return np.asarray((is_least / is_least.sum(axis=0)).mean(axis=1))
