"""Costs of configurations by a net that is adapted: the net, what is told it, what it is judged by, how far it is off.

Shapes: B tasks, N configurations, S places of a support set, Q of a query set, D numbers of a configuration, C of a
task.
"""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
import torch

from autometa.fewshot.adapting import Data, Predict
from autometa.fewshot.recommender import Support
from autometa.fewshot.tasks import Episodes, Floats, MetaTasks, draw_episodes

MAX_SUPPORT = 24
N_QUERY = 64
TOLD_MOST = 1.5  # a result farther above the best is bad, and no more than that
LAST_LAYERS = ("head", "skip")  # of a `CostNet`
_PRIOR_SQUARES = 0.4  # sum of squares by which a width is held near 1
_PRIOR_RUNS = 10.0  # runs that a support set is padded with, on which all is as expected
_TEMPERATURE = 0.1  # of costs, when the good ones are to come first
_LISTWISE = 0.1  # weight of that
_SIZES = np.array([0, 2, 5, 10, MAX_SUPPORT])  # of support sets, between which residuals are compared
_KEPT = 8  # times as many episodes to stop by as a step has
MIN_SHARE = 0.02  # of the variance over tasks: what no number of runs tells


class CostNet(torch.nn.Module):
    """What costs are above their average, from a configuration and its task; 0 before it has learned.

    Parameters
    ----------
    n_point, n_context : int
        D and C.
    n_hidden : int
        Width of both layers.
    """

    def __init__(self, n_point: int, n_context: int, n_hidden: int = 64) -> None:
        super().__init__()
        self.point = torch.nn.Linear(n_point, n_hidden)
        self.context = torch.nn.Linear(n_context, n_hidden, bias=False)
        self.hidden = torch.nn.Linear(n_hidden, n_hidden)
        self.head = torch.nn.Linear(n_hidden, 1)
        self.skip = torch.nn.Linear(n_point, 1, bias=False)
        for layer in (self.head, self.skip):
            torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(self.head.bias)

    def features(self, points: torch.Tensor, contexts: torch.Tensor) -> torch.Tensor:
        """Return what the last layers make costs of, (..., S, H), from points (..., S, D) and contexts (..., C)."""
        hidden = torch.nn.functional.gelu(self.point(points) + self.context(contexts)[..., None, :])
        return torch.nn.functional.gelu(self.hidden(hidden))

    def forward(
        self, points: torch.Tensor, context: torch.Tensor, features: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Return (..., S) as of `features`, from these where they are known."""
        known = self.features(points, context) if features is None else features
        above: torch.Tensor = (self.head(known) + self.skip(points)).squeeze(-1)
        return above


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Known:
    """Configurations as tensors, with what is known of them over all tasks.

    Contexts begin with the costs that are usual on tasks that are alike, (N + C,): see `TrendEncoder`.

    Parameters
    ----------
    points : Tensor of shape (N, D)
        What describes configurations.
    variance : Tensor of shape (N,)
        Of their costs about the usual ones.
    apart : Tensor of shape (N, N)
        Mean square of the difference between what two of them cost above the usual.
    """

    points: torch.Tensor = field(repr=False)
    variance: torch.Tensor = field(repr=False)
    apart: torch.Tensor = field(repr=False)

    @classmethod
    def of(cls, tasks: MetaTasks, device: torch.device) -> Self:
        """Return what tasks tell of configurations."""
        is_tried = ~np.isnan(tasks.costs)
        above = np.where(is_tried, np.nan_to_num(tasks.costs) - tasks.contexts[:, : len(tasks.points)], 0.0)
        counts, both = is_tried.sum(axis=0), is_tried.T.astype(float) @ is_tried
        squares = (above**2).T @ is_tried
        apart = np.maximum(squares + squares.T - 2.0 * above.T @ above, 0.0)
        arrays = (tasks.points, ((above**2).sum(axis=0) + 0.1) / (counts + 1.0), (apart + 0.1) / (both + 1.0))
        points, variance, distances = (torch.as_tensor(each, dtype=torch.float32, device=device) for each in arrays)
        return cls(points=points, variance=variance, apart=distances)

    def with_arrays(self, variance: np.ndarray, apart: np.ndarray) -> "Known":
        """Return the same configurations with another variance (N,), and other differences (N, N)."""
        own, between = (
            torch.as_tensor(each, dtype=torch.float32, device=self.points.device) for each in (variance, apart)
        )
        return Known(
            points=self.points, variance=own.reshape(self.variance.shape), apart=between.reshape(self.apart.shape)
        )

    def doubt(self, columns: torch.Tensor, is_told: torch.Tensor) -> torch.Tensor:
        """Return the variance of costs (B, N) about the usual, or about those of the nearest that was measured.

        Parameters
        ----------
        columns : Tensor of int, shape (B, S)
            What was measured.
        is_told : Tensor of shape (B, S)
            1 where there is one.
        """
        nearest = (self.apart[columns] + 1e3 * (1.0 - is_told)[..., None]).amin(dim=1)
        return torch.minimum(self.variance, nearest)

    def parted(self, contexts: Floats) -> tuple[torch.Tensor, torch.Tensor]:
        """Return usual costs (B, N) and the other numbers (B, C + 1) of contexts (B, N + C), the last of them 0.

        So that there is one even where nothing is known of tasks.
        """
        whole = torch.nn.functional.pad(torch.as_tensor(contexts, device=self.points.device), (0, 1))
        return whole[:, : len(self.points)], whole[:, len(self.points) :]

    def data(self, contexts: Floats, columns: np.ndarray, values: Floats, is_there: np.ndarray) -> Data:
        """Return what `told_loss` and `cost_loss` take, of B tasks, from columns, values and whether they are there."""
        device = self.points.device
        usual, others = self.parted(contexts)
        places = torch.as_tensor(columns, device=device)
        return (
            self.points[places],
            others,
            usual.gather(1, places),
            torch.as_tensor(values, device=device),
            torch.as_tensor(is_there, device=device).float(),
        )

    def support(self, contexts: Floats, columns: np.ndarray, told: Floats, is_told: np.ndarray) -> Data:
        """Return what `told_loss` takes, of B tasks, from columns, told losses and whether there is one (B, S)."""
        points, others, usual, losses, is_there = self.data(contexts, columns, np.minimum(told, TOLD_MOST), is_told)
        variance = self.variance[torch.as_tensor(columns, device=points.device)]
        return points, others, usual, as_costs(losses, usual, variance, is_there), is_there

    def data_of(self, episodes: Episodes) -> tuple[Data, Data]:
        """Return what `told_loss` and `cost_loss` take of episodes."""
        support = self.support(episodes.contexts, episodes.support, episodes.told, episodes.is_told)
        query = self.data(episodes.contexts, episodes.query, episodes.costs, episodes.is_asked)
        return support, query

    def data_told(self, context: Floats, support: Support) -> Data:
        """Return what `told_loss` takes, of one task that is new; an empty support set has one place, not told."""
        columns = self.places(support)
        told = np.zeros(columns.shape, dtype=np.float32)
        told[0, : len(support.told)] = support.told
        is_told = np.full(columns.shape, len(support.columns) > 0)
        return self.support(context[None, :], columns.cpu().numpy(), told, is_told)

    def places(self, support: Support) -> torch.Tensor:
        """Return what was measured on one task, (1, S); one place where nothing was."""
        columns = support.columns if len(support.columns) else np.zeros(1, dtype=np.int64)
        return torch.as_tensor(columns, device=self.points.device)[None]


def told_loss(predict: Predict, data: Data) -> torch.Tensor:
    """Return how badly costs of a support set agree with what is told of it, whatever its level.

    Parameters
    ----------
    predict : callable
        Costs above the usual ones, from what the data begin with.
    data : tuple
        Points (S, D), context (C,), if they are known features (S, H), usual costs (S,), what is told as
        costs (S,), 1 where there is one (S,).
    """
    *inputs, usual, told, is_told = data
    left = _centred(usual + predict(*inputs) - told, is_told)
    return (left**2).sum() / (is_told.sum() + _PRIOR_RUNS) ** 0.5


def as_costs(told: torch.Tensor, usual: torch.Tensor, variance: torch.Tensor, is_told: torch.Tensor) -> torch.Tensor:
    """Return told losses (B, S) in units of costs: as wide, over a support set, as costs let expect.

    The width is found before anything is adapted: one that fits what the net expects best is too small, the more so
    the less the net knows, and the net then has nothing to learn from what is told.
    """
    expected = (is_told * (_centred(usual, is_told) ** 2 + variance)).sum(-1, keepdim=True)
    found = (_centred(told, is_told) ** 2).sum(-1, keepdim=True)
    return told * torch.sqrt((_PRIOR_SQUARES + expected) / (_PRIOR_SQUARES + found))


def cost_loss(predict: Predict, data: Data) -> torch.Tensor:
    """Return how far costs are off: squared errors, and whether the good ones come first.

    Parameters
    ----------
    predict : callable
        As of `told_loss`.
    data : tuple
        Points (Q, D), context (C,), if they are known features (Q, H), usual costs (Q,), costs (Q,), 1 where
        there is one (Q,).

    References
    ----------
    Cao, Z., Qin, T., Liu, T.-Y., Tsai, M.-F., Li, H. (2007). Learning to rank: from pairwise approach to listwise
    approach. ICML. https://doi.org/10.1145/1273496.1273513
    """
    *inputs, usual, costs, is_asked = data
    return mean_loss(usual + predict(*inputs), costs, is_asked)


def mean_loss(expected: torch.Tensor, costs: torch.Tensor, is_asked: torch.Tensor) -> torch.Tensor:
    """Return how far expected costs (..., Q) are off, (...); see `cost_loss`."""
    squared = (is_asked * (expected - costs) ** 2).sum(-1) / is_asked.sum(-1).clamp(min=1.0)
    lacking = -1e4 * (1.0 - is_asked)
    wanted = torch.softmax(lacking - costs / _TEMPERATURE, dim=-1)
    said = torch.log_softmax(lacking - expected / _TEMPERATURE, dim=-1)
    surprise = (is_asked * wanted * (torch.log(wanted + 1e-9) - said)).sum(-1)
    return squared + _LISTWISE * surprise


def _centred(values: torch.Tensor, is_told: torch.Tensor) -> torch.Tensor:
    """Return values without their mean over what is told; 0 where nothing is."""
    mean = (is_told * values).sum(-1, keepdim=True) / is_told.sum(-1, keepdim=True).clamp(min=1.0)
    return is_told * (values - mean)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Residuals:
    """How far expected costs are off on families that were kept aside.

    Parameters
    ----------
    shares : ndarray of shape (5,)
        Mean squared residuals, in units of the variance over tasks, after so many runs as `_SIZES` says.
    """

    shares: np.ndarray

    @classmethod
    def of(cls, sizes: np.ndarray, squared: np.ndarray) -> Self:
        """Return what residuals come to.

        Parameters
        ----------
        sizes : ndarray of int, shape (B,)
            Of support sets.
        squared : ndarray of shape (B,)
            Mean squared residuals of each, in units of the variance over tasks.
        """
        edges = (_SIZES[1:] + _SIZES[:-1]) / 2.0
        groups = np.searchsorted(edges, sizes)
        counts = np.bincount(groups, minlength=len(_SIZES))
        sums = np.bincount(groups, weights=squared, minlength=len(_SIZES))
        shares = (sums + 5.0) / (counts + 5.0)
        return cls(shares=np.maximum(shares, MIN_SHARE))  # five tasks on which nothing was learned

    def arrays(self, known: Known) -> dict[str, np.ndarray]:
        """Return what is kept in a file beside a net."""
        return {
            "shares": self.shares,
            "variance": known.variance.cpu().numpy(),
            "apart": known.apart.cpu().numpy(),
        }

    def share(self, n_told: int) -> float:
        """Return the share of the variance that is left after so many runs."""
        return float(np.interp(np.log1p(n_told), np.log1p(_SIZES), self.shares))


def drawn_for_residuals(tasks: MetaTasks, rng: np.random.Generator, n_episodes: int) -> Episodes:
    """Return the episodes on which residuals are measured, and by which training stops; more than a step has."""
    return drawn(tasks, rng, _KEPT * n_episodes)


def drawn(tasks: MetaTasks, rng: np.random.Generator, n_episodes: int) -> Episodes:
    """Return episodes with no more places to be asked for than there are configurations."""
    n_query = min(N_QUERY, len(tasks.points))
    return draw_episodes(tasks, rng, n_episodes=n_episodes, max_support=MAX_SUPPORT, n_query=n_query)


def measured(mean: torch.Tensor, variance: torch.Tensor, columns: np.ndarray, data: Data) -> tuple[Floats, Floats]:
    """Return mean and standard deviation (N,) of costs; of what was measured, as told, at the level that fits."""
    if len(columns):
        told, places = data[3][0], torch.as_tensor(columns, device=mean.device)
        mean, variance = mean.clone(), variance.clone()
        mean[places], variance[places] = told + (mean[places] - told).mean(), 0.0
    return mean.cpu().numpy(), variance.clamp(min=0.0).sqrt().cpu().numpy()
