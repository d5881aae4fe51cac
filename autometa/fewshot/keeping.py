"""Meta-learners kept among the user's own data, each by its name and by the experience that it learned from."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from autometa._paths import user_data_path
from autometa.errors import OptionError, PersistenceError
from autometa.fewshot.weights import Array, Card, load_arrays, save_arrays

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFile:
    """A file of weights in the user's folder.

    Parameters
    ----------
    path : Path
        Where it is.
    card : dict
        What it says; empty where it is refused.
    refusal : str
        Why it is refused; empty where it is not.
    """

    path: Path
    card: Card
    refusal: str


def folder() -> Path:
    """Return the folder of the files; it need not exist."""
    return user_data_path("fewshot")


def place_of(name: str, digest: str, seed: int) -> Path:
    """Return the file of a learner that learned from the experience of a digest; it need not exist."""
    return folder() / f"{name}-{digest[:16]}-{seed}.safetensors"


def keep(arrays: Mapping[str, Array], card: Mapping[str, object], path: Path | None = None) -> Path:
    """Write what a learner has learned to a file, or to its place in the user's folder, and return the path.

    The card has "learner", "version", "digest" and "seed" among the rest.

    Raises
    ------
    OptionError
        If it cannot be written.
    """
    place = path
    if place is None:
        place = place_of(str(card["learner"]), str(card["digest"]), int(str(card["seed"])))
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OptionError(f"cannot write into {place.parent}: {error.strerror or error}") from error
    save_arrays(place, arrays, card)
    return place


def kept_arrays(name: str, version: int, digest: str, seed: int) -> dict[str, Array] | None:
    """Return what is kept of a learner that learned from the experience of a digest with a seed, or None.

    A file that is refused, or of another version, counts as none.
    """
    path = place_of(name, digest, seed)
    if not path.exists():
        return None
    try:
        arrays, card = load_arrays(path)
    except PersistenceError as error:
        _log.warning("not taken up: %s", error)
        return None
    is_it = [card.get(key) for key in ("learner", "version", "digest", "seed")] == [name, version, digest, seed]
    return arrays if is_it else None


def kept_files() -> list[KeptFile]:
    """Return the files in the user's folder, by name."""
    found = []
    for path in sorted(folder().glob("*.safetensors")):
        try:
            found.append(KeptFile(path=path, card=load_arrays(path)[1], refusal=""))
        except PersistenceError as error:
            found.append(KeptFile(path=path, card={}, refusal=str(error)))
    return found
