"""Predicted fit time, memory and predict time: what a pipeline will take on a table of this size."""

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
_COPIES = 4  # of the table as numbers, which preparing it takes; measured on 100,000 rows x 20: 5 to 6, folds included
_OVERHEAD_SHARE = 0.9  # of the least that was measured: the smallest table takes a little above it
_MIN_KNOWN = 10  # measurements, for an overhead to be told


class _Law(ABC):
    """Predicts what a fit, or a prediction, takes: an overhead, and a power law in rows, columns and classes.

    cost = overhead of the configuration + exp(level of the configuration + slopes of its algorithm x (log rows,
    log columns, log classes)). The overhead is what is taken on the smallest tables: without it, slopes would be
    those of small tables, and costs on large ones a tenth of what they are. Then by least squares, where a measurement
    counts by the share of it that is above the overhead, with the slopes shrunk towards an assumption.
    """

    floor: ClassVar[float]  # below it, costs are told apart no further

    @abstractmethod
    def _measured(self, experience: Experience) -> np.ndarray:
        """Return the costs, (n_tasks, n_configurations); NaN = unknown."""

    def _measured_rows(self, protocol: Protocol, n_rows: int) -> int:
        """Return on how many rows of a task with ``n_rows`` they were measured."""
        return protocol.fit_rows(n_rows)

    def fit(self, runs: Mapping[Protocol, Experience]) -> Self:
        """Learn from measured costs: the runs of each protocol, which says on how many rows they were measured."""
        self._overhead: dict[str, float] = {}
        self._level: dict[str, float] = {}
        self._slopes: dict[str, np.ndarray] = {}
        for algorithm, parts in self._parts(runs).items():
            slopes = _slopes(list(parts.values()))
            self._slopes[algorithm] = slopes
            for key, part in parts.items():
                self._overhead[key] = part.overhead
                self._level[key] = part.level(slopes)
        return self

    def predict(self, description: TaskDescription, configurations: Sequence[Configuration]) -> np.ndarray:
        """Return the cost on the whole table, ndarray (n_configurations,); NaN = unknown."""
        sizes = self._log_sizes(description, description.n_rows)
        costs = [
            self._overhead[c.key] + np.exp(self._level[c.key] + sizes @ self._slopes[c.algorithm])
            if c.key in self._level
            else np.nan
            for c in configurations
        ]
        return np.array(costs, dtype=float)

    def _parts(self, runs: Mapping[Protocol, Experience]) -> dict[str, dict[str, "_Part"]]:
        """Return what each configuration took, under all protocols, by algorithm and key."""
        found: dict[str, dict[str, list[tuple[np.ndarray, np.ndarray]]]] = defaultdict(lambda: defaultdict(list))
        for protocol, experience in runs.items():
            rows = [self._measured_rows(protocol, description.n_rows) for description in experience.descriptions]
            sizes = np.array(list(map(self._log_sizes, experience.descriptions, rows)))
            costs = np.maximum(self._measured(experience), self.floor)  # NaN stays
            is_known = np.isfinite(costs)
            for column in np.flatnonzero(is_known.any(axis=0)):
                configuration, known = experience.configurations[column], is_known[:, column]
                found[configuration.algorithm][configuration.key].append((sizes[known], costs[known, column]))
        return {
            algorithm: {key: _Part.of(*map(np.concatenate, zip(*pairs, strict=True))) for key, pairs in own.items()}
            for algorithm, own in sorted(found.items())
        }

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


class PredictTime(_Law):
    """Predicts CPU seconds of predicting as many rows as the table has, after a fit on the whole table; see `_Law`.

    Measured folds had twice to four times as many rows to fit on as to predict. Where each prediction looks at all of
    those, as in nearest neighbours and Gaussian processes, what is predicted is too high by as much.
    """

    floor = 1e-3

    def _measured(self, experience: Experience) -> np.ndarray:
        return experience.predict_seconds

    def _measured_rows(self, protocol: Protocol, n_rows: int) -> int:
        return protocol.predict_rows(n_rows)


class PeakMemory(_Law):
    """Predicts the most memory in bytes that a fit needs above Python with its libraries and the table; see `_Law`."""

    floor = 3e6  # what an evaluation takes on the smallest tables, whatever it does

    def predict(self, description: TaskDescription, configurations: Sequence[Configuration]) -> np.ndarray:
        """Return bytes, ndarray (n_configurations,), enough for some copies of the table; NaN = unknown."""
        table = float(_COPIES * _NUMBER_BYTES * description.n_rows * description.n_columns)
        return np.asarray(np.maximum(super().predict(description, configurations), table))

    def _measured(self, experience: Experience) -> np.ndarray:
        return experience.memory_bytes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Part:
    """What one configuration took above its overhead; n tasks on which that is known.

    Parameters
    ----------
    sizes : ndarray of shape (n, 3)
        Logarithms.
    logs : ndarray of shape (n,)
        Of what is above the overhead.
    weights : ndarray of shape (n,)
        Share of it in what was measured, squared: what is hardly above the overhead says hardly anything.
    overhead : float
        In the unit of the cost.
    """

    sizes: np.ndarray
    logs: np.ndarray
    weights: np.ndarray
    overhead: float

    @classmethod
    def of(cls, sizes: np.ndarray, costs: np.ndarray) -> Self:
        """Return the part of the costs, (n,), of a configuration: one at least."""
        overhead = _OVERHEAD_SHARE * float(costs.min()) if len(costs) >= _MIN_KNOWN else 0.0
        above = np.maximum(costs - overhead, (1.0 - _OVERHEAD_SHARE) * costs)
        return cls(sizes=sizes, logs=np.log(above), weights=(above / costs) ** 2, overhead=overhead)

    def centred(self) -> tuple[np.ndarray, np.ndarray]:
        """Return sizes and logarithms less their weighted means, times the roots of the weights."""
        shares = self.weights / self.weights.sum()  # np.average would take four times as long
        sizes = self.sizes - shares @ self.sizes
        logs = self.logs - shares @ self.logs
        roots = np.sqrt(self.weights)
        return sizes * roots[:, None], logs * roots

    def level(self, slopes: np.ndarray) -> float:
        """Return the weighted mean of what the slopes leave."""
        return float(self.weights @ (self.logs - self.sizes @ slopes) / self.weights.sum())


def _slopes(parts: Sequence[_Part]) -> np.ndarray:
    """Return the exponents of one algorithm, (3,), not negative."""
    pairs = [part.centred() for part in parts if len(part.logs) >= 2]  # within a configuration: its level drops out
    if not pairs:
        return _PRIOR_SLOPES
    X = np.concatenate([sizes for sizes, _ in pairs])
    y = np.concatenate([logs for _, logs in pairs]) - X @ _PRIOR_SLOPES
    shrunk = np.linalg.solve(X.T @ X + _PRIOR_WEIGHT * np.eye(X.shape[1]), X.T @ y)
    return np.asarray(np.maximum(_PRIOR_SLOPES + shrunk, 0.0))
