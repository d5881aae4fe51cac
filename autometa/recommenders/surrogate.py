"""Surrogate: the contract of what learns from past tasks at points of a space, and tells what a new task will do there.

Shapes: n points, d coordinates (see `autometa.recommenders.unit_cube`), t past tasks, m runs of one.
"""

from collections.abc import Sequence
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class Surrogate(Protocol):
    """What is learned from past tasks."""

    def fit(self, past: Sequence[tuple[Floats, Floats]]) -> Self:
        """Learn from past tasks, each coordinates (m, d) and losses (m,), five or more of one at least."""

    def expected(self, points: Floats) -> Floats:
        """Return what each past task lets expect at points (n, d), (t, n), in normal scores: smaller is better."""

    def condition(self, points: Floats, losses: Floats) -> "Conditional":
        """Return what is expected after losses (n,) were observed at points (n, d), one at least."""

    def alone(self, points: Floats, losses: Floats) -> "Conditional":
        """Return what these losses let expect by themselves, whatever past tasks say."""


class Conditional(Protocol):
    """What is expected of a new task, given results."""

    def predict(self, points: Floats) -> tuple[Floats, Floats]:
        """Return mean and standard deviation, (n,) each, at points (n, d)."""

    def believing(self, points: Floats) -> "Conditional":
        """Return what is expected if results at points (n, d), which are awaited, are what is expected there."""

    def log_improvement(self, points: Floats) -> Floats:
        """Return the logarithm of the expected improvement on the best result at points (n, d), (n,)."""


def log_improvement(below: Floats, std: Floats) -> Floats:
    """Return the logarithm of the expected improvement, (n,), of normal losses of this mean below the best and std.

    References
    ----------
    Ament, S., Daulton, S., Eriksson, D., Balandat, M., Bakshy, E. (2023). Unexpected improvements to expected
    improvement for Bayesian optimization. NeurIPS. https://doi.org/10.48550/arXiv.2310.20708
    """
    from scipy.stats import norm

    gap = below / std
    near = norm.pdf(gap) + gap * norm.cdf(gap)
    # Far below, the difference of two tiny numbers is lost; this is what it tends to.
    far = norm.logpdf(gap) - 2.0 * np.log(np.maximum(-gap, 1.0))
    return np.asarray(np.where(gap > -5.0, np.log(np.maximum(near, 1e-300)), far) + np.log(std))
