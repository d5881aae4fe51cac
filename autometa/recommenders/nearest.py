"""Nearest tasks: what was good on the tasks whose meta-features are most alike."""

from collections.abc import Sequence

import numpy as np

from autometa.errors import OptionError
from autometa.evaluation.record import Evaluation
from autometa.knowledge.frames import Experience
from autometa.recommenders.base import Normalised, Recommender
from autometa.recommenders.similarity import Similarity
from autometa.space import Configuration
from autometa.task import TaskDescription


class NearestTasks(Recommender):
    """Ranks by the mean normalised loss over the nearest known tasks, weighted by 1 / (distance + 0.05).

    Parameters
    ----------
    n_neighbours : int
        Number of tasks that vote, at least 1.

    References
    ----------
    Brazdil, P., Soares, C., da Costa, J. P. (2003). Ranking learning algorithms: using IBL and meta-learning on
    accuracy and time results. Machine Learning 50. https://doi.org/10.1023/A:1021713901879
    """

    name = "nearest"
    version = 2  # 1 saw the unit of the target

    def __init__(self, n_neighbours: int = 10) -> None:
        self.n_neighbours = n_neighbours

    def _learn(self, experience: Experience, seed: int) -> None:
        if self.n_neighbours < 1:
            raise OptionError(f"n_neighbours must be at least 1, got {self.n_neighbours}")
        self.similarity_ = Similarity().fit(experience.descriptions)

    def _normalised(self, description: TaskDescription, observed: Sequence[Evaluation]) -> Normalised:
        return self._weighted(self._weights(description))

    def support(self, description: TaskDescription, configurations: Sequence[Configuration]) -> np.ndarray:
        """Return weight x (1 - normalised loss) of the nearest tasks; 0 for all others."""
        columns = self._columns(configurations)
        good = np.nan_to_num(1.0 - self.experience_.normalised_losses.T, nan=0.0)
        votes = good * self._weights(description)
        return np.where((columns >= 0)[:, None], votes[columns], 0.0)

    def _weights(self, description: TaskDescription) -> np.ndarray:
        """Return the weight of each known task, (n_tasks,); all alike, they sum to the number of neighbours."""
        nearest, weights = self.similarity_.neighbours(description, self.n_neighbours)
        result = np.zeros(self.experience_.n_tasks)
        result[nearest] = weights * (len(nearest) / weights.sum()) * self.experience_.weights[nearest]
        return result
