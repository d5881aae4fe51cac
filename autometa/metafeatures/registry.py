"""Groups of meta-features: which names exist, and the function behind each name.

A meta-feature is one function in the file of its group. It is entered by a decorator of the group and
carries the function's name. The functions of a group share one prepared input, computed once.
"""

import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from autometa.metafeatures.sample import Sample
from autometa.task_kind import TaskKind

Floats: TypeAlias = NDArray[np.float64]
Prepared = TypeVar("Prepared")

ALL_KINDS = frozenset(TaskKind)
REGRESSION = frozenset({TaskKind.REGRESSION})

# What a computation can raise on unforeseen data; anything else is a mistake of ours and is not caught.
_BREAKS = (ArithmeticError, ValueError, MemoryError)


def _standard_deviation(values: Floats) -> float | None:
    """Return the standard deviation with n - 1 degrees of freedom, undefined below two values."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else None


SUMMARIES: dict[str, Callable[[Floats], float | None]] = {
    "mean": lambda values: float(np.mean(values)),
    "sd": _standard_deviation,
    "min": lambda values: float(np.min(values)),
    "max": lambda values: float(np.max(values)),
}

_OF_MANY = {"mean": "mean", "sd": "standard deviation", "min": "smallest", "max": "largest"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature(Generic[Prepared]):
    """One registered function: the names that it gives values to, what they mean, and for which kinds of task."""

    names: tuple[str, ...]
    meanings: tuple[str, ...]
    kinds: frozenset[TaskKind]
    compute: Callable[[Prepared], tuple[float | None, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The values of one group, NaN where undefined or failed, and the reasons of the failures."""

    values: dict[str, float]
    failures: dict[str, str]


class Group(Generic[Prepared]):
    """A named, ordered set of meta-features that share one prepared input.

    Parameters
    ----------
    name : str
        Name of the group.
    prepare : callable
        Sample to the input of the group's functions; called once per task.

    Examples
    --------
    >>> group = Group("sizes", prepare=lambda sample: sample)
    >>> @group.value()
    ... def nr_columns(sample: Sample) -> float:
    ...     return float(sample.task.n_columns)
    >>> group.names
    ('nr_columns',)
    """

    def __init__(self, name: str, *, prepare: Callable[[Sample], Prepared]) -> None:
        self.name = name
        self._prepare = prepare
        self._features: list[Feature[Prepared]] = []

    @property
    def names(self) -> tuple[str, ...]:
        """Every name of the group, in the order of its file."""
        return tuple(name for feature in self._features for name in feature.names)

    @property
    def meanings(self) -> dict[str, str]:
        """What each name stands for, in words: of the docstring of its function."""
        return {
            name: meaning
            for feature in self._features
            for name, meaning in zip(feature.names, feature.meanings, strict=True)
        }

    def value(
        self, *, kinds: frozenset[TaskKind] = ALL_KINDS
    ) -> Callable[[Callable[[Prepared], float | None]], Callable[[Prepared], float | None]]:
        """Return a decorator that enters a function giving one number, or None where it is undefined."""

        def enter(function: Callable[[Prepared], float | None]) -> Callable[[Prepared], float | None]:
            def compute(prepared: Prepared) -> tuple[float | None, ...]:
                return (function(prepared),)

            meanings = (_meaning(function),)
            self._features.append(Feature(names=(function.__name__,), meanings=meanings, kinds=kinds, compute=compute))
            return function

        return enter

    def values(
        self, *summaries: str, kinds: frozenset[TaskKind] = ALL_KINDS
    ) -> Callable[[Callable[[Prepared], Floats]], Callable[[Prepared], Floats]]:
        """Return a decorator that enters a function giving many numbers, as ``name.summary`` each.

        The summaries are "mean", "sd" (n - 1 degrees of freedom), "min" and "max"; the names with a dot are
        those of pymfe. No numbers at all mean undefined.
        """

        def enter(function: Callable[[Prepared], Floats]) -> Callable[[Prepared], Floats]:
            def compute(prepared: Prepared) -> tuple[float | None, ...]:
                numbers = function(prepared)
                return tuple(SUMMARIES[name](numbers) if len(numbers) else None for name in summaries)

            names = tuple(f"{function.__name__}.{name}" for name in summaries)
            meanings = tuple(f"{_meaning(function)} ({_OF_MANY[name]})" for name in summaries)
            self._features.append(Feature(names=names, meanings=meanings, kinds=kinds, compute=compute))
            return function

        return enter

    def measure(self, sample: Sample, *, deadline: float) -> Measured:
        """Return the values of a sample; what breaks, or is late, is a failure with its reason.

        Parameters
        ----------
        sample : Sample
            The sample of the task.
        deadline : float
            On the clock of `time.perf_counter`, in seconds; no function starts after it.
        """
        measured = Measured(values=dict.fromkeys(self.names, math.nan), failures={})
        wanted = [feature for feature in self._features if sample.task.kind in feature.kinds]
        if not wanted:
            return measured
        # Python sees what NumPy would only warn of, so that no broken value passes as a number.
        with np.errstate(over="raise", divide="raise", invalid="raise"):
            try:
                _check_clock(deadline)
                prepared = self._prepare(sample)
            except _BREAKS as error:
                reason = f"the inputs of the group '{self.name}' broke: {_reason(error)}"
                measured.failures.update({name: reason for feature in wanted for name in feature.names})
                return measured
            for feature in wanted:
                _measure_feature(feature, prepared, deadline, measured)
        return measured


def _meaning(function: Callable[[Prepared], object]) -> str:
    """Return what a function gives, in words: the start of its docstring, without sources and asides."""
    words = " ".join((function.__doc__ or function.__name__).split("\n\n")[0].split())
    words = re.sub(r" *(\[\d+\]_|\([^)]*\))", "", words.removeprefix("Return ").removeprefix("the "))
    return re.split(r"[;:]|\.$|, as pymfe", words)[0].strip()


def _measure_feature(feature: Feature[Prepared], prepared: Prepared, deadline: float, measured: Measured) -> None:
    """Write the values, or the reason of the failure, of one function."""
    try:
        _check_clock(deadline)
        numbers = feature.compute(prepared)
    except _BREAKS as error:
        measured.failures.update(dict.fromkeys(feature.names, _reason(error)))
        return
    for name, number in zip(feature.names, numbers, strict=True):
        if number is None:
            continue
        if math.isfinite(number):
            measured.values[name] = float(number)
        else:
            measured.failures[name] = f"the result is {number}"


def _check_clock(deadline: float) -> None:
    """Raise if the time for the whole extraction is over."""
    if time.perf_counter() > deadline:
        raise _OutOfTimeError("the extraction ran past its time limit")


class _OutOfTimeError(ValueError):
    """The clock stopped a runaway."""


def _reason(error: Exception) -> str:
    """Return the kind and message of an error in one line."""
    return " ".join(f"{type(error).__name__.lstrip('_')}: {error}".split())
