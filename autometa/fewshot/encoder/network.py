"""The encoder in torch, for training.

Shapes: B tasks, R rows, P pairs of a column and a class, F channels, H hidden units, C numbers of meta-features, Z
numbers of an embedding.
"""

from dataclasses import asdict, dataclass

from torch import Tensor, nn

from autometa.embedding import EMBEDDING_SIZE
from autometa.errors import OptionError
from autometa.fewshot.encoder.tables import N_CHANNELS


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How large an encoder is.

    Parameters
    ----------
    n_numbers : int
        C.
    n_hidden : int
        H, of both branches.
    dropout : float
        Share of the numbers, and of the hidden units, of meta-features that are left out in training.
    has_table : bool
        Whether there is a branch that reads the table itself.

    Raises
    ------
    OptionError
        If a number makes no sense.
    """

    n_numbers: int
    n_hidden: int = 32
    dropout: float = 0.3
    has_table: bool = True

    def __post_init__(self) -> None:
        if self.n_numbers < 1 or self.n_hidden < 1 or not 0.0 <= self.dropout < 1.0:
            raise OptionError(f"no shape of an encoder: {asdict(self)}")


class TableBranch(nn.Module):
    """A set of sets: what pairs of a cell and its target tell, over rows, then over columns and classes.

    References
    ----------
    Jomaa, H. S., Schmidt-Thieme, L., Grabocka, J. (2021). Dataset2Vec: learning dataset meta-features. Data Mining and
    Knowledge Discovery 35. https://doi.org/10.1007/s10618-021-00737-9
    """

    def __init__(self, n_hidden: int) -> None:
        super().__init__()
        self.cell = _layers(N_CHANNELS, n_hidden, n_hidden)
        self.pair = _layers(n_hidden, n_hidden, n_hidden)
        self.whole = _layers(n_hidden, n_hidden, EMBEDDING_SIZE)

    def forward(self, channels: Tensor, is_row: Tensor, is_pair: Tensor) -> Tensor:
        """Return what the tables tell, (B, Z).

        Parameters
        ----------
        channels : Tensor of shape (B, R, P, F)
            See `autometa.fewshot.encoder.tables.channels_of`.
        is_row : Tensor of bool, shape (B, R)
            Whether there is such a row.
        is_pair : Tensor of bool, shape (B, P)
            Whether there is such a pair.
        """
        over_rows = _mean(self.cell(channels), is_row[:, :, None, None], 1)  # (B, P, H)
        over_pairs = _mean(self.pair(over_rows), is_pair[:, :, None], 1)  # (B, H)
        told: Tensor = self.whole(over_pairs)
        return told


class Encoder(nn.Module):
    """Embeds tasks on a sphere of radius sqrt(Z): the sum of what the table tells and what its meta-features tell."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.numbers = _layers(shape.n_numbers, 2 * shape.n_hidden, EMBEDDING_SIZE)
        self.table = TableBranch(shape.n_hidden) if shape.has_table else None
        self.dropout = nn.Dropout(shape.dropout)

    def forward(self, numbers: Tensor, told: Tensor | None = None) -> Tensor:
        """Return embeddings (B, Z).

        Parameters
        ----------
        numbers : Tensor of shape (B, C)
            Of the meta-features.
        told : Tensor of shape (B, Z), optional
            By the branch that reads the tables; without it the meta-features speak alone.
        """
        first, active, second = self.numbers
        z = second(self.dropout(active(first(self.dropout(numbers)))))
        return on_sphere(z if told is None else z + told)


def on_sphere(z: Tensor) -> Tensor:
    """Return vectors (..., Z) at length sqrt(Z), so that their numbers are about one."""
    scaled: Tensor = nn.functional.normalize(z, dim=-1) * z.shape[-1] ** 0.5
    return scaled


def _layers(n_in: int, n_hidden: int, n_out: int) -> nn.Sequential:
    """Return a net with one hidden layer."""
    return nn.Sequential(nn.Linear(n_in, n_hidden), nn.ReLU(), nn.Linear(n_hidden, n_out))


def _mean(values: Tensor, is_there: Tensor, dim: int) -> Tensor:
    """Return the mean of what is there, along one dimension."""
    weight = is_there.to(values.dtype)
    return (values * weight).sum(dim) / weight.sum(dim).clamp(min=1.0)
