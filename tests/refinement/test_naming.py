"""Configurations as Optuna's parameters and back, and new ones near others: of every algorithm and kind of task."""

import warnings
from pathlib import Path

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

from autometa.knowledge.base import KnowledgeBase
from autometa.metric import default_metric
from autometa.pipelines.building import PIPELINES_VERSION
from autometa.pipelines.learners import learners_of, space_of
from autometa.refinement.naming import ALGORITHM, NamedSpaces
from autometa.refinement.nearby import WIDTH, draw_near, moved
from autometa.space import Configuration
from autometa.task_kind import TaskKind


def spaces_of(kind: TaskKind) -> NamedSpaces:
    """Return the spaces of all algorithms."""
    return NamedSpaces({each.algorithm: each.space(kind) for each in learners_of(kind, installed_only=False)})


def known(base: Path, kind: TaskKind) -> list[Configuration]:
    """Return what was run on tasks of a kind, and all defaults."""
    with KnowledgeBase(base) as opened:
        experience = opened.experience(
            kind, default_metric(kind), protocol="cv-v1", pipelines_version=PIPELINES_VERSION
        )
    defaults = [Configuration(algorithm=each.algorithm) for each in learners_of(kind, installed_only=False)]
    return [*experience.configurations, *defaults]


@pytest.mark.parametrize("kind", list(TaskKind))
def test_every_known_configuration_is_a_trial_of_its_parameters(one_shard_base: Path, kind: TaskKind) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    spaces = spaces_of(kind)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Optuna warns of values outside of their range
        for configuration in known(one_shard_base, kind):
            params = spaces.to_params(configuration)
            study.enqueue_trial(params)
            trial = study.ask()
            spaces.take(trial, params)
            study.tell(trial, 0.0)
            assert study.get_trials(deepcopy=False)[-1].params == params
            assert params[ALGORITHM] == configuration.algorithm
            own = {name.removeprefix(f"{configuration.algorithm}."): value for name, value in params.items()}
            inside = {name: value for name, value in configuration.values.items() if name in own}
            assert {name: own[name] for name in inside} == inside
            assert len(configuration.values) - len(inside) <= 2, "what stands for no number is left out"


@pytest.mark.parametrize("kind", list(TaskKind))
def test_what_optuna_suggests_lies_in_the_space(kind: TaskKind) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    spaces = spaces_of(kind)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    for _ in range(60):
        trial = study.ask()
        configuration = spaces.suggest(trial)
        space_of(configuration.algorithm, kind).check(configuration)
        params = spaces.to_params(configuration)
        assert set(params) == set(trial.params)
        study.tell(trial, state=TrialState.FAIL)


@pytest.mark.parametrize("kind", list(TaskKind))
def test_what_is_drawn_near_lies_in_the_space_and_near(one_shard_base: Path, kind: TaskKind) -> None:
    rng = np.random.default_rng(2)
    for configuration in known(one_shard_base, kind):
        for _ in range(3):
            near = moved(configuration, kind, rng)
            assert near.algorithm == configuration.algorithm
            space_of(near.algorithm, kind).check(near)
    start = Configuration(algorithm="lightgbm", values={"learning_rate": 0.04})
    drawn = [moved(start, kind, rng).values.get("learning_rate", 0.1) for _ in range(300)]
    logs = np.log(np.array(drawn, dtype=float))
    assert abs(logs.mean() - np.log(0.04)) < 0.15
    assert logs.std() == pytest.approx(WIDTH * np.log(0.3 / 0.005), rel=0.2)


def test_the_first_are_the_likeliest_to_be_drawn_near_to_and_nothing_is_repeated() -> None:
    kind = TaskKind.BINARY
    best = [Configuration(algorithm=name) for name in ("lightgbm", "extra_trees", "naive_bayes")]
    rng = np.random.default_rng(3)
    drawn = [draw_near(best, kind, set(), rng).algorithm for _ in range(300)]
    assert drawn.count("lightgbm") > drawn.count("extra_trees") > drawn.count("naive_bayes") > 0
    had = {best[2].key}
    for _ in range(10):
        near = draw_near(best[2:], kind, had, rng)
        assert near.key not in had
        had.add(near.key)
