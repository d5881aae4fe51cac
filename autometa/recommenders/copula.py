"""Quantile copula: a Gaussian over configurations whose margins are what they may."""

import numpy as np

from autometa.knowledge.frames import Experience
from autometa.recommenders.gaussian import ConditionalGaussian

MIN_SPREAD_RUNS = 4  # of a task, so that its quartiles say something


class QuantileCopula(ConditionalGaussian):
    """A conditional Gaussian on normal scores of the losses in place of costs.

    On each known task the losses are replaced by the normal quantiles of their ranks, so that a few wild runs, or a
    crowd of equally good ones, do not decide what covaries. Of the new task only a few results are there and ranks
    would say little: losses are taken to be linear in the scores, with level and width estimated.

    References
    ----------
    Salinas, D., Shen, H., Perrone, V. (2020). A quantile-based approach for hyperparameter transfer learning. ICML.
    """

    name = "copula"
    version = 2  # 1 found the shrinkage of covariances over gaps

    def _on_scale(self, experience: Experience) -> tuple[np.ndarray, float]:
        from scipy.stats import norm, rankdata

        scores = np.full(experience.losses.shape, np.nan)
        widths = []
        for row, losses in enumerate(experience.losses):
            is_tried = ~np.isnan(losses)
            if not is_tried.any():
                continue
            scores[row, is_tried] = norm.ppf((rankdata(losses[is_tried]) - 0.5) / is_tried.sum())
            ok = losses[np.isfinite(losses)]
            distance = experience.median[row] - experience.best[row]
            if len(ok) >= MIN_SPREAD_RUNS and distance > 0:
                low, high = np.quantile(ok, [0.25, 0.75])
                widths.append((high - low) / (2.0 * norm.ppf(0.75)) / distance)
        width = float(np.median(widths)) if widths else 1.0
        return scores, width if width > 0 else 1.0
