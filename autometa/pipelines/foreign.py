"""Estimators that are not ours as configurations: named after their class, with what was set of their parameters."""

import hashlib
import inspect
import re
from collections.abc import Iterator
from typing import Any  # Any: estimators and their parameters, of libraries without types

import numpy as np

from autometa._characters import escape_controls
from autometa.pipelines.comparing import is_estimator, is_same, told_parameters
from autometa.space import Configuration, Value

# They decide with what it is computed and what is printed, not what comes out.
_LEFT_OUT = frozenset({"n_jobs", "thread_count", "verbose", "verbosity", "memory"})
_MAX_TEXT = 200  # characters of a value or a name
_MAX_VALUES = 200
_MAX_DEPTH = 8
_INTEGERS = range(-(2**63), 2**63)
_ADDRESS = re.compile(r" at 0x[0-9A-Fa-f]+")


def foreign(estimator: Any) -> Configuration:
    """Return a configuration that names an estimator which is not ours, and tells how it was set.

    The algorithm is the name of its class, as one imports it (``sklearn.ensemble.RandomForestClassifier``), or the
    steps of a pipeline (``Pipeline(StandardScaler, LogisticRegression)``). The values are the parameters that differ
    from the defaults of its class, those of estimators inside of it as ``step__name``, beside their class as ``step``.
    What no configuration can hold is there as a short text: functions and classes by name, arrays by shape, columns
    of a ColumnTransformer by number, all else by its representation. Numbers of threads, verbosity and caches are
    left out; random states are not: runs that differ in them are two.

    It never fails because of the parameters that it finds.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import RobustScaler
    >>> from sklearn.svm import SVC
    >>> found = foreign(make_pipeline(RobustScaler(), SVC(C=3, class_weight={0: 1, 1: 5})))
    >>> found.algorithm
    'Pipeline(RobustScaler, SVC)'
    >>> {name: value for name, value in found.values.items() if name.startswith("svc__")}
    {'svc__C': 3, 'svc__class_weight': '{0: 1, 1: 5}'}
    """
    values: dict[str, Value] = {}
    n_more = 0
    for name, value in _values(estimator, "", 0):
        if len(values) < _MAX_VALUES:
            values[shorten(name) or "_"] = value
        else:
            n_more += 1
    if n_more:
        values["..."] = f"{n_more} more"
    return Configuration(algorithm=shorten(_name(estimator)), values=values)


def _name(estimator: Any) -> str:
    """Return the name of an algorithm."""
    from sklearn.pipeline import Pipeline

    if type(estimator) is Pipeline and isinstance(estimator.steps, list):
        return f"Pipeline({', '.join(_step_name(step) for step in estimator.steps)})"
    return _qualified(type(estimator))


def _step_name(step: Any) -> str:
    """Return how a step of a pipeline is called."""
    inner = step[-1] if isinstance(step, tuple) and step else step
    return inner if isinstance(inner, str) else type(inner).__name__


def _values(estimator: Any, prefix: str, depth: int) -> Iterator[tuple[str, Value]]:
    """Iterate over the parameters that differ from their defaults, those of estimators inside after their class."""
    defaults = _defaults(type(estimator))
    for name, value in sorted(told_parameters(estimator).items(), key=lambda item: str(item[0])):
        is_default = name in defaults and is_same(defaults[name], value, name=str(name))
        if not is_default and name not in _LEFT_OUT:
            yield from _value(f"{prefix}{name}", value, prefix, depth)


def _value(name: str, value: Any, prefix: str, depth: int) -> Iterator[tuple[str, Value]]:
    """Iterate over what there is to tell of one parameter."""
    steps = _named_steps(value)
    if depth >= _MAX_DEPTH:
        yield name, shorten(_qualified(type(value)))
    elif is_estimator(value):
        yield name, shorten(_qualified(type(value)))
        yield from _values(value, f"{name}__", depth + 1)
    elif steps:
        for step, inner, *columns in steps:
            yield from _value(f"{prefix}{step}", inner, prefix, depth + 1)
            for chosen in columns:
                yield f"{prefix}{step}__columns", _columns(chosen)
    else:
        yield name, _held(value)


def _named_steps(value: Any) -> list[tuple[Any, ...]]:
    """Return the steps of a pipeline, a vote or a ColumnTransformer; none if a value is something else."""
    if not isinstance(value, list | tuple) or not value:
        return []
    is_steps = all(
        isinstance(step, tuple)
        and len(step) in (2, 3)
        and isinstance(step[0], str)
        and (is_estimator(step[1]) or step[1] is None or isinstance(step[1], str))
        for step in value
    )
    return list(value) if is_steps else []


def _columns(chosen: Any) -> Value:
    """Return what is told of the columns that a step is given: their names are the table's, and stay there."""
    if isinstance(chosen, list | tuple | np.ndarray):
        return f"{len(chosen)} columns"
    return "1 column" if isinstance(chosen, str | int) else _held(chosen)


def _held(value: Any) -> Value:
    """Return a value as a configuration holds it, a short text where it cannot."""
    plain = value.item() if isinstance(value, np.generic) else value
    if plain is None or isinstance(plain, bool):
        return plain
    if isinstance(plain, int) and int(plain) in _INTEGERS:
        return int(plain)
    if isinstance(plain, float) and np.isfinite(plain):
        return float(plain)
    if isinstance(plain, str):
        return shorten(str(plain))
    return _text(plain)


def _text(value: Any) -> str:
    """Return a short text for what no configuration can hold."""
    try:
        if callable(value):
            return shorten(_qualified(value))
        if isinstance(getattr(value, "shape", None), tuple):
            return shorten(f"{type(value).__name__} of shape {value.shape}")
        return shorten(_ADDRESS.sub("", repr(value)))
    except Exception:  # noqa: BLE001 - code of a user's own object
        return shorten(_qualified(type(value)))


def _qualified(thing: Any) -> str:
    """Return the name of a class or function as one imports it: without the private modules on the way."""
    named = thing if hasattr(thing, "__qualname__") else type(thing)
    module = str(getattr(named, "__module__", None) or "unknown")
    public = [part for part in module.split(".") if part == "__main__" or not part.startswith("_")]
    return ".".join([*(public or [module]), str(named.__qualname__)])


def _defaults(of: type) -> dict[str, Any]:
    """Return the defaults of a class's parameters."""
    try:
        parameters = inspect.signature(of).parameters.values()
    except (ValueError, TypeError):
        return {}
    return {each.name: each.default for each in parameters if each.default is not inspect.Parameter.empty}


def shorten(text: str) -> str:
    """Return a text in one line of bounded length; of one that was cut, a digest tells it from others."""
    line = escape_controls(" ".join(text.split())).encode("utf-8", "backslashreplace").decode("utf-8")
    if len(line) <= _MAX_TEXT:
        return line
    return f"{line[: _MAX_TEXT - 12]}...#{hashlib.sha256(line.encode()).hexdigest()[:8]}"
