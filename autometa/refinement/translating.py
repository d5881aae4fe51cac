"""How a user's parameters stand for ours: names, choices, ranges and scales."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from autometa.errors import OptionError
from autometa.pipelines.learners import LEARNERS, space_of
from autometa.refinement.search_space import SearchSpace
from autometa.space import Configuration, Value
from autometa.task_kind import TaskKind

ALGORITHM = "algorithm"  # in place of a parameter's name: the name of the algorithm

# A name of ours; (a name of ours, how it is told, ...); or a list of these, for several algorithms.
Naming = str | Sequence[object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One parameter of the user's, and one of ours.

    Parameters
    ----------
    own : str
        The user's name of it.
    algorithm : str or None
        Whose it is; None: of every algorithm that has one of this name.
    name : str
        Our name of it, or "algorithm".
    choices : tuple of (the user's choice, our value), optional
        What is in none of them is left out.
    distribution : BaseDistribution, optional
        The user's, as far as it is known.
    transform : callable, optional
        From our number to the user's.
    """

    own: str
    algorithm: str | None
    name: str
    choices: tuple[tuple[Any, Value], ...] | None = None  # Any: as Optuna has it
    distribution: BaseDistribution | None = None
    transform: Callable[[Any], Any] | None = field(default=None, repr=False)  # Any: as users write it

    def __str__(self) -> str:
        return self.name if self.algorithm is None else f"{self.algorithm}.{self.name}"

    @property
    def is_algorithm(self) -> bool:
        """Whether it is the choice of the algorithm."""
        return self.algorithm is None and self.name == ALGORITHM

    @property
    def said(self) -> tuple[Any, ...]:
        """What values of ours the user's choices stand for, as far as they are known."""
        if self.choices is not None:
            return tuple(other for _, other in self.choices)
        return self.distribution.choices if isinstance(self.distribution, CategoricalDistribution) else ()

    def value(self, value: Value, *, is_default: bool) -> Any:  # Any: as Optuna has it
        """Return the user's value, perhaps beyond the range.

        Raises
        ------
        LookupError
            If there is none, so that it is for the sampler to draw.
        OptionError
            If the user's function fails on a value that is advised.
        """
        if self.choices is not None:
            return self._choice(value)
        if self.transform is not None:
            try:
                return self.transform(value)
            except (ValueError, TypeError, ArithmeticError) as error:
                if is_default:  # which is often None or 0, and then stands for something else
                    raise LookupError from error
                raise OptionError(
                    f"'{self.own}': its function fails on {self} = {value!r} ({error}); map it in another way"
                ) from error
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number and not isinstance(self.distribution, CategoricalDistribution):
            raise LookupError
        return value

    def _choice(self, value: Value) -> Any:  # Any: as Optuna has it
        """Return the first of the user's choices that stands for a value."""
        for own, other in self.choices or ():
            if other == value and type(other) is type(value):
                return own
        raise LookupError

    def placed(self, value: Any, *, is_default: bool) -> tuple[Any, bool]:  # Any: as Optuna has it
        """Return the user's value inside of the range, and whether it was clipped; defaults are not clipped.

        Raises
        ------
        LookupError
            If the range or the choices have nothing for it.
        """
        known = self.distribution
        if known is None:
            return value, False
        if isinstance(known, CategoricalDistribution):
            if not any(value == choice and type(value) is type(choice) for choice in known.choices):
                raise LookupError
            return value, False
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not isinstance(known, FloatDistribution | IntDistribution) or known.single():
            raise LookupError
        is_outside = not known.low <= value <= known.high
        if is_outside and is_default:
            raise LookupError
        inside = SearchSpace({self.own: known}).to_params({self.own: value})[self.own]
        is_whole = isinstance(value, int) and float(inside).is_integer()
        return int(inside) if is_whole else inside, is_outside


@dataclass(frozen=True, slots=True, kw_only=True)
class Translated:
    """A configuration in the user's parameters.

    Parameters
    ----------
    params : mapping of str to any value
        What is missing is for the sampler to draw.
    clipped : tuple of str
        Those whose advised value lay beyond the user's range.
    """

    params: Mapping[str, Any]  # Any: as Optuna has it
    clipped: tuple[str, ...]


class Dictionary:
    """Says a configuration of ours in a user's parameters.

    Parameters
    ----------
    links : sequence of Link
        Of the user's parameters to ours.
    algorithms : sequence of str
        That may be said.
    kind : TaskKind
        Of the task, on which ranges and defaults depend.
    """

    def __init__(self, links: Sequence[Link], algorithms: Sequence[str], kind: TaskKind) -> None:
        self.links = tuple(links)
        self.algorithms = tuple(algorithms)
        self.kind = kind

    @classmethod
    def read(
        cls,
        space: Mapping[str, Naming],
        algorithm: str | None,
        kind: TaskKind,
        known: Mapping[str, BaseDistribution],
    ) -> "Dictionary":
        """Return what a user wrote, see `autometa.refinement.warm_starting.warm_start`.

        Parameters
        ----------
        space : mapping of str to str, tuple or list
            By the user's name.
        algorithm : str or None
            The one that is tuned; None: what the names say.
        kind : TaskKind
            Of the task.
        known : mapping of str to BaseDistribution
            What the study has of the user's parameters, where the space does not say it.

        Raises
        ------
        OptionError
            If a name is unknown, or not told how.
        """
        links = [link for own, naming in space.items() for link in _links(own, naming)]
        links = [each if each.distribution else replace(each, distribution=known.get(each.own)) for each in links]
        if not links:
            raise OptionError("space is empty; write the names of your parameters and ours: {'lr': 'learning_rate'}")
        algorithms = _algorithms(links, algorithm, kind)
        for link in links:
            _check(link, algorithms, kind)
        return cls(links, algorithms, kind)

    def say(self, configuration: Configuration) -> Translated | None:
        """Return a configuration in the user's parameters; None if the user has no choice for its algorithm."""
        params: dict[str, Any] = {}  # Any: as Optuna has it
        clipped = []
        parameters = space_of(configuration.algorithm, self.kind)
        by_name = {each.name: each for each in parameters.parameters}
        for link in self.links:
            if link.algorithm not in {None, configuration.algorithm} or link.own in params:
                continue
            value: Value
            if link.is_algorithm:
                value, is_default = configuration.algorithm, False
            elif link.name not in by_name or not parameters.is_active(by_name[link.name], configuration.values):
                continue
            else:
                is_default = link.name not in configuration.values
                value = by_name[link.name].default if is_default else configuration.values[link.name]
            try:
                params[link.own], is_clipped = link.placed(
                    link.value(value, is_default=is_default), is_default=is_default
                )
            except LookupError:
                if link.is_algorithm:
                    return None
                continue
            clipped += [link.own] * is_clipped
        return Translated(params=params, clipped=tuple(clipped))


def _links(own: str, naming: Naming) -> Iterator[Link]:
    """Yield the links that a user wrote for one parameter."""
    if isinstance(naming, list):
        for each in naming:
            yield from _links(own, each)
        return
    parts = (naming,) if isinstance(naming, str) else naming
    if not isinstance(parts, tuple) or not parts or not isinstance(parts[0], str):
        raise OptionError(f"'{own}' is mapped to {naming!r}; write our name, (our name, low, high), or a list of such")
    algorithm, _, name = parts[0].rpartition(".")
    link = Link(own=own, algorithm=algorithm or None, name=name)
    if len(parts) == 3 and all(_is_number(each) for each in parts[1:]):
        yield replace(link, distribution=_range(own, *parts[1:]))
        return
    for how in parts[1:]:
        if isinstance(how, Mapping):
            link = replace(link, choices=tuple(how.items()))
        elif isinstance(how, list):
            link = replace(link, choices=tuple((each, each) for each in how))
        elif isinstance(how, BaseDistribution):
            link = replace(link, distribution=how)
        elif callable(how):
            link = replace(link, transform=how)
        else:
            raise OptionError(
                f"'{own}': {how!r} says nothing about {parts[0]}; after it stand low and high, a list of choices, "
                "a dictionary from yours to ours, an Optuna distribution, or a function from our value to yours"
            )
    yield link


def _is_number(value: object) -> bool:
    """Return whether a value is a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _range(own: str, low: Any, high: Any) -> FloatDistribution:  # Any: numbers, as was seen
    """Return a range; whole numbers stay so inside of it."""
    if not low < high:
        raise OptionError(f"the range of '{own}' is empty: {low} to {high}; write the smaller end first")
    return FloatDistribution(float(low), float(high))


def _algorithms(links: Sequence[Link], algorithm: str | None, kind: TaskKind) -> tuple[str, ...]:
    """Return what may be said: the algorithm asked for, else those that a choice is between, else the one named."""
    named = [link.algorithm for link in links if link.algorithm is not None]
    chosen = [value for link in links if link.is_algorithm for value in link.said]
    found = tuple(dict.fromkeys([algorithm] if algorithm is not None else chosen or named))
    if not found:
        raise OptionError("of which algorithm? give algorithm='lightgbm', or write 'lightgbm.learning_rate' in space")
    if len(found) > 1 and not chosen:
        raise OptionError(
            f"space names {len(found)} algorithms ({', '.join(found)}) and no choice between them; map one to "
            "'algorithm', or give algorithm="
        )
    for each in (*found, *named):
        if each not in LEARNERS:
            raise OptionError(f"unknown algorithm '{each}'; choose from: {', '.join(sorted(LEARNERS))}")
    able = tuple(each for each in found if kind in LEARNERS[each].kinds)
    if not able:
        raise OptionError(f"{', '.join(found)} cannot do a {kind} task; choose another algorithm")
    return able


def _check(link: Link, algorithms: Sequence[str], kind: TaskKind) -> None:
    """Raise unless there is such a parameter, and its choices are told: Optuna fails on one that it does not have.

    Raises
    ------
    OptionError
        If there is none, or they are not.
    """
    is_told = link.choices is not None or link.distribution is not None or link.transform is not None
    if link.is_algorithm:
        if not is_told:
            raise OptionError(f"'{link.own}': write its choices: ('algorithm', {{'yours': '{algorithms[0]}'}})")
        return
    meant = algorithms if link.algorithm is None else [link.algorithm]
    own = [each for name in meant if kind in LEARNERS[name].kinds for each in space_of(name, kind).parameters]
    found = [each for each in own if each.name == link.name]
    if own and not found:
        known = ", ".join(dict.fromkeys(each.name for each in own))
        raise OptionError(f"'{link.own}': {', '.join(meant)} has no parameter '{link.name}'; known: {known}")
    if not is_told and any(each.kind == "categorical" for each in found):
        choices = list(found[0].choices)
        raise OptionError(f"'{link.own}': write which choices of {link} it has, as in ('{link}', {choices})")
