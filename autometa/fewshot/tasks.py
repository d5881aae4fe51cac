"""Past runs as arrays for meta-learners, and episodes drawn from them.

Shapes: T tasks, N configurations, D numbers that describe a configuration, C numbers that describe a task before any
result; B episodes, S places of a support set, Q of a query set.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import numpy.typing as npt

from autometa._random import spawn
from autometa.knowledge.frames import Experience
from autometa.recommenders.encoding import Encoder
from autometa.recommenders.landmarks import log_ratios
from autometa.recommenders.similarity import Similarity
from autometa.space import Configuration
from autometa.task import TaskDescription

N_PROFILES = 16  # principal components of the costs that describe a configuration
FAR = 3.0  # losses farther above the best of a support set tell no more than that they are bad
WIDTH_ERROR = 0.5  # standard deviation of the logarithm of what a task's losses are scaled by, when it is new
_RATIO_SCALE = 2.0  # logarithms of two landmarkers' ratios, brought to about one

Floats = npt.NDArray[np.float32]


class ContextEncoder:
    """What is known of a task before any result, as numbers of about one: (C,).

    Meta-features as of `Similarity`, ratios of landmarkers, and the embedding where all known tasks have one.
    """

    def fit(self, descriptions: Sequence[TaskDescription]) -> Self:
        """Learn scales from known tasks."""
        self.similarity_ = Similarity().fit(descriptions)
        ratios = log_ratios(descriptions)
        self.is_measured_ = np.isfinite(ratios).mean(axis=0) >= 0.5 if len(ratios) else np.zeros(ratios.shape[1], bool)
        sizes = {len(each.embedding) if each.embedding is not None else 0 for each in descriptions}
        self.n_embedded_ = sizes.pop() if len(sizes) == 1 else 0
        return self

    @property
    def n_numbers(self) -> int:
        """C."""
        return int(self.similarity_.known_.shape[1] + self.is_measured_.sum() + self.n_embedded_)

    def transform(self, descriptions: Sequence[TaskDescription]) -> Floats:
        """Return the contexts of tasks, an ndarray of shape (n_tasks, C) without NaN; what is missing counts 0."""
        scaled = self.similarity_.transform(descriptions)
        ratios = np.clip(np.nan_to_num(log_ratios(descriptions)[:, self.is_measured_]) / _RATIO_SCALE, -3.0, 3.0)
        empty = (0.0,) * self.n_embedded_
        embedded = np.array([(each.embedding or empty)[: self.n_embedded_] for each in descriptions], dtype=float)
        if embedded.shape != (len(descriptions), self.n_embedded_):
            embedded = np.zeros((len(descriptions), self.n_embedded_))
        return np.hstack([scaled, ratios, embedded]).astype(np.float32)


class PointEncoder:
    """What describes a configuration, as numbers from -1 to 1 or about one: (D,).

    The algorithm, and each hyperparameter by its rank among the known values, with a flag where it is not set; then
    what the configuration has in common with others over the known tasks: its loadings on the first principal
    components of the costs. Configurations that are not of the experience have none of the latter.
    """

    def fit(self, experience: Experience) -> Self:
        """Learn values and profiles from the configurations of an experience."""
        self.encoder_ = Encoder().fit((), experience.configurations)
        known = self.encoder_.configurations(experience.configurations)
        self.values_ = [np.unique(column[np.isfinite(column)]) for column in known.T]
        self.is_flagged_ = np.isnan(known).any(axis=0) & np.isfinite(known).any(axis=0)
        profiles = _profiles(experience.costs)
        self.profile_of_ = {c.key: row for c, row in zip(experience.configurations, profiles, strict=True)}
        self.n_profiles_ = profiles.shape[1]
        return self

    def transform(self, configurations: Sequence[Configuration]) -> Floats:
        """Return an ndarray of shape (n_configurations, D) without NaN."""
        raw = self.encoder_.configurations(configurations)
        scaled = np.zeros_like(raw)
        for column, values in enumerate(self.values_):
            if len(values) > 1:
                places = np.linspace(-1.0, 1.0, len(values))
                scaled[:, column] = np.interp(np.nan_to_num(raw[:, column], nan=values[0]), values, places)
        scaled[np.isnan(raw)] = 0.0
        flags = np.isnan(raw[:, self.is_flagged_]).astype(float)
        absent = np.zeros(self.n_profiles_)
        profiles = np.array([self.profile_of_.get(c.key, absent) for c in configurations])
        return np.hstack([scaled, flags, profiles.reshape(len(configurations), self.n_profiles_)]).astype(np.float32)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MetaTasks:
    """Tasks to learn to learn from, in the order of their fingerprints.

    Parameters
    ----------
    points : ndarray of shape (N, D)
        The configurations of the experience, in its order.
    contexts : ndarray of shape (T, C)
        The tasks before any result.
    costs : ndarray of shape (T, N)
        As of `Experience.costs`, 0 the best of the task; failures 1, NaN = not tried.
    is_failure : ndarray of bool, shape (T, N)
        Whether it was tried and failed.
    families : tuple of str, T of them
        What is split by, never a task from its relatives.
    """

    points: Floats = field(repr=False)
    contexts: Floats = field(repr=False)
    costs: Floats = field(repr=False)
    is_failure: npt.NDArray[np.bool_] = field(repr=False)
    families: tuple[str, ...] = field(repr=False)

    @classmethod
    def of(cls, experience: Experience, points: PointEncoder, contexts: ContextEncoder) -> Self:
        """Return the tasks of an experience on which at least two configurations were tried."""
        order = [
            row
            for row in np.argsort([each.fingerprint for each in experience.descriptions], kind="stable")
            if experience.is_tried[row].sum() >= 2
        ]
        return cls(
            points=points.transform(experience.configurations),
            contexts=contexts.transform([experience.descriptions[row] for row in order]),
            costs=experience.costs[order].astype(np.float32),
            is_failure=np.isinf(experience.losses[order]),
            families=tuple(experience.families[row] for row in order),
        )

    @property
    def n_tasks(self) -> int:
        """T."""
        return len(self.families)

    def split(self, share: float, seed: int) -> tuple["MetaTasks", "MetaTasks"]:
        """Return most tasks, and those of about this share of the families, drawn: to learn from, and to stop by.

        A family's lot is its own: where others have joined, hardly any goes from one part to the other.
        """
        families = sorted(set(self.families), key=lambda family: spawn(seed, "kept", family))
        kept = set(families[: max(round(share * len(families)), 1)])
        is_kept = np.array([family in kept for family in self.families], dtype=bool)
        return self.of_rows(np.flatnonzero(~is_kept)), self.of_rows(np.flatnonzero(is_kept))

    def of_rows(self, rows: npt.NDArray[np.intp]) -> "MetaTasks":
        """Return some of the tasks."""
        return MetaTasks(
            points=self.points,
            contexts=self.contexts[rows],
            costs=self.costs[rows],
            is_failure=self.is_failure[rows],
            families=tuple(self.families[row] for row in rows),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Episodes:
    """Some tasks, each with a support set that is told and a query set that is asked for.

    Parameters
    ----------
    contexts : ndarray of shape (B, C)
        The tasks before any result.
    support : ndarray of int, shape (B, S)
        Configurations that are told, as rows of the points; 0 where there is none.
    told : ndarray of shape (B, S)
        What is told of them: see `told_losses`; 0 where there is none.
    is_told : ndarray of bool, shape (B, S)
        Whether there is one.
    query : ndarray of int, shape (B, Q)
        Configurations that are asked for, as rows of the points.
    costs : ndarray of shape (B, Q)
        What the answer should have been.
    is_asked : ndarray of bool, shape (B, Q)
        Whether there is one.
    rows : ndarray of int, shape (B,)
        Which tasks they are of; empty where that is not known.
    """

    contexts: Floats = field(repr=False)
    support: npt.NDArray[np.int64] = field(repr=False)
    told: Floats = field(repr=False)
    is_told: npt.NDArray[np.bool_] = field(repr=False)
    query: npt.NDArray[np.int64] = field(repr=False)
    costs: Floats = field(repr=False)
    is_asked: npt.NDArray[np.bool_] = field(repr=False)
    rows: npt.NDArray[np.int64] = field(repr=False, default_factory=lambda: np.zeros(0, dtype=np.int64))


def draw_episodes(
    tasks: MetaTasks,
    rng: np.random.Generator,
    *,
    n_episodes: int,
    max_support: int,
    n_query: int,
) -> Episodes:
    """Return episodes on drawn tasks, with support sets of 0 to ``max_support`` runs.

    A support set is drawn in favour of what is good on average, the more so in a part of the episodes: as it is when a
    recommender has chosen it. How losses are scaled is not known of a new task to better than a factor, nor here.
    """
    rows = rng.integers(tasks.n_tasks, size=n_episodes)
    means = np.nan_to_num(np.nanmean(np.where(np.isnan(tasks.costs).all(axis=0), 1.0, tasks.costs), axis=0), nan=1.0)
    support = np.zeros((n_episodes, max_support), dtype=np.int64)
    query = np.zeros((n_episodes, n_query), dtype=np.int64)
    told = np.zeros((n_episodes, max_support), dtype=np.float32)
    costs = np.zeros((n_episodes, n_query), dtype=np.float32)
    is_told = np.zeros((n_episodes, max_support), dtype=bool)
    is_asked = np.zeros((n_episodes, n_query), dtype=bool)
    for episode, row in enumerate(rows):
        tried = np.flatnonzero(~np.isnan(tasks.costs[row]))
        n_told = int(rng.integers(0, min(max_support, len(tried) - 1) + 1))
        favour = rng.uniform(0.0, 6.0) * means[tried]
        order = tried[np.argsort(favour - rng.gumbel(size=len(tried)))]  # the Gumbel trick: drawn without replacement
        shown, left = order[:n_told], rng.permutation(order[n_told:])[:n_query]
        scale = float(np.exp(WIDTH_ERROR * rng.normal()))
        support[episode, :n_told], is_told[episode, :n_told] = shown, True
        losses = np.where(tasks.is_failure[row, shown], np.inf, tasks.costs[row, shown])
        told[episode, :n_told] = told_losses(losses, scale)
        query[episode, : len(left)], is_asked[episode, : len(left)] = left, True
        costs[episode, : len(left)] = tasks.costs[row, left]
    return Episodes(
        contexts=tasks.contexts[rows],
        support=support,
        told=told,
        is_told=is_told,
        query=query,
        costs=costs,
        is_asked=is_asked,
        rows=rows,
    )


def told_losses(losses: npt.NDArray[np.floating], scale: float) -> Floats:
    """Return what a learner is told of losses (S,): how far above the least of them, in units of ``scale``.

    Whatever their level, which is not known of a new task; at most `FAR`. A failure, inf, is that far.
    """
    finite = losses[np.isfinite(losses)]
    least = finite.min() if len(finite) else 0.0
    with np.errstate(invalid="ignore", over="ignore"):
        return np.minimum(np.where(np.isfinite(losses), (losses - least) / scale, FAR), FAR).astype(np.float32)


def _profiles(costs: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return loadings of the configurations on the first principal components of the costs, (N, at most N_PROFILES)."""
    tried = ~np.isnan(costs)
    counts = tried.sum(axis=0)
    mean = (np.nan_to_num(costs).sum(axis=0) + 1.0) / (counts + 1.0)
    centred = np.where(tried, np.nan_to_num(costs) - mean, 0.0)
    _, sizes, loadings = np.linalg.svd(centred, full_matrices=False)
    n_kept = min(N_PROFILES, int((sizes > 1e-9).sum()))
    kept = loadings[:n_kept].T
    signs = np.sign(kept[np.abs(kept).argmax(axis=0), np.arange(n_kept)]) if n_kept else np.ones(0)
    usual = kept * signs * sizes[:n_kept] / max(np.sqrt(len(costs)), 1.0)
    spread = usual.std() if usual.size else 0.0
    scaled = usual / spread if spread > 0 else usual
    return np.column_stack([(mean - mean.mean()) / (mean.std() + 1e-9), scaled])
