"""Sampling: a table that is too long keeps a stratified sample, and its fingerprint."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from autometa.errors import OptionError
from autometa.reading import read_task
from autometa.task_kind import TaskKind

N = 2_000


def _table(kind: str) -> pd.DataFrame:
    """A table of this kind whose rows can be told apart."""
    rng = np.random.default_rng(2)
    table = pd.DataFrame({"row": np.arange(N) / 3, "town": rng.choice(["Bern", "Rom", "Ulm"], N)})
    table["y"] = np.exp(rng.normal(size=N)) if kind == "regression" else np.where(np.arange(N) % 100 < 70, "u", "v")
    if kind == "multiclass":
        table.loc[[5, 6, 7], "y"] = "rare"
        table.loc[8, "y"] = "single"
    return table


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_a_sample_keeps_kind_fingerprint_and_family(kind: str) -> None:
    full = read_task(_table(kind))
    sample = read_task(_table(kind), max_rows=100)
    assert (sample.n_rows, sample.kind, sample.classes) == (100, kind, full.classes)
    assert sample.fingerprint == full.fingerprint
    assert sample.family == full.fingerprint
    assert sample.notes == (*full.notes, "sampled, stratified by the target: 100 of 2,000 rows")
    assert read_task(_table(kind), max_rows=100, family="mine").family == "mine"


def test_rows_stay_whole_and_in_order() -> None:
    table = _table("binary")
    sample = read_task(table, max_rows=500)
    positions = (sample.X["row"] * 3).round().astype(int)
    assert positions.is_monotonic_increasing
    assert positions.is_unique
    assert sample.X["town"].tolist() == table["town"].iloc[positions].tolist()
    assert sample.y.tolist() == table["y"].iloc[positions].tolist()
    assert list(sample.X.index) == list(sample.y.index) == list(range(500))


def test_each_class_has_its_share_and_a_rare_one_two_rows() -> None:
    counts = read_task(_table("multiclass"), max_rows=100).y.value_counts()
    assert counts["rare"] == 2
    assert counts["single"] == 1
    assert abs(counts["u"] - 68) <= 1
    assert abs(counts["v"] - 29) <= 1


def test_a_regression_keeps_the_distribution_of_its_target() -> None:
    full, sample = (read_task(_table("regression"), max_rows=max_rows).y for max_rows in (None, 200))
    bounds = full.quantile(np.arange(1, 20) / 20)
    counts = np.bincount(np.searchsorted(bounds, sample), minlength=20)
    assert counts.min() >= 9
    assert counts.max() <= 11
    few = read_task(_table("regression"), max_rows=10).y
    assert few.min() < full.quantile(0.1)
    assert few.max() > full.quantile(0.9)


def test_a_table_that_is_short_enough_is_kept_whole() -> None:
    full = read_task(_table("binary"))
    sample = read_task(_table("binary"), max_rows=N)
    assert sample.n_rows == N
    assert sample.notes == full.notes


def test_the_same_rows_are_drawn_every_time_and_in_another_process(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    _table("binary").to_csv(path, index=False)
    code = f"from autometa.reading import read_task; print(read_task({str(path)!r}, max_rows=50).X['row'].sum())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) == read_task(path, max_rows=50).X["row"].sum()
    assert read_task(path, max_rows=50).X.equals(read_task(_table("binary"), max_rows=50).X)


def test_labels_that_were_not_drawn_are_gone() -> None:
    table = _table("binary")
    table["town"] = table["town"].where(table.index != 3, "Elsewhere")
    sample = read_task(table, max_rows=20)
    assert set(sample.X["town"].cat.categories) == set(sample.X["town"])


def test_cautions_are_of_the_full_table() -> None:
    table = pd.concat([_table("binary")] * 2)
    notes = read_task(table, max_rows=50).notes
    assert any(note.startswith("2,000 rows (50.0%) repeat an earlier one") for note in notes)


@pytest.mark.parametrize("max_rows", [1, 0, -5])
def test_a_sample_of_no_rows_is_refused(max_rows: int) -> None:
    with pytest.raises(OptionError, match=f"a sample of {max_rows} rows teaches nothing; ask for 2 rows or more"):
        read_task(_table("binary"), max_rows=max_rows)


def test_a_sample_too_small_for_its_classes_is_refused() -> None:
    with pytest.raises(OptionError) as caught:
        read_task(_table("multiclass"), max_rows=7)
    assert str(caught.value) == (
        "a sample of 7 rows cannot hold 2 of each of the 4 classes of 'y'; ask for 8 rows or more"
    )
    assert read_task(_table("multiclass"), max_rows=8).kind is TaskKind.MULTICLASS
