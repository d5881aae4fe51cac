"""Cells as numbers: every value becomes a key that does not depend on how a file stores it, every key a hash."""

import math
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from autometa.sketches.sketch import Hashes
from autometa.task import ColumnKind, column_kind

N_FEW = 16  # a numeric column with so many distinct values or fewer may be a category in another file

BLOCK = 2**15  # rows that are hashed at a time, so that they stay in the processor's cache

MISSING = np.uint32(0xFFFFFFFF)  # no number has this key: its upper bits would be beyond 24

_N_LOOKED_AT = 4096  # rows that mostly tell already that a column has many values
_LABELS_FROM = np.uint32(0x80000000)  # keys of labels lie above all keys of numbers


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Column:
    """A column, in three readings.

    Parameters
    ----------
    hashes : ndarray of uint32, shape (n_rows,)
        Equal where values are equal: numbers to 16 bits of precision (4.8 digits), labels, missing.
    numbers : ndarray of float32, shape (n_rows,), or None
        The values of a numeric, boolean or datetime column (in seconds); None for labels.
    codes : ndarray of int, shape (n_rows,), or None
        Number of each row's value, missing among them, in an order that means nothing; None for many numbers.
    """

    hashes: Hashes
    numbers: npt.NDArray[np.float32] | None
    codes: npt.NDArray[np.int64] | None


def read_column(values: pd.Series) -> Column:
    """Return a column of a task."""
    kind = column_kind(values.dtype)
    if kind in {ColumnKind.CATEGORICAL, ColumnKind.TEXT}:
        codes, labels = pd.factorize(values, use_na_sentinel=False)
        return Column(hashes=mix(_label_keys(labels))[codes], numbers=None, codes=codes)
    numbers = _seconds(values) if kind is ColumnKind.DATETIME else as_float32(values.to_numpy())
    if len(np.unique(numbers[:: max(1, len(numbers) // _N_LOOKED_AT)])) <= N_FEW:
        codes, distinct = pd.factorize(numbers, use_na_sentinel=False)
        if len(distinct) <= N_FEW:
            return Column(hashes=hash_numbers(np.asarray(distinct))[codes], numbers=numbers, codes=codes)
    return Column(hashes=hash_numbers(numbers), numbers=numbers, codes=None)


def as_float32(values: npt.NDArray[Any]) -> npt.NDArray[np.float32]:  # Any: numbers of any width
    """Return numbers as float32, so that a copy in float32 has the same ones; -0.0 becomes 0.0."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(values.astype(np.float32) + np.float32(0))


def hash_numbers(numbers: npt.NDArray[np.float32]) -> Hashes:
    """Return the hash of each number (n_rows,)."""
    hashes = np.empty(len(numbers), dtype=np.uint32)
    for start in range(0, len(numbers), BLOCK):
        hashes[start : start + BLOCK] = mix(_number_keys(numbers[start : start + BLOCK]))
    return hashes


def mix(keys: Hashes) -> Hashes:
    """Return a hash of each key (n_keys,).

    References
    ----------
    Appleby: MurmurHash3, the 32-bit finalizer (2011), https://github.com/aappleby/smhasher.
    """
    x = keys ^ (keys >> np.uint32(16))
    x *= np.uint32(0x85EBCA6B)
    x ^= x >> np.uint32(13)
    x *= np.uint32(0xC2B2AE35)
    x ^= x >> np.uint32(16)
    return x


def mix_wide(keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Return a 64-bit hash of each 64-bit key (n_keys,): the finalizer of MurmurHash3, see `mix`."""
    x = keys ^ (keys >> np.uint64(33))
    x *= np.uint64(0xFF51AFD7ED558CCD)
    x ^= x >> np.uint64(33)
    x *= np.uint64(0xC4CEB9FE1A85EC53)
    x ^= x >> np.uint64(33)
    return x


def narrow(hashes: npt.NDArray[np.uint64]) -> Hashes:
    """Return the upper halves of 64-bit hashes."""
    return (hashes >> np.uint64(32)).astype(np.uint32)


def shift(columns: npt.NDArray[np.int64], n_rows: int) -> npt.NDArray[np.int64]:
    """Return by how many rows each column is moved, so that values of one row come from different ones.

    All differ as long as there are more rows than columns.
    """
    step = next(step for step in range(max(1, round(0.618 * n_rows)), n_rows + 1) if math.gcd(step, n_rows) == 1)
    return columns * step % n_rows


def is_in_first_half(rows: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Return for each row (n_rows,) whether it is in a half of the table that is drawn by its position."""
    return np.asarray((mix(rows.astype(np.uint32)) & np.uint32(1)).astype(bool))


def _number_keys(numbers: npt.NDArray[np.float32]) -> Hashes:
    """Return numbers rounded to 16 bits as keys below 2**24, so that 6 printed digits mostly give the same."""
    keys = np.ascontiguousarray(numbers).view(np.uint32) + np.uint32(0x80)
    keys >>= np.uint32(8)
    keys[np.isnan(numbers)] = MISSING
    return keys


def _seconds(values: pd.Series) -> npt.NDArray[np.float32]:
    """Return moments as seconds since 1970, NaN where missing."""
    moments = pd.DatetimeIndex(values)
    moments = moments.tz_convert("UTC").tz_localize(None) if moments.tz is not None else moments
    seconds = moments.to_numpy(dtype="datetime64[s]")
    return as_float32(np.where(np.isnat(seconds), np.nan, seconds.astype(np.int64)))


def _label_keys(labels: Any) -> Hashes:  # Any: the Index or array that factorize gives
    """Return a key for each label; a label that is a number has that number's key: "1" in one file is 1 in another."""
    values = pd.Series(labels, dtype=object)
    texts = [str(value) for value in values]
    hashed = [zlib.crc32(text.encode("utf-8", errors="surrogatepass")) for text in texts]
    keys: Hashes = np.array(hashed, dtype=np.uint32) | _LABELS_FROM
    keys[keys == MISSING] -= np.uint32(1)
    numbers = as_float32(pd.to_numeric(pd.Series(texts, dtype=object), errors="coerce").to_numpy(dtype=float))
    is_number = ~np.isnan(numbers)
    keys[is_number] = _number_keys(numbers[is_number])
    keys[values.isna().to_numpy()] = MISSING
    return keys
