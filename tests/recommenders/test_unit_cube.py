"""Places of configurations, and back."""

import math

import numpy as np
import pytest

from autometa.recommenders.unit_cube import UnitCube, parameters_of
from autometa.space import Parameter, Value

RATE = Parameter(name="rate", kind="float", low=0.01, high=1.0, log=True)
DEPTH = Parameter(name="depth", kind="int", low=1, high=10)
TREES = Parameter(name="trees", kind="int", low=1, high=1000, log=True)
ENCODING = Parameter(name="encoding", kind="categorical", choices=("one_hot", "ordinal", None))
CUBE = UnitCube([RATE, DEPTH, TREES, ENCODING])


def test_places_are_those_of_a_hand_calculation() -> None:
    place = CUBE.places([{"rate": 0.1, "depth": 1, "trees": 1000, "encoding": None}])[0]
    # Whole numbers have a cell each: 1 is the first of ten, from 0.5 to 1.5.
    expected = [0.5, 0.05, (math.log(1000) - math.log(0.5)) / (math.log(1000.5) - math.log(0.5)), 2.0]
    np.testing.assert_allclose(place, expected)


def test_what_is_drawn_comes_back_and_covers_the_space() -> None:
    places = CUBE.drawn(np.random.default_rng(0), 500)
    values = [CUBE.values(place) for place in places]
    np.testing.assert_allclose(CUBE.places(values), places, atol=1e-9)
    assert {value["depth"] for value in values} == set(range(1, 11))
    assert {value["encoding"] for value in values} == {"one_hot", "ordinal", None}
    assert all(0.01 <= float(value["rate"] or 0) <= 1.0 for value in values)
    assert 0.4 < np.mean([float(value["rate"] or 0) < 0.1 for value in values]) < 0.6, "even on a log scale"


def test_what_has_no_place_is_missing_and_lies_in_the_middle() -> None:
    odd: list[dict[str, object]] = [{}, {"rate": "fast", "depth": True, "encoding": "target"}]
    places = CUBE.places(odd)  # type: ignore[arg-type] # any values that somebody kept
    assert np.isnan(places).all()
    middle = CUBE.coordinates(places)
    assert (middle[:, :3] == 0.5).all()
    assert (middle[:, 3:] == 0.0).all()


def test_numbers_of_other_ranges_stay_outside_if_not_far() -> None:
    places = CUBE.places([{"rate": 10.0, "depth": -100}, {"rate": 1e9, "depth": 11}, {"rate": -1.0}])
    assert places[0, :2].tolist() == [1.5, -0.5]
    assert places[1, :2].tolist() == [1.5, 1.05]
    assert places[2, 0] == -0.5


def test_two_choices_are_as_far_apart_as_the_ends_of_a_range() -> None:
    one, other, third = CUBE.coordinates(
        CUBE.places(
            [{"encoding": choice, "rate": 0.1, "depth": 1, "trees": 1} for choice in ("one_hot", "ordinal", None)]
        )
    )
    assert np.linalg.norm(one - other) == pytest.approx(1.0)
    assert np.linalg.norm(one - third) == pytest.approx(1.0)


@pytest.mark.parametrize("distance", [0.05, 0.5])
def test_neighbours_are_inside_and_differ(distance: float) -> None:
    start = CUBE.places([{"rate": 10.0, "depth": 5, "trees": 30, "encoding": "ordinal"}])[0]
    near = CUBE.near(np.random.default_rng(1), start, 200, distance)
    assert ((near >= 0) & (near <= CUBE.highest)).all()
    moved = np.abs(near[:, 1] - start[1])
    assert 0.3 * distance < moved[moved > 0].mean() < 2.0 * distance + 0.1
    assert (near[:, 0] == 1.0).any(), "what lies outside begins at the edge"
    assert {0.0, 1.0, 2.0} == set(near[:, 3])


def test_parameters_are_found_in_values() -> None:
    points: list[dict[str, Value]] = [
        {"a": 0.001, "b": 3, "c": True, "d": "x", "e": 1.0, "f": 0},
        {"a": 10.0, "b": 900, "c": False, "d": "x", "e": 2, "g": None},
    ]
    found = {parameter.name: parameter for parameter in parameters_of(points)}
    assert set(found) == {"a", "b", "c", "e"}, "what never varies is no parameter"
    assert (found["a"].kind, found["a"].log, found["a"].low, found["a"].high) == ("float", True, 0.001, 10.0)
    assert (found["b"].kind, found["b"].log) == ("int", False)
    assert found["c"].choices == (True, False)
    assert found["e"].kind == "float"


@pytest.mark.parametrize(
    ("high", "step", "n"), [(0.3, 0.1, 4), (0.6, 0.2, 4), (0.7, 0.1, 8), (1.2, 0.1, 13), (0.75, 0.5, 2)]
)
def test_steps_reach_the_upper_end_if_it_is_one(high: float, step: float, n: int) -> None:
    cube = UnitCube([Parameter(name="x", kind="float", low=0.0, high=high)], {"x": step})
    found = {round(float(cube.values(place)["x"] or 0.0), 9) for place in cube.drawn(np.random.default_rng(0), 500)}
    assert found == {round(i * step, 9) for i in range(n)}
