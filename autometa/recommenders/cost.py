"""Predicted fit time and memory: what a pipeline will take on a table of this size."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np

from autometa.evaluation.protocol import Protocol
from autometa.knowledge.frames import Experience
from autometa.space import Configuration
from autometa.task import TaskDescription

# Exponents that are assumed before anything is measured: cost ~ rows^1.0 x columns^0.7 x classes^0.5.
_PRIOR_SLOPES = np.array([1.0, 0.7, 0.5])
_PRIOR_WEIGHT = 5.0  # as many measurements as the assumption is worth
_NUMBER_BYTES = 8


class _Law(ABC):
    """Predicts what a fit takes: log-linear in rows, columns and classes, per algorithm.

    log(cost) = level of the configuration + slopes of its algorithm x (log rows, log columns, log classes), by least
    squares with the slopes shrunk towards an assumption.

    Parameters
    ----------
    protocol : Protocol
        The protocol of the experience: it says on how many rows a fit was measured.
    """

    floor: ClassVar[float]  # below it, costs are told apart no further

    def __init__(self, protocol: Protocol) -> None:
        self.protocol = protocol

    @abstractmethod
    def _measured(self, experience: Experience) -> np.ndarray:
        """Return what fits took, (n_tasks, n_configurations); NaN = unknown."""

    def fit(self, experience: Experience) -> Self:
        """Learn from measured fits."""
        self._experience = experience
        sizes = np.array([self._log_sizes(d, self.protocol.fit_rows(d.n_rows)) for d in experience.descriptions])
        costs = np.log(np.maximum(self._measured(experience), self.floor))
        self._level: dict[str, float] = {}
        self._slopes: dict[str, np.ndarray] = {}
        algorithms = np.array([c.algorithm for c in experience.configurations], dtype=object)
        for algorithm in sorted(set(algorithms)):
            columns = np.flatnonzero(algorithms == algorithm)
            slopes = _slopes(sizes, costs[:, columns])
            self._slopes[algorithm] = slopes
            for column in columns:
                is_known = np.isfinite(costs[:, column])
                if is_known.any():
                    left = costs[is_known, column] - sizes[is_known] @ slopes
                    self._level[experience.configurations[column].key] = float(np.median(left))
        return self

    def predict(self, description: TaskDescription, configurations: Sequence[Configuration]) -> np.ndarray:
        """Return the cost of one fit on the whole table, ndarray (n_configurations,); NaN = unknown."""
        sizes = self._log_sizes(description, description.n_rows)
        costs = [
            np.exp(self._level[c.key] + sizes @ self._slopes[c.algorithm]) if c.key in self._level else np.nan
            for c in configurations
        ]
        return np.array(costs, dtype=float)

    def _log_sizes(self, description: TaskDescription, n_rows: int) -> np.ndarray:
        """Return the logarithms of rows, columns and classes, (3,)."""
        n_classes = description.metafeatures.get("nr_class", np.nan)
        n_classes = n_classes if np.isfinite(n_classes) and n_classes > 0 else 1.0
        return np.log(np.maximum([n_rows, description.n_columns, n_classes], 1.0))


class FitTime(_Law):
    """Predicts CPU seconds of one fit, as measured on the machines of the knowledge base; see `_Law`."""

    floor = 1e-3

    def _measured(self, experience: Experience) -> np.ndarray:
        return experience.fit_seconds


class PeakMemory(_Law):
    """Predicts the most memory in bytes that a fit needs above Python with its libraries and the table; see `_Law`."""

    floor = 3e6  # what an evaluation takes on the smallest tables, whatever it does

    def predict(self, description: TaskDescription, configurations: Sequence[Configuration]) -> np.ndarray:
        """Return bytes, ndarray (n_configurations,), enough for a copy of the table as numbers; NaN = unknown."""
        table = float(_NUMBER_BYTES * description.n_rows * description.n_columns)
        return np.asarray(np.maximum(super().predict(description, configurations), table))

    def _measured(self, experience: Experience) -> np.ndarray:
        return experience.memory_bytes


def _slopes(sizes: np.ndarray, costs: np.ndarray) -> np.ndarray:
    """Return the exponents of one algorithm, not negative, from (n_tasks, 3) and (n_tasks, n_configurations)."""
    rows, targets = [], []
    for column in costs.T:  # within a configuration, so that its level drops out
        is_known = np.isfinite(column)
        if is_known.sum() >= 2:
            rows.append(sizes[is_known] - sizes[is_known].mean(axis=0))
            targets.append(column[is_known] - column[is_known].mean())
    if not rows:
        return _PRIOR_SLOPES
    X, y = np.concatenate(rows), np.concatenate(targets) - np.concatenate(rows) @ _PRIOR_SLOPES
    shrunk = np.linalg.solve(X.T @ X + _PRIOR_WEIGHT * np.eye(X.shape[1]), X.T @ y)
    return np.asarray(np.maximum(_PRIOR_SLOPES + shrunk, 0.0))
