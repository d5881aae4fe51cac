"""Whether two estimators do the same: by their classes and parameters, never by running them."""

import functools
import operator
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

# They decide how a fit is drawn, threaded, told of or stored, not what is fitted.
_WITHOUT_EFFECT = frozenset(
    {
        *("random_state", "random_seed", "n_jobs", "thread_count"),
        *("verbose", "verbosity", "memory", "copy", "allow_writing_files", "check_inverse"),
        # LightGBM's, for sums that do not depend on the number of threads: build gives one thread
        *("deterministic", "force_row_wise"),
    }
)
# Of scikit-learn's: 1 is one row or column, 1.0 is all of them.
_COUNTS_OR_SHARES = frozenset({"max_features", "max_samples", "min_samples_leaf", "min_samples_split"})
# Libraries that report None for a parameter that was not set.
_UNSET_IS_NONE = frozenset({"xgboost", "catboost"})
# Objects of these are compared by what they hold: splitters, kernels, selectors of columns.
_OPEN_LIBRARIES = frozenset({"sklearn", "skrub"})
_MAX_DEPTH = 20

Parameters = dict[str, Any]  # Any: the libraries carry no types


def parameters_of(estimator: object, defaults: Mapping[str, object] | None = None) -> Parameters:
    """Return an estimator's own parameters by name, those aside that have no effect on what is fitted.

    One that cannot tell its parameters, for it fails when it is asked, has none.

    Parameters
    ----------
    estimator : object
        With ``get_params``; without it, it has none.
    defaults : mapping of str to object, optional
        What its library takes where a parameter is not set; used for libraries that do not tell by themselves.
    """
    found = told_parameters(estimator)
    if library_of(estimator) in _UNSET_IS_NONE:
        known = defaults or {}
        found = {name: value for name, value in found.items() if not _is_unset(value, name, known)}
    return {name: value for name, value in found.items() if name not in _WITHOUT_EFFECT}


def told_parameters(estimator: object) -> Parameters:
    """Return all parameters that an estimator tells of itself; none if it fails at that."""
    try:
        return dict(estimator.get_params(deep=False))  # type: ignore[attr-defined] # a foreign estimator may have none
    except Exception:  # noqa: BLE001 - code of a user's own estimator
        return {}


def is_estimator(value: object) -> bool:
    """Return whether a value has parameters of its own; a class has none, its objects have."""
    return not isinstance(value, type) and callable(getattr(type(value), "get_params", None))


def library_of(value: object) -> str:
    """Return the importable name of the library that a value's class comes from."""
    return type(value).__module__.partition(".")[0]


def inside(value: object, depth: int = 0) -> Iterator[Any]:
    """Iterate over an estimator and all that are inside of it, itself first."""
    if depth > _MAX_DEPTH:
        return
    if is_estimator(value):
        yield value
        for inner in parameters_of(value).values():
            yield from inside(inner, depth + 1)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from inside(inner, depth + 1)


def is_same(a: object, b: object, defaults: Mapping[str, object] | None = None, *, name: str = "") -> bool:
    """Return whether two estimators, or two values of a parameter, are the same.

    They are of the very same class with the same parameters, all through. Numbers are the same to six significant
    digits, as everywhere in configurations; an integer can stand for a float, but where 1 means one and 1.0 all; a list
    for a tuple. What cannot be compared is only the same as itself.

    Parameters
    ----------
    a, b : object
        Ours, or the default; and the one that is compared with it.
    defaults : mapping of str to object, optional
        As of `parameters_of`.
    name : str
        Name of the parameter whose values they are.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> is_same(Ridge(alpha=2.0), Ridge(alpha=2, random_state=1)), is_same(Ridge(), Ridge(tol=0.1))
    (True, False)
    """
    if a is b:
        return True
    a, b = _plain(a), _plain(b)
    if _is_number(a) and _is_number(b):
        return _is_same_number(a, b, name)
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        pairs = zip(a, b, strict=False)
        return len(a) == len(b) and all(is_same(x, y, defaults, name=name) for x, y in pairs)
    if type(a) is not type(b) or isinstance(a, type):
        return False
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(is_same(a[key], b[key], defaults, name=str(key)) for key in a)
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.dtype == b.dtype and a.dtype != object and np.array_equal(a, b)
    if isinstance(a, str | bytes | bool | slice | range | frozenset | set):
        return bool(a == b)
    parts = _parts(a, defaults)
    return parts is not None and is_same(parts, _parts(b, defaults), defaults)


def _parts(value: object, defaults: Mapping[str, object] | None) -> Any:  # Any: whatever it is made of
    """Return what makes up an object, to be compared with that of another of its class; None if that is unknown."""
    if is_estimator(value):
        return parameters_of(value, defaults)
    if isinstance(value, functools.partial):
        return value.func, value.args, value.keywords
    if isinstance(value, operator.methodcaller | operator.itemgetter | operator.attrgetter):
        return value.__reduce__()
    if library_of(value) in _OPEN_LIBRARIES and hasattr(value, "__dict__"):
        return {name: part for name, part in vars(value).items() if name not in _WITHOUT_EFFECT}
    return None


def _plain(value: Any) -> Any:  # Any: whatever a parameter holds
    """Return NumPy's scalars as Python's own."""
    return value.item() if isinstance(value, np.generic) else value


def _is_number(value: object) -> bool:
    """Return whether a value is a number; True is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_same_number(a: Any, b: Any, name: str) -> bool:  # Any: numbers
    """Return whether two numbers are the same to six significant digits, or both are none."""
    if type(a) is not type(b) and (isinstance(a, int) or name in _COUNTS_OR_SHARES):
        return False
    if isinstance(a, int):
        return bool(a == b)
    try:
        return f"{float(a):.6g}" == f"{float(b):.6g}" or float(a) == float(b)  # 0.0 and -0.0
    except OverflowError:
        return False


def _is_unset(value: object, name: str, defaults: Mapping[str, object]) -> bool:
    """Return whether a parameter is as if it had not been set."""
    return value is None or (defaults.get(name) is not None and is_same(value, defaults[name], name=name))
