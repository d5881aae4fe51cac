"""autometa recommends machine-learning pipelines for a new table, from what was learned on past ones.

Public names are looked up on use, so that ``import autometa`` costs nothing.
"""

import importlib
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from autometa import errors as errors
    from autometa.advisor import describe as describe
    from autometa.advisor import recommend as recommend
    from autometa.estimators import AutoMetaClassifier as AutoMetaClassifier
    from autometa.estimators import AutoMetaRegressor as AutoMetaRegressor
    from autometa.knowledge.base import KnowledgeBase as KnowledgeBase
    from autometa.reading import read_task as read_task
    from autometa.recorder import recording as recording
    from autometa.refinement.sampler import KnowledgeSampler as KnowledgeSampler
    from autometa.refinement.studies import add_study as add_study
    from autometa.refinement.warm_starting import warm_start as warm_start
    from autometa.sources.openml.reading import from_openml as from_openml

_HOMES = {
    "AutoMetaClassifier": "autometa.estimators",
    "AutoMetaRegressor": "autometa.estimators",
    "KnowledgeBase": "autometa.knowledge.base",
    "KnowledgeSampler": "autometa.refinement.sampler",
    "add_study": "autometa.refinement.studies",
    "describe": "autometa.advisor",
    "errors": "autometa",
    "from_openml": "autometa.sources.openml.reading",
    "read_task": "autometa.reading",
    "recommend": "autometa.advisor",
    "recording": "autometa.recorder",
    "warm_start": "autometa.refinement.warm_starting",
}

__all__ = [
    "AutoMetaClassifier",
    "AutoMetaRegressor",
    "KnowledgeBase",
    "KnowledgeSampler",
    "add_study",
    "describe",
    "errors",
    "from_openml",
    "read_task",
    "recommend",
    "recording",
    "warm_start",
]


def __getattr__(name: str) -> object:
    """Import a public name on its first use."""
    if name == "errors":
        return importlib.import_module("autometa.errors")
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'autometa' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
