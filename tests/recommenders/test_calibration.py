"""Intervals: against a hand calculation, and against new tasks."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from autometa.evaluation.record import Evaluation
from autometa.knowledge.frames import Experience
from autometa.recommender_names import RECOMMENDERS
from autometa.recommenders.average import BestOnAverage
from autometa.recommenders.base import Prediction
from autometa.recommenders.calibration import REFERENCE, Calibration, calibrate
from autometa.space import Configuration
from autometa.task import TaskDescription
from autometa.task_kind import TaskKind
from tests.recommenders.experiences import INF, NAN, draw_experience, make_experience, reordered

FLOOR = 1e-3


def calibration_of(residuals: Sequence[float]) -> Calibration:
    """Return the calibration of tasks with one residual each."""
    told = np.array(residuals)
    return Calibration(residuals=told, weights=np.ones(len(told)), first=told, n_tasks=len(told))


def around(calibration: Calibration, loss: float) -> tuple[float, float]:
    """Return the interval around what a recommender predicted, on a task whose unit is 1."""
    return calibration.interval(float(calibration.centred(np.array([loss]), 1.0)[0]), 1.0)


def world(seed: int, n_tasks: int) -> Experience:
    """Return tasks whose level follows from a meta-feature but for a factor of chance, with 12 configurations."""
    rng = np.random.default_rng(seed)
    place = rng.uniform(-1, 1, size=n_tasks)
    best = 0.5 * np.exp(place + 0.4 * rng.normal(size=n_tasks))
    quality = np.linspace(0, 1, 12) + 0.3 * rng.normal(size=(n_tasks, 12))
    losses = best[:, None] * (1 + np.abs(quality) * np.exp(0.3 * rng.normal(size=(n_tasks, 1))))
    features = [{"size": value, "target_std": 2.0} for value in place.tolist()]
    return make_experience(losses.tolist(), metafeatures=features, kind=TaskKind.REGRESSION)


# --- the interval -----------------------------------------------------------------------------------------------------


def test_the_ends_are_the_order_statistics_of_split_conformal_prediction() -> None:
    residuals = np.linspace(-1, 1, 19)
    low, high = around(calibration_of(np.random.default_rng(0).permutation(residuals).tolist()), 0.5)
    # Of 19, for 10 % in each tail: the floor(0.1 x 20) = 2nd and the ceil(0.9 x 20) = 18th.
    assert low == pytest.approx((0.5 + FLOOR) * np.exp(residuals[1]) - FLOOR)
    assert high == pytest.approx((0.5 + FLOOR) * np.exp(residuals[17]) - FLOOR)


@pytest.mark.parametrize("n_tasks", [9, 10, 14, 19, 25, 29, 39, 49, 99, 100])
def test_the_ends_are_those_of_any_number_of_tasks(n_tasks: int) -> None:
    residuals = np.linspace(-1, 1, n_tasks)
    low, high = around(calibration_of(residuals.tolist()), 0.5)
    below, above = int((n_tasks + 1) // 10), -int(-9 * (n_tasks + 1) // 10)
    assert low == pytest.approx((0.5 + FLOOR) * np.exp(residuals[below - 1]) - FLOOR)
    assert high == pytest.approx((0.5 + FLOOR) * np.exp(residuals[above - 1]) - FLOOR)


@pytest.mark.parametrize("n_tasks", [0, 1, 8])
def test_too_few_tasks_say_nothing(n_tasks: int) -> None:
    assert calibration_of([0.0] * n_tasks).centre == 0.0
    assert calibration_of([0.0] * n_tasks).interval(0.5, 1.0) == (0.0, INF)


def test_predictions_that_usually_are_too_good_are_moved_to_the_middle() -> None:
    calibration = calibration_of([0.1, 0.2, 0.3, 0.4, 2.0])
    assert calibration.centre == 0.3
    losses = np.array([0.0, 1.0, 4.0])
    np.testing.assert_allclose(calibration.centred(losses, 2.0), 2.0 * ((losses / 2.0 + FLOOR) * np.exp(0.3) - FLOOR))
    assert (calibration_of([-0.5] * 5).centred(losses, 2.0) >= 0.0).all()


def test_a_wider_coverage_needs_more_tasks_and_gives_a_wider_interval() -> None:
    calibration = calibration_of(np.linspace(-1, 1, 30).tolist())
    assert calibration.interval(0.5, 1.0, coverage=0.95) == (0.0, INF)
    (low, high), (lower, higher) = (calibration.interval(0.5, 1.0, coverage=c) for c in (0.5, 0.8))
    assert lower < low < high < higher


def test_losses_scale_with_the_unit_of_the_task() -> None:
    calibration = calibration_of(np.linspace(-0.5, 0.5, 30).tolist())
    small, large = calibration.interval(0.5, 1.0), calibration.interval(500.0, 1000.0)
    assert large == pytest.approx((1000 * small[0], 1000 * small[1]))


def test_no_loss_is_negative() -> None:
    low, high = calibration_of([-3.0] * 14 + [0.0] * 16).interval(1e-6, 1.0)
    assert low == 0.0
    assert high == pytest.approx(1e-6)


def test_a_task_with_many_residuals_has_no_more_weight_than_one_with_few() -> None:
    many = Calibration(
        residuals=np.array([0.0] * 19 + [5.0] * 100),
        weights=np.array([1.0] * 19 + [0.01] * 100),
        first=np.linspace(-1.0, 1.0, 20),
        n_tasks=20,
    )
    assert many.interval(0.5, 1.0) == pytest.approx((0.5, 0.5)), "one task of twenty lies in the tail"


def test_the_interval_of_the_first_advice_is_made_of_its_own_residuals_around_the_same_centre() -> None:
    both = Calibration(
        residuals=np.linspace(-3.0, 4.0, 190), weights=np.full(190, 0.1), first=np.linspace(-1.0, 1.0, 19), n_tasks=19
    )
    centre = both.centre
    expected = [(0.5 + FLOOR) * np.exp(both.first[place] - centre) - FLOOR for place in (1, 17)]
    assert both.interval(0.5, 1.0, is_first=True) == pytest.approx(expected)
    low, high = both.interval(0.5, 1.0)
    assert low < expected[0] < expected[1] < high


# --- calibrating ------------------------------------------------------------------------------------------------------


class Watching(BestOnAverage):
    """Best on average, which writes down what it predicts and refuses to predict what it has seen."""

    def __init__(self, predicted: list[str]) -> None:
        self.predicted = predicted

    def predict(
        self,
        description: TaskDescription,
        configurations: Sequence[Configuration],
        observed: Sequence[Evaluation] = (),
    ) -> Prediction:
        assert description.family not in self.experience_.families
        self.predicted.append(description.name)
        return super().predict(description, configurations, observed)


@pytest.mark.parametrize("n_families", [2, 7, 25])
def test_every_task_is_predicted_without_its_family(n_families: int) -> None:
    base = draw_experience(0, n_tasks=30)
    families = [str(row % n_families) for row in range(30)]
    experience = make_experience(base.losses.tolist(), families=families)
    predicted: list[str] = []
    calibration = calibrate(lambda: Watching(predicted), experience)
    assert set(predicted) == {str(row) for row in range(30)}
    assert calibration.n_tasks == 30
    assert calibration.weights.sum() == pytest.approx(30)


def test_residuals_are_those_of_a_hand_calculation() -> None:
    # Two families, each predicted from the other alone: location and scale are best and spread of the other.
    experience = make_experience([[0.1, 0.2, 0.3], [0.2, 0.4, 0.6]], metafeatures=[{}] * 2)
    calibration = calibrate(BestOnAverage, experience)
    # The last loses twice as much above the best as the median: with one task's worth of the median, sqrt(6) - 1.
    mean = np.array([0.5, 1.0, np.sqrt(6.0) - 1.0])
    first, second = np.array([0.1, 0.2, 0.3]), np.array([0.2, 0.4, 0.6])
    expected = [
        np.log((first + FLOOR) / (0.2 + 0.2 * mean + FLOOR)),
        np.log((second + FLOOR) / (0.1 + 0.1 * mean + FLOOR)),
    ]
    np.testing.assert_allclose(np.sort(calibration.residuals), np.sort(np.concatenate(expected)))
    np.testing.assert_allclose(calibration.weights, 1 / 3)
    np.testing.assert_allclose(np.sort(calibration.first), np.sort([each[0] for each in expected]))


def test_only_what_would_be_advised_and_succeeded_counts() -> None:
    losses = np.tile(np.linspace(0.1, 0.9, 15), (4, 1))
    losses[0, :12] = NAN
    losses[1, :13] = INF
    losses[2] = INF
    calibration = calibrate(BestOnAverage, make_experience(losses.tolist(), metafeatures=[{}] * 4))
    assert calibration.n_tasks == 3
    assert len(calibration.residuals) == 3 + 2 + 10
    assert len(calibration.first) == 3
    np.testing.assert_allclose(np.sort(calibration.weights), [0.1] * 10 + [1 / 3] * 3 + [1 / 2] * 2)


@pytest.mark.parametrize("losses", [[[0.1, 0.2]], [[0.1, 0.2], [0.3, 0.2]]])
def test_one_family_gives_no_calibration(losses: list[list[float]]) -> None:
    calibration = calibrate(BestOnAverage, make_experience(losses, families=["f"] * len(losses)))
    assert calibration.n_tasks == 0
    assert calibration.interval(0.5, 1.0) == (0.0, INF)


@pytest.mark.parametrize("name", RECOMMENDERS)
def test_the_order_of_the_experience_does_not_matter(name: str) -> None:
    experience = draw_experience(1, n_tasks=30)
    order = np.random.default_rng(0).permutation(30).tolist()
    turned = reordered(experience, order, range(8))
    one, other = (calibrate(RECOMMENDERS[name], e, seed=4) for e in (experience, turned))
    np.testing.assert_allclose(np.sort(one.residuals), np.sort(other.residuals), rtol=1e-9)
    np.testing.assert_allclose(np.sort(one.first), np.sort(other.first), rtol=1e-9)
    assert one.interval(0.3, 1.0) == pytest.approx(other.interval(0.3, 1.0))


@pytest.mark.parametrize("name", ["portfolio", "nearest", "boosted", "hybrid"])
def test_intervals_hold_new_tasks_as_often_as_they_say(name: str) -> None:
    shares, shares_of_first = [], []
    for seed in range(10):
        whole = world(seed, n_tasks=60)
        known = whole.of_tasks(np.arange(60) < 40)
        recommender = RECOMMENDERS[name]().fit(known)
        calibration = calibrate(RECOMMENDERS[name], known)
        for row in range(40, 60):
            order = list(recommender.rank(whole.descriptions[row], whole.configurations)[:10])
            predicted = recommender.predict(whole.descriptions[row], whole.configurations).losses[order]
            centred = calibration.centred(predicted, 2.0)
            intervals = np.array([calibration.interval(float(loss), 2.0) for loss in centred])
            measured = whole.losses[row, order]
            shares.append(((intervals[:, 0] <= measured) & (measured <= intervals[:, 1])).mean())
            low, high = calibration.interval(float(centred[0]), 2.0, is_first=True)
            shares_of_first.append(low <= measured[0] <= high)
    assert 0.7 <= np.mean(shares) <= 0.9
    assert 0.7 <= np.mean(shares_of_first) <= 0.9


def test_intervals_are_no_wider_than_the_chance_in_the_tasks() -> None:
    calibration = calibrate(BestOnAverage, world(0, n_tasks=75))
    low, high = calibration.interval(0.5, 2.0)
    # Two measures of chance of 0.4 and 0.3, and a level learned from five neighbours: about exp(+-0.7) for 80 %.
    assert 1.5 < np.sqrt(high / low) < 3.0


def with_unruly(seed: int, n_tasks: int) -> Experience:
    """Return a world in which what the algorithm "c" loses has a factor of chance of its own on each task."""
    whole = world(seed, n_tasks)
    is_unruly = np.array([each.algorithm == "c" for each in whole.configurations])
    chance = np.exp(1.2 * np.random.default_rng(seed + 100).normal(size=(n_tasks, 1)))
    return replace(whole, losses=np.where(is_unruly, whole.losses * chance, whole.losses))


def test_the_best_of_an_algorithm_lies_in_its_interval_as_often_as_that_says() -> None:
    held: dict[str, list[bool]] = {"a": [], "c": [], "c as if of all": []}
    for seed in range(10):
        whole = with_unruly(seed, n_tasks=60)
        known = whole.of_tasks(np.arange(60) < 40)
        recommender = RECOMMENDERS["hybrid"]().fit(known)
        calibration = calibrate(RECOMMENDERS["hybrid"], known)
        for row in range(40, 60):
            for name in ("a", "c"):
                own = [place for place, each in enumerate(whole.configurations) if each.algorithm == name]
                allowed = [whole.configurations[place] for place in own]
                first = recommender.propose(whole.descriptions[row], allowed)
                predicted = recommender.predict(whole.descriptions[row], allowed).losses[first]
                centred = float(calibration.centred(np.array([predicted]), 2.0)[0])
                for key, used in ((name, calibration.of_algorithm(name)), (f"{name} as if of all", calibration)):
                    low, high = used.interval(centred, 2.0, is_first=True)
                    if key in held:
                        held[key].append(bool(low <= whole.losses[row, own[first]] <= high))
    assert 0.7 <= np.mean(held["a"]) <= 0.9
    assert 0.7 <= np.mean(held["c"]) <= 0.9
    assert np.mean(held["c as if of all"]) < 0.6


def test_of_an_algorithm_that_nobody_tried_there_is_the_interval_of_all_and_no_gain() -> None:
    calibration = calibrate(BestOnAverage, world(0, n_tasks=40))
    unknown = calibration.of_algorithm("z")
    assert unknown.interval(0.5, 2.0, is_first=True) == calibration.interval(0.5, 2.0)
    assert unknown.gain_interval(0.1, 1.0) == (-INF, INF)


# --- gains ------------------------------------------------------------------------------------------------------------


def with_reference(losses: list[list[float]], reference: list[float], **options: Any) -> Experience:  # Any: as there
    """Return an experience with a first configuration that is the reference, of these losses."""
    others = make_experience([[own, *row] for own, row in zip(reference, losses, strict=True)], **options)
    configurations = (REFERENCE, *others.configurations[1:])
    return replace(others, configurations=configurations)


def test_errors_of_gains_are_those_of_a_hand_calculation() -> None:
    # Each family is predicted from the other alone: the first advice there is its best, of normalised loss 1/2 here.
    experience = with_reference([[0.1, 0.3], [0.4, 0.2]], [0.2, 0.3], metafeatures=[{}] * 2)
    calibration = calibrate(BestOnAverage, experience)
    # The first task from the second: scale 0.1 and means 1, 1 and 1/2, so the last is advised; it lost 0.3, the
    # reference 0.2, and the predicted gain is 0.1 x (1 - 1/2). The second from the first: the middle one is advised.
    # Losses are centred by the third of six residuals: the last of the second task, of which the first lets expect that
    # it loses sqrt(6) - 1 times as much above the best as the median does.
    centre = (0.2 + FLOOR) / (0.1 + 0.1 * (np.sqrt(6.0) - 1.0) + FLOOR)
    expected = [(0.2 - 0.3 - 0.05 * centre) / 0.1, (0.3 - 0.4 - 0.05 * centre) / 0.1]
    np.testing.assert_allclose(np.sort(calibration.gains), np.sort(expected))


def test_the_reference_itself_gains_nothing() -> None:
    experience = with_reference([[0.5, 0.3]] * 3, [0.1] * 3, metafeatures=[{}] * 3)
    calibration = calibrate(BestOnAverage, experience)
    assert len(calibration.gains) == 0
    assert {name: len(gains) for name, (_, gains) in calibration.by_algorithm.items()} == {
        REFERENCE.algorithm: 0,
        **{each.algorithm: 3 for each in experience.configurations[1:]},
    }


def test_a_task_without_the_reference_has_no_gain() -> None:
    experience = with_reference([[0.1, 0.3]] * 3, [0.2, NAN, INF], metafeatures=[{}] * 3)
    assert len(calibrate(BestOnAverage, experience).gains) == 1
    assert len(calibrate(BestOnAverage, make_experience([[0.1, 0.2]] * 3)).gains) == 0


def test_gains_lie_in_their_interval_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    held = []
    for _ in range(2000):
        draws = rng.standard_t(3, size=30)
        calibration = Calibration(
            residuals=np.zeros(0), weights=np.zeros(0), first=np.zeros(0), n_tasks=0, gains=draws[:29]
        )
        low, high = calibration.gain_interval(1.0, 2.0)
        held.append(low <= 1.0 + 2.0 * draws[29] <= high)
    assert np.mean(held) == pytest.approx(0.8, abs=0.03)


@pytest.mark.parametrize(("n_gains", "is_open"), [(0, True), (8, True), (9, False)])
def test_too_few_gains_say_nothing(n_gains: int, is_open: bool) -> None:
    calibration = Calibration(
        residuals=np.zeros(0), weights=np.zeros(0), first=np.zeros(0), n_tasks=0, gains=np.arange(float(n_gains))
    )
    low, high = calibration.gain_interval(0.0, 1.0)
    assert np.isinf(low) == np.isinf(high) == is_open
    if not is_open:
        assert (low, high) == (0.0, 8.0)
