"""The recurrent proposer: on functions of one number, and on what a knowledge base could hold."""

import numpy as np
import torch

from autometa.fewshot.devices import seeded
from autometa.fewshot.recurrent import Proposer, Recurrent, Simulators, search
from autometa.fewshot.training import Effort, train
from tests.recommenders.experiences import draw_experience, make_description, make_evaluation

N_PLACES = 40
N_STEPS = 6


def valleys(n_tasks: int, draw: torch.Generator) -> Simulators:
    """Return functions of one number with one valley, wide or narrow, anywhere."""
    x = torch.linspace(-1.0, 1.0, N_PLACES)
    centre = 2.0 * torch.rand(n_tasks, 1, generator=draw) - 1.0
    costs = 1.0 - torch.exp(-0.5 * ((x - centre) / 0.4) ** 2)
    waves = torch.stack([torch.sin(x * f) for f in (1, 2, 4, 8)] + [torch.cos(x * f) for f in (1, 2, 4, 8)], dim=1)
    return Simulators(points=waves, usual=torch.zeros(n_tasks, N_PLACES), contexts=torch.zeros(n_tasks, 1), costs=costs)


def test_a_recurrent_proposer_finds_valleys_that_random_search_misses() -> None:
    with seeded(0):
        net, draw = Proposer(8, 1, n_hidden=32), torch.Generator().manual_seed(1)
        kept = valleys(64, draw)

        def kept_loss() -> float:
            with torch.no_grad():
                return float(search(net, kept, N_STEPS, is_greedy=True).least.mean())

        effort = Effort(n_rounds=5, n_steps=60, patience=5, learning_rate=5e-3)
        train(net, lambda: search(net, valleys(64, draw), N_STEPS).aims.mean(), kept_loss, effort)
        new = valleys(300, torch.Generator().manual_seed(2))
        with torch.no_grad():
            found = search(net, new, N_STEPS, is_greedy=True)
    rng = np.random.default_rng(0)
    order = np.argsort(rng.random((300, N_PLACES)), axis=1)[:, :N_STEPS]
    random = np.minimum.accumulate(np.take_along_axis(new.costs.numpy(), order, axis=1), axis=1).mean(axis=0)
    least = found.least.mean(dim=1).numpy()
    assert (least[2:] < 0.5 * random[2:]).all()
    assert all(len(set(places)) == N_STEPS for places in found.places.T.tolist()), "nowhere twice"


def test_proposals_depend_on_the_order_of_the_runs_and_leave_them_out() -> None:
    experience = draw_experience(0, n_tasks=30)
    new = make_description("new", metafeatures={"size": 0.3})
    recommender = Recurrent(Effort(n_rounds=2, n_steps=20, n_episodes=8)).fit(experience)
    asked = experience.configurations
    runs = [make_evaluation(asked[0], 0.9), make_evaluation(asked[1], 0.5), make_evaluation(asked[2], None)]
    order = recommender.rank(new, asked, runs)
    assert sorted(order) == list(range(3, len(asked)))
    assert recommender.rank(new, asked, runs) == order
    states = [recommender._support_of(new, told) for told in (runs, runs[::-1])]
    assert states[0] is not None
    assert states[1] is not None
    assert states[0].columns.tolist() == states[1].columns.tolist()[::-1]
