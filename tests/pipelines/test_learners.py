import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import VotingClassifier
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, Matern, WhiteKernel

from autometa.errors import ConfigurationError
from autometa.pipelines.building import build
from autometa.pipelines.learners import LEARNERS, learners_of, space_of
from autometa.space import Configuration, Value
from autometa.task import ColumnKind
from autometa.task_kind import TaskKind
from tests.pipelines.quick import PAIRS

STOCK = {
    "lightgbm": ("lightgbm", "LGBMClassifier", "LGBMRegressor"),
    "catboost": ("catboost", "CatBoostClassifier", "CatBoostRegressor"),
    "xgboost": ("xgboost", "XGBClassifier", "XGBRegressor"),
    "hist_gradient_boosting": (
        "sklearn.ensemble",
        "HistGradientBoostingClassifier",
        "HistGradientBoostingRegressor",
    ),
    "random_forest": ("sklearn.ensemble", "RandomForestClassifier", "RandomForestRegressor"),
    "extra_trees": ("sklearn.ensemble", "ExtraTreesClassifier", "ExtraTreesRegressor"),
    "decision_tree": ("sklearn.tree", "DecisionTreeClassifier", "DecisionTreeRegressor"),
    "logistic_regression": ("sklearn.linear_model", "LogisticRegression", ""),
    "ridge": ("sklearn.linear_model", "", "Ridge"),
    "elastic_net": ("sklearn.linear_model", "LogisticRegression", "ElasticNet"),
    "linear_svm": ("sklearn.svm", "LinearSVC", "LinearSVR"),
    "svm_rbf": ("sklearn.svm", "SVC", "SVR"),
    "mlp": ("sklearn.neural_network", "MLPClassifier", "MLPRegressor"),
    "gaussian_process": ("sklearn.gaussian_process", "GaussianProcessClassifier", "GaussianProcessRegressor"),
    "k_nearest_neighbors": ("sklearn.neighbors", "KNeighborsClassifier", "KNeighborsRegressor"),
    "naive_bayes": ("sklearn.naive_bayes", "GaussianNB", ""),
    "lda": ("sklearn.discriminant_analysis", "LinearDiscriminantAnalysis", ""),
    "qda": ("sklearn.discriminant_analysis", "QuadraticDiscriminantAnalysis", ""),
}
NOT_HYPERPARAMETERS = {
    *("random_state", "n_jobs", "thread_count"),
    *("verbosity", "verbose", "allow_writing_files"),
    *("deterministic", "force_row_wise"),
}
# Where the algorithm is not what the library's class does by itself.
MADE_SO = {
    ("elastic_net", True): {"solver", "l1_ratio"},
    ("elastic_net", False): {"alpha"},
    ("qda", True): {"solver", "shrinkage"},
}


def innermost(pipeline: Any) -> Any:
    """Return the algorithm itself, without what is around it."""
    learner = pipeline["learner"]
    if isinstance(learner, VotingClassifier):
        return learner.estimators[0][1]
    if isinstance(learner, CalibratedClassifierCV):
        return learner.estimator
    return learner.regressor if isinstance(learner, TransformedTargetRegressor) else learner


def test_the_table_calls_every_learner_by_its_own_name() -> None:
    assert [learner.algorithm for learner in LEARNERS.values()] == list(LEARNERS)


def test_learners_do_the_kinds_of_task_that_exist_for_them() -> None:
    of_two = {learner.algorithm for learner in learners_of(TaskKind.BINARY, installed_only=False)}
    of_classes = {learner.algorithm for learner in learners_of(TaskKind.MULTICLASS, installed_only=False)}
    of_numbers = {learner.algorithm for learner in learners_of(TaskKind.REGRESSION, installed_only=False)}
    assert of_two == of_classes
    assert of_classes - of_numbers == {"logistic_regression", "naive_bayes", "lda", "qda"}
    assert of_numbers - of_classes == {"ridge"}
    assert len(of_classes & of_numbers) == 13


def test_learners_whose_library_is_missing_are_left_out_unless_asked_for(
    without_library: Callable[[str], None],
) -> None:
    without_library("catboost")
    installed = {learner.algorithm for learner in learners_of(TaskKind.BINARY)}
    every = {learner.algorithm for learner in learners_of(TaskKind.BINARY, installed_only=False)}
    assert "catboost" not in installed
    assert "catboost" in every


def test_gaussian_processes_are_for_small_tables() -> None:
    small, large = (
        {learner.algorithm for learner in learners_of(TaskKind.REGRESSION, n_rows=n_rows)} for n_rows in (1000, 1001)
    )
    assert small - large == {"gaussian_process"}
    assert small == {learner.algorithm for learner in learners_of(TaskKind.REGRESSION)}


@pytest.mark.parametrize("kind", TaskKind)
@pytest.mark.parametrize("algorithm", LEARNERS)
def test_what_is_drawn_from_a_space_lies_in_it(algorithm: str, kind: TaskKind) -> None:
    if kind not in LEARNERS[algorithm].kinds:
        with pytest.raises(ConfigurationError, match=f"'{algorithm}' does not do a {kind} task"):
            space_of(algorithm, kind)
        return
    space = space_of(algorithm, kind)
    rng = np.random.default_rng(0)
    for _ in range(50):
        space.check(space.sample(rng))


def test_subsampling_in_lightgbm_needs_a_frequency() -> None:
    space = space_of("lightgbm", TaskKind.BINARY)
    space.check(Configuration(algorithm="lightgbm", values={"subsample": 0.7, "subsample_freq": 1}))
    with pytest.raises(ConfigurationError, match="'subsample' has no effect"):
        space.check(Configuration(algorithm="lightgbm", values={"subsample": 0.7}))


@pytest.mark.parametrize("kind", TaskKind)
def test_trees_choose_no_scaling_and_no_columns_and_all_others_do(kind: TaskKind) -> None:
    offered = {
        learner.algorithm: {parameter.name for parameter in learner.space(kind).parameters}
        for learner in learners_of(kind, installed_only=False)
    }
    assert all("encoding" in names for names in offered.values())
    trees = {"lightgbm", "catboost", "xgboost", "hist_gradient_boosting"}
    trees |= {"random_forest", "extra_trees", "decision_tree"}
    assert {name for name, names in offered.items() if "scaling" not in names} == trees
    assert {name for name, names in offered.items() if "select" not in names} == trees


@pytest.mark.parametrize("kind", TaskKind)
def test_the_target_is_transformed_in_regression_alone(kind: TaskKind) -> None:
    offering = {
        learner.algorithm
        for learner in learners_of(kind, installed_only=False)
        if "target_transform" in {parameter.name for parameter in learner.space(kind).parameters}
    }
    every = {learner.algorithm for learner in learners_of(kind, installed_only=False)}
    assert offering == (every if kind is TaskKind.REGRESSION else set())


def test_an_unknown_algorithm_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match=r"no algorithm 'perceptron'; .* lightgbm, catboost"):
        space_of("perceptron", TaskKind.BINARY)


@pytest.mark.parametrize(("algorithm", "kind"), PAIRS)
def test_the_default_configuration_is_the_stock_estimator(algorithm: str, kind: TaskKind) -> None:
    pipeline = build(Configuration(algorithm=algorithm), kind=kind, column_kinds={"a": ColumnKind.NUMERIC}, seed=7)
    module, *names = STOCK[algorithm]
    stock = getattr(importlib.import_module(module), names[0 if kind.is_classification else 1])
    estimator = innermost(pipeline)
    assert type(estimator) is stock
    own, library = estimator.get_params(), stock().get_params()
    differing = {name for name, value in own.items() if name not in library or repr(value) != repr(library[name])}
    assert differing <= NOT_HYPERPARAMETERS | MADE_SO.get((algorithm, kind.is_classification), set())


@pytest.mark.parametrize(
    ("algorithm", "values", "parameters"),
    [
        (
            "lightgbm",
            {"extra_trees": True, "num_leaves": 7.0},
            {"extra_trees": True, "num_leaves": 7},
        ),
        (
            "random_forest",
            {"max_features": 0.5, "max_samples": 0.6},
            {"max_features": 0.5, "max_samples": 0.6},
        ),
        ("svm_rbf", {"C": 3, "gamma": 0.5}, {"C": 3.0, "gamma": 0.5}),
        ("mlp", {"n_hidden_layers": 2}, {"hidden_layer_sizes": (100, 100)}),
        ("mlp", {"hidden_layer_size": 32}, {"hidden_layer_sizes": (32,)}),
        ("k_nearest_neighbors", {"scaling": "none", "p": 1}, {"p": 1, "weights": "uniform"}),
        ("elastic_net", {"C": 2.0}, {"C": 2.0, "l1_ratio": 0.5}),
        ("elastic_net", {"l1_ratio": 0.9}, {"C": 1.0, "l1_ratio": 0.9}),
        ("lda", {}, {"solver": "svd", "shrinkage": None}),
        ("lda", {"solver": "lsqr"}, {"solver": "lsqr", "shrinkage": "auto"}),
        ("lda", {"solver": "lsqr", "shrinkage": 0.1}, {"solver": "lsqr", "shrinkage": 0.1}),
        ("qda", {"shrinkage": 0.1}, {"solver": "eigen", "shrinkage": 0.1}),
        ("gaussian_process", {"length_scale": 3.0}, {"kernel": ConstantKernel(1.0, "fixed") * RBF(3.0, "fixed")}),
        (
            "gaussian_process",
            {"kernel": "matern", "learns_kernel": True},
            {"kernel": ConstantKernel(1.0) * Matern(1.0, (1e-2, 1e3))},
        ),
    ],
)
def test_values_reach_the_estimator(algorithm: str, values: dict[str, Value], parameters: dict[str, object]) -> None:
    configuration = Configuration(algorithm=algorithm, values=values)
    pipeline = build(configuration, kind=TaskKind.BINARY, column_kinds={"a": ColumnKind.NUMERIC})
    found = innermost(pipeline).get_params()
    assert {name: found[name] for name in parameters} == parameters


def test_a_gaussian_process_of_numbers_learns_their_noise() -> None:
    configuration = Configuration(algorithm="gaussian_process", values={"learns_kernel": True})
    pipeline = build(configuration, kind=TaskKind.REGRESSION, column_kinds={"a": ColumnKind.NUMERIC})
    assert isinstance(innermost(pipeline).kernel.k2, WhiteKernel)
