"""What autometa knows of one algorithm: its space, what it needs, and how its estimator is made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from autometa._optional import is_installed
from autometa.space import Parameter, Space, Value
from autometa.task_kind import TaskKind

Hyperparameters = Mapping[str, Any]  # Any: passed on to libraries, each with types of its own, or none
Cost = Literal["low", "medium", "high"]
Missing = Literal["fill", "keep", "keep_seen"]

CLASS_WEIGHT = Parameter(name="class_weight", kind="categorical", choices=(None, "balanced"), default=None)
"""For classifiers that can weigh rows so that all classes count alike."""

_SELECT = (
    Parameter(name="select", kind="categorical", choices=("none", "univariate"), default="none"),
    Parameter(name="select_percentile", kind="int", low=10, high=90, default=50, condition=("select", ("univariate",))),
)
_N_KNOTS = Parameter(
    name="n_knots", kind="int", low=3, high=12, log=True, default=7, condition=("scaling", ("spline",))
)
_TARGET_TRANSFORM = Parameter(
    name="target_transform", kind="categorical", choices=("none", "log", "quantile"), default="none"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeCategories:
    """How an algorithm that splits on categories by itself is told of them: its encoding ``native``.

    Parameters
    ----------
    parameter : str
        The estimator's parameter that takes the positions of the categorical columns.
    form : {"codes", "words"}
        What it finds there: codes 0, 1, ... with NaN for unseen categories, or the words themselves.
    """

    parameter: str
    form: Literal["codes", "words"]


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
        which the scale of a column means nothing. A ``spline`` replaces each column by smooth functions of it,
        so that a linear model becomes an additive one; ``n_knots`` says how many.
    cost : {"low", "medium", "high"}
        What a fit of its defaults on 3,000 rows and 30 columns takes on one core: under 0.3 s, under 3 s, more.
    missing : {"fill", "keep", "keep_seen"}
        What becomes of missing numbers: the pipeline fills and flags them, and can choose among the columns
        (``select``), which trees do by themselves; or it keeps them, for a learner that takes NaN; or it keeps
        them, but leaves out columns without any value in training.
    native : NativeCategories, optional
        How it is told of categories; needed for the encoding ``native``.
    scales_target : bool
        Whether a regression target is standardised for it (and predictions are turned back), because its
        hyperparameters have the target's unit.
    is_interpretable : bool
        Whether a person can read the fitted model.
    max_rows : int, optional
        The most rows on which it can be fitted in reasonable time; None where time grows about evenly with them.

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
    cost: Cost
    missing: Missing = "fill"
    native: NativeCategories | None = None
    scales_target: bool = False
    is_interpretable: bool = False
    max_rows: int | None = None

    @property
    def is_installed(self) -> bool:
        """Whether its library is here."""
        return is_installed(self.module)

    def takes(self, n_rows: int) -> bool:
        """Return whether it can be fitted on ``n_rows`` rows in reasonable time."""
        return self.max_rows is None or n_rows <= self.max_rows

    def space(self, kind: TaskKind) -> Space:
        """Return its hyperparameters and choices of preprocessing for tasks of ``kind``."""
        return Space(algorithm=self.algorithm, parameters=(*self.hyperparameters(kind), *self._choices(kind)))

    def preprocessing(self, values: Mapping[str, Value]) -> Hyperparameters:
        """Return every choice of preprocessing by name, at its default where ``values`` leaves it out.

        All other values of a configuration are the estimator's.
        """
        defaults: dict[str, Value] = {"encoding": self.encodings[0], "scaling": self.scalings[0]}
        defaults |= {parameter.name: parameter.default for parameter in (_N_KNOTS, *_SELECT, _TARGET_TRANSFORM)}
        return {name: values.get(name, default) for name, default in defaults.items()}

    def _choices(self, kind: TaskKind) -> tuple[Parameter, ...]:
        """Return the choices of preprocessing that are choices at all."""
        offered = {"encoding": self.encodings, "scaling": self.scalings}
        choices = tuple(
            Parameter(name=name, kind="categorical", choices=choices, default=choices[0])
            for name, choices in offered.items()
            if len(choices) > 1
        )
        knots = (_N_KNOTS,) if "spline" in self.scalings else ()
        select = _SELECT if self.missing == "fill" else ()
        return (*choices, *knots, *select, *(() if kind.is_classification else (_TARGET_TRANSFORM,)))
