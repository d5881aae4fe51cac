"""Meta-training: steps on drawn episodes until families that are kept aside gain no more."""

import copy
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from autometa.errors import OptionError

_log = logging.getLogger(__name__)

# Told after each round: its number, the loss on what was learned from, and on what was kept aside.
Report = Callable[[int, float, float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How long meta-training goes on.

    Parameters
    ----------
    n_rounds : int
        Most rounds; after each the families that are kept aside are looked at.
    n_steps : int
        Steps of a round.
    patience : int
        Rounds without a gain on the families kept aside, after which it ends.
    learning_rate : float
        Of Adam, at first; it falls to a tenth along a cosine over the most rounds.
    n_episodes : int
        Episodes of a step.
    device : str
        "cpu", "cuda" or "mps".

    Raises
    ------
    OptionError
        If a number is not positive.
    """

    n_rounds: int = 40
    n_steps: int = 50
    patience: int = 6
    learning_rate: float = 1e-3
    n_episodes: int = 32
    device: str = "cpu"

    def __post_init__(self) -> None:
        numbers = (self.n_rounds, self.n_steps, self.patience, self.learning_rate, self.n_episodes)
        if min(numbers) <= 0:
            raise OptionError(f"the numbers of an effort are positive, got {self}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """What became of a training.

    Parameters
    ----------
    n_rounds : int
        Rounds that were made.
    best_round : int
        The one whose weights were kept.
    loss : float
        On the families kept aside, with these weights.
    seconds : float
        Time that it took.
    """

    n_rounds: int
    best_round: int
    loss: float
    seconds: float


def train(
    module: torch.nn.Module,
    step_loss: Callable[[], torch.Tensor],
    kept_loss: Callable[[], float],
    effort: Effort,
    report: Report | None = None,
) -> Trained:
    """Train a module in place, and leave it with the weights that were best on what was kept aside.

    Parameters
    ----------
    module : Module
        What learns.
    step_loss : callable
        Draws episodes and returns their loss, a scalar to go downhill from.
    kept_loss : callable
        Returns the loss on what was kept aside, by the weights at hand.
    effort : Effort
        How long.
    report : callable, optional
        See `Report`.
    """
    began = time.monotonic()
    optimiser = torch.optim.Adam(module.parameters(), lr=effort.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
        optimiser, T_max=effort.n_rounds * effort.n_steps, eta_min=0.1 * effort.learning_rate
    )
    best_loss, best_round, best = _kept(module, kept_loss), 0, copy.deepcopy(module.state_dict())
    n_done = n_skipped = 0
    for number in range(1, effort.n_rounds + 1):
        module.train()
        total = 0.0
        for _ in range(effort.n_steps):
            optimiser.zero_grad()
            loss = step_loss()
            loss.backward()  # type: ignore[no-untyped-call] # torch has no annotation for it
            norm = torch.nn.utils.clip_grad_norm_(module.parameters(), 5.0)
            if torch.isfinite(norm):  # one step that is no number would leave nothing of the weights
                optimiser.step()
            else:
                n_skipped += 1
            schedule.step()
            total += float(loss.detach())
        n_done = number
        kept = _kept(module, kept_loss)
        if report is not None:
            report(number, total / effort.n_steps, kept)
        if kept < best_loss:
            best_loss, best_round, best = kept, number, copy.deepcopy(module.state_dict())
        elif number - best_round >= effort.patience:
            break
    if n_skipped:
        _log.warning(
            "%d of %d steps were left out, since their gradients were no numbers", n_skipped, n_done * effort.n_steps
        )
    module.load_state_dict(best)
    module.eval()
    return Trained(n_rounds=n_done, best_round=best_round, loss=best_loss, seconds=time.monotonic() - began)


def _kept(module: torch.nn.Module, kept_loss: Callable[[], float]) -> float:
    """Return the loss on what was kept aside; a loss that is no number is no gain."""
    module.eval()
    loss = kept_loss()
    return loss if math.isfinite(loss) else math.inf
