"""Hybrid: a portfolio for the task at hand first, then more and more what the results so far speak for."""

from collections.abc import Sequence

import numpy as np

from autometa.errors import OptionError
from autometa.evaluation.record import Evaluation
from autometa.knowledge.frames import Experience
from autometa.recommenders.base import Normalised, Recommender
from autometa.recommenders.gaussian import ProximityGaussian
from autometa.recommenders.portfolio import GreedyPortfolio
from autometa.recommenders.proximity import ProximityPortfolio
from autometa.space import Configuration
from autometa.task import TaskDescription

GATE = (2, 8)  # results up to which the portfolio ranks alone, and from which on the Gaussian: see benchmarks/gate.py
N_TOLD = 3  # results from which on the Gaussian predicts losses
N_PLACES = 20  # of each expert's order that are told apart, for the greedy one takes long; tried with this number alone
PLACE_BEHIND = 30  # of all further ones


class Hybrid(Recommender):
    """Ranks as `ProximityPortfolio` on a new task and as `ProximityGaussian` once results are many.

    In between both have their say: configurations are ordered by the geometric mean of their places in the two orders,
    weighted by the number of results, failures left out. A task of which no meta-feature is known gets the order of
    `GreedyPortfolio` instead of the first, which is good everywhere.

    Parameters
    ----------
    gate : tuple of int
        Numbers of results up to which the portfolio, and from which on the Gaussian ranks alone; the second is greater.
    """

    name = "hybrid"
    version = 5  # 1 began greedily, 2 fell back to the greedy order, 3 switched at once, 4 saw the unit of the target
    n_folds = 10

    def __init__(self, gate: tuple[int, int] = GATE) -> None:
        if not gate[0] < gate[1]:
            raise OptionError(f"a gate opens at one number of results and ends at a greater one, got {gate}")
        self.gate = gate

    def rank(
        self,
        description: TaskDescription,
        configurations: Sequence[Configuration],
        observed: Sequence[Evaluation] = (),
        n: int | None = None,
    ) -> tuple[int, ...]:
        """Return positions in ``configurations`` by what both experts say, the first ``n`` or all."""
        begin, end = self.gate
        share = min(max((self.later_.n_told(observed) - begin) / (end - begin), 0.0), 1.0)  # of the Gaussian
        if share == 0.0:
            return self._first(description).rank(description, configurations, observed, n)
        by_results = self.later_.rank(description, configurations, observed)
        if share == 1.0:
            return by_results[:n]
        places = np.full((2, len(configurations)), float(PLACE_BEHIND))
        by_portfolio = self._first(description).rank(description, configurations, observed, N_PLACES)
        for own, order in zip(places, (by_portfolio, by_results[:N_PLACES]), strict=True):
            own[list(order)] = np.arange(1.0, len(order) + 1.0)
        mean = np.round((1.0 - share) * np.log(places[0]) + share * np.log(places[1]), 12)
        return tuple(sorted(by_results, key=lambda position: mean[position])[:n])  # equals as by the results

    def support(self, description: TaskDescription, configurations: Sequence[Configuration]) -> np.ndarray:
        """Return the votes of the portfolio that ranks first."""
        return self._first(description).support(description, configurations)

    def _learn(self, experience: Experience, seed: int) -> None:
        self.first_ = ProximityPortfolio().fit(experience, seed)
        self.later_ = ProximityGaussian(self.first_.proximity_).fit(experience, seed)
        self.everywhere_ = GreedyPortfolio().fit(experience, seed)

    def _normalised(self, description: TaskDescription, observed: Sequence[Evaluation]) -> Normalised:
        expert = self.later_ if self.later_.n_told(observed) >= N_TOLD else self._first(description)
        return expert._normalised(description, observed)

    def _first(self, description: TaskDescription) -> Recommender:
        """Return the expert for a task of which few results are there."""
        return self.first_ if self.first_.proximity_.can_tell(description) else self.everywhere_
