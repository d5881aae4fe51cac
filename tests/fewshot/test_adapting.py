"""Adaptation of any net: on the sinusoids of the papers, and by hand."""

import pytest
import torch

from autometa.fewshot.adapting import Adaptable, LearnedRates, descend, pulled
from tests.fewshot.toys import adapted_error, learned, squared


@pytest.fixture(scope="module")
def joint_errors() -> dict[int, float]:
    """Return what a net that was trained on all sinusoids at once is off, after five and ten points."""
    net, _ = learned(lambda n: LearnedRates(n, 0.02), n_steps=300, rate=3e-3, n_inner=0)
    rule = LearnedRates(net.n_parameters, 0.02)
    return {n: min(adapted_error(net, rule, n, n_inner) for n_inner in (0, 1, 5, 10)) for n in (5, 10)}


def test_maml_adapts_to_a_sinusoid_from_few_points(joint_errors: dict[int, float]) -> None:
    net, rule = learned(lambda n: LearnedRates(n, 0.02, is_learned=True), n_steps=400, rate=4e-3)
    errors = {n: adapted_error(net, rule, n, 5) for n in (5, 10)}
    assert errors[5] < 0.5 * joint_errors[5]
    assert errors[10] < 0.35 * joint_errors[10]


def test_first_order_maml_adapts_to_a_sinusoid_from_few_points(joint_errors: dict[int, float]) -> None:
    net, rule = learned(lambda n: LearnedRates(n, 0.02, is_learned=True), n_steps=500, rate=3e-3, is_first_order=True)
    errors = {n: adapted_error(net, rule, n, 5) for n in (5, 10)}
    assert errors[5] < 0.6 * joint_errors[5]
    assert errors[10] < 0.4 * joint_errors[10]


def test_reptile_adapts_to_a_sinusoid_from_few_points(joint_errors: dict[int, float]) -> None:
    net, rule = learned(lambda n: LearnedRates(n, 0.02), n_steps=350, rate=5e-3, is_drawn_together=True, n_inner=8)
    errors = {n: adapted_error(net, rule, n, 32) for n in (5, 10)}
    assert errors[5] < 0.7 * joint_errors[5]
    assert errors[10] < 0.4 * joint_errors[10]


def test_second_order_slopes_are_those_of_the_whole_way() -> None:
    # loss (v - a)^2 from start s by one step of rate r: v = s - 2 r (s - a); d/ds (v - b)^2 = 2 (v - b) (1 - 2 r).
    start = torch.tensor([[3.0]], requires_grad=True)
    for is_first_order, factor in ((False, 1.0 - 2 * 0.1), (True, 1.0)):
        end = descend(lambda v: ((v - 1.0) ** 2).sum(1), start, LearnedRates(1, 0.1), 1, is_first_order=is_first_order)
        assert end.item() == pytest.approx(3.0 - 0.1 * 4.0)
        (slope,) = torch.autograd.grad(((end - 2.0) ** 2).sum(), start)
        assert slope.item() == pytest.approx(2 * 0.6 * factor)


def test_a_loss_that_holds_the_start_is_not_descended_by_moving_it() -> None:
    # loss (v - 2 s)^2 from v = s by one step of rate r: its slope in v is -2 s, not the 2 s of s moving along.
    start = torch.tensor([[3.0]], requires_grad=True)
    end = descend(lambda v: ((v - 2.0 * start) ** 2).sum(1), start, LearnedRates(1, 0.1), 1)
    assert end.item() == pytest.approx(3.0 + 0.2 * 3.0)
    (slope,) = torch.autograd.grad(end.sum(), start)
    assert slope.item() == pytest.approx(1.2)


@pytest.mark.parametrize("is_first_order", [False, True])
def test_a_loss_is_measured_once_a_step(is_first_order: bool) -> None:
    asked: list[torch.Tensor] = []

    def loss(values: torch.Tensor) -> torch.Tensor:
        asked.append(values)
        return (values**2).sum(1)

    start = torch.ones(2, 3, requires_grad=True)
    descend(loss, start, LearnedRates(3, 0.1), 4, is_first_order=is_first_order)
    assert len(asked) == 4


def test_without_slopes_to_follow_nothing_of_a_step_is_recorded() -> None:
    start, scale = torch.ones(1, 2, requires_grad=True), torch.tensor(2.0, requires_grad=True)
    ends = [
        descend(lambda v: (scale * v**2).sum(1), start, LearnedRates(2, 0.1), 2, is_first_order=is_first_order)
        for is_first_order in (False, True)
    ]
    assert torch.equal(*ends)
    reached = [torch.autograd.grad(end.sum(), scale, materialize_grads=True)[0].item() for end in ends]
    assert reached[0] < 0.0
    assert reached[1] == 0.0
    with torch.no_grad():
        assert torch.equal(descend(lambda v: (scale * v**2).sum(1), start, LearnedRates(2, 0.1), 2), ends[0])


def test_reptile_pulls_a_start_to_the_mean_of_the_ends() -> None:
    start = torch.tensor([0.0, 1.0], requires_grad=True)
    (slope,) = torch.autograd.grad(pulled(start, torch.tensor([[1.0, 1.0], [3.0, 0.0]])), start)
    assert slope.tolist() == pytest.approx([-2.0, 0.5])


def test_adaptation_leaves_the_net_as_it_was_and_tasks_do_not_meet() -> None:
    net = Adaptable(torch.nn.Linear(1, 1))
    before = net.start.detach().clone()
    x, y = torch.ones(2, 4, 1), torch.stack([torch.zeros(4, 1), torch.ones(4, 1)])
    both = net.adapt(LearnedRates(2, 0.1), squared, (x, y), 3)
    alone = net.adapt(LearnedRates(2, 0.1), squared, (x[1:], y[1:]), 3)
    assert torch.equal(net.start, before)
    assert torch.allclose(both[1:], alone)
    assert not torch.allclose(both[0], both[1])


def test_parameters_that_are_not_named_are_not_adapted() -> None:
    net = Adaptable(torch.nn.Sequential(torch.nn.Linear(1, 3), torch.nn.Linear(3, 1)), ["1."])
    assert net.n_parameters == 4
    assert set(net.shapes) == {"1.weight", "1.bias"}
