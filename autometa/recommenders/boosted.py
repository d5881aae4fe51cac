"""Boosted trees on a task's meta-features and a configuration's hyperparameters together."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autometa._random import spawn
from autometa.evaluation.record import Evaluation
from autometa.knowledge.frames import Experience
from autometa.recommenders.average import BestOnAverage
from autometa.recommenders.base import Normalised
from autometa.recommenders.encoding import Encoder
from autometa.task import TaskDescription

if TYPE_CHECKING:
    from lightgbm import Booster

N_ROUNDS = 200
MIN_RUNS = 500  # below, there is nothing to boost, and the average serves
_APART = 1e-9  # share of the order in a mean
N_LABELS = 32  # grades of a run in a ranking
_PARAMETERS: dict[str, Any] = {  # Any: LightGBM's parameters are of several types
    "learning_rate": 0.05,
    "num_leaves": 31,
    "min_data_in_leaf": 20,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.5,
    "bagging_freq": 1,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}


class Boosted(BestOnAverage):
    """What both have in common: a booster over pairs of a known task and a configuration tried on it.

    References
    ----------
    Ke, G. et al. (2017). LightGBM: a highly efficient gradient boosting decision tree. NeurIPS.
    """

    n_folds = 10

    def _learn(self, experience: Experience, seed: int) -> None:
        super()._learn(experience, seed)
        self.booster_: Booster | None = None
        if experience.is_tried.sum() < MIN_RUNS:
            return
        self.encoder_ = Encoder().fit(experience.descriptions, experience.configurations)
        self._encoded = self.encoder_.configurations(experience.configurations)
        # In an order of their own, since rows are drawn for each round.
        order = np.argsort([known.fingerprint for known in experience.descriptions])
        columns_in_order = np.argsort([configuration.key for configuration in experience.configurations])
        tasks = self.encoder_.tasks([experience.descriptions[row] for row in order])
        rows, columns = np.nonzero(experience.is_tried[np.ix_(order, columns_in_order)])
        columns = columns_in_order[columns]
        X = np.hstack([tasks[rows], self._encoded[columns]])
        parameters = {**_PARAMETERS, "seed": spawn(seed, "boosted") % 2**31}
        costs, weights = experience.costs[order[rows], columns], experience.weights[order[rows]]
        self.booster_ = self._boost(X, costs, weights, rows, parameters)
        raw = np.full(experience.losses.shape, np.nan)
        raw[order[rows], columns] = self.booster_.predict(X)
        self._fit_scale(raw, experience)

    def _normalised(self, description: TaskDescription, observed: Sequence[Evaluation]) -> Normalised:
        if self.booster_ is None:
            return super()._normalised(description, observed)
        task = self.encoder_.tasks([description])
        X = np.hstack([np.tile(task, (len(self._encoded), 1)), self._encoded])
        mean, std = self._on_scale(np.asarray(self.booster_.predict(X)))
        return Normalised(mean, std, self.experience_.overshoot(self.experience_.weights))

    @abstractmethod
    def _boost(
        self, X: np.ndarray, costs: np.ndarray, weights: np.ndarray, tasks: np.ndarray, parameters: dict[str, Any]
    ) -> "Booster":
        """Return the fitted booster; ``tasks`` (n_runs,) says which runs are of one task, in runs of equal numbers."""

    @abstractmethod
    def _fit_scale(self, raw: np.ndarray, experience: Experience) -> None:
        """Learn how what the booster says becomes a normalised loss, from its words on known runs."""

    @abstractmethod
    def _on_scale(self, raw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and std of the normalised loss, both (n_configurations,), from what the booster says."""


class BoostedCosts(Boosted):
    """Ranks by the cost that boosted trees predict."""

    name = "boosted"
    version = 2  # 1 saw the unit of the target

    def _boost(
        self, X: np.ndarray, costs: np.ndarray, weights: np.ndarray, tasks: np.ndarray, parameters: dict[str, Any]
    ) -> "Booster":
        import lightgbm

        data = lightgbm.Dataset(X, costs, weight=weights)
        return lightgbm.train({**parameters, "objective": "regression"}, data, N_ROUNDS)

    def _fit_scale(self, raw: np.ndarray, experience: Experience) -> None:
        left = (experience.costs - raw)[experience.is_tried]
        self._error = float(np.sqrt(np.mean(left**2)))

    def _on_scale(self, raw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        costs, stretch = np.clip(raw, 0.0, 1.0), self.experience_.stretch
        # At most that of the unknown, and yet in the order of the costs.
        return _APART * costs + (1.0 - _APART) * np.minimum(costs * stretch, 1.0), np.full(
            len(costs), self._error * stretch
        )


class BoostedRanks(Boosted):
    """Ranks by boosted trees that learn to put the better of two runs first.

    What it says has no unit: the normalised loss to expect is that of known runs that came out at the same place.

    References
    ----------
    Burges, C. J. C. (2010). From RankNet to LambdaRank to LambdaMART: an overview. Microsoft Research MSR-TR-2010-82.
    """

    name = "lambdarank"
    version = 2  # 1 saw the unit of the target

    def _boost(
        self, X: np.ndarray, costs: np.ndarray, weights: np.ndarray, tasks: np.ndarray, parameters: dict[str, Any]
    ) -> "Booster":
        import lightgbm

        labels = np.round((1.0 - costs) * (N_LABELS - 1)).astype(int)
        sizes = np.unique(tasks, return_counts=True)[1]
        data = lightgbm.Dataset(X, labels, weight=weights, group=sizes)
        ranking = {"objective": "lambdarank", "label_gain": list(range(N_LABELS)), "lambdarank_truncation_level": 10}
        return lightgbm.train({**parameters, **ranking}, data, N_ROUNDS)

    def _fit_scale(self, raw: np.ndarray, experience: Experience) -> None:
        places = np.argsort(np.argsort(-np.nan_to_num(raw, nan=-np.inf), axis=1, kind="stable"), axis=1)
        at_place = np.full(raw.shape, np.nan)
        np.put_along_axis(at_place, places, experience.normalised_losses, axis=1)
        has_any = ~np.isnan(at_place).all(axis=0)
        self._mean_at, self._std_at = np.ones(raw.shape[1]), np.full(raw.shape[1], 0.5)
        self._mean_at[has_any] = np.maximum.accumulate(np.nanmean(at_place[:, has_any], axis=0))
        self._std_at[has_any] = np.nanstd(at_place[:, has_any], axis=0)

    def _on_scale(self, raw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        places = np.argsort(np.argsort(-raw, kind="stable"))
        # In the order of the booster where the means are alike.
        return _APART * places / len(places) + (1.0 - _APART) * self._mean_at[places], self._std_at[places]
