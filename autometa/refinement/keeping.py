"""Keeping: what a refinement measures becomes knowledge."""

from dataclasses import replace

from autometa.evaluation.limits import Limits
from autometa.evaluation.protocol import OwnSplits
from autometa.evaluation.record import Evaluation, Status
from autometa.fewshot.encoder.storing import remember
from autometa.knowledge.base import KnowledgeBase
from autometa.refinement.attempts import SAMPLE, SEED, Attempt, Source, rungs_of
from autometa.task import Task


class Keeper:
    """Keeps what is measured in a knowledge base, as it comes; the task at once.

    Parameters
    ----------
    base : KnowledgeBase
        Where.
    task : Task
        The table; name, fingerprint, meta-features and a sketch of it are kept.
    origin : str
        Whose runs they are.
    splits : OwnSplits, optional
        The user's own.
    memory_bytes : int
        That each may use: where it is less than usual, running out of it says nothing of the pipeline.

    Raises
    ------
    KnowledgeError
        If the base cannot be written.
    """

    def __init__(
        self,
        base: KnowledgeBase,
        task: Task,
        origin: str,
        splits: OwnSplits | None = None,
        *,
        memory_bytes: int = Limits().memory_bytes,
    ) -> None:
        remember(base, task, origin=origin, seed=SEED)
        self._base = base
        self._origin = origin
        self._unsaid = {Status.TIMED_OUT}  # of a pipeline by how it ended
        if memory_bytes < Limits().memory_bytes:
            self._unsaid.add(Status.OUT_OF_MEMORY)
        self._n_folds: dict[str, int] = {}
        for rung in rungs_of(task, splits, is_recorded=True):
            self._n_folds[rung.splits.name] = self._n_folds.get(rung.splits.name, 0) + len(rung.fold_numbers)

    def keep(self, attempt: Attempt) -> None:
        """Keep the evaluations of an attempt: on all folds, or failed.

        What a budget has cut short says nothing of the pipeline; nor do some of the folds, which others would take for
        all.
        """
        if attempt.source is Source.STOPPED:  # its scores are told by a fit of more rounds
            return
        complete = [each for each in attempt.evaluations if self._is_complete(each)]
        self._base.add_evaluations([replace(each, origin=self._origin) for each in complete])

    def _is_complete(self, evaluation: Evaluation) -> bool:
        """Return whether an evaluation is what anybody would have measured."""
        if evaluation.protocol == SAMPLE.name:  # nobody else measures by it
            return False
        if evaluation.status is not Status.OK:
            return evaluation.status not in self._unsaid
        n_scores = {len(scores) for scores in evaluation.fold_scores.values()}
        return n_scores == {self._n_folds[evaluation.protocol]}
