"""Experiences kept on disk: the same as read from the tables, never stale, never in the way."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from autometa import _array_cache
from autometa.knowledge import caching, schema
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.frames import Experience
from autometa.knowledge.origins import ALL_ALIKE, Trust
from autometa.metric import get_metric
from autometa.task_kind import TaskKind
from tests.knowledge.conftest import MakeEvaluation, MakeTask

BINARY = TaskKind.BINARY


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the files, empty, and kept for the smallest of experiences."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(caching, "MIN_CELLS", 1)
    return caching.cache_folder()


@pytest.fixture
def file(filled_file: Path, tmp_path: Path) -> Path:
    """The file of a base with a task of each kind."""
    return Path(shutil.copy(filled_file, tmp_path / "runs.db"))


@pytest.fixture
def base(file: Path) -> Iterator[KnowledgeBase]:
    with KnowledgeBase(file) as base:
        yield base


def _read(base: KnowledgeBase, metric: str = "auto", trust: Trust = ALL_ALIKE) -> Experience:
    return base.experience(BINARY, get_metric(metric, BINARY), protocol="cv-v1", pipelines_version="1", trust=trust)


def _empty_unnoticed(file: Path) -> None:
    """Remove all evaluations behind the back of the base, so that only a kept experience has them."""
    with sqlite3.connect(file) as connection:
        connection.execute("DELETE FROM evaluations")
    connection.close()


def _assert_same(one: Experience, other: Experience) -> None:
    assert (one.kind, one.metric, one.revision) == (other.kind, other.metric, other.revision)
    assert one.configurations == other.configurations
    assert [c.to_json() for c in one.configurations] == [c.to_json() for c in other.configurations]
    for name in ("losses", "fit_seconds", "memory_bytes", "predict_seconds", "weights"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    for mine, theirs in zip(one.descriptions, other.descriptions, strict=True):
        np.testing.assert_equal(dict(mine.metafeatures), dict(theirs.metafeatures))
        for name in ("name", "fingerprint", "family", "kind", "n_rows", "n_columns", "embedding"):
            assert getattr(mine, name) == getattr(theirs, name)


def test_what_is_kept_is_what_the_tables_say(folder: Path, base: KnowledgeBase, file: Path) -> None:
    read = _read(base)
    assert np.isinf(read.losses).any()
    assert np.isnan(read.descriptions[0].metafeatures["skew"])
    _empty_unnoticed(file)
    _assert_same(_read(base), read)
    assert len(list(folder.iterdir())) == 1


def test_the_shipped_runs_are_kept_whole(folder: Path, shipped_base: Path) -> None:
    with KnowledgeBase(shipped_base) as base:
        read = _read(base)
        [file] = folder.iterdir()
        before = file.stat().st_ino
        _assert_same(_read(base), read)
    assert file.stat().st_ino == before


def test_a_write_makes_it_read_anew(
    folder: Path, base: KnowledgeBase, make_task: MakeTask, make_evaluation: MakeEvaluation
) -> None:
    n_before = _read(base).n_configurations
    base.add_evaluations([make_evaluation(make_task(0, BINARY), "one more")])
    assert _read(base).n_configurations == n_before + 1


def test_a_restored_backup_with_as_many_writes_is_read_anew(
    folder: Path, file: Path, tmp_path: Path, make_task: MakeTask, make_evaluation: MakeEvaluation
) -> None:
    backup = shutil.copy(file, tmp_path / "backup.db")
    found = []
    for place, algorithm in ((file, "first"), (backup, "second")):
        with KnowledgeBase(place) as base:
            base.add_evaluations([make_evaluation(make_task(0, BINARY), algorithm)])
            found.append(_read(base))
    first, second = found
    assert first.revision == second.revision
    assert "second" in {configuration.algorithm for configuration in second.configurations}
    assert "first" not in {configuration.algorithm for configuration in second.configurations}


@pytest.mark.parametrize("is_upgraded", [True, False])
def test_an_upgrade_makes_it_read_anew(folder: Path, base: KnowledgeBase, file: Path, is_upgraded: bool) -> None:
    assert _read(base).n_tasks == 1
    engine = schema.connect(schema.to_url(file))
    if is_upgraded:
        schema.downgrade(engine, "0003")
    _empty_unnoticed(file)  # as a release that does not note its state writes
    schema.upgrade(engine)
    engine.dispose()
    assert _read(base).n_tasks == (0 if is_upgraded else 1)


def test_each_question_has_its_own_answer(folder: Path, base: KnowledgeBase) -> None:
    losses = _read(base).losses
    assert _read(base, "log_loss").metric.name == "log_loss"
    assert _read(base, trust=Trust(weights={"local": 0.5})).weights.tolist() == [0.5]
    assert _read(base, trust=Trust(weights={"local": 0.0})).n_tasks == 0
    np.testing.assert_array_equal(_read(base).losses, losses)
    assert len(list(folder.iterdir())) == 3  # an empty one is not kept


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut off"])
def test_a_broken_file_is_replaced(folder: Path, base: KnowledgeBase, content: bytes) -> None:
    read = _read(base)
    [file] = folder.iterdir()
    whole = file.read_bytes()
    file.write_bytes(content)
    _assert_same(_read(base), read)
    assert len(file.read_bytes()) == len(whole)


def test_a_cut_off_file_is_replaced(folder: Path, base: KnowledgeBase) -> None:
    read = _read(base)
    [file] = folder.iterdir()
    whole = file.read_bytes()
    for size in range(0, len(whole), 97):
        file.write_bytes(whole[:size])
        _assert_same(_read(base), read)


def test_a_file_with_an_array_of_objects_is_not_unpickled(folder: Path, base: KnowledgeBase) -> None:
    read = _read(base)
    [file] = folder.iterdir()
    with np.load(file) as content:
        arrays = {name: content[name] for name in content.files}
    arrays["losses"] = np.array([[object()] * read.n_configurations], dtype=object)
    np.savez(file, **arrays)
    _assert_same(_read(base), read)


def test_without_a_folder_to_write_to_the_base_is_read(folder: Path, base: KnowledgeBase) -> None:
    folder.parent.mkdir(parents=True)
    folder.write_text("a file in the way")
    assert _read(base).n_tasks == 1
    assert folder.read_text() == "a file in the way"


def test_a_base_that_does_not_note_its_state_is_not_kept(folder: Path, base: KnowledgeBase, file: Path) -> None:
    with sqlite3.connect(file) as connection:  # as written by an older release
        connection.execute("DELETE FROM info WHERE name = 'state'")
    connection.close()
    assert _read(base).n_tasks == 1
    assert not folder.exists()


def test_what_is_small_is_not_kept(folder: Path, base: KnowledgeBase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caching, "MIN_CELLS", _read(base).losses.size + 1)
    next(folder.iterdir()).unlink()
    _read(base)
    assert not list(folder.iterdir())


def test_what_was_not_used_for_longest_gives_way(
    folder: Path, base: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_array_cache, "MAX_FILES", 2)
    names = []
    for age, metric in ((30, "roc_auc"), (20, "log_loss"), (10, "accuracy")):
        before = set(folder.glob("*")) if folder.exists() else set()
        _read(base, metric)
        [new] = set(folder.iterdir()) - before
        os.utime(new, (new.stat().st_atime - age, new.stat().st_mtime - age))
        names.append(new)
    assert set(folder.iterdir()) == set(names[1:])
    monkeypatch.setattr(_array_cache, "MAX_BYTES", 1)
    _read(base, "f1_macro")
    [left] = folder.iterdir()
    assert left not in names
