"""Adaptation: from a start downhill on what is told of a task; the start, and the way down, are what is learned.

The same code serves any net and any loss. Nothing is changed in place: an adapted net is a vector of its parameters.

Shapes: B tasks, P parameters that are adapted, as one vector.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch.func import functional_call, vmap

Data = tuple[torch.Tensor, ...]  # of one task; of B with one more axis in front
Predict = Callable[..., torch.Tensor]
TaskLoss = Callable[[Predict, Data], torch.Tensor]
_QUICK = 5.0  # times as fast as weights learn logarithms of rates


class Rule(torch.nn.Module, ABC):
    """How a step follows from a gradient; it may remember, and learn."""

    def begin(self, values: torch.Tensor) -> Any:  # Any: what a rule remembers is its own matter
        """Return what is remembered before the first step from values (B, P); nothing, unless a rule says otherwise."""
        return None

    @abstractmethod
    def forward(self, values: torch.Tensor, gradients: torch.Tensor, memory: Any) -> tuple[torch.Tensor, Any]:
        """Return the next values (B, P), and what is remembered."""


class LearnedRates(Rule):
    """Gradient descent with a rate for each parameter, which may be learned.

    Parameters
    ----------
    n_parameters : int
        P.
    rate : float
        Of all, at first.
    is_learned : bool
        Whether the rates are learned as well.

    References
    ----------
    Li, Z., Zhou, F., Chen, F., Li, H. (2017). Meta-SGD: Learning to learn quickly for few-shot learning.
    https://doi.org/10.48550/arXiv.1707.09835

    Examples
    --------
    >>> LearnedRates(2, 0.5)(torch.zeros(1, 2), torch.ones(1, 2), None)[0].tolist()
    [[-0.5, -0.5]]
    """

    def __init__(self, n_parameters: int, rate: float, *, is_learned: bool = False) -> None:
        super().__init__()
        self.logs = torch.nn.Parameter(torch.full((n_parameters,), math.log(rate) / _QUICK), requires_grad=is_learned)

    @property
    def rates(self) -> torch.Tensor:
        """The rates, (P,)."""
        return torch.exp(_QUICK * self.logs)

    def forward(self, values: torch.Tensor, gradients: torch.Tensor, memory: None) -> tuple[torch.Tensor, None]:
        """Return the next values."""
        return values - self.rates * gradients, None


def descend(
    loss: Callable[[torch.Tensor], torch.Tensor],
    values: torch.Tensor,
    rule: Rule,
    n_steps: int,
    *,
    is_first_order: bool = False,
) -> torch.Tensor:
    """Return the values (B, P) where a rule leads in so many steps.

    Parameters
    ----------
    loss : callable
        Of values (B, P), those of each task (B,), no task depending on another's values.
    values : Tensor of shape (B, P)
        Where to start.
    rule : Rule
        How to step.
    n_steps : int
        How often.
    is_first_order : bool
        Whether what follows from a gradient is taken not to depend on where it was measured.
    """
    is_followed = torch.is_grad_enabled() and not is_first_order
    memory = rule.begin(values)
    for _ in range(n_steps):
        values, memory = rule(values, _gradients(loss, values, is_followed), memory)
    return values


def _gradients(loss: Callable[[torch.Tensor], torch.Tensor], values: torch.Tensor, is_followed: bool) -> torch.Tensor:
    """Return the gradients (B, P) of losses at values; followed: how they come about is recorded, which takes time."""
    with torch.enable_grad():
        # An alias: the loss may hold the very tensor of the values, which is not what it goes downhill by.
        at = values.view_as(values) if is_followed and values.requires_grad else values.detach().requires_grad_()
        (gradients,) = torch.autograd.grad(loss(at).sum(), at, create_graph=is_followed)
    return gradients


class Adaptable(torch.nn.Module):
    """A net of which all parameters, or some, are a vector that each task has its own of.

    Parameters
    ----------
    net : Module
        Of one task: its outputs from inputs without an axis for tasks.
    names : sequence of str, optional
        Beginnings of the names of those parameters that are adapted; default: all.

    Examples
    --------
    >>> net = Adaptable(torch.nn.Linear(1, 1))
    >>> net.start.shape
    torch.Size([2])
    """

    def __init__(self, net: torch.nn.Module, names: Sequence[str] = ("",)) -> None:
        super().__init__()
        self.net = net
        self.shapes = {name: value.shape for name, value in net.named_parameters() if any(map(name.startswith, names))}

    @property
    def n_parameters(self) -> int:
        """P."""
        return sum(shape.numel() for shape in self.shapes.values())

    @property
    def start(self) -> torch.Tensor:
        """The parameters from which all tasks begin, (P,)."""
        own = dict(self.net.named_parameters())
        return torch.cat([own[name].reshape(-1) for name in self.shapes])

    def predict(self, vector: torch.Tensor, *inputs: torch.Tensor) -> torch.Tensor:
        """Return the outputs for one task by its vector (P,)."""
        pieces = torch.split(vector, [shape.numel() for shape in self.shapes.values()])
        parameters = {
            name: piece.reshape(shape) for (name, shape), piece in zip(self.shapes.items(), pieces, strict=True)
        }
        outputs: torch.Tensor = functional_call(self.net, parameters, inputs)
        return outputs

    def outputs(self, vectors: torch.Tensor, *inputs: torch.Tensor) -> torch.Tensor:
        """Return the outputs of tasks by their vectors (B, P), from inputs with an axis for tasks."""
        found: torch.Tensor = vmap(self.predict)(vectors, *inputs)
        return found

    def all_outputs(self, vectors: torch.Tensor, *inputs: torch.Tensor) -> torch.Tensor:
        """Return the outputs (M, B, ...) of all tasks by each of some vectors (M, P), if the net takes many tasks."""
        found: torch.Tensor = vmap(self.predict, in_dims=(0, *(None for _ in inputs)))(vectors, *inputs)
        return found

    def losses(self, vectors: torch.Tensor, loss: TaskLoss, data: Data) -> torch.Tensor:
        """Return the losses (B,) of tasks by their vectors (B, P)."""

        def of_one(vector: torch.Tensor, own: Data) -> torch.Tensor:
            return loss(partial(self.predict, vector), own)

        found: torch.Tensor = vmap(of_one)(vectors, data)
        return found

    def adapt(
        self, rule: Rule, loss: TaskLoss, support: Data, n_steps: int, *, is_first_order: bool = False
    ) -> torch.Tensor:
        """Return the vectors (B, P) of tasks after steps from the start on what is told of each."""
        starts = self.start.expand(len(support[0]), -1)
        return descend(lambda at: self.losses(at, loss, support), starts, rule, n_steps, is_first_order=is_first_order)


def pulled(start: torch.Tensor, adapted: torch.Tensor) -> torch.Tensor:
    """Return a scalar whose slope leads a start (P,) to the mean of where tasks ended, (B, P): Reptile.

    References
    ----------
    Nichol, A., Achiam, J., Schulman, J. (2018). On first-order meta-learning algorithms.
    https://doi.org/10.48550/arXiv.1803.02999
    """
    return 0.5 * ((start - adapted.detach().mean(dim=0)) ** 2).sum()
