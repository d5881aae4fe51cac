"""Hybrid: a portfolio for the task at hand first, then whatever the results so far speak for."""

from collections.abc import Sequence

import numpy as np

from autometa.evaluation.record import Evaluation
from autometa.knowledge.frames import Experience
from autometa.recommenders.base import Recommender
from autometa.recommenders.gaussian import ProximityGaussian
from autometa.recommenders.proximity import ProximityPortfolio
from autometa.space import Configuration
from autometa.task import TaskDescription

N_FIRST = 3


class Hybrid(Recommender):
    """Ranks as `ProximityPortfolio` until three results are there, and as `ProximityGaussian` from then on."""

    name = "hybrid"
    n_folds = 10

    def rank(
        self,
        description: TaskDescription,
        configurations: Sequence[Configuration],
        observed: Sequence[Evaluation] = (),
        n: int | None = None,
    ) -> tuple[int, ...]:
        """Return positions in ``configurations`` in the order of the expert whose turn it is."""
        return self._expert(observed).rank(description, configurations, observed, n)

    def support(self, description: TaskDescription, configurations: Sequence[Configuration]) -> np.ndarray:
        """Return the votes of `ProximityPortfolio`."""
        return self.first_.support(description, configurations)

    def _learn(self, experience: Experience, seed: int) -> None:
        self.first_ = ProximityPortfolio().fit(experience, seed)
        self.later_ = ProximityGaussian(self.first_.proximity_).fit(experience, seed)

    def _normalised(
        self, description: TaskDescription, observed: Sequence[Evaluation]
    ) -> tuple[np.ndarray, np.ndarray]:
        return self._expert(observed)._normalised(description, observed)

    def _expert(self, observed: Sequence[Evaluation]) -> Recommender:
        """Return the expert for what is known so far."""
        return self.later_ if len(observed) >= N_FIRST else self.first_
