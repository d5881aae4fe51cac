"""Signatures: by a key that only this user can read, a file can be told to be made by this user, on this machine."""

import contextlib
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from autometa._paths import user_data_path

_KEY_NAME = "model.key"
_KEY_BYTES = 32


def sign(content: bytes) -> str | None:
    """Return the signature of some bytes, in hexadecimal; None where no key can be kept.

    References
    ----------
    H. Krawczyk, M. Bellare, R. Canetti: HMAC: Keyed-Hashing for Message Authentication. RFC 2104, 1997.
    https://doi.org/10.17487/RFC2104
    """
    key = _key() or _make_key()
    return hmac.new(key, content, hashlib.sha256).hexdigest() if key else None


def is_ours(content: bytes, signature: str) -> bool:
    """Return whether `sign` gave this signature here, to this user."""
    key = _key()
    if key is None:
        return False
    expected = hmac.new(key, content, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode("ascii"), signature.encode("utf-8", errors="replace"))


def key_path() -> Path:
    """Return the file of the key."""
    return user_data_path(_KEY_NAME)


def _key() -> bytes | None:
    """Return the key, if there is a sound one."""
    try:
        key = key_path().read_bytes()
    except OSError:
        return None
    return key if len(key) == _KEY_BYTES else None


def _make_key() -> bytes | None:
    """Return a new key, or that of another process which was faster; None where it cannot be kept."""
    path = key_path()
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.unlink(missing_ok=True)
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(secrets.token_bytes(_KEY_BYTES))
            if path.exists() and path.stat().st_size != _KEY_BYTES:  # a damaged one signs nothing
                path.unlink()
            with contextlib.suppress(FileExistsError):  # of one that was faster
                os.link(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError:
        return None
    return _key()
