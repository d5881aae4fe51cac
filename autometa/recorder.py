"""Recording: the runs that a user's own code makes on a table go into the knowledge base as they come."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autometa.errors import DataError, OptionError
from autometa.evaluation.messages import NOT_IMPORTABLE
from autometa.evaluation.record import LOCAL, Evaluation, Status
from autometa.evaluation.running import Evaluator, Limits
from autometa.fewshot.encoder.storing import remember
from autometa.knowledge.base import NOT_STATED, KnowledgeBase
from autometa.knowledge.shipped import open_knowledge
from autometa.metric import Metric, get_metric
from autometa.pipelines.learners import LEARNERS
from autometa.pipelines.recognising import recognise
from autometa.sources.tables import as_task
from autometa.task import Task

if TYPE_CHECKING:
    from autometa.refinement.studies import TrialKeeper


class Recording:
    """Runs on one table, each written to the knowledge base at once; made by `recording`.

    Attributes
    ----------
    task : Task
        The table.
    evaluations : list of Evaluation
        What was recorded so far, in order.
    """

    def __init__(
        self,
        base: KnowledgeBase,
        task: Task,
        evaluator: Evaluator,
        *,
        origin: str = LOCAL,
        tuned: tuple[str, Metric] | None = None,
    ) -> None:
        self.task = task
        self.evaluations: list[Evaluation] = []
        self._base = base
        self._evaluator = evaluator
        self._origin = origin
        self._one_at_a_time = threading.RLock()
        self._tuned = tuned
        self._callback: TrialKeeper | None = None

    def cross_validate(self, estimator: Any) -> Evaluation:  # Any: scikit-learn's classes have no types
        """Measure an estimator by autometa's protocol ``cv-v1``, record what came out, and return it.

        Folds and metrics are those of all other runs on this table, on at most 3,000 of its rows; there is no
        ``cv``, ``scoring`` or ``sample_weight``, with which scores could not be compared. The estimator is given the
        columns of `task`, as `autometa.read_task` reads the table, in a process of its own with limits. It is not
        fitted itself. Whatever goes wrong inside of it is recorded as well, as the ``status`` and ``error`` of the
        run.

        One that is a configuration of autometa's (`autometa.pipelines.recognising.recognise`) is run as that, with
        autometa's seed and one thread, so that the run is the very one that ``kb grow`` would make and
        `autometa.recommend` learns from it. Any other is run as it is, and recorded under the name of its class:
        it is listed, and never advised.

        Parameters
        ----------
        estimator : scikit-learn estimator
            Any that can be pickled, and whose class can be imported in another process.

        Returns
        -------
        Evaluation
            With ``score("roc_auc")``, ``fold_scores``, ``status``, ``error``, ``fit_seconds``, and the
            ``configuration`` under which it was recorded.

        Raises
        ------
        OptionError
            If the estimator cannot be sent to another process; nothing is recorded.
        EvaluationError
            If the machinery of evaluation breaks.
        KnowledgeError
            If the base cannot be written.
        """
        configuration = recognise(estimator, self.task)
        with self._one_at_a_time:
            if configuration.algorithm in LEARNERS:
                evaluation = self._evaluator.evaluate(self.task, configuration)
            else:
                evaluation = self._evaluator.evaluate_estimator(self.task, estimator, configuration)
            if evaluation.status is Status.FAILED and NOT_IMPORTABLE in evaluation.error:
                raise OptionError(f"{type(estimator).__name__}: {evaluation.error.removeprefix('DataError: ')}")
            return self._keep(replace(evaluation, origin=self._origin))

    @property
    def optuna_callback(self) -> "TrialKeeper":
        """What keeps every trial that ends: ``study.optimize(objective, callbacks=[record.optuna_callback])``.

        As `autometa.add_study` keeps them: under a protocol of their own, for `autometa.KnowledgeSampler`, never
        compared with scores of autometa's. Failed trials come with the first completed one that has the same
        parameters. It is for studies of the one algorithm and metric that `recording` was given.

        Raises
        ------
        OptionError
            If `recording` was not told what is tuned. When it is called: if the study goes in another direction than
            the metric, has several objectives, or a parameter's value that no configuration can hold.
        """
        if self._tuned is None:
            raise OptionError("what does the study tune? name it: autometa.recording(X, y, algorithm='my model')")
        if self._callback is None:
            from autometa.refinement.studies import TrialKeeper  # which imports Optuna

            algorithm, metric = self._tuned
            self._callback = TrialKeeper(
                keep=self._keep,
                fingerprint=self.task.fingerprint,
                algorithm=algorithm,
                metric=metric,
                origin=self._origin,
            )
        return self._callback

    def _keep(self, evaluation: Evaluation) -> Evaluation:
        """Write one run, and return it."""
        with self._one_at_a_time:
            self._base.add_evaluations([evaluation])
            self.evaluations.append(evaluation)
        return evaluation


@contextmanager
def recording(  # noqa: PLR0913 - the keyword arguments of the public door
    X: Any,  # Any: a path, a DataFrame, an array, a Task, or "openml:31", as as_task takes them
    y: Any = None,  # Any: as above
    *,
    target: str | int | None = None,
    name: str | None = None,
    knowledge: KnowledgeBase | str | Path | None = None,
    algorithm: str | None = None,
    metric: str = "auto",
    origin: str = LOCAL,
    limits: Limits | None = None,
) -> Iterator[Recording]:
    """Record the runs that are made on a table while the block is open.

    Every run is written at once, in a transaction of its own: what ends the block, or the process, loses none that came
    before. Several processes may record into one base. Of the table, name, fingerprint, meta-features and a sketch
    are kept.

    Parameters
    ----------
    X, y, target
        The table, as `autometa.recommend` takes it.
    name : str, optional
        What to call it where it is named as evidence; default: the file's name, ``table`` for one in memory.
    knowledge : KnowledgeBase, str or Path, optional
        Where; default: the user's own base.
    algorithm : str, optional
        What Optuna studies tune, for ``optuna_callback``.
    metric : str
        What the values of such studies are; "auto" takes roc_auc (binary), log_loss (multiclass) or rmse (regression).
        What is cross-validated has all metrics of its kind.
    origin : str
        Whose runs they are.
    limits : Limits, optional
        What one cross-validation may use; default: 60 CPU seconds and 4 GiB.

    Raises
    ------
    UserError
        If the table or an argument cannot be used, or the base cannot be opened or written: before anything is run.

    Examples
    --------
    >>> import tempfile
    >>> import pandas as pd
    >>> from sklearn.linear_model import Ridge
    >>> folder = tempfile.TemporaryDirectory()
    >>> KnowledgeBase.create(Path(folder.name) / "runs.db").close()
    >>> X = pd.DataFrame({"a": [3.5, 1.0, 2.0, 0.5] * 15, "b": [1, 2, 3] * 20})
    >>> with recording(X, X["a"] * 0.5 + X["b"], knowledge=Path(folder.name) / "runs.db") as record:
    ...     run = record.cross_validate(Ridge(alpha=2))
    >>> run.status, run.score("r2") > 0.99, run.configuration.algorithm
    (<Status.OK: 'ok'>, True, 'ridge')
    >>> folder.cleanup()
    """
    task = as_task(X, y, target=target)
    task = task if name is None else replace(task, name=name)
    own = get_metric(metric, task.kind)
    with _opened(knowledge) as base:
        _add_task(base, task, origin)
        with Evaluator(limits) as evaluator:
            yield Recording(
                base, task, evaluator, origin=origin, tuned=(algorithm, own) if algorithm is not None else None
            )


@contextmanager
def _opened(knowledge: KnowledgeBase | str | Path | None) -> Iterator[KnowledgeBase]:
    """Give an open base; one that the caller opened stays open."""
    if isinstance(knowledge, KnowledgeBase):
        yield knowledge
        return
    with open_knowledge(knowledge) as base:
        yield base


def _add_task(base: KnowledgeBase, task: Task, origin: str) -> None:
    """Add a task with its meta-features where it is new; what would refuse them is asked before they are computed."""
    if task.full_n_rows:  # it has the fingerprint of the full table, which may be known
        raise DataError(f"'{task.name}' is a sample of a table; record runs on the full one, read without max_rows")
    with base.writing() as writer:
        writer.origin_id(origin, NOT_STATED)
    remember(base, task, origin=origin)
