"""What the user asks for, checked."""

import pytest

from autometa._sizes import bytes_of, size_words
from autometa.errors import OptionError
from autometa.wish import TRADE_OFFS, Wish


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ("2GB", 2e9),
        ("2 gb", 2e9),
        ("500MB", 5e8),
        ("1.5GiB", 1.5 * 2**30),
        ("800k", 8e5),
        ("1000000", 1e6),
        (".5g", 5e8),
        (1024, 1024.0),
        (2e9, 2e9),
    ],
)
def test_a_size_of_memory_is_read_as_people_write_it(size: str | float, expected: float) -> None:
    assert bytes_of(size) == expected


@pytest.mark.parametrize("size", ["", "GB", "two GB", "-1GB", "2 PB", "2GBB", "nan", "inf", "1 2GB", "2iB"])
def test_what_is_no_size_is_refused(size: str) -> None:
    with pytest.raises(OptionError, match=r"not a size of memory: .*; write 2GB, 500MB"):
        bytes_of(size)


def test_sizes_are_said_in_three_digits() -> None:
    assert [size_words(size) for size in (12, 3_210, 3_214_000, 2.5e9)] == ["12 bytes", "3.21 kB", "3.21 MB", "2.5 GB"]


def test_a_trade_off_is_one_of_three_and_not_beside_a_probe() -> None:
    for name in TRADE_OFFS:
        assert Wish(trade_off=name).trade_off == name
    with pytest.raises(OptionError, match=r"no trade-off 'size'; choose one of: time, memory, predict-time$"):
        Wish(trade_off="size")
    with pytest.raises(OptionError, match=r"a probe measures a few; ask for one of the two$"):
        Wish(trade_off="time", probe_seconds=5.0)


@pytest.mark.parametrize("wish", [{"max_memory": 0.0}, {"max_fit_seconds": -1.0}, {"probe_seconds": 0.0}])
def test_a_limit_is_positive(wish: dict[str, float]) -> None:
    with pytest.raises(OptionError, match="must be positive"):
        Wish(**wish)  # type: ignore[arg-type] # floats all
