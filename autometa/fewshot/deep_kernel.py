"""A Gaussian process whose kernel is a net, learned over tasks.

Shapes: B tasks, n points, D numbers that describe one, C numbers that describe a task before any result, F features;
S places of a support set, Q of a query set.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from autometa.fewshot.kriging import Costs, Kriging, Told


class Places(NamedTuple):
    """Points of some tasks, as the kernel sees them.

    linear : Tensor of shape (B, n, F)
        What costs are linear in.
    place : Tensor of shape (B, n, F)
        Where a point lies: near ones have similar costs.
    own : Tensor of shape (B, n)
        Variance of what a point shares with no other.
    mean : Tensor of shape (B, n)
        Cost that is expected before any result.
    """

    linear: Tensor
    place: Tensor
    own: Tensor
    mean: Tensor


class DeepKernel(nn.Module):
    """A Gaussian process over points, on all tasks of a batch at once.

    A net turns points into features. Costs are linear in some, with normal coefficients that differ from task to task;
    what is left varies smoothly over others, and by a variance of its own at each point. What is known of a task before
    any result scales the features and shifts the mean. All is differentiable, and learned over past tasks by what
    results say of other results.

    Parameters
    ----------
    n_numbers : int
        D.
    n_contexts : int
        C; with 0 all tasks have the same kernel.
    n_features : int
        F.
    size : int
        Of the hidden layers.
    drop : float
        Share of tasks whose context is hidden in training.
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
    >>> places = kernel.places(points, torch.zeros(1, 0), torch.zeros(1, 5))
    >>> kernel.covariance(places, places).shape
    torch.Size([1, 5, 5])
    """

    def __init__(
        self,
        n_numbers: int,
        n_contexts: int = 0,
        *,
        n_features: int = 24,
        size: int = 64,
        drop: float = 0.3,
        kriging: Kriging | None = None,
    ) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(n_numbers, size), nn.GELU(), nn.Linear(size, size), nn.GELU())
        self.skip = nn.Linear(n_numbers, n_features)
        self.linear = nn.Linear(size, n_features)
        self.place = nn.Linear(size, n_features)
        self.own = nn.Linear(size, 1)
        self.expected = nn.Linear(size, n_features)
        self.scales = nn.Parameter(torch.tensor([0.2, 0.1]).log())  # standard deviations
        self.task = nn.Sequential(nn.Linear(n_contexts, size // 2), nn.GELU()) if n_contexts else None
        self.gate = nn.Linear(size // 2, 2 * n_features)
        self.shift = nn.Linear(size // 2, n_features)
        for starting_at_nothing in (self.gate, self.shift, self.own):
            nn.init.zeros_(starting_at_nothing.weight)
            nn.init.zeros_(starting_at_nothing.bias)
        nn.init.constant_(self.own.bias, -2.0)
        self.drop = drop
        self.kriging = kriging if kriging is not None else Kriging()

    def places(self, points: Tensor, contexts: Tensor, trend: Tensor) -> Places:
        """Return what the kernel sees.

        Parameters
        ----------
        points : Tensor of shape (B or 1, n, D)
            The same for all tasks, or of each its own.
        contexts : Tensor of shape (B, C)
            The tasks before any result.
        trend : Tensor of shape (B, n)
            Costs that are expected by others, from where the mean sets out.
        """
        inside = self.body(points)
        shape = (*trend.shape, -1)
        linear = (self.linear(inside) + self.skip(points)).expand(shape)
        place = self.place(inside).expand(shape)
        own = 0.1 * nn.functional.softplus(self.own(inside)[..., 0]) ** 2 + 1e-5
        mean = trend
        if self.task is not None:
            if self.training:
                contexts = contexts * (torch.rand(len(contexts), 1, device=contexts.device) >= self.drop)
            task = self.task(contexts)
            gates = 1.0 + torch.tanh(self.gate(task))[:, None]
            linear, place = linear * gates[..., : linear.shape[2]], place * gates[..., linear.shape[2] :]
            mean = mean + (self.expected(inside) * self.shift(task)[:, None]).sum(dim=2)
        return Places(linear, place, own.expand(mean.shape), mean)

    def covariance(self, one: Places, other: Places) -> Tensor:
        """Return the covariances of costs, (B, n of one, n of the other), without what points share with no other."""
        along, around = (2.0 * self.scales).exp()
        products = one.linear @ other.linear.mT / one.linear.shape[2]
        squares = (one.place**2).sum(2)[:, :, None] + (other.place**2).sum(2)[:, None] - 2.0 * one.place @ other.place.mT
        return along * products + around * torch.exp(-0.5 * squares.clamp_min(0.0))

    def variance(self, places: Places) -> Tensor:
        """Return the variances of costs, (B, n)."""
        along, around = (2.0 * self.scales).exp()
        return along * (places.linear**2).mean(dim=2) + around + places.own

    def told(self, support: Places, values: Tensor, is_told: Tensor) -> Told:
        """Return results (B, S) at places as what a Gaussian process is conditioned on."""
        covariance = self.covariance(support, support) + torch.diag_embed(support.own)
        return Told(values=values, is_told=is_told, mean=support.mean, covariance=covariance)

    def forward(self, support: Places, values: Tensor, is_told: Tensor, query: Places) -> Costs:
        """Return the costs that are expected at places (B, Q) after results (B, S) at others."""
        told = self.told(support, values, is_told)
        costs: Costs = self.kriging(told, self.covariance(query, support), query.mean, self.variance(query))
        return costs


def of_rows(places: Places, rows: Tensor) -> Places:
    """Return places of some points, rows (B, m) of those that there are."""
    wide = rows[..., None].expand(*rows.shape, places.linear.shape[2])
    return Places(
        places.linear.gather(1, wide), places.place.gather(1, wide), places.own.gather(1, rows), places.mean.gather(1, rows)
    )
