"""The learned optimiser: on the quadratics of the paper, and on sinusoids."""

import math

import pytest
import torch

from autometa.fewshot.adapting import LearnedRates, descend
from autometa.fewshot.devices import seeded
from autometa.fewshot.optimiser import LearnedOptimiser, preprocessed
from tests.fewshot.toys import adapted_error, learned, quadratics

N_NUMBERS = 10
N_UPDATES = 40
RATES = tuple(10.0 ** (power / 3.0) for power in range(-9, 1))


def trained_optimiser() -> LearnedOptimiser:
    """Return an LSTM trained on quadratics, 20 steps of the way at a time."""
    with seeded(0):
        rule, draw = LearnedOptimiser(), torch.Generator().manual_seed(3)
        optimiser = torch.optim.Adam(rule.parameters(), lr=5e-3)
        for _ in range(120):
            loss = quadratics(32, N_NUMBERS, draw)
            values = torch.randn(32, N_NUMBERS, generator=draw)
            memory = rule.begin(values)
            for _ in range(N_UPDATES // 20):
                total = torch.zeros(())
                for _ in range(20):
                    at = values.detach().requires_grad_()
                    (slopes,) = torch.autograd.grad(loss(at).sum(), at)
                    values, memory = rule(values, slopes, memory)
                    total = total + loss(values).mean()
                optimiser.zero_grad()
                total.backward()  # type: ignore[no-untyped-call] # torch has no annotation for it
                torch.nn.utils.clip_grad_norm_(rule.parameters(), 1.0)
                optimiser.step()
                values = values.detach()
                memory = type(memory)(*((first.detach(), second.detach()) for first, second in memory))
        return rule


def tuned(make: type[torch.optim.Optimizer]) -> float:
    """Return the mean loss on held-out quadratics after as many steps, by the best of many rates."""
    return min(held_out(lambda at, rate=rate: make([at], lr=rate)) for rate in RATES)  # type: ignore[call-arg] # as of Adam and SGD


def held_out(make: object) -> float:
    """Return the mean loss on held-out quadratics after steps of an optimiser of torch."""
    draw = torch.Generator().manual_seed(77)
    loss, values = quadratics(100, N_NUMBERS, draw), torch.randn(100, N_NUMBERS, generator=draw).requires_grad_()
    optimiser = make(values)  # type: ignore[operator]
    for _ in range(N_UPDATES):
        optimiser.zero_grad()
        loss(values).sum().backward()  # type: ignore[no-untyped-call] # torch has no annotation for it
        optimiser.step()
    found = float(loss(values.detach()).mean())
    return found if math.isfinite(found) else math.inf


def test_a_learned_optimiser_is_ahead_of_tuned_ones_on_new_quadratics() -> None:
    rule, draw = trained_optimiser(), torch.Generator().manual_seed(77)
    loss, values = quadratics(100, N_NUMBERS, draw), torch.randn(100, N_NUMBERS, generator=draw)
    with torch.no_grad():
        found = float(loss(descend(loss, values, rule, N_UPDATES, is_first_order=True)).mean())
    sgd, adam = tuned(torch.optim.SGD), tuned(torch.optim.Adam)
    assert found < 0.9 * adam
    assert found < 0.9 * sgd


def test_a_learned_optimiser_adapts_to_a_sinusoid_from_few_points() -> None:
    net, rule = learned(lambda n: LearnedOptimiser(), n_steps=400, rate=5e-3, names=["4."])
    plain, _ = learned(lambda n: LearnedRates(n, 0.02), n_steps=300, rate=3e-3, n_inner=0)
    for n_told, share in ((5, 0.7), (10, 0.5)):
        joint = adapted_error(plain, LearnedRates(plain.n_parameters, 0.02), n_told, 0)
        assert adapted_error(net, rule, n_told, 5) < share * joint


def test_gradients_are_told_apart_whatever_their_size() -> None:
    gradients = torch.tensor([1.0, -math.exp(-5.0), 0.0, math.exp(-12.0)])
    expected = [[0.0, 1.0], [-0.5, -1.0], [-1.0, 0.0], [-1.0, math.exp(-2.0)]]
    assert preprocessed(gradients).tolist() == [pytest.approx(row, abs=1e-5) for row in expected]


def test_every_coordinate_is_treated_alike() -> None:
    with seeded(0):
        rule = LearnedOptimiser()
    values, gradients = torch.zeros(2, 3), torch.tensor([[1.0, 2.0, 1.0], [2.0, 1.0, 3.0]])
    after, _ = rule(values, gradients, rule.begin(values))
    assert after[0, 0] == after[0, 2] == after[1, 1]
    assert after[0, 1] == after[1, 0] != after[0, 0]
