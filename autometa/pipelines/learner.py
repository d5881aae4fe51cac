"""What autometa knows of one algorithm: its space, what it needs, and how its estimator is made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from autometa._optional import is_installed
from autometa.space import Parameter, Space
from autometa.task_kind import TaskKind

Hyperparameters = Mapping[str, Any]  # Any: passed on to libraries, each with types of its own, or none

# Choices of preprocessing in a space; every other parameter goes to the estimator.
PREPROCESSING = frozenset({"encoding", "scaling"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Learner:
    """One algorithm.

    Parameters
    ----------
    algorithm : str
        Its name in configurations.
    kinds : frozenset of TaskKind
        The kinds of task that it does.
    module, requirement : str
        The importable name of its library, and what pip installs to get it.
    hyperparameters : callable
        ``hyperparameters(kind)`` gives its own parameters, preprocessing aside.
    make : callable
        ``make(values, kind, seed, n_jobs)`` gives the unfitted estimator; ``values`` holds the
        hyperparameters that differ from the library's defaults, which hold for all others.
        Any: the libraries carry no types.
    encodings : tuple of str
        The encodings of categories that it may choose from, its default first.
    scalings : tuple of str
        The scalings of numbers that it may choose from, its default first; ``("none",)`` for one to
        which the scale of a column means nothing.
    takes_missing : bool
        Whether it takes NaN; otherwise the pipeline fills them.
    scales_target : bool
        Whether a regression target is standardised for it (and predictions are turned back), because its
        hyperparameters have the target's unit.
    is_interpretable : bool
        Whether a person can read the fitted model.
    turns : int
        How many draws it gets in a round of the candidate list: more for the algorithms that win more
        often and have more to tune.

    Examples
    --------
    >>> from autometa.pipelines.learners import LEARNERS
    >>> LEARNERS["k_nearest_neighbors"].space(TaskKind.BINARY).parameters[0].name
    'n_neighbors'
    """

    algorithm: str
    kinds: frozenset[TaskKind]
    module: str
    requirement: str
    hyperparameters: Callable[[TaskKind], tuple[Parameter, ...]]
    make: Callable[[Hyperparameters, TaskKind, int, int], Any]
    encodings: tuple[str, ...]
    scalings: tuple[str, ...]
    takes_missing: bool = False
    scales_target: bool = False
    is_interpretable: bool = False
    turns: int = 1

    @property
    def is_installed(self) -> bool:
        """Whether its library is here."""
        return is_installed(self.module)

    def space(self, kind: TaskKind) -> Space:
        """Return its hyperparameters and choices of preprocessing for tasks of ``kind``."""
        return Space(algorithm=self.algorithm, parameters=(*self.hyperparameters(kind), *self._preprocessing()))

    def _preprocessing(self) -> tuple[Parameter, ...]:
        """Return the choices of preprocessing that are choices at all."""
        offered = {"encoding": self.encodings, "scaling": self.scalings}
        return tuple(
            Parameter(name=name, kind="categorical", choices=choices, default=choices[0])
            for name, choices in offered.items()
            if len(choices) > 1
        )
