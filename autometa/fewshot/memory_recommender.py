"""The memory-augmented neural process as a recommender."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from autometa._random import generator
from autometa.evaluation.record import Evaluation
from autometa.fewshot.deep_recommender import N_KEPT_ROUNDS, N_QUERY, TOLD_MOST
from autometa.fewshot.devices import device_of
from autometa.fewshot.kriging import Costs, log_density
from autometa.fewshot.memory import Memory, Reader, Results
from autometa.fewshot.nets import arrays_of, fill, tensors
from autometa.fewshot.neural_process import Tokens, TransformerProcess
from autometa.fewshot.recommender import Support
from autometa.fewshot.tasks import Episodes, Floats, MetaTasks, draw_episodes
from autometa.fewshot.training import Effort, train
from autometa.fewshot.trend import TrendLearner
from autometa.fewshot.weights import Array
from autometa.knowledge.frames import Experience
from autometa.task import TaskDescription

MAX_SUPPORT = 24


class MemoryProcess(nn.Module):
    """A neural process whose tokens know what the heads of a reader find in a memory of tasks.

    Parameters
    ----------
    n_numbers, n_contexts : int
        Numbers that describe a point, and a task before any result.
    """

    def __init__(self, n_numbers: int, n_contexts: int) -> None:
        super().__init__()
        self.reader = Reader(n_contexts)
        n_read = 2 + 2 * self.reader.n_heads
        self.process = TransformerProcess(n_numbers, n_contexts, n_read)
        self.mixing = nn.Parameter(torch.zeros(1 + self.reader.n_heads))

    def forward(
        self, points: Tensor, task: tuple[Tensor, Tensor], told: Results, query: Tensor, memory: "Shown"
    ) -> Costs:
        """Return the costs that are expected of points, rows (B, Q) of ``query``.

        Parameters
        ----------
        points : Tensor of shape (N, D)
            All points.
        task : tuple of Tensor, (B, N) and (B, C)
            Costs that tasks which are alike let expect, and the contexts.
        told : Results
            What came of the tasks so far.
        query : Tensor of int, shape (B, Q)
            Points that are asked for.
        memory : Shown
            What may be read.
        """
        trend, contexts = task
        found = self.reader(contexts, told, memory.content, memory.is_shown)
        n_heads = self.reader.n_heads
        means = torch.cat([trend[:, None], found[:, :n_heads]], dim=1)
        start = (torch.softmax(self.mixing, dim=0)[:, None] * means).sum(dim=1, keepdim=True)
        read = torch.cat([start, trend[:, None], found], dim=1).mT  # (B, N, R)

        def tokens(rows: Tensor) -> Tokens:
            return Tokens(points[rows], read.gather(1, rows[..., None].expand(*rows.shape, read.shape[2])))

        costs: Costs = self.process(tokens(told.rows), told.values, told.is_told, tokens(query), contexts)
        return costs


class Shown:
    """A memory on a device, and what of it each task that asks may read.

    Parameters
    ----------
    content : tuple of Tensor, (M, C) and (M, N)
        Keys and values.
    is_shown : Tensor of bool, shape (B, M)
        What may be read.
    """

    def __init__(self, content: tuple[Tensor, Tensor], is_shown: Tensor) -> None:
        self.content, self.is_shown = content, is_shown


class NeuralProcess(TrendLearner):
    """Expects costs by a transformer over results and queries that reads a memory of the known tasks.

    Tasks can join the memory at any time, by `remember`: nothing is learned anew for it.

    Parameters
    ----------
    effort : Effort, optional
        How long meta-training goes on.
    n_first : int
        Results until which `ProximityPortfolio` proposes.

    References
    ----------
    Nguyen, T., Grover, A. (2022). Transformer neural processes: uncertainty-aware meta learning via sequence modeling.
    ICML. https://doi.org/10.48550/arXiv.2207.04179
    """

    name = "neural_process"
    memory_: Memory
    effort = Effort(n_rounds=15, n_steps=40, patience=5, n_episodes=16)

    def remember(self, experience: Experience) -> int:
        """Let the tasks of a newer experience join the memory, and return how many these are.

        Runs of configurations that were not there when it was fitted are left out. A task that is stored already gives
        way to what is known of it now.
        """
        if not self.is_trained_:
            return 0
        known = experience.of_configurations(list(self._row_of))
        rows = [row for row in range(known.n_tasks) if known.is_tried[row].sum() >= 2]
        if not rows:
            return 0
        values = np.full((len(rows), len(self._row_of)), np.nan, dtype=np.float32)
        values[:, [self._row_of[c.key] for c in known.configurations]] = known.costs[rows]
        descriptions = [known.descriptions[row] for row in rows]
        keys = self.contexts_.transform(descriptions)[:, 2 * len(self._row_of) :]
        self.memory_ = self.memory_.with_tasks(
            keys, values, [each.fingerprint for each in descriptions], [each.family for each in descriptions]
        )
        self._last = None
        return len(rows)

    def _expected(self, description: TaskDescription, observed: Sequence[Evaluation]) -> tuple[Floats, Floats] | None:
        """Return mean and standard deviation of the costs of all points; what is stored of its own family is hidden."""
        if self.is_trained_:
            stored = dict(zip(self.memory_.names, self.memory_.families, strict=True))
            self._own_family = stored.get(description.fingerprint, "")
        return super()._expected(description, observed)

    def _build(self, tasks: MetaTasks) -> MemoryProcess:
        """Return an untrained net."""
        n_contexts = tasks.contexts.shape[1] - 2 * len(tasks.points)
        return MemoryProcess(tasks.points.shape[1], n_contexts).to(device_of(self.effort.device))

    def _stored(self, tasks: MetaTasks) -> Memory:
        """Return a memory of some tasks."""
        return Memory(
            keys=tasks.contexts[:, 2 * len(tasks.points) :],
            values=tasks.costs,
            names=tuple(str(number) for number in range(tasks.n_tasks)),
            families=tasks.families,
        )

    def _meta_train(self, tasks: MetaTasks, kept: MetaTasks, seed: int) -> None:
        self.net_ = self._build(tasks)
        self._begin(self.net_)
        self._train(tasks, kept, seed, self.effort)
        self._fill_memory()

    def _train(self, tasks: MetaTasks, kept: MetaTasks, seed: int, effort: Effort) -> None:
        """Go on learning; what is stored of a task's own family is not shown to it."""
        rng, fixed = generator(seed, self.name, "episodes"), generator(seed, self.name, "kept episodes")
        (points,) = tensors(effort.device, tasks.points)
        memory = self._stored(tasks)
        content = memory.tensors(effort.device)

        def drawn(source: MetaTasks, rng: np.random.Generator) -> tuple[Episodes, Shown]:
            episodes = draw_episodes(
                source, rng, n_episodes=effort.n_episodes, max_support=MAX_SUPPORT, n_query=N_QUERY
            )
            is_shown = memory.shown_to([source.families[row] for row in episodes.rows])
            return episodes, Shown(content, torch.from_numpy(is_shown).to(points.device))

        asked = [drawn(kept, fixed) for _ in range(N_KEPT_ROUNDS)]

        def kept_loss() -> float:
            with torch.no_grad():
                return float(np.mean([float(_loss(self.net_, points, *each)) for each in asked]))

        self.trained_ = train(
            self.net_, lambda: _loss(self.net_, points, *drawn(tasks, rng)), kept_loss, effort, self.report
        )

    def _fill_memory(self) -> None:
        """Store all tasks."""
        own = self._stored(self.tasks_)
        self.memory_ = Memory(keys=own.keys, values=own.values, names=self._names(), families=own.families)

    def _names(self) -> tuple[str, ...]:
        """Return the fingerprints of the tasks, in their order."""
        rows = np.flatnonzero(self.experience_.is_tried.sum(axis=1) >= 2)
        return tuple(sorted(self.experience_.descriptions[row].fingerprint for row in rows))

    def _expect(self, context: Floats, support: Support) -> tuple[Floats, Floats]:
        device, n_points = self.effort.device, len(self.tasks_.points)
        points, trend, contexts, told = tensors(
            device,
            self.tasks_.points,
            context[None, :n_points],
            context[None, 2 * n_points :],
            np.minimum(support.told, TOLD_MOST)[None],
        )
        rows = torch.from_numpy(support.columns)[None].to(points.device)
        is_told = torch.ones_like(rows, dtype=torch.bool)
        content = self.memory_.tensors(device)
        is_shown = self.memory_.shown_to([self._own_family])
        shown = Shown(content, torch.from_numpy(is_shown).to(points.device))
        query = torch.arange(n_points, device=points.device)[None]
        with torch.no_grad():
            results = Results(rows=rows, values=told, is_told=is_told)
            costs = self.net_(points, (trend, contexts), results, query, shown)
        return costs.mean[0].cpu().numpy(), costs.variance[0].sqrt().cpu().numpy()

    def _state(self) -> dict[str, Array]:
        return arrays_of(self.net_)

    def _restore(self, tasks: MetaTasks, arrays: Mapping[str, Array]) -> None:
        net = self._build(tasks)
        fill(net, arrays)
        self.net_ = net.eval()
        self._fill_memory()


def _loss(net: MemoryProcess, points: Tensor, episodes: Episodes, shown: Shown) -> Tensor:
    """Return the mean negative log density of what is asked for, a scalar; contexts begin with the trend."""
    n_points = len(points)
    trend, contexts, told, costs = tensors(
        str(points.device),
        episodes.contexts[:, :n_points],
        episodes.contexts[:, 2 * n_points :],
        np.minimum(episodes.told, TOLD_MOST),
        episodes.costs,
    )
    support, query, is_told, is_asked = (
        torch.from_numpy(each).to(points.device)
        for each in (episodes.support, episodes.query, episodes.is_told, episodes.is_asked)
    )
    results = Results(rows=support, values=told, is_told=is_told)
    expected = net(points, (trend, contexts), results, query, shown)
    return -torch.where(is_asked, log_density(costs, expected), 0.0).sum() / is_asked.sum()
