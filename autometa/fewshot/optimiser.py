"""Learning to learn by gradient descent by gradient descent: a recurrent net in place of a rule of optimisation.

Shapes: B tasks, P parameters, H numbers that are remembered of each.
"""

import math
from typing import NamedTuple

import torch

from autometa.fewshot.adapting import Rule
from autometa.fewshot.gradient import GradientLearner
from autometa.fewshot.predicting import LAST_LAYERS

_RANGE = 10.0  # logarithms of gradients from minus this on are told apart


class Memory(NamedTuple):
    """What two layers remember of each coordinate, (B * P, H) each."""

    hidden: tuple[torch.Tensor, torch.Tensor]
    cells: tuple[torch.Tensor, torch.Tensor]


class LearnedOptimiser(Rule):
    """An LSTM that turns gradients into steps, the same for every coordinate, each with its own memory.

    Gradients come in as their logarithm and sign.

    Parameters
    ----------
    n_hidden : int
        H.
    step : float
        What a step of 1 by the net amounts to.
    rate : float
        Of a plain step along the gradient beside it; where there is one, descent is what learning begins with.

    References
    ----------
    Andrychowicz, M., Denil, M., Gomez, S., Hoffman, M. W., Pfau, D., Schaul, T., Shillingford, B., de Freitas, N.
    (2016). Learning to learn by gradient descent by gradient descent. NeurIPS.
    https://doi.org/10.48550/arXiv.1606.04474

    Examples
    --------
    >>> rule = LearnedOptimiser()
    >>> values, memory = rule(torch.zeros(3, 2), torch.ones(3, 2), rule.begin(torch.zeros(3, 2)))
    >>> values.shape
    torch.Size([3, 2])
    """

    def __init__(self, n_hidden: int = 20, step: float = 0.1, rate: float = 0.0) -> None:
        super().__init__()
        self.first = torch.nn.LSTMCell(2, n_hidden)
        self.second = torch.nn.LSTMCell(n_hidden, n_hidden)
        self.out = torch.nn.Linear(n_hidden, 1)
        self.step, self.rate = step, rate
        if rate > 0:
            torch.nn.init.zeros_(self.out.weight)
            torch.nn.init.zeros_(self.out.bias)

    def begin(self, values: torch.Tensor) -> Memory:
        """Return empty memories for values (B, P)."""
        empty = values.new_zeros(values.numel(), self.first.hidden_size)
        return Memory((empty, empty), (empty, empty))

    def forward(self, values: torch.Tensor, gradients: torch.Tensor, memory: Memory) -> tuple[torch.Tensor, Memory]:
        """Return the next values (B, P), and memories; gradients count as given, not as following from the values."""
        inputs = preprocessed(gradients.detach().reshape(-1))
        first = self.first(inputs, (memory.hidden[0], memory.cells[0]))
        second = self.second(first[0], (memory.hidden[1], memory.cells[1]))
        steps = self.step * self.out(second[0]).reshape(values.shape)
        return values + steps - self.rate * gradients.detach(), Memory((first[0], second[0]), (first[1], second[1]))


def preprocessed(gradients: torch.Tensor) -> torch.Tensor:
    """Return gradients (n,) as two numbers of about one, (n, 2), that tell the smallest from one another too.

    References
    ----------
    Andrychowicz et al. (2016), appendix A.
    """
    is_large = gradients.abs() >= math.exp(-_RANGE)
    logs = torch.log(gradients.abs().clamp(min=math.exp(-_RANGE))) / _RANGE
    large = torch.stack([logs, gradients.sign()], dim=-1)
    small = torch.stack([-torch.ones_like(gradients), gradients * math.exp(_RANGE)], dim=-1)
    return torch.where(is_large[:, None], large, small)


class LearnedOptimiserRecommender(GradientLearner):
    """Expects costs by a net whose last layers are adapted by a learned optimiser, from plain descent on.

    References
    ----------
    Andrychowicz, M. et al. (2016). Learning to learn by gradient descent by gradient descent. NeurIPS.
    https://doi.org/10.48550/arXiv.1606.04474

    Examples
    --------
    >>> LearnedOptimiserRecommender().name
    'learned_optimiser'
    """

    name = "learned_optimiser"
    is_first_order = True
    adapted = LAST_LAYERS

    def _rule(self, n_parameters: int) -> Rule:
        return LearnedOptimiser(step=0.05, rate=0.04)
