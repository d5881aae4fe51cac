"""When two tables are nearly the same: the rule.

A sketch holds samples of four sets: the rows of a table, its rows of many-valued numbers alone, its pairs of numbers
in one row, and its columns. Of two sketches, in each of the four:

1. The *share* is that of the smaller sample that is found in the other, below the common limit of both.
2. The *chance* is the larger of the two densities: the share of rows (or pairs) that another table of this sort would
   have in common. That is what the same table has in common with itself after every column was shuffled alone, or
   what one half of its rows has of the other half, whichever is more. It is high where there are few different rows,
   so that any two tables share them: answers from 1 to 5, flags, small whole numbers, years that go together.
3. Rows, numbers or pairs agree if at least ``MIN_SHARED`` elements are shared, and the share exceeds chance by at
   least ``MIN_EXCESS``.
4. Columns agree if at least ``MIN_COLUMNS`` are shared, and they are at least ``MIN_EXCESS`` of the smaller table's.
5. Two tables are nearly the same if they agree in at least one of the four.

Recognised by rows: shuffled rows, subsets of rows, renamed columns. By numbers: the same with re-encoded categories.
By pairs: the same with columns left out, another target, numbers in float32 or of 6 digits, as far as numeric columns
are left. By columns: columns left out and categories and classes re-encoded, with all rows kept. Not recognised:
scaled or standardised numbers, a part of the rows of a table that has only few-valued columns and was re-encoded or
lost columns, too, and tables so poor, or with so many repeated rows, that any table shares their rows. Tables that a
generator drew twice are not nearly the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autometa.sketches.sketch import EMPTY, VIEWS, Hashes, Sample, Sketch

MIN_SHARED = 5
MIN_COLUMNS = 2
MIN_EXCESS = 0.5

_WORDS = {"rows": "rows", "numbers": "rows of numbers", "pairs": "pairs of numbers", "columns": "columns"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """How much of the smaller of two tables is found in the other.

    Parameters
    ----------
    rows, numbers, pairs, columns : float or None
        Share in [0, 1] where the two agree, else None.

    Examples
    --------
    >>> Likeness(rows=None, numbers=None, pairs=0.97, columns=None).words
    '97 % of pairs of numbers'
    """

    rows: float | None
    numbers: float | None
    pairs: float | None
    columns: float | None

    @property
    def is_near(self) -> bool:
        """Whether the two tables are nearly the same."""
        return any(getattr(self, name) is not None for name in VIEWS)

    @property
    def largest(self) -> float:
        """The largest of the shares; 0 where nothing is shared."""
        return max((getattr(self, name) or 0.0 for name in VIEWS), default=0.0)

    @property
    def words(self) -> str:
        """What is shared, for people to read; empty where nothing is."""
        shares = {name: getattr(self, name) for name in VIEWS}
        if shares["rows"] is not None:
            shares["numbers"] = None  # whole rows say more
        return ", ".join(f"{share:.0%} of {_WORDS[name]}".replace("%", " %") for name, share in shares.items() if share)


class Lineup:
    """Known sketches, prepared so that the ones that resemble another are found without a look at each.

    Parameters
    ----------
    known : sequence of Sketch
        They are referred to by their position.
    """

    def __init__(self, known: Sequence[Sketch]) -> None:
        self._known = known
        self._hashes: dict[str, Hashes] = {}
        self._owners: dict[str, npt.NDArray[np.int64]] = {}
        for name in VIEWS:
            samples: list[Sample] = [getattr(sketch, name) for sketch in known]
            hashes = np.concatenate([EMPTY.hashes, *(sample.hashes for sample in samples)])
            order = np.argsort(hashes, kind="stable")
            self._hashes[name] = hashes[order]
            self._owners[name] = np.repeat(np.arange(len(samples)), [len(s.hashes) for s in samples])[order]

    def find(self, sketch: Sketch) -> dict[int, Likeness]:
        """Return position -> likeness of the known sketches that are nearly the same, in their order."""
        found = {position: likeness(sketch, self._known[position]) for position in self.candidates(sketch)}
        return {position: like for position, like in found.items() if like.is_near}

    def candidates(self, sketch: Sketch) -> list[int]:
        """Return the positions of the known sketches that share enough to be looked at, ascending."""
        candidates: set[int] = set()
        for name in VIEWS:
            n_shared = self._n_shared(name, getattr(sketch, name).hashes)
            candidates |= set(np.flatnonzero(n_shared >= _min_shared(name)).tolist())
        return sorted(candidates)

    def _n_shared(self, name: str, hashes: Hashes) -> npt.NDArray[np.int64]:
        """Return how many of these hashes each known sketch has (n_known,)."""
        first = np.searchsorted(self._hashes[name], hashes, side="left")
        lengths = np.searchsorted(self._hashes[name], hashes, side="right") - first
        starts = np.cumsum(lengths) - lengths
        places = np.repeat(first - starts, lengths) + np.arange(lengths.sum())
        return np.bincount(self._owners[name][places], minlength=len(self._known))


def likeness(one: Sketch, other: Sketch) -> Likeness:
    """Return how much two tables share; the order of the two does not matter."""
    return Likeness(**{name: _share(name, getattr(one, name), getattr(other, name)) for name in VIEWS})


def _min_shared(name: str) -> int:
    """Return how many elements must be shared."""
    return MIN_COLUMNS if name == "columns" else MIN_SHARED


def _share(name: str, one: Sample, other: Sample) -> float | None:
    """Return the share of the smaller sample that is in the other, None where the two do not agree."""
    limit = min(one.limit, other.limit)
    low = [sample.hashes[sample.hashes < limit] for sample in (one, other)]
    n_shared = len(np.intersect1d(low[0], low[1], assume_unique=True))
    if n_shared < _min_shared(name):
        return None
    share = n_shared / min(len(low[0]), len(low[1]))
    return share if share - max(one.density, other.density) >= MIN_EXCESS else None
