"""Hybrid: a portfolio for the task at hand first, then whatever the results so far speak for."""

from collections.abc import Sequence

import numpy as np

from autometa.evaluation.record import Evaluation
from autometa.knowledge.frames import Experience
from autometa.recommenders.base import Normalised, Recommender
from autometa.recommenders.gaussian import ProximityGaussian
from autometa.recommenders.portfolio import GreedyPortfolio
from autometa.recommenders.proximity import ProximityPortfolio
from autometa.space import Configuration
from autometa.task import TaskDescription

N_FIRST = 3


class Hybrid(Recommender):
    """Ranks as `ProximityPortfolio` until three results are there, and as `ProximityGaussian` from then on.

    A task of which no meta-feature is known gets the order of `GreedyPortfolio` at first, which is good everywhere.
    """

    name = "hybrid"
    version = 3  # 1 began with a greedy pick, 2 fell back to the greedy order on unusual tasks
    n_folds = 10

    def rank(
        self,
        description: TaskDescription,
        configurations: Sequence[Configuration],
        observed: Sequence[Evaluation] = (),
        n: int | None = None,
    ) -> tuple[int, ...]:
        """Return positions in ``configurations`` in the order of the expert whose turn it is."""
        return self._expert(description, observed).rank(description, configurations, observed, n)

    def support(self, description: TaskDescription, configurations: Sequence[Configuration]) -> np.ndarray:
        """Return the votes of the portfolio that ranks first."""
        return self._expert(description, ()).support(description, configurations)

    def _learn(self, experience: Experience, seed: int) -> None:
        self.first_ = ProximityPortfolio().fit(experience, seed)
        self.later_ = ProximityGaussian(self.first_.proximity_).fit(experience, seed)
        self.everywhere_ = GreedyPortfolio().fit(experience, seed)

    def _normalised(self, description: TaskDescription, observed: Sequence[Evaluation]) -> Normalised:
        return self._expert(description, observed)._normalised(description, observed)

    def _expert(self, description: TaskDescription, observed: Sequence[Evaluation]) -> Recommender:
        """Return the expert for what is known so far."""
        if len(observed) >= N_FIRST:
            return self.later_
        return self.first_ if self.first_.proximity_.can_tell(description) else self.everywhere_
