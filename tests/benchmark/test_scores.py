import numpy as np
import pytest

from autometa.benchmark.replay import ORACLE, Replay
from autometa.benchmark.scores import clustered_error, regret_by_time, scores_of
from tests.recommenders.experiences import make_description


def made(
    found: dict[str, list[list[float]]], families: str, fit_seconds: dict[str, list[list[float]]] | None = None
) -> Replay:
    """Return a replay of tasks with losses from 0 to 1 and their median at 0.5."""
    n = len(families)
    return Replay(
        tasks=tuple(make_description(str(row), family) for row, family in enumerate(families)),
        best=np.zeros(n),
        median=np.full(n, 0.5),
        worst=np.ones(n),
        found={name: np.array(losses) for name, losses in found.items()},
        fit_seconds={name: np.array(seconds) for name, seconds in (fit_seconds or {}).items()},
        seconds={},
        n_left_out=0,
    )


def test_scores_are_those_computed_by_hand() -> None:
    replayed = made({"a": [[0.5, 0.1], [0.1, 0.1]], "b": [[0.25, 0.1], [0.1, 0.0]]}, families="xy")
    scores = {(score.method, score.k): score for score in scores_of(replayed, reference="a", ks=(1, 2, 5))}
    assert set(scores) == {("a", 1), ("a", 2), ("b", 1), ("b", 2)}  # 5 were not tried
    b = scores["b", 1]
    assert (b.regret, b.regret_to_worst, b.difference) == pytest.approx((0.35, 0.175, -0.25))
    assert b.rank == pytest.approx((1 + 1.5) / 2)
    assert b.difference_error == pytest.approx(np.sqrt(2 * 0.25**2) / 2)
    assert scores["a", 1].difference == scores["a", 1].difference_error == 0.0


def test_the_error_is_that_of_a_mean_where_each_family_has_one_task() -> None:
    values = np.random.default_rng(0).normal(size=50)
    assert clustered_error(values, [str(i) for i in range(50)]) == pytest.approx(values.std() / np.sqrt(50))


def test_copies_within_families_make_no_error_smaller() -> None:
    values = np.random.default_rng(0).normal(size=20)
    alone = clustered_error(values, [str(i) for i in range(20)])
    assert clustered_error(np.repeat(values, 7), [str(i) for i in range(20) for _ in range(7)]) == pytest.approx(alone)


def test_equal_methods_share_a_win_and_the_oracle_has_no_part() -> None:
    found = {"a": [[0.1], [0.2], [0.0]], "b": [[0.1], [0.1], [0.3]], ORACLE: [[0.0], [0.0], [0.0]]}
    scores = {score.method: score for score in scores_of(made(found, families="xyz"), reference="a", ks=(1,))}
    assert scores["a"].wins == pytest.approx((0.5 + 0 + 1) / 3)
    assert scores["b"].wins == pytest.approx((0.5 + 1 + 0) / 3)
    assert scores["a"].rank == pytest.approx((1.5 + 2 + 1) / 3)
    assert np.isnan([scores[ORACLE].wins, scores[ORACLE].rank]).all()
    assert scores[ORACLE].regret == 0.0


def test_regret_by_time_counts_what_has_ended_and_one_before() -> None:
    found = {"a": [[0.25, 0.0], [0.5, 0.25], [0.0, 0.0]]}  # regrets 0.5, 0 and 1, 0.5
    seconds = {"a": [[1.0, 3.0], [2.0, 4.0], [np.nan, np.nan]]}  # nothing is known of the third
    replayed = made(found, families="xyz", fit_seconds=seconds)
    mean, error = regret_by_time(replayed, "a", np.array([0.5, 1.0, 3.0, 9.0]))
    assert mean.tolist() == [1.0, (0.5 + 1.0) / 2, (0.0 + 1.0) / 2, (0.0 + 0.5) / 2]
    assert error[1] == pytest.approx(np.sqrt(2 * 0.25**2) / 2)
    unknown = made(found, families="xyz", fit_seconds={"a": [[np.nan] * 2] * 3})
    assert np.isnan(regret_by_time(unknown, "a", np.ones(2))).all()
