"""Spaces: the identity of configurations, and what a space draws, takes and refuses."""

import itertools
import json
import math
import os
import pickle
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from autometa.errors import ConfigurationError
from autometa.space import Configuration, Parameter, Space, Value

FOREST = Configuration(
    algorithm="random_forest",
    values={"n_estimators": 300, "max_features": 0.5, "bootstrap": False, "criterion": "gini", "max_depth": None},
)


def space() -> Space:
    """Return a space with every kind of parameter, and two levels of conditions."""
    return Space(
        algorithm="machine",
        parameters=(
            Parameter(name="kernel", kind="categorical", choices=("rbf", "poly", "linear"), default="rbf"),
            Parameter(name="degree", kind="int", low=2, high=5, default=3, condition=("kernel", ("poly",))),
            Parameter(name="coef0", kind="float", low=-1.0, high=1.0, default=0.0, condition=("degree", (3, 4))),
            Parameter(name="C", kind="float", low=1e-3, high=1e3, log=True, default=1.0),
            Parameter(name="max_iter", kind="int", low=1, high=1000, log=True, default=-1),
            Parameter(name="shrinking", kind="categorical", choices=(True, False), default=True),
        ),
    )


def float_parameter(**options: Any) -> Parameter:
    """Return a float parameter from 0 to 1."""
    return Parameter(**{"name": "p", "kind": "float", "low": 0.0, "high": 1.0, "default": 0.5, **options})


# --- configurations ---------------------------------------------------------------------------------------------------


def test_the_key_is_pinned() -> None:
    assert FOREST.to_json() == (
        '{"algorithm":"random_forest","values":{"bootstrap":false,"criterion":"gini","max_depth":null,'
        '"max_features":0.5,"n_estimators":300}}'
    )
    assert FOREST.key == "772be7cfb1513e66c7e32571fa261400be246975934799bb44cc6a53b2d746f5"
    assert Configuration(algorithm="ridge").key == "e725fc14ec1f0945cfa447a7eb6b65535a81f49b4481da42e981441d0e6807ce"


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_a_second_process_finds_the_same_key(hash_seed: str) -> None:
    script = "from tests.test_space import FOREST; print(FOREST.key)"
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)
    assert output.stdout.strip() == FOREST.key


def test_the_order_of_values_does_not_matter() -> None:
    values = dict(FOREST.values)
    keys = {
        Configuration(algorithm="random_forest", values={name: values[name] for name in names}).key
        for names in itertools.permutations(values)
    }
    assert keys == {FOREST.key}


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        (0.1, 0.1000001, True),
        (0.1, 0.100001, False),
        (123456.4, 123456.0, True),
        (1e-7, 1.0000001e-7, True),
        (1.0, 1, False),
        (1, True, False),
        (0, False, False),
        (0.0, -0.0, True),
        (0.0, None, False),
        ("1", 1, False),
        (1234567, 1234568, False),
    ],
)
def test_values_are_the_same_when_their_type_and_six_digits_are(one: Value, other: Value, is_same: bool) -> None:
    a, b = (Configuration(algorithm="a", values={"x": value}) for value in (one, other))
    assert (a.key == b.key) is is_same
    assert (a == b) is is_same
    assert len({a, b}) == (1 if is_same else 2)


def test_algorithm_names_and_values_count() -> None:
    keys = {
        Configuration(algorithm=algorithm, values=values).key
        for algorithm in ("a", "b")
        for values in ({}, {"x": 1}, {"y": 1}, {"x": 2}, {"x": 1, "y": 1})
    }
    assert len(keys) == 10


def test_numpy_values_become_plain_ones() -> None:
    numpy_values: Any = {"i": np.int64(3), "f": np.float32(0.1), "b": np.bool_(True), "s": np.str_("gini")}
    configuration = Configuration(algorithm="a", values=numpy_values)
    assert configuration == Configuration(algorithm="a", values={"i": 3, "f": 0.1, "b": True, "s": "gini"})
    assert [type(value) for value in configuration.values.values()] == [bool, float, int, str]


@pytest.mark.parametrize("configuration", [FOREST, Configuration(algorithm="π", values={"ä": "é", "x": 1e-300})])
def test_json_gives_the_configuration_back(configuration: Configuration) -> None:
    again = Configuration.from_json(configuration.to_json())
    assert again == configuration
    assert dict(again.values) == dict(configuration.values)
    assert again.to_json() == configuration.to_json()


def test_json_gives_types_back() -> None:
    values: dict[str, Value] = {"a": 1, "b": 1.0, "c": True, "d": None, "e": "1", "f": 1e22}
    again = Configuration.from_json(Configuration(algorithm="a", values=values).to_json())
    assert {name: type(value) for name, value in again.values.items()} == {n: type(v) for n, v in values.items()}


def test_a_configuration_survives_pickling() -> None:
    assert pickle.loads(pickle.dumps(FOREST)) == FOREST


def test_what_the_caller_does_to_the_values_later_does_not_reach_the_configuration() -> None:
    values: dict[str, Value] = {"x": 1}
    configuration = Configuration(algorithm="a", values=values)
    values["x"] = 2
    assert configuration.values["x"] == 1
    assert configuration == Configuration(algorithm="a", values={"x": 1})


@pytest.mark.parametrize(
    ("algorithm", "values", "message"),
    [
        ("", {}, "an algorithm needs a name, got ''"),
        (3, {}, "an algorithm needs a name, got 3"),
        ("a", {"": 1}, "parameter names are non-empty strings"),
        ("a", {1: 1}, "parameter names are non-empty strings, got"),
        ("a", {"x": math.nan}, "finite numbers only, got nan; leave it out"),
        ("a", {"x": -math.inf}, "finite numbers only, got -inf"),
        ("a", {"x": np.float64("inf")}, "finite numbers only, got inf"),
        ("a", {"x": [1, 2]}, r"got list: \[1, 2\]"),
        ("a", {"x": 1j}, "got complex"),
        ("a", {"x": "\ud800"}, "not valid text"),
        ("\udcff", {}, "not valid text"),
        ("a", {"\udcff": 1}, "not valid text"),
    ],
)
def test_what_cannot_be_stored_is_refused(algorithm: Any, values: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Configuration(algorithm=algorithm, values=values)


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "null", "3", "[]", "{}"),
        *('{"algorithm":"a"}', '{"algorithm":"a","values":null}', '{"algorithm":"a","values":[1]}'),
        *('{"algorithm":null,"values":{}}', '{"algorithm":"a","values":{"x":NaN}}'),
        '{"algorithm":"a","values":{"x":{}}}',
        '{"algorithm":"a","values":{"x":"\\ud800"}}',
        "[" * 100_000,
        '{"algorithm":"a","values":{"x":' + "9" * 5000 + "}}",
    ],
    ids=lambda text: text[:40],
)
def test_what_is_not_the_json_of_a_configuration_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        Configuration.from_json(text)


# --- parameters -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"low": 1.0, "high": 1.0},
        {"low": 2.0, "high": 1.0},
        {"low": math.nan, "high": 1.0},
        {"low": 0.0, "high": math.inf},
        {"low": -math.inf, "high": 1.0},
        {"low": 0.0, "high": 1.0, "log": True},
        {"low": -1.0, "high": 1.0, "log": True},
        {"kind": "int", "low": 0.5, "high": 2.0},
        {"kind": "int", "low": 1.0, "high": 2.5},
    ],
)
def test_a_range_that_nothing_can_be_drawn_from_is_refused(options: Mapping[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="range of 'p'"):
        float_parameter(**options)


def test_a_categorical_without_choices_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="'p' has no choices"):
        Parameter(name="p", kind="categorical")


@pytest.mark.parametrize("option", [{"default": math.nan}, {"default": [1]}, {"kind": "categorical", "choices": ([],)}])
def test_a_default_or_choice_that_no_configuration_can_hold_is_refused(option: Mapping[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="a configuration holds"):
        float_parameter(**option)


def test_a_float_is_drawn_uniformly() -> None:
    parameter = float_parameter(low=-2.0, high=6.0)
    rng = np.random.default_rng(0)
    drawn = np.array([parameter.sample(rng) for _ in range(4000)], dtype=float)
    counts, _ = np.histogram(drawn, bins=8, range=(-2.0, 6.0))
    assert counts.sum() == 4000
    assert np.abs(counts - 500).max() < 100  # 5 standard deviations are 105


def test_a_float_on_a_logarithmic_scale_is_drawn_uniformly_in_its_logarithm() -> None:
    parameter = float_parameter(low=1e-4, high=1e4, log=True)
    rng = np.random.default_rng(0)
    drawn = np.log10(np.array([parameter.sample(rng) for _ in range(4000)], dtype=float))
    counts, _ = np.histogram(drawn, bins=8, range=(-4.0, 4.0))
    assert counts.sum() == 4000
    assert np.abs(counts - 500).max() < 100


def test_an_int_is_drawn_uniformly_with_both_bounds() -> None:
    parameter = Parameter(name="n", kind="int", low=2, high=5, default=3)
    rng = np.random.default_rng(0)
    counts = Counter(parameter.sample(rng) for _ in range(4000))
    assert set(counts) == {2, 3, 4, 5}
    assert all(abs(count - 1000) < 140 for count in counts.values())
    assert {type(value) for value in counts} == {int}


def test_an_int_on_a_logarithmic_scale_is_drawn_uniformly_in_its_logarithm() -> None:
    parameter = Parameter(name="n", kind="int", low=1, high=10_000, log=True, default=10)
    rng = np.random.default_rng(0)
    drawn = [parameter.sample(rng) for _ in range(4000)]
    assert all(isinstance(value, int) and 1 <= value <= 10_000 for value in drawn)
    counts, _ = np.histogram(np.log10(np.array(drawn, dtype=float)), bins=4, range=(0.0, 4.0))
    assert np.abs(counts - 1000).max() < 140


def test_every_choice_is_drawn_equally_often() -> None:
    parameter = Parameter(name="c", kind="categorical", choices=("a", 1, None, True), default="a")
    rng = np.random.default_rng(0)
    counts = Counter(repr(parameter.sample(rng)) for _ in range(4000))
    assert set(counts) == {"'a'", "1", "None", "True"}
    assert all(abs(count - 1000) < 140 for count in counts.values())


@pytest.mark.parametrize(
    ("options", "inside", "outside"),
    [
        ({"default": 7.0}, [0.0, 0.3, 1, 1.0, 7.0], [-1e-7, 1.00001, 2, 7, True, "0.5", None]),
        ({"default": None}, [0.0, None], [True, "None"]),
        ({"low": 1e-8, "log": True}, [1e-8, 1.0], [0.0, 9.9e-9, -1e-7]),
        ({"low": 1.2345641, "high": 1.2345659}, [1.23456, 1.23457], [1.23455, 1.23458]),
        ({"kind": "int", "low": 1, "high": 9, "default": -1}, [1, 9, 5.0, -1], [0, 10, 5.5, True, None, -1.0]),
        ({"kind": "categorical", "choices": ("a", 1, 0.1), "default": None}, ["a", 1, 0.1, None], ["b", 1.0, True, 0]),
    ],
)
def test_a_parameter_contains_its_range_its_choices_and_its_default(
    options: Mapping[str, Any], inside: list[Value], outside: list[Value]
) -> None:
    parameter = float_parameter(**options)
    assert [value for value in inside if not parameter.contains(value)] == []
    assert [value for value in outside if parameter.contains(value)] == []


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("float", 1, 1.0),
        ("float", np.int64(1), 1.0),
        ("float", np.float64(0.5), 0.5),
        ("int", 5.0, 5),
        ("int", np.float64(5.0), 5),
        ("int", np.int32(5), 5),
        ("int", 5.5, 5.5),
        ("int", 2**64 + 1, 2**64 + 1),
        ("int", 1234567.0, 1234567),
        ("int", True, True),
        ("float", True, True),
        ("float", "auto", "auto"),
        ("float", None, None),
        ("categorical", 1, 1),
        ("categorical", np.bool_(True), True),
    ],
)
def test_numbers_are_cast_to_the_type_of_the_parameter(kind: Any, value: Any, expected: Value) -> None:
    parameter = Parameter(name="p", kind=kind, low=0, high=9, choices=(1,), default=None)
    assert parameter.cast(value) == expected
    assert type(parameter.cast(value)) is type(expected)


# --- spaces -----------------------------------------------------------------------------------------------------------


def test_what_is_drawn_lies_in_the_space_and_leaves_defaults_and_inactive_values_out() -> None:
    drawn = [space().sample(np.random.default_rng(seed)) for seed in range(500)]
    for configuration in drawn:
        space().check(configuration)
        values = configuration.values
        assert values.get("kernel") != "rbf"
        assert values.get("shrinking") is not True
        assert ("degree" not in values) or values.get("kernel") == "poly"
        assert ("coef0" not in values) or (values.get("kernel") == "poly" and values.get("degree", 3) in (3, 4))
    seen = {name for configuration in drawn for name in configuration.values}
    assert seen == {parameter.name for parameter in space().parameters}
    assert any("coef0" in c.values and "degree" not in c.values for c in drawn), "an absent parent is at its default"


def test_values_whose_six_digits_leave_the_range_can_be_drawn() -> None:
    narrow = Space(algorithm="a", parameters=(float_parameter(low=1.2345641, high=1.2345659, default=None),))
    drawn = {narrow.sample(np.random.default_rng(seed)).values["p"] for seed in range(50)}
    assert drawn == {1.23456, 1.23457}


def test_one_generator_draws_one_list() -> None:
    lists = [[space().sample(rng).key for _ in range(20)] for rng in (np.random.default_rng(1) for _ in range(2))]
    assert lists[0] == lists[1]
    assert len(set(lists[0])) == 20


def test_the_default_is_the_empty_configuration() -> None:
    assert space().default() == Configuration(algorithm="machine")
    space().check(space().default())


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ({"C": 1}, {}),
        ({"C": 1.0}, {}),
        ({"C": 1.0000001}, {}),
        ({"C": np.int64(1)}, {}),
        ({"C": 2}, {"C": 2.0}),
        ({"C": np.int64(2)}, {"C": 2.0}),
        ({"max_iter": -1.0}, {}),
        ({"max_iter": np.int64(-1)}, {}),
        ({"max_iter": 7.0}, {"max_iter": 7}),
        ({"shrinking": np.bool_(True)}, {}),
        ({"shrinking": False}, {"shrinking": False}),
        ({"kernel": "poly", "degree": 3.0, "coef0": 1}, {"kernel": "poly", "coef0": 1.0}),
    ],
)
def test_a_configuration_has_the_types_of_its_space_and_no_defaults(values: Any, kept: Mapping[str, Value]) -> None:
    made = space().configuration(values)
    assert made == Configuration(algorithm="machine", values=kept)
    assert json.loads(made.to_json())["values"] == kept


def test_a_default_of_many_digits_is_left_out() -> None:
    third = Space(algorithm="a", parameters=(float_parameter(default=1 / 3),))
    assert third.configuration({"p": 1 / 3}) == third.default()
    assert third.configuration({"p": 0.333333}) == third.default()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"gamma": 1.0}, "machine has no parameter 'gamma'; it has: kernel, degree, coef0, C, max_iter, shrinking"),
        ({"C": 2e3}, "machine: C=2000.0 is outside 0.001 to 1000.0"),
        ({"C": 0.0}, "machine: C=0.0 is outside"),
        ({"C": "auto"}, "machine: C='auto' is outside"),
        ({"C": True}, "machine: C=True is outside"),
        ({"max_iter": 2.5}, "machine: max_iter=2.5 is outside"),
        ({"max_iter": 10**400}, "machine: max_iter=1000"),
        ({"kernel": "cosine"}, r"machine: kernel='cosine' is outside \('rbf', 'poly', 'linear'\)"),
        ({"shrinking": 1}, "machine: shrinking=1 is outside"),
        ({"degree": 4}, "machine: 'degree' has no effect with these values"),
        ({"kernel": "linear", "degree": 4}, "machine: 'degree' has no effect"),
        ({"kernel": "poly", "degree": 2, "coef0": 0.5}, "machine: 'coef0' has no effect"),
        ({"coef0": 0.5}, "machine: 'coef0' has no effect"),
        ({"C": math.nan}, "finite numbers only"),
    ],
)
def test_what_lies_outside_the_space_is_refused(values: Mapping[str, Value], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        space().configuration(values)


def test_a_configuration_of_another_algorithm_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="configuration of 'forest' does not fit the space of 'machine'"):
        space().check(Configuration(algorithm="forest"))


def test_a_parameter_twice_or_before_its_parent_is_refused() -> None:
    child = float_parameter(name="child", condition=("p", (0.5,)))
    with pytest.raises(ConfigurationError, match="'p' occurs twice in the space of a"):
        Space(algorithm="a", parameters=(float_parameter(), float_parameter()))
    with pytest.raises(ConfigurationError, match="the parent of 'child' must stand before it"):
        Space(algorithm="a", parameters=(child, float_parameter()))
