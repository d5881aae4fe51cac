"""Conditional Gaussian: what the first results on a task tell about all other configurations."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from autometa.evaluation.record import Evaluation
from autometa.knowledge.frames import Experience
from autometa.recommenders.average import BestOnAverage
from autometa.recommenders.base import Normalised, measured_losses
from autometa.recommenders.proximity import Proximity, blended
from autometa.space import Configuration
from autometa.task import TaskDescription

NOISE = 1e-4  # variance of a cost between one measurement and the next
WIDTH_ERROR = 1.0  # standard deviation of the logarithm of the width that landmarkers predict
WIDTHS = np.exp(np.linspace(-20.0, 20.0, 801))  # that are compared, in units of the predicted one
FAR = 4.0  # losses farther above the best, in distances of the median, tell no more than that they are bad


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Posterior:
    """Losses of all configurations of an experience on a task, given some.

    Parameters
    ----------
    mean, std : ndarray of shape (n_configurations,)
        Of the loss.
    least : float
        The least loss observed.
    """

    mean: np.ndarray = field(repr=False)
    std: np.ndarray = field(repr=False)
    least: float

    @property
    def expected_improvement(self) -> np.ndarray:
        """By how much each is expected to be better than the least loss: ndarray of shape (n_configurations,)."""
        from scipy.special import (
            ndtr,  # SciPy is imported where results are there alone: it takes a quarter of a second
        )

        below = self.least - self.mean
        z = below / self.std
        return np.asarray(below * ndtr(z) + self.std * np.exp(-0.5 * z**2) / np.sqrt(2.0 * np.pi))


class ConditionalGaussian(BestOnAverage):
    """Proposes by expected improvement under a Gaussian over configurations; by the mean before the first result.

    The costs of all configurations on a task are one draw from a Gaussian with the mean and the covariance that they
    have over the known tasks; losses are linear in them, loss = level + width x cost. Of the level nothing is known,
    the width is what landmarkers let expect, give or take a factor of e: the most likely one given the results is
    taken. Conditioning on the results is then kriging with the mean cost as the trend.

    References
    ----------
    Ledoit, O., Wolf, M. (2004). A well-conditioned estimator for large-dimensional covariance matrices. Journal of
    Multivariate Analysis 88. https://doi.org/10.1016/S0047-259X(03)00096-4
    Cressie, N. (1993). Statistics for spatial data, section 3.4. Wiley. https://doi.org/10.1002/9781119115151
    Jones, D. R., Schonlau, M., Welch, W. J. (1998). Efficient global optimization of expensive black-box functions.
    Journal of Global Optimization 13. https://doi.org/10.1023/A:1008306431147
    """

    name = "gaussian"
    version = 2  # 1 found the shrinkage of covariances over gaps
    _covariance: np.ndarray | None

    def rank(
        self,
        description: TaskDescription,
        configurations: Sequence[Configuration],
        observed: Sequence[Evaluation] = (),
        n: int | None = None,
    ) -> tuple[int, ...]:
        """Return positions in ``configurations`` by expected improvement; as by average where nothing was observed.

        The first ``n`` or all.
        """
        posterior = self.posterior(description, observed)
        if posterior is None:
            return super().rank(description, configurations, observed, n)
        columns = self._columns(configurations)
        gain = np.where(columns >= 0, posterior.expected_improvement[columns], -1.0)
        mean = np.where(columns >= 0, posterior.mean[columns], np.inf)
        done = {evaluation.configuration.key for evaluation in observed}
        left = [position for position, c in enumerate(configurations) if c.key not in done]
        return tuple(sorted(left, key=lambda p: (-gain[p], mean[p], configurations[p].key))[:n])

    def posterior(self, description: TaskDescription, observed: Sequence[Evaluation]) -> Posterior | None:
        """Return what is expected after some evaluations; None where none of a known configuration succeeded."""
        from scipy.linalg import cho_factor, cho_solve

        columns, losses = self._told(observed)
        if not len(columns):
            return None
        mean_cost = self._known_mean_costs(self._task_weights(description)[None, :])[0]
        covariance = self._learned_covariance()
        y, prior, across = self._near(losses), mean_cost[columns], covariance[:, columns]
        factor = cho_factor(across[columns] + NOISE * np.eye(len(columns)), lower=True)
        ones = cho_solve(factor, np.ones(len(columns)))
        centred = np.column_stack([y, prior])
        centred = centred - (ones @ centred) / ones.sum()  # whatever the level is
        width = _width(factor, centred, self.location_.predict(description)[1] * self.stretch_)
        level = ones @ (y - width * prior) / ones.sum()
        left = cho_solve(factor, y - level - width * prior)
        explained = np.einsum("ij,ji->i", across, cho_solve(factor, across.T))
        variance = np.maximum(np.diag(covariance) - explained, NOISE)
        return Posterior(
            mean=level + width * mean_cost + across @ left,
            std=width * np.sqrt(variance),
            least=float(losses.min()),
        )

    def _learn(self, experience: Experience, seed: int) -> None:
        super()._learn(experience, seed)
        self.costs_, self.stretch_ = self._on_scale(experience)
        self._covariance = None

    def _on_scale(self, experience: Experience) -> tuple[np.ndarray, float]:
        """Return what is taken for a draw from a Gaussian, and its unit in distances from the best to the median.

        The first is an ndarray of shape (n_tasks, n_configurations), NaN = not tried.
        """
        return experience.costs, experience.stretch

    def _task_weights(self, description: TaskDescription) -> np.ndarray:
        """Return how much each known task counts before any result, (n_tasks,)."""
        return self.experience_.weights

    def _known_mean_costs(self, weights: np.ndarray) -> np.ndarray:
        """Return weighted means of the costs, (n_rows, n_configurations), from weights (n_rows, n_tasks).

        And one task on which a configuration is bad, so that what was tried once is not believed to be the best.
        """
        costs = self.costs_
        total = weights @ ~np.isnan(costs) + 1.0
        return np.asarray((weights @ np.nan_to_num(costs) + 1.0) / total)

    def _learned_covariance(self) -> np.ndarray:
        """Return the covariance, learned when it is first asked for: advice on a new task does without."""
        if self._covariance is None:
            self._covariance = self._residual_covariance(self._expected_of_known())
        return self._covariance

    def _expected_of_known(self) -> np.ndarray:
        """Return the mean costs of the known tasks, were they new: (n_tasks or 1, n_configurations)."""
        return self._known_mean_costs(self.experience_.weights[None, :])

    def _residual_covariance(self, expected: np.ndarray) -> np.ndarray:
        """Return the covariance over tasks of what costs are above expected ones, (n_tasks or 1, n_configurations)."""
        costs, weights = self.costs_, self.experience_.weights
        left = np.where(np.isnan(costs), 0.0, np.nan_to_num(costs) - expected)
        covariance = _shrunk(left * np.sqrt(weights / weights.mean())[:, None], self.experience_.is_common)
        # What was tried on few tasks varies as much as on those, whatever the gaps suggest.
        weight = np.where(np.isnan(costs), 0.0, weights[:, None])
        variance = ((weight * left**2).sum(axis=0) + 0.25) / (weight.sum(axis=0) + 1.0)
        lacking = np.maximum(variance - np.diag(covariance), 0.0)
        return np.asarray(covariance + np.diag(lacking))

    def _normalised(self, description: TaskDescription, observed: Sequence[Evaluation]) -> Normalised:
        posterior = self.posterior(description, observed)
        if posterior is None:
            return self._weighted(self._task_weights(description))
        location, scale = self.location_.predict(description)
        mean, std = (posterior.mean - location) / scale, posterior.std / scale
        return Normalised(mean, std, self.experience_.cost_overshoot)

    def n_told(self, observed: Sequence[Evaluation]) -> int:
        """Return how many evaluations tell anything: those that succeeded, of known configurations."""
        return len(self._told(observed)[0])

    def _told(self, observed: Sequence[Evaluation]) -> tuple[np.ndarray, np.ndarray]:
        """Return columns and losses of the evaluations that succeeded, of known configurations."""
        position_of = self.experience_.position_of
        measured = measured_losses(observed, self.experience_.metric)
        told = {position_of[key]: loss for key, loss in measured.items() if key in position_of and loss < np.inf}
        columns = sorted(told)
        return np.array(columns, dtype=int), np.array([told[column] for column in columns], dtype=float)

    @staticmethod
    def _near(losses: np.ndarray) -> np.ndarray:
        """Return losses of which none is far above the others: a diverged run would decide alone."""
        least, middle = losses.min(), np.median(losses)
        return np.minimum(losses, least + FAR * (middle - least)) if middle > least else losses


def _width(factor: tuple[np.ndarray, bool], centred: np.ndarray, expected: float) -> float:
    """Return the most likely width.

    Parameters
    ----------
    factor : tuple
        Cholesky factor of the covariance of the observed costs.
    centred : ndarray of shape (n_observed, 2)
        Observed losses and their mean costs, both without what the level explains.
    expected : float
        The width to expect before any result.
    """
    from scipy.linalg import cho_solve

    (loss_loss, loss_cost), (_, cost_cost) = centred.T @ cho_solve(factor, centred)
    widths = expected * WIDTHS
    misfit = loss_loss / widths**2 - 2.0 * loss_cost / widths + cost_cost
    likelihood = -0.5 * misfit - (len(centred) - 1) * np.log(WIDTHS)
    return float(widths[np.argmax(likelihood - 0.5 * (np.log(WIDTHS) / WIDTH_ERROR) ** 2)])


def _shrunk(rows: np.ndarray, is_common: np.ndarray) -> np.ndarray:
    """Return the covariance of centred rows, (n_tasks, n_configurations), by Ledoit and Wolf.

    By how much it is shrunk, and to which variance, is told by the common configurations alone, (n_configurations,): of
    those that a few tasks have, nearly all is gaps, which would make all covariances look like chance.
    """
    from sklearn.covariance import ledoit_wolf_shrinkage

    if len(rows) < 2:
        return np.zeros((rows.shape[1], rows.shape[1]))
    telling = rows[:, is_common] if is_common.any() else rows
    share = ledoit_wolf_shrinkage(telling, assume_centered=True)
    variance = (telling**2).mean()
    return np.asarray((1.0 - share) * (rows.T @ rows / len(rows)) + share * variance * np.eye(rows.shape[1]))


class ProximityGaussian(ConditionalGaussian):
    """A conditional Gaussian around what is expected of tasks that are alike.

    The mean costs are those over the known tasks, weighted as in `ProximityPortfolio`; the covariance is that of what
    is left of the costs of each known task beside those that such weights, of other families alone, let expect.
    """

    name = "proximity_gaussian"
    version = 4  # 1 had trees grown on costs, 2 found the shrinkage over gaps, 3 saw the unit of the target
    n_folds = 10

    def __init__(self, proximity: Proximity | None = None) -> None:
        self.proximity = proximity

    def _learn(self, experience: Experience, seed: int) -> None:
        super()._learn(experience, seed)
        self.proximity_ = self.proximity if self.proximity is not None else Proximity().fit(experience, seed)

    def _expected_of_known(self) -> np.ndarray:
        weights = self.experience_.weights * blended(self.proximity_.weights_among_known())
        return self._known_mean_costs(weights)

    def _task_weights(self, description: TaskDescription) -> np.ndarray:
        return np.asarray(self.experience_.weights * blended(self.proximity_.weights(description)))
