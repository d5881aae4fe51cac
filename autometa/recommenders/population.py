"""A Gaussian process for a new task, learned from the population of past tasks.

Shapes: n points, d coordinates (see `autometa.recommenders.unit_cube`), t past tasks, m runs of one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import numpy.typing as npt

from autometa.recommenders.surrogate import log_improvement

Floats = npt.NDArray[np.float64]

MIN_RUNS = 5  # of a past task, to learn from it
MAX_RUNS = 60  # of a past task that are learned from: the best third, and others evenly by rank
MAX_RESULTS = 200  # of the new task, chosen in the same way

_LEVEL = 4.0  # variance of the new task's level, in variances of its results
_JITTER = 1e-8
# Of the logarithms of width, departure, noise and length, see `_Shape`: mean, standard deviation, least and largest.
_PRIOR = np.array(
    [
        (0.0, 1.0, -3.0, 3.0),
        (np.log(0.5), 0.7, -3.0, 2.0),
        (np.log(0.02), 0.7, -7.0, 0.0),
        (0.0, 0.7, -3.0, 3.0),
    ]
)


class Population:
    """Past tasks, each by a Gaussian process, and what they say of a new one.

    The losses of a past task enter by the normal scores of their ranks. What the means of the past tasks have in
    common at a point is what is expected there of a new task, and how they vary together is how it may differ: the
    new task's curve is their mean, plus a Gaussian with their covariance, plus a process of its own with the median of
    their lengths, all times a width and on a level of its own. How much it departs from the past, its width, its noise
    and a factor of the lengths are those of the largest posterior density, so that results which no past task lets
    expect turn it into an ordinary Gaussian process.

    References
    ----------
    Wang, Z., Dahl, G. E., Swersky, K., et al. (2024). Pre-trained Gaussian processes for Bayesian optimization. Journal
    of Machine Learning Research 25 (mean and covariance from past tasks). https://doi.org/10.48550/arXiv.2109.08215
    Salinas, D., Shen, H., Perrone, V. (2020). A quantile-based approach for hyperparameter transfer learning. ICML
    (normal scores).

    Examples
    --------
    >>> points = np.linspace(0.0, 1.0, 9)[:, None]
    >>> population = Population().fit([(points, (points[:, 0] - best) ** 2) for best in (0.2, 0.3, 0.4)])
    >>> expected = population.expected(points).mean(axis=0)
    >>> float(points[np.argmin(expected), 0])
    0.25
    """

    def fit(self, past: Sequence[tuple[Floats, Floats]]) -> Self:
        """Learn from past tasks, each coordinates (m, d) and losses (m,); those of fewer than `MIN_RUNS` are left out.

        One at least must have as many. A loss that is not finite counts as the worst.
        """
        self.past_ = [_curve(*_thinned(points, losses)) for points, losses in past if len(losses) >= MIN_RUNS]
        self.lengths_ = np.exp(np.median([np.log(curve.lengths) for curve in self.past_], axis=0))
        return self

    def expected(self, points: Floats) -> Floats:
        """Return what each past task lets expect at points (n, d), (t, n), in normal scores: smaller is better."""
        return np.array([curve.mean(points) for curve in self.past_])

    def condition(self, points: Floats, losses: Floats) -> "Conditioned":
        """Return what is expected after losses (n,) were observed at points (n, d), one at least."""
        kept = best_and_others(losses, MAX_RESULTS)
        known = standardised(losses)[kept]
        curves = _Curves.of(self, points[kept])
        return Conditioned(population=self, observed=curves, values=known, shape=_Shape.fitted(curves, known))

    def alone(self, points: Floats, losses: Floats) -> "Conditioned":
        """Return what the losses (n,) that were observed at points (n, d) let expect by themselves: as `condition`,
        of past tasks that say nothing but how far points are apart."""
        return _Silent(self.lengths_).condition(points, losses)


class _Silent(Population):
    """Past tasks that let expect the same everywhere, so that what is left is an ordinary Gaussian process."""

    def __init__(self, lengths: Floats) -> None:
        self.lengths_ = lengths

    def expected(self, points: Floats) -> Floats:
        """Return nothing of one task, (1, n)."""
        return np.zeros((1, len(points)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Conditioned:
    """A population, given results of a new task.

    Parameters
    ----------
    population : Population
        What was learned from past tasks.
    observed : _Curves
        These at the observed points.
    values : ndarray of shape (n,)
        The observed losses, standardised.
    shape : _Shape
        Of the process.
    """

    population: Population = field(repr=False)
    observed: "_Curves" = field(repr=False)
    values: Floats = field(repr=False)
    shape: "_Shape"

    @property
    def least(self) -> float:
        """The least of the observed losses, standardised as all of them."""
        return float(self.values.min())

    def predict(self, points: Floats) -> tuple[Floats, Floats]:
        """Return mean and standard deviation, (n,) each, at points (n, d)."""
        return self._predict(_Curves.of(self.population, points))

    def believing(self, points: Floats) -> "Conditioned":
        """Return what is expected if results at points (n, d), which are awaited, are what is expected there."""
        curves = _Curves.of(self.population, points)
        values = np.concatenate([self.values, np.maximum(self._predict(curves)[0], self.least)])
        return Conditioned(
            population=self.population, observed=self.observed.joined(curves), values=values, shape=self.shape
        )

    def log_improvement(self, points: Floats) -> Floats:
        """Return the logarithm of the expected improvement on the least observed loss at points (n, d), (n,)."""
        mean, std = self.predict(points)
        return log_improvement(self.least - mean, std)

    def _predict(self, curves: "_Curves") -> tuple[Floats, Floats]:
        """Return mean and standard deviation, (n,) each, where the past tasks are known."""
        from scipy.linalg import solve_triangular

        own, seen = self.shape, self.observed
        factor = np.linalg.cholesky(own.covariance(seen, seen) + own.noise_variance * np.eye(len(self.values)))
        centred = solve_triangular(factor, self.values - own.width * seen.mean, lower=True)
        across = solve_triangular(factor, own.covariance(seen, curves), lower=True)
        mean = own.width * curves.mean + across.T @ centred
        variance = own.variance(curves) - (across**2).sum(axis=0)
        return mean, np.sqrt(np.maximum(variance, 1e-12))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Curves:
    """What past tasks let expect at some points.

    Parameters
    ----------
    points : ndarray of shape (n, d)
        Where.
    mean : ndarray of shape (n,)
        Over the tasks.
    deviations : ndarray of shape (t, n)
        From the mean, scaled so that their products sum to covariances.
    lengths : ndarray of shape (d,)
        What distances are measured in.
    """

    points: Floats
    mean: Floats
    deviations: Floats
    lengths: Floats

    @classmethod
    def of(cls, population: Population, points: Floats) -> "_Curves":
        """Return the curves of a population at points (n, d)."""
        expected = population.expected(points)
        mean = expected.mean(axis=0)
        deviations = (expected - mean) / np.sqrt(max(len(expected) - 1, 1))
        return cls(points=points, mean=mean, deviations=deviations, lengths=population.lengths_)

    def joined(self, other: "_Curves") -> "_Curves":
        """Return these and others."""
        return _Curves(
            points=np.vstack([self.points, other.points]),
            mean=np.concatenate([self.mean, other.mean]),
            deviations=np.hstack([self.deviations, other.deviations]),
            lengths=self.lengths,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """What is particular to a task's process.

    Parameters
    ----------
    width : float
        Standard deviations of the task's results in one of normal scores.
    departure : float
        Standard deviation of what no past task lets expect, in widths.
    noise : float
        Standard deviation of the results' noise.
    stretch : float
        Lengths, in those of past tasks.
    """

    width: float
    departure: float
    noise: float
    stretch: float

    @classmethod
    def fitted(cls, curves: _Curves, values: Floats) -> "_Shape":
        """Return the shape of the largest posterior density after values (n,)."""
        from scipy.optimize import minimize

        def cost(logs: Floats) -> float:
            own = cls.of(logs)
            covariance = own.covariance(curves, curves) + own.noise_variance * np.eye(len(values))
            factor = np.linalg.cholesky(covariance)
            centred = np.linalg.solve(factor, values - own.width * curves.mean)
            surprise = ((logs - _PRIOR[:, 0]) / _PRIOR[:, 1]) ** 2
            return float(0.5 * centred @ centred + np.log(np.diag(factor)).sum() + 0.5 * surprise.sum())

        options = {"maxiter": 30}
        return cls.of(minimize(cost, _PRIOR[:, 0], method="L-BFGS-B", bounds=_PRIOR[:, 2:], options=options).x)

    @classmethod
    def of(cls, logs: Floats) -> "_Shape":
        """Return a shape from its logarithms, (4,)."""
        width, departure, noise, stretch = (float(each) for each in np.exp(logs))
        return cls(width=width, departure=departure, noise=noise, stretch=stretch)

    @property
    def noise_variance(self) -> float:
        """The variance of the results' noise."""
        return self.noise**2 + _JITTER

    def covariance(self, one: _Curves, other: _Curves) -> Floats:
        """Return the covariances of a task's curve and level, (n of one, n of the other)."""
        shared = one.deviations.T @ other.deviations
        own = self.departure**2 * _matern(one.points, other.points, self.stretch * one.lengths)
        return np.asarray(self.width**2 * (shared + own) + _LEVEL)

    def variance(self, curves: _Curves) -> Floats:
        """Return the variances of a task's curve and level, (n,)."""
        return np.asarray(self.width**2 * ((curves.deviations**2).sum(axis=0) + self.departure**2) + _LEVEL)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Curve:
    """The posterior mean of one past task's process: points (m, d), weights (m,) and lengths (d,)."""

    points: Floats
    weights: Floats
    lengths: Floats

    def mean(self, points: Floats) -> Floats:
        """Return the mean at points (n, d)."""
        return np.asarray(_matern(points, self.points, self.lengths) @ self.weights)


def normal_scores(losses: Floats) -> Floats:
    """Return the normal quantiles of the ranks of losses, (n,); equals have the mean of their ranks."""
    from scipy.stats import norm, rankdata

    return np.asarray(norm.ppf((rankdata(losses) - 0.5) / len(losses)))


def _matern(one: Floats, other: Floats, lengths: Floats) -> Floats:
    """Return the Matern kernel with nu = 5/2 between points."""
    from scipy.spatial.distance import cdist

    distances = np.sqrt(5.0) * cdist(one / lengths, other / lengths)
    return np.asarray((1.0 + distances + distances**2 / 3.0) * np.exp(-distances))


def _curve(points: Floats, values: Floats) -> _Curve:
    """Return the mean of a process with a length for each coordinate, and noise, fitted to values (m,)."""
    from scipy.linalg import cho_solve
    from scipy.optimize import minimize

    squares = (points[:, None] - points[None]) ** 2

    def parts(logs: Floats) -> tuple[Floats, ...]:
        scale, noise = np.exp(logs[:2])
        distances = np.sqrt(5.0 * (squares @ np.exp(-2.0 * logs[2:])))
        decay = scale * np.exp(-distances)
        covariance = (1.0 + distances + distances**2 / 3.0) * decay
        factor = np.linalg.cholesky(covariance + noise * np.eye(len(values)))
        return covariance, (1.0 + distances) * decay, factor, cho_solve((factor, True), values)

    def cost(logs: Floats) -> tuple[float, Floats]:
        """Return the negative logarithm of the likelihood, without a constant, and its gradient."""
        covariance, slope, factor, weights = parts(logs)
        inner = np.outer(weights, weights) - cho_solve((factor, True), np.eye(len(values)))
        lengths = 5.0 / 3.0 * np.exp(-2.0 * logs[2:]) * np.tensordot(inner * slope, squares, axes=2)
        gradient = -0.5 * np.array([(inner * covariance).sum(), np.exp(logs[1]) * np.trace(inner), *lengths])
        return float(0.5 * values @ weights + np.log(np.diag(factor)).sum()), gradient

    start = np.log([1.0, 1e-2, *np.full(points.shape[1], 0.5)])
    bounds = np.log([(0.05, 20.0), (1e-6, 1.0), *[(0.05, 20.0)] * points.shape[1]])
    logs = minimize(cost, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    return _Curve(points=points, weights=np.exp(logs[0]) * parts(logs)[-1], lengths=np.exp(logs[2:]))


def best_and_others(losses: Floats, n: int) -> npt.NDArray[np.intp]:
    """Return the positions of at most ``n`` losses: the least third, and others evenly by rank."""
    if len(losses) <= n:
        return np.arange(len(losses))
    order = np.argsort(losses, kind="stable")
    others = np.linspace(n // 3, len(order) - 1, n - n // 3).astype(int)
    return np.sort(order[np.concatenate([np.arange(n // 3), others])])


def _thinned(points: Floats, losses: Floats) -> tuple[Floats, Floats]:
    """Return at most `MAX_RUNS` points, and the normal scores that their losses have among all."""
    kept = best_and_others(losses, MAX_RUNS)
    return points[kept], normal_scores(losses)[kept]


def standardised(losses: Floats) -> Floats:
    """Return losses (n,) of mean 0 and standard deviation 1; what is not finite as the worst that is."""
    is_finite = np.isfinite(losses)
    worst = losses[is_finite].max() if is_finite.any() else 0.0
    known = np.where(is_finite, losses, worst)
    deviation = known.std()
    return np.asarray((known - known.mean()) / (deviation if deviation > 0 else 1.0))
