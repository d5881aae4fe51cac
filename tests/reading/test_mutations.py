"""Damaged copies of real files are read or refused in one line: no other error, no warning, no hang."""

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import numpy as np
import pytest

from autometa.errors import UserError
from autometa.reading import read_task

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared"
N_COPIES = 100
LONGEST_SECONDS = 10

SOURCES = {
    "csv": [ROOT / "data" / "examples" / f"{name}.csv" for name in ("breast_cancer", "wine", "diabetes")],
    "arff": [
        SHARED / "openml" / "datasets" / "2" / "dataset.arff",
        SHARED / "openml" / "tasks" / "1" / "datasplits.arff",
    ],
    "parquet": [
        SHARED / "openml" / "datasets" / "30" / "dataset_30.pq",
        *(SHARED / "corpus" / "classification" / f"{name}.parquet" for name in ("bridges", "anneal", "dengue")),
    ],
}

Mutation = Callable[[bytes, np.random.Generator], bytes]


def _flip_bytes(content: bytes, rng: np.random.Generator) -> bytes:
    """One to twenty bytes replaced."""
    mutated = bytearray(content)
    for place in rng.integers(len(content), size=rng.integers(1, 21)):
        mutated[place] = int(rng.integers(256))
    return bytes(mutated)


def _truncate(content: bytes, rng: np.random.Generator) -> bytes:
    """The beginning alone."""
    return content[: rng.integers(1, len(content))]


def _remove_piece(content: bytes, rng: np.random.Generator) -> bytes:
    """Some bytes removed in the middle."""
    start = int(rng.integers(len(content)))
    return content[:start] + content[start + int(rng.integers(1, 200)) :]


def _repeat_lines(content: bytes, rng: np.random.Generator) -> bytes:
    """Some lines written twice."""
    return _with_lines(
        content, np.repeat(np.arange(content.count(b"\n") + 1), 1 + (rng.random(content.count(b"\n") + 1) < 0.1))
    )


def _remove_lines(content: bytes, rng: np.random.Generator) -> bytes:
    """Some lines removed, perhaps the header."""
    return _with_lines(content, np.flatnonzero(rng.random(content.count(b"\n") + 1) < 0.8))


def _shuffle_lines(content: bytes, rng: np.random.Generator) -> bytes:
    """All lines in another order."""
    return _with_lines(content, rng.permutation(content.count(b"\n") + 1))


def _swap_delimiters(content: bytes, rng: np.random.Generator) -> bytes:
    """Another delimiter in all places, or in some."""
    other = [b";", b"\t", b"|", b" ", b",,"][rng.integers(5)]
    pieces = content.split(b",")
    is_swapped = rng.random(len(pieces)) < rng.choice([0.001, 0.5, 1.0])
    return b"".join(piece + (other if swapped else b",") for piece, swapped in zip(pieces, is_swapped, strict=True))


def _insert_oddities(content: bytes, rng: np.random.Generator) -> bytes:
    """Pieces that mean something to a parser, in odd places."""
    odd = [
        b'"',
        b"'",
        b"\\",
        b"{",
        b"}",
        b"%",
        b"@data",
        b"\r",
        b"\0",
        b"\xff\xfe",
        b"1e999",
        b"?",
        b"2020-13-45",
        b"9" * 400,
    ]
    for _ in range(rng.integers(1, 6)):
        place = int(rng.integers(len(content)))
        content = content[:place] + odd[rng.integers(len(odd))] + content[place:]
    return content


def _with_lines(content: bytes, order: np.ndarray) -> bytes:
    """The lines at these positions."""
    lines = content.split(b"\n")
    return b"\n".join(lines[position] for position in order)


MUTATIONS: tuple[Mutation, ...] = (
    _flip_bytes,
    _truncate,
    _remove_piece,
    _repeat_lines,
    _remove_lines,
    _shuffle_lines,
    _swap_delimiters,
    _insert_oddities,
)


@contextmanager
def _no_hang(seconds: int) -> Iterator[None]:
    """Stop what takes longer."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"reading takes more than {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("ending", sorted(SOURCES))
def test_damaged_copies_are_read_or_refused_in_one_line(ending: str, tmp_path: Path) -> None:
    sources = SOURCES[ending]
    if not all(source.is_file() for source in sources):
        if os.environ.get("CI"):
            pytest.fail("CI must have the files of ../shared")
        pytest.skip("needs the files of ../shared, which do not come with the repository")
    contents = [source.read_bytes() for source in sources]
    path = tmp_path / f"damaged.{ending}"
    outcomes: Counter[str] = Counter()
    for number in range(N_COPIES):
        rng = np.random.default_rng([number, len(ending)])
        mutate = MUTATIONS[number % len(MUTATIONS)]
        path.write_bytes(mutate(contents[rng.integers(len(contents))], rng))
        with _no_hang(LONGEST_SECONDS):
            outcomes[_try(path)] += 1
    assert outcomes.total() == N_COPIES
    assert min(outcomes["read"], outcomes["refused"]) > 0  # copies of both sorts were tried


def _try(path: Path) -> str:
    """Whether a file is read or refused; any other error or warning is passed on."""
    try:
        said = read_task(path).notes
        outcome = "read"
    except UserError as error:
        said = (str(error),)
        outcome = "refused"
    assert said
    assert all("\n" not in line and len(line) < 500 for line in said)
    return outcome
