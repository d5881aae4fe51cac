"""Raw tables made numeric: the steps before every learner, of scikit-learn and skrub classes alone.

Imported by `autometa.pipelines.building` when a pipeline is built, because of scikit-learn's import time.

Small conversions are `FunctionTransformer` steps around methods of pandas and NumPy: nothing of autometa
is inside, so that a stored pipeline can be loaded without it.
"""

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.feature_selection import SelectPercentile, VarianceThreshold, f_classif, f_regression
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.model_selection import KFold
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    QuantileTransformer,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)

from autometa.errors import ConfigurationError
from autometa.pipelines.learner import Missing
from autometa.task import ColumnKind
from autometa.task_kind import TaskKind

_MAX_ONE_HOT_CATEGORIES = 30  # a column; the rarest share one
_MAX_CODES = 255  # a column, the rarest share one; HistGradientBoosting refuses more
_MISSING_CODE = -1  # an unseen category is treated as a missing one
_MISSING_WORD = "missing"
_TARGET_FOLDS = 5  # scikit-learn's own number
_TEXT_COMPONENTS = 10
_N_QUANTILES = 100  # scikit-learn's 1000 warns on every smaller table
_LOG_RANGE = 1000.0
_BLANK = r"^\s*$"

_TREATED = {
    "numeric": {ColumnKind.NUMERIC},
    "categorical": {ColumnKind.CATEGORICAL, ColumnKind.BOOLEAN},
    "datetime": {ColumnKind.DATETIME},
    "text": {ColumnKind.TEXT},
}

Step = tuple[str, Any]  # Any: scikit-learn carries no types


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """How numbers are scaled.

    Parameters
    ----------
    name : {"none", "standard", "quantile", "spline"}
        Left as they are; to mean 0 and deviation 1; to the quantiles of a normal distribution; or their ranks in a
        basis of cubic splines, so that a linear model of them is an additive one.
    n_knots : int
        Of the splines, evenly over the ranks: a column becomes ``n_knots + 2``.

    References
    ----------
    P. H. C. Eilers, B. D. Marx, Flexible smoothing with B-splines and penalties, Statistical Science 11 (1996),
    https://doi.org/10.1214/ss/1038425655
    """

    name: str
    n_knots: int = 7


def preparation(
    column_kinds: Mapping[str, ColumnKind],
    *,
    kind: TaskKind,
    encoding: str,
    scaling: Scaling,
    missing: Missing,
    seed: int,
) -> ColumnTransformer:
    """Return the unfitted transformer of a raw DataFrame into an ndarray of shape (n_rows, n_features).

    Columns are found by name; identifiers and others are ignored. Columns may come in other dtypes than in training
    (numbers and dates as strings, integers as floats, booleans as objects): what cannot be read is missing.

    Parameters
    ----------
    column_kinds : mapping of str to ColumnKind
        The columns and how each is treated.
    kind : TaskKind
        The kind of task, for the encoding by the target.
    encoding : {"one_hot", "ordinal", "target", "codes", "words"}
        How categories become numbers. For learners that split on categories by themselves they become codes
        0, 1, ... with NaN for unseen ones, or they stay words, in a DataFrame; to be missing is a category then.
    scaling : Scaling
        How numbers, codes and parts of dates are scaled; one-hot and text columns never are, and codes become no
        splines, but are standardised then.
    missing : {"fill", "keep", "keep_seen"}
        Whether missing numbers are filled with the median and flagged in columns of their own, or kept; and,
        if kept, whether columns are left out that have no value when the transformer is fitted.
    seed : int
        Seed of the steps that draw at random.

    Raises
    ------
    ConfigurationError
        If there are no columns, or identifiers alone.
    """
    if all(column_kind is ColumnKind.IDENTIFIER for column_kind in column_kinds.values()):
        found = f"{len(column_kinds)} identifiers" if column_kinds else "none"
        raise ConfigurationError(f"a pipeline needs at least one column to predict from, got {found}; name one")
    tail = _numeric_tail(scaling, missing, seed)
    makers: dict[str, Callable[[], list[Step]]] = {
        "numeric": lambda: _numeric_steps(tail, missing),
        "categorical": lambda: [*_word_steps(), *_encoding_steps(encoding, kind, scaling, seed)],
        "datetime": lambda: _datetime_steps(tail, missing),
        "text": lambda: _text_steps(seed),
    }
    is_native = encoding in ("codes", "words")
    transformers = []
    for name in sorted(makers, key=lambda name: is_native and name != "categorical"):  # see `category_positions`
        columns = [column for column, column_kind in column_kinds.items() if column_kind in _TREATED[name]]
        if columns:
            transformers.append((name, Pipeline(makers[name]()), columns))
    # NumPy inside whatever scikit-learn's global setting says: LightGBM refuses some column names.
    output = "pandas" if encoding == "words" else "default"
    return ColumnTransformer(transformers, sparse_threshold=0.0).set_output(transform=output)


def category_positions(column_kinds: Mapping[str, ColumnKind]) -> tuple[int, ...]:
    """Return where the categories stand in what `preparation` gives as codes or words: before all others."""
    return tuple(range(sum(kind in _TREATED["categorical"] for kind in column_kinds.values())))


def selection(kind: TaskKind, percentile: int, column_kinds: Mapping[str, ColumnKind]) -> Pipeline:
    """Return the unfitted choice of the ``percentile`` % of the columns with the highest F statistic.

    It is at least the share of one of the table's columns: of less, scikit-learn may keep none where two columns have
    the same statistic, as those of a category with two values do.

    Constant columns, of which the statistic is not defined, are left out first. There is no choice by variance
    alone: scaled columns all have the same, of others it depends on the unit.
    """
    score = f_classif if kind.is_classification else f_regression
    n_columns = sum(column_kind is not ColumnKind.IDENTIFIER for column_kind in column_kinds.values())
    percentile = max(percentile, math.ceil(100 / n_columns))
    return Pipeline([("vary", VarianceThreshold()), ("best", SelectPercentile(score, percentile=percentile))])


def target_transformer(name: str, *, is_scaled: bool, seed: int) -> Any:
    """Return the unfitted transformer of a regression target (n_rows, 1), which inverts itself; None for none.

    Parameters
    ----------
    name : {"none", "log", "quantile"}
        The logarithm is that of the distance to the smallest value, in thousandths of the range, plus one: it
        takes negative targets, knows no unit and spans three decades, and no prediction is beyond floats. (A
        power transformation would learn its exponent, but where that is negative a learner's extrapolation has
        no inverse.) Quantiles become those of a normal distribution; predictions then stay within the range seen.
    is_scaled : bool
        Whether the learner needs a standardised target in any case.
    seed : int
        Seed of the sample that quantiles are found on.
    """
    if name == "log":
        log = FunctionTransformer(np.log1p, inverse_func=np.expm1)
        unit = MinMaxScaler(feature_range=(0.0, _LOG_RANGE))
        return Pipeline([("unit", unit), ("log", log), ("scale", StandardScaler())])
    if name == "quantile":
        return _quantile_scaler(seed)
    return StandardScaler() if is_scaled else None


def _function(function: Callable[..., object], **arguments: object) -> FunctionTransformer:
    """Return a step that applies a function of pandas or NumPy to the table and keeps its columns."""
    return FunctionTransformer(function, kw_args=arguments or None, feature_names_out="one-to-one")


def _method(name: str, *arguments: object, **named: object) -> FunctionTransformer:
    """Return a step that calls a method of the DataFrame."""
    return _function(operator.methodcaller(name, *arguments, **named))


def _numeric_tail(scaling: Scaling, missing: Missing, seed: int) -> list[Step]:
    """Return the steps that fill and scale numbers; filling first, since scalers warn of empty columns."""
    imputer = SimpleImputer(strategy="median", keep_empty_features=True)
    return [*([("impute", imputer)] if missing == "fill" else []), *scaling_steps(scaling, seed)]


def scaling_steps(scaling: Scaling, seed: int) -> list[Step]:
    """Return the steps that scale numbers, if any."""
    if scaling.name == "standard":
        return [("scale", StandardScaler())]
    if scaling.name == "quantile":
        return [("scale", _quantile_scaler(seed))]
    if scaling.name == "spline":  # of ranks: knots at the quantiles themselves coincide in a column with ties
        return [("rank", _quantile_scaler(seed, "uniform")), ("spline", SplineTransformer(scaling.n_knots))]
    return []


def _quantile_scaler(seed: int, distribution: str = "normal") -> QuantileTransformer:
    """Return the transformer to a normal distribution, or to ranks from 0 to 1 (``uniform``)."""
    return QuantileTransformer(n_quantiles=_N_QUANTILES, output_distribution=distribution, random_state=seed)


def _numeric_steps(tail: list[Step], missing: Missing) -> list[Step]:
    """Return the steps for numbers; infinite values count as missing."""
    steps: list[Step] = [
        ("parse", _method("apply", pd.to_numeric, errors="coerce")),
        ("as_float", _method("to_numpy", dtype="float64", na_value=np.nan)),
        ("drop_infinite", _function(np.nan_to_num, nan=np.nan, posinf=np.nan, neginf=np.nan)),
    ]
    if missing == "keep":
        return steps + tail
    if missing == "keep_seen":
        drop_infinite = _method("replace", to_replace=[np.inf, -np.inf], value=np.nan)
        return [steps[0], ("drop_infinite", drop_infinite), _drop_empty(), steps[1], *tail]
    # Flags stay outside the scaling, which would blow up rare ones.
    flags = MissingIndicator(error_on_new=False)
    union = FeatureUnion([("values", Pipeline(tail)), ("missing", flags)], verbose_feature_names_out=False)
    return [*steps, ("fill", union)]


def _drop_empty() -> Step:
    """Return the step that leaves out the columns of a DataFrame that have no value."""
    from skrub import ApplyToCols, DropUninformative

    return ("drop_empty", ApplyToCols(DropUninformative()))


def _word_steps() -> list[Step]:
    """Return the steps that make categories and booleans text in one form.

    A category 1 reads "1" whether its column comes as integer, as float (because another row is missing) or
    as string, and mixed types can be sorted.
    """
    return [
        ("as_object", _method("astype", "object")),
        ("infer", _method("convert_dtypes")),
        ("as_text", _method("astype", "str")),
    ]


def _encoding_steps(encoding: str, kind: TaskKind, scaling: Scaling, seed: int) -> list[Step]:
    """Return the steps that make words numbers, or leave them words."""
    if encoding == "one_hot":
        encoder = OneHotEncoder(
            handle_unknown="infrequent_if_exist",
            max_categories=_MAX_ONE_HOT_CATEGORIES,
            sparse_output=False,
        )
        return [("encode", encoder)]
    if encoding in ("codes", "words"):
        name_missing = ("name_missing", _method("fillna", _MISSING_WORD))
        codes = ("encode", _ordinal_encoder(np.nan, max_categories=_MAX_CODES))
        return [name_missing, codes if encoding == "codes" else ("as_words", _method("astype", "object"))]
    encoder = _target_encoder(kind, seed) if encoding == "target" else _ordinal_encoder(_MISSING_CODE)
    of_codes = Scaling(name="standard") if scaling.name == "spline" else scaling
    return [("encode", encoder), *scaling_steps(of_codes, seed)]


def _ordinal_encoder(missing: float, max_categories: int | None = None) -> OrdinalEncoder:
    """Return the encoder to codes 0, 1, ... in the order of the words."""
    return OrdinalEncoder(
        handle_unknown="use_encoded_value",
        unknown_value=missing,
        encoded_missing_value=missing,
        max_categories=max_categories,
    )


def _target_encoder(kind: TaskKind, seed: int) -> TargetEncoder:
    """Return the encoder to shrunk means of the target, one a class where there are more than two.

    In training, rows are encoded by the targets of other folds. The folds are not stratified: scikit-learn's
    warn or refuse where a class has fewer members than there are folds.
    """
    target_type = "continuous" if kind is TaskKind.REGRESSION else str(kind)
    folds = KFold(_TARGET_FOLDS, shuffle=True, random_state=seed)
    return TargetEncoder(target_type=target_type, cv=folds)


def _datetime_steps(tail: list[Step], missing: Missing) -> list[Step]:
    """Return the steps for dates: year to hour, weekday, seconds since 1970.

    skrub finds one format a column and keeps it for prediction; a column without one is read date by date.
    """
    from skrub import ApplyToCols, DatetimeEncoder, ToDatetime

    return [
        ("parse", ApplyToCols(ToDatetime(), allow_reject=True)),
        ("parse_mixed", _method("apply", pd.to_datetime, errors="coerce", format="mixed")),
        ("encode", ApplyToCols(DatetimeEncoder(add_weekday=True))),
        *([_drop_empty()] if missing == "keep_seen" else []),
        *tail,
    ]


def _text_steps(seed: int) -> list[Step]:
    """Return the steps for text: components of its character n-grams; blanks are one word of their own."""
    from skrub import ApplyToCols, StringEncoder

    encoder = StringEncoder(n_components=_TEXT_COMPONENTS, random_state=seed)
    return [
        ("as_text", _method("astype", "str")),
        ("name_blank", _method("replace", to_replace=[_BLANK, np.nan], value=_MISSING_WORD, regex=True)),
        ("encode", ApplyToCols(encoder)),
    ]
