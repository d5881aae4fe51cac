"""The figure of a replay."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

from autometa.benchmark.replay import Method, Replay, replay
from autometa.errors import MissingDependencyError, OptionError
from autometa.recommenders.average import BestOnAverage
from autometa.recommenders.random_order import RandomOrder
from autometa.reporting.regret_plot import check_plot, save_regret_plot
from tests.recommenders.experiences import draw_experience

METHODS = [Method(name="by average", make=BestOnAverage), Method(name="at random", make=RandomOrder)]


@pytest.fixture(scope="module")
def replayed() -> Replay:
    return replay(draw_experience(3, n_tasks=6, n_configurations=40), METHODS, n_steps=5)


def test_an_svg_names_every_method_both_axes_and_the_title(replayed: Replay, tmp_path: Path) -> None:
    path = tmp_path / "regrets.svg"
    save_regret_plot(replayed, path, title="six tasks")
    words = {text.strip() for text in ElementTree.parse(path).getroot().itertext()}
    assert {"by average", "at random", "oracle", "six tasks", "proposals tried", "mean normalised regret"} <= words
    assert "CPU seconds of their fits, one after the other" in words


def test_a_png_is_one_whatever_the_case_of_its_name(replayed: Replay, tmp_path: Path) -> None:
    path = tmp_path / "regrets.PNG"
    path.write_bytes(b"old")
    save_regret_plot(replayed, path, title="t")
    assert path.read_bytes().startswith(b"\x89PNG\r\n")


def test_the_same_replay_gives_the_same_file(replayed: Replay, tmp_path: Path) -> None:
    for name in ("a.svg", "b.svg"):
        save_regret_plot(replayed, tmp_path / name, title="t")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_where_no_time_is_known_the_figure_says_so(tmp_path: Path) -> None:
    experience = draw_experience(3, n_tasks=6, n_configurations=40)
    object.__setattr__(experience, "fit_seconds", np.full_like(experience.losses, np.nan))
    save_regret_plot(replay(experience, METHODS, n_steps=2), tmp_path / "a.svg", title="t")
    assert "no fit times are stored" in (tmp_path / "a.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "words"), [("a.pdf", "'a.pdf'; give a name that ends in .png or .svg"), ("no/a.png", "there is no folder")]
)
def test_what_cannot_be_drawn_is_refused_before_the_work(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(OptionError, match=words):
        check_plot(tmp_path / name)


def test_without_matplotlib_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autometa._optional.importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match=r"autometa-ml\[plots\]"):
        check_plot(tmp_path / "a.svg")
