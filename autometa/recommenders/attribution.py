"""Attribution: by how much each feature moves a prediction of gradient-boosted trees."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from autometa._random import generator
from autometa.knowledge.frames import Experience
from autometa.recommenders.location import names_of
from autometa.space import Configuration
from autometa.task import TaskDescription

if TYPE_CHECKING:
    from lightgbm import Booster

N_TREES = 50
N_FOLDS = 5
MIN_TASKS = 20  # with fewer, a split into two leaves of eight is chance


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """What one feature adds to a prediction.

    Parameters
    ----------
    name : str
        Name of the feature.
    value : float
        Its value; NaN = missing.
    contribution : float
        In the unit of the prediction: of a normalised loss, negative speaks for the configuration.
    """

    name: str
    value: float
    contribution: float


def top_contributions(booster: "Booster", row: np.ndarray, names: Sequence[str], *, n: int) -> tuple[Contribution, ...]:
    """Return the features that move a prediction most, the largest move first, none that do not move it.

    Parameters
    ----------
    booster : lightgbm.Booster
        A fitted regression on these features.
    row : ndarray of shape (n_features,)
        The features of what is predicted; NaN = missing.
    names : sequence of str, n_features of them
        Their names.
    n : int
        At most so many.

    References
    ----------
    Lundberg, S. M., et al. (2020). From local explanations to global understanding with explainable AI for trees.
    Nature Machine Intelligence 2. https://doi.org/10.1038/s42256-019-0138-9
    """
    moves = np.asarray(booster.predict(row[None, :], pred_contrib=True))[0, :-1]  # the last is the mean prediction
    order = sorted(np.flatnonzero(moves).tolist(), key=lambda position: -abs(moves[position]))
    return tuple(Contribution(name=names[p], value=float(row[p]), contribution=float(moves[p])) for p in order[:n])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AdviceModel:
    """Gradient-boosted trees that predict the normalised losses of advised configurations from meta-features.

    Parameters
    ----------
    boosters : tuple of lightgbm.Booster or None
        Of each configuration, in the order advised; None: it was tried on too few tasks.
    names : tuple of str
        Names of the features.
    skill : float
        How much of the variance between tasks it predicts on families hidden from it: 1 - squared error / squared error
        of the mean of each configuration; 0 = no better than that mean, negative = worse.
    n_tasks : int
        Known tasks that it learned from.
    """

    boosters: "tuple[Booster | None, ...]" = field(repr=False)
    names: tuple[str, ...] = field(repr=False)
    skill: float
    n_tasks: int

    def contributions(self, description: TaskDescription, place: int, n: int) -> tuple[Contribution, ...]:
        """Return the ``n`` meta-features that move the prediction of the configuration at ``place`` most."""
        booster = self.boosters[place]
        row = np.array([description.metafeatures.get(name, np.nan) for name in self.names])
        return () if booster is None else top_contributions(booster, row, self.names, n=n)


def learn_advice(experience: Experience, configurations: Sequence[Configuration], seed: int) -> AdviceModel | None:
    """Return a model of how meta-features decide on configurations; None if none was tried on enough tasks.

    Its skill is measured with families hidden, a fifth at a time.
    """
    names, features = _features(experience)
    families = sorted(set(experience.families))
    shuffled = generator(seed, "attribution").permutation(len(families))
    fold_of = {families[family]: place % N_FOLDS for place, family in enumerate(shuffled)}
    folds = np.array([fold_of[family] for family in experience.families])
    boosters: list[Booster | None] = []
    used = np.zeros(experience.n_tasks, dtype=bool)
    error = variance = 0.0
    for configuration in configurations:
        rows = _rows(experience, configuration)
        if len(rows) < MIN_TASKS or len(set(folds[rows])) < N_FOLDS or not names:
            boosters.append(None)
            continue
        used[rows] = True
        losses = experience.normalised_losses[rows, experience.position_of[configuration.key]]
        weights = experience.weights[rows]
        boosters.append(_fit(features[rows], losses, weights, names))
        for fold in range(N_FOLDS):
            seen, hidden = folds[rows] != fold, folds[rows] == fold
            predicted = _fit(features[rows][seen], losses[seen], weights[seen], names).predict(features[rows][hidden])
            usual = np.average(losses[seen], weights=weights[seen])
            error += float((weights[hidden] * (losses[hidden] - predicted) ** 2).sum())
            variance += float((weights[hidden] * (losses[hidden] - usual) ** 2).sum())
    if not used.any():
        return None
    skill = 1.0 - error / variance if variance > 0 else 0.0
    return AdviceModel(boosters=tuple(boosters), names=names, skill=skill, n_tasks=int(used.sum()))


def _features(experience: Experience) -> tuple[tuple[str, ...], np.ndarray]:
    """Return the meta-features that vary: their names and values, (n_tasks, n_metafeatures), NaN = missing."""
    names = names_of(experience.descriptions)
    rows = [[known.metafeatures.get(name, np.nan) for name in names] for known in experience.descriptions]
    table = np.array(rows, dtype=float).reshape(experience.n_tasks, len(names))
    varies = [len(np.unique(column[np.isfinite(column)])) > 1 for column in table.T]
    return tuple(name for name, kept in zip(names, varies, strict=True) if kept), table[:, varies]


def _rows(experience: Experience, configuration: Configuration) -> np.ndarray:
    """Return the tasks on which a configuration was tried, in the order of their fingerprints."""
    column = experience.position_of.get(configuration.key)
    tried = [] if column is None else np.flatnonzero(experience.is_tried[:, column]).tolist()
    return np.array(sorted(tried, key=lambda row: experience.descriptions[row].fingerprint), dtype=int)


def _fit(table: np.ndarray, losses: np.ndarray, weights: np.ndarray, names: Sequence[str]) -> "Booster":
    """Return small trees for few tasks; the settings were compared on families that are not for judgement."""
    import lightgbm

    settings = {
        "objective": "regression",
        "learning_rate": 0.03,
        "num_leaves": 4,
        "min_data_in_leaf": 8,
        "feature_fraction": 0.5,
        "seed": 0,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "verbosity": -1,
    }
    data = lightgbm.Dataset(table, label=losses, weight=weights, feature_name=list(names))
    return lightgbm.train(settings, data, num_boost_round=N_TREES)
