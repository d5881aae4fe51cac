"""Greedy portfolio: configurations that complement each other over all known tasks."""

from collections.abc import Sequence

import numpy as np

from autometa.evaluation.record import Evaluation
from autometa.knowledge.frames import Experience
from autometa.recommenders.base import Normalised, Recommender
from autometa.space import Configuration
from autometa.task import TaskDescription


class GreedyPortfolio(Recommender):
    """Ranks by greedy choice: each pick lowers the mean over tasks, by their weights, of the least cost so far most.

    What was not tried on a task brings it nothing. Ties go to the lower expected loss, then to the smaller key.
    Expected losses are means over the tasks by the same weights.

    References
    ----------
    Feurer, M., Springenberg, J. T., Hutter, F. (2015). Initializing Bayesian hyperparameter optimization via
    meta-learning. AAAI.
    Xu, L., Hoos, H. H., Leyton-Brown, K. (2010). Hydra: automatically configuring algorithms for portfolio-based
    selection. AAAI.
    """

    name = "portfolio"

    def rank(
        self,
        description: TaskDescription,
        configurations: Sequence[Configuration],
        observed: Sequence[Evaluation] = (),
        n: int | None = None,
    ) -> tuple[int, ...]:
        """Return positions in ``configurations`` in greedy order, going on from what was observed, ``n`` or all.

        Those that nothing is known about stand last.
        """
        n = len(configurations) if n is None else n
        done = {evaluation.configuration.key for evaluation in observed}
        columns = self._columns(configurations)
        known = [p for p, c in enumerate(configurations) if columns[p] >= 0 and c.key not in done]
        start = [self.experience_.position_of[key] for key in done if key in self.experience_.position_of]
        lead = None if observed else self._lead(description)
        picks = self._greedy(self._told_weights(description, observed), columns[known], start, n, lead)
        unknown = [p for p, c in enumerate(configurations) if columns[p] < 0 and c.key not in done]
        return (*(known[pick] for pick in picks), *sorted(unknown, key=lambda p: configurations[p].key))[:n]

    def support(self, description: TaskDescription, configurations: Sequence[Configuration]) -> np.ndarray:
        """Return by how much each pick lowers the least cost so far of each task, in the order given.

        A configuration that lowers none gets votes for what was good on each task, made small.
        """
        costs, weights = self.experience_.costs, self._task_weights(description)
        good = np.nan_to_num(1.0 - self.experience_.normalised_losses.T, nan=0.0) * weights
        best = np.ones(self.experience_.n_tasks)
        votes = np.zeros((len(configurations), self.experience_.n_tasks))
        for position, column in enumerate(self._columns(configurations)):
            if column >= 0:
                reached = np.fmin(best, costs[:, column])  # NaN, not tried, lowers nothing
                votes[position] = 1e-3 * good[column] + weights * (best - reached)
                best = reached
        return votes

    def _learn(self, experience: Experience, seed: int) -> None:
        """Nothing but the experience is needed."""

    def _task_weights(self, description: TaskDescription) -> np.ndarray:
        """Return how much each known task counts before anything is observed, (n_tasks,)."""
        return self.experience_.weights

    def _told_weights(self, description: TaskDescription, observed: Sequence[Evaluation]) -> np.ndarray:
        """Return how much each known task counts after some results, (n_tasks,)."""
        return self._task_weights(description)

    def _lead(self, description: TaskDescription) -> np.ndarray | None:
        """Return the loss, (n_configurations,), of which the least is the very first pick; None: it is greedy too."""
        return None

    def _normalised(self, description: TaskDescription, observed: Sequence[Evaluation]) -> Normalised:
        return self._weighted(self._task_weights(description))

    def _greedy(
        self, weights: np.ndarray, candidates: np.ndarray, start: list[int], n_picks: int, lead: np.ndarray | None
    ) -> list[int]:
        """Return the first positions in ``candidates``, which are columns, in greedy order after those of ``start``."""
        costs = np.nan_to_num(self.experience_.costs, nan=1.0)
        best = costs[:, start].min(axis=1) if start else np.ones(len(costs))
        mean = np.round(self._mean(weights), 12)  # last digits depend on the order of summing up
        left = np.lexsort((candidates, mean[candidates])).tolist()  # equals by key, as columns are sorted by it
        shares = weights / weights.sum()
        picks: list[int] = []
        while left and len(picks) < n_picks:
            if lead is not None and not picks:
                after = np.round(lead[candidates[left]], 12)
            else:
                after = np.round(shares @ np.minimum(best[:, None], costs[:, candidates[left]]), 12)
            picks.append(left.pop(int(np.argmin(after))))  # the first of equals: sorted by mean, then key
            best = np.minimum(best, costs[:, candidates[picks[-1]]])
        return picks
