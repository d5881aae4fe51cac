"""Cautions: leaks, dates and repeated rows are said, and nothing is changed."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from autometa.reading import read_task
from autometa.reading.cautions import MIN_LEAK_ROWS, count_repeated_rows, find_leaks

EXAMPLES = Path(__file__).parents[2] / "data" / "examples"


def _table(n: int = 400) -> pd.DataFrame:
    """A table whose columns tell something, but never all, of each of two targets."""
    rng = np.random.default_rng(1)
    X = pd.DataFrame(rng.normal(size=(n, 3)), columns=["a", "b", "c"])
    X["price"] = X["a"] + 0.3 * rng.normal(size=n)
    X["sold"] = np.where(X["b"] + 0.3 * rng.normal(size=n) > 0, "yes", "no")
    return X


LEAKS = {
    "the target by another name": lambda table: table["sold"].map({"yes": "Y", "no": "N"}),
    "a threshold": lambda table: np.where(table["sold"] == "yes", 1.0, -1.0) * (1 + table["c"].abs()),
    "a band": lambda table: (
        np.where(table["sold"] == "yes", 0.1, 1.0) * (1 + table["a"].rank(pct=True)) * np.sign(table["c"])
    ),
    "filled in for one class alone": lambda table: table["c"].where(table["sold"] == "yes"),
    "0.2 % of the rows apart": lambda table: (table["sold"] == "yes") ^ (table.index == 7),
}


@pytest.mark.parametrize("leak", LEAKS, ids=list(LEAKS))
def test_a_column_that_tells_the_class_is_said(leak: str) -> None:
    table = _table().drop(columns="price").assign(leak=LEAKS[leak])
    notes = read_task(table, target="sold").notes
    assert "predicts the target 'sold' alone, perhaps a leak: 'leak'" in notes


@pytest.mark.parametrize("power", [1, 2, -1])
def test_a_column_that_tells_the_number_is_said(power: int) -> None:
    table = _table().drop(columns="sold").assign(leak=lambda table: np.exp(table["price"]) ** power)
    assert find_leaks(table.drop(columns="price"), table["price"]) == ("leak",)


def test_a_column_that_tells_one_of_many_classes_is_said() -> None:
    classes = pd.Series(np.random.default_rng(0).permutation(np.arange(600) % 6), name="y").map(lambda i: f"class {i}")
    codes = classes.str[-1].astype(int) * 7 % 6
    assert find_leaks(pd.DataFrame({"code": codes, "noise": np.arange(600) % 7}), classes) == ("code",)


def test_columns_that_tell_much_are_no_leaks() -> None:
    table = _table(5000)
    table["nearly"] = np.where(np.arange(5000) % 50 == 0, "no", table["sold"])  # 1 % of the rows apart
    table["flat"] = 1
    X = table.drop(columns=["sold", "price"])
    assert find_leaks(X, table["sold"]) == ()
    assert find_leaks(X, table["price"]) == ()


def test_no_row_order_makes_a_leak_of_columns_with_ties() -> None:
    y = pd.Series(np.repeat([0, 1], 500), name="y")
    assert find_leaks(pd.DataFrame({"flat": np.zeros(1000), "coin": np.arange(1000) % 2}), y) == ()
    assert find_leaks(pd.DataFrame({"row": np.arange(1000)}), y) == ("row",)  # of a file sorted by its target


def test_a_rare_class_is_no_leak_by_chance() -> None:
    rng = np.random.default_rng(3)
    y = pd.Series(np.arange(2000) % 400 == 0, name="y")
    assert find_leaks(pd.DataFrame(rng.normal(size=(2000, 200))).rename(columns=str), y) == ()


def test_a_short_table_has_no_leaks() -> None:
    y = pd.Series(["u", "v"] * MIN_LEAK_ROWS, name="y")
    X = pd.DataFrame({"leak": y == "u"})
    assert find_leaks(X.iloc[: MIN_LEAK_ROWS - 1], y.iloc[: MIN_LEAK_ROWS - 1]) == ()
    assert find_leaks(X.iloc[:MIN_LEAK_ROWS], y.iloc[:MIN_LEAK_ROWS]) == ("leak",)


@pytest.mark.parametrize("example", ["breast_cancer", "wine", "diabetes"])
def test_the_examples_give_no_cause_for_caution(example: str) -> None:
    task = read_task(EXAMPLES / f"{example}.csv", target=-1)
    assert len(task.notes) == 1


def test_dates_are_said() -> None:
    table = _table().assign(day=pd.Timestamp("2024-01-01"), paid=pd.date_range("2024-01-01", periods=400))
    notes = read_task(table, target="sold").notes
    assert "holds dates, random folds may flatter if the future is to be predicted: 'paid'" in notes


def test_rows_that_repeat_are_counted_with_their_target() -> None:
    table = _table(100).drop(columns="price").assign(size=[f"size {i % 30}" for i in range(100)], note=None)
    other_target = table.iloc[:20].assign(sold=["yes", "no"] * 10)
    n_alike = int((table["sold"].iloc[:20] == other_target["sold"]).sum())
    repeated = pd.concat([table, other_target, table.iloc[20:50]])
    notes = read_task(repeated, target="sold").notes
    n, share = n_alike + 30, (n_alike + 30) / 150
    assert (
        f"{n} rows ({share:.1%}) repeat an earlier one to six digits, target included; random folds may flatter"
        in notes
    )


def test_few_rows_that_repeat_are_not_worth_a_word() -> None:
    table = _table(1000).drop(columns="price")
    repeated = pd.concat([table, table.iloc[:5]])
    assert not any("repeat" in note for note in read_task(repeated, target="sold").notes)


def test_rows_that_differ_by_their_number_alone_repeat() -> None:
    table = pd.concat([_table(100)] * 2).assign(id=range(200)).drop(columns="price")
    notes = read_task(table, target="sold").notes
    said = "100 rows (50.0%) repeat an earlier one to six digits, target included, identifiers aside; "
    assert f"{said}random folds may flatter" in notes


@pytest.mark.parametrize(
    "values",
    [
        [0.0, -0.0, np.nan, np.nan, 1.7e308, 1.7e308],
        [-1, -1, 2, 2, 2**40, 2**40],
        [True, True, False, False, True, True],
        ["x", "x", None, None, "y", "y"],
        pd.Categorical(["x", "x", None, None, "y", "y"]),
        pd.to_datetime(["2024-01-01", "2024-01-01", "NaT", "NaT", "2024-01-02", "2024-01-02"]),
    ],
    ids=["floats", "integers", "booleans", "strings", "categories", "dates"],
)
def test_equal_values_of_every_kind_repeat(values: object) -> None:
    column = pd.Series(values)
    column = column.astype("str") if column.dtype == object else column
    X = pd.DataFrame({"column": column, "pair": [0, 0, 1, 1, 2, 2]})
    assert count_repeated_rows(X, pd.Series([1, 1, 0, 0, 1, 1])) == 3
    assert count_repeated_rows(X, pd.Series([1, 2, 0, 0, 1, 3])) == 1


def test_rows_that_differ_by_noise_alone_repeat() -> None:
    rng = np.random.default_rng(1)
    table = pd.DataFrame(rng.normal(size=(500, 3)) * [1e-200, 1, 1e200], columns=list("abc"))
    noisy = table * (1 + 1e-9 * rng.normal(size=table.shape))
    y = pd.Series(np.arange(1000) % 500 % 7 / 7)
    assert 490 <= count_repeated_rows(pd.concat([table, noisy], ignore_index=True), y) <= 500
    other = table * (1 + 1e-4 * rng.normal(size=table.shape))
    assert count_repeated_rows(pd.concat([table, other], ignore_index=True), y) == 0


def test_whole_numbers_are_compared_exactly_though_a_gap_makes_them_floats() -> None:
    seconds = pd.Series(1.7e9 + np.arange(1000))
    seconds[500] = np.nan
    y = pd.Series(np.zeros(1000))
    assert count_repeated_rows(pd.DataFrame({"t": seconds}), y) == 0
    assert count_repeated_rows(pd.DataFrame({"t": pd.concat([seconds] * 2)}), pd.concat([y] * 2)) == 1000


def test_as_many_rows_repeat_as_pandas_counts() -> None:
    rng = np.random.default_rng(5)
    X = pd.DataFrame({f"c{i}": rng.integers(0, 3, 3000) for i in range(5)})
    X["f"], X["s"] = X["c0"] / 3, pd.Series(rng.choice(["x", "y"], 3000), dtype="str")
    y = pd.Series(rng.integers(0, 2, 3000), name="y")
    assert count_repeated_rows(X, y) == int(X.assign(y=y).duplicated().sum()) > 500


def test_a_table_of_identifiers_alone_has_no_repeated_rows() -> None:
    table = pd.DataFrame({"id": np.arange(100), "y": ["u", "v"] * 50})
    assert not any("repeat" in note for note in read_task(table).notes)


def test_classes_that_differ_by_case_or_blanks_alone_are_told() -> None:
    labels = ["yes", "no", "Yes", "yes ", "no"] * 20
    notes = read_task(pd.DataFrame({"a": range(100)}), labels).notes
    assert (
        "classes that differ by case or blanks alone: 'Yes', 'yes', 'yes '; write them alike if they are one" in notes
    )
    assert not any("blanks" in note for note in read_task(pd.DataFrame({"a": range(100)}), ["yes", "no"] * 50).notes)


def test_classes_with_too_few_rows_for_the_folds_are_told() -> None:
    frame = pd.DataFrame({"a": range(100)})
    labels = [*["cat"] * 50, *["dog"] * 45, *["bird"] * 4, "fish"]
    told = "classes with fewer than 5 rows, too few for each of 5 folds: 'bird', 'fish'"
    assert told in read_task(frame, labels).notes
    assert not any("folds:" in note for note in read_task(frame, [*["cat"] * 95, *["dog"] * 5]).notes)
    assert not any("folds:" in note for note in read_task(frame, range(100)).notes)
