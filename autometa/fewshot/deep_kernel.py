"""A Gaussian process whose kernel is a net, learned over tasks.

Shapes: B tasks, n points, D numbers that describe one, F features, G
known directions; S places of a support set, Q of a query set.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from autometa.fewshot.kriging import Costs, Kriging, Told


class Prior(NamedTuple):
    """What is known of points without a net.

    mean : Tensor of shape (B, n)
        Costs that are expected before any result.
    loadings : Tensor of shape (n, G)
        Their products are covariances of costs over past tasks.
    counted : Tensor of shape (B, n)
        What a task itself has brought to these, which is taken out again; 0 of a new one.
    """

    mean: Tensor
    loadings: Tensor
    counted: Tensor

    @classmethod
    def of_nothing(cls, n_tasks: int, n_points: int) -> "Prior":
        """Return a mean of 0 without directions."""
        nothing = torch.zeros(n_tasks, n_points)
        return cls(nothing, torch.zeros(n_points, 0), nothing)


class Places(NamedTuple):
    """Points of some tasks, as the kernel sees them.

    linear : Tensor of shape (B, n, F)
        What costs are linear in.
    place : Tensor of shape (B, n, F)
        Where a point lies: near ones have similar costs.
    own : Tensor of shape (B, n)
        Variance of what a point shares with no other.
    prior : Prior
        With loadings of shape (B, n, G).
    """

    linear: Tensor
    place: Tensor
    own: Tensor
    prior: Prior


class DeepKernel(nn.Module):
    """A Gaussian process over points, on all tasks of a batch at once.

    A net turns points into features. Costs are linear in some, and in known directions, with normal coefficients that
    differ from task to task; what is left varies smoothly over others, and by a variance of its own at each point. The
    kernel is the same on all tasks; what is known of one before any result is in the mean that it is given. All is
    differentiable, and learned over past tasks by what results say of other results.

    Parameters
    ----------
    n_numbers : int
        D.
    n_features : int
        F.
    size : int
        Of the hidden layers.
    scale : float
        Standard deviation of costs by what the net adds, at first.
    kriging : Kriging, optional
        What is known of level and width of the results.

    References
    ----------
    Wistuba, M., Grabocka, J. (2021). Few-shot Bayesian optimization with deep kernel surrogates. ICLR.
    https://doi.org/10.48550/arXiv.2101.07667
    Wilson, A. G., Hu, Z., Salakhutdinov, R., Xing, E. P. (2016). Deep kernel learning. AISTATS.
    https://doi.org/10.48550/arXiv.1511.02222

    Examples
    --------
    >>> _ = torch.manual_seed(0)
    >>> kernel = DeepKernel(n_numbers=1)
    >>> points = torch.linspace(-1.0, 1.0, 5).reshape(1, 5, 1)
    >>> places = kernel.places(points, Prior.of_nothing(1, 5))
    >>> kernel.covariance(places, places).shape
    torch.Size([1, 5, 5])
    """

    def __init__(
        self,
        n_numbers: int,
        *,
        n_features: int = 24,
        size: int = 64,
        scale: float = 0.05,
        kriging: Kriging | None = None,
    ) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(n_numbers, size), nn.GELU(), nn.Linear(size, size), nn.GELU())
        self.skip = nn.Linear(n_numbers, n_features)
        self.linear = nn.Linear(size, n_features)
        self.place = nn.Linear(size, n_features)
        self.own = nn.Linear(size, 1)
        # Standard deviations: linear, smooth, of the known directions.
        self.scales = nn.Parameter(torch.tensor([scale, scale, 1.0]).log())
        nn.init.zeros_(self.own.weight)
        nn.init.constant_(self.own.bias, -2.0)
        self.kriging = kriging if kriging is not None else Kriging()

    def places(self, points: Tensor, prior: Prior) -> Places:
        """Return what the kernel sees.

        Parameters
        ----------
        points : Tensor of shape (B or 1, n, D)
            The same for all tasks, or of each its own.
        prior : Prior
            What is known of the points without a net.
        """
        inside = self.body(points)
        shape = (*prior.mean.shape, -1)
        linear = (self.linear(inside) + self.skip(points)).expand(shape)
        place = self.place(inside).expand(shape)
        own = 0.1 * nn.functional.softplus(self.own(inside)[..., 0]) ** 2 + 1e-5
        whole = Prior(prior.mean, prior.loadings.expand(shape), prior.counted)
        return Places(linear, place, own.expand(prior.mean.shape), whole)

    def covariance(self, one: Places, other: Places) -> Tensor:
        """Return the covariances of costs, (B, n of one, n of the other), without what points share with no other."""
        along, around, known = self._variances()
        products = one.linear @ other.linear.mT / one.linear.shape[2]
        squares = (
            (one.place**2).sum(2)[:, :, None] + (other.place**2).sum(2)[:, None] - 2.0 * one.place @ other.place.mT
        )
        shared = one.prior.loadings @ other.prior.loadings.mT
        shared = shared - one.prior.counted[:, :, None] * other.prior.counted[:, None]
        return along * products + around * torch.exp(-0.5 * squares.clamp_min(0.0)) + known * shared

    def variance(self, places: Places) -> Tensor:
        """Return the variances of costs, (B, n)."""
        along, around, known = self._variances()
        shared = (places.prior.loadings**2).sum(dim=2) - places.prior.counted**2
        return along * (places.linear**2).mean(dim=2) + around + known * shared + places.own

    def _variances(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return the scales of what is linear, of what is smooth, and of the known directions."""
        variances = (2.0 * self.scales).exp()
        return variances[0], variances[1], variances[2]

    def told(self, support: Places, values: Tensor, is_told: Tensor) -> Told:
        """Return results (B, S) at places as what a Gaussian process is conditioned on."""
        covariance = self.covariance(support, support) + torch.diag_embed(support.own)
        return Told(values=values, is_told=is_told, mean=support.prior.mean, covariance=covariance)

    def forward(self, support: Places, values: Tensor, is_told: Tensor, query: Places) -> Costs:
        """Return the costs that are expected at places (B, Q) after results (B, S) at others."""
        told = self.told(support, values, is_told)
        costs: Costs = self.kriging(told, self.covariance(query, support), query.prior.mean, self.variance(query))
        return costs

    def whole(self, rows: Tensor, values: Tensor, places: Places) -> tuple[Costs, Tensor]:
        """Return the costs that are expected of all points after results at some of them.

        Parameters
        ----------
        rows : Tensor of int, shape (B, S)
            Points with results.
        values : Tensor of shape (B, S)
            The results.
        places : Places of shape (B, N)
            All points.

        Returns
        -------
        costs : Costs of shape (B, N)
            Mean and variance.
        between : Tensor of shape (B, N, S)
            The covariances of all points with those that have results, after these.
        """
        support = of_rows(places, rows)
        told = self.told(support, values, torch.ones_like(rows, dtype=torch.bool))
        is_same = torch.arange(places.own.shape[1], device=rows.device)[None, :, None] == rows[:, None]
        across = self.covariance(places, support) + is_same * places.own[..., None]  # a point is like itself in all
        costs = self.kriging(told, across, places.prior.mean, self.variance(places))
        inside = across.gather(1, rows[..., None].expand(*rows.shape, rows.shape[1]))
        return costs, self.kriging.left(told, across, inside, across)


def of_rows(places: Places, rows: Tensor) -> Places:
    """Return places of some points, rows (B, m) of those that there are."""

    def wide(values: Tensor) -> Tensor:
        return values.gather(1, rows[..., None].expand(*rows.shape, values.shape[2]))

    mean, loadings, counted = places.prior
    prior = Prior(mean.gather(1, rows), wide(loadings), counted.gather(1, rows))
    return Places(wide(places.linear), wide(places.place), places.own.gather(1, rows), prior)
