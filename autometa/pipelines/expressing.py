"""Unfitted scikit-learn objects as the code that makes them, with the imports that it needs.

Nothing here knows a pipeline of ours: classes are named where their library makes them public, and parameters are
written where they differ from the library's defaults, so that what `build` makes tomorrow is followed.
"""

import functools
import importlib
import inspect
import math
import operator
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any  # Any: values and objects of libraries without types

import numpy as np
import pandas as pd

from autometa.pipelines.code import READABLE, Bracketed, Code, Item, Layout, flat, lay_out

STEP_LINES = (
    "def step(function, **named):  # calls a function with the table, or a method of it",
    '    return FunctionTransformer(function, kw_args=named or None, feature_names_out="one-to-one")',
)
"""A function that a script has where `Expressions.has_steps`, since it needs many such steps."""

_ALIASES = {"numpy": "np", "pandas": "pd"}


class Expressions:
    """Values and unfitted objects as code; what that code imports is gathered.

    Parameters
    ----------
    variables : mapping of object to str
        Values that have a name in the script, by identity, and that name.

    Examples
    --------
    >>> from sklearn.svm import SVC
    >>> expressions = Expressions()
    >>> expressions.lines("machine = ", SVC(C=2.0, random_state=1))
    ['machine = SVC(C=2.0, random_state=1)']
    >>> expressions.import_lines()
    ['from sklearn.svm import SVC']
    """

    def __init__(self) -> None:
        self._names: dict[str, set[str]] = {}
        self._output = "default"
        self._variables: dict[int, tuple[object, str]] = {}
        self.has_steps = False

    def name(self, value: object, variable: str) -> None:
        """Let a value, and none that is merely equal, be written as a variable from now on."""
        self._variables[id(value)] = (value, variable)

    @contextmanager
    def inside(self, value: object) -> Iterator[None]:
        """Write parts of an object, which takes what its parts give in the form that `set_output` chose for it."""
        before = self._output
        self._output = _output_of(value)
        try:
            yield
        finally:
            self._output = before

    def need(self, module: str, name: str = "") -> None:
        """Let the script import a module, or a name of one."""
        self._names.setdefault(module, set()).add(name)

    def lines(self, before: str, value: object, layout: Layout = READABLE, *, indent: int = 0) -> list[str]:
        """Return a statement that ends in a value, or a `Bracketed` that is its code already."""
        code = value if isinstance(value, Bracketed) else self.code(value)
        return lay_out(code, layout, before=before, indent=indent)

    @property
    def modules(self) -> list[str]:
        """Names of the libraries that are imported, without those of Python itself."""
        return sorted({module.split(".")[0] for module in self._names} - sys.stdlib_module_names)

    def import_lines(self, layout: Layout = READABLE) -> list[str]:
        """Return the imports, those of Python's own library first."""
        groups: list[list[str]] = [[], []]
        for module in sorted(self._names, key=lambda module: ("" not in self._names[module], module)):
            names = sorted(self._names[module] - {""}, key=lambda name: (not name.isupper(), name))
            lines = groups[module.split(".")[0] not in sys.stdlib_module_names]
            if "" in self._names[module]:
                lines.append(f"import {module}" + (f" as {_ALIASES[module]}" if module in _ALIASES else ""))
            if names:
                imported = Bracketed(opening="(", items=tuple(Item(code=name) for name in names), closing=")")
                line = f"from {module} import {', '.join(names)}"
                lines += (
                    [line] if len(line) <= layout.width else lay_out(imported, layout, before=f"from {module} import ")
                )
        return [*groups[0], *([""] if all(groups) and not layout.is_dense else []), *groups[1]]

    def code(self, value: Any) -> Code:
        """Return the code of a value.

        Raises
        ------
        TypeError
            If there is none.
        """
        if id(value) in self._variables:
            return self._variables[id(value)][1]
        value = value.item() if isinstance(value, np.generic) else value
        if value is None or isinstance(value, bool | int | float | str):
            return self._scalar(value)
        if isinstance(value, tuple | list):
            return self._sequence(value)
        if isinstance(value, Mapping):
            return self._mapping(value)
        if isinstance(value, pd.Timedelta):
            self.need("pandas")
            return f"pd.Timedelta(seconds={value.total_seconds()!r})"
        if isinstance(value, operator.methodcaller):
            self.need("operator", "methodcaller as method")
            return self._call("method", *_parts(value))
        if isinstance(value, type) or (callable(value) and not hasattr(value, "get_params")):
            return self._reference(value)
        return self._object(value)

    def chain(self, start: str, calls: tuple[operator.methodcaller, ...]) -> Code:
        """Return the code that calls methods of something one after another."""
        code: Code = start
        for caller in calls:
            (name, *arguments), named = _parts(caller)
            code = self._call(f"{flat(code)}.{name}", tuple(arguments), named)
        return code

    def _scalar(self, value: float | str | None) -> str:
        """Return the code of a plain value, strings in double quotes where that needs no escapes."""
        if isinstance(value, float) and not math.isfinite(value):
            self.need("numpy")
            return "np.nan" if math.isnan(value) else "np.inf" if value > 0 else "-np.inf"
        return quoted(value) if isinstance(value, str) else repr(value)

    def _sequence(self, values: tuple[object, ...] | list[object]) -> Code:
        """Return the code of a tuple or list."""
        brackets = "()" if isinstance(values, tuple) else "[]"
        if len(values) > 3 and list(values) == list(range(len(values))) and all(type(value) is int for value in values):
            return f"{type(values).__name__}(range({len(values)}))"
        items = tuple(Item(code=self.code(value)) for value in values)
        return Bracketed(opening=brackets[0], items=items, closing=brackets[1])

    def _mapping(self, values: Mapping[object, object]) -> Code:
        """Return the code of a dict."""
        items = tuple(Item(code=self.code(value), before=f"{flat(self.code(key))}: ") for key, value in values.items())
        return Bracketed(opening="{", items=items, closing="}")

    def call(self, function: Any, arguments: tuple[object, ...], named: Mapping[str, object]) -> Code:
        """Return the code of a call of a function, which is imported."""
        return self._call(self._reference(function), arguments, named)

    def _call(self, name: str, arguments: tuple[object, ...], named: Mapping[str, object]) -> Bracketed:
        """Return the code of a call."""
        items = [Item(code=self.code(argument)) for argument in arguments]
        items += [Item(code=self.code(value), before=f"{parameter}=") for parameter, value in named.items()]
        return Bracketed(opening=f"{name}(", items=tuple(items), closing=")")

    def _reference(self, value: Any) -> str:
        """Return the code of a function or class: its name, where its library makes it public."""
        name, module = value.__name__, public_module(value)
        if module == "builtins":
            return str(name)
        if module in _ALIASES:
            self.need(module)
            return f"{_ALIASES[module]}.{name}"
        self.need(module, name)
        return str(name)

    def _step(self, function: Any, named: Mapping[str, object]) -> Code:
        """Return the code of a step that calls a function with the table, or a method of it."""
        from sklearn.preprocessing import FunctionTransformer

        self._reference(FunctionTransformer)
        self.has_steps = True
        return self._call("step", (function,), named)

    def _object(self, value: Any) -> Code:
        """Return the code of an unfitted estimator, kernel or splitter."""
        from sklearn.preprocessing import FunctionTransformer

        parameters = _changed(value)
        if isinstance(value, FunctionTransformer) and _is_step(parameters):
            return self._step(parameters["func"], parameters.get("kw_args") or {})
        made_by: Any = type(value)
        required = _required(made_by)
        arguments = tuple(parameters.pop(name) for name in required if name in parameters)
        output = _output_of(value)
        with self.inside(value):
            code = self._call(self._reference(type(value)), arguments, parameters)
        if output in ("default", self._output):
            return code
        return Bracketed(
            opening=code.opening, items=code.items, closing=f"{code.closing}.set_output(transform={quoted(output)})"
        )


def quoted(text: str) -> str:
    r"""Return a string as code, in double quotes where it has none.

    Examples
    --------
    >>> print(quoted("it's"), quoted('a "b"'), quoted("a\nb"))
    "it's" 'a "b"' "a\nb"
    """
    written = repr(text)
    return f'"{written[1:-1]}"' if written[0] == "'" and '"' not in text else written


@functools.cache
def public_module(value: Any) -> str:
    """Return the shortest name of a module that holds a class or function under its own name.

    Examples
    --------
    >>> from sklearn.svm import SVC
    >>> SVC.__module__, public_module(SVC)
    ('sklearn.svm._classes', 'sklearn.svm')
    """
    parts = value.__module__.split(".")
    for length in range(1, len(parts) + 1):
        module = ".".join(parts[:length])
        if getattr(importlib.import_module(module), value.__name__, None) is value:
            return module
    raise TypeError(f"{value!r} cannot be imported by name")


def _parts(caller: operator.methodcaller) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments of a methodcaller, the method's name first, as pickle asks for them."""
    reduced: Any = caller.__reduce__()
    function, arguments = reduced[:2]
    if isinstance(function, functools.partial):
        return (*function.args, *arguments), dict(function.keywords)
    return tuple(arguments), {}


def _is_step(parameters: Mapping[str, Any]) -> bool:
    """Return whether a FunctionTransformer has no other parameters than those that the shorter form takes."""
    is_plain = set(parameters) <= {"func", "kw_args", "feature_names_out"}
    return is_plain and parameters.get("feature_names_out") == "one-to-one"


def _output_of(value: object) -> str:
    """Return what `set_output` chose for an object, which has no public door; for most, "default"."""
    return str(vars(value).get("_sklearn_output_config", {}).get("transform", "default"))


def _parameters(value: Any) -> dict[str, Any]:
    """Return the parameters that an object was made with."""
    if hasattr(value, "get_params"):
        return dict(value.get_params(deep=False))
    given = {}
    made_by: Any = type(value)
    for name in _signature(made_by):  # of a splitter, as scikit-learn's own repr finds them
        given[name] = getattr(value, name, None)
        if given[name] is None:
            given[name] = getattr(value, "cvargs", {}).get(name)
    return given


def _changed(value: Any) -> dict[str, Any]:
    """Return the parameters of an object that differ from the defaults of its class, in the order of the class."""
    made_by: Any = type(value)
    defaults = _defaults(made_by)
    order = {name: place for place, name in enumerate(_signature(made_by))}
    given = _parameters(value)
    return {
        name: given[name]
        for name in sorted(given, key=lambda name: order.get(name, len(order)))
        if name not in defaults or not _is_same(given[name], defaults[name])
    }


@functools.cache
def _defaults(make: Any) -> Mapping[str, Any]:
    """Return the parameters that a class has by default."""
    if _required(make):
        return {name: parameter.default for name, parameter in _signature(make).items()}
    return _parameters(make())  # not all are named in the signatures of LightGBM and XGBoost


@functools.cache
def _signature(make: Any) -> Mapping[str, inspect.Parameter]:
    """Return the named parameters of a class."""
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    found = inspect.signature(make).parameters
    return {name: parameter for name, parameter in found.items() if parameter.kind not in variable}


@functools.cache
def _required(make: Any) -> tuple[str, ...]:
    """Return the names of the parameters without a default, in order."""
    return tuple(name for name, parameter in _signature(make).items() if parameter.default is parameter.empty)


def _is_same(one: object, other: object) -> bool:
    """Return whether two parameters are the same in type and value; NaN is the same as itself."""
    return one is other or (type(one) is type(other) and repr(one) == repr(other))
