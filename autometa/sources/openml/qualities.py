"""OpenML's qualities of data sets as meta-features: under our names where they are the very same, else under theirs.

The same are counts of rows and classes over the full table. Not the same, though alike: ``NumberOfFeatures`` and shares
of missing values count the target, entropies are of nominal columns alone, landmarkers are Weka's.

References
----------
What is computed: ``SimpleMetaFeatures`` and ``AttributeEntropy`` of https://github.com/openml/EvaluationEngine.
"""

import math
from collections.abc import Mapping

from autometa._characters import escape_controls
from autometa.task_kind import TaskKind

PREFIX = "openml:"

# Theirs -> ours, and what one of theirs is in ours.
_THE_SAME = {"NumberOfInstances": ("nr_inst", 1.0)}
_THE_SAME_OF_CLASSES = {
    "NumberOfClasses": ("nr_class", 1.0),
    "MajorityClassPercentage": ("majority_share", 0.01),
    "MinorityClassPercentage": ("minority_share", 0.01),
    "ClassEntropy": ("class_ent", 1.0),  # bits
}


def to_metafeatures(qualities: Mapping[str, float], kind: TaskKind, *, is_of_target: bool = True) -> dict[str, float]:
    """Return meta-features of version `stored.METAFEATURES_VERSION`: name -> value, NaN where OpenML has none.

    Parameters
    ----------
    qualities : mapping of str to float
        OpenML's, of the data set.
    kind : TaskKind
        The kind of the task.
    is_of_target : bool
        Whether the task predicts the default target of the data set, whose classes the qualities count.

    Examples
    --------
    >>> found = {"NumberOfInstances": 150.0, "NumberOfFeatures": 5.0, "MajorityClassPercentage": 50.0}
    >>> to_metafeatures(found, TaskKind.BINARY)
    {'nr_inst': 150.0, 'openml:NumberOfFeatures': 5.0, 'majority_share': 0.5}
    """
    same = {**_THE_SAME, **(_THE_SAME_OF_CLASSES if kind.is_classification and is_of_target else {})}
    values: dict[str, float] = {}
    for name, value in qualities.items():
        ours, unit = same.get(name, (escape_controls(PREFIX + name), 1.0))
        is_known = math.isfinite(value) and not _is_placeholder(name, value)
        values[ours] = float(value) * unit if is_known else math.nan
    return values


def _is_placeholder(name: str, value: float) -> bool:
    """Return whether a value stands for none: entropies and counts that are below zero."""
    return value < 0 and (name.endswith("Entropy") or name.startswith(("NumberOf", "Percentage")))
