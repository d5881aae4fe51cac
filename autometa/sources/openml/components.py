"""The names of OpenML's flows taken apart, and the values of their parameters as they were before they became text."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any  # Any: JSON

from autometa.errors import DataError

_MAX_DEPTH = 20
_REFERENCE = "component_reference"


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A class in a flow, and those inside of it.

    Parameters
    ----------
    place : str
        The class as it was imported, such as ``sklearn.ensemble.forest.RandomForestClassifier``.
    name : str
        The name of the whole component, those inside of it included: what OpenML calls its flow.
    steps : tuple of (str, Component)
        The components inside, by the name that they have there; the empty name where none is given.

    Examples
    --------
    >>> flow = parse_flow_name("sklearn.pipeline.Pipeline(fill=sklearn.impute.SimpleImputer,a=sklearn.svm.SVC)(2)")
    >>> flow.class_name, [(name, step.class_name) for name, step in flow.steps]
    ('Pipeline', [('fill', 'SimpleImputer'), ('a', 'SVC')])
    """

    place: str
    name: str
    steps: tuple[tuple[str, "Component"], ...] = ()

    @property
    def class_name(self) -> str:
        """The name of the class alone."""
        return self.place.rpartition(".")[2]

    def all(self) -> Iterator["Component"]:
        """Iterate over the component and all inside of it."""
        yield self
        for _, step in self.steps:
            yield from step.all()


def parse_flow_name(name: str) -> Component:
    """Return the components that a flow's name is made of; its version in OpenML is left out.

    Raises
    ------
    DataError
        If its brackets do not close, or it is nested beyond reason.
    """
    bare = without_version(name)
    component, end = _component(bare, 0, 0)
    if end != len(bare):
        raise DataError(f"not the name of a flow: {name[:80]!r}")
    return component


def without_version(name: str) -> str:
    """Return a flow's name without OpenML's version of it, the number in brackets at its end."""
    start, bracket, last = name.rpartition("(")
    return start if bracket and last.endswith(")") and last[:-1].isdigit() else name


def read_value(text: str | None) -> Any:
    """Return the value of a parameter, which scikit-learn's flows keep as JSON; text that is none is itself.

    Examples
    --------
    >>> read_value("100"), read_value('"sqrt"'), read_value("weka.K2"), read_value(None)
    (100, 'sqrt', 'weka.K2', None)
    """
    try:
        return None if text is None else json.loads(text)
    except (ValueError, RecursionError):
        return text


def referred(value: object) -> str | None:
    """Return the step that a value of a parameter stands for, or None where it is no reference to one."""
    if not isinstance(value, dict):
        return None
    kind = next((value[name] for name in ("oml-python:serialized_object", "oml:serialized_object") if name in value), 0)
    inner = value.get("value")
    if kind != _REFERENCE or not isinstance(inner, dict):
        return None
    step = inner.get("step_name") or inner.get("key")
    return step if isinstance(step, str) else None


def _component(text: str, start: int, depth: int) -> tuple[Component, int]:
    """Return the component that begins at a position, and where it ends."""
    end = next((i for i in range(start, len(text)) if text[i] in "(),"), len(text))
    place = text[start:end].strip()
    steps: list[tuple[str, Component]] = []
    if end < len(text) and text[end] == "(":
        if depth >= _MAX_DEPTH:
            raise DataError(f"a flow nested more than {_MAX_DEPTH} deep: {text[:80]!r}")
        at = end
        while True:
            step, label, at = _step(text, at + 1, depth)
            steps.append((label, step))
            if at >= len(text):
                raise DataError(f"a bracket is not closed in the name of the flow {text[:80]!r}")
            if text[at] == ")":
                end = at + 1
                break
    return Component(place=place, name=text[start:end].strip(), steps=tuple(steps)), end


def _step(text: str, start: int, depth: int) -> tuple[Component, str, int]:
    """Return a component inside of another, the name that it has there, and where it ends."""
    sign = next((i for i in range(start, len(text)) if text[i] in "=(),"), len(text))
    label = ""
    if sign < len(text) and text[sign] == "=":
        label, start = text[start:sign].strip(), sign + 1
    component, end = _component(text, start, depth + 1)
    return component, label, end
