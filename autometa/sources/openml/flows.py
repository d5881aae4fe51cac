"""Runs on OpenML as configurations: ours where a flow does what our pipeline does on that very data set, else foreign.

The semantics are those of `autometa.pipelines.recognising`, from a flow's name and the settings of its parameters;
nothing is unpickled, nothing imported by a name that OpenML gives. What is not ours keeps the flow's name and settings.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any  # Any: values of parameters

from autometa.errors import ConfigurationError, DataError
from autometa.pipelines.building import PIPELINES_VERSION
from autometa.pipelines.foreign import shorten
from autometa.pipelines.learners import LEARNERS
from autometa.pipelines.recognising import learners_by_class, recognise_learner
from autometa.sources.openml.components import Component, parse_flow_name, read_value, referred, without_version
from autometa.sources.openml.preparation import Preparation, TableFacts, preparation_of
from autometa.sources.openml.scikit import Circumstances, class_of, make_today
from autometa.space import Configuration, Value
from autometa.task_kind import TaskKind

PREFIX = "openml:"
OWN_FLOWS = f"autometa.v{PIPELINES_VERSION}"
"""Begins the names of the flows of our own pipelines, see `own_flow`."""

_MAX_VALUES = 200
_INTEGERS = range(-(2**63), 2**63)
# They decide with what it is computed and what is printed, not what comes out; `steps` is in the name.
_LEFT_OUT = frozenset(
    {"n_jobs", "nthread", "thread_count", "verbose", "verbosity", "silent", "memory", "steps", "copy"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """A flow with settings of its parameters, as OpenML lists it.

    Parameters
    ----------
    flow : str
        Name of the flow, with its version.
    settings : tuple of (str, str, str or None)
        Component (the name of its flow), parameter, value as text; in OpenML's order.
    """

    flow: str
    settings: tuple[tuple[str, str, str | None], ...] = ()


def own_flow(algorithm: str, kind: TaskKind) -> str:
    """Return the name of the flow of our pipelines with an algorithm, for classification or for regression."""
    return f"{OWN_FLOWS}.{'classification' if kind.is_classification else 'regression'}.{algorithm}"


def to_configuration(setup: Setup, facts: TableFacts) -> Configuration:
    """Return what a setup is on a data set: one of our configurations, or a foreign one.

    It is ours if the flow is one of ours (`own_flow`), or one of scikit-learn, LightGBM or XGBoost with a learner of
    ours, all parameters as our learner has them, and before it nothing but what our preparation does on this data set:

    - an imputer of means, medians or modes where nothing is missing;
    - ``StandardScaler`` where all columns are numbers, for learners whose numbers we scale; without it, learners for
      which we may leave them as they are;
    - one-hot encoding of all categories, of at most 30 levels, before learners to which a column's scale means nothing;
      without an encoder, categories of two levels for the same learners;
    - the removal of constant columns where there is none.

    Parameters
    ----------
    setup : Setup
        Flow and settings.
    facts : TableFacts
        Of the data set that it was run on.

    Examples
    --------
    >>> scaler, naive = "sklearn.preprocessing.data.StandardScaler", "sklearn.naive_bayes.GaussianNB"
    >>> scaled = ((scaler, "with_mean", "true"), (scaler, "with_std", "true"))
    >>> flow = f"sklearn.pipeline.Pipeline(scale={scaler},bayes={naive})(2)"
    >>> setup = Setup(flow=flow, settings=(*scaled, (naive, "priors", "null"), (naive, "var_smoothing", "0.01")))
    >>> to_configuration(setup, TableFacts(kind=TaskKind.BINARY, n_missing=0, n_columns=4, n_categorical=0)).to_json()
    '{"algorithm":"naive_bayes","values":{"var_smoothing":0.01}}'
    """
    own = _own(setup, facts.kind) or _recognised(setup, facts)
    return own if own is not None else foreign_setup(setup)


def foreign_setup(setup: Setup) -> Configuration:
    """Return the configuration that names a flow of others, and tells its settings.

    A parameter is ``class__name``, with the class of its component, where there are several components; with the whole
    name of the component where two are of one class. Numbers of threads, verbosity and caches are left out. A value
    that no configuration can hold is there as a short text.
    """
    values: dict[str, Value] = {}
    components = {component for component, _, _ in setup.settings}
    names = {component: _class_name(component) for component in components}
    for component, parameter, text in setup.settings:
        if parameter in _LEFT_OUT or len(values) >= _MAX_VALUES:
            continue
        is_unique = list(names.values()).count(names[component]) == 1
        name = parameter if len(components) == 1 else f"{names[component] if is_unique else component}__{parameter}"
        values[shorten(name) or "_"] = _held(text)
    return Configuration(algorithm=shorten(PREFIX + setup.flow), values=values)


def _own(setup: Setup, kind: TaskKind) -> Configuration | None:
    """Return the configuration of a flow that we published, None of any other."""
    name = without_version(setup.flow)
    learner = LEARNERS.get(name.rpartition(".")[2])
    if learner is None or kind not in learner.kinds or name != own_flow(learner.algorithm, kind):
        return None
    space = learner.space(kind)
    defaults = {parameter.name: parameter.default for parameter in space.parameters}
    stated = {parameter: read_value(text) for _, parameter, text in setup.settings}
    try:
        return space.configuration({name: value for name, value in stated.items() if value != defaults.get(name)})
    except ConfigurationError:
        return None


def _recognised(setup: Setup, facts: TableFacts) -> Configuration | None:
    """Return our configuration that does what the flow of another does on a data set; None if there is none."""
    try:
        flow = parse_flow_name(setup.flow)
    except DataError:
        return None
    *before, core = _steps(flow)
    made = class_of(core.place)
    stated = _stated(setup) if made is not None else None
    if made is None or stated is None:
        return None
    if not all(_has_its_steps(part, stated.get(part.name, {})) for part in flow.all()):
        return None
    preparation = preparation_of([(step, stated.get(step.name, {})) for step in before], facts)
    if preparation is None:
        return None
    named = {p.name for learner in learners_by_class(made, facts.kind) for p in learner.hyperparameters(facts.kind)}
    circumstances = Circumstances(is_binary=facts.kind is TaskKind.BINARY, is_numeric=facts.is_numeric)
    estimator = make_today(core.place, stated.get(core.name, {}), frozenset(named), circumstances)
    bare = None if estimator is None else recognise_learner(estimator, facts.kind)
    return None if bare is None else _prepared(bare, preparation, facts)


def _prepared(bare: Configuration, preparation: Preparation, facts: TableFacts) -> Configuration | None:
    """Return a learner's configuration with its preparation, if that is all that ours would do; else None."""
    learner = LEARNERS[bare.algorithm]
    if preparation.scaling not in learner.scalings or not (facts.is_complete or learner.missing != "fill"):
        return None
    chosen: dict[str, Value] = {"scaling": preparation.scaling} if len(learner.scalings) > 1 else {}
    if not facts.is_numeric:
        if learner.scalings != ("none",):
            return None  # theirs scales, or leaves unscaled, what encodes the categories; ours does not
        if not preparation.encoding and not facts.max_levels <= 2:
            return None  # codes in the order of a file, not of the words
        chosen["encoding"] = preparation.encoding or "ordinal"
    try:
        return learner.space(facts.kind).configuration({**bare.values, **chosen})
    except ConfigurationError:
        return None


def _steps(flow: Component) -> Iterator[Component]:
    """Iterate over what a flow does, one after another: the steps of pipelines, themselves left out."""
    if flow.class_name == "Pipeline" and flow.place.startswith("sklearn.") and flow.steps:
        for _, step in flow.steps:
            yield from _steps(step)
    else:
        yield flow


def _stated(setup: Setup) -> dict[str, dict[str, Any]] | None:
    """Return component -> parameter -> value; None where two components of one name differ."""
    found: dict[str, dict[str, Any]] = {}
    for component, parameter, text in setup.settings:
        of_component = found.setdefault(without_version(component), {})
        value = read_value(text)
        if parameter in of_component and of_component[parameter] != value:
            return None
        of_component[parameter] = value
    return found


def _has_its_steps(flow: Component, stated: Mapping[str, Any]) -> bool:
    """Return whether a component has the steps that its name tells, none of them replaced by a setting."""
    names = [name for name, _ in flow.steps]
    steps = stated.get("steps")
    is_told = steps is None or (isinstance(steps, list) and [referred(step) for step in steps] == names)
    return is_told and all(referred(stated[name]) == name for name in names if name in stated)


def _class_name(component: str) -> str:
    """Return the name of a component's class."""
    try:
        return parse_flow_name(component).class_name
    except DataError:
        return component


def _held(text: str | None) -> Value:
    """Return a value as a configuration holds it, a short text where it cannot."""
    value = read_value(text)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and value in _INTEGERS:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    return shorten(value if isinstance(value, str) else str(text))
