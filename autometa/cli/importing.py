"""Imports of a command, without looking for garbage among what they make: it stays until the command ends.

A command makes some million objects while it imports, and Python would go through all of them several times, and once
more on its way out: a fifth of what a short command takes.
"""

import gc
import importlib
import sys
from types import ModuleType

MEASURING = ("sklearn.tree", "lightgbm")
"""What meta-features are measured with, which is imported when the first are."""


def load(*modules: str) -> list[ModuleType]:
    """Import modules, and exempt from garbage collection all that there is then: for the process of a command.

    Raises
    ------
    ImportError
        If there is no such module.
    """
    if all(module in sys.modules for module in modules):
        return [sys.modules[module] for module in modules]
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        loaded = [importlib.import_module(module) for module in modules]
    finally:
        if was_enabled:
            gc.enable()
    gc.freeze()
    return loaded
