"""Warm starts of real Optuna studies, from shipped runs, in the users' own parameters."""

import json
import math
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import Trial, TrialState

import autometa
from autometa.errors import OptionError
from autometa.refinement.translating import Naming
from autometa.refinement.warm_starting import WarmStart, warm_start
from autometa.task import Task

BOOSTER: dict[str, Naming] = {"lr": "learning_rate", "leaves": "num_leaves", "n_trees": "n_estimators"}


@pytest.fixture(autouse=True)
def _quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)


@pytest.fixture(scope="module")
def table(examples: Path) -> Task:
    return autometa.read_task(examples / "breast_cancer.csv", target="diagnosis")


@pytest.fixture
def study() -> optuna.Study:
    return optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=0))


def started(study: optuna.Study, table: Task, base: Path, space: dict[str, Naming], **options: Any) -> WarmStart:
    """Return a warm start, of LightGBM if nothing else is said."""
    return warm_start(study, table, knowledge=base, space=space, **{"algorithm": "lightgbm", **options})


def test_advice_comes_first_under_the_users_names(study: optuna.Study, examples: Path, one_shard_base: Path) -> None:
    path = examples / "breast_cancer.csv"
    start = autometa.warm_start(
        study, path, target="diagnosis", space=BOOSTER, algorithm="lightgbm", n=3, knowledge=one_shard_base
    )
    advice = autometa.recommend(path, target="diagnosis", k=3, algorithms=["lightgbm"], knowledge=one_shard_base)
    assert [each.configuration for each in start] == [each.configuration for each in advice]
    assert [each.rank for each in start] == [1, 2, 3]

    def objective(trial: Trial) -> float:
        trial.suggest_float("lr", 1e-4, 1.0, log=True)
        trial.suggest_int("leaves", 2, 512)
        trial.suggest_int("n_trees", 10, 2000)
        return trial.suggest_float("theirs", 0.0, 1.0)

    study.optimize(objective, n_trials=4)
    defaults = {"lr": 0.1, "leaves": 31, "n_trees": 100}
    ours = {"lr": "learning_rate", "leaves": "num_leaves", "n_trees": "n_estimators"}
    for trial, each in zip(study.trials, advice, strict=False):
        told = {own: each.configuration.values.get(name, defaults[own]) for own, name in ours.items()}
        assert {name: value for name, value in trial.params.items() if name != "theirs"} == told
    assert "autometa" not in study.trials[3].user_attrs, "the fourth is the sampler's own"


def test_a_trial_says_why_it_was_advised(study: optuna.Study, table: Task, one_shard_base: Path) -> None:
    start = started(study, table, one_shard_base, BOOSTER, n=2)
    told = study.trials[0].user_attrs
    assert study.trials[0].state is TrialState.WAITING
    assert told["autometa"] == "advised"
    assert (told["autometa_rank"], told["autometa_metric"]) == (1, "roc_auc")
    assert told["autometa_predicted_score"] == start[0].predicted_score
    assert 0.9 < start[0].predicted_score < 1.0
    assert told["autometa_evidence"] == list(start[0].evidence)
    assert len(start[0].evidence) == 3
    assert json.loads(told["autometa_configuration"])["algorithm"] == "lightgbm"


def test_values_are_clipped_into_ranges_and_counted(study: optuna.Study, table: Task, one_shard_base: Path) -> None:
    narrow: dict[str, Naming] = {
        "lr": ("learning_rate", 0.06, 0.08),
        "leaves": ("num_leaves", IntDistribution(2, 17, step=5)),
        "n_trees": ("n_estimators", 10, 5000),
    }
    start = started(study, table, one_shard_base, narrow)
    clipped = 0
    for each in start:
        values = each.configuration.values
        assert each.params.get("n_trees", 100) == values.get("n_estimators", 100)
        if "learning_rate" in values:
            assert each.params["lr"] == min(max(values["learning_rate"], 0.06), 0.08)  # type: ignore[type-var]
        else:
            assert "lr" not in each.params, "a default is not bent: the sampler draws"
        if "num_leaves" in values:
            assert each.params["leaves"] in (2, 7, 12, 17)
            assert isinstance(each.params["leaves"], int)
            assert ("leaves" in each.clipped) == (not 2 <= values["num_leaves"] <= 17)  # type: ignore[operator]
        clipped += len(each.clipped)
    assert clipped > 3
    assert start.notes[0].startswith(f"{clipped} values were clipped into the study's ranges: ")
    assert study.trials[0].user_attrs["autometa_clipped"] == list(start[0].clipped)


def test_a_choice_of_algorithm_brings_its_own_parameters(
    study: optuna.Study, table: Task, one_shard_base: Path
) -> None:
    space: dict[str, Naming] = {
        "model": ("algorithm", {"lgbm": "lightgbm", "rf": "random_forest"}),
        "lgbm_lr": ("lightgbm.learning_rate", math.log10, FloatDistribution(-4.0, 0.0)),
        "rf_leaf": "random_forest.min_samples_leaf",
        "trees": ["lightgbm.n_estimators", ("random_forest.n_estimators", 10, 150)],
        "lgbm_extra": ("lightgbm.extra_trees", {"yes": True, "no": False}),
    }
    start = started(study, table, one_shard_base, space, n=8, algorithm=None)
    assert {each.params["model"] for each in start} == {"lgbm", "rf"}
    for each in start:
        values = each.configuration.values
        if each.params["model"] == "lgbm":
            assert each.configuration.algorithm == "lightgbm"
            assert each.params["lgbm_lr"] == pytest.approx(math.log10(values.get("learning_rate", 0.1)))  # type: ignore[arg-type]
            assert each.params["lgbm_extra"] == ("yes" if values.get("extra_trees", False) else "no")
            assert each.params["trees"] == values.get("n_estimators", 100)
            assert "rf_leaf" not in each.params
        else:
            assert each.params["rf_leaf"] == values.get("min_samples_leaf", 1)
            assert each.params["trees"] <= 150
            assert not {"lgbm_lr", "lgbm_extra"} & each.params.keys()

    def objective(trial: Trial) -> float:
        trees = trial.suggest_int("trees", 10, 2000)
        if trial.suggest_categorical("model", ["lgbm", "rf", "mlp"]) == "lgbm":
            trial.suggest_categorical("lgbm_extra", ["yes", "no"])
            return trial.suggest_float("lgbm_lr", -4.0, 0.0)
        return trial.suggest_int("rf_leaf", 1, 50) - trees / 1e4

    study.optimize(objective, n_trials=12)
    for trial, each in zip(study.trials, start, strict=False):
        assert trial.params == each.params


def test_what_the_user_has_no_choice_for_is_left_to_the_sampler(
    study: optuna.Study, table: Task, one_shard_base: Path
) -> None:
    space: dict[str, Naming] = {
        "lr": "learning_rate",
        "leaves": ("num_leaves", [31, 127]),
        "weights": ("class_weight", CategoricalDistribution([None])),
        "fixed": ("min_child_samples", IntDistribution(20, 20)),
    }
    start = started(study, table, one_shard_base, space)
    for each in start:
        values = each.configuration.values
        assert each.params.get("leaves") == {31: 31, 127: 127}.get(values.get("num_leaves", 31))  # type: ignore[arg-type]
        assert ("weights" in each.params) == (values.get("class_weight") is None)
        assert "fixed" not in each.params
    assert any("leaves" not in each.params for each in start)
    assert any("leaves" in each.params for each in start)

    def objective(trial: Trial) -> float:
        trial.suggest_float("lr", 1e-4, 1.0)
        trial.suggest_categorical("weights", [None])
        return float(trial.suggest_categorical("leaves", [31, 127]))

    study.optimize(objective, n_trials=len(start))
    assert all(trial.state is TrialState.COMPLETE for trial in study.trials)


def test_defaults_that_stand_for_something_else_are_not_enqueued(
    study: optuna.Study, table: Task, one_shard_base: Path
) -> None:
    space: dict[str, Naming] = {
        "share": "max_features",
        "log_alpha": ("ccp_alpha", math.log10),
        "leaf": "min_samples_leaf",
    }
    start = started(study, table, one_shard_base, space, algorithm="decision_tree", n=30)
    assert any("max_features" not in each.configuration.values for each in start), "None: all of them"
    for each in start:
        assert ("share" in each.params) == ("max_features" in each.configuration.values)
        assert ("log_alpha" in each.params) == ("ccp_alpha" in each.configuration.values), "0 has no logarithm"


def test_a_function_that_fails_on_advice_is_told(study: optuna.Study, table: Task, one_shard_base: Path) -> None:
    def fails(rate: float) -> float:
        return math.log10(rate - 1.0)

    with pytest.raises(OptionError, match=r"'lr': its function fails on learning_rate = 0\.\d+ \(.*\); map it"):
        started(study, table, one_shard_base, {"lr": ("learning_rate", fails)})
    assert not study.trials


def test_what_is_the_same_to_the_user_is_enqueued_once(study: optuna.Study, table: Task, one_shard_base: Path) -> None:
    start = started(study, table, one_shard_base, {"deep": ("num_leaves", 2, 5)}, n=4)
    told = [tuple(each.params.items()) for each in start]
    assert told == [(("deep", 5),), (("deep", 4),)][: len(told)]
    assert len(study.trials) == len(told)


def test_a_study_with_trials_tells_its_ranges_and_gets_nothing_twice(
    study: optuna.Study, table: Task, one_shard_base: Path
) -> None:
    def objective(trial: Trial) -> float:
        trial.suggest_categorical("extra", [True, "no"])
        return trial.suggest_float("lr", 0.06, 0.08) + trial.suggest_int("leaves", 2, 16)

    study.optimize(objective, n_trials=2)
    space: dict[str, Naming] = {"lr": "learning_rate", "leaves": "num_leaves", "extra": "extra_trees"}
    start = started(study, table, one_shard_base, space, n=4)
    assert len(start) > 1
    assert all(0.06 <= each.params.get("lr", 0.06) <= 0.08 for each in start)
    assert all(each.params.get("leaves", 2) <= 16 for each in start)
    assert {each.params.get("extra") for each in start} <= {True, None}
    assert any("lr" in each.clipped for each in start)
    study.optimize(objective, n_trials=len(start))
    assert len(study.trials) == 2 + len(start)
    again = started(study, table, one_shard_base, space, n=4)
    assert len(again) == 0
    assert again.notes == (f"{len(start)} of {len(start)} are in the study already, and not enqueued again",)
    assert len(study.trials) == 2 + len(start)


def test_what_cannot_be_meant_is_refused(study: optuna.Study, table: Task, one_shard_base: Path) -> None:
    def refused(space: Any, match: str, **options: Any) -> None:  # Any: what users write
        with pytest.raises(OptionError, match=match):
            started(study, table, one_shard_base, space, **options)

    refused({}, "space is empty; write the names of your parameters and ours")
    refused({"lr": "rate"}, r"'lr': lightgbm has no parameter 'rate'; known: n_estimators, learning_rate, ")
    refused({"lr": "lightgbm.rate"}, "'lr': lightgbm has no parameter 'rate'; known: ")
    refused({"lr": "mine.rate"}, "unknown algorithm 'mine'; choose from: catboost, ")
    refused({"lr": "learning_rate"}, "unknown algorithm 'mine'; choose from: catboost, ", algorithm="mine")
    refused({"a": "ridge.alpha"}, "ridge cannot do a binary task", algorithm=None)
    refused({"lr": ("learning_rate", 0.1)}, r"'lr': 0.1 says nothing about learning_rate; after it stand low and high")
    refused({"lr": ("learning_rate", 2, 1)}, "the range of 'lr' is empty: 2 to 1")
    refused({"lr": 3}, "'lr' is mapped to 3; write our name")
    refused({"w": "class_weight"}, r"'w': write which choices of class_weight it has, as in \('class_weight', \[")
    refused({"m": "algorithm", "lr": "lightgbm.learning_rate"}, "'m': write its choices")
    refused(
        {"a": "lightgbm.learning_rate", "b": "catboost.depth"},
        r"space names 2 algorithms \(lightgbm, catboost\) and no choice between them",
        algorithm=None,
    )
    refused({"w": ("class_weight", ["other"])}, r"nothing of \d+ advised pipelines can be said .*\(w\); give wider")
    with pytest.raises(OptionError, match="of which algorithm"):
        warm_start(study, table, knowledge=one_shard_base, space=BOOSTER)
    two = optuna.create_study(directions=["maximize", "minimize"])
    with pytest.raises(OptionError, match="has 2 objectives; advice is for one"):
        started(two, table, one_shard_base, BOOSTER)
    assert not study.trials
