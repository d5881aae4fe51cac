"""Parts of tables, drawn beforehand, as what the encoder is trained on.

Shapes: S tables, V views of each, R rows, P pairs of a column and a class, F channels.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import numpy.typing as npt

from autometa.fewshot.encoder.augmentation import augmented, subsampled
from autometa.fewshot.encoder.tables import N_CHANNELS, Table, channels_of

N_VIEW_ROWS = 64
N_VIEW_PAIRS = 16


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Views:
    """Views of tables: subsamples of rows and columns, in the channels of the encoder.

    Parameters
    ----------
    channels : ndarray of float16, shape (S, V, R, P, F)
        See `autometa.fewshot.encoder.tables.channels_of`; 0 where there is none.
    is_row : ndarray of bool, shape (S, V, R)
        Whether there is such a row.
    is_pair : ndarray of bool, shape (S, V, P)
        Whether there is such a pair.
    source : ndarray of int, shape (S,)
        Which of the tasks a table is of; -1 for one that was made from another's.
    families : tuple of str, S of them
        Of the tables.
    """

    channels: npt.NDArray[np.float16] = field(repr=False)
    is_row: npt.NDArray[np.bool_] = field(repr=False)
    is_pair: npt.NDArray[np.bool_] = field(repr=False)
    source: npt.NDArray[np.int64] = field(repr=False)
    families: tuple[str, ...] = field(repr=False)

    @classmethod
    def draw(
        cls, tables: Sequence[Table | None], rng: np.random.Generator, *, n_views: int, augmented_share: float
    ) -> Self:
        """Return views of the tables that are there, and of this share more that are made from them."""
        there = [number for number, table in enumerate(tables) if table is not None]
        n_made = round(augmented_share * len(there))
        sources = np.array([*there, *rng.choice(there, size=n_made)], dtype=np.int64) if there else np.zeros(0, int)
        n_tables = len(sources)
        channels = np.zeros((n_tables, n_views, N_VIEW_ROWS, N_VIEW_PAIRS, N_CHANNELS), dtype=np.float16)
        is_row = np.zeros((n_tables, n_views, N_VIEW_ROWS), dtype=bool)
        is_pair = np.zeros((n_tables, n_views, N_VIEW_PAIRS), dtype=bool)
        families = []
        for number, source in enumerate(sources):
            table = tables[source]
            if table is None:  # never: only those that are there are drawn
                continue
            families.append(table.family)
            table = table if number < len(there) else augmented(table, rng)
            for view in range(n_views):
                part = channels_of(subsampled(table, rng, n_rows=N_VIEW_ROWS), rng, n_pairs=N_VIEW_PAIRS)
                n_rows, n_pairs = part.shape[:2]
                channels[number, view, :n_rows, :n_pairs] = part
                is_row[number, view, :n_rows], is_pair[number, view, :n_pairs] = True, True
        source = np.where(np.arange(n_tables) < len(there), sources, -1)
        return cls(channels=channels, is_row=is_row, is_pair=is_pair, source=source, families=tuple(families))

    @property
    def n_tables(self) -> int:
        """S."""
        return len(self.families)

    @property
    def n_views(self) -> int:
        """V."""
        return int(self.is_row.shape[1])
