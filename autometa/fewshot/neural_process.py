"""A transformer neural process that reads a memory of tasks, and the recommender that it makes.

Shapes: B tasks, N points, D numbers that describe one, C numbers that describe a task before any result, R numbers that
are read from a memory at a point; S places of a support set, Q of a query set, E the width of the tokens.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from autometa.fewshot.kriging import Costs


class Tokens(NamedTuple):
    """Points of some tasks, and what is known there.

    points : Tensor of shape (B, n, D)
    read : Tensor of shape (B, n, R)
        What a memory says; the first of it is what the mean sets out from.
    """

    points: Tensor
    read: Tensor


class Block(nn.Module):
    """Attention of all tokens to the context tokens, and a hidden layer."""

    def __init__(self, width: int, n_heads: int) -> None:
        super().__init__()
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, n_heads, batch_first=True)
        self.hidden = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, context: Tensor, query: Tensor, is_absent: Tensor) -> tuple[Tensor, Tensor]:
        """Return context tokens (B, S + 1, E) and query tokens (B, Q, E) after the block."""
        n_context = context.shape[1]
        tokens = torch.cat([context, query], dim=1)
        normal = self.before(tokens)
        seen = normal[:, :n_context]
        # No query sees another, so that what is expected at a point does not depend on what else is asked for.
        tokens = tokens + self.attention(normal, seen, seen, key_padding_mask=is_absent, need_weights=False)[0]
        tokens = tokens + self.hidden(self.between(tokens))
        return tokens[:, :n_context], tokens[:, n_context:]


class TransformerProcess(nn.Module):
    """A neural process: from results at some points of a task, mean and variance at others.

    Results and queries are tokens; all attend to the results, and to a token of the task itself. The tokens know what a
    memory says at their points; the net corrects what is first of that, from nothing at first.

    Parameters
    ----------
    n_numbers, n_contexts, n_read : int
        D, C and R.
    width : int
        E.
    n_blocks, n_heads : int
        Of the transformer.

    Attributes
    ----------
    drop : float
        Share of tasks whose context is hidden in training.

    References
    ----------
    Nguyen, T., Grover, A. (2022). Transformer neural processes: uncertainty-aware meta learning via sequence modeling.
    ICML (the diagonal variant). https://doi.org/10.48550/arXiv.2207.04179

    Examples
    --------
    >>> _ = torch.manual_seed(0)
    >>> process = TransformerProcess(n_numbers=1)
    >>> points = Tokens(torch.zeros(2, 3, 1), torch.zeros(2, 3, 0))
    >>> is_told = torch.ones(2, 3, dtype=torch.bool)
    >>> process(points, torch.zeros(2, 3), is_told, points, torch.zeros(2, 0)).mean.shape
    torch.Size([2, 3])
    """

    drop = 0.3

    def __init__(
        self,
        n_numbers: int,
        n_contexts: int = 0,
        n_read: int = 0,
        *,
        width: int = 64,
        n_blocks: int = 3,
        n_heads: int = 4,
    ) -> None:
        super().__init__()
        self.points = nn.Linear(n_numbers + n_read, width)
        self.result = nn.Linear(2, width)
        self.task = nn.Linear(n_contexts + 1, width)
        self.blocks = nn.ModuleList(Block(width, n_heads) for _ in range(n_blocks))
        self.last = nn.LayerNorm(width)
        self.correction = nn.Linear(width, 1)
        self.spread = nn.Linear(width, 1)
        for layer in (self.correction, self.spread):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        nn.init.constant_(self.spread.bias, -1.2)

    def forward(self, support: Tokens, values: Tensor, is_told: Tensor, query: Tokens, contexts: Tensor) -> Costs:
        """Return the costs that are expected.

        Parameters
        ----------
        support, query : Tokens of (B, S) and (B, Q) points
            What was measured, and what is asked for.
        values : Tensor of shape (B, S)
            Results.
        is_told : Tensor of bool, shape (B, S)
            Whether there is one.
        contexts : Tensor of shape (B, C)
            The tasks before any result.
        """
        one = torch.ones_like(contexts[:, :1]) if contexts.shape[1] else values.new_ones(len(values), 1)
        if self.training and contexts.shape[1]:
            contexts = contexts * (torch.rand(len(contexts), 1, device=contexts.device) >= self.drop)
        told = self.result(torch.stack([values, torch.ones_like(values)], dim=2))
        context = torch.cat(
            [self.task(torch.cat([contexts, one], dim=1))[:, None], self.points(torch.cat(support, dim=2)) + told],
            dim=1,
        )
        tokens = self.points(torch.cat(query, dim=2))
        is_absent = torch.cat([~one.bool(), ~is_told], dim=1)
        for block in self.blocks:
            context, tokens = block(context, tokens, is_absent)
        out = self.last(tokens)
        start = query.read[..., 0] if query.read.shape[2] else 0.0
        mean = start + self.correction(out)[..., 0]
        return Costs(mean, nn.functional.softplus(self.spread(out)[..., 0]) ** 2 + 1e-5)
