"""A memory of tasks outside of a net: what is stored is read by likeness, and more can join at any time.

Shapes: M stored tasks, N points, C numbers that describe a task before any result, H heads; B tasks that ask, S places
of their support sets.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn

from autometa.fewshot.nets import tensors
from autometa.fewshot.tasks import Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Memory:
    """Stored tasks.

    Parameters
    ----------
    keys : ndarray of shape (M, C)
        The tasks before any result.
    values : ndarray of shape (M, N)
        Their costs at all points; NaN = not tried.
    names : tuple of str, M of them
        Fingerprints, each once.
    families : tuple of str, M of them
        Of the tasks.

    Examples
    --------
    >>> empty = Memory(keys=np.zeros((0, 2)), values=np.zeros((0, 3)), names=(), families=())
    >>> one = empty.with_tasks(np.ones((1, 2)), np.zeros((1, 3)), ["a"], ["family"])
    >>> one.n_tasks, one.with_tasks(np.ones((1, 2)), np.ones((1, 3)), ["a"], ["family"]).values.tolist()
    (1, [[1.0, 1.0, 1.0]])
    """

    keys: Floats = field(repr=False)
    values: Floats = field(repr=False)
    names: tuple[str, ...] = field(repr=False)
    families: tuple[str, ...] = field(repr=False)

    @property
    def n_tasks(self) -> int:
        """M."""
        return len(self.names)

    def with_tasks(self, keys: Floats, values: Floats, names: Sequence[str], families: Sequence[str]) -> Self:
        """Return a memory that has some tasks more; one that is stored already gives way to what is known of it now."""
        is_kept = np.array([name not in set(names) for name in self.names], dtype=bool)
        kept = np.flatnonzero(is_kept)
        return type(self)(
            keys=np.vstack([self.keys[kept], keys]).astype(np.float32),
            values=np.vstack([self.values[kept], values]).astype(np.float32),
            names=(*(self.names[row] for row in kept), *names),
            families=(*(self.families[row] for row in kept), *families),
        )

    def shown_to(self, families: Sequence[str]) -> np.ndarray:
        """Return which tasks are of another family than each that asks: ndarray of bool, (B, M)."""
        own = np.array(self.families, dtype=object)
        return np.array([own != family for family in families], dtype=bool).reshape(len(families), self.n_tasks)

    def tensors(self, device: str) -> tuple[Tensor, Tensor]:
        """Return keys and values, (M, C) and (M, N)."""
        keys, values = tensors(device, self.keys, self.values)
        return keys, values


class Reader(nn.Module):
    """Reads a memory: each head weighs the stored tasks by likeness, and tells mean and spread of their values.

    Tasks are alike whose keys are near, on axes that each head learns, and whose values go up and down as the results
    do that are there already, whatever the level.

    Parameters
    ----------
    n_contexts : int
        C.
    n_heads : int
        H.
    n_axes : int
        On which keys are compared, of each head.
    drop : float
        Share of the stored tasks that are hidden in training, drawn anew each time.

    References
    ----------
    Vinyals, O., Blundell, C., Lillicrap, T., Kavukcuoglu, K., Wierstra, D. (2016). Matching networks for one shot
    learning. NeurIPS. https://doi.org/10.48550/arXiv.1606.04080
    Santoro, A., Bartunov, S., Botvinick, M., Wierstra, D., Lillicrap, T. (2016). Meta-learning with memory-augmented
    neural networks. ICML. https://doi.org/10.48550/arXiv.1605.06065
    """

    def __init__(self, n_contexts: int, *, n_heads: int = 4, n_axes: int = 16, drop: float = 0.2) -> None:
        super().__init__()
        self.axes = nn.Parameter(torch.randn(n_heads, n_contexts, n_axes) / max(n_contexts, 1) ** 0.5)
        # How far keys, and results, may differ: by heads that range from strict to lenient.
        self.log_reach = nn.Parameter(torch.linspace(0.0, 2.0, n_heads))
        self.log_error = nn.Parameter(torch.linspace(-1.5, 0.0, n_heads))
        self.drop = drop

    @property
    def n_heads(self) -> int:
        """H."""
        return len(self.log_reach)

    def forward(self, contexts: Tensor, told: "Results | None", memory: tuple[Tensor, Tensor], is_shown: Tensor) -> Tensor:
        """Return what the heads read, (B, 2 H, N): means over the stored tasks, and standard deviations.

        Parameters
        ----------
        contexts : Tensor of shape (B, C)
            What asks.
        told : Results, optional
            What came of the tasks that ask.
        memory : tuple of Tensor, (M, C) and (M, N)
            Keys and values; NaN = not tried.
        is_shown : Tensor of bool, shape (B, M)
            What may be read.
        """
        keys, values = memory
        is_tried = ~values.isnan()
        values = values.nan_to_num()
        near = self._squares(contexts, keys) * (-2.0 * self.log_reach).exp()[:, None]
        logits = -0.5 * near
        if told is not None:
            logits = logits - 0.5 * told.misfits(values, is_tried)[:, None] * (-2.0 * self.log_error).exp()[:, None]
        if self.training and self.drop > 0:
            is_shown = is_shown & (torch.rand(is_shown.shape, device=is_shown.device) >= self.drop)
        logits = logits.masked_fill(~is_shown[:, None], -1e9)
        weights = torch.softmax(logits, dim=2) * is_shown[:, None]  # (B, H, M)
        # Two hundredths of a task that is bad at all: so that what no task tried is unknown.
        total = weights @ is_tried.to(values.dtype) + 0.02
        mean = (weights @ values + 0.02) / total
        squares = (weights @ values**2 + 0.02) / total
        return torch.cat([mean, (squares - mean**2).clamp_min(1e-6).sqrt()], dim=1)

    def _squares(self, contexts: Tensor, keys: Tensor) -> Tensor:
        """Return the squared distances between contexts and keys on the axes of each head, (B, H, M)."""
        asking, stored = contexts @ self.axes, keys @ self.axes  # (H, B, E), (H, M, E)
        squares = (asking**2).sum(2)[:, :, None] + (stored**2).sum(2)[:, None] - 2.0 * asking @ stored.mT
        return squares.clamp_min(0.0).transpose(0, 1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Results:
    """What came of tasks so far.

    Parameters
    ----------
    rows : Tensor of int, shape (B, S)
        Points, of N.
    values : Tensor of shape (B, S)
        Results above the least.
    is_told : Tensor of bool, shape (B, S)
        Whether there is one.
    """

    rows: Tensor = field(repr=False)
    values: Tensor = field(repr=False)
    is_told: Tensor = field(repr=False)

    def misfits(self, stored: Tensor, is_tried: Tensor) -> Tensor:
        """Return how far stored values (M, N) differ from the results, whatever the level: sums of squares, (B, M).

        What was not tried of a stored task differs as it usually does.
        """
        known = stored[:, self.rows].transpose(0, 1)  # (B, M, S)
        both = (is_tried[:, self.rows].transpose(0, 1) & self.is_told[:, None]).to(stored.dtype)
        left = (self.values[:, None] - known) * both
        left = (left - left.sum(2, keepdim=True) / both.sum(2, keepdim=True).clamp_min(1.0)) * both
        squares = left**2
        usual = squares.sum(1, keepdim=True) / both.sum(1, keepdim=True).clamp_min(1.0)
        return torch.where(both > 0, squares, usual * self.is_told[:, None]).sum(2)
