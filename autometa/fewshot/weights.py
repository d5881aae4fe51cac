"""Weights in a file: named arrays as safetensors with a card, a JSON object that says what they are; never a pickle."""

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autometa._writing import written_whole
from autometa.errors import OptionError, PersistenceError

FORMAT = "autometa-weights-1"
MAX_BYTES = 1_000_000_000

Array = npt.NDArray[Any]  # Any: of numbers of any kind
Card = dict[str, Any]  # Any: JSON


def save_arrays(path: str | Path, arrays: Mapping[str, Array], card: Mapping[str, object], *, force: bool = True) -> None:
    """Write named arrays and their card to a file, whole or not at all.

    Parameters
    ----------
    path : str or Path
        The file.
    arrays : mapping of str to ndarray
        Of numbers or truth values, of any shape.
    card : mapping of str to JSON values
        What they are; numbers that are not finite become null.
    force : bool
        Whether a file that is there is replaced.

    Raises
    ------
    OptionError
        If the file cannot be written there, the card is no JSON, or an array is not of numbers.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "net.safetensors"
    >>> save_arrays(file, {"bias": np.arange(2.0)}, {"learner": "example"})
    >>> arrays, card = load_arrays(file)
    >>> arrays["bias"].tolist(), card["learner"]
    ([0.0, 1.0], 'example')
    """
    from safetensors.numpy import save

    # In the order of memory, which the format demands; not ascontiguousarray, which makes a number a vector.
    dense = {name: np.array(arrays[name], order="C") for name in sorted(arrays)}
    odd = [name for name, array in dense.items() if array.dtype.kind not in "fiub"]
    if odd:
        raise OptionError(f"array '{odd[0]}' is of {dense[odd[0]].dtype}; weights are numbers")
    try:
        text = json.dumps(_finite(card), sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise OptionError(f"the card of weights is no JSON: {error}") from error
    metadata = {"format": FORMAT, "card": text, "digest": _digest(dense, text)}
    with written_whole(Path(path), force=force, what="weights") as unfinished:
        unfinished.write_bytes(save(dense, metadata))


def load_arrays(path: str | Path) -> tuple[dict[str, Array], Card]:
    """Return the named arrays of a file, and their card.

    Raises
    ------
    PersistenceError
        If the file is not there, is none that `save_arrays` wrote, or was changed since.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    content = _content(Path(path))
    metadata = _metadata(content, path)
    try:
        arrays = load(content)
    except (SafetensorError, KeyError, ValueError) as error:
        raise PersistenceError(f"{path} is damaged: {str(error).splitlines()[0]}; make it anew") from error
    if metadata.get("digest") != _digest(arrays, metadata["card"]):
        raise PersistenceError(f"{path} is damaged or was changed: it is not what was saved; make it anew")
    card = json.loads(metadata["card"])
    if not isinstance(card, dict):
        raise PersistenceError(f"the card of {path} is no JSON object; make it anew")
    return arrays, card


def _content(path: Path) -> bytes:
    """Return the bytes of a file of usual size."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise PersistenceError(f"{path} is larger than {MAX_BYTES:,} bytes, which no weights of autometa are")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise PersistenceError(f"no such file: {str(path)!r}; check the path") from error
    except OSError as error:
        raise PersistenceError(f"cannot read {path}: {error.strerror or error}") from error


def _metadata(content: bytes, path: str | Path) -> dict[str, str]:
    """Return what the header says beside the arrays, if it is ours."""
    n_bytes = int.from_bytes(content[:8], "little")
    try:
        header = json.loads(content[8 : 8 + n_bytes]) if n_bytes <= len(content) else None
    except ValueError:  # no JSON, or no text
        header = None
    metadata = header.get("__metadata__") if isinstance(header, dict) else None
    if not isinstance(metadata, dict) or metadata.get("format") != FORMAT or "card" not in metadata:
        raise PersistenceError(f"{path} holds no weights of autometa; give a file that autometa fewshot train has saved")
    return metadata


def _digest(arrays: Mapping[str, Array], card: str) -> str:
    """Return the digest of all that a file holds."""
    digest = hashlib.sha256(card.encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"\0{name}\0{array.dtype.name}\0{array.shape}\0".encode() + np.array(array, order="C").tobytes())
    return digest.hexdigest()


def _finite(value: object) -> object:
    """Return JSON values with null in place of numbers that are not finite."""
    if isinstance(value, Mapping):
        return {str(name): _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
