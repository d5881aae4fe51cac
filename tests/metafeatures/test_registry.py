import math
import time

import numpy as np
import pytest

from autometa.metafeatures import meanings, names
from autometa.metafeatures.registry import REGRESSION, Floats, Group
from autometa.metafeatures.sample import Sample
from autometa.task import Task


@pytest.fixture
def sample(iris: Task) -> Sample:
    return Sample(task=iris, seed=0)


def _group() -> Group[Sample]:
    return Group("trial", prepare=lambda sample: sample)


def _later() -> float:
    return time.perf_counter() + 60


def test_summaries_are_named_after_the_function(sample: Sample) -> None:
    group = _group()

    @group.values("mean", "sd", "min", "max")
    def width(sample: Sample) -> Floats:
        return np.array([1.0, 2.0, 6.0])

    measured = group.measure(sample, deadline=_later())
    assert measured.failures == {}
    assert measured.values == {
        "width.mean": 3.0,
        "width.sd": pytest.approx(math.sqrt(7)),
        "width.min": 1.0,
        "width.max": 6.0,
    }


def test_the_deviation_of_one_value_is_undefined_and_no_failure(sample: Sample) -> None:
    group = _group()

    @group.values("mean", "sd")
    def width(sample: Sample) -> Floats:
        return np.array([4.0])

    measured = group.measure(sample, deadline=_later())
    assert measured.values["width.mean"] == 4.0
    assert math.isnan(measured.values["width.sd"])
    assert measured.failures == {}


def test_none_is_undefined_and_nan_is_a_failure(sample: Sample) -> None:
    group = _group()

    @group.value()
    def undefined(sample: Sample) -> float | None:
        return None

    @group.value()
    def broken(sample: Sample) -> float | None:
        return math.nan

    measured = group.measure(sample, deadline=_later())
    assert all(math.isnan(value) for value in measured.values.values())
    assert measured.failures == {"broken": "the result is nan"}


def test_a_division_by_zero_is_a_failure_with_its_reason_and_the_others_go_on(sample: Sample) -> None:
    group = _group()

    @group.value()
    def broken(sample: Sample) -> float:
        return float(np.float64(1.0) / np.float64(0.0))

    @group.value()
    def sound(sample: Sample) -> float:
        return 1.0

    measured = group.measure(sample, deadline=_later())
    assert measured.values["sound"] == 1.0
    assert measured.failures == {"broken": "FloatingPointError: divide by zero encountered in scalar divide"}


def test_inputs_that_break_fail_every_name_of_the_group(sample: Sample) -> None:
    def prepare(sample: Sample) -> Sample:
        raise ValueError("no inputs")

    group = Group("trial", prepare=prepare)

    @group.values("mean", "max")
    def width(sample: Sample) -> Floats:
        return np.ones(2)

    reason = "the inputs of the group 'trial' broke: ValueError: no inputs"
    assert group.measure(sample, deadline=_later()).failures == {"width.mean": reason, "width.max": reason}


def test_a_mistake_of_ours_is_not_hidden(sample: Sample) -> None:
    group = _group()

    @group.value()
    def mistaken(sample: Sample) -> float:
        raise TypeError("our bug")

    with pytest.raises(TypeError, match="our bug"):
        group.measure(sample, deadline=_later())


def test_a_feature_of_another_kind_is_undefined_and_never_computed(sample: Sample) -> None:
    group = _group()

    @group.value(kinds=REGRESSION)
    def mistaken(sample: Sample) -> float:
        raise TypeError("computed for a classification")

    measured = group.measure(sample, deadline=_later())
    assert math.isnan(measured.values["mistaken"])
    assert measured.failures == {}


def test_after_the_deadline_nothing_begins(sample: Sample) -> None:
    group = _group()

    @group.value()
    def late(sample: Sample) -> float:
        return 1.0

    measured = group.measure(sample, deadline=time.perf_counter() - 1)
    assert "ran past its time limit" in measured.failures["late"]
    assert math.isnan(measured.values["late"])


def test_meanings_are_the_start_of_the_docstring_without_sources() -> None:
    group = _group()

    @group.value()
    def size(sample: Sample) -> float:
        """Return the number of cells [12]_: rows x columns; as pymfe."""
        return 1.0

    @group.values("mean", "max")
    def width(sample: Sample) -> Floats:
        """Return the width of each column (ours).

        More on it.
        """
        return np.ones(1)

    @group.value()
    def bare(sample: Sample) -> float:
        return 1.0

    assert group.meanings == {
        "size": "number of cells",
        "width.mean": "width of each column (mean)",
        "width.max": "width of each column (largest)",
        "bare": "bare",
    }


def test_every_metafeature_has_a_meaning_that_people_can_read() -> None:
    assert tuple(meanings()) == names()
    for meaning in meanings().values():
        assert len(meaning) > 5
        assert not set(meaning) & set("[]`_;:"), meaning
        assert meaning.count("(") == meaning.count(")")
    assert len(set(meanings().values())) == len(names()), "no two mean the same"
