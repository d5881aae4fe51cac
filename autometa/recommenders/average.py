"""Best on average: the configurations with the lowest mean normalised loss over all known tasks."""

from collections.abc import Sequence

import numpy as np

from autometa.evaluation.record import Evaluation
from autometa.knowledge.frames import Experience
from autometa.recommenders.base import Normalised, Recommender
from autometa.space import Configuration
from autometa.task import TaskDescription


class BestOnAverage(Recommender):
    """Ranks by the mean normalised loss over all known tasks, by their weights, whatever the new task is."""

    name = "average"

    def _learn(self, experience: Experience, seed: int) -> None:
        self._known = self._weighted(experience.weights)

    def _normalised(self, description: TaskDescription, observed: Sequence[Evaluation]) -> Normalised:
        return self._known

    def support(self, description: TaskDescription, configurations: Sequence[Configuration]) -> np.ndarray:
        """Return weight x (1 - normalised loss): every task has one vote, for what was good on it."""
        columns = self._columns(configurations)
        votes = np.nan_to_num(1.0 - self.experience_.normalised_losses.T, nan=0.0) * self.experience_.weights
        return np.where((columns >= 0)[:, None], votes[columns], 0.0)
