"""Optuna's search spaces as ours, and back."""

from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from autometa.errors import OptionError
from autometa.recommenders.unit_cube import UnitCube, on_step
from autometa.space import Parameter, Value


class SearchSpace:
    """A search space whose distributions have more than one value each.

    A choice that no configuration can hold, such as a tuple, stands as its text.

    Parameters
    ----------
    distributions : mapping of str to BaseDistribution
        By the name of the parameter.
    """

    def __init__(self, distributions: Mapping[str, BaseDistribution]) -> None:
        self.distributions = dict(sorted(distributions.items()))

    @cached_property
    def cube(self) -> UnitCube:
        """The places of its points."""
        steps = {
            name: float(own.step)
            for name, own in self.distributions.items()
            if isinstance(own, FloatDistribution | IntDistribution) and own.step not in {None, 1}
        }
        return UnitCube([_parameter(name, own) for name, own in self.distributions.items()], steps)

    def to_point(self, params: Mapping[str, Any]) -> dict[str, Value]:  # Any: as Optuna has it
        """Return the values of a trial as ours; other parameters are left out."""
        point: dict[str, Value] = {}
        for name, own in self.distributions.items():
            if name not in params:
                continue
            if isinstance(own, CategoricalDistribution):
                point[name] = _tokens(own)[int(own.to_internal_repr(params[name]))]
            else:
                point[name] = params[name]
        return point

    def to_params(self, point: Mapping[str, Value]) -> dict[str, Any]:  # Any: as Optuna has it
        """Return our values as a trial takes them: numbers inside the range and on its steps."""
        return {name: _allowed(own, point[name]) for name, own in self.distributions.items()}

    def holds(self, point: Mapping[str, Value]) -> bool:
        """Return whether a point has a value of the right type for every parameter, if perhaps beyond its range."""
        return not np.isnan(self.cube.places([point])).any()


def _parameter(name: str, distribution: BaseDistribution) -> Parameter:
    """Return a distribution as a parameter."""
    if isinstance(distribution, CategoricalDistribution):
        return Parameter(name=name, kind="categorical", choices=_tokens(distribution))
    if isinstance(distribution, FloatDistribution | IntDistribution):
        kind: Literal["float", "int"] = "float" if isinstance(distribution, FloatDistribution) else "int"
        return Parameter(name=name, kind=kind, low=distribution.low, high=distribution.high, log=distribution.log)
    raise OptionError(f"parameter '{name}' has a distribution of an unknown type: {type(distribution).__name__}")


def _tokens(distribution: CategoricalDistribution) -> tuple[Value, ...]:
    """Return the choices as configurations hold them, all different."""
    plain = [_plain(choice) for choice in distribution.choices]
    counts = Counter((type(token), token) for token in plain)
    choices = zip(plain, distribution.choices, strict=True)
    return tuple(token if counts[type(token), token] == 1 else repr(choice) for token, choice in choices)


def _plain(value: Any) -> Value:  # Any: as Optuna has it
    """Return a choice as a configuration holds it."""
    own = value.item() if isinstance(value, np.generic) else value
    if isinstance(own, float):
        return float(f"{own:.6g}") if np.isfinite(own) else str(own)
    return own if own is None or isinstance(own, bool | int | str) else repr(own)


def _allowed(distribution: BaseDistribution, value: Value) -> Any:  # Any: as Optuna has it
    """Return a value of ours as one of a distribution's."""
    if isinstance(distribution, CategoricalDistribution):
        kinds = [token == value and type(token) is type(value) for token in _tokens(distribution)]
        return distribution.choices[kinds.index(True)]
    if not isinstance(distribution, FloatDistribution | IntDistribution) or not isinstance(value, int | float):
        raise OptionError(f"{value!r} is no value of {distribution}")
    inside = min(max(value, distribution.low), distribution.high)
    if distribution.step is not None:
        inside = float(on_step(np.asarray(inside), distribution.low, distribution.high, distribution.step))
    return round(inside) if isinstance(distribution, IntDistribution) else float(inside)
