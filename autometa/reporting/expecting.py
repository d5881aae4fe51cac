"""What to expect of following the advice: its regret on known tasks whose families were hidden."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from autometa.benchmark.replay import Method, replay
from autometa.benchmark.scores import clustered_error
from autometa.errors import DataError
from autometa.evaluation.record import Evaluation
from autometa.knowledge.frames import Experience
from autometa.recommenders.base import Normalised, Recommender
from autometa.recommenders.diversity import N_BEHIND, defer_shades
from autometa.recommenders.random_order import RandomOrder
from autometa.space import Configuration
from autometa.task import TaskDescription

N_STEPS = 10


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Expected:
    """Mean normalised regret after 1, 2, ... pipelines of a list.

    Parameters
    ----------
    advice, advice_error, chance, chance_error : ndarray of shape (n_steps,)
        Of the advised list and of a list in random order, and their standard errors over families.
    n_tasks, n_families : int
        That were hidden in turn.
    """

    advice: np.ndarray = field(repr=False)
    advice_error: np.ndarray = field(repr=False)
    chance: np.ndarray = field(repr=False)
    chance_error: np.ndarray = field(repr=False)
    n_tasks: int
    n_families: int


class Advised(Recommender):
    """Proposes the list that would be advised, one after the other, whatever the results.

    Parameters
    ----------
    make : type of Recommender
        What makes the list.
    """

    name = "advised"

    def __init__(self, make: type[Recommender]) -> None:
        self.make = make
        self._last: tuple[TaskDescription, Sequence[Configuration], tuple[int, ...]] | None = None

    def rank(
        self,
        description: TaskDescription,
        configurations: Sequence[Configuration],
        observed: Sequence[Evaluation] = (),
        n: int | None = None,
    ) -> tuple[int, ...]:
        """Return what is left of the first positions in ``configurations`` as advised before anything was observed."""
        if self._last is None or self._last[0] is not description or self._last[1] is not configurations:
            order = self.inner_.rank(description, configurations, (), N_BEHIND * N_STEPS)
            order = tuple(defer_shades(self.experience_, configurations, order, N_STEPS))
            self._last = (description, configurations, order)  # a replay asks for one step after the other
        done = {evaluation.configuration.key for evaluation in observed}
        return tuple(position for position in self._last[2] if configurations[position].key not in done)[:n]

    def support(self, description: TaskDescription, configurations: Sequence[Configuration]) -> np.ndarray:
        """Return the votes of the recommender that makes the list."""
        return self.inner_.support(description, configurations)

    def _learn(self, experience: Experience, seed: int) -> None:
        self.inner_ = self.make().fit(experience, seed)
        self._last = None

    def _normalised(self, description: TaskDescription, observed: Sequence[Evaluation]) -> Normalised:
        return self.inner_._normalised(description, observed)


def expect(
    experience: Experience,
    recommender: type[Recommender],
    seed: int = 0,
    *,
    folder: Path | None = None,
    allowed: Collection[str] | None = None,
) -> Expected | str:
    """Return what to expect, or why nothing is known of it.

    Each family of known tasks is hidden in turn (a fold of families, for what takes long to fit); the list is made
    from the others, of what was tried on the hidden task, and is among ``allowed`` keys of configurations, if they are
    given: what may be advised. Lists are kept in a folder, if there is one, for the next
    time: they are the same for every new task.
    """
    methods = [
        Method(name="advice", make=lambda: Advised(recommender), n_folds=recommender.n_folds),
        Method(name="chance", make=RandomOrder),
    ]
    try:
        replayed = replay(experience, methods, n_steps=N_STEPS, seed=seed, folder=folder, allowed=allowed)
    except DataError as error:
        return str(error)
    regrets = {method.name: replayed.regrets(method.name) for method in methods}
    means = {name: values.mean(axis=0) for name, values in regrets.items()}
    errors = {
        name: np.array([clustered_error(column, replayed.families) for column in values.T])
        for name, values in regrets.items()
    }
    return Expected(
        advice=means["advice"],
        advice_error=errors["advice"],
        chance=means["chance"],
        chance_error=errors["chance"],
        n_tasks=len(replayed.tasks),
        n_families=len(set(replayed.families)),
    )
