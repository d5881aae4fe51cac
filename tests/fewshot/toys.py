"""Families of small tasks from the papers: sinusoids, quadratics, functions of one number."""

import math
from collections.abc import Callable, Sequence

import torch

from autometa.fewshot.adapting import Adaptable, Data, Predict, Rule, pulled
from autometa.fewshot.devices import seeded
from autometa.fewshot.training import Effort, train

N_INNER = 5
N_TOLD = 10


def sinusoids(n_tasks: int, n_points: int, generator: torch.Generator) -> Data:
    """Return x and y (B, n, 1) of sinusoids, amplitude 0.1 to 5, phase 0 to pi: Finn et al. (2017), section 5.1."""
    amplitude = 0.1 + 4.9 * torch.rand(n_tasks, 1, 1, generator=generator)
    phase = math.pi * torch.rand(n_tasks, 1, 1, generator=generator)
    x = 10.0 * torch.rand(n_tasks, n_points, 1, generator=generator) - 5.0
    return x, amplitude * torch.sin(x - phase)


def squared(predict: Predict, data: Data) -> torch.Tensor:
    """Return the mean squared error on the points of one sinusoid."""
    x, y = data
    return ((predict(x) - y) ** 2).mean()


def parted(data: Data, n_told: int) -> tuple[Data, Data]:
    """Return the first points of each task, and the others."""
    x, y = data
    return (x[:, :n_told], y[:, :n_told]), (x[:, n_told:], y[:, n_told:])


def regressor(names: Sequence[str] = ("",)) -> Adaptable:
    """Return the net of Finn et al., two layers of 40, of which some parameters are adapted."""
    relu = torch.nn.ReLU
    return Adaptable(
        torch.nn.Sequential(torch.nn.Linear(1, 40), relu(), torch.nn.Linear(40, 40), relu(), torch.nn.Linear(40, 1)),
        names,
    )


def learned(
    make_rule: Callable[[int], Rule],
    *,
    n_steps: int,
    rate: float,
    is_first_order: bool = False,
    is_drawn_together: bool = False,
    n_inner: int = N_INNER,
    names: Sequence[str] = ("",),
) -> tuple[Adaptable, Rule]:
    """Return a net, and a rule, that have learned to adapt to sinusoids; without inner steps, to fit all at once."""
    with seeded(0):
        net = regressor(names)
        rule = make_rule(net.n_parameters)
        draw = torch.Generator().manual_seed(1)

        def step_loss() -> torch.Tensor:
            told, asked = parted(sinusoids(25, 2 * N_TOLD, draw), N_TOLD)
            if is_drawn_together:
                return pulled(net.start, net.adapt(rule, squared, told, n_inner, is_first_order=True))
            vectors = net.adapt(rule, squared, told, n_inner, is_first_order=is_first_order)
            return net.losses(vectors, squared, asked).mean()

        effort = Effort(n_rounds=1, n_steps=n_steps, patience=1, learning_rate=rate)
        train(torch.nn.ModuleList([net, rule]), step_loss, _always_better(), effort)
    return net, rule


def adapted_error(net: Adaptable, rule: Rule, n_told: int, n_inner: int) -> float:
    """Return the mean squared error on new sinusoids after steps on a few points of each."""
    told, asked = parted(sinusoids(200, n_told + 50, torch.Generator().manual_seed(99)), n_told)
    with seeded(0), torch.no_grad():
        vectors = net.adapt(rule, squared, told, n_inner)
        return float(net.losses(vectors, squared, asked).mean())


def _always_better() -> Callable[[], float]:
    """Return a loss that falls whenever it is asked for: nothing is kept aside, the last weights stay."""
    count = iter(range(10**6))
    return lambda: float(-next(count))


def quadratics(n_tasks: int, n_numbers: int, generator: torch.Generator) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return losses |W x - y|^2 of values (B, P), W and y drawn: Andrychowicz et al. (2016), section 3.1."""
    weights = torch.randn(n_tasks, n_numbers, n_numbers, generator=generator)
    targets = torch.randn(n_tasks, n_numbers, generator=generator)
    return lambda values: (((weights @ values[:, :, None]).squeeze(-1) - targets) ** 2).sum(dim=1)
