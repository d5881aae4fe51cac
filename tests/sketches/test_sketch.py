"""Sketches as bytes, and the samples they are made of."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from autometa.sketches import Sketch, draw_sketch
from autometa.sketches.sketch import COMPLETE, EMPTY, SAMPLE_SIZES, VIEWS, Sample, smallest
from autometa.task import Task
from autometa.task_kind import TaskKind
from tests.sketches import tables


def hashes(*values: int) -> np.ndarray:
    """Return an array of hashes."""
    return np.array(values, dtype=np.uint32)


def test_a_sketch_survives_the_way_through_bytes() -> None:
    sketch = draw_sketch(tables.customers())
    content = sketch.to_bytes()
    again = Sketch.from_bytes(content)
    assert again.to_bytes() == content
    for name in VIEWS:
        one, other = getattr(sketch, name), getattr(again, name)
        assert np.array_equal(one.hashes, other.hashes)
        assert (one.limit, one.density) == (other.limit, other.density)


@pytest.mark.parametrize("make", [tables.cancer, tables.customers, tables.categories])
def test_a_sketch_is_small(make: Callable[[], Task]) -> None:
    assert len(draw_sketch(make()).to_bytes()) <= 4 * (128 + 64 + 192 + 64) + 4 * 11


def test_bytes_that_are_no_sketch_are_refused() -> None:
    content = draw_sketch(tables.wine()).to_bytes()
    swapped = content[:11] + content[15:19] + content[11:15] + content[19:]  # two hashes in the wrong order
    for broken in (b"", content[:-1], content + b"\x00", content[1:], b"\xff" * 200, swapped):
        with pytest.raises(ValueError, match="bytes are no sketch"):
            Sketch.from_bytes(broken)


def sketch(name: str, n_hashes: int, limit: int) -> bytes:
    """Return a sketch with one sample of so many hashes, all below a limit, as bytes."""
    sample = Sample(hashes=np.arange(n_hashes, dtype=np.uint32), limit=limit)
    return Sketch(**{**dict.fromkeys(VIEWS, EMPTY), name: sample}).to_bytes()


@pytest.mark.parametrize("name", VIEWS)
def test_a_sketch_with_more_hashes_than_are_ever_drawn_is_refused(name: str) -> None:
    """It would resemble more tables than one table can."""
    size = SAMPLE_SIZES[name]
    for limit in (1000, COMPLETE):
        Sketch.from_bytes(sketch(name, size, limit))
        with pytest.raises(ValueError, match=f"{size + 1} {name}, at most {size} are kept"):
            Sketch.from_bytes(sketch(name, size + 1, limit))


@pytest.mark.parametrize("name", VIEWS)
def test_a_sample_that_is_cut_off_must_be_full(name: str) -> None:
    size = SAMPLE_SIZES[name]
    Sketch.from_bytes(sketch(name, size - 1, COMPLETE))
    with pytest.raises(ValueError, match=f"{size - 1} {name} below 1000, where {size} are kept"):
        Sketch.from_bytes(sketch(name, size - 1, 1000))


def test_of_a_long_table_not_all_pairs_are_made() -> None:
    """So a sample may be cut off and not full: sixty rows of precise numbers among 1,200,000 of zeros."""
    n_rows = 1_200_000
    X = pd.DataFrame({"a": np.zeros(n_rows), "b": np.zeros(n_rows)})
    X.iloc[:60] = np.random.default_rng(0).random((60, 2)).round(6)
    task = tables.make_task(X, pd.Series(np.arange(n_rows) % 2), TaskKind.BINARY)
    content = draw_sketch(task).to_bytes()
    pairs = Sketch.from_bytes(content).pairs
    assert pairs.limit < COMPLETE
    assert 0 < len(pairs.hashes) < SAMPLE_SIZES["pairs"]


def test_a_sample_keeps_its_rules() -> None:
    for broken in (hashes(2, 1), hashes(1, 1), np.array([1.0]), hashes(1)[np.newaxis]):
        with pytest.raises(ValueError, match="ascending and distinct"):
            Sample(hashes=broken, limit=COMPLETE)
    for limit in (0, 5, COMPLETE + 1):
        with pytest.raises(ValueError, match="below its limit"):
            Sample(hashes=hashes(1, 5), limit=limit)
    with pytest.raises(ValueError, match="density"):
        Sample(hashes=hashes(1), limit=COMPLETE, density=1.5)


def test_the_smallest_distinct_hashes_are_kept() -> None:
    few = smallest(hashes(5, 3, 3, 9), 4)
    assert (few.hashes.tolist(), few.limit) == ([3, 5, 9], COMPLETE)
    many = smallest(hashes(*range(100, 0, -1), 1, 1), 4)
    assert (many.hashes.tolist(), many.limit) == ([1, 2, 3, 4], 5)
    repeated = smallest(hashes(*([1] * 50), *([2] * 50), 3, 4, 5), 4)
    assert (repeated.hashes.tolist(), repeated.limit) == ([1, 2, 3, 4], 5)
    below = smallest(hashes(1, 2), 4, limit=1000)
    assert (below.hashes.tolist(), below.limit) == ([1, 2], 1000)


def test_a_part_of_a_set_has_its_sample_in_that_of_the_whole() -> None:
    rng = np.random.default_rng(0)
    whole = rng.integers(0, 2**32, 20_000, dtype=np.uint32)
    one, other = smallest(whole, 100), smallest(whole[:7_000], 100)
    common = min(one.limit, other.limit)
    assert set(other.hashes[other.hashes < common].tolist()) <= set(one.hashes.tolist())
