"""Predicted fit times: known laws are found again, unknown ones are assumed."""

from dataclasses import replace

import numpy as np
import pytest

from autometa.evaluation.protocol import CV_V1, Protocol
from autometa.knowledge.frames import Experience
from autometa.recommenders.cost import FitTime, PeakMemory, PredictTime
from autometa.space import Configuration
from autometa.task import TaskDescription
from tests.recommenders.experiences import NAN, make_configurations, make_description

# Few rows are used, so that what is measured and what is asked for differ.
PROTOCOL = Protocol(name="quick", row_limit=1000, small_rows=100, n_small_folds=5, n_folds=3)
LEVELS = {"a": 1e-4, "b": 1e-3, "c": 1e-2}
EXPONENTS = {"a": (1.0, 1.0, 0.5), "b": (1.8, 0.3, 0.0), "c": (0.0, 0.5, 1.0)}


def seconds_of(configuration: Configuration, n_rows: float, n_columns: float, n_classes: float) -> float:
    """Return how long a fit takes by the law that is to be found again."""
    rows, columns, classes = EXPONENTS[configuration.algorithm]
    level = LEVELS[configuration.algorithm] * (1 + float(configuration.values["x"] or 0))
    return float(level * n_rows**rows * n_columns**columns * n_classes**classes)


def describe(name: str, n_rows: int, n_columns: int, n_classes: float) -> TaskDescription:
    """Return a description of this size."""
    return make_description(name, n_rows=n_rows, n_columns=n_columns, metafeatures={"nr_class": n_classes})


def measured(n_tasks: int = 200, noise: float = 0.0) -> Experience:
    """Return an experience of tasks of all sizes, with times by the law, on the rows that the protocol uses."""
    rng = np.random.default_rng(0)
    sizes = np.exp(rng.uniform([3, 0, 0.7], [9, 6, 3], size=(n_tasks, 3))).astype(int)
    configurations = make_configurations(9)
    seconds = np.array(
        [[seconds_of(c, PROTOCOL.fit_rows(n_rows), m, k) for c in configurations] for n_rows, m, k in sizes.tolist()]
    )
    seconds = seconds * np.exp(noise * rng.normal(size=seconds.shape))
    from_sizes = [describe(str(row), *size) for row, size in enumerate(sizes.tolist())]
    return experience_of(from_sizes, configurations, seconds)


def experience_of(
    descriptions: list[TaskDescription], configurations: tuple[Configuration, ...], seconds: np.ndarray
) -> Experience:
    """Return an experience with these fit times."""
    from autometa.metric import get_metric

    return Experience(
        kind=descriptions[0].kind,
        metric=get_metric("roc_auc"),
        revision=1,
        descriptions=tuple(descriptions),
        configurations=configurations,
        losses=np.where(np.isnan(seconds), np.nan, 0.1),
        fit_seconds=seconds,
        memory_bytes=np.full(seconds.shape, np.nan),
    )


@pytest.mark.parametrize(("noise", "tolerance"), [(0.0, 0.2), (0.3, 0.25)])
@pytest.mark.parametrize("size", [(500, 10, 2), (20_000, 100, 2), (50, 5, 10)])
def test_a_known_law_is_found_again(size: tuple[int, int, int], noise: float, tolerance: float) -> None:
    experience = measured(noise=noise)
    predicted = FitTime().fit({PROTOCOL: experience}).predict(describe("new", *size), experience.configurations)
    expected = [max(seconds_of(c, *size), 1e-3) for c in experience.configurations]
    np.testing.assert_allclose(np.log(predicted), np.log(expected), atol=tolerance)


def test_one_measurement_gives_the_level_and_the_assumption_the_rest() -> None:
    configurations = make_configurations(1)
    experience = experience_of([describe("0", 100, 10, 2)], configurations, np.array([[2.0]]))
    model = FitTime().fit({PROTOCOL: experience})
    on_80_rows, on_160_rows, wider = (
        model.predict(describe("new", *size), configurations)[0] for size in [(80, 10, 2), (160, 10, 2), (80, 20, 2)]
    )
    assert PROTOCOL.fit_rows(100) == 80
    assert on_80_rows == pytest.approx(2.0)
    assert on_160_rows == pytest.approx(4.0)
    assert wider == pytest.approx(2.0 * 2**0.7)


def test_the_prediction_is_for_the_whole_table_and_not_for_a_fold() -> None:
    experience = experience_of([describe("0", 10_000, 10, 2)], make_configurations(1), np.array([[2.0]]))
    predicted = FitTime().fit({CV_V1: experience}).predict(describe("new", 10_000, 10, 2), experience.configurations)
    assert predicted[0] == pytest.approx(2.0 * 10_000 / CV_V1.fit_rows(10_000))


def test_what_was_never_measured_is_unknown() -> None:
    configurations = make_configurations(3)
    experience = experience_of([describe("0", 100, 10, 2)], configurations, np.array([[2.0, NAN, 1.0]]))
    stranger = Configuration(algorithm="stranger")
    predicted = FitTime().fit({PROTOCOL: experience}).predict(describe("new", 80, 10, 2), [*configurations, stranger])
    np.testing.assert_array_equal(np.isnan(predicted), [False, True, False, True])


def test_configurations_of_one_algorithm_share_their_exponents() -> None:
    n_rows = [1000.0, 100.0, 10.0]
    configurations = [Configuration(algorithm="a", values={"x": x}) for x in range(40)]
    known = tuple(sorted(configurations, key=lambda c: c.key))
    descriptions = [describe(str(rows), int(rows), 5, 2) for rows in n_rows]
    seconds = np.array([[PROTOCOL.fit_rows(int(rows)) ** 2.0] * 40 for rows in n_rows])
    seconds[1:, 0] = np.nan  # of the first one, only the largest task is known
    model = FitTime().fit({PROTOCOL: experience_of(descriptions, known, seconds)})
    predicted = model.predict(describe("new", 20, 5, 2), known)
    np.testing.assert_allclose(np.log(predicted), np.log(20.0**2), atol=0.15)


def test_times_never_fall_with_the_size_of_the_table() -> None:
    descriptions = [describe(str(rows), rows, 5, 2) for rows in (10, 100, 1000)]
    known = make_configurations(1)
    model = FitTime().fit({PROTOCOL: experience_of(descriptions, known, np.array([[100.0], [1.0], [0.01]]))})
    small, large = (model.predict(describe("new", rows, 5, 2), known)[0] for rows in (10, 10_000))
    assert 0 < small <= large


@pytest.mark.parametrize("n_classes", [NAN, 0.0])
def test_an_unknown_number_of_classes_counts_as_one(n_classes: float) -> None:
    known = make_configurations(1)
    model = FitTime().fit({PROTOCOL: experience_of([describe("0", 100, 5, 1)], known, np.array([[2.0]]))})
    assert model.predict(describe("new", 80, 5, n_classes), known)[0] == pytest.approx(2.0)


def test_runs_of_several_protocols_are_learned_from_together() -> None:
    """What grows faster on many rows than on few is seen where some were fitted on many."""
    large = Protocol(name="large", row_limit=100_000, small_rows=0, n_small_folds=3, n_folds=3, is_holdout=True)
    known = tuple(sorted(map(forest, range(2)), key=lambda c: c.key))
    descriptions = [describe(str(n_rows), n_rows, 5, 2) for n_rows in (100, 300, 1_000, 3_000, 30_000, 90_000)]

    def seconds(protocol: Protocol) -> np.ndarray:
        rows = np.array([[protocol.fit_rows(description.n_rows)] * 2 for description in descriptions])
        return np.asarray(1e-3 * rows * (1.0 + rows / 10_000))

    on_few = {PROTOCOL: experience_of(descriptions, known, seconds(PROTOCOL))}
    on_many = experience_of(descriptions, known, np.where(np.arange(2) == 0, seconds(large), NAN))
    new = describe("new", 60_000, 5, 2)
    expected = 1e-3 * 60_000 * 7.0
    few = FitTime().fit(on_few).predict(new, known)
    both = FitTime().fit({**on_few, large: on_many}).predict(new, known)
    assert (few < expected / 3).all()
    assert both[0] == pytest.approx(expected, rel=0.5)
    assert both[1] > 1.5 * few[1]  # of which no run on many rows is known, but of its algorithm
    none = experience_of(descriptions, known, seconds(large)).of_tasks(np.zeros(6, dtype=bool))
    np.testing.assert_array_equal(FitTime().fit({**on_few, large: none}).predict(new, known), few)


def forest(x: int) -> Configuration:
    """Return a configuration of one algorithm."""
    return Configuration(algorithm="forest", values={"x": x})


def test_a_time_of_zero_counts_as_a_millisecond() -> None:
    known = make_configurations(1)
    model = FitTime().fit({PROTOCOL: experience_of([describe("0", 100, 5, 2)], known, np.array([[0.0]]))})
    assert model.predict(describe("new", 80, 5, 2), known)[0] == pytest.approx(1e-3)


def test_a_second_fit_forgets_the_first() -> None:
    experience = measured(n_tasks=20)
    once = experience.of_configurations([experience.configurations[0].key])
    model = FitTime().fit({PROTOCOL: experience}).fit({PROTOCOL: once})
    predicted = model.predict(describe("new", 50, 5, 2), experience.configurations)
    assert np.isnan(predicted[1:]).all()
    assert np.isfinite(predicted[0])


def test_memory_follows_its_own_law_and_holds_the_table_at_least() -> None:
    experience = measured()
    experience = replace(experience, memory_bytes=experience.fit_seconds * 1e12, fit_seconds=experience.memory_bytes)
    size = (500, 20, 3)
    expected = [max(seconds_of(c, *size) * 1e12, 500 * 20 * 32) for c in experience.configurations]
    predicted = PeakMemory().fit({PROTOCOL: experience}).predict(describe("new", *size), experience.configurations)
    np.testing.assert_allclose(predicted, expected, rtol=0.1)
    small = replace(experience, memory_bytes=np.full(experience.losses.shape, 5e6))
    flat = PeakMemory().fit({PROTOCOL: small}).predict(describe("new", 10**7, 100, 2), experience.configurations)
    assert (flat >= 10**7 * 100 * 32).all()


def test_predict_times_follow_the_rows_that_were_predicted() -> None:
    sizes = [(n_rows, 5, 2) for n_rows in (30, 120, 600, 3000)]
    known = make_configurations(1)
    per_row = np.array([[1e-3 * PROTOCOL.predict_rows(n_rows)] for n_rows, _, _ in sizes])
    experience = experience_of([describe(str(size), *size) for size in sizes], known, np.ones((4, 1)))
    assert [PROTOCOL.predict_rows(n_rows) for n_rows, _, _ in sizes] == [6, 40, 200, 333]
    model = PredictTime().fit({PROTOCOL: replace(experience, predict_seconds=per_row)})
    for n_rows in (20, 200, 2000):
        assert model.predict(describe("new", n_rows, 5, 2), known)[0] == pytest.approx(1e-3 * n_rows, rel=1e-6)
    assert np.isnan(PredictTime().fit({PROTOCOL: experience}).predict(describe("new", 20, 5, 2), known)[0])


def test_what_an_evaluation_takes_whatever_it_does_is_not_told_apart() -> None:
    experience = replace(measured(), memory_bytes=np.full((200, 9), 1e5))
    predicted = PeakMemory().fit({PROTOCOL: experience}).predict(describe("new", 50, 3, 2), experience.configurations)
    assert (predicted <= PeakMemory.floor * 1.5).all()


def test_an_overhead_is_told_from_what_grows_with_the_table() -> None:
    """Most measured fits take hardly more than the overhead, yet the law holds on a table a hundred times as large."""
    experience = measured(noise=0.05)
    experience = replace(experience, fit_seconds=experience.fit_seconds + 0.5)
    model = FitTime().fit({PROTOCOL: experience})
    for size in ((50_000, 30, 2), (30, 2, 2)):
        predicted = model.predict(describe("new", *size), experience.configurations)
        expected = [0.5 + seconds_of(configuration, *size) for configuration in experience.configurations]
        np.testing.assert_allclose(np.log(predicted), np.log(expected), atol=np.log(2))
