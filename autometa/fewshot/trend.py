"""What tasks that are alike let expect, from which some meta-learners set out.

Shapes: N configurations, C numbers that describe a task before any result.
"""

from collections.abc import Sequence
from typing import Self

import numpy as np

from autometa.evaluation.record import Evaluation
from autometa.fewshot.recommender import MetaLearner
from autometa.fewshot.tasks import ContextEncoder, Floats
from autometa.fewshot.training import Effort
from autometa.knowledge.frames import Experience
from autometa.recommenders.proximity import Proximity, ProximityPortfolio, blended
from autometa.space import Configuration
from autometa.task import TaskDescription

N_FIRST = 3


class TrendEncoder(ContextEncoder):
    """Contexts that begin with the costs that tasks which are alike let expect, (N + C,).

    Of a known task, those of other families alone, as if it were new.

    Parameters
    ----------
    experience : Experience
        Past runs.
    proximity : Proximity
        Fitted to them.
    """

    n_blocks = 1  # of N numbers each, before what `ContextEncoder` says

    def __init__(self, experience: Experience, proximity: Proximity) -> None:
        self.experience = experience
        self.proximity = proximity

    def fit(self, descriptions: Sequence[TaskDescription]) -> Self:
        """Learn scales, and what is expected of known tasks."""
        super().fit(descriptions)
        own = np.array(self.experience.families, dtype=object)
        weights = np.where(own[:, None] == own, 0.0, blended(self.proximity.weights_among_known()))
        rows = self._rows_of_known(self._trends(weights))
        self.known_of_ = {each.fingerprint: row for each, row in zip(self.experience.descriptions, rows, strict=True)}
        return self

    @property
    def n_numbers(self) -> int:
        """C, and N for each block."""
        return super().n_numbers + self.n_blocks * self.experience.n_configurations

    def transform(self, descriptions: Sequence[TaskDescription]) -> Floats:
        """Return contexts, (n_tasks, n_numbers)."""
        rows = [
            self.known_of_[each.fingerprint]
            if each.fingerprint in self.known_of_
            else self._row_of_new(self._trends(blended(self.proximity.weights(each))[None])[0])
            for each in descriptions
        ]
        shape = (len(descriptions), self.n_blocks * self.experience.n_configurations)
        return np.hstack([np.array(rows).reshape(shape), super().transform(descriptions)]).astype(np.float32)

    def _rows_of_known(self, trends: np.ndarray) -> np.ndarray:
        """Return the blocks of the known tasks, (T, n_blocks x N), from what is expected of them, (T, N)."""
        return trends

    def _row_of_new(self, trend: np.ndarray) -> np.ndarray:
        """Return the blocks of a new task, (n_blocks x N,), from what is expected of it, (N,)."""
        return trend

    def _trends(self, weights: np.ndarray) -> np.ndarray:
        """Return mean costs, (n_rows, N), from weights (n_rows, n_tasks) of tasks; one task more is bad at all."""
        own = self.experience.weights * weights
        costs = self.experience.costs
        return np.asarray((own @ np.nan_to_num(costs) + 1.0) / (own @ ~np.isnan(costs) + 1.0))


class ResidualEncoder(TrendEncoder):
    """Contexts that say too what a task has brought to the covariance of what is left beside the trend, (N + N + C,).

    See `Prior`; a new task has brought nothing.

    References
    ----------
    Ledoit, O., Wolf, M. (2004). A well-conditioned estimator for large-dimensional covariance matrices. Journal of
    Multivariate Analysis 88. https://doi.org/10.1016/S0047-259X(03)00096-4
    """

    n_blocks = 2

    def _rows_of_known(self, trends: np.ndarray) -> np.ndarray:
        from sklearn.covariance import ledoit_wolf

        costs = self.experience.costs
        left = np.where(np.isnan(costs), 0.0, np.nan_to_num(costs) - trends)
        n_tasks, n_points = left.shape
        covariance, shrinkage = np.zeros((n_points, n_points)), 1.0
        if n_tasks > 1 and n_points > 1:
            covariance, shrinkage = ledoit_wolf(left, assume_centered=True)
        sizes, directions = np.linalg.eigh(covariance)
        self.loadings_ = (directions * np.sqrt(np.maximum(sizes, 0.0))).astype(np.float32)
        return np.hstack([trends, left * np.sqrt((1.0 - shrinkage) / n_tasks)])

    def _row_of_new(self, trend: np.ndarray) -> np.ndarray:
        return np.concatenate([trend, np.zeros_like(trend)])


class TrendLearner(MetaLearner):
    """A meta-learner whose contexts are those of `ResidualEncoder`; until some results are there, a portfolio proposes.

    Few results tell little, since neither the level nor the width of the costs is known: what complements each other
    over the tasks that are alike is better then than the largest expected improvement.

    Parameters
    ----------
    effort : Effort, optional
        How long meta-training goes on.
    n_first : int
        Results until which `ProximityPortfolio` proposes.
    """

    n_folds = 10
    contexts_: ResidualEncoder

    def __init__(self, effort: Effort | None = None, n_first: int = N_FIRST) -> None:
        super().__init__(effort)
        self.n_first = n_first

    def rank(
        self,
        description: TaskDescription,
        configurations: Sequence[Configuration],
        observed: Sequence[Evaluation] = (),
        n: int | None = None,
    ) -> tuple[int, ...]:
        """Return positions in ``configurations`` in the order in which to try them, the first ``n`` or all."""
        if self.is_trained_ and len(observed) < self.n_first:
            return self.first_.rank(description, configurations, observed, n)
        return super().rank(description, configurations, observed, n)

    def _context_encoder(self, ordered: Experience, seed: int) -> ContextEncoder:
        self.first_ = ProximityPortfolio().fit(ordered, seed)
        return ResidualEncoder(ordered, self.first_.proximity_).fit(ordered.descriptions)
