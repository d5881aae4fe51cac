"""A table into a knowledge base, with all that describes it."""

from autometa.fewshot.encoder.inference import encoder_in_force
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.described import add_embeddings
from autometa.metafeatures import EXTRACTION_VERSION, extract
from autometa.task import Task


def remember(base: KnowledgeBase, task: Task, *, origin: str, seed: int = 0) -> None:
    """Add what a base lacks of a task: itself, meta-features, sketch, and the embedding where there are weights.

    Raises
    ------
    OptionError
        If a text is empty or too long.
    DataError
        If the task is a sample of a table.
    """
    # a sample has the fingerprint of the full table, which may be known; it is refused all the same
    if task.full_n_rows or not base.has_task(task.fingerprint, metafeatures_version=EXTRACTION_VERSION):
        base.add_task(task, extract(task, seed), origin=origin)
    encoder = encoder_in_force()
    if encoder is None:
        return
    known = base.describe(task.fingerprint, embedding_version=encoder.version)
    if known.embedding is None:
        add_embeddings(base, {task.fingerprint: encoder.embed(known, task)}, version=encoder.version)
