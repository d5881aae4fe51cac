"""A recurrent net that proposes: it reads what was measured, one run after the other, and says where to look next.

Shapes: B tasks, N places (configurations, or points of a function), D numbers of a place, C of a task, H remembered, T
steps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch

from autometa._random import generator
from autometa.evaluation.record import Evaluation
from autometa.fewshot.devices import device_of, seeded
from autometa.fewshot.nets import arrays_of, fill
from autometa.fewshot.predicting import Known, Residuals, mean_loss, measured
from autometa.fewshot.recommender import MetaLearner, Support
from autometa.fewshot.tasks import FAR, WIDTH_ERROR, ContextEncoder, Floats, MetaTasks
from autometa.fewshot.training import Effort, Trained, train
from autometa.fewshot.trend import TrendEncoder
from autometa.fewshot.weights import Array
from autometa.knowledge.frames import Experience
from autometa.recommenders.proximity import Proximity
from autometa.task import TaskDescription

N_STEPS = 12  # of a search in training; longer ones go on in the same way
_ENOUGH = 32  # tasks to search in, if they are fewer than half of all
_CONTEXT_DROPOUT = 0.3
_EXPECTING = 1.0  # weight of the costs that are expected beside what is found
_TAKEN = 1e4  # taken from the logit of what was proposed already


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Simulators:
    """Tasks of which all results are known, for a net to search in.

    Parameters
    ----------
    points : Tensor of shape (N, D)
        The places.
    usual : Tensor of shape (B, N)
        What is expected of each.
    contexts : Tensor of shape (B, C)
        What is known of each task.
    costs : Tensor of shape (B, N)
        What is found at each place; NaN = nowhere to go.
    """

    points: torch.Tensor = field(repr=False)
    usual: torch.Tensor = field(repr=False)
    contexts: torch.Tensor = field(repr=False)
    costs: torch.Tensor = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Search:
    """What a net proposed and found.

    Parameters
    ----------
    places : Tensor of int, shape (T, B)
        Where it looked.
    least : Tensor of shape (T, B)
        The least cost so far.
    aims : Tensor of shape (T, B)
        The least cost after each step that its probabilities let expect: what it is trained by.
    expected : Tensor of shape (T, B, N)
        The costs that it expected before each step.
    """

    places: torch.Tensor = field(repr=False)
    least: torch.Tensor = field(repr=False)
    aims: torch.Tensor = field(repr=False)
    expected: torch.Tensor = field(repr=False)


class Proposer(torch.nn.Module):
    """A GRU over runs; its state, with a place, gives how much the place is worth a look, and what to expect there.

    What it is told of a run: the place, how far above the least result before it lies, in units that are known but
    roughly, and whether it is the first. It is trained on tasks of which all is known, by the least cost that its
    probabilities let expect after each step: the slope goes through the probabilities, not through what was drawn.

    Parameters
    ----------
    n_point, n_context : int
        D and C.
    n_hidden : int
        H.

    References
    ----------
    Chen, Y., Hoffman, M. W., Colmenarejo, S. G., Denil, M., Lillicrap, T. P., Botvinick, M., de Freitas, N. (2017).
    Learning to learn without gradient descent by gradient descent. ICML. https://doi.org/10.48550/arXiv.1611.03824

    Examples
    --------
    >>> net = Proposer(2, 1, n_hidden=8)
    >>> features = net.features(torch.zeros(5, 2))
    >>> worth, above = net.at(net.begin(torch.zeros(3, 1)), features, torch.zeros(3, 5))
    >>> worth.shape, above.shape
    (torch.Size([3, 5]), torch.Size([3, 5]))
    """

    def __init__(self, n_point: int, n_context: int, n_hidden: int = 64) -> None:
        super().__init__()
        self.point = torch.nn.Sequential(torch.nn.Linear(n_point, n_hidden), torch.nn.GELU())
        self.context = torch.nn.Linear(n_context, n_hidden)
        self.cell = torch.nn.GRUCell(n_hidden + 3, n_hidden)
        self.asked = torch.nn.Linear(n_hidden, 2 * (n_hidden + n_point))
        self.greed = torch.nn.Parameter(torch.tensor(10.0))
        torch.nn.init.zeros_(self.asked.weight)
        torch.nn.init.zeros_(self.asked.bias)

    def begin(self, contexts: torch.Tensor) -> torch.Tensor:
        """Return the state (B, H) before any run, of tasks with contexts (B, C)."""
        return torch.tanh(self.context(contexts))

    def features(self, points: torch.Tensor) -> torch.Tensor:
        """Return what the net sees of places, (N, H + D), from points (N, D): the same at every step."""
        return torch.cat([self.point(points), points], dim=1)

    def told(self, state: torch.Tensor, features: torch.Tensor, above: torch.Tensor, is_first: bool) -> torch.Tensor:
        """Return the state (B, H) after one run more.

        Parameters
        ----------
        state : Tensor of shape (B, H)
            Before it.
        features : Tensor of shape (B, H + D)
            Where it was, as of `features`.
        above : Tensor of shape (B,)
            How far its result is above the least before it; 0 of the first.
        is_first : bool
            Whether none was before it.
        """
        results = torch.stack([above, (above < 0).float(), torch.full_like(above, float(is_first))], dim=1)
        after: torch.Tensor = self.cell(torch.cat([features[:, : state.shape[1]], results], dim=1), state)
        return after

    def at(self, state: torch.Tensor, features: torch.Tensor, usual: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return logits of where to look, and costs above the usual ones (B, N), both (B, N)."""
        worth, above = (asked @ features.T for asked in self.asked(state).chunk(2, dim=1))
        return worth - self.greed * usual, above


def search(net: Proposer, tasks: Simulators, n_steps: int, *, is_greedy: bool = False) -> Search:
    """Let a net search in tasks of which all results are known.

    Parameters
    ----------
    net : Proposer
        What proposes.
    tasks : Simulators
        Where.
    n_steps : int
        T, at most the number of places that every task has.
    is_greedy : bool
        Whether the likeliest place is taken, not one that is drawn.
    """
    costs, is_there = torch.nan_to_num(tasks.costs, nan=1.0), ~torch.isnan(tasks.costs)
    left, rows = is_there.clone(), torch.arange(len(costs), device=costs.device)
    scales = torch.ones_like(costs[:, 0]) if is_greedy else torch.exp(WIDTH_ERROR * torch.randn_like(costs[:, 0]))
    features = net.features(tasks.points)
    state, least = net.begin(tasks.contexts), torch.full_like(costs[:, 0], 1.0)
    found: list[tuple[torch.Tensor, ...]] = []
    for step in range(n_steps):
        worth, above = net.at(state, features, tasks.usual)
        chances = torch.softmax(worth - _TAKEN * ~left, dim=1)
        aim = (chances * torch.minimum(costs, least[:, None])).sum(dim=1)
        place = chances.argmax(dim=1) if is_greedy else torch.multinomial(chances.detach(), 1)[:, 0]
        cost = costs[rows, place]
        news = ((cost - least) / scales).clamp(-FAR, FAR) if step else torch.zeros_like(cost)
        state = net.told(state, features[place], news, step == 0)
        least = torch.minimum(least, cost) if step else cost
        left = left.clone()
        left[rows, place] = False
        found.append((place, least, aim, tasks.usual + above))
    places, leasts, aims, expected = (torch.stack(each) for each in zip(*found, strict=True))
    return Search(places=places, least=leasts, aims=aims, expected=expected)


def searched(tasks: MetaTasks) -> tuple[int, npt.NDArray[np.intp]]:
    """Return how many steps searches take, and the rows of the tasks with as many results, in which they take place.

    Steps are `N_STEPS`, or the most for which half of the tasks, or 32 of many, have enough results: a few tasks on
    which little was tried make no search shorter.
    """
    n_tried = (~np.isnan(tasks.costs)).sum(axis=1)
    n_enough = min(-(-tasks.n_tasks // 2), _ENOUGH)
    n_steps = min(N_STEPS, int(np.sort(n_tried)[-n_enough]))
    return n_steps, np.flatnonzero(n_tried >= n_steps)


class Recurrent(MetaLearner):
    """Proposes by a recurrent net that reads the runs in the order in which they were made.

    References
    ----------
    Chen, Y. et al. (2017). Learning to learn without gradient descent by gradient descent. ICML.
    https://doi.org/10.48550/arXiv.1611.03824

    Examples
    --------
    >>> Recurrent().name
    'recurrent'
    """

    name = "recurrent"
    version = 2  # since a task with few runs shortens no search
    effort = Effort(n_rounds=12, n_steps=40, patience=4, learning_rate=2e-3, n_episodes=32)

    def _worth(
        self, description: TaskDescription, support: Support, observed: Sequence[Evaluation]
    ) -> tuple[Floats, Floats]:
        context = self.contexts_.transform([description])[0]
        with seeded(0), torch.no_grad():
            worth = self._at(context, support)[0]
        by_row = np.round(worth.cpu().double().numpy(), 6)
        return by_row, np.zeros_like(by_row)

    def _context_encoder(self, ordered: Experience, seed: int) -> ContextEncoder:
        return TrendEncoder(ordered, Proximity().fit(ordered, seed)).fit(ordered.descriptions)

    def _build(self, tasks: MetaTasks) -> None:
        """Make what has not learned yet."""
        device = device_of(self.effort.device)
        self.known_ = Known.of(tasks, device)
        self.net_ = Proposer(tasks.points.shape[1], tasks.contexts.shape[1] - len(tasks.points) + 1).to(device)

    def _state(self) -> dict[str, Array]:
        return arrays_of(self.net_) | self.residuals_.arrays(self.known_)

    def _restore(self, tasks: MetaTasks, arrays: Mapping[str, Array]) -> None:
        self._build(tasks)
        left = dict(arrays)
        self.residuals_ = Residuals(shares=left.pop("shares"))
        self.known_ = self.known_.with_arrays(left.pop("variance"), left.pop("apart"))
        fill(self.net_, left)
        self.net_.eval()

    def _meta_train(self, tasks: MetaTasks, kept: MetaTasks, seed: int) -> None:
        self._build(tasks)
        self._begin(self.net_)
        rng = generator(seed, self.name, "episodes")
        n_steps, rows = searched(tasks)
        n_aside, rows_aside = searched(kept)
        aside = self._simulators(kept, rows_aside)

        def step_loss() -> torch.Tensor:
            drawn = self._simulators(tasks, rows[rng.integers(len(rows), size=self.effort.n_episodes)])
            went = search(self.net_, _with_gaps(drawn), n_steps)
            return went.aims.mean() + _EXPECTING * _errors(went, drawn)

        def kept_loss() -> float:
            with torch.no_grad():
                went = search(self.net_, aside, n_aside, is_greedy=True)
            return float(went.least.mean() + _EXPECTING * _errors(went, aside))

        self.trained_: Trained = train(self.net_, step_loss, kept_loss, self.effort, self.report)
        self.residuals_ = self._residuals(aside, n_aside)

    def _simulators(self, tasks: MetaTasks, rows: np.ndarray) -> Simulators:
        """Return some tasks to search in."""
        usual, others = self.known_.parted(tasks.contexts[rows])
        costs = torch.as_tensor(tasks.costs[rows], device=usual.device)
        return Simulators(points=self.known_.points, usual=usual, contexts=others, costs=costs)

    def _residuals(self, aside: Simulators, n_steps: int) -> Residuals:
        """Return how far expected costs are off on what was kept aside."""
        with torch.no_grad():
            expected = search(self.net_, aside, n_steps, is_greedy=True).expected
        is_there = ~torch.isnan(aside.costs)
        squared = (expected - torch.nan_to_num(aside.costs)) ** 2 / self.known_.variance
        shares = (is_there * squared).sum(dim=2) / is_there.sum(dim=1)
        sizes = np.repeat(np.arange(n_steps), shares.shape[1])
        return Residuals.of(sizes, shares.cpu().double().numpy().reshape(-1))

    def _support_of(self, description: TaskDescription, observed: Sequence[Evaluation]) -> Support | None:
        """Return what was measured, in the order in which it was."""
        support = super()._support_of(description, observed)
        if support is None:
            return None
        told = dict(zip(support.columns.tolist(), support.told.tolist(), strict=True))
        rows = [self._row_of.get(each.configuration.key, -1) for each in observed]
        columns = [row for row in dict.fromkeys(rows) if row >= 0]
        return Support(
            columns=np.array(columns, dtype=np.int64), told=np.array([told[c] for c in columns], dtype=np.float32)
        )

    def _expect(self, context: Floats, support: Support) -> tuple[Floats, Floats]:
        with torch.no_grad():
            above = self._at(context, support)[1]
            usual = self.known_.parted(context[None])[0][0]
        left = self.known_.variance * self.residuals_.share(len(support.columns))
        data = self.known_.data_told(context, support)
        return measured(usual + above, left, support.columns, data)

    def _at(self, context: Floats, support: Support) -> tuple[torch.Tensor, torch.Tensor]:
        """Return logits of where to look next, and costs above the usual ones, (N,) each."""
        features = self.net_.features(self.known_.points)
        usual, others = self.known_.parted(context[None])
        state = self.net_.begin(others)
        least = 0.0
        for number, (column, told) in enumerate(zip(support.columns, support.told.tolist(), strict=True)):
            news = min(max(told - least, -FAR), FAR) if number else 0.0
            state = self.net_.told(state, features[None, column], features.new_tensor([news]), number == 0)
            least = min(least, told) if number else told
        worth, above = self.net_.at(state, features, usual)
        return worth[0], above[0]


def _errors(went: Search, tasks: Simulators) -> torch.Tensor:
    """Return how far expected costs are off, a scalar."""
    is_there = (~torch.isnan(tasks.costs)).float()
    return mean_loss(went.expected, torch.nan_to_num(tasks.costs, nan=1.0), is_there).mean()


def _with_gaps(tasks: Simulators) -> Simulators:
    """Return tasks of which some numbers that are known are missing, drawn."""
    contexts = torch.nn.functional.dropout(tasks.contexts, _CONTEXT_DROPOUT)
    return Simulators(points=tasks.points, usual=tasks.usual, contexts=contexts, costs=tasks.costs)
