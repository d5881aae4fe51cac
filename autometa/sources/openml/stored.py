"""How imported runs of OpenML are found in a base; nothing of the `openml` library is needed for it."""

from autometa.knowledge.base import KnowledgeBase

PIPELINES_VERSION = "openml"
"""Of all imported runs: whatever made them, it was not our `build`."""

METAFEATURES_VERSION = "openml-qualities"
"""Of the meta-features of their tasks: what OpenML has counted and computed."""


def protocols_of(base: KnowledgeBase) -> tuple[str, ...]:
    """Return the protocols under which there are imported runs, sorted."""
    return base.protocols(pipelines_version=PIPELINES_VERSION)
