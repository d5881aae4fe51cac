import math
import statistics

import pytest

from autometa.metafeatures import extract
from autometa.task import Task


def test_sizes_and_kinds_agree_with_pymfe_on_toys(toys: Task) -> None:
    values = extract(toys).values
    # pymfe 0.4.4, group "general", cat_cols=[0, 1]
    expected = {
        "nr_inst": 12,
        "nr_attr": 3,
        "nr_class": 2,
        "nr_num": 1,
        "nr_cat": 2,
        "cat_to_num": 2.0,
        "attr_to_inst": 0.25,
        "inst_to_attr": 4.0,
    }
    assert {name: values[name] for name in expected} == expected
    assert values["bin_share"] == pytest.approx(1 / 3)  # nr_bin = 1 of 3


def test_sparsity_agrees_with_pymfe_on_wine(wine: Task) -> None:
    values = extract(wine).values
    assert values["sparsity.mean"] == pytest.approx(0.006196757204043295)
    assert values["sparsity.sd"] == pytest.approx(0.005509299527695419)


def test_logarithms_of_sizes(toys: Task) -> None:
    values = extract(toys).values
    assert values["log_nr_inst"] == pytest.approx(math.log(12))
    assert values["log_nr_attr"] == pytest.approx(math.log(3))
    assert values["log_inst_to_attr"] == pytest.approx(math.log(4))


def test_missing_values_and_kinds_are_counted_as_by_hand(gaps: Task) -> None:
    values = extract(gaps).values
    expected = {
        "missing_share": 6 / 30,  # 1 number, 1 level, 1 text, 3 days; an infinite number is no missing value
        "attr_with_missing_share": 4 / 5,
        "inst_with_missing_share": 4 / 6,  # here it is
        "cat_share": 3 / 5,
        "text_share": 1 / 5,
        "date_share": 1 / 5,
        "bin_share": 1 / 5,
        "constant_share": 0.0,
        "nr_num": 1.0,
        "nr_cat": 3.0,
        "log_symbols.mean": (math.log(3) + math.log(4) + math.log(6)) / 3,
        "log_symbols.max": math.log(6),
        "log_symbols.sd": statistics.stdev([math.log(3), math.log(4), math.log(6)]),
    }
    assert {name: values[name] for name in expected} == pytest.approx(expected)


def test_a_table_without_numbers_has_no_ratio_to_them(toys: Task) -> None:
    nominal = Task(name="n", X=toys.X[["colour", "size"]], y=toys.y, kind=toys.kind, target="sold")
    values = extract(nominal).values
    assert math.isnan(values["cat_to_num"])
    assert values["cat_share"] == 1.0


def test_a_column_with_one_value_is_constant(toys: Task) -> None:
    X = toys.X.assign(width=7.0)
    task = Task(name="c", X=X, y=toys.y, kind=toys.kind, target="sold")
    assert extract(task).values["constant_share"] == pytest.approx(1 / 3)
