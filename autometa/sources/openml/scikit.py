"""Estimators of OpenML's flows, of whatever version of scikit-learn, made today's: by a table, never imported by name.

A parameter that today's class has and that a flow does not state came later, with a default that changed nothing then:
scikit-learn's rule. Those whose default did change later must be stated, and are: flows state all that there was.
Values that have other names today are translated, and parameters that are gone must have had no effect; else there is
no such estimator today.
"""

import functools
import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any  # Any: estimators and the values of their parameters

from autometa._optional import is_installed

Values = dict[str, Any]

# The class, and the package below which it has always been.
_PACKAGES = {
    **dict.fromkeys(("RandomForestClassifier", "RandomForestRegressor"), "sklearn.ensemble"),
    **dict.fromkeys(("ExtraTreesClassifier", "ExtraTreesRegressor"), "sklearn.ensemble"),
    **dict.fromkeys(("HistGradientBoostingClassifier", "HistGradientBoostingRegressor"), "sklearn.ensemble"),
    **dict.fromkeys(("DecisionTreeClassifier", "DecisionTreeRegressor"), "sklearn.tree"),
    **dict.fromkeys(("LogisticRegression", "Ridge", "ElasticNet"), "sklearn.linear_model"),
    **dict.fromkeys(("KNeighborsClassifier", "KNeighborsRegressor"), "sklearn.neighbors"),
    **dict.fromkeys(("LinearDiscriminantAnalysis", "QuadraticDiscriminantAnalysis"), "sklearn.discriminant_analysis"),
    "GaussianNB": "sklearn.naive_bayes",
    "MLPClassifier": "sklearn.neural_network",
    "XGBClassifier": "xgboost",
    "XGBRegressor": "xgboost",
    "LGBMClassifier": "lightgbm",
    "LGBMRegressor": "lightgbm",
}

# Of what our spaces name, what came to its class later, with a default that left everything as it was.
_CAME_LATER = frozenset({"max_samples", "ccp_alpha", "var_smoothing", "l1_ratio"})
# Defaults that have changed since, of parameters that our spaces do not name.
_CHANGED = {
    "LogisticRegression": frozenset({"solver"}),
    "HistGradientBoostingClassifier": frozenset({"early_stopping", "n_iter_no_change"}),
    "HistGradientBoostingRegressor": frozenset({"early_stopping", "n_iter_no_change"}),
}
_HISTOGRAMS = ("HistGradientBoostingClassifier", "HistGradientBoostingRegressor")

# Parameters that are gone -> the values with which they had no effect.
_GONE: dict[str, tuple[object, ...]] = {
    "min_impurity_split": (None, 1e-7),
    "presort": (False, "auto", "deprecated"),
    "normalize": (False, "deprecated"),
    "store_covariances": (False, None),
    "silent": (True, False, "warn"),
    "multi_class": ("auto", "deprecated"),  # with two classes, one against the rest too
}
_NEW_WORDS = {
    "criterion": {"mse": "squared_error", "mae": "absolute_error", "friedman_mse": "squared_error"},
    "loss": {
        **dict.fromkeys(("auto", "binary_crossentropy", "categorical_crossentropy"), "log_loss"),
        "least_squares": "squared_error",
    },
}
_MAX_KEPT = 1000  # names that are looked up once
_OF_TWO_CLASSES = ("ovr", "warn")  # the second is a default that was about to change


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What decides which of several spellings mean the same.

    Parameters
    ----------
    is_binary : bool
        Whether there are two classes.
    is_numeric : bool
        Whether all columns are numbers.
    """

    is_binary: bool
    is_numeric: bool


@functools.lru_cache(_MAX_KEPT)
def class_of(place: str) -> Callable[..., Any] | None:
    """Return today's class for one that a flow names by where it once was; None if it is not in the table."""
    package, name = place.partition(".")[0], place.rpartition(".")[2]
    home = _PACKAGES.get(name)
    if home is None or not place.startswith(f"{home}.") or not is_installed(package):
        return None
    found: Callable[..., Any] = getattr(importlib.import_module(home), name)
    return found


def make_today(place: str, stated: Mapping[str, Any], named: frozenset[str], circumstances: Circumstances) -> Any:
    """Return today's unfitted estimator that does what one of a flow did, or None where there is none.

    Parameters
    ----------
    place : str
        The class as the flow names it.
    stated : mapping of str to Any
        The parameters that the flow states.
    named : frozenset of str
        Parameters that decide what it is; each must be stated, or have come later.
    circumstances : Circumstances
        Of the task.
    """
    made = class_of(place)
    if made is None:
        return None
    name = place.rpartition(".")[2]
    values = _translated(name, dict(stated), circumstances)
    if values is None:
        return None
    known = _parameters(made)
    must = (named | _CHANGED.get(name, frozenset())) & known
    later = _CAME_LATER | ({"max_features", "class_weight"} if name in _HISTOGRAMS else set())
    if must - later - values.keys() or values.keys() - known:
        return None
    return made(**values)


@functools.cache
def _parameters(made: Callable[..., Any]) -> frozenset[str]:
    """Return the names of the parameters of a class."""
    return frozenset(inspect.signature(made).parameters)


def _translated(name: str, values: Values, circumstances: Circumstances) -> Values | None:
    """Return parameters under today's names with today's words; None if one that is gone had an effect."""
    for gone, harmless in _GONE.items():
        if gone in values:
            value = values.pop(gone)
            is_harmless = any(value == each and type(value) is type(each) for each in harmless)
            is_two = gone == "multi_class" and circumstances.is_binary and value in _OF_TWO_CLASSES
            if not is_harmless and not is_two:
                return None
    for parameter, words in _NEW_WORDS.items():
        if isinstance(values.get(parameter), str):
            values[parameter] = words.get(values[parameter], values[parameter])
    if name == "LogisticRegression":
        return _with_ratio(values)
    if "Forest" in name or "Trees" in name or "Tree" in name:
        _name_share(name, values)
    if name in _HISTOGRAMS and circumstances.is_numeric and values.get("categorical_features", 0) is None:
        values["categorical_features"] = "from_dtype"
    return values


def _name_share(name: str, values: Values) -> None:
    """Give the share of columns that a split may choose from the word that it has today."""
    share, is_single = values.get("max_features", 0), "Forest" not in name and "ExtraTrees" not in name
    if share == "auto":
        values["max_features"] = "sqrt" if name.endswith("Classifier") else None if is_single else 1.0
    if values.get("max_features", 0) is None and not is_single:
        values["max_features"] = 1.0


def _with_ratio(values: Values) -> Values | None:
    """Return a logistic regression's parameters with its penalty as a ratio, as it is told today."""
    penalty = values.pop("penalty", "deprecated")
    ratio = values.pop("l1_ratio", None)
    ratios = {"l1": 1.0, "l2": 0.0, "elasticnet": ratio, "deprecated": 0.0 if ratio is None else ratio}
    if not isinstance(penalty, str) or ratios.get(penalty) is None:
        return None  # without a penalty: no C says that
    return {**values, "l1_ratio": ratios[penalty]}
