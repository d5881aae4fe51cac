"""Optional libraries: whether one is here, and a clear error at the door where it is not."""

import importlib
import importlib.util
from types import ModuleType

from autometa.errors import MissingDependencyError


def is_installed(module: str) -> bool:
    """Return whether ``module`` can be imported here, without importing it (a parent package is)."""
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # of the parent of a dotted name
        return False


def require(module: str, *, extra: str) -> ModuleType:
    """Return the imported ``module``.

    Raises
    ------
    MissingDependencyError
        If it is not installed; the message names ``extra``.
    """
    if not is_installed(module):
        raise MissingDependencyError(
            f"'{module}' is not installed; install it with: pip install 'autometa-ml[{extra}]'"
        )
    return importlib.import_module(module)
