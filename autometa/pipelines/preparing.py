"""Raw tables made numeric: the first step of every pipeline, of scikit-learn and skrub classes alone.

Imported by `autometa.pipelines.building` when a pipeline is built, because of scikit-learn's import time.

Small conversions are `FunctionTransformer` steps around methods of pandas and NumPy: nothing of autometa
is inside, so that a stored pipeline can be loaded without it.
"""

import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    QuantileTransformer,
    StandardScaler,
)

from autometa.errors import ConfigurationError
from autometa.task import ColumnKind

_MAX_ONE_HOT_CATEGORIES = 30  # a column; the rarest share one
_MISSING_CODE = -1  # an unseen category is treated as a missing one
_TEXT_COMPONENTS = 10
_N_QUANTILES = 100  # scikit-learn's 1000 warns on every smaller table
_BLANK = r"^\s*$"

Step = tuple[str, Any]  # Any: scikit-learn carries no types


def preparation(
    column_kinds: Mapping[str, ColumnKind], *, encoding: str, scaling: str, imputes: bool, seed: int
) -> ColumnTransformer:
    """Return the unfitted transformer of a raw DataFrame into an ndarray of shape (n_rows, n_features).

    Columns are found by name; others are ignored. Columns may come in other dtypes than in training
    (numbers and dates as strings, integers as floats, booleans as objects): what cannot be read is missing.

    Parameters
    ----------
    column_kinds : mapping of str to ColumnKind
        The columns to use and how each is treated.
    encoding : {"one_hot", "ordinal"}
        How categories become numbers.
    scaling : {"none", "standard", "quantile"}
        How numbers, ordinal codes and parts of dates are scaled; one-hot and text columns never are.
    imputes : bool
        Whether missing numbers are filled with the median and flagged in columns of their own.
    seed : int
        Seed of the steps that draw at random.

    Raises
    ------
    ConfigurationError
        If there are no columns.
    """
    if not column_kinds:
        raise ConfigurationError("a pipeline needs at least one column, got none; name the columns to use")
    tail = _numeric_tail(scaling, imputes=imputes, seed=seed)
    makers: dict[str, tuple[set[ColumnKind], Callable[[], list[Step]]]] = {
        "numeric": ({ColumnKind.NUMERIC}, lambda: _numeric_steps(tail, imputes=imputes)),
        "categorical": (
            {ColumnKind.CATEGORICAL, ColumnKind.BOOLEAN},
            lambda: _categorical_steps(encoding, scaling, seed),
        ),
        "datetime": ({ColumnKind.DATETIME}, lambda: _datetime_steps(tail)),
        "text": ({ColumnKind.TEXT}, lambda: _text_steps(seed)),
    }
    transformers = []
    for name, (kinds, make_steps) in makers.items():
        columns = [column for column, kind in column_kinds.items() if kind in kinds]
        if columns:
            transformers.append((name, Pipeline(make_steps()), columns))
    # NumPy inside whatever scikit-learn's global setting says: LightGBM refuses some column names.
    return ColumnTransformer(transformers, sparse_threshold=0.0).set_output(transform="default")


def _function(function: Callable[..., object], **arguments: object) -> FunctionTransformer:
    """Return a step that applies a function of pandas or NumPy to the table and keeps its columns."""
    return FunctionTransformer(function, kw_args=arguments or None, feature_names_out="one-to-one")


def _method(name: str, *arguments: object, **named: object) -> FunctionTransformer:
    """Return a step that calls a method of the DataFrame."""
    return _function(operator.methodcaller(name, *arguments, **named))


def _numeric_tail(scaling: str, *, imputes: bool, seed: int) -> list[Step]:
    """Return the steps that fill and scale numbers; filling first, since scalers warn of empty columns."""
    imputer = SimpleImputer(strategy="median", keep_empty_features=True)
    return [*([("impute", imputer)] if imputes else []), *_scaling_steps(scaling, seed)]


def _scaling_steps(scaling: str, seed: int) -> list[Step]:
    """Return the step that scales numbers, if any."""
    if scaling == "standard":
        return [("scale", StandardScaler())]
    if scaling == "quantile":
        scaler = QuantileTransformer(n_quantiles=_N_QUANTILES, output_distribution="normal", random_state=seed)
        return [("scale", scaler)]
    return []


def _numeric_steps(tail: list[Step], *, imputes: bool) -> list[Step]:
    """Return the steps for numbers; infinite values count as missing."""
    steps: list[Step] = [
        ("parse", _method("apply", pd.to_numeric, errors="coerce")),
        ("as_float", _method("to_numpy", dtype="float64", na_value=np.nan)),
        ("drop_infinite", _function(np.nan_to_num, nan=np.nan, posinf=np.nan, neginf=np.nan)),
    ]
    if not imputes:
        return steps + tail
    # Flags stay outside the scaling, which would blow up rare ones.
    flags = MissingIndicator(error_on_new=False)
    union = FeatureUnion([("values", Pipeline(tail)), ("missing", flags)], verbose_feature_names_out=False)
    return [*steps, ("fill", union)]


def _categorical_steps(encoding: str, scaling: str, seed: int) -> list[Step]:
    """Return the steps for categories and booleans.

    Each becomes text in one form first: a category 1 reads "1" whether its column comes as integer, as
    float (because another row is missing) or as string, and mixed types can be sorted.
    """
    steps: list[Step] = [
        ("as_object", _method("astype", "object")),
        ("infer", _method("convert_dtypes")),
        ("as_text", _method("astype", "str")),
    ]
    if encoding == "one_hot":
        encoder = OneHotEncoder(
            handle_unknown="infrequent_if_exist",
            max_categories=_MAX_ONE_HOT_CATEGORIES,
            sparse_output=False,
        )
        return [*steps, ("encode", encoder)]
    encoder = OrdinalEncoder(
        handle_unknown="use_encoded_value",
        unknown_value=_MISSING_CODE,
        encoded_missing_value=_MISSING_CODE,
    )
    return [*steps, ("encode", encoder), *_scaling_steps(scaling, seed)]


def _datetime_steps(tail: list[Step]) -> list[Step]:
    """Return the steps for dates: year to hour, weekday, seconds since 1970.

    skrub finds one format a column and keeps it for prediction; a column without one is read date by date.
    """
    from skrub import ApplyToCols, DatetimeEncoder, ToDatetime

    return [
        ("parse", ApplyToCols(ToDatetime(), allow_reject=True)),
        ("parse_mixed", _method("apply", pd.to_datetime, errors="coerce", format="mixed")),
        ("encode", ApplyToCols(DatetimeEncoder(add_weekday=True))),
        *tail,
    ]


def _text_steps(seed: int) -> list[Step]:
    """Return the steps for text: components of its character n-grams; blanks are one word of their own."""
    from skrub import ApplyToCols, StringEncoder

    encoder = StringEncoder(n_components=_TEXT_COMPONENTS, random_state=seed)
    return [
        ("as_text", _method("astype", "str")),
        ("name_blank", _method("replace", to_replace=[_BLANK, np.nan], value="missing", regex=True)),
        ("encode", ApplyToCols(encoder)),
    ]
