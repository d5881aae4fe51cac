import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import openml
import pytest
from lightgbm import LGBMClassifier
from openml.extensions.sklearn import SklearnExtension
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import VarianceThreshold
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler
from sklearn.svm import SVC

from autometa.errors import DataError, OptionError
from autometa.metric import METRICS
from autometa.pipelines.learners import learners_of
from autometa.pipelines.recognising import recognise_learner
from autometa.sources.openml.components import parse_flow_name, read_value
from autometa.sources.openml.flows import Setup, foreign_setup, own_flow, to_configuration
from autometa.sources.openml.measures import MEASURES, checked_measures, metric_of
from autometa.sources.openml.preparation import TableFacts
from autometa.sources.openml.qualities import to_metafeatures
from autometa.space import Configuration
from autometa.task_kind import TaskKind

SHARED = Path(__file__).parents[2].parent / "shared" / "openml"
PLAIN = TableFacts(kind=TaskKind.BINARY, n_missing=0, n_columns=8, n_categorical=0, min_deviation=0.5)
MIXED = TableFacts(kind=TaskKind.BINARY, n_missing=0, n_columns=8, n_categorical=3, max_levels=12, min_deviation=0.5)


def as_setup(model: Any) -> Setup:
    """What OpenML lists of a run of an estimator that its own library has written down."""
    flow = SklearnExtension().model_to_flow(model)
    return Setup(flow=f"{flow.name}(1)", settings=tuple(settings(flow)))


def settings(flow: openml.OpenMLFlow) -> Iterator[tuple[str, str, str]]:
    for name, value in flow.parameters.items():
        yield flow.name, name, value
    for step in flow.components.values():
        yield from settings(step)


def old_forest(**changed: str) -> Setup:
    """A run of 2017, with scikit-learn 0.18's module names and parameters."""
    imputer, encoder = "sklearn.preprocessing.imputation.Imputer", "sklearn.preprocessing.data.OneHotEncoder"
    forest = "sklearn.ensemble.forest.RandomForestClassifier"
    pipeline = f"sklearn.pipeline.Pipeline(imputer={imputer},encoder={encoder},estimator={forest})"
    steps = [
        {"oml:serialized_object": "component_reference", "value": {"key": name, "step_name": name}}
        for name in ("imputer", "encoder", "estimator")
    ]
    stated = {
        "bootstrap": "true", "class_weight": "null", "criterion": '"entropy"', "max_depth": "null",
        "max_features": '"auto"', "max_leaf_nodes": "null", "min_impurity_split": "1e-07", "min_samples_leaf": "3",
        "min_samples_split": "2", "min_weight_fraction_leaf": "0.0", "n_estimators": "120", "n_jobs": "1",
        "oob_score": "false", "random_state": "30561", "verbose": "0", "warm_start": "false",
    } | changed  # fmt: skip
    return Setup(
        flow=f"{pipeline}(1)",
        settings=(
            (pipeline, "steps", json.dumps(steps)),
            *((imputer, name, value) for name, value in {"axis": "0", "strategy": '"median"'}.items()),
            (encoder, "categorical_features", "[]"),
            (encoder, "handle_unknown", '"ignore"'),
            *((forest, name, value) for name, value in stated.items()),
        ),
    )


@pytest.mark.parametrize("kind", [TaskKind.BINARY, TaskKind.MULTICLASS, TaskKind.REGRESSION])
def test_what_a_learner_makes_is_known_again_as_openml_has_it(kind: TaskKind) -> None:
    facts = TableFacts(kind=kind, n_missing=0, n_columns=8, n_categorical=0)
    rng = np.random.default_rng(0)
    n_known = 0
    for learner in learners_of(kind):
        if learner.module != "sklearn" or learner.algorithm == "gaussian_process":
            continue
        for _ in range(4):
            drawn = learner.space(kind).sample(rng)
            hyperparameters = {p.name for p in learner.hyperparameters(kind)}
            own = {name: value for name, value in drawn.values.items() if name in hyperparameters}
            configuration = learner.space(kind).configuration(own)
            estimator = learner.make(dict(configuration.values), kind, 0, 1)
            core = estimator.estimators[0][1] if hasattr(estimator, "estimators") else estimator
            core = core.estimator if isinstance(core, CalibratedClassifierCV) else core  # as people have it at OpenML
            scaled = "standard" in learner.scalings
            model = make_pipeline(SimpleImputer(), *([StandardScaler()] if scaled else []), clone(core))
            found = to_configuration(as_setup(model), facts)
            if recognise_learner(core, kind) is None:  # inside of a calibration, or on a scaled target
                assert found.algorithm.startswith("openml:")
            else:
                assert found == configuration
                n_known += 1
    assert n_known >= {TaskKind.REGRESSION: 12}.get(kind, 36)


def test_lightgbm_is_known_again_in_words_of_before() -> None:
    place = "lightgbm.sklearn.LGBMClassifier"
    stated = {name: json.dumps(value) for name, value in LGBMClassifier(n_estimators=200).get_params().items()}
    setup = Setup(flow=f"{place}(1)", settings=tuple((place, name, value) for name, value in stated.items()))
    old = Setup(flow=setup.flow, settings=(*setup.settings, (place, "silent", "true")))
    expected = Configuration(algorithm="lightgbm", values={"n_estimators": 200})
    assert to_configuration(setup, PLAIN) == to_configuration(old, PLAIN) == expected


def test_a_forest_of_old_times_is_ours_under_todays_words() -> None:
    expected = '{"algorithm":"random_forest","values":{"criterion":"entropy","min_samples_leaf":3,"n_estimators":120}}'
    assert to_configuration(old_forest(), PLAIN).to_json() == expected


@pytest.mark.parametrize(
    "changed",
    [
        {"n_estimators": "10"},  # the default of old times, outside of our range
        {"min_impurity_split": "0.01"},  # gone, with an effect
        {"max_depth": "7"},  # not in our space
        {"min_samples_split": "4"},
        {"max_features": '"log2"'},
        {"n_estimators": "null"},
        {"invented": "1"},
    ],
)
def test_one_parameter_that_ours_has_not_keeps_a_flow_foreign(changed: dict[str, str]) -> None:
    found = to_configuration(old_forest(**changed), PLAIN)
    assert found.algorithm.startswith("openml:sklearn.pipeline.Pipeline(imputer=")
    assert found.values["RandomForestClassifier__min_samples_leaf"] == 3


def test_a_parameter_that_is_not_stated_is_not_taken_for_todays_default() -> None:
    whole = old_forest()
    less = Setup(flow=whole.flow, settings=tuple(each for each in whole.settings if each[1] != "n_estimators"))
    assert to_configuration(less, PLAIN).algorithm.startswith("openml:")


def test_what_replaces_a_step_keeps_a_flow_foreign() -> None:
    whole = old_forest()
    pipeline = whole.settings[0][0]
    replaced = Setup(flow=whole.flow, settings=((pipeline, "steps", '[["imputer", null]]'), *whole.settings[1:]))
    assert to_configuration(replaced, PLAIN).algorithm.startswith("openml:")


@pytest.mark.parametrize(
    ("before", "facts", "expected"),
    [
        ([SimpleImputer()], PLAIN, {}),
        ([SimpleImputer()], TableFacts(kind=TaskKind.BINARY, n_columns=8, n_categorical=0), None),  # gaps not counted
        ([SimpleImputer(strategy="constant")], PLAIN, None),
        ([VarianceThreshold()], PLAIN, {}),
        ([VarianceThreshold(0.1)], PLAIN, None),
        ([OneHotEncoder()], PLAIN, None),  # of numbers
        ([OneHotEncoder()], TableFacts(kind=TaskKind.BINARY, n_missing=0, n_columns=3, n_categorical=3, max_levels=30),
         {"encoding": "one_hot"}),
        ([OneHotEncoder()], TableFacts(kind=TaskKind.BINARY, n_missing=0, n_columns=3, n_categorical=3, max_levels=31),
         None),
        ([OneHotEncoder(drop="first")], TableFacts(kind=TaskKind.BINARY, n_missing=0, n_columns=3, n_categorical=3,
                                                   max_levels=3), None),
        ([], MIXED, None),  # codes in the order of the file
        ([], TableFacts(kind=TaskKind.BINARY, n_missing=0, n_columns=8, n_categorical=3, max_levels=2), {}),
        ([StandardScaler()], PLAIN, None),  # our forests are not scaled
    ],
)  # fmt: skip
def test_preparation_counts_by_what_it_does_on_the_data_set(
    before: list[Any], facts: TableFacts, expected: dict[str, str] | None
) -> None:
    found = to_configuration(as_setup(make_pipeline(*before, RandomForestClassifier())), facts)
    if expected is None:
        assert found.algorithm.startswith("openml:")
    else:
        assert found == Configuration(algorithm="random_forest", values=expected)


@pytest.mark.parametrize(
    ("model", "facts", "expected"),
    [
        (make_pipeline(StandardScaler(), LogisticRegression()), PLAIN, {}),
        (LogisticRegression(), PLAIN, {"scaling": "none"}),
        (make_pipeline(StandardScaler(with_mean=False), LogisticRegression()), PLAIN, None),
        (make_pipeline(MinMaxScaler(), LogisticRegression()), PLAIN, None),
        (make_pipeline(OneHotEncoder(), StandardScaler(with_mean=False), LogisticRegression()), MIXED, None),
        (Pipeline([("a", "passthrough"), ("b", LogisticRegression())]), PLAIN, None),
    ],
)
def test_scaling_counts_for_learners_that_are_scaled(
    model: Any, facts: TableFacts, expected: dict[str, str] | None
) -> None:
    found = to_configuration(as_setup(model), facts)
    if expected is None:
        assert found.algorithm.startswith("openml:")
    else:
        assert found == Configuration(algorithm="logistic_regression", values=expected)


def logistic(**stated: str) -> Setup:
    old = "sklearn.linear_model.logistic.LogisticRegression"
    usual = {
        "C": "0.5", "class_weight": "null", "dual": "false", "fit_intercept": "true", "intercept_scaling": "1",
        "max_iter": "100", "multi_class": '"ovr"', "n_jobs": "1", "penalty": '"l2"', "random_state": "1",
        "solver": '"lbfgs"', "tol": "0.0001", "verbose": "0", "warm_start": "false",
    } | stated  # fmt: skip
    return Setup(flow=f"{old}(7)", settings=tuple((old, name, value) for name, value in usual.items()))


def test_one_against_the_rest_is_the_same_for_two_classes_alone() -> None:
    three = TableFacts(kind=TaskKind.MULTICLASS, n_missing=0, n_columns=8, n_categorical=0)
    assert (
        to_configuration(logistic(), PLAIN).to_json().startswith('{"algorithm":"logistic_regression","values":{"C":0.5')
    )
    assert to_configuration(logistic(), three).algorithm == "openml:sklearn.linear_model.logistic.LogisticRegression(7)"
    assert to_configuration(logistic(multi_class='"auto"'), three).algorithm == "logistic_regression"
    assert to_configuration(logistic(solver='"liblinear"'), PLAIN).algorithm.startswith("openml:")
    assert to_configuration(logistic(penalty='"none"'), PLAIN).algorithm.startswith("openml:")


def test_a_name_is_never_imported() -> None:
    setup = Setup(flow="os.system(1)", settings=(("os.system", "command", '"true"'),))
    assert to_configuration(setup, PLAIN) == Configuration(algorithm="openml:os.system(1)", values={"command": "true"})
    evil = "evil.ensemble.forest.RandomForestClassifier"
    assert to_configuration(Setup(flow=f"{evil}(1)"), PLAIN).algorithm == f"openml:{evil}(1)"


@pytest.mark.parametrize("name", ["a(b", "a(b))", "a" + "(a" * 40 + ")" * 40])
def test_a_name_that_cannot_be_taken_apart_is_kept_whole(name: str) -> None:
    with pytest.raises(DataError):
        parse_flow_name(name)
    assert to_configuration(Setup(flow=name), PLAIN).algorithm.startswith("openml:a(")


def test_a_foreign_setup_keeps_all_that_decides_what_comes_out() -> None:
    setup = as_setup(make_pipeline(StandardScaler(), SVC(C=3, class_weight={"a": 2.0})))
    found = foreign_setup(setup)
    assert found.values["SVC__C"] == 3
    assert found.values["StandardScaler__with_mean"] is True
    assert found.values["SVC__class_weight"] == '{"a": 2.0}'
    assert not any(name.endswith(("verbose", "__copy")) for name in found.values)


def test_two_components_of_one_class_do_not_hide_each_other() -> None:
    first, second = "a.Scaler", "b.Scaler"
    setup = Setup(flow=f"p.Pipe(x={first},y={second})(1)", settings=((first, "k", "1"), (second, "k", "2")))
    assert foreign_setup(setup).values == {"a.Scaler__k": 1, "b.Scaler__k": 2}


def test_names_and_values_of_any_length_can_be_stored() -> None:
    setup = Setup(flow="x" * 3000 + "(1)", settings=(("x" * 3000, "p" * 900, '"' + "v" * 5000 + '"'),))
    found, other = foreign_setup(setup), foreign_setup(Setup(flow="x" * 3001 + "(1)"))
    assert len(found.algorithm) == 200
    assert found.algorithm != other.algorithm
    assert all(len(name) <= 200 and len(str(value)) <= 200 for name, value in found.values.items())


def test_our_own_flows_come_back_as_they_went() -> None:
    configuration = Configuration(algorithm="random_forest", values={"n_estimators": 300, "encoding": "one_hot"})
    flow = own_flow("random_forest", TaskKind.BINARY)
    stated = {"n_estimators": "300", "encoding": '"one_hot"', "criterion": '"gini"', "max_samples": "null"}
    setup = Setup(flow=f"{flow}(2)", settings=tuple((flow, name, value) for name, value in stated.items()))
    assert to_configuration(setup, MIXED) == configuration
    of_another_kind = TableFacts(kind=TaskKind.REGRESSION)
    assert to_configuration(setup, of_another_kind).algorithm == f"openml:{flow}(2)"


def test_a_real_setup_of_weka_is_kept_as_it_is() -> None:
    path = SHARED / "api" / "v1" / "xml" / "setup" / "1" / "body.xml"
    if not path.is_file():
        pytest.skip("../shared/openml is not here")
    oml = "{http://openml.org/openml}"
    names = ("flow_name", "parameter_name", "value")
    parameters = ElementTree.parse(path).getroot().findall(f"{oml}parameter")
    flow, name, value = zip(*[[each.findtext(oml + part, "") for part in names] for each in parameters], strict=True)
    settings = tuple(zip(flow, name, value, strict=True))
    found = to_configuration(Setup(flow="weka.J48(1)", settings=settings), PLAIN)
    assert found == Configuration(algorithm="openml:weka.J48(1)", values={"C": 0.9, "M": 2})


def test_values_that_are_no_json_are_texts() -> None:
    assert [read_value(text) for text in ("1", "1.5", "true", "null", "weka.K2", "NaNny")] == [
        1, 1.5, True, None, "weka.K2", "NaNny",
    ]  # fmt: skip


def test_every_measure_is_a_metric_of_the_kinds_that_it_is_for() -> None:
    for measure, (metric, kinds) in MEASURES.items():
        assert kinds <= METRICS[metric].kinds, measure
    assert metric_of("root_mean_squared_error", TaskKind.BINARY) is None  # there, of probabilities
    assert checked_measures(["roc_auc", "predictive_accuracy", "accuracy"]) == (
        "area_under_roc_curve",
        "predictive_accuracy",
    )


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["f_measure"], "weighs each class"),
        (["log_loss"], "computes none"),
        (["scimark"], "choose from"),
        ([], "no measure"),
    ],
)
def test_other_measures_are_refused_with_the_reason(names: list[str], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        checked_measures(names)


def test_qualities_that_are_ours_have_our_names_and_units() -> None:
    qualities = {
        "NumberOfInstances": 150.0, "NumberOfClasses": 3.0, "MajorityClassPercentage": 60.0,
        "MinorityClassPercentage": 10.0, "ClassEntropy": 1.295, "NumberOfFeatures": 5.0,
        "MeanSkewnessOfNumericAtts": np.nan,
    }  # fmt: skip
    assert to_metafeatures(qualities, TaskKind.MULTICLASS) == pytest.approx(
        {
            "nr_inst": 150, "nr_class": 3, "majority_share": 0.6, "minority_share": 0.1, "class_ent": 1.295,
            "openml:NumberOfFeatures": 5, "openml:MeanSkewnessOfNumericAtts": np.nan,
        },
        nan_ok=True,
    )  # fmt: skip
    assert "nr_class" not in to_metafeatures(qualities, TaskKind.REGRESSION)
    assert np.isnan(to_metafeatures({"ClassEntropy": -1.0}, TaskKind.BINARY)["class_ent"])
