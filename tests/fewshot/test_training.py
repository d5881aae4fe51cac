"""Training keeps the best weights, and survives a step whose gradients are no numbers."""

import logging

import pytest
import torch

from autometa.errors import OptionError
from autometa.fewshot.training import Effort, train


class Slope(torch.nn.Module):
    """One number, to be brought to 1."""

    def __init__(self) -> None:
        super().__init__()
        self.at = torch.nn.Parameter(torch.zeros(()))

    def loss(self) -> torch.Tensor:
        return (self.at - 1.0) ** 2


def test_a_step_without_numbers_is_left_out_and_told(caplog: pytest.LogCaptureFixture) -> None:
    module = Slope()
    steps = iter(range(100))
    with caplog.at_level(logging.WARNING):
        trained = train(
            module,
            lambda: module.loss() * (float("nan") if next(steps) == 3 else 1.0),
            lambda: float(module.loss().detach()),
            Effort(n_rounds=4, n_steps=25, learning_rate=0.05),
        )
    assert trained.loss < 0.01
    assert module.at.item() == pytest.approx(1.0, abs=0.1)
    assert "1 of 100 steps were left out" in caplog.text


def test_the_best_weights_stay_and_a_loss_that_is_no_number_is_no_gain() -> None:
    module = Slope()
    losses = iter([1.0, 0.5, float("nan"), 0.7, 0.6])
    seen = []

    def kept_loss() -> float:
        seen.append(module.at.item())
        return next(losses)

    trained = train(module, module.loss, kept_loss, Effort(n_rounds=9, n_steps=1, patience=3))
    assert (trained.n_rounds, trained.best_round, trained.loss) == (4, 1, 0.5)
    assert module.at.item() == seen[1]


def test_an_effort_is_positive() -> None:
    with pytest.raises(OptionError, match="are positive"):
        Effort(n_rounds=0)
