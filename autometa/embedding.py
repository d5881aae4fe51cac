"""Embeddings of tasks: 32 numbers by the few-shot encoder, and by which one."""

import json
import math
from collections.abc import Sequence

EMBEDDING_SIZE = 32
EMBEDDING_VERSION = "2"  # of the shipped encoder; embeddings of two encoders are never compared
_N_DECIMALS = 6
_MAX_NUMBER = 1e6

Embedding = tuple[float, ...]


def embedding_json(embedding: Sequence[float]) -> str:
    """Return an embedding as it is stored.

    Raises
    ------
    ValueError
        If it has another length, or a number that is not finite.

    Examples
    --------
    >>> embedding_of(embedding_json([0.5] * 32)) == (0.5,) * 32
    True
    """
    numbers = [round(float(number), _N_DECIMALS) for number in embedding]
    _check(numbers)
    return json.dumps(numbers, separators=(",", ":"), allow_nan=False)


def embedding_of(text: str) -> Embedding:
    """Return the embedding that a text holds.

    Raises
    ------
    ValueError
        If it holds none.
    """
    found = json.loads(text)
    if not isinstance(found, list) or not all(type(number) in (int, float) for number in found):
        raise ValueError("an embedding is a list of numbers")
    _check(found)
    return tuple(float(number) for number in found)


def rounded(embedding: Sequence[float]) -> Embedding:
    """Return an embedding with as many digits as are stored."""
    return embedding_of(embedding_json(embedding))


def _check(numbers: Sequence[float]) -> None:
    """Raise ValueError unless these are as many finite numbers as an embedding has."""
    if len(numbers) != EMBEDDING_SIZE:
        raise ValueError(f"an embedding has {EMBEDDING_SIZE} numbers, not {len(numbers)}")
    if not all(math.isfinite(number) and abs(number) <= _MAX_NUMBER for number in numbers):
        raise ValueError("an embedding has finite numbers of usual size")
