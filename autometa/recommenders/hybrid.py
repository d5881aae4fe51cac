"""Hybrid: a portfolio for the task at hand first, then whatever the results so far speak for."""

from collections.abc import Sequence

import numpy as np

from autometa.evaluation.record import Evaluation
from autometa.knowledge.frames import Experience
from autometa.recommenders.base import Normalised, Recommender
from autometa.recommenders.gaussian import ProximityGaussian
from autometa.recommenders.portfolio import GreedyPortfolio
from autometa.recommenders.proximity import ProximityPortfolio
from autometa.recommenders.similarity import NOVEL, Similarity
from autometa.space import Configuration
from autometa.task import TaskDescription

N_FIRST = 3


class Hybrid(Recommender):
    """Ranks as `ProximityPortfolio` until three results are there, and as `ProximityGaussian` from then on.

    A task that is unlike all known ones gets the order of `GreedyPortfolio` at first, which is good everywhere.
    """

    name = "hybrid"
    version = 2  # 1 began with a greedy pick
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
        self.similarity_ = Similarity().fit(experience.descriptions)
        self._last: tuple[TaskDescription, bool] | None = None

    def _normalised(self, description: TaskDescription, observed: Sequence[Evaluation]) -> Normalised:
        return self._expert(description, observed)._normalised(description, observed)

    def _expert(self, description: TaskDescription, observed: Sequence[Evaluation]) -> Recommender:
        """Return the expert for what is known so far."""
        if len(observed) >= N_FIRST:
            return self.later_
        return self.everywhere_ if self._is_novel(description) else self.first_

    def _is_novel(self, description: TaskDescription) -> bool:
        """Return whether a task is unlike all known ones; kept for the last one asked for."""
        if self._last is None or self._last[0] is not description:
            experience = self.experience_
            is_known = any(known.fingerprint == description.fingerprint for known in experience.descriptions)
            novelty = self.similarity_.novelty(description, experience.families)
            self._last = (description, not is_known and novelty > NOVEL)
        return self._last[1]
