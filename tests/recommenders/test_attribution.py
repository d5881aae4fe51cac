"""Contributions add up to the prediction, and find the meta-feature that decides."""

import math

import lightgbm
import numpy as np
import pytest

from autometa.knowledge.frames import Experience
from autometa.recommenders.attribution import MIN_TASKS, learn_advice, top_contributions
from autometa.space import Configuration
from tests.recommenders.experiences import NAN, make_configurations, make_description, make_experience, reordered


def drawn(n_tasks: int = 80, *, families: list[str] | None = None, noise: bool = False) -> Experience:
    """Return an experience in which the first configuration is best where `size` is above 0, and noise has no say."""
    rng = np.random.default_rng(3)
    table = rng.normal(size=(n_tasks, 4))
    decides = rng.normal(size=n_tasks) if noise else table[:, 0]
    losses = np.column_stack([np.where(decides > 0, 0.1, 0.9), np.full(n_tasks, 0.5), np.full((n_tasks, 3), 1.0)])
    names = ("size", "shape", "colour", "weight")
    features = [dict(zip(names, row, strict=True)) for row in table.tolist()]
    return make_experience(losses.tolist(), metafeatures=features, families=families)


def test_contributions_add_up_to_the_prediction_and_stand_by_size() -> None:
    rng = np.random.default_rng(0)
    table = rng.normal(size=(200, 3))
    booster = lightgbm.train(
        {"verbosity": -1, "num_threads": 1}, lightgbm.Dataset(table, label=3 * table[:, 1] + table[:, 2]), 20
    )
    row = np.array([0.2, 1.5, NAN])
    found = top_contributions(booster, row, ("a", "b", "c"), n=3)
    moves = booster.predict(row[None, :], pred_contrib=True)[0]
    base = moves[-1]
    assert base + sum(each.contribution for each in found) == pytest.approx(booster.predict(row[None, :])[0])
    assert found[0].name == "b"
    sizes = [abs(each.contribution) for each in found]
    assert sizes == sorted(sizes, reverse=True)
    assert math.isnan(next(each.value for each in found if each.name == "c"))
    assert top_contributions(booster, row, ("a", "b", "c"), n=1) == found[:1]


def test_what_moves_nothing_is_not_named() -> None:
    table = np.column_stack([np.arange(100.0), np.zeros(100)])
    booster = lightgbm.train({"verbosity": -1, "num_threads": 1}, lightgbm.Dataset(table, label=np.arange(100.0)), 5)
    assert [each.name for each in top_contributions(booster, np.zeros(2), ("a", "b"), n=5)] == ["a"]


def test_the_meta_feature_that_decides_is_found_with_its_sign() -> None:
    experience = drawn()
    model = learn_advice(experience, experience.configurations[:3], seed=0)
    assert model is not None
    assert model.n_tasks == 80
    assert model.skill > 0.5
    for size, sign in ((2.0, -1), (-2.0, 1)):
        new = make_description("new", metafeatures={"size": size, "shape": 0.0, "colour": 0.0, "weight": 0.0})
        first = model.contributions(new, 0, 1)[0]
        assert first.name == "size"
        assert np.sign(first.contribution) == sign
        assert model.contributions(new, 2, 4) == (), "the third does the same everywhere"


def test_noise_has_no_skill() -> None:
    experience = drawn(noise=True)
    model = learn_advice(experience, experience.configurations[:1], seed=0)
    assert model is not None
    assert model.skill < 0.1


def test_skill_is_measured_on_hidden_families() -> None:
    # Twin tasks that carry their answer in `shape` and nothing else in common: only a leak could tell.
    rng = np.random.default_rng(1)
    answers = np.repeat(rng.permutation([0.1, 0.9] * 20), 8)
    marks = np.repeat(rng.permutation(40).astype(float), 8)
    losses = np.column_stack([answers, np.full(320, 0.5), np.full((320, 3), 1.0)])
    features = [{"shape": mark} for mark in marks.tolist()]
    families = [f"family {mark:.0f}" for mark in marks]
    experience = make_experience(losses.tolist(), metafeatures=features, families=families)
    leaky = make_experience(losses.tolist(), metafeatures=features)
    hidden = learn_advice(experience, experience.configurations[:1], seed=0)
    seen = learn_advice(leaky, leaky.configurations[:1], seed=0)
    assert hidden is not None
    assert seen is not None
    assert hidden.skill < 0.1 < seen.skill


def test_too_few_tasks_have_no_model() -> None:
    small = drawn(MIN_TASKS - 1)
    assert learn_advice(small, small.configurations, seed=0) is None
    one_family = drawn(families=["all"] * 80)
    assert learn_advice(one_family, one_family.configurations, seed=0) is None
    assert learn_advice(drawn(), [Configuration(algorithm="stranger")], seed=0) is None
    bare = make_experience([[0.1, 0.2]] * 40, metafeatures=[{}] * 40)
    assert learn_advice(bare, bare.configurations, seed=0) is None


def test_the_order_of_tasks_changes_nothing() -> None:
    experience = drawn()
    shuffled = reordered(experience, np.random.default_rng(0).permutation(80).tolist(), range(5))
    new = make_description("new", metafeatures={"size": 0.4, "shape": 0.1, "colour": 0.3, "weight": -1.0})
    models = [learn_advice(each, make_configurations(5)[:1], seed=0) for each in (experience, shuffled)]
    assert models[0] is not None
    assert models[1] is not None
    assert models[0].skill == pytest.approx(models[1].skill)
    assert models[0].contributions(new, 0, 4) == models[1].contributions(new, 0, 4)
