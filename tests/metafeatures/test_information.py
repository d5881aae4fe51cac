import math

import numpy as np
import pandas as pd
import pytest

from autometa.metafeatures import extract
from autometa.task import Task
from autometa.task_kind import TaskKind

# pymfe adds 1e-8 to each joint probability.
PYMFE_PRECISION = 1e-5


def test_entropies_agree_with_pymfe_on_a_table_of_mixed_columns(toys: Task) -> None:
    values = extract(toys).values
    # pymfe 0.4.4, group "info-theory", cat_cols=[0, 1]
    expected = {
        "class_ent": 1.0,
        "attr_ent.mean": 1.178151308662984,
        "attr_ent.sd": 0.3261566423309547,
        "joint_ent.mean": 1.7159568854107154,
        "joint_ent.sd": 0.6305721364529107,
        "mut_inf.mean": 0.4621944232522686,
        "mut_inf.sd": 0.49669556572039897,
        "mut_inf.max": 0.999999477345406,
        "class_conc.mean": 0.40668690584185346,
        "class_conc.sd": 0.5202411794301038,
        "class_conc.max": 1.0,
        "eq_num_attr": 2.1635916611962096,
        "ns_ratio": 1.5490383470506341,
    }
    assert {name: values[name] for name in expected} == pytest.approx(expected, rel=PYMFE_PRECISION)


def test_entropies_agree_with_pymfe_on_wine(wine: Task) -> None:
    values = extract(wine).values
    # pymfe 0.4.4, group "info-theory"
    expected = {
        "class_ent": 1.5668222768551812,
        "attr_ent.mean": 2.3173058075119184,
        "attr_ent.sd": 0.008828109443088206,
        "joint_ent.mean": 3.3918665456041106,
        "mut_inf.mean": 0.4922615387629892,
        "mut_inf.max": 0.8896323608431445,
        "class_conc.mean": 0.1527908582113731,
        "class_conc.max": 0.27970320063321863,
        "eq_num_attr": 3.1829061453642518,
        "ns_ratio": 3.7074687438208316,
    }
    assert {name: values[name] for name in expected} == pytest.approx(expected, rel=PYMFE_PRECISION)


def test_a_column_that_tells_the_class_alone_has_all_the_information(toys: Task) -> None:
    # width is cut into two bins at its median, which are the two classes
    assert extract(toys).values["mut_inf_share"] == pytest.approx(1.0)


def test_the_entropy_of_unequal_classes_is_below_its_largest_value() -> None:
    y = pd.Series([0, 0, 0, 1] * 5)
    task = Task(name="t", X=pd.DataFrame({"a": np.arange(20.0)}), y=y, kind=TaskKind.BINARY, target="y")
    expected = -(0.75 * math.log2(0.75) + 0.25 * math.log2(0.25))
    values = extract(task).values
    assert values["class_ent"] == pytest.approx(expected)
    assert values["class_ent_share"] == pytest.approx(expected)  # log2 of 2 classes is 1


def test_the_target_of_a_regression_is_cut_into_bins() -> None:
    x = np.arange(27.0)
    task = Task(name="t", X=pd.DataFrame({"a": x}), y=pd.Series(x), kind=TaskKind.REGRESSION, target="y")
    values = extract(task).values
    assert values["mut_inf.mean"] == pytest.approx(math.log2(3))  # three bins of nine rows
    assert values["eq_num_attr"] == pytest.approx(1.0)
    assert math.isnan(values["class_ent"])


def test_where_no_column_tells_anything_ratios_are_undefined() -> None:
    X = pd.DataFrame({"a": [1.0, 1.0, 1.0, 1.0]})
    task = Task(name="t", X=X, y=pd.Series([0, 1, 0, 1]), kind=TaskKind.BINARY, target="y")
    described = extract(task)
    assert math.isnan(described.values["eq_num_attr"])
    assert math.isnan(described.values["ns_ratio"])
    assert math.isnan(described.values["class_conc.mean"])
    assert described.values["attr_ent.mean"] == 0.0
    assert described.failures == {}
