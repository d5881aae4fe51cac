"""On a GPU, where there is one, the same code learns and expects nearly the same."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from autometa.fewshot.catalogue import LEARNERS, load
from autometa.fewshot.deep_surrogate import DeepKernelSurrogate
from autometa.fewshot.training import Effort
from tests.recommenders.experiences import draw_experience, make_description, make_evaluation

GPU = "cuda" if torch.cuda.is_available() else "mps"
SHORT = Effort(n_rounds=2, n_steps=5, n_episodes=8)

pytestmark = pytest.mark.skipif(
    not (torch.cuda.is_available() or torch.backends.mps.is_available()), reason="there is no GPU on this machine"
)


@pytest.mark.parametrize("name", LEARNERS)
def test_a_learner_learns_on_a_gpu_and_its_weights_say_the_same_on_both(name: str) -> None:
    make = load(name)
    experience, new = draw_experience(0, n_tasks=20, n_configurations=12), make_description("new")
    there = make(replace(SHORT, device=GPU)).fit_anew(experience)
    here = make(SHORT).load_state(experience, there.state())
    told = [make_evaluation(experience.configurations[column], 0.6 + 0.01 * column) for column in (2, 7)]
    for observed in ((), told):
        expected = [each.predict(new, experience.configurations, observed) for each in (there, here)]
        assert expected[0].mean == pytest.approx(expected[1].mean, abs=2e-3)
        assert expected[0].std == pytest.approx(expected[1].std, abs=2e-3)
        assert len(there.rank(new, experience.configurations, observed)) == 12 - len(observed)


def test_a_surrogate_learns_on_a_gpu() -> None:
    rng = np.random.default_rng(0)
    past = [(points := rng.random((30, 2)), ((points - rng.random(2)) ** 2).sum(axis=1)) for _ in range(8)]
    told, asked = rng.random((6, 2)), rng.random((20, 2))
    conditional = DeepKernelSurrogate(replace(SHORT, device=GPU)).fit(past).condition(told, (told**2).sum(axis=1))
    assert np.isfinite(conditional.predict(asked)).all()
    assert np.isfinite(conditional.believing(asked[:2]).log_improvement(asked)).all()
