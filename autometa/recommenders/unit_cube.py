"""One algorithm's configurations as points, the same for runs whose ranges and choices were others.

Shapes: n points, p parameters, d coordinates (one for a number, one for each choice of a categorical parameter).
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from autometa.space import Parameter, Value

Floats = npt.NDArray[np.float64]

_CHOICE = math.sqrt(0.5)  # so that two points that differ in one choice are one apart
_OUTSIDE = 0.5  # how far beyond its range a number of other runs may lie
_MIDDLE = 0.5
_MANY = 1000.0  # times the smallest of some values: they are told apart by their logarithms


class UnitCube:
    """Places of configurations: a number by where it lies in its range, from 0 to 1; a choice by its position.

    What a configuration has no value for, or a choice that is none of the parameter's, is missing (NaN): it lies in
    the middle. A number beyond the range keeps its place outside, up to half of the range away.

    Parameters
    ----------
    parameters : sequence of Parameter, p of them
        Conditions do not count.
    steps : mapping of str to float, optional
        Between the values of some numbers, from the lower end of their range on.

    Examples
    --------
    >>> rate = Parameter(name="rate", kind="float", low=0.01, high=1.0, log=True)
    >>> cube = UnitCube([rate])
    >>> cube.places([{"rate": 0.1}, {}]).ravel().tolist()
    [0.5, nan]
    """

    def __init__(self, parameters: Sequence[Parameter], steps: Mapping[str, float] | None = None) -> None:
        self.parameters = tuple(parameters)
        self._steps = dict(steps or {})
        self._ends = np.array([_ends(parameter) for parameter in self.parameters]).reshape(-1, 2)

    def places(self, points: Sequence[Mapping[str, Value]]) -> Floats:
        """Return the places of some values, (n, p); NaN = missing."""
        rows = [[self._place(i, point) for i in range(len(self.parameters))] for point in points]
        return np.array(rows, dtype=float).reshape(len(points), len(self.parameters))

    def values(self, place: Floats) -> dict[str, Value]:
        """Return the values at a place, (p,), that lies in the cube."""
        return {p.name: self._value(i, float(place[i])) for i, p in enumerate(self.parameters)}

    def snapped(self, places: Floats) -> Floats:
        """Return the places (n, p) of what the values at some places are: whole numbers lie on a grid."""
        return np.column_stack([self._snapped(i, places[:, i]) for i in range(len(self.parameters))])

    def coordinates(self, places: Floats) -> Floats:
        """Return coordinates, (n, d), between which distances mean something, of places (n, p)."""
        parts = [np.zeros((len(places), 0))]
        for i, parameter in enumerate(self.parameters):
            own = places[:, i]
            if parameter.kind == "categorical":
                parts.append(_CHOICE * (own[:, None] == np.arange(len(parameter.choices))))  # all 0 where missing
            else:
                parts.append(np.where(np.isnan(own), _MIDDLE, own)[:, None])
        return np.hstack(parts)

    def drawn(self, rng: np.random.Generator, n: int) -> Floats:
        """Return places (n, p) drawn evenly from the cube."""
        return self.snapped(np.column_stack([self._evenly(i, rng, n) for i in range(len(self.parameters))]))

    def near(self, rng: np.random.Generator, place: Floats, n: int, distance: float) -> Floats:
        """Return places (n, p) around one, (p,): each parameter is drawn anew with a chance of 1/2, one at least.

        Numbers from a normal of this standard deviation, within the cube; choices evenly.
        """
        count = len(self.parameters)
        is_moved = rng.random((n, count)) < 0.5
        is_moved[np.arange(n), rng.integers(count, size=n)] = True
        start = np.where(np.isnan(place), _MIDDLE, place)
        moved = np.clip(start + distance * rng.normal(size=(n, count)), 0.0, 1.0)
        for i, parameter in enumerate(self.parameters):
            if parameter.kind == "categorical":
                moved[:, i] = self._evenly(i, rng, n)
        return self.snapped(np.where(is_moved, moved, np.clip(start, 0.0, self.highest)))

    @property
    def highest(self) -> Floats:
        """The highest place of each parameter inside the cube, (p,)."""
        return np.array([len(p.choices) - 1.0 if p.kind == "categorical" else 1.0 for p in self.parameters])

    def _snapped(self, i: int, places: Floats) -> Floats:
        """Return the places of what the values of one parameter at some places are, (n,)."""
        parameter = self.parameters[i]
        if parameter.kind == "categorical":
            return np.floor(places)
        low, high = self._ends[i]
        numbers = low + places * (high - low)
        numbers = np.clip(np.exp(numbers) if parameter.log else numbers, parameter.low, parameter.high)
        if parameter.name in self._steps:
            numbers = on_step(numbers, parameter.low, parameter.high, self._steps[parameter.name])
        if parameter.kind == "int":
            numbers = np.rint(numbers)
        return np.asarray(((np.log(numbers) if parameter.log else numbers) - low) / (high - low))

    def _evenly(self, i: int, rng: np.random.Generator, n: int) -> Floats:
        """Return places of one parameter, (n,)."""
        parameter = self.parameters[i]
        if parameter.kind == "categorical":
            return rng.integers(len(parameter.choices), size=n).astype(float)
        return rng.random(n)

    def _place(self, i: int, point: Mapping[str, Value]) -> float:
        """Return where the value of a parameter lies; NaN where there is none."""
        parameter = self.parameters[i]
        if parameter.name not in point:
            return math.nan
        value = point[parameter.name]
        if parameter.kind == "categorical":
            kinds = [value == choice and type(value) is type(choice) for choice in parameter.choices]
            return float(kinds.index(True)) if True in kinds else math.nan
        if isinstance(value, bool) or not isinstance(value, int | float):
            return math.nan
        low, high = self._ends[i]
        if parameter.log:
            if value <= 0:
                return -_OUTSIDE
            value = math.log(value)
        return float(min(max((value - low) / (high - low), -_OUTSIDE), 1.0 + _OUTSIDE))

    def _value(self, i: int, place: float) -> Value:
        """Return the value of a parameter at a place in the cube."""
        parameter = self.parameters[i]
        if parameter.kind == "categorical":
            return parameter.choices[int(place)]
        low, high = self._ends[i]
        number = low + place * (high - low)
        number = min(max(math.exp(number) if parameter.log else number, parameter.low), parameter.high)
        if parameter.name in self._steps:
            number = float(on_step(np.asarray(number), parameter.low, parameter.high, self._steps[parameter.name]))
        return round(number) if parameter.kind == "int" else float(number)


def on_step(numbers: Floats, low: float, high: float, step: float) -> Floats:
    """Return the nearest of ``low``, ``low`` + ``step``, ... that are not above ``high``."""
    n_steps = np.minimum(np.rint((numbers - low) / step), math.floor((high - low) / step + 1e-9))
    return np.minimum(low + n_steps * step, high)


def parameters_of(points: Sequence[Mapping[str, Value]]) -> tuple[Parameter, ...]:
    """Return the parameters whose ranges and choices are those of some values; what never varies is none.

    Numbers are told apart by their logarithms where the largest is a thousand times the smallest, and none is 0.
    """
    found = []
    for name in sorted({name for point in points for name in point}):
        values = [point[name] for point in points if name in point]
        numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
        if len(numbers) < len(values):
            choices = tuple({(type(value).__name__, str(value)): value for value in values}.values())
            if len(choices) > 1:
                found.append(Parameter(name=name, kind="categorical", choices=choices))
        elif min(numbers) < max(numbers):
            low, high = float(min(numbers)), float(max(numbers))
            is_int = all(isinstance(value, int) for value in numbers)
            log = low > 0 and high >= _MANY * low
            found.append(Parameter(name=name, kind="int" if is_int else "float", low=low, high=high, log=log))
    return tuple(found)


def _ends(parameter: Parameter) -> tuple[float, float]:
    """Return the ends of a parameter's range on its scale, half a step outside of whole numbers."""
    if parameter.kind == "categorical":
        return 0.0, float(len(parameter.choices))
    half = 0.5 if parameter.kind == "int" else 0.0
    low, high = parameter.low - half, parameter.high + half
    if not parameter.log:
        return low, high
    return math.log(low), math.log(high)
