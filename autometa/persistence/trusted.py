"""The types that a model file may hold, beside those that skops trusts by itself: what pipelines are made of.

skops sets the attributes of an object of these types; it never calls what a file names, other than them. Of compiled
parts (trees, boosters) it can check the type alone: their bytes go to the library as they are.
"""

_SKLEARN = (
    "calibration._CalibratedClassifier",
    "calibration._SigmoidCalibration",
    "ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "feature_selection._univariate_selection.f_classif",
    "feature_selection._univariate_selection.f_regression",
    "gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
    "gaussian_process.kernels.ConstantKernel",
    "gaussian_process.kernels.Matern",
    "gaussian_process.kernels.Product",
    "gaussian_process.kernels.RBF",
    "gaussian_process.kernels.Sum",
    "gaussian_process.kernels.WhiteKernel",
    "model_selection._split.KFold",
    "model_selection._split.RepeatedStratifiedKFold",
    "model_selection._split.StratifiedKFold",
    "neural_network._stochastic_optimizers.AdamOptimizer",
    "tree._tree.Tree",
    "utils._bunch.Bunch",
    "utils.validation.check_array",
)
_SKRUB = (
    "_apply_to_cols.ApplyToCols",
    "_apply_to_each_col.ApplyToEachCol",
    "_datetime_encoder.DatetimeEncoder",
    "_drop_uninformative.DropUninformative",
    "_string_encoder.StringEncoder",
    "_to_datetime.ToDatetime",
    "_to_str.ToStr",
    "selectors._base.All",
)

TRUSTED = (
    "autometa.ensembling.estimators.EnsembleClassifier",
    "autometa.ensembling.estimators.EnsembleRegressor",
    "autometa.persistence.calls.Call",
    "catboost.core.CatBoostClassifier",
    "catboost.core.CatBoostRegressor",
    "collections.OrderedDict",
    "datetime.timedelta",
    "datetime.timezone",
    "functools.partial",  # of a function that is itself in these lists
    "lightgbm.basic.Booster",
    "lightgbm.sklearn.LGBMClassifier",
    "lightgbm.sklearn.LGBMRegressor",
    "numpy.dtype",
    "numpy.nan_to_num",
    "pandas.DatetimeTZDtype",
    "scipy._lib.array_api_compat.numpy._aliases.asarray",  # which a spline keeps
    "scipy.interpolate._bsplines.BSpline",
    *(f"sklearn.{name}" for name in _SKLEARN),
    *(f"skrub.{name}" for name in _SKRUB),
    "xgboost.core.Booster",
    "xgboost.sklearn.XGBClassifier",
    "xgboost.sklearn.XGBRegressor",
    "zoneinfo.ZoneInfo",
)
"""Names of classes and functions."""
