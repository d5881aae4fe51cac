"""Greedy portfolio: configurations that complement each other over all known tasks."""

from collections.abc import Sequence

import numpy as np

from autometa.evaluation.record import Evaluation
from autometa.recommenders.average import BestOnAverage
from autometa.space import Configuration
from autometa.task import TaskDescription


class GreedyPortfolio(BestOnAverage):
    """Ranks by greedy choice: each pick lowers the mean over tasks, by their weights, of the best loss so far most.

    What was not tried on a task brings it nothing. Ties go to the lower mean, then to the smaller key.
    Expected losses are those of `BestOnAverage`; only the order differs.

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
    ) -> tuple[int, ...]:
        """Return positions in ``configurations`` in greedy order, going on from what was observed."""
        return self._order(configurations, observed, len(configurations))

    def propose(
        self,
        description: TaskDescription,
        configurations: Sequence[Configuration],
        observed: Sequence[Evaluation] = (),
    ) -> int:
        """Return the position of the first in `rank`, found without the rest of it."""
        return self._order(configurations, observed, 1)[0]

    def _order(
        self, configurations: Sequence[Configuration], observed: Sequence[Evaluation], n_picks: int
    ) -> tuple[int, ...]:
        """Return the first positions, and those of configurations that nothing is known about."""
        done = {evaluation.configuration.key for evaluation in observed}
        columns = self._columns(configurations)
        known = [p for p, c in enumerate(configurations) if columns[p] >= 0 and c.key not in done]
        start = [self.experience_.position_of[key] for key in done if key in self.experience_.position_of]
        picks = self._greedy(columns[known], start, n_picks)
        unknown = [p for p, c in enumerate(configurations) if columns[p] < 0 and c.key not in done]
        return (*(known[pick] for pick in picks), *sorted(unknown, key=lambda p: configurations[p].key))

    def support(self, description: TaskDescription, configurations: Sequence[Configuration]) -> np.ndarray:
        """Return by how much each pick lowers the best loss so far of each task, in the order given.

        A configuration that lowers none gets the votes of `BestOnAverage`, made small.
        """
        losses = np.nan_to_num(self.experience_.normalised_losses, nan=1.0)
        best = np.ones(self.experience_.n_tasks)
        votes = 1e-3 * super().support(description, configurations)
        for position, column in enumerate(self._columns(configurations)):
            if column >= 0:
                votes[position] += self.experience_.weights * (best - np.minimum(best, losses[:, column]))
                best = np.minimum(best, losses[:, column])
        return votes

    def _greedy(self, candidates: np.ndarray, start: list[int], n_picks: int) -> list[int]:
        """Return the first positions in ``candidates``, which are columns, in greedy order after those of ``start``."""
        losses = np.nan_to_num(self.experience_.normalised_losses, nan=1.0)
        best = losses[:, start].min(axis=1) if start else np.ones(len(losses))
        keys = [configuration.key for configuration in self.experience_.configurations]
        mean = np.round(self._mean, 12)  # the last digits depend on the order in which tasks are summed up
        left = sorted(range(len(candidates)), key=lambda p: (mean[candidates[p]], keys[candidates[p]]))
        weights = self.experience_.weights / self.experience_.weights.sum()
        picks: list[int] = []
        while left and len(picks) < n_picks:
            after = np.round(weights @ np.minimum(best[:, None], losses[:, candidates[left]]), 12)
            picks.append(left.pop(int(np.argmin(after))))  # the first of equals: sorted by mean, then key
            best = np.minimum(best, losses[:, candidates[picks[-1]]])
        return picks
