"""The deep-kernel Gaussian process as a recommender."""

import copy
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from autometa._random import generator
from autometa.fewshot.deep_kernel import DeepKernel, Places, Prior, of_rows
from autometa.fewshot.devices import device_of, seeded
from autometa.fewshot.kriging import Costs, log_density
from autometa.fewshot.nets import arrays_of, fill, tensors
from autometa.fewshot.recommender import MIN_STD, Support, expected_gain
from autometa.fewshot.tasks import Episodes, Floats, MetaTasks, draw_episodes
from autometa.fewshot.training import Effort, train
from autometa.fewshot.trend import N_FIRST, TrendLearner
from autometa.fewshot.weights import Array
from autometa.task import TaskDescription

MAX_SUPPORT = 20
N_QUERY = 40
N_KEPT_ROUNDS = 12  # batches of episodes on the families that are kept aside
TOLD_MOST = 1.5  # a result farther above the best is bad, and no more than that
_TUNING_RATE = 1e-2


class DeepKernelGP(TrendLearner):
    """Expects costs by a Gaussian process with a learned kernel, around the mean of tasks that are alike.

    The mean is that over the known tasks, weighted by `Proximity`, of other families alone where a task is known. The
    kernel is that of `DeepKernel`; its known directions are those in which costs of past tasks differ from such means.
    Level and width of the results are not known, see `Kriging`.

    Parameters
    ----------
    effort : Effort, optional
        How long meta-training goes on.
    n_first : int
        Results until which `ProximityPortfolio` proposes.
    n_tuning : int
        Steps by which a copy of the kernel is fitted to the results of a new task; 0: it is taken as it is.

    References
    ----------
    Wistuba, M., Grabocka, J. (2021). Few-shot Bayesian optimization with deep kernel surrogates. ICLR.
    https://doi.org/10.48550/arXiv.2101.07667
    """

    name = "deep_kernel"
    effort = Effort(n_rounds=15, n_steps=30, patience=5)

    def __init__(self, effort: Effort | None = None, n_first: int = N_FIRST, n_tuning: int = 0) -> None:
        super().__init__(effort, n_first)
        self.n_tuning = n_tuning

    def _build(self, tasks: MetaTasks) -> DeepKernel:
        """Return an untrained kernel."""
        return DeepKernel(tasks.points.shape[1]).to(device_of(self.effort.device))

    def _meta_train(self, tasks: MetaTasks, kept: MetaTasks, seed: int) -> None:
        self.net_ = self._build(tasks)
        self._begin(self.net_)
        self._train(tasks, kept, seed, self.effort)

    def _train(self, tasks: MetaTasks, kept: MetaTasks, seed: int, effort: Effort) -> None:
        """Go on learning."""
        rng, fixed = generator(seed, self.name, "episodes"), generator(seed, self.name, "kept episodes")
        known = Known(*tensors(effort.device, tasks.points, self.contexts_.loadings_))

        def drawn(source: MetaTasks, rng: np.random.Generator) -> Episodes:
            return draw_episodes(source, rng, n_episodes=effort.n_episodes, max_support=MAX_SUPPORT, n_query=N_QUERY)

        asked = [drawn(kept, fixed) for _ in range(N_KEPT_ROUNDS)]

        def kept_loss() -> float:
            with torch.no_grad():
                return float(np.mean([float(loss_of(self.net_, known, each)) for each in asked]))

        self.trained_ = train(
            self.net_, lambda: loss_of(self.net_, known, drawn(tasks, rng)), kept_loss, effort, self.report
        )

    def _expect(self, context: Floats, support: Support) -> tuple[Floats, Floats]:
        costs, _ = self._whole(context, support)
        return costs.mean[0].cpu().numpy(), costs.variance[0].sqrt().cpu().numpy()

    def _gain(self, description: TaskDescription, support: Support, expected: tuple[Floats, Floats]) -> Floats:
        """Return the expected improvement over the cost of the best, which is itself not known before its level is."""
        context = self.contexts_.transform([description])[0]
        with seeded(0):
            costs, between = self._whole(context, support)
        best = int(np.argmin(support.told))
        row = int(support.columns[best])
        mean, variance = (each[0].cpu().numpy() for each in costs)
        apart = variance + variance[row] - 2.0 * between[0, :, best].cpu().numpy()
        return expected_gain(mean[row] - mean, np.sqrt(np.maximum(apart, MIN_STD**2)))

    def _whole(self, context: Floats, support: Support) -> tuple[Costs, Tensor]:
        """Return what is expected of all points, see `DeepKernel.whole`."""
        net, device = self.net_, self.effort.device
        known = Known(*tensors(device, self.tasks_.points, self.contexts_.loadings_))
        contexts, told = tensors(device, context[None], np.minimum(support.told, TOLD_MOST)[None])
        rows = torch.from_numpy(support.columns)[None].to(told.device)
        if self.n_tuning and len(support.columns) > 1:
            net = tuned(net, known, (contexts, rows, told), self.n_tuning)
        with torch.no_grad():
            return net.whole(rows, told, known.places(net, contexts))

    def _state(self) -> dict[str, Array]:
        return arrays_of(self.net_)

    def _restore(self, tasks: MetaTasks, arrays: Mapping[str, Array]) -> None:
        net = self._build(tasks)
        fill(net, arrays)
        self.net_ = net.eval()


class Known(NamedTuple):
    """All points of an experience.

    points : Tensor of shape (N, D)
    loadings : Tensor of shape (N, G)
    """

    points: Tensor
    loadings: Tensor

    def places(self, net: DeepKernel, contexts: Tensor) -> Places:
        """Return the points of some tasks as a kernel sees them, from contexts (B, N + N + C)."""
        n_points = len(self.points)
        prior = Prior(contexts[:, :n_points], self.loadings, contexts[:, n_points : 2 * n_points])
        return net.places(self.points[None], prior)


def loss_of(net: DeepKernel, known: Known, episodes: Episodes) -> Tensor:
    """Return the mean negative log density of what is asked for, a scalar."""
    place = known.points.device
    contexts, told, costs = tensors(str(place), episodes.contexts, np.minimum(episodes.told, TOLD_MOST), episodes.costs)
    support, query, is_told, is_asked = (
        torch.from_numpy(each).to(place)
        for each in (episodes.support, episodes.query, episodes.is_told, episodes.is_asked)
    )
    places = known.places(net, contexts)
    expected = net(of_rows(places, support), told, is_told, of_rows(places, query))
    density = torch.where(is_asked, log_density(costs, expected), 0.0)
    return -density.sum() / is_asked.sum()


def tuned(net: DeepKernel, known: Known, task: tuple[Tensor, Tensor, Tensor], n_steps: int) -> DeepKernel:
    """Return a copy of a kernel that is fitted to the results of one task: contexts, rows and told of it."""
    own = copy.deepcopy(net).eval()
    contexts, rows, told = task
    is_told = torch.ones_like(rows, dtype=torch.bool)
    optimiser = torch.optim.Adam(own.parameters(), lr=_TUNING_RATE)
    with torch.enable_grad():
        for _ in range(n_steps):
            optimiser.zero_grad()
            support = of_rows(known.places(own, contexts), rows)
            evidence = own.kriging.log_evidence(own.told(support, told, is_told))
            (-evidence.mean()).backward()  # type: ignore[no-untyped-call] # torch has no annotation for it
            optimiser.step()
    return own
