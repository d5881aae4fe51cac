"""The neural process on draws of a Gaussian process, and its memory on what it has to recall."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from autometa.fewshot.devices import seeded
from autometa.fewshot.kriging import log_density
from autometa.fewshot.memory import Memory, Reader, Results
from autometa.fewshot.memory_recommender import MemoryProcess, NeuralProcess, Shown
from autometa.fewshot.neural_process import Tokens, TransformerProcess
from autometa.fewshot.training import Effort, train
from tests.recommenders.experiences import draw_experience, make_description, make_experience

N_TOLD, N_ASKED = 8, 16
LENGTH, NOISE = 0.8, 0.1


def draw_process(generator: torch.Generator, n: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return points, values, how many are told of each, and covariances of draws of a Gaussian process."""
    points = torch.rand(n, N_TOLD + N_ASKED, 1, generator=generator, dtype=torch.float64) * 4.0 - 2.0
    squares = (points - points.mT) ** 2 / LENGTH**2
    covariance = torch.exp(-0.5 * squares) + NOISE**2 * torch.eye(N_TOLD + N_ASKED)
    normal = torch.randn(n, N_TOLD + N_ASKED, 1, generator=generator, dtype=torch.float64)
    values = (torch.linalg.cholesky(covariance) @ normal)[..., 0]
    n_told = torch.randint(1, N_TOLD + 1, (n, 1), generator=generator)
    return points.float(), values.float(), torch.arange(N_TOLD)[None] < n_told, covariance


def density_of(process: TransformerProcess, points: Tensor, values: Tensor, is_told: Tensor) -> Tensor:
    none = torch.zeros(*points.shape[:2], 0)
    support = Tokens(points[:, :N_TOLD], none[:, :N_TOLD])
    query = Tokens(points[:, N_TOLD:], none[:, N_TOLD:])
    costs = process(support, values[:, :N_TOLD] * is_told, is_told, query, torch.zeros(len(points), 0))
    return log_density(values[:, N_TOLD:], costs)


def test_it_comes_near_to_the_process_that_it_learned_from_draws_of() -> None:
    generator = torch.Generator().manual_seed(0)

    def loss() -> Tensor:
        points, values, is_told, _ = draw_process(generator, 32)
        return -density_of(process, points, values, is_told).mean()

    with seeded(0):
        process = TransformerProcess(1, width=32, n_blocks=2)
        train(process, loss, lambda: float(loss().detach()), Effort(n_rounds=4, n_steps=120, learning_rate=4e-3))
    points, values, is_told, covariance = draw_process(torch.Generator().manual_seed(1), 200)
    with torch.no_grad():
        own = float(density_of(process, points, values, is_told).mean())
    exact = []
    for row in range(200):
        told = np.flatnonzero(is_told[row].numpy())
        whole, seen = covariance[row].numpy(), values[row].double().numpy()
        weights = whole[N_TOLD:][:, told] @ np.linalg.inv(whole[np.ix_(told, told)])
        mean, left = weights @ seen[told], np.diag(whole)[N_TOLD:] - (weights * whole[N_TOLD:][:, told]).sum(axis=1)
        exact.append(-0.5 * ((seen[N_TOLD:] - mean) ** 2 / left + np.log(2 * math.pi * left)))
    prior = float(-0.5 * (values[:, N_TOLD:] ** 2 + math.log(2 * math.pi)).mean())
    best = float(np.mean(exact))
    assert own - prior > 0.65 * (best - prior), (prior, own, best)


def test_empty_places_change_nothing_and_no_query_sees_another() -> None:
    points, values, is_told, _ = draw_process(torch.Generator().manual_seed(0), 5)
    with seeded(0):
        process = TransformerProcess(1, width=16, n_blocks=2).eval()
        torch.nn.init.normal_(process.correction.weight)
    changed = points.clone()
    changed[:, :N_TOLD][~is_told] = 9.0
    changed[:, -1] = 7.0
    with torch.no_grad():
        one, other = (density_of(process, each, values, is_told)[:, :-1] for each in (points, changed))
    np.testing.assert_allclose(one, other, atol=1e-5)


# --- memory -----------------------------------------------------------------------------------------------------------

N_AXES = 6


def recall(
    net: MemoryProcess, generator: torch.Generator, n_stored: int, *, with_memory: bool
) -> tuple[Tensor, Tensor]:
    """Return the density of stored values under noisy keys, and what was expected less the value, (64, 1) each.

    Keys and values are drawn anew each time, so that no net can know them by heart.
    """
    keys, values = torch.randn(n_stored, N_AXES, generator=generator), torch.randn(n_stored, 1, generator=generator)
    asked = torch.randint(n_stored, (64,), generator=generator)
    contexts = keys[asked] + 0.1 * torch.randn(64, N_AXES, generator=generator)
    is_shown = torch.full((64, n_stored), with_memory)
    nothing = Results(
        rows=torch.zeros(64, 0, dtype=torch.int64),
        values=torch.zeros(64, 0),
        is_told=torch.zeros(64, 0, dtype=torch.bool),
    )
    one = torch.zeros(64, 1)
    rows = torch.zeros(64, 1, dtype=torch.int64)
    costs = net(torch.zeros(1, 1), (one, contexts), nothing, rows, Shown((keys, values), is_shown))
    return log_density(values[asked], costs), costs.mean - values[asked]


@pytest.mark.parametrize("with_memory", [True, False])
def test_a_value_is_recalled_by_a_noisy_key_from_the_memory_alone(with_memory: bool) -> None:
    generator = torch.Generator().manual_seed(0)

    def loss() -> Tensor:
        return -recall(net, generator, 20, with_memory=with_memory)[0].mean()

    with seeded(0):
        net = MemoryProcess(1, N_AXES)
        net.reader.drop, net.process.drop = 0.0, 0.0
        train(net, loss, lambda: float(loss().detach()), Effort(n_rounds=2, n_steps=60, learning_rate=5e-3))
        with torch.no_grad():
            left = recall(net, torch.Generator().manual_seed(1), 40, with_memory=with_memory)[1]
    error = float((left**2).mean())
    assert error < 0.1 if with_memory else error > 0.7, error


def test_a_reader_finds_the_task_whose_values_go_with_the_results() -> None:
    with seeded(0):
        reader = Reader(2, n_heads=2).eval()
    values = torch.tensor([[0.0, 1.0, 0.2, 0.9], [1.0, 0.0, 0.8, 0.1]])
    told = Results(
        rows=torch.tensor([[0, 1]]), values=torch.tensor([[5.0, 6.0]]), is_told=torch.ones(1, 2, dtype=torch.bool)
    )
    memory = (torch.zeros(2, 2), values)
    shown = torch.ones(1, 2, dtype=torch.bool)
    with torch.no_grad():
        before = reader(torch.zeros(1, 2), None, memory, shown)[0, 0]
        after = reader(torch.zeros(1, 2), told, memory, shown)[0, 0]
        hidden = reader(torch.zeros(1, 2), told, memory, torch.tensor([[False, True]]))[0, 0]
    assert before[2:].tolist() == pytest.approx([0.5, 0.5], abs=0.02)
    assert after[2:].tolist() == pytest.approx([0.2, 0.9], abs=0.05)
    assert hidden[2:].tolist() == pytest.approx([0.8, 0.1], abs=0.05)


def test_a_memory_stores_a_task_once() -> None:
    memory = Memory(keys=np.zeros((2, 1)), values=np.zeros((2, 3)), names=("a", "b"), families=("f", "g"))  # type: ignore[arg-type] # of any precision
    more = memory.with_tasks(np.ones((2, 1)), np.ones((2, 3)), ["b", "c"], ["g", "f"])  # type: ignore[arg-type] # as above
    assert more.names == ("a", "b", "c")
    assert more.values[:, 0].tolist() == [0.0, 1.0, 1.0]
    assert memory.n_tasks == 2
    assert more.shown_to(["f", "x"]).tolist() == [[False, True, False], [True, True, True]]


# --- as a recommender -------------------------------------------------------------------------------------------------


def test_new_tasks_join_without_training_and_are_made_use_of() -> None:
    rng = np.random.default_rng(0)
    losses = rng.uniform(0.3, 0.5, size=(20, 6))
    losses[:, 0] = 0.1
    features = [{"size": float(row % 2), "shape": 0.0} for row in range(20)]
    old = make_experience(losses.tolist(), metafeatures=features)
    recommender = NeuralProcess(Effort(n_rounds=1, n_steps=2, n_episodes=4)).fit(old)
    turned = rng.uniform(0.3, 0.5, size=(12, 6))
    turned[:, 5] = 0.1
    newer = make_experience(
        [*[[0.2] * 6] * 20, *turned.tolist()], metafeatures=[*features, *[{"size": 40.0, "shape": 40.0}] * 12]
    ).of_tasks(np.arange(32) >= 20)
    task = make_description("new", metafeatures={"size": 40.0, "shape": 40.0})
    weights = recommender.state()
    before = recommender.predict(task, old.configurations).mean
    assert recommender.remember(newer) == 12
    assert recommender.remember(newer) == 12
    assert recommender.memory_.n_tasks == 32
    after = recommender.predict(task, old.configurations).mean
    assert all(np.array_equal(weights[name], value) for name, value in recommender.state().items())
    assert after[5] - after[0] < before[5] - before[0] - 0.1


def test_runs_of_configurations_that_were_not_there_are_left_out() -> None:
    recommender = NeuralProcess(Effort(n_rounds=1, n_steps=2, n_episodes=4)).fit(draw_experience(0, n_tasks=12))
    wider = draw_experience(1, n_tasks=20, n_configurations=11)
    assert recommender.remember(wider) == 20
    assert recommender.memory_.values.shape == (20, 8)
    small = NeuralProcess().fit(draw_experience(0, n_tasks=3))
    assert small.remember(wider) == 0
