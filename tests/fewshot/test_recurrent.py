"""The recurrent proposer: on functions of one number, and on what a knowledge base could hold."""

import itertools

import numpy as np
import torch
from torch.nn.modules.module import register_module_forward_hook

from autometa.fewshot.devices import seeded
from autometa.fewshot.recurrent import N_STEPS as FULL_LENGTH
from autometa.fewshot.recurrent import Proposer, Recurrent, Simulators, search, searched
from autometa.fewshot.tasks import MetaTasks
from autometa.fewshot.training import Effort, train
from tests.recommenders.experiences import draw_experience, make_description, make_evaluation, make_experience

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
    slopes = np.where(np.arange(40) % 2, 0.3, -0.3)  # tasks of two sorts, which results alone tell apart
    noise = 0.01 * np.random.default_rng(0).normal(size=(40, 12))
    losses = 0.5 + slopes[:, None] * np.linspace(-1.0, 1.0, 12) + noise
    experience = make_experience(losses.tolist(), metafeatures=[{}] * 40)
    recommender = Recurrent(Effort(n_rounds=2, n_steps=12, n_episodes=16, learning_rate=5e-3)).fit(experience)
    new, asked = make_description("new"), experience.configurations
    runs = [make_evaluation(asked[column], score) for column, score in ((2, 0.9), (6, 0.7), (9, 0.6), (1, None))]
    orders = [recommender.rank(new, asked, told) for told in itertools.permutations(runs)]
    assert all(sorted(order) == [0, 3, 4, 5, 7, 8, 10, 11] for order in orders)
    assert recommender.rank(new, asked, runs) == orders[0], "the same order, the same proposals"
    assert len(set(orders)) > 1


def tried_on(counts: list[int]) -> MetaTasks:
    """Return tasks with so many results each, of 20 configurations."""
    costs = np.full((len(counts), 20), np.nan, dtype=np.float32)
    for row, count in enumerate(counts):
        costs[row, :count] = np.linspace(0.0, 1.0, count)
    points, contexts = np.zeros((20, 1), np.float32), np.zeros((len(counts), 20), np.float32)
    families = tuple(map(str, range(len(counts))))
    return MetaTasks(
        points=points, contexts=contexts, costs=costs, is_failure=np.zeros(costs.shape, bool), families=families
    )


def test_searches_are_as_long_as_many_tasks_allow() -> None:
    n_steps, rows = searched(tried_on([20] * 8 + [2, 12, 11]))
    assert (n_steps, rows.tolist()) == (12, [*range(8), 9])
    n_steps, rows = searched(tried_on([3, 7, 5, 2, 9]))
    assert (n_steps, rows.tolist()) == (5, [1, 2, 4]), "the most that half of the tasks have"
    n_steps, rows = searched(tried_on([2] * 60 + [15] * 33))
    assert (n_steps, len(rows)) == (12, 33), "few of many are enough"
    assert searched(tried_on([2]))[0] == 2


def test_one_task_with_two_runs_does_not_shorten_the_searches() -> None:
    whole = draw_experience(0, n_tasks=20, n_configurations=16)
    losses = whole.losses.copy()
    losses[4, 2:] = np.nan
    losses[4, :2] = 0.2, 0.3
    with_one = make_experience(losses.tolist(), metafeatures=[each.metafeatures for each in whole.descriptions])
    told: list[object] = []

    def note(net: object, given: object, state: object) -> None:
        if isinstance(net, torch.nn.GRUCell):
            told.append(state)

    with register_module_forward_hook(note):
        Recurrent(Effort(n_rounds=1, n_steps=3, n_episodes=4)).fit(with_one)
    n_searches = 3 + 2 + 1  # of steps, on what is kept aside before and after them, and for how far off costs are
    assert len(told) == n_searches * FULL_LENGTH
