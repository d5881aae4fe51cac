"""What every recommender must do; those of the advisor's table are all here, others register in FACTORIES."""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from autometa.fewshot import catalogue
from autometa.knowledge.frames import Experience
from autometa.recommender_names import RECOMMENDERS
from autometa.recommenders.base import UNKNOWN_MEAN, UNKNOWN_STD, Recommender
from autometa.recommenders.nearest import NearestTasks
from autometa.recommenders.random_order import RandomOrder
from autometa.space import Configuration
from autometa.task import TaskDescription
from tests.recommenders.experiences import (
    INF,
    NAN,
    draw_experience,
    make_configurations,
    make_description,
    make_evaluation,
    make_experience,
    reordered,
)

# They differ from "maml" by a number or a loss, and are with the others in tests/fewshot/test_gradient.py.
ALIKE = ("fomaml", "reptile", "joint")


def _meta_learners() -> dict[str, Callable[[], Recommender]]:
    """Return the meta-learners, with as little training as shows what they must do; none where torch is lacking."""
    if importlib.util.find_spec("torch") is None:
        return {}
    from autometa.fewshot.training import Effort

    tiny = Effort(n_rounds=1, n_steps=1, n_episodes=2)
    names = [name for name in catalogue.LEARNERS if name not in ALIKE]
    return {name: partial(catalogue.load(name), tiny) for name in names}


FACTORIES: dict[str, Callable[[], Recommender]] = {
    **RECOMMENDERS,
    **_meta_learners(),
    "nearest of 1": lambda: NearestTasks(n_neighbours=1),
    "random": RandomOrder,
}

NEW = make_description("new", metafeatures={"size": 0.3, "shape": -0.5, "noise": 0.1})
STRANGERS = tuple(Configuration(algorithm="stranger", values={"x": i}) for i in range(3))

# Experiences in which something is missing or everything is alike.
ODD: dict[str, Experience] = {
    "gaps": make_experience([[0.1, NAN, 0.3], [NAN, 0.2, 0.1], [0.3, 0.2, NAN]]),
    "failures": make_experience([[0.1, INF, 0.3], [INF, 0.2, 0.1]]),
    "a configuration that always fails": make_experience([[0.1, INF, 0.3], [0.2, INF, 0.1]]),
    "a configuration that was never tried": make_experience([[0.1, NAN, 0.3], [0.2, NAN, 0.1]]),
    "a task where nothing succeeds": make_experience([[0.1, 0.2, 0.3], [INF, INF, NAN]]),
    "a task where nothing was tried": make_experience([[0.1, 0.2, 0.3], [NAN, NAN, NAN]]),
    "nothing succeeds anywhere": make_experience([[INF, INF], [INF, NAN]]),
    "nothing was tried anywhere": make_experience([[NAN, NAN]]),
    "one task": make_experience([[0.1, 0.3, 0.2]]),
    "one configuration": make_experience([[0.1], [0.2], [0.3]]),
    "one cell": make_experience([[0.1]]),
    "all alike": make_experience([[0.2, 0.2], [0.2, 0.2]]),
    "perfect results": make_experience([[0.0, 0.0, 0.1], [0.0, 0.5, 0.2]]),
    "enormous losses": make_experience([[1e200, 2e200], [1e-200, 2e-200]]),
    "no meta-features": make_experience([[0.1, 0.2], [0.2, 0.1]], metafeatures=[{}, {}]),
    "undefined meta-features": make_experience([[0.1, 0.2]] * 3, metafeatures=[{"size": NAN}] * 3),
    "constant meta-features": make_experience([[0.1, 0.2]] * 3, metafeatures=[{"size": 0.1}] * 3),
    "meta-features of some tasks": make_experience([[0.1, 0.2]] * 3, metafeatures=[{"size": 1.0}, {}, {"size": 2.0}]),
    "tasks at the same place": make_experience([[0.1, 0.2], [0.2, 0.1]], metafeatures=[{"size": 1.0}] * 2),
    "one family": make_experience([[0.1, 0.2], [0.2, 0.1]], families=["f", "f"]),
}

DESCRIPTIONS: dict[str, TaskDescription] = {
    "ordinary": NEW,
    "without meta-features": make_description("new"),
    "with undefined meta-features": make_description("new", metafeatures={"size": NAN, "shape": NAN, "noise": NAN}),
    "with other meta-features": make_description("new", metafeatures={"depth": 3.0, "size": 1.0}),
    "far away": make_description("new", metafeatures={"size": 1e12, "shape": -1e12, "noise": 0.0}),
    "large": make_description("new", n_rows=10**9, n_columns=10**6, metafeatures={"size": 0.3}),
    "tiny": make_description("new", n_rows=1, n_columns=1, metafeatures={"size": 0.3}),
    "known": draw_experience(0).descriptions[3],
}


@pytest.fixture(params=list(FACTORIES))
def make(request: pytest.FixtureRequest) -> Callable[[], Recommender]:
    """Return a function that makes one of the recommenders."""
    factory: Callable[[], Recommender] = FACTORIES[request.param]
    return factory


@pytest.fixture(params=[name for name in FACTORIES if name != "random"])
def make_learner(request: pytest.FixtureRequest) -> Callable[[], Recommender]:
    """Return a function that makes one of the recommenders whose order is learned."""
    factory: Callable[[], Recommender] = FACTORIES[request.param]
    return factory


def check(recommender: Recommender, description: TaskDescription, configurations: Sequence[Configuration]) -> None:
    """Assert what holds for every prediction, ranking and support."""
    prediction = recommender.predict(description, configurations)
    n = len(configurations)
    assert prediction.mean.shape == prediction.std.shape == prediction.losses.shape == (n,)
    assert np.isfinite(prediction.mean).all()
    assert np.isfinite(prediction.losses).all()
    assert np.isfinite(prediction.std).all()
    assert (prediction.std >= 0).all()
    assert 0 < prediction.location < INF
    assert 0 < prediction.scale < INF
    assert sorted(recommender.rank(description, configurations)) == list(range(n))
    support = recommender.support(description, configurations)
    experience = recommender.experience_
    assert support.shape == (n, experience.n_tasks)
    assert np.isfinite(support).all()
    assert (support >= 0).all()
    for row, configuration in enumerate(configurations):
        column = experience.position_of.get(configuration.key)
        is_tried = np.zeros(experience.n_tasks, bool) if column is None else experience.is_tried[:, column]
        assert (support[row, ~is_tried] == 0).all()


def ranked_keys(
    recommender: Recommender, description: TaskDescription, configurations: Sequence[Configuration], **options: Any
) -> list[str]:
    """Return the keys of configurations in the order advised."""
    return [configurations[position].key for position in recommender.rank(description, configurations, **options)]


def summary(seed: int) -> dict[str, Any]:
    """Return what each recommender says about the same task, for comparison between processes."""
    experience = draw_experience(1, n_tasks=30)
    configurations = [*experience.configurations, *STRANGERS]
    said: dict[str, Any] = {}
    for name, factory in FACTORIES.items():
        recommender = factory().fit_anew(experience, seed)
        prediction = recommender.predict(NEW, configurations)
        said[name] = {
            "mean": prediction.mean.tolist(),
            "std": prediction.std.tolist(),
            "location": prediction.location,
            "scale": prediction.scale,
            "rank": list(recommender.rank(NEW, configurations)),
            "support": recommender.support(NEW, configurations).tolist(),
        }
    return said


# --- predictions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("description", DESCRIPTIONS.values(), ids=DESCRIPTIONS.keys())
def test_any_task_gets_a_sound_prediction(make: Callable[[], Recommender], description: TaskDescription) -> None:
    experience = draw_experience(0)
    check(make().fit_anew(experience), description, [*experience.configurations, *STRANGERS])


@pytest.mark.parametrize("experience", ODD.values(), ids=ODD.keys())
def test_any_experience_gives_a_sound_prediction(make: Callable[[], Recommender], experience: Experience) -> None:
    recommender = make().fit_anew(experience)
    for description in DESCRIPTIONS.values():
        check(recommender, description, [*experience.configurations, *STRANGERS])


def test_no_configurations_give_an_empty_prediction(make: Callable[[], Recommender]) -> None:
    check(make().fit_anew(draw_experience(0)), NEW, [])


def test_the_table_calls_each_by_its_name() -> None:
    assert {name: factory().name for name, factory in RECOMMENDERS.items()} == {name: name for name in RECOMMENDERS}


@pytest.mark.parametrize("n", [0, 1, 4, 99])
def test_the_first_ones_asked_for_are_the_first_of_all(make: Callable[[], Recommender], n: int) -> None:
    experience = draw_experience(0)
    recommender, asked = make().fit_anew(experience), [*experience.configurations, *STRANGERS]
    observed = [make_evaluation(experience.configurations[column], 0.5 + 0.1 * column) for column in range(4)]
    for told in (observed, observed[:1], []):
        order = recommender.rank(NEW, asked, told)
        assert recommender.rank(NEW, asked, told, n) == order[:n]
        assert recommender.propose(NEW, asked, told) == order[0]


def test_fit_returns_the_recommender(make: Callable[[], Recommender]) -> None:
    recommender = make()
    assert recommender.fit(draw_experience(0)) is recommender


@pytest.mark.parametrize(
    "experience",
    [make_experience(np.zeros((0, 3))), make_experience(np.zeros((2, 0)))],  # type: ignore[arg-type] # arrays keep the shape
    ids=["no task", "no configuration"],
)
def test_an_empty_experience_is_refused(make: Callable[[], Recommender], experience: Experience) -> None:
    with pytest.raises(ValueError, match="nothing to learn from"):
        make().fit_anew(experience)


# --- what matters and what does not -----------------------------------------------------------------------------------


@pytest.mark.parametrize("is_coarse", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_what_is_asked_does_not_matter(
    make: Callable[[], Recommender], seed: int, is_coarse: bool
) -> None:
    experience = draw_experience(seed, coarse=is_coarse)
    recommender = make().fit_anew(experience)
    asked = [*experience.configurations, *STRANGERS]
    order = np.random.default_rng(seed).permutation(len(asked))
    turned = [asked[position] for position in order]
    one, other = recommender.predict(NEW, asked), recommender.predict(NEW, turned)
    np.testing.assert_array_equal(one.mean[order], other.mean)
    np.testing.assert_array_equal(one.std[order], other.std)
    assert (one.location, one.scale) == (other.location, other.scale)
    assert ranked_keys(recommender, NEW, asked) == ranked_keys(recommender, NEW, turned)


@pytest.mark.parametrize("is_coarse", [False, True])
@pytest.mark.parametrize("seed", range(8))
def test_the_order_of_the_experience_does_not_matter(
    make: Callable[[], Recommender], seed: int, is_coarse: bool
) -> None:
    experience = draw_experience(seed, n_tasks=25, coarse=is_coarse)
    rng = np.random.default_rng(seed)
    rows, columns = rng.permutation(25).tolist(), rng.permutation(8).tolist()
    one, other = make().fit_anew(experience), make().fit_anew(reordered(experience, rows, columns))
    asked = experience.configurations
    for description in (NEW, make_description("bare"), experience.descriptions[0]):
        expected, found = one.predict(description, asked), other.predict(description, asked)
        np.testing.assert_allclose(found.mean, expected.mean, rtol=1e-9)
        np.testing.assert_allclose(found.std, expected.std, rtol=1e-9)
        np.testing.assert_allclose(found.location, expected.location, rtol=1e-9)
        np.testing.assert_allclose(found.scale, expected.scale, rtol=1e-9)
        assert ranked_keys(one, description, asked) == ranked_keys(other, description, asked)
        np.testing.assert_allclose(
            other.support(description, asked), one.support(description, asked)[:, rows], rtol=1e-9, atol=1e-12
        )


def test_losses_that_differ_in_order_alone_are_ties(make: Callable[[], Recommender]) -> None:
    rng = np.random.default_rng(0)
    levels = rng.uniform(0.1, 0.9, size=50)
    swapped = np.stack([rng.permutation(levels) for _ in range(6)], axis=1)
    ends = np.tile([0.0] + 8 * [1.0], (50, 1))  # best and median of every task
    experience = make_experience(np.hstack([swapped, ends]).tolist(), metafeatures=[{}] * 50)
    rankings = []
    for seed in range(6):
        order = np.random.default_rng(seed).permutation(50).tolist()
        recommender = make().fit_anew(reordered(experience, order, range(15)))
        rankings.append(recommender.rank(NEW, experience.configurations))
    assert len(set(rankings)) == 1


def test_the_same_seed_gives_the_same_result(make: Callable[[], Recommender]) -> None:
    experience = draw_experience(2)
    one, other = (make().fit_anew(experience, seed=3).predict(NEW, experience.configurations) for _ in range(2))
    np.testing.assert_array_equal(one.mean, other.mean)
    np.testing.assert_array_equal(one.std, other.std)
    assert (one.location, one.scale) == (other.location, other.scale)


def test_a_second_process_says_the_same() -> None:
    script = (
        "import json; from tests.contracts.test_recommender_contract import summary; print(json.dumps(summary(seed=5)))"
    )
    output = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "17"},
    )
    assert json.loads(output.stdout) == json.loads(json.dumps(summary(seed=5)))


def test_inputs_are_left_as_they_were(make: Callable[[], Recommender]) -> None:
    experience = draw_experience(3)
    normalised = experience.normalised_losses.copy()
    normalised_before = experience.normalised_losses
    normalised_before.setflags(write=False)
    features = [dict(description.metafeatures) for description in (*experience.descriptions, NEW)]
    check(make().fit_anew(experience), NEW, experience.configurations)  # the arrays refuse to be written to
    np.testing.assert_array_equal(experience.normalised_losses, normalised)
    assert [dict(description.metafeatures) for description in (*experience.descriptions, NEW)] == features


def test_a_second_fit_forgets_the_first(make: Callable[[], Recommender]) -> None:
    first, second = draw_experience(4, n_tasks=20, n_configurations=5), draw_experience(5, n_configurations=9)
    asked = [*second.configurations, *STRANGERS]
    fresh, used = make().fit_anew(second, 1), make().fit_anew(first, 1).fit_anew(second, 1)
    assert used.rank(NEW, asked) == fresh.rank(NEW, asked)
    one, other = fresh.predict(NEW, asked), used.predict(NEW, asked)
    np.testing.assert_array_equal(one.losses, other.losses)
    np.testing.assert_array_equal(one.std, other.std)
    np.testing.assert_array_equal(fresh.support(NEW, asked), used.support(NEW, asked))


def test_a_hidden_family_leaves_no_trace(make: Callable[[], Recommender]) -> None:
    base = draw_experience(6)
    families = ["hidden" if row in (2, 5) else str(row) for row in range(12)]
    features = [description.metafeatures for description in base.descriptions]
    # The hidden tasks are as like the new one as can be, and say the opposite of the others.
    features = [NEW.metafeatures if family == "hidden" else f for f, family in zip(features, families, strict=True)]
    left = [row for row in range(12) if families[row] != "hidden"]
    whole = make_experience(base.losses.tolist(), metafeatures=features, families=families)
    hidden = make().fit_anew(whole.without(["hidden"]))
    never_there = make().fit_anew(reordered(whole, left, range(8)))
    one, other = (r.predict(NEW, whole.configurations) for r in (hidden, never_there))
    np.testing.assert_array_equal(one.losses, other.losses)
    np.testing.assert_array_equal(one.std, other.std)
    assert hidden.rank(NEW, whole.configurations) == never_there.rank(NEW, whole.configurations)
    seeing = make().fit_anew(whole).predict(NEW, whole.configurations)
    assert (seeing.losses != one.losses).any(), "hiding them must matter, or this test shows nothing"


# --- ranking ----------------------------------------------------------------------------------------------------------


def test_what_is_best_everywhere_comes_first(make_learner: Callable[[], Recommender]) -> None:
    losses = np.random.default_rng(0).uniform(0.2, 0.5, size=(10, 6))
    losses[:, 4] = 0.1
    experience = make_experience(losses.tolist())
    recommender = make_learner().fit_anew(experience)
    assert recommender.rank(NEW, experience.configurations)[0] == 4
    assert recommender.predict(NEW, experience.configurations).mean.argmin() == 4


def test_ties_are_broken_by_key(make_learner: Callable[[], Recommender]) -> None:
    experience = make_experience([[0.2] * 9] * 4)
    asked = list(np.random.default_rng(0).permutation(np.array([*experience.configurations], dtype=object)))
    assert ranked_keys(make_learner().fit_anew(experience), NEW, asked) == sorted(c.key for c in asked)


def test_unknown_configurations_count_as_a_median_and_come_last(make: Callable[[], Recommender]) -> None:
    for experience in (draw_experience(7), ODD["a configuration that always fails"], ODD["gaps"]):
        recommender = make().fit_anew(experience)
        asked = [*STRANGERS, *experience.configurations]
        prediction = recommender.predict(NEW, asked)
        assert (prediction.mean[:3] == UNKNOWN_MEAN).all()
        assert (prediction.std[:3] == UNKNOWN_STD).all()
        assert ranked_keys(recommender, NEW, asked)[-3:] == sorted(c.key for c in STRANGERS)


@pytest.mark.parametrize("score", [0.9, None], ids=["ok", "failed"])
def test_what_was_observed_is_left_out(make: Callable[[], Recommender], score: float | None) -> None:
    experience = draw_experience(8)
    asked = [*experience.configurations, *STRANGERS]
    done = [asked[2], asked[5], STRANGERS[0], Configuration(algorithm="not asked for")]
    observed = [make_evaluation(configuration, score) for configuration in done]
    recommender = make().fit_anew(experience)
    order = recommender.rank(NEW, asked, observed)
    assert sorted(order) == [p for p, configuration in enumerate(asked) if configuration not in done]
    prediction = recommender.predict(NEW, asked, observed)
    assert np.isfinite(prediction.losses).all()
    assert prediction.mean.shape == (len(asked),)


def test_when_all_is_observed_nothing_is_left(make: Callable[[], Recommender]) -> None:
    experience = draw_experience(9)
    observed = [make_evaluation(configuration) for configuration in experience.configurations]
    assert make().fit_anew(experience).rank(NEW, experience.configurations, observed) == ()


def test_a_subset_is_ranked_from_what_is_known_about_it(make: Callable[[], Recommender]) -> None:
    experience = draw_experience(10)
    recommender = make().fit_anew(experience)
    whole, part = experience.configurations, experience.configurations[2:6]
    np.testing.assert_array_equal(recommender.predict(NEW, whole).mean[2:6], recommender.predict(NEW, part).mean)
    assert sorted(recommender.rank(NEW, part)) == [0, 1, 2, 3]


def test_the_same_configuration_may_be_asked_for_twice(make: Callable[[], Recommender]) -> None:
    experience = draw_experience(11)
    asked = [*experience.configurations, experience.configurations[0], *STRANGERS, STRANGERS[0]]
    assert sorted(make().fit_anew(experience).rank(NEW, asked)) == list(range(len(asked)))


# --- support ----------------------------------------------------------------------------------------------------------


def test_a_task_speaks_for_what_was_best_on_it_and_not_for_what_failed(make: Callable[[], Recommender]) -> None:
    experience = make_experience([[0.1, 0.3, INF, 0.2, NAN]] * 3, metafeatures=[{}] * 3)
    support = make().fit_anew(experience).support(NEW, experience.configurations)
    assert support[0].sum() > 0
    assert (support[2] == 0).all()
    assert (support[4] == 0).all()


def test_nobody_speaks_for_unknown_configurations(make: Callable[[], Recommender]) -> None:
    support = make().fit_anew(draw_experience(12)).support(NEW, [*make_configurations(8), *STRANGERS])
    assert (support[-3:] == 0).all()


# --- weights of tasks -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["portfolio", "average"])
def test_a_task_of_weight_three_counts_as_one_that_stands_three_times(name: str) -> None:
    experience = draw_experience(3, n_tasks=12)
    weights = np.where(np.arange(12) < 5, 3.0, 1.0)
    twice = experience.of_tasks(np.ones(12, dtype=bool))
    rows = np.repeat(np.arange(12), weights.astype(int))
    doubled = replace(
        twice,
        descriptions=tuple(replace(experience.descriptions[r], fingerprint=f"{n}") for n, r in enumerate(rows)),
        losses=experience.losses[rows],
        fit_seconds=experience.fit_seconds[rows],
        memory_bytes=experience.memory_bytes[rows],
        predict_seconds=experience.predict_seconds[rows],
        weights=np.ones(len(rows)),
    )
    weighted, plain = (FACTORIES[name]().fit_anew(known) for known in (replace(experience, weights=weights), doubled))
    means = [recommender.predict(NEW, experience.configurations).mean for recommender in (weighted, plain)]
    np.testing.assert_allclose(means[0], means[1], rtol=1e-9)
    orders = [r.rank(NEW, experience.configurations) for r in (weighted, plain)]
    assert orders[0] == orders[1] != FACTORIES[name]().fit_anew(experience).rank(NEW, experience.configurations)


@pytest.mark.parametrize("name", RECOMMENDERS)
def test_what_was_good_on_the_heavier_task_comes_first(name: str) -> None:
    losses = [[0.1, 0.5, 0.9], [0.9, 0.5, 0.1]]
    for heavy, best in ((0, 0), (1, 2)):
        weights = np.array([1.0, 1.0])
        weights[heavy] = 10.0
        alike = make_experience(losses, metafeatures=[{}, {}])
        recommender = FACTORIES[name]().fit_anew(replace(alike, weights=weights))
        assert recommender.rank(NEW, alike.configurations)[0] == best
        support = recommender.support(NEW, alike.configurations)
        assert support[best, heavy] > support[2 - best, 1 - heavy]


@pytest.mark.parametrize("weights", [[1.0], [1.0, 0.0], [1.0, -1.0], [1.0, NAN]])
def test_weights_are_positive_and_one_for_each_task(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="weights, all positive, for 2 tasks"):
        replace(make_experience([[0.1], [0.2]]), weights=np.array(weights))
