"""KnowledgeSampler inside real Optuna studies, on runs in a real base."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.distributions import FloatDistribution, IntDistribution
from optuna.trial import Trial, TrialState

from autometa.errors import NotKnownError, OptionError
from autometa.evaluation.record import Evaluation, Status
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.foreign import ForeignTask, add_foreign_tasks
from autometa.refinement.sampler import KnowledgeSampler, past_runs
from autometa.refinement.studies import STUDY_VERSION
from autometa.space import Configuration
from autometa.task import TaskDescription
from autometa.task_kind import TaskKind

ALGORITHM = "their booster"
NAN = float("nan")


@pytest.fixture(autouse=True)
def _quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)


def accuracy(rate: float, depth: int, encoding: str, task: int) -> float:
    """Return a score that is best at a rate of about 0.05, a depth of about 6 and one encoding, everywhere."""
    shift = 0.1 * np.sin(task)
    distance = (np.log10(rate) + 1.3 - shift) ** 2 + ((depth - 6) / 10) ** 2 + (0.3 if encoding == "target" else 0.0)
    return float(0.9 - 0.2 * distance)


@pytest.fixture(scope="session")
def past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a base with twelve studies of 30 random trials each."""
    path = tmp_path_factory.mktemp("past") / "past.db"
    rng = np.random.default_rng(0)
    with KnowledgeBase.create(path) as base:
        tasks, runs = [], []
        for number in range(12):
            fingerprint = f"{number:064x}"
            description = TaskDescription(
                name=f"task {number}",
                fingerprint=fingerprint,
                family=f"family {number}",
                kind=TaskKind.BINARY,
                n_rows=100,
                n_columns=5,
                metafeatures={},
            )
            tasks.append(ForeignTask(description=description, n_classes=2, metafeatures_version="none"))
            for _ in range(30):
                values = {
                    "rate": float(10 ** rng.uniform(-3, 0)),
                    "depth": int(rng.integers(1, 20)),
                    "encoding": str(rng.choice(["one_hot", "target"])),
                }
                runs.append(_run(fingerprint, values, accuracy(**values, task=number)))  # type: ignore[arg-type]
        add_foreign_tasks(base, tasks, origin="test", licence="test")
        base.add_evaluations(runs)
    return path


def _run(fingerprint: str, values: dict[str, object], score: float) -> Evaluation:
    return Evaluation(
        fingerprint=fingerprint,
        configuration=Configuration(algorithm=ALGORITHM, values=values),  # type: ignore[arg-type] # plain ones
        protocol="study:roc_auc",
        pipelines_version=STUDY_VERSION,
        seed=0,
        status=Status.OK,
        fold_scores={"roc_auc": (score,)},
        fit_seconds=NAN,
        predict_seconds=NAN,
        peak_memory_bytes=0,
        error="",
        absent={},
        versions={},
        origin="test",
    )


def sampler(past: Path, **options: object) -> KnowledgeSampler:
    """Return a sampler over the past studies."""
    return KnowledgeSampler(past, **{"algorithm": ALGORITHM, "kind": "binary", **options})  # type: ignore[arg-type]


def objective(trial: Trial) -> float:
    """Return the score of what a user would tune."""
    return accuracy(
        trial.suggest_float("rate", 1e-3, 1.0, log=True),
        trial.suggest_int("depth", 1, 19),
        trial.suggest_categorical("encoding", ["one_hot", "target"]),
        task=50,
    )


def study_of(
    own: optuna.samplers.BaseSampler, n_trials: int, function: Callable[[Trial], float] = objective
) -> optuna.Study:
    """Return a study that was optimised."""
    study = optuna.create_study(direction="maximize", sampler=own)
    study.optimize(function, n_trials=n_trials, catch=(ZeroDivisionError,))
    return study


def test_it_begins_where_the_past_ended_and_goes_on_from_there(past: Path) -> None:
    study = study_of(sampler(past), 15)
    random = [study_of(optuna.samplers.RandomSampler(seed=seed), 15) for seed in range(10)]
    values = [float(trial.value or 0) for trial in study.trials]
    assert values[0] > np.median([other.best_value for other in random]) - 0.01
    assert study.best_value > 0.895
    assert study.best_value > np.quantile([other.best_value for other in random], 0.9)
    assert len({tuple(trial.params.items()) for trial in study.trials}) == 15, "nothing is tried twice"


def test_the_same_seed_gives_the_same_study_and_another_one_another(past: Path) -> None:
    one, same, other = ([trial.params for trial in study_of(sampler(past, seed=seed), 8).trials] for seed in (3, 3, 4))
    assert one == same
    assert one != other


def test_a_study_that_minimises_is_the_mirror_of_one_that_maximises(past: Path) -> None:
    maximised = study_of(sampler(past), 8)
    minimised = optuna.create_study(direction="minimize", sampler=sampler(past))
    minimised.optimize(lambda trial: -objective(trial), n_trials=8)
    assert [t.params for t in minimised.trials] == [t.params for t in maximised.trials]


@pytest.mark.filterwarnings("ignore:Choices for a categorical distribution:UserWarning")
def test_other_ranges_names_and_choices_do_no_harm(past: Path) -> None:
    def changed(trial: Trial) -> float:
        rate = trial.suggest_float("rate", 0.2, 5.0)
        depth = trial.suggest_int("depth", 2, 30, step=7)
        kind = trial.suggest_categorical("encoding", ["one_hot", "native", "target"])
        pairs: Any = [(1, 2), (3, 4)]  # Any: users do so, whatever Optuna's types say
        pair = trial.suggest_categorical("pair", pairs)
        fixed = trial.suggest_float("fixed", 1.0, 1.0)
        new = trial.suggest_float("new", 0.0, 1.0, step=0.25)
        assert 0.2 <= rate <= 5.0
        assert (depth - 2) % 7 == 0
        assert 2 <= depth <= 30
        assert kind in ("one_hot", "native", "target")
        assert pair in pairs
        assert fixed == 1.0
        assert new in (0.0, 0.25, 0.5, 0.75, 1.0)
        return accuracy(rate, depth, kind, task=50) - abs(new - 0.5) - (0.1 if pair == pairs[0] else 0.0)

    study = study_of(sampler(past), 25, changed)
    assert study.best_params["new"] == 0.5
    assert study.best_params["pair"] == (3, 4)
    assert study.best_params["rate"] < 0.6


def test_parameters_that_only_some_trials_have_are_sampled_on_their_own(past: Path) -> None:
    def conditional(trial: Trial) -> float:
        score = objective(trial)
        if trial.params["encoding"] == "target":
            return score - trial.suggest_float("smoothing", 1.0, 10.0) / 100
        return score

    study = study_of(sampler(past), 12, conditional)
    assert all(trial.state is TrialState.COMPLETE for trial in study.trials)
    assert study.best_value > 0.88


def test_a_range_that_changes_and_a_parameter_that_is_added_leave_history_in_force(past: Path) -> None:
    def changing(trial: Trial) -> float:
        is_late = trial.number >= 6
        rate = trial.suggest_float("rate", 1e-3, 0.3 if is_late else 1.0, log=True)
        depth = trial.suggest_int("depth", 1, 39 if is_late else 19)
        score = accuracy(rate, depth, trial.suggest_categorical("encoding", ["one_hot", "target"]), task=50)
        return score - 0.1 * abs(trial.suggest_float("added", 0.0, 1.0) - 0.8) if is_late else score

    own = sampler(past)
    study = study_of(own, 20, changing)
    space = own.infer_relative_search_space(study, study.trials[-1])
    assert list(space) == ["added", "depth", "encoding", "rate"]
    assert (space["rate"], space["depth"]) == (FloatDistribution(1e-3, 0.3, log=True), IntDistribution(1, 39))
    late = study.trials[7:]
    assert sum(trial.params["encoding"] == "one_hot" for trial in late) > 9, "the sampler still knows what is good"
    assert np.median([abs(trial.params["depth"] - 6) for trial in late]) < 6
    assert max(float(trial.value or 0) for trial in late) > 0.86


def test_failed_and_pruned_trials_are_not_looked_at_and_infinite_values_are_bad(past: Path) -> None:
    def failing(trial: Trial) -> float:
        score = objective(trial)
        if trial.number in {1, 6}:
            raise ZeroDivisionError
        if trial.number == 2:
            raise optuna.TrialPruned
        return -np.inf if trial.number == 3 else score

    study = study_of(sampler(past), 12, failing)
    states = [trial.state for trial in study.trials]
    assert states.count(TrialState.FAIL) == 2
    assert states.count(TrialState.PRUNED) == 1
    assert study.best_value > 0.88


def test_what_is_running_is_not_proposed_again(past: Path) -> None:
    def small(trial: Trial) -> float:
        return accuracy(0.05, trial.suggest_int("depth", 1, 6), "one_hot", task=50)

    study = study_of(sampler(past), 2, small)
    asked = [study.ask() for _ in range(4)]
    depths = [trial.suggest_int("depth", 1, 6) for trial in asked]
    assert sorted(depths + [trial.params["depth"] for trial in study.trials[:2]]) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("with_steps", [True, False])
def test_all_of_a_grid_is_tried_before_anything_is_tried_twice(past: Path, with_steps: bool) -> None:
    def grid(trial: Trial) -> float:
        if with_steps:
            return -abs(trial.suggest_float("rate", 0.0, 0.9, step=0.1) - 0.9)
        return -abs(trial.suggest_categorical("rate", [i / 10 for i in range(10)]) - 0.9)

    study = study_of(sampler(past), 10, grid)
    assert len({trial.params["rate"] for trial in study.trials}) == 10
    assert study.best_value == pytest.approx(0.0)


def test_a_bound_with_many_digits_is_proposed_once(past: Path) -> None:
    def bounded(trial: Trial) -> float:
        return -trial.suggest_float("rate", 1 / 3, 1.0)

    values = [trial.params["rate"] for trial in study_of(sampler(past), 12, bounded).trials]
    assert len(set(values)) == 12


def test_knowledge_is_used_until_a_trial_has_ended_and_by_one_trial_at_a_time(past: Path) -> None:
    own = sampler(past)
    (lead,) = study_of(own, 1).trials

    def pruned_at_first(trial: Trial) -> float:
        score = objective(trial)
        if trial.number < 2:
            raise optuna.TrialPruned
        return score

    first, second, third, fourth = study_of(own, 4, pruned_at_first).trials
    assert first.params == second.params == third.params == lead.params
    assert fourth.params != lead.params
    study = optuna.create_study(direction="maximize", sampler=own)
    asked = [study.ask() for _ in range(3)]
    for trial in asked:
        objective(trial)
    assert [trial.params == lead.params for trial in asked] == [True, False, False]
    assert asked[1].params != asked[2].params


@pytest.mark.filterwarnings("ignore:Choices for a categorical distribution:UserWarning")
def test_choices_of_numpy_are_choices(past: Path) -> None:
    choices: Any = list(np.array(["one_hot", "target"]))  # Any: users do so
    numbers: Any = list(np.array([1, 2, 3]))

    def chosen(trial: Trial) -> float:
        kind = trial.suggest_categorical("encoding", choices)
        return accuracy(0.05, int(trial.suggest_categorical("depth", numbers)), str(kind), task=50)

    study = study_of(sampler(past), 6, chosen)
    assert len({tuple(trial.params.items()) for trial in study.trials}) == 6
    assert str(study.trials[0].params["encoding"]) == "one_hot"


def test_past_runs_that_differ_in_nothing_leave_the_beginning_to_chance(tmp_path: Path) -> None:
    path = tmp_path / "same.db"
    with KnowledgeBase.create(path) as base:
        description = TaskDescription(
            name="t", fingerprint="0" * 64, family="f", kind=TaskKind.BINARY, n_rows=9, n_columns=2, metafeatures={}
        )
        own = ForeignTask(description=description, n_classes=2, metafeatures_version="none")
        add_foreign_tasks(base, [own], origin="test", licence="test")
        values: list[dict[str, object]] = [{}, {"a": True}, {"b": True}, {"c": True}, {"d": True}]
        base.add_evaluations([_run("0" * 64, each, 0.5 + 0.01 * i) for i, each in enumerate(values)])
    assert len(study_of(sampler(path), 7).trials) == 7


def test_two_objectives_are_refused(past: Path) -> None:
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler(past))
    with pytest.raises(ValueError, match="multi-objective"):
        study.optimize(lambda trial: (objective(trial), 0.0), n_trials=1)


def test_what_is_not_known_is_told(past: Path) -> None:
    with pytest.raises(NotKnownError, match="no binary task with five runs of 'nobody'; keep studies with"):
        sampler(past, algorithm="nobody")
    with pytest.raises(NotKnownError, match="no regression task"):
        sampler(past, kind="regression")
    with pytest.raises(NotKnownError):
        sampler(past, exclude_families=[f"family {number}" for number in range(12)])
    with pytest.raises(OptionError, match="no kind 'ranking'; choose one of: binary, multiclass, regression"):
        sampler(past, kind="ranking")
    with pytest.raises(OptionError):
        sampler(past, metric="rmse")


def test_runs_of_our_own_learners_count_as_they_are(one_shard_base: Path) -> None:
    def objective_of_ours(trial: Trial) -> float:
        return -abs(math.log10(trial.suggest_float("learning_rate", 1e-3, 1.0, log=True)) + 1.0)

    study = study_of(KnowledgeSampler(one_shard_base, algorithm="catboost", kind="binary"), 6, objective_of_ours)
    assert len(study.trials) == 6
    assert 1e-3 <= study.trials[0].params["learning_rate"] <= 1.0


def test_what_is_absent_in_our_own_runs_is_the_default(one_shard_base: Path) -> None:
    with KnowledgeBase(one_shard_base) as base:
        runs = past_runs(base, "lightgbm", TaskKind.BINARY, "auto")
    rates = [point["learning_rate"] for each in runs for point in each.points]
    assert 0.1 in rates, "LightGBM's default was run"
    assert len(set(rates)) > 3
    with KnowledgeBase(one_shard_base) as base:
        assert past_runs(base, "nobody", TaskKind.BINARY, "auto") == []
