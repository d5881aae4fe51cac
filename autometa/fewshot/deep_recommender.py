"""The deep-kernel Gaussian process as a recommender."""

import copy
from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np
import torch
from torch import Tensor

from autometa._random import generator
from autometa.fewshot.deep_kernel import DeepKernel, Places, of_rows
from autometa.fewshot.devices import device_of
from autometa.fewshot.kriging import log_density
from autometa.fewshot.nets import arrays_of, fill, tensors
from autometa.fewshot.recommender import MetaLearner, Support
from autometa.fewshot.tasks import ContextEncoder, Episodes, Floats, MetaTasks, draw_episodes
from autometa.fewshot.training import Effort, train
from autometa.fewshot.weights import Array
from autometa.knowledge.frames import Experience
from autometa.recommenders.proximity import Proximity, blended
from autometa.task import TaskDescription

MAX_SUPPORT = 20
N_QUERY = 40
N_KEPT_ROUNDS = 12  # batches of episodes on the families that are kept aside
TOLD_MOST = 1.5  # a result farther above the best is bad, and no more than that
_TUNING_RATE = 1e-2


class DeepKernelGP(MetaLearner):
    """Expects costs by a Gaussian process with a learned kernel, around the mean of tasks that are alike.

    The mean is that over the known tasks, weighted by `Proximity`, of other families alone where a task is known; a net
    adds what the context says beyond it. The kernel is that of `DeepKernel`; level and width of the results are not
    known, see `Kriging`.

    Parameters
    ----------
    effort : Effort, optional
        How long meta-training goes on.
    n_tuning : int
        Steps by which a copy of the kernel is fitted to the results of a new task; 0: it is taken as it is.

    References
    ----------
    Wistuba, M., Grabocka, J. (2021). Few-shot Bayesian optimization with deep kernel surrogates. ICLR.
    https://doi.org/10.48550/arXiv.2101.07667
    """

    name = "deep_kernel"

    def __init__(self, effort: Effort | None = None, n_tuning: int = 0) -> None:
        super().__init__(effort)
        self.n_tuning = n_tuning

    def _context_encoder(self, ordered: Experience, seed: int) -> ContextEncoder:
        return TrendEncoder(ordered, seed).fit(ordered.descriptions)

    def _build(self, tasks: MetaTasks) -> DeepKernel:
        """Return an untrained kernel."""
        n_contexts = tasks.contexts.shape[1] - len(tasks.points)
        return DeepKernel(tasks.points.shape[1], n_contexts).to(device_of(self.effort.device))

    def _meta_train(self, tasks: MetaTasks, kept: MetaTasks, seed: int) -> None:
        self.net_ = self._build(tasks)
        self._train(tasks, kept, seed, self.effort)

    def _train(self, tasks: MetaTasks, kept: MetaTasks, seed: int, effort: Effort) -> None:
        """Go on learning."""
        rng, fixed = generator(seed, self.name, "episodes"), generator(seed, self.name, "kept episodes")
        (points,) = tensors(effort.device, tasks.points)

        def drawn(source: MetaTasks, rng: np.random.Generator) -> Episodes:
            return draw_episodes(
                source, rng, n_episodes=effort.n_episodes, max_support=MAX_SUPPORT, n_query=N_QUERY
            )

        asked = [drawn(kept, fixed) for _ in range(N_KEPT_ROUNDS)]

        def kept_loss() -> float:
            with torch.no_grad():
                return float(np.mean([float(loss_of(self.net_, points, each)) for each in asked]))

        self.trained_ = train(
            self.net_, lambda: loss_of(self.net_, points, drawn(tasks, rng)), kept_loss, effort, self.report
        )

    def _expect(self, context: Floats, support: Support) -> tuple[Floats, Floats]:
        net, n_points = self.net_, len(self.tasks_.points)
        points, contexts, told = tensors(
            self.effort.device, self.tasks_.points[None], context[None], np.minimum(support.told, TOLD_MOST)[None]
        )
        rows = torch.from_numpy(support.columns)[None].to(points.device)
        is_told = torch.ones_like(rows, dtype=torch.bool)
        if self.n_tuning and len(support.columns) > 1:
            net = tuned(net, points, (contexts, rows, told), self.n_tuning)
        with torch.no_grad():
            places = net.places(points, contexts[:, n_points:], contexts[:, :n_points])
            costs = net(of_rows(places, rows), told, is_told, places)
        return costs.mean[0].cpu().numpy(), costs.variance[0].sqrt().cpu().numpy()

    def _state(self) -> dict[str, Array]:
        return arrays_of(self.net_)

    def _restore(self, tasks: MetaTasks, arrays: Mapping[str, Array]) -> None:
        net = self._build(tasks)
        fill(net, arrays)
        self.net_ = net.eval()


class TrendEncoder(ContextEncoder):
    """Contexts that begin with the costs that tasks which are alike let expect, (N + C,).

    Of a known task, those of other families alone, as if it were new.

    Parameters
    ----------
    experience : Experience
        Past runs.
    seed : int
        Of the trees of `Proximity`.
    """

    def __init__(self, experience: Experience, seed: int) -> None:
        self.experience = experience
        self.proximity = Proximity().fit(experience, seed)

    def fit(self, descriptions: Sequence[TaskDescription]) -> Self:
        """Learn scales from known tasks."""
        super().fit(descriptions)
        among = self._trends(self.proximity.weights_among_known())
        self.trend_of_ = {
            each.fingerprint: row for each, row in zip(self.experience.descriptions, among, strict=True)
        }
        return self

    @property
    def n_numbers(self) -> int:
        """C, and a number for each configuration."""
        return super().n_numbers + self.experience.n_configurations

    def transform(self, descriptions: Sequence[TaskDescription]) -> Floats:
        """Return contexts, (n_tasks, N + C)."""
        trends = [
            self.trend_of_[each.fingerprint]
            if each.fingerprint in self.trend_of_
            else self._trends(self.proximity.weights(each)[None])[0]
            for each in descriptions
        ]
        rows = np.array(trends).reshape(len(descriptions), self.experience.n_configurations)
        return np.hstack([rows, super().transform(descriptions)]).astype(np.float32)

    def _trends(self, weights: np.ndarray) -> np.ndarray:
        """Return mean costs, (n_rows, N), from weights (n_rows, n_tasks) that sum to 1; one task more is bad at all."""
        own = self.experience.weights * blended(weights)
        costs = self.experience.costs
        return np.asarray((own @ np.nan_to_num(costs) + 1.0) / (own @ ~np.isnan(costs) + 1.0))


def loss_of(net: DeepKernel, points: Tensor, episodes: Episodes) -> Tensor:
    """Return the mean negative log density of what is asked for, a scalar; contexts begin with the trend."""
    device, n_points = str(points.device), len(points)
    contexts, told, costs = tensors(device, episodes.contexts, np.minimum(episodes.told, TOLD_MOST), episodes.costs)
    support, query, is_told, is_asked = (
        torch.from_numpy(each).to(points.device)
        for each in (episodes.support, episodes.query, episodes.is_told, episodes.is_asked)
    )
    places = net.places(points[None], contexts[:, n_points:], contexts[:, :n_points])
    expected = net(of_rows(places, support), told, is_told, of_rows(places, query))
    density = torch.where(is_asked, log_density(costs, expected), 0.0)
    return -density.sum() / is_asked.sum()


def tuned(net: DeepKernel, points: Tensor, task: tuple[Tensor, Tensor, Tensor], n_steps: int) -> DeepKernel:
    """Return a copy of a kernel that is fitted to the results of one task: contexts, rows and told of it."""
    own = copy.deepcopy(net).eval()
    contexts, rows, told = task
    n_points = points.shape[1]
    is_told = torch.ones_like(rows, dtype=torch.bool)
    optimiser = torch.optim.Adam(own.parameters(), lr=_TUNING_RATE)
    with torch.enable_grad():
        for _ in range(n_steps):
            optimiser.zero_grad()
            places: Places = own.places(points, contexts[:, n_points:], contexts[:, :n_points])
            evidence = own.kriging.log_evidence(own.told(of_rows(places, rows), told, is_told))
            (-evidence.mean()).backward()  # type: ignore[no-untyped-call] # torch has no annotation for it
            optimiser.step()
    return own
