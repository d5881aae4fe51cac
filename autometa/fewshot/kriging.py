"""Gaussian processes on several tasks at once, of which neither the level nor the width of the results is known.

Shapes: B tasks, S places of a support set, Q of a query set, W widths that are compared.
"""

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

JITTER = 1e-5
MOST_JITTER = 1.0
_WIDTHS = torch.linspace(-3.0, 3.0, 31)  # logarithms of widths, in standard deviations


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Told:
    """What is known of some tasks.

    Parameters
    ----------
    values : Tensor of shape (B, S)
        Results above the least of them, in units that are those of the costs to within a factor; 0 where there is none.
    is_told : Tensor of bool, shape (B, S)
        Whether there is one.
    mean : Tensor of shape (B, S)
        Costs that are expected there before any result.
    covariance : Tensor of shape (B, S, S)
        Of these costs, the noise of the results among it.
    """

    values: Tensor = field(repr=False)
    is_told: Tensor = field(repr=False)
    mean: Tensor = field(repr=False)
    covariance: Tensor = field(repr=False)


class Costs(NamedTuple):
    """Mean and variance of costs, a Tensor of shape (B, Q) each."""

    mean: Tensor
    variance: Tensor


class Kriging(torch.nn.Module):
    """Conditions a Gaussian process on results, cost = level + width x result.

    The level has a normal prior around 0, the width a log-normal one around 1; both standard deviations are learned.
    The widths are averaged over as far as the results leave them open: given one, all else is Gaussian.

    Parameters
    ----------
    level : float
        Standard deviation of the level, at first.
    width : float
        Standard deviation of the logarithm of the width, at first; 0: the unit is known to be that of the costs.

    References
    ----------
    Cressie, N. (1993). Statistics for spatial data, section 3.4. Wiley. https://doi.org/10.1002/9781119115151
    """

    def __init__(self, level: float = 0.5, width: float = 0.5) -> None:
        super().__init__()
        self.log_level = torch.nn.Parameter(torch.tensor(level).log())
        self.log_width = torch.nn.Parameter(torch.tensor(max(width, 1e-6)).log(), requires_grad=width > 0)

    def forward(self, told: Told, across: Tensor, mean: Tensor, variance: Tensor) -> Costs:
        """Return what is expected of queries after some results.

        Parameters
        ----------
        told : Told
            The results.
        across : Tensor of shape (B, Q, S)
            Covariances of queries with them.
        mean, variance : Tensor of shape (B, Q)
            Of the queries before any result.
        """
        factor, solved = self._solved(told)
        across = torch.where(told.is_told[:, None], across, 0.0)
        weights = torch.cholesky_solve(across.mT, factor)  # (B, S, Q)
        before = mean - (weights * told.mean[..., None] * told.is_told[..., None]).sum(dim=1)
        slope = (weights * told.values[..., None]).sum(dim=1)
        chance, widths = self._widths(told, solved)
        width = (chance * widths).sum(dim=1, keepdim=True)
        spread = (chance * (widths - width) ** 2).sum(dim=1, keepdim=True)
        explained = (across * weights.mT).sum(dim=2)
        left = (variance - explained).clamp_min(JITTER)
        return Costs(before + width * slope, left + spread * slope**2)

    def remaining(self, told: Told, across: Tensor, variance: Tensor) -> Tensor:
        """Return the variances of queries after some results, (B, Q), whatever the width is; see `forward`."""
        factor, _ = self._solved(told)
        across = torch.where(told.is_told[:, None], across, 0.0)
        explained = (across * torch.cholesky_solve(across.mT, factor).mT).sum(dim=2)
        return (variance - explained).clamp_min(JITTER)

    def left(self, told: Told, across: Tensor, others: Tensor, covariance: Tensor) -> Tensor:
        """Return the covariances of queries with other points after some results, (B, Q, P), whatever the width is.

        Parameters
        ----------
        told : Told
            The results.
        across, others : Tensor of shape (B, Q, S) and (B, P, S)
            Covariances of queries, and of the other points, with them.
        covariance : Tensor of shape (B, Q, P)
            Between both before any result.
        """
        factor, _ = self._solved(told)
        across, others = (torch.where(told.is_told[:, None], each, 0.0) for each in (across, others))
        return covariance - across @ torch.cholesky_solve(others.mT, factor)

    def log_evidence(self, told: Told) -> Tensor:
        """Return the logarithm of the density of the results, (B,), without a constant."""
        factor, solved = self._solved(told)
        logits, _ = self._logits(told, solved)
        is_told = told.is_told.to(told.values.dtype)
        volume = (factor.diagonal(dim1=1, dim2=2).log() * is_told).sum(dim=1)
        return torch.logsumexp(logits, dim=1) - volume

    def _solved(self, told: Told) -> tuple[Tensor, Tensor]:
        """Return the Cholesky factor, (B, S, S), and what it makes of the results and of their means, (B, S, 2)."""
        is_told = told.is_told
        both = is_told[:, :, None] & is_told[:, None, :]
        level = (2.0 * self.log_level).exp()
        eye = torch.eye(is_told.shape[1], device=is_told.device, dtype=told.values.dtype)
        covariance = torch.where(both, told.covariance + level, 0.0) + torch.where(is_told[:, :, None], 0.0, eye)
        factor = stable_factor(covariance)
        sides = torch.stack([told.values, told.mean], dim=2) * is_told[..., None]
        return factor, torch.linalg.solve_triangular(factor, sides, upper=False)

    def _logits(self, told: Told, solved: Tensor) -> tuple[Tensor, Tensor]:
        """Return logarithms of the densities of the results by widths, (B, W), and the widths, (W,)."""
        grid = _WIDTHS.to(solved.device, solved.dtype)
        logs = grid * self.log_width.exp()
        widths = logs.exp()
        products = solved.mT @ solved  # (B, 2, 2)
        misfit = products[:, :1, 0] * widths**2 - 2.0 * products[:, :1, 1] * widths + products[:, 1:, 1]
        n_free = (told.is_told.sum(dim=1, keepdim=True) - 1).clamp_min(0)
        prior = -0.5 * grid**2
        return -0.5 * misfit + n_free * logs + prior - torch.logsumexp(prior, dim=0), widths

    def _widths(self, told: Told, solved: Tensor) -> tuple[Tensor, Tensor]:
        """Return the chances of the widths, (B, W), and the widths, (W,)."""
        logits, widths = self._logits(told, solved)
        return torch.softmax(logits, dim=1), widths


def stable_factor(covariance: Tensor) -> Tensor:
    """Return the Cholesky factors of covariances (B, S, S), with as much added to the variances as rounding demands."""
    eye = torch.eye(covariance.shape[1], device=covariance.device, dtype=covariance.dtype)
    jitter = JITTER
    while True:
        found = torch.linalg.cholesky_ex(covariance + jitter * eye)
        if not found.info.any() or jitter > MOST_JITTER:
            factor: Tensor = found.L
            return factor
        jitter *= 10.0


def log_density(values: Tensor, costs: Costs) -> Tensor:
    """Return the logarithms of normal densities of values (B, Q)."""
    squares: Tensor = (values - costs.mean) ** 2 / costs.variance
    return -0.5 * (squares + costs.variance.log() + math.log(2.0 * math.pi))
