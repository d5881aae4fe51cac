"""Optuna's search spaces as ours, and back."""

import math
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from autometa.errors import OptionError
from autometa.recommenders.unit_cube import UnitCube
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
        return UnitCube([_parameter(name, own) for name, own in self.distributions.items()])

    def to_point(self, params: Mapping[str, Any]) -> dict[str, Value]:  # Any: as Optuna has it
        """Return the values of a trial as ours; other parameters are left out."""
        return {name: _plain(params[name]) for name in self.distributions if name in params}

    def to_params(self, point: Mapping[str, Value]) -> dict[str, Any]:  # Any: as Optuna has it
        """Return our values as a trial takes them: numbers inside the range and on its steps."""
        return {name: _allowed(own, point[name]) for name, own in self.distributions.items()}

    def holds(self, point: Mapping[str, Value]) -> bool:
        """Return whether a point has a value of the right type for every parameter, if perhaps beyond its range."""
        return not np.isnan(self.cube.places([point])).any()


def _parameter(name: str, distribution: BaseDistribution) -> Parameter:
    """Return a distribution as a parameter."""
    if isinstance(distribution, CategoricalDistribution):
        return Parameter(name=name, kind="categorical", choices=tuple(map(_plain, distribution.choices)))
    if isinstance(distribution, FloatDistribution | IntDistribution):
        kind: Literal["float", "int"] = "float" if isinstance(distribution, FloatDistribution) else "int"
        return Parameter(name=name, kind=kind, low=distribution.low, high=distribution.high, log=distribution.log)
    raise OptionError(f"parameter '{name}' has a distribution of an unknown type: {type(distribution).__name__}")


def _plain(value: Any) -> Value:  # Any: as Optuna has it
    """Return a value as a configuration holds it."""
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else str(value)
    return value if value is None or isinstance(value, bool | int | str) else repr(value)


def _allowed(distribution: BaseDistribution, value: Value) -> Any:  # Any: as Optuna has it
    """Return a value of ours as one of a distribution's."""
    if isinstance(distribution, CategoricalDistribution):
        plain = [_plain(choice) for choice in distribution.choices]
        return next(
            c for c, p in zip(distribution.choices, plain, strict=True) if p == value and type(p) is type(value)
        )
    if not isinstance(distribution, FloatDistribution | IntDistribution) or not isinstance(value, int | float):
        raise OptionError(f"{value!r} is no value of {distribution}")
    inside = min(max(value, distribution.low), distribution.high)
    if distribution.step is not None:
        inside = distribution.low + round((inside - distribution.low) / distribution.step) * distribution.step
        inside = inside if inside <= distribution.high else inside - distribution.step
    return int(inside) if isinstance(distribution, IntDistribution) else float(inside)
