"""The second half of the pilot's configurations: bred from the best of the first half.

Random draws spend most of their number on choices that seldom pay: one draw in 36 of an MLP for regression has the
target, columns, scaling and stopping that most of its best runs have. So half of the draws have two parents each, drawn
from the tenth of an algorithm's random draws with the lowest losses on each table, a configuration as often as it is
among them. Each parameter comes from either parent, numbers moved a little; some are drawn anew.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from autometa.space import Configuration, Parameter, Space, Value

NEW_SHARE = 0.15
STEP = 0.1  # standard deviation of a move, in widths of the range (of its logarithm, if it is drawn so)

Parent = Mapping[str, Value]


def breed(space: Space, parents: Sequence[Parent], rng: np.random.Generator) -> Configuration:
    """Return a configuration of two of the parents; what neither of them sets is drawn."""
    pair = [parents[int(number)] for number in rng.integers(len(parents), size=2)]
    drawn: dict[str, Value] = {}
    for parameter in space.parameters:
        if not space.is_active(parameter, drawn):
            continue
        givers = [parent for parent in pair if space.is_active(parameter, parent)]
        if not givers or rng.random() < NEW_SHARE:
            drawn[parameter.name] = parameter.sample(rng)
        else:
            giver = givers[int(rng.integers(len(givers)))]
            drawn[parameter.name] = moved(parameter, giver.get(parameter.name, parameter.default), rng)
    return space.configuration(drawn)


def moved(parameter: Parameter, value: Value, rng: np.random.Generator) -> Value:
    """Return a number near another, within the range; anything else as it is."""
    if parameter.kind == "categorical" or isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if not parameter.low <= value <= parameter.high:
        return value  # a default outside of the range
    low, high, at = parameter.low, parameter.high, float(value)
    if parameter.log:
        low, high, at = math.log(low), math.log(high), math.log(at)
    at = min(max(at + rng.normal(scale=STEP * (high - low)), low), high)
    number = min(max(math.exp(at) if parameter.log else at, parameter.low), parameter.high)
    return round(number) if parameter.kind == "int" else number
