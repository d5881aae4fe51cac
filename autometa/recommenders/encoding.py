"""Tasks and configurations as rows of numbers, for models that look at both."""

from collections.abc import Sequence
from typing import Self

import numpy as np

from autometa.recommenders.landmarks import log_ratios
from autometa.recommenders.location import names_of
from autometa.space import Configuration
from autometa.task import TaskDescription


class Encoder:
    """Meta-features, relative landmarkers, algorithm and hyperparameters as columns.

    A number is a column of its own for each hyperparameter, whatever the algorithm; a word is a column for each word
    that is known, 1 where it is set. What is not set is NaN: the library's default.
    """

    def fit(self, descriptions: Sequence[TaskDescription], configurations: Sequence[Configuration]) -> Self:
        """Learn the names of the columns."""
        self.metafeatures_ = names_of(descriptions)
        self.algorithms_ = sorted({c.algorithm for c in configurations})
        values = [(name, value) for c in configurations for name, value in c.values.items()]
        self.numbers_ = sorted({name for name, value in values if _is_number(value)})
        self.words_ = sorted({(name, str(value)) for name, value in values if not _is_number(value)})
        return self

    @property
    def n_task_columns(self) -> int:
        """Number of columns that describe the task."""
        return int(self.tasks(()).shape[1])

    def tasks(self, descriptions: Sequence[TaskDescription]) -> np.ndarray:
        """Return an ndarray of shape (n_tasks, n_task_columns), NaN = missing."""
        rows = [[each.metafeatures.get(name, np.nan) for name in self.metafeatures_] for each in descriptions]
        values = np.array(rows, dtype=float).reshape(len(descriptions), len(self.metafeatures_))
        return np.hstack([values, log_ratios(descriptions)])

    def configurations(self, configurations: Sequence[Configuration]) -> np.ndarray:
        """Return an ndarray of shape (n_configurations, n_configuration_columns), NaN = not set."""
        rows = []
        for configuration in configurations:
            values = configuration.values
            numbers = [
                float(values[name]) if name in values and _is_number(values[name]) else np.nan  # type: ignore[arg-type] # a number
                for name in self.numbers_
            ]
            words = [float(str(values[name]) == word) if name in values else np.nan for name, word in self.words_]
            algorithms = [float(configuration.algorithm == name) for name in self.algorithms_]
            rows.append([*algorithms, *numbers, *words])
        n_columns = len(self.algorithms_) + len(self.numbers_) + len(self.words_)
        return np.array(rows, dtype=float).reshape(len(configurations), n_columns)


def _is_number(value: object) -> bool:
    """Return whether a value is a number, and not a truth value."""
    return isinstance(value, int | float) and not isinstance(value, bool)
