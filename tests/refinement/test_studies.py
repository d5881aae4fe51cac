"""Studies in the base: kept once, refused whole, and of use to the next one."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import optuna
import pandas as pd
import pytest
from optuna.trial import Trial

import autometa
from autometa.errors import OptionError
from autometa.evaluation.record import Evaluation
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.exchange import export_shard, import_shard
from autometa.metric import METRICS
from autometa.refinement.sampler import past_runs
from autometa.refinement.studies import STUDY_VERSION, TrialKeeper, add_study
from autometa.task_kind import TaskKind


@pytest.fixture(autouse=True)
def _quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    path = tmp_path / "own.db"
    KnowledgeBase.create(path).close()
    return path


def table(seed: int) -> tuple[pd.DataFrame, pd.Series]:
    """Return a table of two classes."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(80, 3)), columns=["a", "b", "c"])
    return X, pd.Series(np.where(X["a"] + 0.3 * rng.normal(size=80) > 0, "yes", "no"), name="answer")


def study_of(
    n_trials: int = 12, direction: Literal["maximize", "minimize"] = "maximize", seed: int = 0
) -> optuna.Study:
    """Return a study of a made-up learner that likes a rate of 0.1; its third trial fails."""

    def objective(trial: Trial) -> float:
        rate = trial.suggest_float("rate", 1e-3, 1.0, log=True)
        trial.suggest_categorical("loss", ["log", None])
        if trial.number == 2:
            raise ZeroDivisionError
        return 0.9 - 0.1 * abs(float(np.log10(rate)) + 1.0)

    study = optuna.create_study(direction=direction, sampler=optuna.samplers.RandomSampler(seed=seed))
    study.optimize(objective, n_trials=n_trials, catch=(ZeroDivisionError,))
    return study


def test_trials_are_kept_once_under_a_protocol_of_their_own(base: Path) -> None:
    X, y = table(0)
    study = study_of()
    added = add_study(base, study, X, y, algorithm="mine", origin="me")
    assert (added.n_new, added.n_same) == (12, 0)
    again = add_study(base, study, X, y, algorithm="mine", origin="me")
    assert (again.n_new, again.n_same) == (0, 12)
    with KnowledgeBase(base) as opened:
        (fingerprint,) = opened.tasks()["fingerprint"]
        runs = opened.evaluations_of(fingerprint, protocol="study:roc_auc", pipelines_version=STUDY_VERSION)
        assert {run.configuration.algorithm for run in runs} == {"mine"}
        assert sorted(str(run.status) for run in runs) == ["failed"] + ["ok"] * 11
        best = max(run.score("roc_auc") for run in runs if str(run.status) == "ok")
        assert best == pytest.approx(study.best_value)
        assert {run.origin for run in runs} == {"me"}


def test_a_sampler_learns_from_what_was_kept(base: Path) -> None:
    for seed in range(3):
        add_study(base, study_of(20, seed=seed), *table(seed), algorithm="mine")
    sampler = autometa.KnowledgeSampler(base, algorithm="mine", kind="binary")
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.optimize(lambda trial: -abs(np.log10(trial.suggest_float("rate", 1e-3, 1.0, log=True)) + 1.0), n_trials=1)
    assert 0.04 < study.best_params["rate"] < 0.25


def test_studies_with_other_ranges_choices_and_parameters_are_one_past(base: Path) -> None:
    for seed in range(3):
        add_study(base, study_of(20, seed=seed), *table(seed), algorithm="mine")

    def wider(trial: Trial) -> float:
        rate = trial.suggest_float("rate", 1e-2, 9.0)
        loss = trial.suggest_categorical("loss", ["log", "hinge", None])
        return 0.9 - 0.1 * abs(float(np.log10(rate)) + 1.0) - trial.suggest_float("new", 0.0, 1.0) * (loss == "hinge")

    other = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=0))
    other.optimize(wider, n_trials=20)
    assert add_study(base, other, *table(3), algorithm="mine").n_new == 20
    with KnowledgeBase(base) as opened:
        assert len(past_runs(opened, "mine", TaskKind.BINARY, "auto")) == 4

    def third(trial: Trial) -> float:
        trial.suggest_int("theirs", 1, 3)
        return wider(trial)

    sampler = autometa.KnowledgeSampler(base, algorithm="mine", kind="binary")
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.optimize(third, n_trials=8)
    assert 0.02 < study.trials[0].params["rate"] < 0.5, "the first three studies speak of it as well"
    assert study.best_value > 0.85
    assert add_study(base, study, *table(4), algorithm="mine").n_new == 8


@pytest.mark.filterwarnings("ignore:Choices for a categorical distribution:UserWarning")
def test_what_cannot_be_kept_is_refused_whole(base: Path) -> None:
    X, y = table(0)
    with pytest.raises(OptionError, match="is to minimize, but roc_auc is to be maximized; name the metric"):
        add_study(base, study_of(direction="minimize"), X, y, algorithm="mine")
    two = optuna.create_study(directions=["maximize", "maximize"])
    with pytest.raises(OptionError, match="has 2 objectives; one can be kept"):
        add_study(base, two, X, y, algorithm="mine")
    odd = study_of()
    pairs: Any = [(1, 2), (3, 4)]  # Any: users do so, whatever Optuna's types say
    odd.optimize(lambda trial: float(trial.suggest_categorical("pair", pairs) == pairs[0]), n_trials=1)
    with pytest.raises(OptionError, match="trial 12 cannot be kept: a configuration holds numbers, strings"):
        add_study(base, odd, X, y, algorithm="mine")
    with KnowledgeBase(base) as opened:
        assert len(opened.tasks()) == 0


def test_values_that_the_metric_cannot_have_are_refused_or_failures(base: Path, tmp_path: Path) -> None:
    X, y = table(0)
    percent = optuna.create_study(direction="maximize")
    percent.optimize(lambda trial: 90 + trial.suggest_float("rate", 0, 1), n_trials=3)
    with pytest.raises(OptionError, match=r"has values such as 9\d\.\d+, but roc_auc lies between 0 and 1; scale them"):
        add_study(base, percent, X, y, algorithm="mine")
    kept: list[Evaluation] = []
    keeper = TrialKeeper(keep=kept.append, fingerprint="0f", algorithm="mine", metric=METRICS["accuracy"], origin="me")
    with pytest.raises(OptionError, match="but accuracy lies between 0 and 1"):
        percent.optimize(lambda trial: 91.0, n_trials=1, callbacks=[keeper])
    assert kept == []
    odd = optuna.create_study(direction="maximize")
    odd.optimize(lambda trial: trial.suggest_float("rate", 0, 1) * (-1) ** trial.number, n_trials=3)
    assert add_study(base, odd, X, y, algorithm="mine").n_new == 3
    with KnowledgeBase(base) as opened, KnowledgeBase.create(tmp_path / "other.db") as other:
        assert sorted(opened.evaluations()["status"]) == ["failed", "ok", "ok"]
        export_shard(opened, tmp_path / "mine.parquet")
        assert import_shard(other, tmp_path / "mine.parquet").n_new == 3


def test_a_loss_is_kept_as_a_loss(base: Path) -> None:
    X, y = table(0)
    added = add_study(base, study_of(direction="minimize"), X, y, algorithm="mine", metric="log_loss")
    assert added.n_new == 12


def test_the_same_trials_in_another_metric_are_others(base: Path) -> None:
    X, y = table(0)
    add_study(base, study_of(), X, y, algorithm="mine")
    added = add_study(base, study_of(), X, y, algorithm="mine", metric="accuracy")
    assert (added.n_new, added.n_differing) == (12, 0)
    autometa.KnowledgeSampler(base, algorithm="mine", kind="binary", metric="accuracy")


def test_a_trial_that_failed_before_it_had_all_parameters_or_succeeded_later_is_not_kept(base: Path) -> None:
    def objective(trial: Trial) -> float:
        if trial.number == 0:
            raise ZeroDivisionError
        rate = trial.suggest_float("rate", 0.1, 1.0)
        if trial.number == 1:
            raise ZeroDivisionError
        trial.suggest_int("depth", 1, 9)
        if trial.number == 2:
            raise ZeroDivisionError
        return rate

    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(objective, n_trials=4, catch=(ZeroDivisionError,))
    study.enqueue_trial(study.trials[2].params)
    study.optimize(objective, n_trials=1)
    X, y = table(0)
    assert add_study(base, study, X, y, algorithm="mine").n_new == 2
    with KnowledgeBase(base) as opened:
        (fingerprint,) = opened.tasks()["fingerprint"]
        runs = opened.evaluations_of(fingerprint, protocol="study:roc_auc", pipelines_version=STUDY_VERSION)
        assert [str(run.status) for run in runs] == ["ok", "ok"]
