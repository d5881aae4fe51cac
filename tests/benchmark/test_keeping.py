"""Kept proposals serve where nothing has changed, and nowhere else."""

from collections.abc import Sequence
from dataclasses import replace as changed
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from autometa.benchmark import keeping
from autometa.benchmark.replay import Method, replay
from autometa.evaluation.record import Evaluation
from autometa.knowledge.frames import Experience
from autometa.recommenders.average import BestOnAverage
from autometa.recommenders.random_order import RandomOrder
from autometa.space import Configuration
from autometa.task import TaskDescription
from tests.recommenders.experiences import draw_experience

EXPERIENCE = draw_experience(3, n_tasks=6, n_configurations=40)


class Counted(RandomOrder):
    """Counts its proposals."""

    n_proposals = 0

    def propose(
        self,
        description: TaskDescription,
        configurations: Sequence[Configuration],
        observed: Sequence[Evaluation] = (),
    ) -> int:
        Counted.n_proposals += 1
        return super().propose(description, configurations, observed)


class Newer(Counted):
    version = 2


class Set(Counted):
    def __init__(self, n_first: int) -> None:
        self.n_first = n_first


METHOD = Method(name="counted", make=Counted)


def n_made(folder: Path, experience: Experience = EXPERIENCE, method: Method = METHOD, **options: int) -> int:
    """Return how many proposals a replay made."""
    Counted.n_proposals = 0
    arguments = {"n_steps": 2, "seed": 0, **options}
    replayed = replay(experience, [method], folder=folder, **arguments)  # type: ignore[arg-type] # numbers only
    assert (Counted.n_proposals == 0) == (replayed.kept == ("counted",))
    return Counted.n_proposals


def test_kept_proposals_give_the_same_replay(tmp_path: Path) -> None:
    first, again = (replay(EXPERIENCE, [METHOD], n_steps=5, folder=tmp_path) for _ in "ab")
    assert (first.kept, again.kept) == ((), ("counted",))
    np.testing.assert_array_equal(first.found["counted"], again.found["counted"])
    np.testing.assert_array_equal(first.fit_seconds["counted"], again.fit_seconds["counted"])
    assert first.seconds == again.seconds


def test_nothing_is_kept_without_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    replay(EXPERIENCE, [METHOD], n_steps=2)
    assert list(tmp_path.iterdir()) == []
    assert keeping.replay_folder().parent.parent == tmp_path


def test_whatever_proposals_depend_on_makes_new_ones(tmp_path: Path) -> None:
    assert n_made(tmp_path) == 12
    assert n_made(tmp_path) == 0
    assert n_made(tmp_path, n_steps=3) == 18
    assert n_made(tmp_path, seed=1) == 12
    assert n_made(tmp_path, method=changed(METHOD, make=Newer)) == 12
    for n_first in (0, 1):  # another setting of the same recommender
        assert n_made(tmp_path, method=changed(METHOD, make=partial(Set, n_first))) == 12
    assert n_made(tmp_path, method=changed(METHOD, n_folds=3)) == 12
    losses = EXPERIENCE.losses.copy()
    losses[0, np.flatnonzero(np.isfinite(losses[0]))[0]] += 1e-9
    assert n_made(tmp_path, changed(EXPERIENCE, losses=losses)) == 12
    families = [changed(each, family="x") if n < 2 else each for n, each in enumerate(EXPERIENCE.descriptions)]
    assert n_made(tmp_path, changed(EXPERIENCE, descriptions=tuple(families))) == 12
    assert n_made(tmp_path) == 0  # the first are there still


def test_hidden_families_are_told_apart(tmp_path: Path) -> None:
    one, other = (replay(EXPERIENCE, [METHOD], families={family}, n_steps=2, folder=tmp_path) for family in ("0", "1"))
    assert other.kept == ()
    assert [task.name for task in one.tasks] != [task.name for task in other.tasks]


def test_a_broken_file_is_made_anew(tmp_path: Path) -> None:
    n_made(tmp_path)
    (file,) = tmp_path.glob("*.npz")
    file.write_bytes(b"no archive")
    assert n_made(tmp_path) == 12
    assert n_made(tmp_path) == 0


def test_an_edited_source_is_another_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "learned.py").write_text("STEP = 1")
    monkeypatch.syspath_prepend(str(tmp_path))
    __import__("learned")
    before = keeping.source_of("learned")
    keeping.source_of.cache_clear()
    assert keeping.source_of("learned") == before
    (tmp_path / "learned.py").write_text("STEP = 2")
    keeping.source_of.cache_clear()
    assert keeping.source_of("learned") != before != keeping.source_of(BestOnAverage.__module__)
