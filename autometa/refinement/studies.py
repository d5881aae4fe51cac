"""Studies: the trials of a user's Optuna study become runs of the knowledge base."""

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from autometa.errors import ConfigurationError, OptionError
from autometa.evaluation.record import LOCAL, Evaluation, Status, library_versions
from autometa.fewshot.encoder.storing import remember
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.shipped import open_knowledge
from autometa.knowledge.writing import Added
from autometa.metric import Metric, get_metric
from autometa.sources.tables import as_task
from autometa.space import Configuration
from autometa.task import Task

STUDY_VERSION = "1"


def study_protocol(metric: Metric) -> str:
    """Return the protocol of runs whose folds are the user's own, and whose one score is in this metric."""
    return f"study:{metric.name}"


def add_study(  # noqa: PLR0913 - the keyword arguments of the public door
    knowledge: KnowledgeBase | str | Path | None,
    study: Study,
    X: Any,  # Any: a path, a DataFrame, an array, a Task, or "openml:31", as as_task takes them
    y: Any = None,  # Any: as above
    *,
    algorithm: str,
    metric: str = "auto",
    target: str | int | None = None,
    origin: str = LOCAL,
) -> Added:
    """Keep the trials of a study in a knowledge base, for `KnowledgeSampler`; those that are kept already stay.

    Parameters
    ----------
    knowledge : KnowledgeBase, str, Path or None
        Where; None: the user's own base.
    study : Study
        Its completed trials are kept, as failed ones if their value is none that the metric can have; and failed ones
        that had all parameters of a completed one and did not succeed in a later attempt; under a protocol of their
        own: scores of other folds are never mixed with autometa's.
    X, y, target
        The table that it was made on, as `autometa.recommend` takes it; of it fingerprint, name and meta-features are
        kept.
    algorithm : str
        What was tuned; the name by which `KnowledgeSampler` finds it.
    metric : str
        What the study's values are; "auto" takes roc_auc (binary), log_loss (multiclass) or rmse (regression).
    origin : str
        Whose runs they are.

    Raises
    ------
    OptionError
        If the study goes in another direction than the metric, has several objectives, no value that the metric can
        have, or a parameter's value that no configuration can hold; nothing is kept.
    DataError
        If the table cannot be read.
    """
    task = as_task(X, y, target=target)
    own = get_metric(metric, task.kind)
    _check_study(study, own)
    evaluations = [_evaluation(trial, task.fingerprint, algorithm, own, origin) for trial in _kept_trials(study)]
    if isinstance(knowledge, KnowledgeBase):
        return _kept(knowledge, task, evaluations, origin)
    with open_knowledge(knowledge) as base:
        return _kept(base, task, evaluations, origin)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialKeeper:
    """Keeps the trials of a study as they end: a callback for ``study.optimize``, from several threads as well.

    Those are kept that `add_study` keeps. A failed one of which no trial has had the same parameters with success waits
    for one that does; failed ones come before a later success of the very same parameters, and stay.

    Parameters
    ----------
    keep : callable
        Called with each run.
    fingerprint : str
        Of the task.
    algorithm : str
        What is tuned.
    metric : Metric
        What the study's values are.
    origin : str
        Whose runs they are.

    Raises
    ------
    OptionError
        When it is called: as of `add_study`.

    Examples
    --------
    >>> import optuna
    >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
    >>> kept = []
    >>> keeper = TrialKeeper(
    ...     keep=kept.append, fingerprint="0f", algorithm="mine", metric=get_metric("rmse"), origin="me"
    ... )
    >>> study = optuna.create_study()
    >>> study.optimize(lambda trial: trial.suggest_float("rate", 0, 1), n_trials=3, callbacks=[keeper])
    >>> [run.score("rmse") for run in kept] == [trial.value for trial in study.trials]
    True
    """

    keep: Callable[[Evaluation], object]
    fingerprint: str
    algorithm: str
    metric: Metric
    origin: str
    _waiting: list[FrozenTrial] = field(default_factory=list, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __call__(self, study: Study, trial: FrozenTrial) -> None:
        """Keep a trial that has ended, and failed ones that waited for it."""
        _check_study(study, self.metric)
        with self._lock:
            if trial.state is TrialState.FAIL:
                self._waiting.append(trial)
            elif trial.state is TrialState.COMPLETE:
                self._keep(trial)
            completed = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)) if self._waiting else []
            for failed in _telling(self._waiting, completed):
                self._keep(failed)
            spaces = {frozenset(other.params) for other in completed}
            self._waiting[:] = [failed for failed in self._waiting if frozenset(failed.params) not in spaces]

    def _keep(self, trial: FrozenTrial) -> None:
        """Keep one trial."""
        self.keep(_evaluation(trial, self.fingerprint, self.algorithm, self.metric, self.origin))


def _check_study(study: Study, metric: Metric) -> None:
    """Raise unless the values of a study are in a metric."""
    if len(study.directions) != 1:
        raise OptionError(f"study '{study.study_name}' has {len(study.directions)} objectives; one can be kept")
    wanted = StudyDirection.MAXIMIZE if metric.greater_is_better else StudyDirection.MINIMIZE
    if study.direction is not wanted:
        raise OptionError(
            f"study '{study.study_name}' is to {study.direction.name.lower()}, but {metric.name} is to be "
            f"{wanted.name.lower()}d; name the metric of its values with metric="
        )
    completed = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    values = [trial.value for trial in completed if trial.value is not None and math.isfinite(trial.value)]
    if values and not any(metric.low <= value <= metric.high for value in values):
        raise OptionError(
            f"study '{study.study_name}' has values such as {values[0]:g}, but {metric.name} lies between "
            f"{metric.low:g} and {metric.high:g}; scale them, or name their metric with metric="
        )


def _kept_trials(study: Study) -> list[FrozenTrial]:
    """Return the completed trials, and the failed ones that say something."""
    completed = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    failed = study.get_trials(deepcopy=False, states=(TrialState.FAIL,))
    return [*completed, *_telling(failed, completed)]


def _telling(failed: Sequence[FrozenTrial], completed: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Return the failed trials that had all parameters of a completed one, and did not succeed in another attempt."""
    spaces = {frozenset(trial.params) for trial in completed}
    succeeded = [trial.params for trial in completed]
    return [trial for trial in failed if frozenset(trial.params) in spaces and trial.params not in succeeded]


def _kept(base: KnowledgeBase, task: Task, evaluations: list[Evaluation], origin: str) -> Added:
    """Add a task and runs on it."""
    remember(base, task, origin=origin)
    return base.add_evaluations(evaluations)


def _evaluation(trial: FrozenTrial, fingerprint: str, algorithm: str, metric: Metric, origin: str) -> Evaluation:
    """Return a trial as a run; its value is the mean of folds that are not known, and stands for one."""
    value = trial.value if trial.state is TrialState.COMPLETE else None
    is_ok = value is not None and math.isfinite(value) and metric.low <= value <= metric.high
    return Evaluation(
        fingerprint=fingerprint,
        configuration=_configuration(trial.params, algorithm, trial.number),
        protocol=study_protocol(metric),
        pipelines_version=STUDY_VERSION,
        seed=0,
        status=Status.OK if is_ok else Status.FAILED,
        fold_scores={metric.name: (float(value),)} if is_ok and value is not None else {},
        fit_seconds=math.nan,  # how long a trial took is not how long a fit takes
        predict_seconds=math.nan,
        peak_memory_bytes=0,
        error="" if is_ok else f"the trial ended without a value of {metric.name}: {value}",
        absent={},
        versions=library_versions(),
        origin=origin,
    )


def _configuration(params: Mapping[str, Any], algorithm: str, number: int) -> Configuration:  # Any: as Optuna has it
    """Return the configuration of a trial."""
    try:
        return Configuration(algorithm=algorithm, values=params)
    except ConfigurationError as error:
        raise OptionError(f"trial {number} cannot be kept: {error}") from error
