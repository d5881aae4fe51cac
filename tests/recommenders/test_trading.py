"""Trading: the Pareto front by brute force, what is kept of it, and what may stand in it."""

import numpy as np
import pytest

from autometa.errors import OptionError
from autometa.evaluation.record import Evaluation
from autometa.metric import get_metric
from autometa.recommenders.candidates import Candidates
from autometa.recommenders.trading import COSTS, STEP, apart, front, spread, trade
from autometa.task_kind import TaskKind
from autometa.wish import TRADE_OFFS
from tests.recommenders.experiences import NAN, make_configurations, make_evaluation

AUC, RMSE = get_metric("roc_auc", TaskKind.BINARY), get_metric("rmse", TaskKind.REGRESSION)


def _priced(fit_seconds: list[float]) -> Candidates:
    """Return candidates of which only the fit times are known."""
    unknown = np.full(len(fit_seconds), NAN)
    return Candidates(
        configurations=make_configurations(len(fit_seconds)),
        fit_seconds=np.array(fit_seconds),
        memory_bytes=unknown,
        predict_seconds=unknown,
    )


def _order(
    fit_seconds: list[float], losses: list[float], k: int = 9, observed: tuple[Evaluation, ...] = ()
) -> list[int]:
    return trade("time", k, _priced(fit_seconds), np.array(losses), observed, AUC)[1]


def _by_brute_force(costs: list[float], losses: list[float]) -> list[int]:
    """Return what no other beats, by comparing each with each."""
    points = list(zip(costs, losses, range(len(costs)), strict=True))
    kept = [
        (c, place)
        for c, loss, place in points
        if not any(
            (other_c <= c and other <= loss and (other_c < c or other < loss))
            or (other_c == c and other == loss and other_place < place)
            for other_c, other, other_place in points
        )
    ]
    return [place for _, place in sorted(kept)]


@pytest.mark.parametrize("decimals", [12, 1], ids=["all differ", "many ties"])
def test_the_front_is_what_no_other_beats(decimals: int) -> None:
    rng = np.random.default_rng(0)
    for n in (0, 1, 2, 7, 40) * 5:
        costs, losses = np.round(rng.uniform(size=(2, n)), decimals)
        found = front(costs, losses)
        assert found.tolist() == _by_brute_force(costs.tolist(), losses.tolist())
        assert (np.diff(costs[found]) > 0).all()
        assert (np.diff(losses[found]) < 0).all()


def test_what_is_unknown_is_not_in_the_front() -> None:
    assert front(np.array([NAN, 2.0, 1.0]), np.array([0.1, 0.2, NAN])).tolist() == [1]


def test_what_costs_nearly_the_same_is_beaten_by_what_is_better() -> None:
    costs = np.array([1.0, 1.05, 1.5, 1.58, 1.64, 1.66, 2.0])
    assert apart(costs).tolist() == [1, 2, 5, 6], "from the best on, each a tenth cheaper than the one before"
    assert apart(np.array([])).tolist() == []
    rng = np.random.default_rng(0)
    many = np.sort(np.exp(rng.uniform(0, 3, size=200)))
    kept = apart(many)
    assert kept[-1] == 199
    assert (many[kept[1:]] >= STEP * many[kept[:-1]]).all()
    assert len(kept) > 20
    assert _order([1.0, 1.05, 2.0], [0.3, 0.2, 0.1]) == [1, 2]


@pytest.mark.parametrize("k", [1, 2, 3, 7, 20, 30])
def test_of_a_long_front_the_ends_are_kept_and_the_most_spread_between(k: int) -> None:
    rng = np.random.default_rng(k)
    costs, losses = np.sort(rng.uniform(size=20)), -np.sort(-rng.uniform(size=20))
    kept = spread(costs, losses, k).tolist()
    assert kept == sorted(set(kept))
    assert len(kept) == min(k, 20)
    assert kept[-1] == 19
    if k > 1:
        assert kept[0] == 0
    # The third of five on a line is halfway, and of two as far the cheaper comes first.
    line = np.linspace(0.0, 1.0, 5)
    assert spread(line, -line, 3).tolist() == [0, 2, 4]
    assert spread(line, -line, 4).tolist() == [0, 1, 2, 4]


def test_every_cost_that_may_be_wished_has_its_axis() -> None:
    assert tuple(COSTS) == TRADE_OFFS
    for axis in COSTS.values():
        assert getattr(_priced([1.0]), axis.key).shape == (1,)


def test_what_is_equal_in_six_digits_is_equal_and_the_first_counts() -> None:
    assert _order([1.0, 1.0000001, 2.0], [0.3, 0.3, 0.1]) == [0, 2]
    assert _order([1.0, 1.0000001, 2.0], [0.3, 0.2999, 0.1]) == [1, 2]
    assert _order([1.0, 2.0], [0.3, 0.29999999]) == [0]


def test_what_failed_on_the_table_is_left_out_and_what_succeeded_is_not() -> None:
    first, second, _ = make_configurations(3)
    assert _order([1.0, 2.0, 3.0], [0.3, 0.2, 0.1]) == [0, 1, 2]
    observed = (make_evaluation(first, None), make_evaluation(second, 0.8))
    assert _order([1.0, 2.0, 3.0], [0.3, 0.2, 0.1], observed=observed) == [1, 2]


def test_a_trade_off_tells_its_axes_and_what_is_left_out() -> None:
    priced, losses = _priced([1.0, 2.0, 3.0, 4.0]), np.array([40.0, 30.0, 35.0, 20.0])
    trade_off, order = trade("time", 2, priced, losses, (), RMSE)
    assert order == [0, 3]
    assert (trade_off.n_unbeaten, trade_off.n_left_out) == (3, 1)
    assert (trade_off.cost.key, trade_off.cost.unit, trade_off.cost.greater_is_better) == (
        "fit_seconds",
        "CPU seconds",
        False,
    )
    assert (trade_off.score.key, trade_off.score.unit, trade_off.score.greater_is_better) == (
        "predicted_score",
        "unit of the target",
        False,
    )
    assert trade_off.notes == (
        "a trade-off of expected rmse (unit of the target) against predicted time of a fit (CPU seconds): each costs "
        "less than all below it, by a tenth at least; none is expected to be beaten in both",
        "1 of 3 such pipelines are left out; a larger k shows them",
    )
    whole = trade("time", 3, priced, losses, (), RMSE)[0]
    assert len(whole.notes) == 1
    assert trade("time", 3, priced, losses / 100, (), AUC)[0].score.greater_is_better


def test_a_cost_of_which_nothing_is_known_is_refused() -> None:
    with pytest.raises(
        OptionError, match=r"of no candidate the predicted peak memory of a fit is known; choose another"
    ):
        trade("memory", 3, _priced([1.0, 2.0]), np.array([0.1, 0.2]), (), AUC)
    with pytest.raises(OptionError, match="is known"):
        trade("time", 3, _priced([NAN]), np.array([0.1]), (), AUC)
