import numpy as np
import pytest

from autometa.errors import ConfigurationError
from autometa.pipelines.learners import LEARNERS, learners_of, space_of
from autometa.space import Configuration
from autometa.task_kind import TaskKind


def test_the_table_calls_every_learner_by_its_own_name() -> None:
    assert [learner.algorithm for learner in LEARNERS.values()] == list(LEARNERS)


def test_logistic_regression_is_for_classes_and_ridge_for_numbers() -> None:
    of_classes = {learner.algorithm for learner in learners_of(TaskKind.MULTICLASS)}
    of_numbers = {learner.algorithm for learner in learners_of(TaskKind.REGRESSION)}
    assert of_classes - of_numbers == {"logistic_regression"}
    assert of_numbers - of_classes == {"ridge"}
    assert len(of_classes & of_numbers) == 6


def test_learners_whose_library_is_missing_are_left_out_unless_asked_for(
    imaginary_algorithm: str,
) -> None:
    installed = {learner.algorithm for learner in learners_of(TaskKind.BINARY)}
    every = {learner.algorithm for learner in learners_of(TaskKind.BINARY, installed_only=False)}
    assert every - installed == {imaginary_algorithm}


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


@pytest.mark.parametrize("algorithm", ["lightgbm", "random_forest", "extra_trees"])
def test_trees_have_no_choice_of_scaling(algorithm: str) -> None:
    names = {parameter.name for parameter in space_of(algorithm, TaskKind.BINARY).parameters}
    assert "encoding" in names
    assert "scaling" not in names


def test_an_unknown_algorithm_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match=r"no algorithm 'perceptron'; .* lightgbm, random_forest"):
        space_of("perceptron", TaskKind.BINARY)
