"""Sketches and the samples of hashes that they are made of."""

import struct
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

SKETCH_VERSION = "2"  # sketches of two versions are never compared

# Most hashes in each sample, 4 bytes each.
SAMPLE_SIZES = {"rows": 128, "numbers": 64, "pairs": 192, "columns": 64}

# Of a long table only the pairs of low cells are made: the limit of such a sample is a multiple of this, since the hash
# of a pair has 16 bits of its cells, and 16 of its own.
PAIR_STEP = 2**16

COMPLETE = 2**32  # the limit of a sample that holds all there is

Hashes = npt.NDArray[np.uint32]

_HEADER = struct.Struct("<HQB")  # number of hashes, limit, density in 1/255


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sample:
    """The smallest hashes of a set: those below a limit, all of them.

    Below the smaller of two limits, two samples tell exactly which elements their sets share; that holds for any
    two sets, and a subset has a sample of its own whose hashes below the common limit are all in the other.

    Parameters
    ----------
    hashes : ndarray of uint32, shape (n_hashes,)
        Ascending and distinct.
    limit : int
        Every element with a smaller hash is there; ``COMPLETE`` where every element is.
    density : float
        In [0, 1], to 1/255: the share of elements that another table of this sort would have, by chance. It is the
        larger of two: what is found again after every column was moved by itself, and what one half of the rows has
        of the other, since columns may go together by nature. Near 1 the sample says nothing about which table this is.

    References
    ----------
    Broder: On the resemblance and containment of documents. SEQUENCES 1997. DOI 10.1109/SEQUEN.1997.666900.
    Cohen, Kaplan: Summarizing data using bottom-k sketches. PODC 2007. DOI 10.1145/1281100.1281133.
    """

    hashes: Hashes
    limit: int
    density: float = 0.0

    def __post_init__(self) -> None:
        h = self.hashes
        if h.ndim != 1 or h.dtype != np.uint32 or (h[1:] <= h[:-1]).any():
            raise ValueError("the hashes of a sample are ascending and distinct")
        if not 0 < self.limit <= COMPLETE or (len(h) and h[-1] >= self.limit):
            raise ValueError(f"a sample has its hashes below its limit, not {self.limit}")
        if not 0 <= self.density <= 1:
            raise ValueError(f"a density lies in [0, 1], not at {self.density}")
        object.__setattr__(self, "density", round(self.density * 255) / 255)


EMPTY = Sample(hashes=np.empty(0, dtype=np.uint32), limit=COMPLETE)


def smallest(hashes: Hashes, n_kept: int, limit: int = COMPLETE) -> Sample:
    """Return the sample of the ``n_kept`` smallest distinct hashes of a set that is complete below ``limit``."""
    distinct = np.unique(_low(hashes, 4 * n_kept))
    if len(distinct) <= n_kept:
        distinct = np.unique(hashes)  # many repeats among the lowest
    if len(distinct) <= n_kept:
        return Sample(hashes=distinct, limit=limit)
    return Sample(hashes=distinct[:n_kept].copy(), limit=int(distinct[n_kept]))


def density_of(drawn: Hashes, sample: Sample) -> float:
    """Return the share of drawn elements below the limit of a sample that are in it."""
    drawn = np.unique(drawn[drawn < sample.limit] if sample.limit < COMPLETE else drawn)
    return float(np.isin(drawn, sample.hashes, assume_unique=True).mean()) if len(drawn) else 0.0


def overlap_of(one: Hashes, other: Hashes, limit: int) -> float:
    """Return the share of the elements of one set below a limit that are in another."""
    low, high = (np.unique(hashes[hashes < limit] if limit < COMPLETE else hashes) for hashes in (one, other))
    return float(np.isin(low, high, assume_unique=True).mean()) if len(low) else 0.0


def _low(hashes: Hashes, n_kept: int) -> Hashes:
    """Return the smallest hashes, repeats counted, in any order."""
    return np.partition(hashes, n_kept)[:n_kept] if len(hashes) > n_kept else hashes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sketch:
    """Four samples of a table. Names, labels and the order of rows and columns are in none of them.

    Parameters
    ----------
    rows : Sample
        Whole rows as they are: numbers and labels of all columns.
    numbers : Sample
        Rows again, of the many-valued numeric columns only: it survives other words for categories.
    pairs : Sample
        Two numbers of one row, each of three significant digits or more: it survives the loss of rows and of columns.
    columns : Sample
        Whole columns with their ties to the classes; few-valued ones by their counts, whatever their values are called.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from autometa.reading import read_task
    >>> from autometa.sketches import draw_sketch, likeness
    >>> task = read_task(*load_wine(as_frame=True, return_X_y=True))
    >>> half = read_task(task.X.iloc[::2, :6], task.y.iloc[::2])
    >>> sketch = draw_sketch(task)
    >>> len(sketch.to_bytes()) < 2000
    True
    >>> likeness(sketch, draw_sketch(half)).is_near
    True
    """

    rows: Sample
    numbers: Sample
    pairs: Sample
    columns: Sample

    def to_bytes(self) -> bytes:
        """Return the sketch as bytes: what `from_bytes` reads."""
        parts = []
        for name in VIEWS:
            sample: Sample = getattr(self, name)
            parts.append(_HEADER.pack(len(sample.hashes), sample.limit, round(sample.density * 255)))
            parts.append(sample.hashes.astype("<u4").tobytes())
        return b"".join(parts)

    @classmethod
    def from_bytes(cls, content: bytes) -> "Sketch":
        """Return the sketch that `to_bytes` wrote.

        Raises
        ------
        ValueError
            If the bytes are no sketch, or a sample has more or fewer hashes than `draw_sketch` gives it: it would
            resemble more tables than one table can.
        """
        samples, start = {}, 0
        try:
            for name in VIEWS:
                n_hashes, limit, density = _HEADER.unpack_from(content, start)
                _check_size(name, n_hashes, limit)
                hashes = np.frombuffer(content, "<u4", n_hashes, start + _HEADER.size).astype(np.uint32)
                samples[name] = Sample(hashes=hashes, limit=limit, density=density / 255)
                start += _HEADER.size + 4 * n_hashes
        except (struct.error, ValueError) as error:
            raise ValueError(f"{len(content)} bytes are no sketch: {error}") from error
        if start != len(content):
            raise ValueError(f"{len(content)} bytes are no sketch: {start} were expected")
        return cls(**samples)


VIEWS = tuple(field.name for field in fields(Sketch))


def _check_size(name: str, n_hashes: int, limit: int) -> None:
    """Raise ValueError unless a sample has at most its number of hashes, and exactly that where it was cut off."""
    size = SAMPLE_SIZES[name]
    if n_hashes > size:
        raise ValueError(f"{n_hashes} {name}, at most {size} are kept")
    is_cut_off = limit < COMPLETE and not (name == "pairs" and limit % PAIR_STEP == 0)
    if is_cut_off and n_hashes < size:
        raise ValueError(f"{n_hashes} {name} below {limit}, where {size} are kept")
