from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from autometa.errors import DataError
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.frames import Experience
from autometa.metric import get_metric
from autometa.sources.oboe import KIND, METRIC, PROTOCOL, VERSION, add_oboe
from tests.sources.published import write_oboe


@pytest.fixture
def base(tmp_path: Path) -> KnowledgeBase:
    return KnowledgeBase.create(tmp_path / "runs.db")


def read(base: KnowledgeBase) -> Experience:
    return base.experience(
        KIND, get_metric(METRIC), protocol=PROTOCOL, pipelines_version=VERSION, metafeatures_version=VERSION
    )


def test_the_experience_has_the_errors_seconds_and_qualities_of_the_files(base: KnowledgeBase, tmp_path: Path) -> None:
    folder = write_oboe(tmp_path / "oboe")
    assert add_oboe(base, folder).n_new == 4 * 3
    experience = read(base)
    errors = pd.read_csv(folder / "error_matrix.csv", index_col=0)
    names = [description.name for description in experience.descriptions]
    assert sorted(names) == [f"table ({number})" for number in range(10, 14)]  # 14 has no qualities
    rows = [10 + sorted(names).index(name) for name in names]
    found = {c.to_json(): experience.losses[:, n] for n, c in enumerate(experience.configurations)}
    gini = '{"algorithm":"oboe:RF","values":{"criterion":"gini","min_samples_split":2}}'
    assert found[gini] == pytest.approx(errors.loc[rows].iloc[:, 0].to_numpy())
    assert np.nanmin(experience.fit_seconds) >= 1
    first = experience.descriptions[names.index("table (10)")]
    assert (first.family, first.n_rows, first.n_columns) == ("table 5", 100, 7)
    assert np.isnan(first.metafeatures["ClassEntropy"])
    assert "Runs" not in first.metafeatures


def test_adding_the_same_files_twice_changes_nothing(base: KnowledgeBase, tmp_path: Path) -> None:
    folder = write_oboe(tmp_path / "oboe")
    add_oboe(base, folder)
    revision = base.revision
    added = add_oboe(base, folder)
    assert (added.n_new, added.n_same, base.revision) == (0, 12, revision)


def test_foreign_runs_are_not_among_our_own(base: KnowledgeBase, tmp_path: Path) -> None:
    add_oboe(base, write_oboe(tmp_path / "oboe"))
    ours = base.experience(KIND, get_metric("auto", KIND), protocol="cv-v1", pipelines_version="1")
    assert ours.n_tasks == 0
    assert all(not task.metafeatures for task in base.experience(
        KIND, get_metric(METRIC), protocol=PROTOCOL, pipelines_version=VERSION
    ).descriptions)  # theirs are read only where they are asked for  # fmt: skip


def rename(folder: Path) -> None:
    (folder / "dataset_sizes.csv").rename(folder / "sizes.csv")


def drop_family(folder: Path) -> None:
    path = folder / "openml_qualities.csv"
    pd.read_csv(path, index_col=0).drop(columns="family").to_csv(path)


def turn(folder: Path) -> None:
    path = folder / "runtime_matrix.csv"
    pd.read_csv(path, index_col=0).iloc[::-1].to_csv(path)


def spoil(folder: Path) -> None:
    for name in ("error_matrix", "runtime_matrix"):
        path = folder / f"{name}.csv"
        frame = pd.read_csv(path, index_col=0)
        frame.rename(columns={frame.columns[0]: "__import__('os')"}).to_csv(path)


def write_words(folder: Path) -> None:
    path = folder / "openml_qualities.csv"
    pd.read_csv(path, index_col=0).astype({"ClassEntropy": object}).assign(ClassEntropy="high").to_csv(path)


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (rename, "cannot read .*dataset_sizes"),
        (drop_family, "no column family"),
        (turn, "same rows and columns"),
        (spoil, "not a configuration: .*__import__"),
        (write_words, "not a number: .*high"),
    ],
)
def test_files_of_another_form_are_refused_and_nothing_is_added(
    base: KnowledgeBase, tmp_path: Path, harm: Callable[[Path], None], words: str
) -> None:
    folder = write_oboe(tmp_path / "oboe")
    harm(folder)
    with pytest.raises(DataError, match=words):
        add_oboe(base, folder)
    assert base.revision == 0
