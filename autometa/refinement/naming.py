"""Configurations as Optuna's parameters, by readable names, and back: ``algorithm``, ``lightgbm.learning_rate``, ..."""

from collections.abc import Mapping
from typing import Any

from optuna.trial import Trial

from autometa.space import Configuration, Parameter, Space, Value

ALGORITHM = "algorithm"

Params = dict[str, Any]  # Any: as Optuna has it


class NamedSpaces:
    """The spaces of several algorithms as one of Optuna's.

    Parameters
    ----------
    spaces : mapping of str to Space
        By algorithm.

    Examples
    --------
    >>> from autometa.pipelines.learners import space_of
    >>> from autometa.task_kind import TaskKind
    >>> spaces = NamedSpaces({"lightgbm": space_of("lightgbm", TaskKind.BINARY)})
    >>> spaces.to_params(Configuration(algorithm="lightgbm", values={"num_leaves": 7}))["lightgbm.num_leaves"]
    7
    """

    def __init__(self, spaces: Mapping[str, Space]) -> None:
        self.spaces = dict(sorted(spaces.items()))
        self._algorithms = tuple(self.spaces)

    def to_params(self, configuration: Configuration) -> Params:
        """Return the parameters that are active: its values, and defaults as far as they lie inside of their range.

        What does not, as a penalty of 0 on a logarithmic scale, is left out.
        """
        space = self.spaces[configuration.algorithm]
        params: Params = {ALGORITHM: configuration.algorithm}
        for parameter in space.parameters:
            if space.is_active(parameter, configuration.values):
                value = configuration.values.get(parameter.name, parameter.default)
                if _holds(parameter, value):
                    params[_name(space, parameter)] = value
        return params

    def take(self, trial: Trial, params: Mapping[str, Any]) -> None:  # Any: as Optuna has it
        """Give a trial that was enqueued with ``params`` these and no others."""
        space = self.spaces[trial.suggest_categorical(ALGORITHM, self._algorithms)]
        for parameter in space.parameters:
            if _name(space, parameter) in params:
                _suggested(trial, _name(space, parameter), parameter)

    def suggest(self, trial: Trial) -> Configuration:
        """Return the configuration that a trial suggests, parameter by parameter."""
        space = self.spaces[trial.suggest_categorical(ALGORITHM, self._algorithms)]
        drawn: dict[str, Value] = {}
        for parameter in space.parameters:
            if space.is_active(parameter, drawn):
                drawn[parameter.name] = _suggested(trial, _name(space, parameter), parameter)
        return space.configuration(drawn)


def _name(space: Space, parameter: Parameter) -> str:
    """Return the name of a parameter among those of all algorithms."""
    return f"{space.algorithm}.{parameter.name}"


def _suggested(trial: Trial, name: str, parameter: Parameter) -> Value:
    """Return the value that a trial has, or now gets, of a parameter."""
    if parameter.kind == "categorical":
        return trial.suggest_categorical(name, parameter.choices)
    if parameter.kind == "int":
        return trial.suggest_int(name, int(parameter.low), int(parameter.high), log=parameter.log)
    return trial.suggest_float(name, parameter.low, parameter.high, log=parameter.log)


def _holds(parameter: Parameter, value: Value) -> bool:
    """Return whether a value lies inside of the range, in which a default need not."""
    if parameter.kind == "categorical":
        return any(value == choice and type(value) is type(choice) for choice in parameter.choices)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return parameter.low <= value <= parameter.high
