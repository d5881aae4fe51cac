"""`Model`: a fitted pipeline with all that is needed to predict further tables, and to know where it comes from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any  # of the predictor, of libraries without types, and of JSON

import numpy as np
import pandas as pd

from autometa.errors import OptionError
from autometa.reading.conforming import TableReader
from autometa.reading.frames import Frame
from autometa.task_kind import TaskKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A fitted predictor.

    Parameters
    ----------
    predictor : Pipeline or Ensemble
        Fitted; it takes tables as ``reader`` gives them.
    reader : TableReader
        How tables are read.
    kind : TaskKind
        binary, multiclass or regression.
    target : str
        Name of what is predicted.
    metric : str
        Name of the metric that it was chosen by.
    card : mapping
        Where it comes from, in plain values as JSON has them; see `autometa.persistence.card.make_card`.

    Examples
    --------
    >>> from autometa.pipelines.building import build
    >>> from autometa.reading import read_task
    >>> from autometa.space import Configuration
    >>> task = read_task(pd.DataFrame({"size": range(40), "y": ["small"] * 20 + ["large"] * 20}))
    >>> tree = build(Configuration(algorithm="decision_tree"), kind=task.kind, column_kinds=task.column_kinds)
    >>> model = Model(predictor=tree.fit(task.X, task.y), reader=TableReader.of(task), kind=task.kind,
    ...               target=task.target, metric="accuracy")
    >>> model.predict(pd.DataFrame({"size": ["3", "30"]})).tolist()
    ['small', 'large']
    """

    predictor: Any
    reader: TableReader
    kind: TaskKind
    target: str
    metric: str
    card: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def classes(self) -> tuple[Any, ...]:
        """The classes, sorted; empty for regression."""
        return self.reader.classes

    def predict(self, frame: Frame) -> np.ndarray:
        """Return what is predicted for the rows of a raw table: classes or numbers (n_rows,).

        Raises
        ------
        DataError
            If the table lacks a column, has no rows, or holds something else than in training.
        """
        return self.predict_read(self.reader.read(frame))

    def predict_proba(self, frame: Frame) -> np.ndarray:
        """Return the probability of each of ``classes`` (n_rows, n_classes) for the rows of a raw table.

        Raises
        ------
        DataError
            As `predict`.
        OptionError
            If this is a regression.
        """
        self.check_probabilities()
        return self.probabilities_read(self.reader.read(frame))

    def predict_read(self, table: pd.DataFrame) -> np.ndarray:
        """Return what is predicted for a table that ``reader`` has read (n_rows,)."""
        return np.asarray(self.predictor.predict(table))

    def probabilities_read(self, table: pd.DataFrame) -> np.ndarray:
        """Return the probabilities (n_rows, n_classes) for a table that ``reader`` has read."""
        given = np.asarray(self.predictor.predict_proba(table))
        learned = np.asarray(self.predictor.classes_).tolist()
        probabilities = np.zeros((len(given), len(self.classes)))
        for place, label in enumerate(learned):
            probabilities[:, self.classes.index(label)] = given[:, place]
        return probabilities

    def check_probabilities(self) -> None:
        """Raise unless this is a classification.

        Raises
        ------
        OptionError
            If it is none.
        """
        if not self.kind.is_classification:
            raise OptionError(f"this model predicts numbers, so there are no probabilities of {self.target!r}")
