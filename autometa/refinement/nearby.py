"""Nearby: new configurations near those that are expected to be best."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from autometa.errors import ConfigurationError
from autometa.pipelines.learners import space_of
from autometa.space import Configuration, Parameter, Space, Value
from autometa.task_kind import TaskKind

WIDTH = 0.15  # standard deviation of a moved number, in its range (of the logarithm)
KEEP_SHARE = 0.8  # of choices, and of numbers that are not in their range by default
HALF = 5  # places, with which the chance of a configuration halves
_N_TRIES = 20


def draw_near(
    best: Sequence[Configuration], kind: TaskKind, had: Collection[str], rng: np.random.Generator
) -> Configuration:
    """Return a new configuration near one of ``best``, of which the first are the likeliest.

    Parameters
    ----------
    best : sequence of Configuration
        Not empty, those first that are expected to be best: what won on similar tasks, and what has won here.
    kind : TaskKind
        Of the task.
    had : collection of str
        Keys of what was tried; after twenty draws a repetition is returned all the same.
    rng : Generator
        Decides.
    """
    chances = 0.5 ** (np.arange(len(best)) / HALF)
    for _ in range(_N_TRIES):
        chosen = best[int(rng.choice(len(best), p=chances / chances.sum()))]
        drawn = moved(chosen, kind, rng)
        if drawn.key not in had:
            break
    return drawn


def moved(configuration: Configuration, kind: TaskKind, rng: np.random.Generator) -> Configuration:
    """Return a configuration near another: numbers moved by about `WIDTH` of their range, a few choices drawn anew."""
    space = space_of(configuration.algorithm, kind)
    values: dict[str, Value] = {}
    for parameter in space.parameters:
        if not space.is_active(parameter, values):
            continue
        value = configuration.values.get(parameter.name)
        if value is None and parameter.name not in configuration.values:
            value = parameter.default
        values[parameter.name] = _moved(parameter, value, rng)
    return _whole(space, values)


def _whole(space: Space, values: Mapping[str, Value]) -> Configuration:
    """Return the configuration of values, those outside of their space at their default."""
    try:
        return space.configuration(values)
    except ConfigurationError:
        kept = {p.name: values[p.name] for p in space.parameters if p.name in values and p.contains(values[p.name])}
        return space.configuration(kept)


def _moved(parameter: Parameter, value: Value, rng: np.random.Generator) -> Value:
    """Return a value near another."""
    if parameter.kind == "categorical" or isinstance(value, bool | str) or value is None:
        return value if rng.random() < KEEP_SHARE else parameter.sample(rng)
    if not parameter.low <= value <= parameter.high:  # a default that is no place in the range
        return value if rng.random() < KEEP_SHARE else parameter.sample(rng)
    low, high, place = parameter.low, parameter.high, float(value)
    if parameter.log:
        low, high, place = np.log([low, high, place])
    place = float(np.clip(place + WIDTH * (high - low) * rng.normal(), low, high))
    place = float(np.exp(place)) if parameter.log else place
    place = min(max(place, parameter.low), parameter.high)
    return round(place) if parameter.kind == "int" else place
