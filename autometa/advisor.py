"""The whole flow in one object: describe a task, choose candidates, rank, predict, explain."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from autometa.errors import ConfigurationError, NotKnownError, OptionError
from autometa.evaluation.protocol import CV_V1, Protocol
from autometa.evaluation.record import Evaluation
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.frames import Experience
from autometa.knowledge.origins import ALL_ALIKE, Trust
from autometa.knowledge.shipped import open_knowledge
from autometa.metafeatures import MetaFeatures, extract
from autometa.metric import Metric, get_metric
from autometa.pipelines.building import PIPELINES_VERSION
from autometa.pipelines.learners import LEARNERS, learners_of, space_of
from autometa.reading import read_task
from autometa.recommenders.average import BestOnAverage
from autometa.recommenders.base import Recommender
from autometa.recommenders.calibration import calibrate
from autometa.recommenders.cost import FitTime
from autometa.recommenders.evidence import evidence_for, reasons_for
from autometa.recommenders.expecting import expected_losses, order_candidates, score_intervals
from autometa.recommenders.gaussian import ConditionalGaussian
from autometa.recommenders.hybrid import Hybrid
from autometa.recommenders.lacking import expected_gain
from autometa.recommenders.nearest import NearestTasks
from autometa.recommenders.portfolio import GreedyPortfolio
from autometa.recommenders.proximity import ProximityPortfolio
from autometa.recommenders.recommendation import Advice, KnownTask, Recommendation
from autometa.recommenders.similarity import Similarity
from autometa.sketches import draw_sketch
from autometa.space import Configuration
from autometa.task import Task, TaskDescription
from autometa.task_kind import TaskKind
from autometa.wish import Wish

# Every way to rank, by the name under which it is asked for.
RECOMMENDERS: dict[str, type[Recommender]] = {
    "portfolio": GreedyPortfolio,
    "nearest": NearestTasks,
    "average": BestOnAverage,
    "proximity": ProximityPortfolio,
    "gaussian": ConditionalGaussian,
    "hybrid": Hybrid,
}
DEFAULT_RECOMMENDER = "portfolio"
N_KNOWN_TASKS = 5
N_NEAR_TASKS = 3
NOVEL = 0.95  # above this share a task counts as unlike all known ones


class Advisor:
    """Recommends pipelines from a knowledge base.

    Parameters
    ----------
    knowledge : KnowledgeBase
        Past runs.
    recommender : str
        A name in `RECOMMENDERS`.
    protocol : Protocol
        The protocol of the runs that are read.

    Raises
    ------
    OptionError
        If there is no such recommender.
    """

    def __init__(
        self, knowledge: KnowledgeBase, *, recommender: str = DEFAULT_RECOMMENDER, protocol: Protocol = CV_V1
    ) -> None:
        if recommender not in RECOMMENDERS:
            raise OptionError(f"no recommender '{recommender}'; choose one of: {', '.join(RECOMMENDERS)}")
        self.knowledge = knowledge
        self.recommender = recommender
        self.protocol = protocol

    def recommend(self, task: Task, wish: Wish | None = None) -> Recommendation:
        """Return ranked pipelines for a task.

        Same task, knowledge and wish give the same recommendation.

        Raises
        ------
        NotKnownError
            If nothing is known about tasks of this kind and metric.
        OptionError
            If no candidate meets the wish.
        """
        wish = wish if wish is not None else Wish()
        metric = get_metric(wish.metric, task.kind)
        description = describe_task(task, seed=wish.seed)[0]
        experience = self._experience(task.kind, metric, wish.trust)
        observed = self._observed(task, wish.trust)
        fit_time = FitTime(self.protocol).fit(experience)
        candidates, fit_seconds = _candidates(fit_time, experience, description, wish)
        ranker = RECOMMENDERS[self.recommender]().fit(experience, wish.seed)
        losses = expected_losses(ranker, description, candidates, observed)
        order = order_candidates(ranker, description, candidates, observed, losses)[: wish.k]
        chosen = [candidates[position] for position in order]
        calibration = calibrate(RECOMMENDERS[self.recommender], experience, wish.seed)
        scores = score_intervals(
            metric, description, zip(chosen, losses[list(order)], strict=True), observed, calibration
        )
        evidence = evidence_for(ranker, description, chosen)
        reasons = reasons_for(ranker, description, chosen, observed)
        known_tasks, novelty = self._neighbours(experience, description)
        lacking = _lacking(fit_time, experience, description, wish)
        advice = tuple(
            Advice(
                rank=place + 1,
                configuration=configuration,
                predicted_score=scores[place][0],
                interval=scores[place][1],
                fit_seconds=float(fit_seconds[order[place]]),
                reasons=reasons[place],
                evidence=evidence[place],
                kind=task.kind,
                column_kinds=task.column_kinds,
            )
            for place, configuration in enumerate(chosen)
        )
        return Recommendation(
            task=description,
            target=task.target,
            metric=metric,
            known_tasks=known_tasks,
            novelty=novelty,
            advice=advice,
            notes=(
                *task.notes,
                *self.near_notes(task),
                *_caveats(experience, observed, novelty, len(advice), wish),
                *_missing_libraries(ranker, description, candidates, lacking, observed, wish.k),
            ),
        )

    def known_tasks(self, task: Task, seed: int = 0) -> tuple[tuple[KnownTask, ...], float]:
        """Return the nearest known tasks of the same kind, nearest first, and the novelty of this one.

        Raises
        ------
        NotKnownError
            If no task of this kind is known.
        """
        experience = self._experience(task.kind, get_metric("auto", task.kind))
        return self._neighbours(experience, describe_task(task, seed=seed)[0])

    def near_notes(self, task: Task) -> tuple[str, ...]:
        """Return a note for each known task that is nearly the same as this one, but for itself, most alike first."""
        near = self.knowledge.near_tasks(task.fingerprint, draw_sketch(task))
        notes = [f"nearly the same as the known table {known.words}: predicted scores are no test" for known in near]
        more = [f"nearly the same as {len(near) - N_NEAR_TASKS} more known tables"] if len(near) > N_NEAR_TASKS else []
        return (*notes[:N_NEAR_TASKS], *more)

    def _experience(self, kind: TaskKind, metric: Metric, trust: Trust = ALL_ALIKE) -> Experience:
        """Return what is known about a kind of task, as far as its origins are trusted."""
        experience = self.knowledge.experience(
            kind, metric, protocol=self.protocol.name, pipelines_version=PIPELINES_VERSION, trust=trust
        )
        if experience.n_tasks == 0 and trust.excluded:
            raise NotKnownError(
                f"no {kind} task in {self.knowledge.place} is left {trust.words[0]}; exclude fewer origins"
            )
        if experience.n_tasks == 0:
            raise NotKnownError(
                f"no {kind} task in {self.knowledge.place}; add runs with: autometa kb grow --from FOLDER, "
                f"or make a base that holds the shipped ones with: autometa kb create --db FILE"
            )
        return experience

    def _observed(self, task: Task, trust: Trust) -> tuple[Evaluation, ...]:
        """Return what was already measured on this very table, by origins that count."""
        evaluations = self.knowledge.evaluations_of(
            task.fingerprint, protocol=self.protocol.name, pipelines_version=PIPELINES_VERSION
        )
        return tuple(e for e in evaluations if e.seed == 0 and e.origin not in trust.excluded)

    def _neighbours(self, experience: Experience, description: TaskDescription) -> tuple[tuple[KnownTask, ...], float]:
        """Return the nearest known tasks and the novelty."""
        similarity = Similarity().fit(experience.descriptions)
        distances = similarity.distances(description)
        names = [known.fingerprint for known in experience.descriptions]
        order = sorted(range(len(names)), key=lambda row: (distances[row], names[row]))[:N_KNOWN_TASKS]
        nearest = tuple(
            KnownTask(
                name=experience.descriptions[row].name,
                distance=float(distances[row]),
                fingerprint=experience.descriptions[row].fingerprint,
            )
            for row in order
        )
        if description.fingerprint in names:
            return nearest, 0.0
        return nearest, similarity.novelty(description, experience.families)


def describe_task(task: Task, *, seed: int = 0) -> tuple[TaskDescription, MetaFeatures]:
    """Return what a recommender may know of a task, and the meta-features with their failures."""
    features = extract(task, seed)
    description = TaskDescription(
        name=task.name,
        fingerprint=task.fingerprint,
        family=task.family,
        kind=task.kind,
        n_rows=task.full_n_rows or task.n_rows,
        n_columns=task.n_columns,
        metafeatures=features.values,
    )
    return description, features


def recommend(  # noqa: PLR0913 - the keyword arguments of the public door
    X: Any,  # Any: a path, a DataFrame, an array or a Task, as read_task takes them
    y: Any = None,  # Any: as above
    *,
    target: str | int | None = None,
    metric: str = "auto",
    k: int = 10,
    max_fit_seconds: float | None = None,
    algorithms: Sequence[str] | None = None,
    knowledge: KnowledgeBase | str | Path | None = None,
    recommender: str = DEFAULT_RECOMMENDER,
    seed: int = 0,
    exclude_origins: Sequence[str] = (),
    origin_weights: Mapping[str, float] | None = None,
) -> Recommendation:
    """Return ranked pipelines for a table.

    Parameters
    ----------
    X : str, Path, DataFrame, ndarray of shape (n_rows, n_columns) or Task
        The table.
    y : array-like of shape (n_rows,), optional
        The target, if it stands apart from the table.
    target : str or int, optional
        Name or position of the target column; default: the last column.
    metric : str
        roc_auc, log_loss, rmse, ...; "auto" takes roc_auc (binary), log_loss (multiclass) or rmse (regression).
    k : int
        Number of pipelines.
    max_fit_seconds : float, optional
        Only pipelines that are predicted to fit within so many CPU seconds.
    algorithms : sequence of str, optional
        Only pipelines of these algorithms.
    knowledge : KnowledgeBase, str or Path, optional
        The knowledge base, or its file or URL; default: the user's own.
    recommender : str
        How pipelines are ranked: a name in `RECOMMENDERS`.
    seed : int
        Seed of all that is drawn; same inputs and seed give the same list.
    exclude_origins : sequence of str
        Origins whose runs do not count.
    origin_weights : mapping of str to float, optional
        How much the runs of an origin count in the ranking; default: 1.

    Returns
    -------
    Recommendation
        Its items have ``build()``, ``configuration``, ``predicted_score``, ``interval``, ``fit_seconds``, ``reasons``,
        and ``evidence``.

    Raises
    ------
    UserError
        If the table, the wish or the knowledge base cannot be used.
    """
    wish = Wish(
        metric=metric,
        k=k,
        max_fit_seconds=max_fit_seconds,
        algorithms=algorithms,
        seed=seed,
        exclude_origins=exclude_origins,
        origin_weights=origin_weights or {},
    )
    task = X if isinstance(X, Task) else read_task(X, y, target=target)
    if isinstance(knowledge, KnowledgeBase):
        return Advisor(knowledge, recommender=recommender).recommend(task, wish)
    with open_knowledge(knowledge) as base:
        return Advisor(base, recommender=recommender).recommend(task, wish)


def describe(X: Any, y: Any = None, *, target: str | int | None = None, seed: int = 0) -> pd.Series:
    """Return the meta-features of a table: a Series of float, name -> value; NaN where undefined.

    Parameters are those of `recommend`.
    """
    task = X if isinstance(X, Task) else read_task(X, y, target=target)
    return pd.Series(dict(describe_task(task, seed=seed)[1].values), dtype=float, name=task.name)


def _fits(configuration: Configuration, kind: TaskKind) -> bool:
    """Return whether this release can build a configuration."""
    try:
        space_of(configuration.algorithm, kind).check(configuration)
    except ConfigurationError:
        return False
    return True


def _candidates(
    fit_time: FitTime, experience: Experience, description: TaskDescription, wish: Wish
) -> tuple[list[Configuration], npt.NDArray[np.float64]]:
    """Return the configurations that can be built here and meet the wish, and their fit seconds."""
    here = {learner.algorithm for learner in learners_of(description.kind)}
    wanted = here if wish.algorithms is None else here & set(wish.algorithms)
    candidates = [c for c in experience.configurations if c.algorithm in wanted and _fits(c, description.kind)]
    if not candidates:
        asked = ", ".join(sorted(wish.algorithms or here))
        raise OptionError(f"no known candidate for a {description.kind} task among: {asked}")
    seconds = fit_time.predict(description, candidates)
    if wish.max_fit_seconds is None:
        return candidates, seconds
    is_fast = seconds <= wish.max_fit_seconds
    if not is_fast.any():
        raise OptionError(
            f"no candidate is predicted to fit within {wish.max_fit_seconds:g} s; "
            f"the fastest needs about {np.nanmin(seconds):.2g} s"
        )
    return [c for c, kept in zip(candidates, is_fast, strict=True) if kept], seconds[is_fast]


def _lacking(
    fit_time: FitTime, experience: Experience, description: TaskDescription, wish: Wish
) -> list[Configuration]:
    """Return the known configurations that meet the wish, but whose library is not here."""
    algorithms = {
        learner.algorithm
        for learner in learners_of(description.kind, installed_only=False)
        if not learner.is_installed and (wish.algorithms is None or learner.algorithm in wish.algorithms)
    }
    lacking = [c for c in experience.configurations if c.algorithm in algorithms and _fits(c, description.kind)]
    if wish.max_fit_seconds is None or not lacking:
        return lacking
    is_fast = fit_time.predict(description, lacking) <= wish.max_fit_seconds
    return [c for c, kept in zip(lacking, is_fast, strict=True) if kept]


def _missing_libraries(
    ranker: Recommender,
    description: TaskDescription,
    here: Sequence[Configuration],
    others: Sequence[Configuration],
    observed: Sequence[Evaluation],
    k: int,
) -> list[str]:
    """Return what is not installed, and what it would bring to the best of ``k``."""
    if not others:
        return []
    names = sorted({other.algorithm for other in others})
    remedy = " ".join(f"'{wanted}'" for wanted in sorted({LEARNERS[name].requirement for name in names}))
    missing = f"not installed: {', '.join(names)} (pip install {remedy})"
    gain = expected_gain(ranker, description, here, others, observed, k)
    if gain is None or gain.share_better <= gain.share_worse:
        return [missing]
    return [
        f"{missing}; with them the best of {k} would be better on {gain.share_better:.0%} and worse on "
        f"{gain.share_worse:.0%} of {gain.n_tasks} known tasks, "
        f"its loss lower by {gain.median_reduction:.1%} in the median"
    ]


def _caveats(
    experience: Experience, observed: Sequence[Evaluation], novelty: float, n_advised: int, wish: Wish
) -> list[str]:
    """Return what to know before trusting the advice."""
    notes = list(wish.trust.words)
    if observed:
        notes.append(f"known table: {len(observed)} of its runs are stored; their scores are measured, not predicted")
    elif novelty > NOVEL:
        notes.append("unlike all known tasks: take the predicted scores with care")
    if experience.n_tasks < 30:
        notes.append(f"thin knowledge: {experience.n_tasks} {experience.kind} tasks are known, so intervals are wide")
    if n_advised < wish.k:
        notes.append(f"{wish.k} pipelines were asked for, {n_advised} candidates are known")
    return notes
