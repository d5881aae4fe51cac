"""Continual learning: a meta-learner that goes on from what it knows as runs arrive, and never for the worse.

Runs that arrive join the memory of a learner that has one, if it is not worse with them. Its net goes on from the
weights that it has, on old tasks and new ones alike; the version that results, the challenger, takes over from the
champion only if it is not worse. Both are judged on families that nothing is learned from. What was forgotten is
measured on the old tasks.
"""

import copy
from dataclasses import dataclass, replace

import numpy as np

from autometa.errors import DataError
from autometa.fewshot.assessing import assess
from autometa.fewshot.recommender import MetaLearner
from autometa.fewshot.training import Effort
from autometa.knowledge.frames import Experience


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgetting:
    """What a learner lost on old tasks by learning from new ones.

    Parameters
    ----------
    before, after : float
        Loss on the old tasks, see `Assessment`.
    """

    before: float
    after: float

    @property
    def lost(self) -> float:
        """By how much the loss rose."""
        return self.after - self.before


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """A champion and its challenger on frozen families.

    Parameters
    ----------
    champion, challenger : float
        Mean losses over the families.
    error : float
        Standard error of the difference, over families.
    n_families : int
        How many.
    """

    champion: float
    challenger: float
    error: float
    n_families: int

    @property
    def is_won(self) -> bool:
        """Whether the challenger is not worse."""
        return self.challenger <= self.champion


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """What became of an update.

    Parameters
    ----------
    learner : MetaLearner
        The version that holds from now on.
    contest : Contest
        On the frozen families.
    forgetting : Forgetting
        Of the challenger, whether it took over or not.
    n_new : int
        Tasks that were not known before, or with more runs than before.
    """

    learner: MetaLearner
    contest: Contest
    forgetting: Forgetting
    n_new: int


class Continual:
    """A meta-learner as past runs grow.

    Parameters
    ----------
    learner : MetaLearner
        Fitted, without the frozen families; the champion.
    frozen : Experience
        Tasks of families that nothing is ever learned from.
    effort : Effort
        How long the net goes on at each update; a learning rate lower than at first keeps what it knows.
    seed : int
        Of all that is drawn.

    Raises
    ------
    DataError
        If there is no frozen task, or the learner has learned from a frozen family.
    """

    def __init__(
        self, learner: MetaLearner, frozen: Experience, *, effort: Effort | None = None, seed: int = 0
    ) -> None:
        if frozen.n_tasks == 0:
            raise DataError("no task is frozen to judge a new version by; leave some families out")
        seen = set(frozen.families) & set(learner.experience_.families)
        if seen:
            raise DataError(f"family '{min(seen)}' is frozen, but was learned from; fit without it")
        self.learner = learner
        self.frozen = frozen
        self.effort = effort if effort is not None else replace(learner.effort, learning_rate=2e-4, n_rounds=10)
        self.seed = seed

    def update(self, experience: Experience) -> Update:
        """Learn from an experience that has grown: old runs, which are replayed beside the new ones, and new.

        The frozen families are left out of it. The champion's memory knows the new runs from now on, unless it is
        worse with them.
        """
        known = experience.without(sorted(set(self.frozen.families)))
        old = self.learner.experience_
        n_new = _n_new(old, known)
        champion = self._remembering(known)
        challenger = self.learner.going_on(known, self.effort, self.seed)
        before, after = _losses(self.learner, challenger, old, self.seed)
        contest = compared(champion, challenger, self.frozen, self.seed)
        self.learner = challenger if contest.is_won else champion
        return Update(
            learner=self.learner, contest=contest, forgetting=Forgetting(before=before, after=after), n_new=n_new
        )

    def _remembering(self, known: Experience) -> MetaLearner:
        """Return the champion with new runs in its memory, if it has one and is not worse with them."""
        remembering = copy.copy(self.learner)
        if remembering.remember(known) and compared(self.learner, remembering, self.frozen, self.seed).is_won:
            return remembering
        return self.learner


def compared(champion: MetaLearner, challenger: MetaLearner, frozen: Experience, seed: int = 0) -> Contest:
    """Return how two learners do on families that neither has learned from, by what both know.

    Raises
    ------
    DataError
        If no task has three runs of configurations that both know.
    """
    known = _known_to_both(champion, challenger, frozen)
    one, other = (assess(each, known, seed) for each in (champion, challenger))
    names = sorted(set(one.families))
    rows = [np.array([family == name for family in one.families]) for name in names]
    pairs = np.array([[each.losses[row].mean() for each in (one, other)] for row in rows])
    differences = pairs[:, 1] - pairs[:, 0]
    error = float(differences.std(ddof=1) / np.sqrt(len(names))) if len(names) > 1 else np.nan
    return Contest(
        champion=float(pairs[:, 0].mean()),
        challenger=float(pairs[:, 1].mean()),
        error=error,
        n_families=len(names),
    )


def _losses(one: MetaLearner, other: MetaLearner, experience: Experience, seed: int) -> tuple[float, float]:
    """Return the mean losses of two learners on tasks, by what both know."""
    known = _known_to_both(one, other, experience)
    first, second = (float(assess(each, known, seed).losses.mean()) for each in (one, other))
    return first, second


def _known_to_both(one: MetaLearner, other: MetaLearner, experience: Experience) -> Experience:
    """Return the runs of configurations that two learners know: so that both are asked for the same."""
    keys = {c.key for c in other.experience_.configurations}
    return experience.of_configurations([c.key for c in one.experience_.configurations if c.key in keys])


def _n_new(old: Experience, new: Experience) -> int:
    """Return how many tasks of an experience are not in another, or have fewer runs there."""
    n_runs = {
        each.fingerprint: int(tried) for each, tried in zip(old.descriptions, old.is_tried.sum(axis=1), strict=True)
    }
    counts = new.is_tried.sum(axis=1)
    return sum(n_runs.get(each.fingerprint, 0) < count for each, count in zip(new.descriptions, counts, strict=True))
