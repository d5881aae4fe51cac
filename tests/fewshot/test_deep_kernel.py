"""The deep kernel on families of curves: what it learned over tasks is worth more than a kernel fitted on one alone."""

import numpy as np
import pytest
import torch
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from torch import Tensor

from autometa.fewshot.deep_kernel import DeepKernel, Places, Prior, of_rows
from autometa.fewshot.deep_recommender import DeepKernelGP, Known, tuned
from autometa.fewshot.devices import seeded
from autometa.fewshot.kriging import Kriging, Told, log_density
from autometa.fewshot.training import Effort, train
from tests.recommenders.experiences import draw_experience, make_description, make_evaluation

N_TOLD, N_ASKED = 4, 30


def draw_curves(generator: torch.Generator, n: int) -> tuple[Tensor, Tensor]:
    """Return points, (n, N_TOLD + N_ASKED, 1), and values of waves of one length but any phase and height."""
    points = torch.rand(n, N_TOLD + N_ASKED, 1, generator=generator) * 2.0 - 1.0
    height = 0.5 + 1.5 * torch.rand(n, 1, generator=generator)
    phase = 2.0 * np.pi * torch.rand(n, 1, generator=generator)
    return points, height * torch.sin(4.0 * points[..., 0] + phase)


def split_places(kernel: DeepKernel, points: Tensor) -> tuple[Places, Places]:
    told, asked = points[:, :N_TOLD], points[:, N_TOLD:]
    return (
        kernel.places(told, Prior.of_nothing(len(points), told.shape[1])),
        kernel.places(asked, Prior.of_nothing(len(points), asked.shape[1])),
    )


@pytest.fixture(scope="module")
def trained() -> DeepKernel:
    """Return a kernel that has learned over many curves."""
    generator = torch.Generator().manual_seed(0)

    def loss() -> Tensor:
        points, values = draw_curves(generator, 32)
        support, query = split_places(kernel, points)
        costs = kernel(support, values[:, :N_TOLD], torch.ones(32, N_TOLD, dtype=torch.bool), query)
        return -log_density(values[:, N_TOLD:], costs).mean()

    with seeded(0):
        kernel = DeepKernel(1, scale=1.0, kriging=Kriging(level=0.01, width=0.0))
        train(kernel, loss, lambda: float(loss().detach()), Effort(n_rounds=4, n_steps=60, learning_rate=1e-2))
    return kernel


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_kernel_learned_over_curves_beats_one_fitted_on_a_few_points(trained: DeepKernel) -> None:
    points, values = draw_curves(torch.Generator().manual_seed(1), 60)
    with torch.no_grad():
        support, query = split_places(trained, points)
        costs = trained(support, values[:, :N_TOLD], torch.ones(60, N_TOLD, dtype=torch.bool), query)
    own = (costs.mean - values[:, N_TOLD:]).numpy()
    plain = []
    for x, y in zip(points.double().numpy(), values.double().numpy(), strict=True):
        kernel = ConstantKernel(1.0, "fixed") * RBF(0.3, (0.1, 2.0)) + WhiteKernel(1e-4, "fixed")
        process = GaussianProcessRegressor(kernel).fit(x[:N_TOLD], y[:N_TOLD])
        plain.append(process.predict(x[N_TOLD:]) - y[N_TOLD:])
    assert np.sqrt((own**2).mean()) < 0.8 * np.sqrt((np.array(plain) ** 2).mean())
    z = np.abs(own) / costs.variance.sqrt().numpy()
    assert 0.8 < (z < 1.645).mean() < 0.99, "nine tenths of the values lie in their intervals"


def test_steps_on_its_results_make_them_likelier_and_leave_the_learned_kernel_alone(trained: DeepKernel) -> None:
    points, values = draw_curves(torch.Generator().manual_seed(2), 1)
    n_points = points.shape[1]
    known, contexts = Known(points[0], torch.zeros(n_points, 0)), torch.zeros(1, 2 * n_points)
    rows, told = torch.arange(N_TOLD)[None], values[:, :N_TOLD]
    before = {name: value.clone() for name, value in trained.state_dict().items()}

    def evidence(kernel: DeepKernel) -> float:
        support = of_rows(known.places(kernel, contexts), rows)
        is_told = torch.ones_like(rows, dtype=torch.bool)
        return float(kernel.kriging.log_evidence(kernel.told(support, told, is_told)).detach().sum())

    first = evidence(trained)
    own = tuned(trained, known, (contexts, rows, told), 10)
    assert evidence(own) > first + 0.1
    assert evidence(trained) == first
    assert all(torch.equal(trained.state_dict()[name], value) for name, value in before.items())
    assert not any(torch.equal(own.state_dict()[name], before[name]) for name in ("scales", "linear.weight"))


def test_a_recommender_is_tuned_to_the_results_of_a_task_and_to_no_other() -> None:
    experience = draw_experience(0, n_tasks=20)
    quick = Effort(n_rounds=1, n_steps=3, n_episodes=4)
    plain, tuning = DeepKernelGP(quick).fit(experience), DeepKernelGP(quick, n_tuning=5).fit(experience)
    new, asked = make_description("new", metafeatures={"size": 0.3}), experience.configurations
    runs = [make_evaluation(asked[column], score) for column, score in ((0, 0.9), (1, 0.5), (2, 0.7))]
    for told, is_alike in (([], True), (runs[:1], True), (runs, False), ([], True)):
        one, other = (each.predict(new, asked, told) for each in (plain, tuning))
        assert np.array_equal(one.mean, other.mean) == is_alike
        assert np.array_equal(one.std, other.std) == is_alike
    again = DeepKernelGP(quick, n_tuning=5).fit(experience).predict(new, asked, runs)
    np.testing.assert_array_equal(again.mean, tuning.predict(new, asked, runs).mean)
    assert all(np.array_equal(value, tuning.state()[name]) for name, value in plain.state().items())


# --- kriging ----------------------------------------------------------------------------------------------------------


def test_with_known_level_and_width_it_is_the_textbook_formula() -> None:
    rng = np.random.default_rng(0)
    root = rng.normal(size=(7, 7))
    whole, mean, values = root @ root.T / 7 + 0.1 * np.eye(7), rng.normal(size=7), rng.normal(size=4)
    told = Told(
        values=torch.tensor(values)[None],
        is_told=torch.ones(1, 4, dtype=torch.bool),
        mean=torch.tensor(mean[:4])[None],
        covariance=torch.tensor(whole[:4, :4])[None],
    )
    kriging = Kriging(level=1e-4, width=0.0).double()
    costs = kriging(
        told, torch.tensor(whole[4:, :4])[None], torch.tensor(mean[4:])[None], torch.tensor(np.diag(whole)[4:])[None]
    )
    weights = whole[4:, :4] @ np.linalg.inv(whole[:4, :4])
    np.testing.assert_allclose(costs.mean[0].detach(), mean[4:] + weights @ (values - mean[:4]), atol=2e-3)
    np.testing.assert_allclose(costs.variance[0].detach(), np.diag(whole[4:, 4:] - weights @ whole[:4, 4:]), atol=2e-3)


def test_neither_another_level_nor_empty_places_change_what_is_expected() -> None:
    generator = torch.Generator().manual_seed(0)
    root = torch.randn(6, 6, generator=generator)
    whole = root @ root.T / 6 + 0.1 * torch.eye(6)
    mean, values = torch.randn(6, generator=generator), torch.randn(4, generator=generator)
    kriging = Kriging(level=100.0, width=0.5).double()

    def expected(values: Tensor, n_empty: int) -> np.ndarray:
        rows = torch.tensor([0, 1, 2, 3, *[0] * n_empty])
        told = Told(
            values=torch.cat([values, torch.zeros(n_empty)])[None].double(),
            is_told=(torch.arange(4 + n_empty) < 4)[None],
            mean=mean[rows][None].double(),
            covariance=whole[rows][:, rows][None].double(),
        )
        costs = kriging(
            told, whole[4:][:, rows][None].double(), mean[None, 4:].double(), whole.diag()[None, 4:].double()
        )
        return torch.cat([*costs], dim=1)[0].detach().numpy()

    one = expected(values, 0)
    np.testing.assert_allclose(expected(values, 3), one, rtol=1e-6)
    np.testing.assert_allclose(expected(values + 3.0, 0), one, rtol=2e-3)


def test_of_results_in_other_units_the_width_is_found() -> None:
    generator = torch.Generator().manual_seed(0)
    told = Told(
        values=2.5 * torch.randn(1, 40, generator=generator),
        is_told=torch.ones(1, 40, dtype=torch.bool),
        mean=torch.zeros(1, 40),
        covariance=torch.eye(40)[None],
    )
    kriging = Kriging(level=0.1, width=1.0)
    costs = kriging(told, torch.eye(40)[None, :1], torch.zeros(1, 1), torch.ones(1, 1) + 1e-3)
    assert float(costs.mean.detach() / told.values[0, 0]) == pytest.approx(1 / 2.5, rel=0.15)


def test_what_a_task_has_brought_to_the_directions_is_taken_out_again() -> None:
    left = torch.randn(9, 5, generator=torch.Generator().manual_seed(0)) / 3.0
    with seeded(0):
        kernel = DeepKernel(2)
    with torch.no_grad():
        kernel.scales[:2] = -20.0
        points = torch.zeros(1, 5, 2)
        whole = kernel.places(points, Prior(torch.zeros(1, 5), left.mT, left[None, 0]))
        others = kernel.places(points, Prior(torch.zeros(1, 5), left[1:].mT, torch.zeros(1, 5)))
        one, other = kernel.covariance(whole, whole), kernel.covariance(others, others)
        np.testing.assert_allclose(one, other, atol=1e-6)
        rows = torch.tensor([[3, 1]])
        part = of_rows(whole, rows)
        np.testing.assert_allclose(kernel.covariance(part, part), one[:, [3, 1]][:, :, [3, 1]], atol=1e-6)
        np.testing.assert_allclose(kernel.variance(whole), one.diagonal(dim1=1, dim2=2) + whole.own, atol=1e-6)
