"""Where files are: those that ship with autometa, inside the wheel or beside the package, and the user's own."""

from pathlib import Path

import platformdirs

_PACKAGE = Path(__file__).resolve().parent


def data_path(*parts: str) -> Path:
    """Return the path of a shipped data file or folder; it need not exist.

    Examples
    --------
    >>> data_path("candidates", "binary.json").name
    'binary.json'
    """
    return _shipped("data").joinpath(*parts)


def migrations_path() -> Path:
    """Return the folder of the database migrations."""
    return _shipped("migrations")


def user_data_path(*parts: str) -> Path:
    """Return the path of a file or folder among the user's own data; it need not exist."""
    return platformdirs.user_data_path("autometa").joinpath(*parts)


def _shipped(name: str) -> Path:
    """Return ``autometa/_<name>`` of an installed wheel, or else ``<name>`` beside the package."""
    installed = _PACKAGE / f"_{name}"
    return installed if installed.is_dir() else _PACKAGE.parent / name
