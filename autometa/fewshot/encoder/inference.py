"""The encoder without torch: weights in safetensors, sums in NumPy.

Shapes: R rows, P pairs of a column and a class, F channels, H hidden units, C numbers of meta-features, Z numbers of an
embedding.
"""

import logging
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from autometa._paths import data_path, user_data_path
from autometa._random import generator
from autometa.embedding import EMBEDDING_SIZE, EMBEDDING_VERSION, Embedding, rounded
from autometa.errors import PersistenceError
from autometa.fewshot.encoder.numbers import TaskNumbers
from autometa.fewshot.encoder.tables import Table, channels_of, read_table
from autometa.fewshot.weights import load_arrays
from autometa.metafeatures import EXTRACTION_VERSION
from autometa.task import Task, TaskDescription

_log = logging.getLogger(__name__)

LEARNER = "encoder"
_SEED = 0  # of the sample of a table

Floats = npt.NDArray[np.float64]
Arrays = Mapping[str, npt.NDArray[Any]]  # Any: of numbers of any kind


class TaskEncoder:
    """Embeds tasks by weights that were trained before; the same numbers as the net in torch, to 1e-5.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        Weights of `autometa.fewshot.encoder.network.Encoder` by their names in torch, and scales of the meta-features.
    card : mapping of str to JSON values
        What they are: see `autometa.fewshot.encoder.learning.to_file`.

    Raises
    ------
    PersistenceError
        If these are not weights of an encoder of this release.
    """

    def __init__(self, arrays: Arrays, card: Mapping[str, Any]) -> None:
        _check(arrays, card)
        self.card = dict(card)
        self.numbers = TaskNumbers.from_arrays(arrays, card["metafeatures"])
        self._arrays = {name: np.asarray(array) for name, array in arrays.items()}
        self.has_table = "table.cell.0.weight" in self._arrays

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Return the encoder of a file.

        Raises
        ------
        PersistenceError
            If it is no file of an encoder of this release.
        """
        return cls(*load_arrays(path))

    @property
    def version(self) -> str:
        """By which embeddings are told apart from those of other encoders."""
        return str(self.card["version"])

    def embed(self, description: TaskDescription, task: Task | None = None) -> Embedding:
        """Return the embedding of a task, with as many digits as are stored.

        Parameters
        ----------
        description : TaskDescription
            Its meta-features.
        task : Task, optional
            The table; without it, the meta-features speak alone.
        """
        table = read_table(task, _SEED) if task is not None and self.has_table else None
        return rounded(self.embed_table(description, table).tolist())

    def embed_table(self, description: TaskDescription, table: Table | None) -> Floats:
        """Return the embedding (Z,) of a task of which a part of the table is given, in all digits."""
        numbers = self.numbers.transform([description])[0]
        z = self._layers("numbers", numbers)
        if table is not None and self.has_table:
            channels = channels_of(table, generator(_SEED, "encoder", "pairs"))
            over_rows = self._layers("table.cell", channels).mean(axis=0, dtype=np.float64)
            over_pairs = self._layers("table.pair", over_rows).mean(axis=0, dtype=np.float64)
            z = z + self._layers("table.whole", over_pairs)
        return np.asarray(z * (np.sqrt(len(z)) / max(float(np.sqrt((z**2).sum())), 1e-12)))

    def _layers(self, name: str, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return what a net with one hidden layer makes of values (..., n_in), in their precision."""
        for number in (0, 2):
            weight, bias = (self._arrays[f"{name}.{number}.{part}"] for part in ("weight", "bias"))
            values = values @ weight.T.astype(values.dtype) + bias.astype(values.dtype)
            if number == 0:
                values = np.maximum(values, 0.0, dtype=values.dtype)
        return values


@cache
def shipped_encoder() -> TaskEncoder | None:
    """Return the encoder that comes with autometa, or None where there are no weights."""
    path = data_path("fewshot", "encoder.safetensors")
    return TaskEncoder.load(path) if path.is_file() else None


def own_path() -> Path:
    """Return the file of the user's own encoder; it need not exist."""
    return user_data_path("fewshot", "encoder.safetensors")


def encoder_in_force() -> TaskEncoder | None:
    """Return the user's own encoder if there is a sound one, else the shipped one; None where there are no weights."""
    path = own_path()
    try:
        changed_at = path.stat().st_mtime_ns
    except OSError:
        return shipped_encoder()
    return _own_encoder(path, changed_at) or shipped_encoder()


def version_in_force() -> str:
    """Return the version of the encoder by which tasks are compared."""
    encoder = encoder_in_force()
    return EMBEDDING_VERSION if encoder is None else encoder.version


def embedded(description: TaskDescription, task: Task) -> Embedding | None:
    """Return the embedding of a task by the encoder in force, or None where there are no weights."""
    encoder = encoder_in_force()
    return None if encoder is None else encoder.embed(description, task)


@lru_cache(maxsize=1)
def _own_encoder(path: Path, changed_at: int) -> TaskEncoder | None:
    """Return the encoder of a file, None where it is refused; a file that was changed since is read anew."""
    try:
        return TaskEncoder.load(path)
    except PersistenceError as error:
        _log.warning("your own encoder is not taken up: %s", error)
        return None


def _check(arrays: Arrays, card: Mapping[str, Any]) -> None:
    """Raise unless these are weights of an encoder that reads the meta-features of this release."""
    if card.get("learner") != LEARNER or not isinstance(card.get("metafeatures"), list):
        raise PersistenceError(f"these are weights of '{card.get('learner')}', not of an encoder; give another file")
    if card.get("metafeatures_version") != EXTRACTION_VERSION:
        found = card.get("metafeatures_version")
        raise PersistenceError(
            f"the encoder reads meta-features of version {found}, this release has {EXTRACTION_VERSION}; train it anew"
        )
    try:
        n_numbers = arrays["numbers.0.weight"].shape[1]
        n_given = TaskNumbers.from_arrays(arrays, card["metafeatures"]).n_numbers
        n_made = arrays["numbers.2.weight"].shape[0]
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise PersistenceError(f"the weights of the encoder are not complete: {error}; train it anew") from error
    if n_numbers != n_given or n_made != EMBEDDING_SIZE:
        raise PersistenceError(
            f"the encoder takes {n_numbers} numbers and gives {n_made}, in place of {n_given} and {EMBEDDING_SIZE}"
        )
