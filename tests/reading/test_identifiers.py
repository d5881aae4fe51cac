"""Identifiers: columns that name a row are found and left out, and never columns that measure something."""

import numpy as np
import pandas as pd
import pytest

from autometa.reading import read_task
from autometa.reading.identifiers import MIN_ROWS, find_identifiers, has_id_name, has_run_name
from autometa.task import ColumnKind

N = 40
RNG = np.random.default_rng(0)
WORDS = [f"{word}-{number}" for number, word in enumerate(["red", "blue"] * (N // 2))]


def _find(values: object, name: str = "column") -> bool:
    """Whether a column of a task is found to be an identifier."""
    y = pd.Series(["u", "v"] * (N // 2), name="y")
    X = read_task(pd.DataFrame({name: values, "other": np.arange(N) / 7}), y).X
    assert name in X.columns  # the table keeps it
    return find_identifiers(X) == (name,)


@pytest.mark.parametrize(
    ("values", "name"),
    [
        (np.arange(N), "column"),
        (np.arange(N)[::-1] + 1000, "column"),
        (RNG.permutation(N).astype("int8"), "column"),
        (RNG.permutation(10 * N)[:N], "customer_id"),
        (np.arange(N) - 2**40, "column"),
        (WORDS, "column"),
        (pd.Categorical(WORDS), "column"),
        ([*WORDS[:-2], None, None], "column"),
    ],
    ids=["run", "run downwards", "run in disorder", "name", "negative", "strings", "categories", "missing"],
)
def test_unique_names_and_numbers_of_rows_are_identifiers(values: object, name: str) -> None:
    assert _find(values, name)


@pytest.mark.parametrize(
    ("values", "name"),
    [
        (np.arange(N) / 2, "id"),
        (np.arange(N).astype(float), "id"),
        (np.arange(N) * 2, "column"),
        (RNG.permutation(10 * N)[:N], "price_index"),
        (np.arange(N) + 1980, "Year"),
        (np.arange(N), "day_of_trial"),
        (np.arange(N) + 1, "world_rank"),
        (np.repeat(np.arange(N // 2), 2), "id"),
        ([*range(N - 1), 0], "column"),
        (pd.date_range("2024-01-01", periods=N), "id"),
        ([*WORDS[:-1], WORDS[0]], "id"),
        ([f"{word}, and {'many words more ' * 3}" for word in WORDS], "id"),
    ],
    ids=[
        "fractions",
        "whole floats",
        "gaps",
        "a measure",
        "years",
        "days",
        "ranks",
        "repeats",
        "one repeat",
        "dates",
        "a string twice",
        "sentences",
    ],
)
def test_other_columns_are_none_whatever_their_name(values: object, name: str) -> None:
    assert not _find(values, name)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *((name, True) for name in ("id", "ID", "Id", "row_id", "customerID", "PassengerId", "uuid", "user.key")),
        *((name, True) for name in ("index", "Index", "row index")),
        *((name, False) for name in ("humidity", "video", "width", "idle", "keyboard", "price_index", "bodyIndex", "")),
    ],
)
def test_a_name_is_that_of_an_identifier_by_a_whole_word(name: str, expected: bool) -> None:
    assert has_id_name(name) is expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *((name, True) for name in ("years", "Monthly", "minute", "step", "timestamp", "epoch", "order", "position")),
        *((name, True) for name in ("dose", "t", "T", "daysSinceStart", "Centuries", "annual", "birth order", "Yr")),
        *((name, False) for name in ("number", "x1", "border", "t_shirt", "monthlies", "customer", "sage", "")),
    ],
)
def test_a_name_is_that_of_a_measure_by_a_whole_word_in_any_form(name: str, expected: bool) -> None:
    assert has_run_name(name) is expected
    assert _find(np.arange(N), name or "column") is not expected


MANY = 400
SHUFFLED = np.random.default_rng(4).permutation(MANY)
NOISE = np.random.default_rng(5).normal(size=MANY)
CLASSES = np.array(["low", "mid", "top"])
TARGETS = {
    "a line": 2.0 * SHUFFLED + 200 * NOISE,
    "a parabola": (SHUFFLED - MANY / 2) ** 2 / MANY + 5 * NOISE,
    "two classes": SHUFFLED + 100 * NOISE > MANY / 2,
    "three classes": CLASSES[np.array([1, 0, 2, 1])[SHUFFLED // 100]],
}


@pytest.mark.parametrize("target", TARGETS, ids=list(TARGETS))
def test_a_run_in_disorder_on_which_the_target_depends_is_kept_and_said(target: str) -> None:
    frame = pd.DataFrame({"x1": SHUFFLED, "x2": NOISE, "y": TARGETS[target]})
    task = read_task(frame)
    assert task.identifiers == ()
    kept = [note for note in task.notes if "though it may number the rows" in note]
    assert kept == [
        "kept, for the target depends on it, though it may number the rows: 'x1'; ignore it if it does",
    ]
    assert read_task(frame.rename(columns={"x1": "row_id"})).identifiers == ("row_id",)
    assert read_task(frame.sort_values("x1")).identifiers == ("x1",)  # it counts the rows
    assert read_task(frame.sort_values("x1", ascending=False)).identifiers == ("x1",)


def test_a_run_that_has_nothing_to_do_with_the_target_is_left_out() -> None:
    rng = np.random.default_rng(6)
    names = [f"x{i}" for i in range(100)]
    for y in (rng.normal(size=MANY), np.arange(MANY) % 2, rng.choice(CLASSES, MANY), np.arange(MANY) % 100 == 7):
        frame = pd.DataFrame({name: rng.permutation(MANY) for name in names}).assign(z=NOISE, y=pd.Series(y))
        assert read_task(frame).identifiers == tuple(names)


def test_a_short_table_has_no_identifiers() -> None:
    X = pd.DataFrame({"id": np.arange(MIN_ROWS - 1)})
    assert find_identifiers(X) == ()
    assert find_identifiers(pd.DataFrame({"id": np.arange(MIN_ROWS)})) == ("id",)


def _table() -> pd.DataFrame:
    """A table with two identifiers, one column to predict from, and a target."""
    size = np.sin(np.arange(N))
    return pd.DataFrame({"id": np.arange(N), "code": WORDS, "size": size, "y": np.where(size > 0, "u", "v")})


def test_identifiers_stay_in_the_table_and_are_said() -> None:
    task = read_task(_table())
    assert list(task.X.columns) == ["id", "code", "size"]
    assert task.identifiers == ("id", "code")
    assert task.column_kinds["code"] is ColumnKind.IDENTIFIER
    assert (task.used_columns, task.n_columns) == (("size",), 1)
    assert "looks like an identifier, left out of every pipeline: 'id', 'code'" in task.notes
    assert not any("of no use" in note for note in task.notes)


def test_identifiers_are_part_of_the_fingerprint() -> None:
    assert read_task(_table()).fingerprint == read_task(_table(), categorical=["id", "code"]).fingerprint
    assert read_task(_table()).fingerprint != read_task(_table().drop(columns="id")).fingerprint


def test_a_column_that_is_called_categorical_is_no_identifier() -> None:
    task = read_task(_table(), categorical=["id"])
    assert task.identifiers == ("code",)
    assert task.column_kinds["id"] is ColumnKind.CATEGORICAL
    assert "looks like an identifier, left out of every pipeline: 'code'" in task.notes


def test_a_table_of_identifiers_alone_keeps_them_all() -> None:
    task = read_task(_table().drop(columns="size"))
    assert task.identifiers == ()
    assert [str(kind) for kind in task.column_kinds.values()] == ["numeric", "text"]
    assert "all columns look like identifiers, so none is left out: 'id', 'code'" in task.notes


def test_a_sample_knows_its_identifiers() -> None:
    assert read_task(_table(), max_rows=20).identifiers == ("id", "code")


def test_an_identifier_is_no_leak() -> None:
    table = pd.DataFrame({"id": np.arange(200), "size": RNG.normal(size=200), "y": np.arange(200) >= 100})
    assert not any("leak" in note for note in read_task(table).notes)
    assert any("leak" in note for note in read_task(table, categorical=["id"]).notes)


def test_numbers_with_a_unit_are_no_identifiers_though_no_two_are_alike() -> None:
    table = pd.DataFrame(
        {
            "weight": [f"{row}.5 kg" for row in range(60)],
            "price": [f"€{row + 1}.234" for row in range(60)],
            "code": [f"K{row}" for row in range(60)],
            "y": ["u", "v"] * 30,
        }
    )
    assert read_task(table).identifiers == ("code",)
