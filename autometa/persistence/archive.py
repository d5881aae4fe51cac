"""Model files: one zip of the predictor (by skops, never pickle), its reader, its card, a manifest and a signature.

===============  =================================================================================================
``model.skops``  the predictor; `autometa.persistence.trusted.TRUSTED` lists what it may be made of
``model.json``   how tables are read, the kind of task, the target, the metric
``card.json``    where the model comes from
``manifest``     JSON: the format, and the sha-256 of each of these
``signature``    HMAC-SHA256 of the manifest by the user's key; empty where there is none
===============  =================================================================================================
"""

import hashlib
import io
import json
import sys
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any  # JSON, and fitted estimators

from autometa._writing import written_whole
from autometa.errors import AutometaWarning, PersistenceError
from autometa.persistence.calls import with_calls, without_calls
from autometa.persistence.card import PREDICTING, library_versions
from autometa.persistence.describing import description_of, from_description
from autometa.persistence.model import Model
from autometa.persistence.signing import is_ours, key_path, sign
from autometa.persistence.trusted import TRUSTED

FORMAT = 1
MAX_MODEL_BYTES = 1 << 32
MAX_TEXT_BYTES = 1 << 24

_MODEL, _DESCRIPTION, _CARD, _MANIFEST, _SIGNATURE = "model.skops", "model.json", "card.json", "manifest", "signature"
_PARTS = (_MODEL, _DESCRIPTION, _CARD)
_LIMITS = {_MODEL: MAX_MODEL_BYTES} | dict.fromkeys((_DESCRIPTION, _CARD, _MANIFEST, _SIGNATURE), MAX_TEXT_BYTES)
_IMPORTS_TORCH = "sklearn.externals.array_api_compat.torch"
# what a file that is damaged, or made with ill intent or by another release, leads to in zipfile, json and skops
_FAULTS = (
    *(zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RecursionError, MemoryError),
    *(ValueError, TypeError, LookupError, AttributeError, ImportError, ArithmeticError, RuntimeError),
)


def save(model: Model, path: str | Path, *, force: bool = False) -> None:
    """Write a model into a file, whole or not at all.

    Parameters
    ----------
    model : Model
        Its predictor is a pipeline of `autometa.pipelines.building.build`, or an ensemble of such.
    path : str or Path
        The file; ``.skops`` is the usual ending.
    force : bool
        Whether a file that is there is replaced.

    Raises
    ------
    OptionError
        If the file is there and may not be replaced, or cannot be written.
    PersistenceError
        If the predictor holds what a model file may not hold.
    """
    with written_whole(Path(path), force=force, what="the model") as unfinished:
        parts = {
            _MODEL: _dump(model.predictor),
            _DESCRIPTION: _as_json(description_of(model)),
            _CARD: _as_json(model.card),
        }
        hashes = {name: hashlib.sha256(content).hexdigest() for name, content in parts.items()}
        manifest = _as_json({"format": FORMAT, "sha256": hashes})
        signature = sign(manifest)
        if signature is None:
            warnings.warn(
                f"the model is not signed, since no key can be kept in {key_path()}; to load it will need trust",
                AutometaWarning,
                stacklevel=2,
            )
        with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in {**parts, _MANIFEST: manifest, _SIGNATURE: (signature or "").encode()}.items():
                archive.writestr(name, content)


def load(path: str | Path, *, trust: bool = False) -> Model:
    """Return the model of a file.

    Parameters
    ----------
    path : str or Path
        The file.
    trust : bool
        Whether a file is read that this user did not make on this machine. What it holds is checked all the same, but
        of trees and boosters only the type can be: crafted ones may crash the process, or worse.

    Raises
    ------
    PersistenceError
        If there is no such file, it is damaged or changed, holds what no model of autometa does, or was made elsewhere
        and is not trusted.
    """
    label = repr(Path(path).name)
    contents = _read_sound(Path(path), label)
    if not trust and not _is_ours(contents):
        raise PersistenceError(
            f"{label} was not made by you on this machine, and a crafted model can do harm; "
            "trust (--trust) reads it if you know who made it"
        )
    description = _parse(contents[_DESCRIPTION], f"{_DESCRIPTION} in {label}")
    card = _parse(contents[_CARD], f"{_CARD} in {label}")
    model = from_description(description, predictor=_restore(contents[_MODEL], label), card=card, label=label)
    _warn_of_versions(card, label)
    return model


def read_card(path: str | Path) -> tuple[dict[str, Any], bool]:
    """Return the card of a model file, and whether this user made it on this machine; nothing else is restored.

    Raises
    ------
    PersistenceError
        If there is no such file, or it is damaged or changed.
    """
    label = repr(Path(path).name)
    contents = _read_sound(Path(path), label)
    return _parse(contents[_CARD], f"{_CARD} in {label}"), _is_ours(contents)


def _read_sound(path: Path, label: str) -> dict[str, bytes]:
    """Return the parts of a model file by name, each what its manifest says."""
    contents = _read_parts(path, label)
    manifest = _parse(contents[_MANIFEST], f"the manifest of {label}")
    if manifest.get("format") != FORMAT:
        raise PersistenceError(
            f"{label} has format {str(manifest.get('format'))[:20]} of model files, this autometa reads {FORMAT}; "
            "make it anew, or take another version"
        )
    hashes = manifest.get("sha256")
    for name in _PARTS:
        if not isinstance(hashes, dict) or hashlib.sha256(contents[name]).hexdigest() != hashes.get(name):
            raise PersistenceError(f"{label} is damaged or was changed: {name} is not what was saved; make it anew")
    return contents


def _is_ours(contents: Mapping[str, bytes]) -> bool:
    """Return whether this user made the file on this machine."""
    return is_ours(contents[_MANIFEST], contents[_SIGNATURE].decode("ascii", errors="replace"))


def _dump(predictor: Any) -> bytes:
    """Return a predictor as skops writes it, with nothing inside that would be refused on reading."""
    skops_io = _skops_io()
    from skops.io.exceptions import UnsupportedTypeException

    try:
        content: bytes = skops_io.dumps(with_calls(predictor))
    except (UnsupportedTypeException, TypeError, RecursionError) as error:
        raise PersistenceError(f"this model cannot be kept in a file ({_first_line(error)})") from error
    foreign = _foreign_types(content)
    if foreign:
        raise PersistenceError(f"this model cannot be kept in a file: it holds {_listed(foreign)}")
    return content


def _restore(content: bytes, label: str) -> Any:
    """Return the predictor, after all that it is made of was checked."""
    from sklearn.exceptions import InconsistentVersionWarning

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as inner:
            members = inner.infolist()
            is_plain = all(member.compress_type == zipfile.ZIP_STORED for member in members)
            if not is_plain or sum(member.file_size for member in members) > len(content):
                raise PersistenceError(f"{label} is packed as no model of autometa is; make it anew")
        foreign = _foreign_types(content)
        if foreign:
            raise PersistenceError(f"{label} holds what no model of autometa does: {_listed(foreign)}; refused")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", InconsistentVersionWarning)  # one for each step; one line is said instead
            return without_calls(_skops_io().loads(content, trusted=list(TRUSTED)))
    except PersistenceError as error:
        if str(error).startswith(label):
            raise
        raise PersistenceError(f"{label} is refused: {error}") from error
    except ModuleNotFoundError as error:
        raise PersistenceError(f"{label} needs {error.name!r}, which is not installed; install it first") from error
    except _FAULTS as error:
        raise PersistenceError(f"{label} cannot be restored here ({_first_line(error)}); make it anew") from error


def _warn_of_versions(card: Mapping[str, Any], label: str) -> None:
    """Warn if libraries that predict are here in other versions than those that a model was made with."""
    made_with = card.get("libraries")
    here = library_versions()
    if not isinstance(made_with, dict):
        return
    differing = [
        f"{name} {str(made_with[name])[:20]}, here {here[name]}"
        for name in PREDICTING
        if name in here and name in made_with and made_with[name] != here[name]
    ]
    if differing:
        message = f"{label} was made with {'; '.join(differing)}: predictions may differ, or fail; make it anew if so"
        warnings.warn(message, AutometaWarning, stacklevel=3)


def _foreign_types(content: bytes) -> list[str]:
    """Return the types in what skops wrote that are not trusted."""
    return sorted(set(_skops_io().get_untrusted_types(data=content)) - set(TRUSTED))


def _skops_io() -> Any:
    """Return `skops.io`, imported without torch.

    On its way in it imports every module of scikit-learn, among them one that imports torch where that is installed:
    two seconds, and no model needs it.
    """
    is_new = sys.modules.setdefault(_IMPORTS_TORCH, None) is None  # type: ignore[arg-type]  # None: it is not to be had
    try:
        import skops.io
    finally:
        if is_new:
            del sys.modules[_IMPORTS_TORCH]
    return skops.io


def _read_parts(path: Path, label: str) -> dict[str, bytes]:
    """Return the parts of a model file by name, none larger than its limit."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if sorted(member.filename for member in members) != sorted(_LIMITS):
                raise PersistenceError(f"{label} is no model file of autometa; give one that autometa fit has saved")
            for member in members:
                if member.file_size > _LIMITS[member.filename]:
                    raise PersistenceError(
                        f"{label} is refused: {member.filename} would take {member.file_size:,} bytes, more than "
                        f"{_LIMITS[member.filename]:,}"
                    )
            return {member.filename: archive.read(member) for member in members}
    except FileNotFoundError as error:
        raise PersistenceError(f"no such file: {str(path)!r}; check the path") from error
    except PersistenceError:
        raise
    except _FAULTS as error:
        raise PersistenceError(f"{label} is no readable model file ({_first_line(error)}); make it anew") from error


def _as_json(content: Mapping[str, Any]) -> bytes:
    """Return plain values as JSON."""
    return json.dumps(content, ensure_ascii=False, indent=1).encode("utf-8", errors="surrogatepass")


def _parse(content: bytes, what: str) -> dict[str, Any]:
    """Return the object that JSON holds."""
    try:
        parsed = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise PersistenceError(f"{what} is no JSON; make the file anew") from error
    if not isinstance(parsed, dict):
        raise PersistenceError(f"{what} is no JSON object; make the file anew")
    return parsed


def _listed(types: list[str]) -> str:
    """Return the first names of types, and how many more there are."""
    return ", ".join(name[:80] for name in types[:3]) + (f" and {len(types) - 3} more" if len(types) > 3 else "")


def _first_line(error: BaseException) -> str:
    """Return what an error of a library says, in one line."""
    return (str(error).splitlines() or [type(error).__name__])[0][:120]
