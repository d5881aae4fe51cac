"""Which of the configurations that were measured on a task of OpenML's is worth sending there."""

from autometa.errors import NotKnownError
from autometa.evaluation.protocol import PROTOCOLS
from autometa.evaluation.record import Evaluation, Status
from autometa.knowledge.base import KnowledgeBase
from autometa.metric import default_metric
from autometa.pipelines.building import PIPELINES_VERSION
from autometa.sources.openml.connection import Connection
from autometa.sources.openml.fetching import fetch_task
from autometa.sources.openml.reading import Reference, fetch
from autometa.space import Configuration


def measured_best(base: KnowledgeBase, number: int, connection: Connection, *, rank: int) -> Configuration:
    """Return the configuration of a rank among those measured here on an OpenML task, 1 is the best.

    By the default metric of its kind, on OpenML's own splits if anything was measured on them, else by autometa's
    protocols; ties are broken by key. Imported runs do not count.

    Raises
    ------
    NotKnownError
        If not so many were.
    SourceError
        If OpenML does not give the task.
    """
    task = fetch(connection, Reference(number=number, is_task=True)).task
    metric = default_metric(task.kind)
    found: list[Evaluation] = []
    for protocol in (fetch_task(connection, number).protocol, *PROTOCOLS):
        runs = base.evaluations_of(task.fingerprint, protocol=protocol, pipelines_version=PIPELINES_VERSION)
        found = [run for run in runs if run.seed == 0 and run.status is Status.OK and metric.name in run.fold_scores]
        if found:
            break
    if len(found) < rank:
        raise NotKnownError(
            f"{len(found)} configurations were measured on task {number} of OpenML; run more with autometa kb grow, or "
            "give --configuration"
        )
    best = sorted(found, key=lambda run: (metric.loss(run.score(metric.name)), run.configuration.key))
    return best[rank - 1].configuration
