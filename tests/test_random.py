"""Seeds are the same everywhere, and derive from their names alone."""

import os
import subprocess
import sys

import numpy as np
import pytest

from autometa._random import generator, spawn


def test_a_child_seed_is_pinned() -> None:
    # The first four bytes, big endian, of the sha-256 of "0\x1fevaluation\x1fabc" (printf | sha256sum).
    assert spawn(0, "evaluation", "abc") == 0xD566B9D0
    assert spawn(7) == 0x7902699B


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_a_second_process_derives_the_same_seed(hash_seed: str) -> None:
    script = (
        "from autometa._random import generator, spawn; print(spawn(3, 'a', 'b'), generator(3, 'a').integers(10**9))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)
    assert output.stdout.split() == [str(spawn(3, "a", "b")), str(generator(3, "a").integers(10**9))]


def test_seed_and_every_part_of_the_path_matter() -> None:
    paths = [(), ("a",), ("b",), ("a", "b"), ("b", "a"), ("ab",), ("a", ""), ("", "a")]
    children = {spawn(seed, *path) for seed in (0, 1, -1) for path in paths}
    assert len(children) == 3 * len(paths)


def test_children_fill_the_range_of_32_bits() -> None:
    children = np.array([spawn(seed, "x") for seed in range(2000)])
    assert ((children >= 0) & (children < 2**32)).all()
    assert np.abs(np.histogram(children, bins=4, range=(0, 2**32))[0] - 500).max() < 100


def test_a_numpy_integer_is_as_good_as_a_python_one() -> None:
    assert spawn(int(np.int64(5)), "a") == spawn(np.int64(5), "a")  # type: ignore[arg-type] # callers without types


def test_drawing_leaves_the_global_state_alone() -> None:
    before = np.random.get_state(legacy=False)
    generator(0, "a").normal(size=10)
    after = np.random.get_state(legacy=False)
    assert str(before) == str(after)


def test_generators_of_one_name_draw_the_same_and_of_two_names_do_not() -> None:
    assert generator(0, "a").normal() == generator(0, "a").normal()
    assert generator(0, "a").normal() != generator(0, "b").normal()
