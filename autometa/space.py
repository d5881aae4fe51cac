"""Search spaces: parameters, spaces of one algorithm, and configurations with their identity."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np

from autometa.errors import ConfigurationError

Value = float | int | str | bool | None


def _plain(value: object) -> object:
    """Return NumPy's scalars as Python's own."""
    return value.item() if isinstance(value, np.generic) else value


def _six_digits(number: float) -> float:
    """Return a number rounded to 6 significant digits; zero has no sign."""
    return float(f"{number:.6g}") + 0.0


def _rounded(value: object) -> Value:
    """Return a plain Python value that can be stored, floats rounded to 6 significant digits."""
    value = _plain(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ConfigurationError(f"a configuration holds finite numbers only, got {value}; leave it out")
        return _six_digits(value)
    if isinstance(value, str):
        return _text(value)
    if value is None or isinstance(value, bool | int):
        return value
    raise ConfigurationError(
        f"a configuration holds numbers, strings, booleans or null, got {type(value).__name__}: {value!r}"
    )


def _text(value: str) -> str:
    """Return a text that JSON and databases can hold."""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ConfigurationError(f"not valid text: {value!r}; remove the lone surrogates from it") from error
    return value


@dataclass(frozen=True, slots=False, kw_only=True)
class Configuration:
    """An algorithm and the hyperparameters that differ from its defaults.

    Any algorithm name and any parameters are taken: whether they lie in a `Space` is checked by
    `Space.check` and by `build`, never here.

    Parameters
    ----------
    algorithm : str
        Name of the algorithm, ours or the user's own.
    values : mapping of str to float, int, str, bool or None
        Hyperparameters and choices of preprocessing; absent means the learner's default.
        Floats are rounded to 6 significant digits, so that equal keys mean equal runs.

    Raises
    ------
    ConfigurationError
        If a value is not a finite number, a string, a boolean or None, or a text is not valid.

    Examples
    --------
    >>> a = Configuration(algorithm="random_forest", values={"n_estimators": 300, "max_features": 0.5})
    >>> b = Configuration(algorithm="random_forest", values={"max_features": 0.50000001, "n_estimators": 300})
    >>> a.key == b.key
    True
    """

    algorithm: str
    values: Mapping[str, Value] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.algorithm, str) or not self.algorithm:
            raise ConfigurationError(f"an algorithm needs a name, got {self.algorithm!r}")
        if not all(isinstance(name, str) and name for name in self.values):
            raise ConfigurationError(f"parameter names are non-empty strings, got {sorted(map(str, self.values))}")
        values = {_text(name): _rounded(self.values[name]) for name in sorted(self.values)}
        object.__setattr__(self, "algorithm", _text(self.algorithm))
        object.__setattr__(self, "values", values)

    @cached_property
    def key(self) -> str:
        """sha-256 of the canonical JSON, in hexadecimal: the configuration's identity everywhere."""
        return hashlib.sha256(self.to_json().encode("utf-8")).hexdigest()

    def to_json(self) -> str:
        """Return the canonical JSON: sorted names, no spaces, floats to 6 significant digits."""
        content = {"algorithm": self.algorithm, "values": dict(self.values)}
        return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> "Configuration":
        """Return the configuration that `to_json` wrote.

        Raises
        ------
        ConfigurationError
            If the text is not the JSON of a configuration.
        """
        try:
            content = json.loads(text)
            algorithm, values = content["algorithm"], content["values"]
            if not isinstance(values, dict):
                raise TypeError("values is not an object")
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ConfigurationError(f"not the JSON of a configuration ({error}): {text[:80]!r}") from error
        return cls(algorithm=algorithm, values=values)

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Configuration) and self.key == other.key


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One dimension of a space.

    Parameters
    ----------
    name : str
        The library's own name of the hyperparameter, or of a choice of preprocessing.
    kind : {"float", "int", "categorical"}
        Its type.
    low, high : float
        Inclusive bounds of a float or int.
    log : bool
        Whether a float or int is drawn on a logarithmic scale.
    choices : tuple
        The values of a categorical; floats are rounded as in a `Configuration`.
    default : float, int, str, bool or None
        What holds where the parameter is absent; may lie outside the range. Rounded as well.
    condition : tuple of (str, tuple of values), optional
        The parameter is active only where the named parent (drawn or default) has one of the values.

    Raises
    ------
    ConfigurationError
        If nothing can be drawn from the range or choices, or no configuration can hold a choice or the default.

    Examples
    --------
    >>> rate = Parameter(name="learning_rate", kind="float", low=0.01, high=0.3, log=True, default=0.1)
    >>> rate.contains(0.05), rate.contains(2.0)
    (True, False)
    """

    name: str
    kind: Literal["float", "int", "categorical"]
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    choices: tuple[Value, ...] = ()
    default: Value = None
    condition: tuple[str, tuple[Value, ...]] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "default", _rounded(self.default))
        object.__setattr__(self, "choices", tuple(_rounded(choice) for choice in self.choices))
        if self.kind == "categorical":
            if not self.choices:
                raise ConfigurationError(f"the categorical parameter '{self.name}' has no choices")
        elif not -math.inf < self.low < self.high < math.inf or (self.log and self.low <= 0):
            raise ConfigurationError(f"the range of '{self.name}' is empty or endless: {self.low} to {self.high}")
        elif self.kind == "int" and not (float(self.low).is_integer() and float(self.high).is_integer()):
            raise ConfigurationError(f"the range of '{self.name}' must end at integers: {self.low} to {self.high}")

    def sample(self, rng: np.random.Generator) -> Value:
        """Return a value drawn uniformly from the range (of its logarithm, if ``log``) or the choices."""
        if self.kind == "categorical":
            return self.choices[int(rng.integers(len(self.choices)))]
        low, high = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
        if self.kind == "int" and not self.log:
            return int(rng.integers(int(low), int(high) + 1))
        drawn = float(rng.uniform(low, high))
        drawn = math.exp(drawn) if self.log else drawn
        bounded = min(max(drawn, self.low), self.high)
        return round(bounded) if self.kind == "int" else bounded

    def contains(self, value: Value) -> bool:
        """Return whether ``value`` is the default, one of the choices, or a number within the range."""
        if value == self.default and type(value) is type(self.default):
            return True
        if self.kind == "categorical":
            return any(value == choice and type(value) is type(choice) for choice in self.choices)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        if self.kind == "int":
            return self.low <= value <= self.high and value == int(value)
        return min(self.low, _six_digits(self.low)) <= value <= max(self.high, _six_digits(self.high))

    def cast(self, value: Value) -> Value:
        """Return ``value`` in the parameter's type: 5.0 becomes 5 for an int, 1 becomes 1.0 for a float."""
        plain: Value = _plain(value)  # type: ignore[assignment] # NumPy's scalars are no `Value`, and yet are passed
        if self.kind == "int" and isinstance(plain, float) and plain.is_integer():
            return int(plain)
        if self.kind == "float" and isinstance(plain, int) and not isinstance(plain, bool):
            return float(plain)
        return plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """The hyperparameters of one algorithm; a parent stands before the parameters that depend on it.

    Examples
    --------
    >>> depth = Parameter(name="max_depth", kind="int", low=1, high=20, default=None)
    >>> space = Space(algorithm="decision_tree", parameters=(depth,))
    >>> space.sample(np.random.default_rng(0)).algorithm
    'decision_tree'
    """

    algorithm: str
    parameters: tuple[Parameter, ...]

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for parameter in self.parameters:
            if parameter.name in seen:
                raise ConfigurationError(f"'{parameter.name}' occurs twice in the space of {self.algorithm}")
            if parameter.condition is not None and parameter.condition[0] not in seen:
                raise ConfigurationError(f"the parent of '{parameter.name}' must stand before it")
            seen.add(parameter.name)

    def default(self) -> Configuration:
        """Return the library's own defaults."""
        return Configuration(algorithm=self.algorithm)

    def sample(self, rng: np.random.Generator) -> Configuration:
        """Return a configuration drawn from the space; values equal to the default are left out."""
        drawn: dict[str, Value] = {}
        for parameter in self.parameters:
            if self.is_active(parameter, drawn):
                drawn[parameter.name] = parameter.sample(rng)
        return self.configuration(drawn)

    def configuration(self, values: Mapping[str, Value]) -> Configuration:
        """Return the checked configuration with ``values``: each of its parameter's type, defaults left out.

        Raises
        ------
        ConfigurationError
            If a value is unknown, inactive or outside its range.
        """
        by_name = {parameter.name: parameter for parameter in self.parameters}
        cast = {name: by_name[name].cast(value) if name in by_name else value for name, value in values.items()}
        full = Configuration(algorithm=self.algorithm, values=cast)
        self.check(full)
        kept = {name: value for name, value in full.values.items() if not _is_default(by_name[name], value)}
        return Configuration(algorithm=self.algorithm, values=kept)

    def check(self, configuration: Configuration) -> None:
        """Raise unless ``configuration`` lies in the space.

        Raises
        ------
        ConfigurationError
            If the algorithm is another, or a value is unknown, inactive or outside its range.
        """
        if configuration.algorithm != self.algorithm:
            raise ConfigurationError(
                f"a configuration of '{configuration.algorithm}' does not fit the space of '{self.algorithm}'"
            )
        by_name = {parameter.name: parameter for parameter in self.parameters}
        for name, value in configuration.values.items():
            parameter = by_name.get(name)
            if parameter is None:
                known = ", ".join(by_name) or "none"
                raise ConfigurationError(f"{self.algorithm} has no parameter '{name}'; it has: {known}")
            if not parameter.contains(value):
                allowed = parameter.choices or f"{parameter.low} to {parameter.high}"
                raise ConfigurationError(f"{self.algorithm}: {name}={value!r} is outside {allowed}")
            if not self.is_active(parameter, configuration.values):
                raise ConfigurationError(f"{self.algorithm}: '{name}' has no effect with these values")

    def is_active(self, parameter: Parameter, values: Mapping[str, Value]) -> bool:
        """Return whether the condition of ``parameter`` holds, absent parents at their defaults."""
        if parameter.condition is None:
            return True
        parent = next(p for p in self.parameters if p.name == parameter.condition[0])
        is_parent_active = self.is_active(parent, values)
        return is_parent_active and values.get(parent.name, parent.default) in parameter.condition[1]


def _is_default(parameter: Parameter, value: Value) -> bool:
    """Return whether ``value`` is the default, in type as well (True is not 1)."""
    return value == parameter.default and type(value) is type(parameter.default)
