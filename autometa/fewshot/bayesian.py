"""Bayesian MAML: many starts that are adapted together and keep apart, so that they agree on what is known alone.

Shapes: B tasks, M particles, P parameters that are adapted, Q configurations asked for.
"""

import math

import torch

from autometa.fewshot.adapting import Data, LearnedRates, Rule
from autometa.fewshot.gradient import GradientLearner
from autometa.fewshot.predicting import LAST_LAYERS, mean_loss

N_PARTICLES = 5
_APART = 0.3  # standard deviation of the offsets of a start, over the root of their number
_SURPRISE = 0.02  # weight of the likelihood beside the loss of the mean


class Stein(Rule):
    """Stein variational gradient descent: particles go downhill on what all see, and push one another away.

    Parameters
    ----------
    n_particles, n_parameters : int
        M and P.
    rate : float
        Of all parameters, at first; rates, and how strongly particles push, are learned.

    References
    ----------
    Liu, Q., Wang, D. (2016). Stein variational gradient descent: a general purpose Bayesian inference algorithm.
    NeurIPS. https://doi.org/10.48550/arXiv.1608.04471

    Examples
    --------
    >>> two = torch.tensor([[0.0], [1.0]])
    >>> apart, _ = Stein(2, 1, 0.1)(two, torch.zeros(2, 1), None)
    >>> bool(apart[1] - apart[0] > 1)
    True
    """

    def __init__(self, n_particles: int, n_parameters: int, rate: float) -> None:
        super().__init__()
        self.n_particles = n_particles
        self.descent = LearnedRates(n_parameters, rate, is_learned=True)
        self.log_push = torch.nn.Parameter(torch.tensor(math.log(1e-2)))

    def forward(self, values: torch.Tensor, gradients: torch.Tensor, memory: None) -> tuple[torch.Tensor, None]:
        """Return the next values, (B * M, P) as those given."""
        at = values.reshape(-1, self.n_particles, values.shape[-1])
        slopes = gradients.reshape(at.shape)
        differences = at[:, :, None, :] - at[:, None, :, :]
        squares = (differences**2).sum(-1)
        n_pairs = self.n_particles * (self.n_particles - 1)
        width = squares.detach().sum(dim=(1, 2)) / n_pairs / math.log(self.n_particles + 1.0) + 1e-6
        kernel = torch.exp(-squares / width[:, None, None])
        push = (2.0 / width)[:, None, None] * (kernel[..., None] * differences).sum(2)
        moves = (torch.exp(self.log_push) * push - kernel @ slopes) / self.n_particles
        return values + self.descent.rates * moves.reshape(values.shape), None


class Particles(Rule):
    """Where particles start beside the net's own start, how they move, and the variance of costs about what they say.

    That variance, one for all costs, serves training alone: there it weighs errors against how far particles disagree.
    What is left about the particles is not predicted by it, but by what is left on families kept aside, of which it is
    known how it differs from one configuration to another and falls with the number of runs.

    Parameters
    ----------
    n_parameters : int
        P.
    """

    def __init__(self, n_parameters: int) -> None:
        super().__init__()
        self.offsets = torch.nn.Parameter(_APART * torch.randn(N_PARTICLES, n_parameters) / n_parameters**0.5)
        self.stein = Stein(N_PARTICLES, n_parameters, 0.04)
        self.log_noise = torch.nn.Parameter(torch.tensor(math.log(0.05)))

    def forward(self, values: torch.Tensor, gradients: torch.Tensor, memory: None) -> tuple[torch.Tensor, None]:
        """Return the next values, (B * M, P) as those given."""
        moved: tuple[torch.Tensor, None] = self.stein(values, gradients, memory)
        return moved


class BayesianMaml(GradientLearner):
    """Expects costs by particles of the last layers, adapted together; where they disagree, little is known.

    The original learns by a chaser loss: how far the particles are from where more steps, on all of a task, lead them.
    Here they learn as in MAML, by how far costs that were not told are off: the loss of the particles' mean, and with
    little weight the likelihood under a normal distribution of their mean and variance.

    References
    ----------
    Yoon, J., Kim, T., Dia, O., Kim, S., Bengio, Y., Ahn, S. (2018). Bayesian model-agnostic meta-learning. NeurIPS.
    https://doi.org/10.48550/arXiv.1806.03836

    Examples
    --------
    >>> BayesianMaml().name
    'bayesian_maml'
    """

    name = "bayesian_maml"
    adapted = LAST_LAYERS

    def _rule(self, n_parameters: int) -> Particles:
        return Particles(n_parameters)

    @property
    def _particles(self) -> Particles:
        """The rule, which knows where particles start."""
        if not isinstance(self.rule_, Particles):
            raise TypeError(f"particles are moved by Particles, got {type(self.rule_).__name__}")
        return self.rule_

    def _starts(self) -> torch.Tensor:
        return self.net_.start + self._particles.offsets

    def _loss(self, support: Data, query: Data) -> torch.Tensor:
        points, contexts, usual, costs, is_asked = query
        outputs = self._outputs(support, points, contexts)
        mean, variance = usual + outputs.mean(dim=0), outputs.var(dim=0) + torch.exp(self._particles.log_noise)
        surprise = 0.5 * (torch.log(variance) + (mean - costs) ** 2 / variance)
        surprise = (is_asked * surprise).sum(-1) / is_asked.sum(-1).clamp(min=1.0)
        return mean_loss(mean, costs, is_asked) + _SURPRISE * surprise
