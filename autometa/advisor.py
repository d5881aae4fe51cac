"""The whole flow in one object: describe a task, choose candidates, rank, predict, explain."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from autometa.errors import NotKnownError
from autometa.evaluation.machine_speed import machine_speed
from autometa.evaluation.protocol import CV_V1, PROTOCOLS, Protocol, larger_than
from autometa.evaluation.record import Evaluation
from autometa.fewshot.encoder.inference import embedded, version_in_force
from autometa.fewshot.similar import SimilarTasks, similar_tasks
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.frames import Experience
from autometa.knowledge.origins import ALL_ALIKE, Trust
from autometa.knowledge.shipped import open_knowledge
from autometa.metafeatures import MetaFeatures, extract
from autometa.metric import Metric, get_metric
from autometa.pipelines.building import PIPELINES_VERSION
from autometa.probing import Report, is_decisive, probe
from autometa.recommender_names import DEFAULT_RECOMMENDER, recommender_named
from autometa.recommenders.advising import Grounds, advise, best_measured_first
from autometa.recommenders.base import Recommender, measured_losses
from autometa.recommenders.calibrated import calibration_for
from autometa.recommenders.candidates import Chooser, check_any_left
from autometa.recommenders.caveats import caveats, extrapolated, missing_libraries, on_more_rows, probe_words, scaled
from autometa.recommenders.full_size import at_full_size, is_enough
from autometa.recommenders.recommendation import KnownTask, Probe, Recommendation
from autometa.recommenders.similarity import Similarity
from autometa.recommenders.trading import TradeOff, trade
from autometa.sketches import draw_sketch
from autometa.sources.tables import as_task
from autometa.space import Configuration
from autometa.task import Task, TaskDescription
from autometa.task_kind import TaskKind
from autometa.wish import Wish

N_KNOWN_TASKS = 5
N_NEAR_TASKS = 3


class Advisor:
    """Recommends pipelines from a knowledge base.

    Parameters
    ----------
    knowledge : KnowledgeBase
        Past runs.
    recommender : str
        A name in `autometa.recommender_names.RECOMMENDER_NAMES`.
    protocol : Protocol
        The protocol of the runs that pipelines are ranked by, and scores predicted for. Costs, and the order on tables
        that have more rows than it takes, are learned from those of all protocols.

    Raises
    ------
    OptionError
        If there is no such recommender.
    MissingDependencyError
        If it needs torch, which is not installed.
    """

    def __init__(
        self, knowledge: KnowledgeBase, *, recommender: str = DEFAULT_RECOMMENDER, protocol: Protocol = CV_V1
    ) -> None:
        self._make = recommender_named(recommender)
        self.knowledge = knowledge
        self.recommender = recommender
        self.protocol = protocol

    def recommend(self, task: Task, wish: Wish | None = None, report: Report | None = None) -> Recommendation:
        """Return ranked pipelines for a task.

        Same task, knowledge and wish give the same recommendation; what a probe gets done depends on the machine.

        Parameters
        ----------
        task : Task
            The table.
        wish : Wish, optional
            What is asked for.
        report : callable, optional
            Called before each pipeline that is probed with (seconds so far, its algorithm).

        Raises
        ------
        NotKnownError
            If nothing is known about tasks of this kind and metric.
        OptionError
            If no candidate meets the wish.
        """
        return self.recommend_with_grounds(task, wish, report)[0]

    def recommend_with_grounds(
        self, task: Task, wish: Wish | None = None, report: Report | None = None
    ) -> tuple[Recommendation, Grounds]:
        """Return the recommendation, and what it was drawn from, for a refinement; all else as of `recommend`."""
        wish = wish if wish is not None else Wish()
        metric = get_metric(wish.metric, task.kind)
        description = describe_task(task, seed=wish.seed)[0]
        experience = self._experience(task.kind, metric, wish.trust)
        speed = machine_speed()
        runs = {self.protocol: experience, **self._other_runs(task.kind, metric, wish.trust)}
        chooser = Chooser(experience.configurations, runs, speed=speed)
        candidates = chooser.choose(description, wish)
        ranker = self._make().fit(experience, wish.seed)
        calibration = calibration_for(self._make, experience, wish.seed)
        lacking = chooser.lacking(description, wish)
        stored = self._observed(task, wish.trust)
        grounds = Grounds(
            ranker=ranker,
            description=description,
            priced=candidates,
            calibration=calibration,
            is_restricted=wish.is_restricting or bool(lacking),
            full_size=(
                None
                if measured_losses(stored, metric)
                else self._full_size(description, candidates.configurations, runs, wish)
            ),
        )
        check_any_left(candidates.configurations, stored, metric)
        probed = self._probed(task, grounds, stored, wish, report)
        is_changed = probed is not None and is_decisive(probed, stored, metric, grounds.candidates)
        observed = (*stored, *probed.ended) if probed is not None and is_changed else stored
        check_any_left(candidates.configurations, observed, metric)
        losses = grounds.losses(observed)
        trade_off, order = _ordered(grounds, observed, losses, wish)
        if is_changed:
            order = best_measured_first(order, grounds, observed, losses)
        advice = advise(task, grounds, observed, order, losses, is_ranked=trade_off is None)
        words = []
        if probed is not None:
            first = advice[0].configuration
            words = [probe_words(probed, metric, first, observed, is_decisive=is_changed)]
        known_tasks, novelty = self._neighbours(experience, description)
        recommendation = Recommendation(
            task=description,
            target=task.target,
            metric=metric,
            known_tasks=known_tasks,
            novelty=novelty,
            advice=advice,
            notes=(
                *task.notes,
                *self.near_notes(task),
                *caveats(experience, stored, novelty, len(advice), wish),
                *on_more_rows(description, self.protocol, runs),
                *grounds.order_words(self.protocol),
                *extrapolated(description, runs),
                *scaled(speed),
                *missing_libraries(ranker, description, candidates.configurations, lacking, observed, wish),
                *words,
                *(trade_off.notes if trade_off is not None else ()),
            ),
            probe=probed,
            trade_off=trade_off,
        )
        return recommendation, grounds

    def experience(self, recommendation: Recommendation, wish: Wish | None = None) -> Experience:
        """Return the past runs that the scores of a recommendation were drawn from, by the same wish.

        Raises
        ------
        NotKnownError
            If there are none in this knowledge base.
        """
        return self._experience(recommendation.task.kind, recommendation.metric, (wish or Wish()).trust)

    def known_tasks(self, task: Task, seed: int = 0) -> tuple[tuple[KnownTask, ...], float]:
        """Return the nearest known tasks of the same kind, nearest first, and the novelty of this one.

        Raises
        ------
        NotKnownError
            If no task of this kind is known.
        """
        experience = self._experience(task.kind, get_metric("auto", task.kind))
        return self._neighbours(experience, describe_task(task, seed=seed)[0])

    def similar(self, task: Task, *, by: str | None = None, k: int = 10, seed: int = 0) -> SimilarTasks:
        """Return the known tasks of the same kind that are most like a table: see `fewshot.similar.similar_tasks`."""
        experience = self._experience(task.kind, get_metric("auto", task.kind))
        return similar_tasks(experience, describe_task(task, seed=seed)[0], by=by, k=k)

    def near_notes(self, task: Task) -> tuple[str, ...]:
        """Return a note for each known task that is nearly the same as this one, but for itself, most alike first."""
        near = self.knowledge.near_tasks(task.fingerprint, draw_sketch(task))
        notes = [f"nearly the same as the known table {known.words}: predicted scores are no test" for known in near]
        more = [f"nearly the same as {len(near) - N_NEAR_TASKS} more known tables"] if len(near) > N_NEAR_TASKS else []
        return (*notes[:N_NEAR_TASKS], *more)

    def _probed(
        self, task: Task, grounds: Grounds, observed: Sequence[Evaluation], wish: Wish, report: Report | None
    ) -> Probe | None:
        """Return what is measured on the table itself, if that is wished for."""
        if wish.probe_seconds is None:
            return None
        return probe(task, grounds, observed, seconds=wish.probe_seconds, protocol=self.protocol, report=report)

    def _experience(self, kind: TaskKind, metric: Metric, trust: Trust = ALL_ALIKE) -> Experience:
        """Return what is known about a kind of task, as far as its origins are trusted."""
        experience = self._runs_by(self.protocol, kind, metric, trust)
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

    def _other_runs(self, kind: TaskKind, metric: Metric, trust: Trust) -> dict[Protocol, Experience]:
        """Return what was measured under the other protocols: large tables on more of their rows."""
        others = [each for each in PROTOCOLS.values() if each.name != self.protocol.name]
        return {each: self._runs_by(each, kind, metric, trust) for each in others}

    def _runs_by(self, protocol: Protocol, kind: TaskKind, metric: Metric, trust: Trust) -> Experience:
        """Return what was measured under a protocol on a kind of task, as far as its origins are trusted."""
        return self.knowledge.experience(
            kind,
            metric,
            protocol=protocol.name,
            pipelines_version=PIPELINES_VERSION,
            embedding_version=version_in_force(),
            trust=trust,
        )

    def _full_size(
        self,
        description: TaskDescription,
        candidates: Sequence[Configuration],
        runs: Mapping[Protocol, Experience],
        wish: Wish,
    ) -> Recommender | None:
        """Return what orders a table with more rows than scores are predicted for, if enough large ones are known.

        It is tried of the default recommender alone (docs/benchmarks.md, "Large tables"); the others are what they are.
        """
        if self.recommender != DEFAULT_RECOMMENDER or wish.trade_off is not None:
            return None
        larger = larger_than(self.protocol, runs, description.n_rows)
        if larger is None:
            return None
        known = at_full_size(runs[self.protocol], runs[larger], self.protocol.row_limit)
        return self._make().fit(known, wish.seed) if known is not None and is_enough(known, candidates) else None

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


def _ordered(
    grounds: Grounds, observed: Sequence[Evaluation], losses: npt.NDArray[np.float64], wish: Wish
) -> tuple[TradeOff | None, list[int]]:
    """Return the positions of what is advised, and between what they are a trade-off, if that is wished for."""
    if wish.trade_off is None:
        return None, grounds.order(observed, losses, wish.k)
    return trade(wish.trade_off, wish.k, grounds.priced, losses, observed, grounds.ranker.experience_.metric)


def describe_task(task: Task, *, seed: int = 0) -> tuple[TaskDescription, MetaFeatures]:
    """Return what a recommender may know of a task, and the meta-features with their failures.

    Without weights of an encoder there is no embedding.
    """
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
    return replace(description, embedding=embedded(description, task)), features


def recommend(  # noqa: PLR0913 - the keyword arguments of the public door
    X: Any,  # Any: a path, a DataFrame, an array, a Task, or "openml:31", as as_task takes them
    y: Any = None,  # Any: as above
    *,
    target: str | int | None = None,
    metric: str = "auto",
    k: int = 10,
    max_fit_seconds: float | None = None,
    max_memory: str | float | None = None,
    algorithms: Sequence[str] | None = None,
    knowledge: KnowledgeBase | str | Path | None = None,
    recommender: str = DEFAULT_RECOMMENDER,
    seed: int = 0,
    exclude_origins: Sequence[str] = (),
    origin_weights: Mapping[str, float] | None = None,
    probe_seconds: float | None = None,
    trade_off: str | None = None,
) -> Recommendation:
    """Return ranked pipelines for a table.

    Parameters
    ----------
    X : str, Path, DataFrame, ndarray of shape (n_rows, n_columns) or Task
        The table; "openml:31" is a data set of OpenML.
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
    max_memory : str or float, optional
        Only pipelines whose fit is predicted to need no more memory: "2GB", "500MB", or bytes.
    algorithms : sequence of str, optional
        Only pipelines of these algorithms; "interpretable" stands for linear models, LDA, naive Bayes and single trees.
    knowledge : KnowledgeBase, str or Path, optional
        The knowledge base, or its file or URL; default: the user's own.
    recommender : str
        How pipelines are ranked: a name in `autometa.recommender_names.RECOMMENDER_NAMES`.
    seed : int
        Seed of all that is drawn; same inputs and seed give the same list.
    exclude_origins : sequence of str
        Origins whose runs do not count.
    origin_weights : mapping of str to float, optional
        How much the runs of an origin count in the ranking; default: 1.
    probe_seconds : float, optional
        For about so long, the first pipeline, the defaults of LightGBM and the random forest, and whatever their
        results speak for are measured on the table itself, on at most 3,000 of its rows; the best of them is first.
    trade_off : str, optional
        "time", "memory" or "predict-time": only pipelines that no other is expected to beat in both the score and the
        time of a fit, its memory, or the time of predicting; from the cheapest to the best. Not with a probe.

    Returns
    -------
    Recommendation
        Its items have ``build()``, ``configuration``, ``predicted_score``, ``interval``, ``fit_seconds``,
        ``memory_bytes``, ``predict_seconds``, ``reasons``, and ``evidence``.

    Raises
    ------
    UserError
        If the table, the wish or the knowledge base cannot be used.
    """
    wish = Wish(
        metric=metric,
        k=k,
        max_fit_seconds=max_fit_seconds,
        max_memory=max_memory,
        algorithms=algorithms,
        seed=seed,
        exclude_origins=exclude_origins,
        origin_weights=origin_weights or {},
        probe_seconds=probe_seconds,
        trade_off=trade_off,
    )
    task = as_task(X, y, target=target)
    if isinstance(knowledge, KnowledgeBase):
        return Advisor(knowledge, recommender=recommender).recommend(task, wish)
    with open_knowledge(knowledge) as base:
        return Advisor(base, recommender=recommender).recommend(task, wish)


def describe(X: Any, y: Any = None, *, target: str | int | None = None, seed: int = 0) -> pd.Series:
    """Return the meta-features of a table: a Series of float, name -> value; NaN where undefined.

    Parameters are those of `recommend`.
    """
    task = as_task(X, y, target=target)
    return pd.Series(dict(describe_task(task, seed=seed)[1].values), dtype=float, name=task.name)
