"""What the steps before a learner come to on one data set, as far as OpenML's qualities tell."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any  # Any: values of parameters

from autometa.sources.openml.components import Component
from autometa.task_kind import TaskKind

_MAX_ONE_HOT = 30  # levels that our encoder keeps apart
_FILLS = frozenset({"mean", "median", "most_frequent"})
_IMPUTERS = {
    "Imputer": "sklearn.preprocessing.",
    "SimpleImputer": "sklearn.impute.",
    "ConditionalImputer": "openmlstudy14.preprocessing.",
    "ConditionalImputer2": "openmlstudy14.preprocessing.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFacts:
    """What decides whether a step of preparation has an effect on a data set; NaN = unknown, and never harmless.

    Parameters
    ----------
    kind : TaskKind
        The kind of the task.
    n_missing : float
        Missing values in the table.
    n_columns, n_categorical : float
        Columns to predict from, and those of them that are categories.
    max_levels : float
        Most levels of a category.
    min_deviation : float
        Smallest standard deviation of a numeric column.

    Examples
    --------
    >>> TableFacts.of_qualities({"NumberOfSymbolicFeatures": 1.0, "NumberOfFeatures": 5.0}, TaskKind.BINARY).is_numeric
    True
    """

    kind: TaskKind
    n_missing: float = math.nan
    n_columns: float = math.nan
    n_categorical: float = math.nan
    max_levels: float = math.nan
    min_deviation: float = math.nan

    @classmethod
    def of_qualities(cls, qualities: Mapping[str, float], kind: TaskKind) -> "TableFacts":
        """Return the facts that OpenML's qualities tell, which count the target as a column."""
        target = 1.0 if kind.is_classification else 0.0
        return cls(
            kind=kind,
            n_missing=qualities.get("NumberOfMissingValues", math.nan),
            n_columns=qualities.get("NumberOfFeatures", math.nan) - 1.0,
            n_categorical=qualities.get("NumberOfSymbolicFeatures", math.nan) - target,
            max_levels=qualities.get("MaxNominalAttDistinctValues", math.nan),
            min_deviation=qualities.get("MinStdDevOfNumericAtts", math.nan),
        )

    @property
    def is_complete(self) -> bool:
        """Whether no value is missing."""
        return self.n_missing == 0

    @property
    def is_numeric(self) -> bool:
        """Whether no column is a category."""
        return self.n_categorical == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """What is done to a table before a learner sees it.

    Parameters
    ----------
    scaling : {"none", "standard"}
        What is done to numbers.
    encoding : {"", "one_hot"}
        What is done to categories; empty for nothing.
    """

    scaling: str = "none"
    encoding: str = ""


def preparation_of(steps: Sequence[tuple[Component, Mapping[str, Any]]], facts: TableFacts) -> Preparation | None:
    """Return what steps, each with its stated parameters, come to on a data set; None if that is nothing of ours."""
    scaling, encoding = "none", ""
    for step, stated in steps:
        name, is_ours = step.class_name, False
        if name in _IMPUTERS and step.place.startswith(_IMPUTERS[name]):
            is_ours = facts.is_complete and stated.get("strategy", "mean") in _FILLS and _fills_columns(stated)
        elif name == "VarianceThreshold" and step.place.startswith("sklearn.feature_selection."):
            is_ours = stated.get("threshold") == 0 and facts.is_numeric and facts.min_deviation > 0
        elif name == "OneHotEncoder" and step.place.startswith("sklearn.preprocessing.") and not encoding:
            is_ours = _encodes_all(stated, facts)
            encoding = "" if facts.is_numeric else "one_hot"
        elif name == "StandardScaler" and step.place.startswith("sklearn.preprocessing.") and scaling == "none":
            is_ours = facts.is_numeric and all(stated.get(part) is True for part in ("with_mean", "with_std"))
            scaling = "standard"
        if not is_ours:
            return None
    return Preparation(scaling=scaling, encoding=encoding)


def _fills_columns(stated: Mapping[str, Any]) -> bool:
    """Return whether an imputer fills columns by themselves, and adds none."""
    return stated.get("axis", 0) == 0 and stated.get("add_indicator", False) is False


def _encodes_all(stated: Mapping[str, Any], facts: TableFacts) -> bool:
    """Return whether a one-hot encoder does what ours does: all categories, and nothing else."""
    usual = {"drop": None, "min_frequency": None, "max_categories": None, "n_values": "auto", "categories": "auto"}
    if any(stated.get(name, value) not in (value, None) for name, value in usual.items()):
        return False
    columns = stated.get("categorical_features", "all")  # gone today: positions in a table of codes
    n_encoded = facts.n_columns if columns in ("all", None) else len(columns) if isinstance(columns, list) else math.nan
    return n_encoded == facts.n_categorical and (facts.is_numeric or facts.max_levels <= _MAX_ONE_HOT)
