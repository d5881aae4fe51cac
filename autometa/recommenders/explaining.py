"""Explanation: what stands behind each advised pipeline, in figures and in words."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autometa.knowledge.frames import Experience
from autometa.metafeatures import meanings
from autometa.recommenders.attribution import Contribution, learn_advice
from autometa.recommenders.recommendation import Recommendation
from autometa.recommenders.standing import Standing, Versus, standings
from autometa.task import TaskDescription

N_MOVES = 4
_ROUNDED = 1e-8  # to so much of themselves the base keeps meta-features
N_ATTRIBUTED = 10  # pipelines, each of which has trees of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A meta-feature that moves what is expected of a pipeline.

    Parameters
    ----------
    name, meaning : str
        Of the meta-feature, and what it stands for.
    value : float
        Of the task; NaN = undefined.
    share_below, share_equal : float
        Shares, of the known tasks that have it, with a lower and with the same value; NaN where it is undefined.
    n_tasks : int
        Known tasks that have it.
    contribution : float
        To the expected normalised loss (0 = the best known, 1 = a median pipeline): negative speaks for the pipeline.
    """

    name: str
    meaning: str
    value: float
    share_below: float
    share_equal: float
    n_tasks: int
    contribution: float

    @property
    def words(self) -> str:
        """The move in words."""
        side = "speaks for it" if self.contribution < 0 else "speaks against it"
        if math.isnan(self.value):
            return f"{self.meaning}: undefined, {side} ({self.contribution:+.2f})"
        at = f"{self.value:,.0f}" if self.value.is_integer() else f"{self.value:.3g}"
        return f"{self.meaning}: {at} ({self._place}) {side} ({self.contribution:+.2f})"

    @property
    def _place(self) -> str:
        """Where the value lies among those of the known tasks that have it, ties by their mid-rank."""
        tasks = f"the {self.n_tasks} known tasks that have it"
        above = 1.0 - self.share_below - self.share_equal
        rank = self.share_below + self.share_equal / 2
        if self.n_tasks == 0:
            return "no known task has it"
        if self.share_equal >= 1 / 2:
            return f"as on {_percent(self.share_equal)} of {tasks}"
        if rank < 1 / 3:
            return f"low, below {_percent(above)} of {tasks}"
        if rank > 2 / 3:
            return f"high, above {_percent(self.share_below)} of {tasks}"
        return "as on many known tasks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What stands behind a recommendation.

    Parameters
    ----------
    standings : tuple of Standing
        Of each advised pipeline, in order.
    moves : tuple of tuple of Move
        Of each advised pipeline the meta-features that move what is expected of it most; empty beyond the first ten,
        and where too few tasks are known to tell.
    skill : float
        How far the trees behind the moves can be trusted, see `attribution.AdviceModel`; NaN without any.
    n_tasks : int
        Known tasks that they learned from.
    """

    standings: tuple[Standing, ...]
    moves: tuple[tuple[Move, ...], ...]
    skill: float
    n_tasks: int

    @property
    def trust(self) -> str:
        """How far the moves can be trusted, in words."""
        if math.isnan(self.skill):
            return "which meta-features decide: too few tasks are known to tell"
        told = (
            f"tell {self.skill:.0%} of what varies between tasks that were hidden from them"
            if self.skill > 0.005
            else "tell nothing on tasks that were hidden from them: take the meta-features that speak with care"
        )
        listed = f"first {N_ATTRIBUTED} pipelines" if len(self.moves) > N_ATTRIBUTED else "pipelines"
        trees = f"gradient-boosted trees over {self.n_tasks} known tasks"
        return f"which meta-features decide: {trees}; for the {listed} listed here they {told}"


def explain(experience: Experience, recommendation: Recommendation, seed: int = 0) -> Explanation:
    """Return what stands behind a recommendation that was drawn from this experience."""
    description = recommendation.task
    configurations = [advice.configuration for advice in recommendation]
    model = learn_advice(experience, configurations[:N_ATTRIBUTED], seed)
    moves: list[tuple[Move, ...]] = [() for _ in configurations]
    if model is not None:
        words = meanings()
        for place in range(len(model.boosters)):
            found = model.contributions(description, place, N_MOVES)
            moves[place] = tuple(_move(each, experience.descriptions, words) for each in found)
    return Explanation(
        standings=tuple(standings(experience, description, configurations)),
        moves=tuple(moves),
        skill=math.nan if model is None else model.skill,
        n_tasks=0 if model is None else model.n_tasks,
    )


def standing_words(standing: Standing) -> tuple[str, ...]:
    """Return what a standing adds to the reasons, in words, a sentence a piece."""
    pieces = []
    if standing.n_similar:
        similar = (
            "1 similar known task" if standing.n_similar == 1 else f"{standing.n_similar} most similar known tasks"
        )
        pieces.append(
            f"within 1 % of the best on {standing.n_similar_close} of the {similar} where it was tried: "
            f"{standing.similar_share:.0%} by likeness, against {standing.n_close / standing.n_tried:.0%} of all"
        )
    if standing.versus_default is not None:
        pieces.append(_versus_words(standing.versus_default))
    if f"{standing.regret_before:.2f}" == f"{standing.regret_after:.2f}":
        gain = standing.regret_before - standing.regret_after
        pieces.append(f"lowers the mean regret of the advice so far by {gain:.3f} only")
    return tuple(pieces)


def _versus_words(versus: Versus) -> str:
    """Return a comparison with LightGBM's default in words."""
    side = "lower" if versus.median_reduction >= 0 else "higher"
    return (
        f"better than LightGBM's default on {versus.n_better}, worse on {versus.n_worse} of {versus.n_tasks} known "
        f"tasks; its loss {side} by {abs(versus.median_reduction):.1%} in the median"
    )


def _move(contribution: Contribution, known: Sequence[TaskDescription], words: dict[str, str]) -> Move:
    """Return a contribution with its meaning and its place among the known tasks."""
    values = np.array([each.metafeatures.get(contribution.name, math.nan) for each in known])
    values = values[np.isfinite(values)]
    value = contribution.value
    is_placed = len(values) > 0 and not math.isnan(value)
    below = equal = math.nan
    if is_placed:
        is_equal = np.isclose(values, value, rtol=_ROUNDED, atol=0.0)
        below, equal = float(((values < value) & ~is_equal).mean()), float(is_equal.mean())
    return Move(
        name=contribution.name,
        meaning=words.get(contribution.name, contribution.name),
        value=value,
        share_below=below,
        share_equal=equal,
        n_tasks=len(values),
        contribution=contribution.contribution,
    )


def _percent(share: float) -> str:
    """Return a share in words: rounded down, since only all of them are all."""
    return "all" if share > 1 - 1e-9 else f"{math.floor(100 * share + 1e-9)}%"
