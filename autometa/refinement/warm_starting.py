"""Warm starts: what is advised for a table comes first in a user's own Optuna study."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.study import Study

from autometa.advisor import recommend
from autometa.errors import OptionError
from autometa.knowledge.base import KnowledgeBase
from autometa.metric import get_metric
from autometa.recommenders.recommendation import Advice
from autometa.refinement.translating import Dictionary, Naming, Translated
from autometa.sources.tables import as_task
from autometa.space import Configuration

_MORE = 4  # times as many pipelines are asked for where several are the same in the user's parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Enqueued:
    """A trial that waits in a study.

    Parameters
    ----------
    params : mapping of str to any value
        What it begins with, by the user's names; the sampler draws the others.
    configuration : Configuration
        What was advised.
    rank : int
        Its place in the advice, from 1.
    predicted_score : float
        Of `autometa.recommend`: cross-validated, in the metric's own direction.
    evidence : tuple of str
        Names of the tasks whose runs speak for it most.
    clipped : tuple of str
        Parameters whose advised value lay beyond the user's range.
    """

    params: Mapping[str, Any]  # Any: as Optuna has it
    configuration: Configuration
    rank: int
    predicted_score: float
    evidence: tuple[str, ...] = field(repr=False)
    clipped: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmStart:
    """What a warm start has put into a study, in the order in which it will be tried.

    Parameters
    ----------
    enqueued : tuple of Enqueued
        The trials; empty where all were in the study already.
    notes : tuple of str
        What was clipped, and what was left out for which reason.
    """

    enqueued: tuple[Enqueued, ...]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.enqueued)

    def __iter__(self) -> Iterator[Enqueued]:
        return iter(self.enqueued)

    def __getitem__(self, position: int) -> Enqueued:
        return self.enqueued[position]


def warm_start(  # noqa: PLR0913 - the keyword arguments of the public door
    study: Study,
    X: Any,  # Any: a path, a DataFrame, an array, a Task, or "openml:31", as as_task takes them
    y: Any = None,  # Any: as above
    *,
    space: Mapping[str, Naming],
    target: str | int | None = None,
    algorithm: str | None = None,
    metric: str = "auto",
    n: int = 10,
    max_fit_seconds: float | None = None,
    knowledge: KnowledgeBase | str | Path | None = None,
    seed: int = 0,
    exclude_origins: Sequence[str] = (),
) -> WarmStart:
    """Enqueue advised pipelines in a user's study, whatever its parameters are called and where they range.

    What advice leaves at the library's default is enqueued with that, where it is in the user's range. What the user
    has no choice for, and parameters that `space` does not name, are drawn by the study's sampler. Values beyond a
    range are clipped into it. What is in the study already, or is the same in the user's parameters as what stands
    before it, is not enqueued again. Every trial says in its user attributes that it was advised (``autometa``), its
    rank, predicted score and metric, the tasks that speak for it, what was clipped, and the configuration.

    Parameters
    ----------
    study : Study
        Of one objective; it may have trials already, which tell ranges and choices that ``space`` does not.
    X, y, target
        The table, as `autometa.recommend` takes it.
    space : mapping of str to str, tuple or list
        From the user's names to ours: ``"learning_rate"``, or ``"lightgbm.learning_rate"`` where several algorithms
        are chosen from; ``"algorithm"`` is that choice. A tuple says more: ``("num_leaves", 2, 64)`` the range,
        ``("num_leaves", IntDistribution(2, 64, step=2))`` that as Optuna has it,
        ``("extra_trees", [False, True])`` the choices,
        ``("algorithm", {"lgbm": "lightgbm", "rf": "random_forest"})`` choices of other names,
        ``("learning_rate", math.log10)`` or ``("learning_rate", math.log10, FloatDistribution(-4, 0))`` a function
        from our value to the user's. A list holds several of these, for parameters that algorithms share.
    algorithm : str, optional
        What is tuned, where ``space`` does not say it.
    metric : str
        By which pipelines are ranked; "auto" takes roc_auc (binary), log_loss (multiclass) or rmse (regression).
    n : int
        How many trials to enqueue at most.
    max_fit_seconds : float, optional
        Only pipelines that are predicted to fit within so many CPU seconds.
    knowledge : KnowledgeBase, str or Path, optional
        The knowledge base, or its file or URL; default: the user's own.
    seed : int
        Seed of all that is drawn.
    exclude_origins : sequence of str
        Origins whose runs do not count.

    Returns
    -------
    WarmStart
        Its items have ``params``, ``configuration``, ``rank``, ``predicted_score``, ``evidence`` and ``clipped``.

    Raises
    ------
    OptionError
        If a name of ours is unknown, the study has several objectives, or nothing can be said in its parameters.
    UserError
        If the table, the wish or the knowledge base cannot be used.

    Examples
    --------
    >>> import optuna
    >>> study = optuna.create_study(direction="maximize")
    >>> start = warm_start(
    ...     study, "data.csv", algorithm="lightgbm", space={"lr": "learning_rate", "leaves": ("num_leaves", 2, 64)}
    ... )  # doctest: +SKIP
    >>> start[0].params  # doctest: +SKIP
    {'lr': 0.02, 'leaves': 64}
    """
    if len(study.directions) != 1:
        raise OptionError(
            f"study '{study.study_name}' has {len(study.directions)} objectives; advice is for one: make another study"
        )
    task = as_task(X, y, target=target)
    dictionary = Dictionary.read(space, algorithm, task.kind, _distributions(study))
    for k in (n, _MORE * n):
        advice = recommend(
            task,
            metric=metric,
            k=k,
            max_fit_seconds=max_fit_seconds,
            algorithms=dictionary.algorithms,
            knowledge=knowledge,
            seed=seed,
            exclude_origins=exclude_origins,
        ).advice
        found = _distinct(advice, dictionary)
        if len(found) >= n or len(advice) < k:
            break
    if not found:
        raise OptionError(
            f"nothing of {len(advice)} advised pipelines can be said in the study's parameters ({', '.join(space)}); "
            "give wider ranges, more choices, or more names in space"
        )
    return _enqueue(study, found[:n], get_metric(metric, task.kind).name)


def _distributions(study: Study) -> dict[str, BaseDistribution]:
    """Return what the study's trials last had of each parameter."""
    return {name: own for trial in study.get_trials(deepcopy=False) for name, own in trial.distributions.items()}


def _distinct(advice: Sequence[Advice], dictionary: Dictionary) -> list[tuple[Advice, Translated]]:
    """Return what can be said in the user's parameters, each set of values once."""
    found: list[tuple[Advice, Translated]] = []
    for each in advice:
        said = dictionary.say(each.configuration)
        if said is not None and said.params and said.params not in [other.params for _, other in found]:
            found.append((each, said))
    return found


def _enqueue(study: Study, found: Sequence[tuple[Advice, Translated]], metric: str) -> WarmStart:
    """Enqueue what the study does not have yet."""
    trials = study.get_trials(deepcopy=False)
    known = [trial.system_attrs.get("fixed_params", trial.params) for trial in trials]
    new = [(advice, said) for advice, said in found if said.params not in known]
    enqueued = []
    for advice, said in new:
        trial = Enqueued(
            params=said.params,
            configuration=advice.configuration,
            rank=advice.rank,
            predicted_score=advice.predicted_score,
            evidence=tuple(run.task for run in advice.evidence),
            clipped=said.clipped,
        )
        study.enqueue_trial(dict(said.params), user_attrs=_attributes(trial, metric), skip_if_exists=True)
        enqueued.append(trial)
    clipped = Counter(name for trial in enqueued for name in trial.clipped)
    told = [f"{name} ({count})" for name, count in clipped.items()]
    notes = [f"{clipped.total()} values were clipped into the study's ranges: {', '.join(told)}"] if told else []
    if len(new) < len(found):
        notes.append(f"{len(found) - len(new)} of {len(found)} are in the study already, and not enqueued again")
    return WarmStart(enqueued=tuple(enqueued), notes=tuple(notes))


def _attributes(trial: Enqueued, metric: str) -> dict[str, Any]:  # Any: what JSON holds
    """Return what a trial says of itself."""
    return {
        "autometa": "advised",
        "autometa_rank": trial.rank,
        "autometa_metric": metric,
        "autometa_predicted_score": trial.predicted_score,
        "autometa_evidence": list(trial.evidence),
        "autometa_clipped": list(trial.clipped),
        "autometa_configuration": trial.configuration.to_json(),
    }
