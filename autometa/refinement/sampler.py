"""KnowledgeSampler: an Optuna sampler that begins where past studies of the same algorithm ended."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from autometa._optional import require
from autometa._random import generator, spawn
from autometa.errors import ConfigurationError, NotKnownError, OptionError
from autometa.evaluation.protocol import CV_V1
from autometa.fewshot.catalogue import EXTRA
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.shipped import open_knowledge
from autometa.metric import get_metric
from autometa.pipelines.building import PIPELINES_VERSION
from autometa.pipelines.learners import space_of
from autometa.recommenders.population import Population
from autometa.recommenders.surrogate import Surrogate
from autometa.refinement.search_space import SearchSpace
from autometa.refinement.studies import STUDY_VERSION, study_protocol
from autometa.refinement.transfer import PastRuns, Transfer
from autometa.space import Value
from autometa.task_kind import TaskKind


class KnowledgeSampler(BaseSampler):
    """Samples what past runs of an algorithm on other tasks, and the trials so far, speak for.

    The first trial is what past tasks on average expect most of, parameter by parameter as the study asks for them;
    from then on it is what a Gaussian process, learned from the past tasks and the trials, expects to improve most: see
    `autometa.refinement.transfer`. Parameters that past runs, or earlier trials of the study, do not have, and ranges
    that were others, do no harm. What a study has enqueued comes before. Failed and pruned trials are not looked at.
    Same trials and seed, same proposals; trials of parallel workers depend on which ended first.

    Parameters
    ----------
    knowledge : KnowledgeBase, str or Path, optional
        Where past runs are; default: the user's own base. They are read once, here.
    algorithm : str
        The algorithm whose runs count: one of autometa's, or the name that was given to `autometa.add_study`.
    kind : str
        "binary", "multiclass" or "regression": of the tasks whose runs count.
    metric : str
        By which past runs are compared; "auto" takes roc_auc (binary), log_loss (multiclass) or rmse (regression).
    exclude_families : sequence of str
        Families of tasks whose runs do not count.
    surrogate : str
        What learns from the past: "population" (`autometa.recommenders.population`), or "deep_kernel", a net that is
        trained on it when the first trial begins.
    seed : int
        Of all that is drawn.

    Raises
    ------
    NotKnownError
        If no task has five runs of the algorithm.
    OptionError
        If the kind, the metric or the surrogate makes no sense.
    MissingDependencyError
        If the surrogate needs torch, which is not installed.

    Examples
    --------
    >>> import optuna
    >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
    >>> sampler = KnowledgeSampler(algorithm="ridge", kind="regression")  # doctest: +SKIP
    >>> study = optuna.create_study(sampler=sampler)  # doctest: +SKIP
    """

    def __init__(  # noqa: PLR0913 - the keyword arguments of the public door
        self,
        knowledge: KnowledgeBase | str | Path | None = None,
        *,
        algorithm: str,
        kind: str,
        metric: str = "auto",
        exclude_families: Sequence[str] = (),
        surrogate: str = "population",
        seed: int = 0,
    ) -> None:
        if kind not in set(TaskKind):
            raise OptionError(f"no kind '{kind}'; choose one of: {', '.join(TaskKind)}")
        make = surrogate_named(surrogate)
        if isinstance(knowledge, KnowledgeBase):
            past = past_runs(knowledge, algorithm, TaskKind(kind), metric, exclude_families)
        else:
            with open_knowledge(knowledge) as base:
                past = past_runs(base, algorithm, TaskKind(kind), metric, exclude_families)
        self.seed = seed
        self._transfer = Transfer(past, make)
        if not self._transfer.past:
            raise NotKnownError(f"no {kind} task with five runs of '{algorithm}'; keep studies with autometa.add_study")
        self._lead: Mapping[str, Any] | None = None  # Any: as Optuna has it

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return the parameters that all ended trials have since they first appeared, with their latest ranges."""
        found: dict[str, BaseDistribution] = {}
        unsteady: set[str] = set()
        for ended in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
            unsteady |= found.keys() - ended.distributions.keys()
            found |= ended.distributions
        return {name: own for name, own in sorted(found.items()) if name not in unsteady and not own.single()}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:  # Any: as Optuna has it
        """Return values for all parameters of the search space; none before the first trial has ended."""
        self._raise_error_if_multi_objective(study)
        if not search_space:
            return {}
        ended = [t for t in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)) if t.params]
        running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        sign = -1.0 if study.direction is StudyDirection.MAXIMIZE else 1.0
        losses = np.array([sign * float(each.value) for each in ended if each.value is not None])
        space = SearchSpace(search_space)
        point = self._transfer.propose(
            space.cube,
            [space.to_point(each.params) for each in ended],
            losses,
            [space.to_point(each.params) for each in running if search_space.keys() <= each.params.keys()],
            generator(self.seed, "proposal", str(trial.number)),
        )
        return space.to_params(point)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:  # Any: as Optuna has it
        """Return a value of what to begin with, as long as no trial has ended and none begins so; else a random one."""
        self._raise_error_if_multi_objective(study)
        if not param_distribution.single() and not self._has_begun(study, trial):
            space = SearchSpace({param_name: param_distribution})
            if space.holds(self._begin()):
                return space.to_params(self._begin())[param_name]
        # A sampler for each: those of parallel workers have the same seed, and other numbers of trials.
        random = RandomSampler(seed=spawn(self.seed, "independent", str(trial.number), param_name))
        return random.sample_independent(study, trial, param_name, param_distribution)

    def _begin(self) -> Mapping[str, Any]:  # Any: as Optuna has it
        """Return what to begin with."""
        if self._lead is None:
            self._lead = self._transfer.lead(generator(self.seed, "lead"))
        return self._lead

    def _has_begun(self, study: Study, trial: FrozenTrial) -> bool:
        """Return whether another trial has ended, or is running with what to begin with."""
        for other in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.RUNNING)):
            if other.state is TrialState.COMPLETE:
                return True
            if other.number != trial.number and other.params:
                known = {name: own for name, own in other.distributions.items() if not own.single()}
                space = SearchSpace(
                    {name: own for name, own in known.items() if SearchSpace({name: own}).holds(self._begin())}
                )
                begun = space.to_params(self._begin())
                if begun and all(other.params[name] == value for name, value in begun.items()):
                    return True
        return False


def surrogate_named(name: str) -> Callable[[], Surrogate]:
    """Return what makes a surrogate.

    Raises
    ------
    OptionError
        If there is none of that name.
    MissingDependencyError
        If it needs torch, which is not installed.
    """
    if name == "population":
        return Population
    if name != "deep_kernel":
        raise OptionError(f"no surrogate '{name}'; choose one of: population, deep_kernel")
    require("torch", extra=EXTRA)
    from autometa.fewshot.deep_surrogate import DeepKernelSurrogate

    return DeepKernelSurrogate


def past_runs(
    base: KnowledgeBase, algorithm: str, kind: TaskKind, metric: str, exclude_families: Sequence[str] = ()
) -> list[PastRuns]:
    """Return the runs of an algorithm on each task of a kind, those of kept studies and our own.

    In our own runs, what is absent is the learner's default, and stands so.
    """
    own_metric = get_metric(metric, kind)
    found: list[PastRuns] = []
    for protocol, version in ((study_protocol(own_metric), STUDY_VERSION), (CV_V1.name, PIPELINES_VERSION)):
        experience = base.experience(kind, own_metric, protocol=protocol, pipelines_version=version)
        experience = experience.without(exclude_families)
        defaults = _defaults(algorithm, kind) if protocol == CV_V1.name else {}
        own = [column for column, c in enumerate(experience.configurations) if c.algorithm == algorithm]
        for row in range(experience.n_tasks):
            tried = [column for column in own if experience.is_tried[row, column]]
            if tried:
                points = [{**defaults, **experience.configurations[column].values} for column in tried]
                found.append(PastRuns(points=points, losses=experience.losses[row, tried]))
    return found


def _defaults(algorithm: str, kind: TaskKind) -> dict[str, Value]:
    """Return the defaults of an algorithm's parameters, but for those that are conditional or stand for a number."""
    try:
        parameters = space_of(algorithm, kind).parameters
    except ConfigurationError:  # none of ours
        return {}
    return {p.name: p.default for p in parameters if p.default is not None and p.condition is None}
