"""How fast this machine is: measured once, told in steps."""

from pathlib import Path

import pytest

from autometa.evaluation import machine_speed as module
from autometa.evaluation.machine_speed import in_steps, keep_speed, machine_speed


@pytest.fixture(autouse=True)
def _new_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.mark.parametrize(
    ("ratio", "step"), [(1.0, 1.0), (1.18, 1.0), (1.2, 2**0.5), (0.5, 0.5), (0.59, 0.5), (0.65, 2**-0.5), (7.0, 2**3)]
)
def test_a_speed_is_told_in_steps_of_the_root_of_two(ratio: float, step: float) -> None:
    assert in_steps(ratio) == pytest.approx(step)


def test_it_is_measured_once_and_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    first = machine_speed()
    assert 1 / 64 <= first <= 64
    assert first == in_steps(first)
    monkeypatch.setattr(module, "REFERENCE_SECONDS", 1000.0)  # as if this machine were very fast now
    assert machine_speed() == first
    monkeypatch.setattr(module, "_VERSION", 2)
    assert machine_speed() > 1000 * first


def test_what_was_kept_is_what_is_told() -> None:
    keep_speed(0.5)
    assert machine_speed() == 0.5


def test_without_a_place_to_keep_it_it_is_measured(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("no folder", encoding="utf-8")
    assert machine_speed() > 0


def test_a_clock_that_is_too_coarse_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.thread_time", lambda: 7.0)
    assert machine_speed() == 1.0
