"""The user's own encoder: trained on the runs of a base, then in force in place of the shipped one."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from autometa.errors import OptionError
from autometa.evaluation.protocol import CV_V1
from autometa.fewshot.encoder.inference import TaskEncoder, own_path
from autometa.fewshot.encoder.learning import EncoderTasks, TrainedEncoder
from autometa.fewshot.encoder.tables import Table
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.described import add_embeddings
from autometa.metric import default_metric
from autometa.pipelines.building import PIPELINES_VERSION
from autometa.task import Task
from autometa.task_kind import TaskKind

N_ROWS = 1_024  # of each table, that parts are drawn from


def encoder_tasks(base: KnowledgeBase, tables: Mapping[str, Table] | None = None) -> EncoderTasks:
    """Return the tasks of a base, of all kinds, with those of their tables that are at hand, by fingerprint."""
    experiences = [
        base.experience(kind, default_metric(kind), protocol=CV_V1.name, pipelines_version=PIPELINES_VERSION)
        for kind in TaskKind
    ]
    return EncoderTasks.of(experiences, tables)


def put_in_force(
    trained: TrainedEncoder,
    base: KnowledgeBase,
    tasks: EncoderTasks,
    known: Mapping[str, Task],
    about: Mapping[str, object],
) -> tuple[Path, int]:
    """Store embeddings of the tasks of a base and then the encoder; return its file, and how many there are.

    From then on tasks are compared by it, as long as its file is there: see `inference.encoder_in_force`.

    Parameters
    ----------
    trained : TrainedEncoder
        The encoder.
    base : KnowledgeBase
        What is compared with.
    tasks : EncoderTasks
        Its tasks.
    known : mapping of str to Task
        By fingerprint, those whose tables are at hand.
    about : mapping of str to JSON values
        What the card says.

    Raises
    ------
    OptionError
        If something cannot be written.
    """
    version = version_of(trained)
    encoder = TaskEncoder(trained.arrays(), trained.card(version, about))
    found = {each.fingerprint: encoder.embed(each, known.get(each.fingerprint)) for each in tasks.descriptions}
    add_embeddings(base, found, version=version)
    path = own_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OptionError(f"cannot write into {path.parent}: {error.strerror or error}") from error
    trained.save(path, version=version, about=about)
    return path, len(found)


def version_of(trained: TrainedEncoder) -> str:
    """Return what tells the embeddings of an encoder from those of others: "own-" and a digest of its weights."""
    digest = hashlib.sha256()
    for name, array in sorted(trained.arrays().items()):
        digest.update(name.encode() + array.tobytes())
    return f"own-{digest.hexdigest()[:12]}"
