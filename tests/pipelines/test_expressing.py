import operator
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import KFold, RepeatedStratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

from autometa.pipelines.building import build
from autometa.pipelines.expressing import STEP_LINES, Expressions, public_module, quoted
from autometa.pipelines.learners import LEARNERS
from autometa.task import ColumnKind
from autometa.task_kind import TaskKind
from tests.pipelines.quick import PAIRS


def evaluated(value: Any) -> Any:
    """Return what the code of a value makes, with the imports that it asks for and no others."""
    expressions = Expressions()
    lines = expressions.lines("value = ", value)
    helpers = STEP_LINES if expressions.has_steps else ()
    namespace: dict[str, Any] = {}
    exec("\n".join([*expressions.import_lines(), *helpers, *lines]), namespace)
    return namespace["value"]


def described(value: Any) -> str:
    """Return all parameters of an object, at any depth, in words."""
    if isinstance(value, list | tuple):
        return f"{type(value).__name__}({', '.join(map(described, value))})"
    if hasattr(value, "get_params"):
        output = vars(value).get("_sklearn_output_config")
        inside = {name: described(each) for name, each in sorted(value.get_params(deep=False).items())}
        return f"{type(value).__name__} {output} {inside}"
    return repr(value)


@pytest.mark.parametrize(("algorithm", "kind"), PAIRS)
def test_the_code_of_a_pipeline_makes_the_pipeline(algorithm: str, kind: TaskKind) -> None:
    column_kinds = {f"{column_kind} 'a'": column_kind for column_kind in ColumnKind}
    space = LEARNERS[algorithm].space(kind)
    rng = np.random.default_rng(1)
    for configuration in (space.default(), *(space.sample(rng) for _ in range(4))):
        pipeline = build(configuration, kind=kind, column_kinds=column_kinds, seed=11)
        remade = evaluated(pipeline)
        prepared = [pipeline.steps[0][1], remade.steps[0][1]]
        pandas_output = [vars(each).get("_sklearn_output_config") == {"transform": "pandas"} for each in prepared]
        assert pandas_output[0] == pandas_output[1]
        for each in (pipeline, remade):  # "default" is what the code leaves out
            each.set_output(transform="pandas")
        assert described(remade) == described(pipeline)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        -1,
        1e-12,
        'it\'s "x"\n\\',
        "ü\u202e\ud800",
        float("inf"),
        -float("inf"),
        (),
        (1,),
        [0, 1, 2, 3, 4],
        tuple(range(300)),
        [False, True, 2, 3],
        {"a": [1.5, None], 2: {"b": ()}},
        np.float64(2.5),
        np.int64(3),
        pd.Timedelta(1, "s"),
        np.log1p,
        pd.to_datetime,
        str,
        operator.methodcaller("f"),
        operator.methodcaller("replace", ["a"], np.inf, regex=True),
        KFold(3, shuffle=True, random_state=2),
        RepeatedStratifiedKFold(n_splits=3, n_repeats=1, random_state=0),
        FunctionTransformer(np.log1p, inverse_func=np.expm1),
        FunctionTransformer(np.clip, kw_args={"a_min": 0}, feature_names_out="one-to-one"),
        StandardScaler().set_output(transform="pandas"),
    ],
    ids=lambda value: re.sub(r" at 0x[0-9a-f]+", "", repr(value)),
)
def test_the_code_of_a_value_makes_the_value(value: object) -> None:
    assert described(evaluated(value)) == described(value.item() if isinstance(value, np.generic) else value)


def test_only_what_differs_from_the_defaults_is_written() -> None:
    found = Expressions()
    assert found.lines("", SVC(C=1.0, gamma=0.5, kernel="rbf")) == ["SVC(gamma=0.5)"]
    assert found.lines("", Pipeline([("a", StandardScaler())])) == ['Pipeline([("a", StandardScaler())])']
    assert found.modules == ["sklearn"]


def test_what_has_a_name_is_written_by_it_and_its_equals_are_not() -> None:
    found = Expressions()
    names = ["a"]
    found.name(names, "columns")
    assert found.lines("", {"x": names, "y": ["a"]}) == ['{"x": columns, "y": ["a"]}']


def test_what_has_no_public_name_is_refused() -> None:
    with pytest.raises(TypeError, match="cannot be imported by name"):
        public_module(lambda: None)


def test_strings_are_quoted_as_ruff_quotes_them() -> None:
    assert [quoted(text) for text in ("a", "it's", '"', "'\"")] == ['"a"', '"it\'s"', "'\"'", "'\\'\"'"]
