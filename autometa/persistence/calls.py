"""Calls of methods in a pipeline: skops cannot hold them with their arguments, so a file holds what they do.

The steps that convert a table are ``operator.methodcaller`` objects. skops forgets their named arguments, and to trust
them would be to trust any method of a DataFrame, of which some write files or evaluate text. A file holds a `Call`
instead, and only the few methods that pipelines use are made of it again.
"""

import copy
import operator
from collections.abc import Callable
from typing import Any  # of an estimator's attributes, and of what is called

import pandas as pd

from autometa.errors import PersistenceError

_FUNCTIONS: dict[str, Callable[..., object]] = {"to_numeric": pd.to_numeric, "to_datetime": pd.to_datetime}
_METHODS = frozenset({"apply", "astype", "convert_dtypes", "fillna", "replace", "to_numpy"})
_PLAIN = (str, int, float, bool, type(None))


class Call:
    """What a ``methodcaller`` does, in plain values.

    Parameters
    ----------
    name : str
        The method.
    arguments : list
        Its arguments; ``apply`` has the name of a function of pandas as its first.
    named : dict
        Its named arguments.

    Examples
    --------
    >>> call = Call.of(operator.methodcaller("astype", "str"))
    >>> call.name, call.arguments, call.caller()
    ('astype', ['str'], operator.methodcaller('astype', 'str'))
    """

    def __init__(self, name: str, arguments: list[Any], named: dict[str, Any]) -> None:
        self.name = name
        self.arguments = arguments
        self.named = named

    @classmethod
    def of(cls, caller: Any) -> "Call":
        """Return what a ``methodcaller`` does.

        Raises
        ------
        PersistenceError
            If no pipeline of ours calls that.
        """
        reduced: Any = caller.__reduce__()  # with named arguments, the class is inside of a partial
        named = dict(getattr(reduced[0], "keywords", {}))
        parts: list[Any] = [*getattr(reduced[0], "args", ()), *reduced[1]]
        name, arguments = parts[0], parts[1:]
        if name == "apply" and arguments:
            known = [key for key, function in _FUNCTIONS.items() if function is arguments[0]]
            arguments[:1] = known or [repr(arguments[0])]
        call = cls(name, arguments, named)
        call.caller()
        return call

    def caller(self) -> "operator.methodcaller":
        """Return the ``methodcaller``.

        Raises
        ------
        PersistenceError
            If no pipeline of ours calls that.
        """
        arguments = list(self.arguments)
        values = [*arguments, *self.named.values()]
        flat = [item for value in values for item in (value if isinstance(value, list) else [value])]
        is_ours = self.name in _METHODS and all(isinstance(value, _PLAIN) for value in flat)
        if self.name == "apply":
            is_ours = is_ours and bool(arguments) and arguments[0] in _FUNCTIONS
        if not is_ours:
            raise PersistenceError(f"a pipeline that calls {str(self.name)[:60]!r} of a table is none of autometa's")
        if self.name == "apply":
            arguments[0] = _FUNCTIONS[arguments[0]]
        return operator.methodcaller(self.name, *arguments, **self.named)


def with_calls(predictor: Any) -> Any:
    """Return a fitted estimator with a `Call` in place of every ``methodcaller``; it shares all else."""
    return _replaced(predictor, lambda value: Call.of(value) if isinstance(value, operator.methodcaller) else value)


def without_calls(predictor: Any) -> Any:
    """Return a fitted estimator with a ``methodcaller`` in place of every `Call`: the inverse of `with_calls`."""
    return _replaced(predictor, lambda value: value.caller() if isinstance(value, Call) else value)


def _replaced(value: Any, swap: Callable[[Any], Any]) -> Any:
    """Return a value with parts swapped: itself if none is, else a shallow copy of all that leads to them."""
    swapped = swap(value)
    if swapped is not value:
        return swapped
    from sklearn.base import BaseEstimator

    if isinstance(value, BaseEstimator):
        state = _replaced(vars(value), swap)
        if state is vars(value):
            return value
        estimator: Any = object.__new__(type(value))
        vars(estimator).update(state)
        return estimator
    if isinstance(value, dict):
        changed = {key: _replaced(item, swap) for key, item in value.items()}
        if all(changed[key] is item for key, item in value.items()):
            return value
        twin = copy.copy(value)
        twin.update(changed)
        return twin
    if type(value) in (list, tuple):
        items = [_replaced(item, swap) for item in value]
        return value if all(new is old for new, old in zip(items, value, strict=True)) else type(value)(items)
    return value
