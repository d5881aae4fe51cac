"""What people read: the order of a list is told where the scores do not show it."""

from dataclasses import replace

import pandas as pd
import pytest
from rich.text import Text

from autometa.cli.drawing import draw_recommendation, short
from autometa.reading import read_task
from autometa.recommenders.recommendation import Recommendation
from autometa.recommenders.trading import COSTS, TradeOff
from autometa.space import Configuration
from tests.recommenders.test_recommendation import advise, recommend

TASK = read_task(pd.DataFrame({"width": range(40), "y": ["a", "b"] * 20}))
TRADE_OFF = TradeOff(cost=COSTS["time"], score=COSTS["memory"], n_unbeaten=3, n_left_out=0)


def scored(*scores: float) -> Recommendation:
    """Return a recommendation whose pipelines have these scores to expect."""
    items = [advise(Configuration(algorithm="ridge", values={"x": rank}), rank) for rank in range(1, len(scores) + 1)]
    return recommend(*(replace(item, predicted_score=score) for item, score in zip(items, scores, strict=True)))


def order_of(recommendation: Recommendation, *, is_refined: bool = False) -> str:
    """Return what is said of the order; empty where nothing is."""
    drawn = draw_recommendation(TASK, recommendation, is_refined=is_refined)
    return "".join(part.plain for part in drawn if isinstance(part, Text) and part.plain.startswith("Order: "))


def test_an_order_by_score_is_not_told() -> None:
    assert order_of(scored(0.9, 0.9, 0.8)) == ""
    assert order_of(replace(scored(0.7, 0.8, 0.9), trade_off=TRADE_OFF)) == ""


def test_an_order_by_regret_is_told() -> None:
    told = "Order: by the regret to expect, and by what a pipeline adds to those before it; not by roc_auc alone, "
    assert order_of(scored(0.9, 0.8, 0.85)) == f"{told}so a later one may be predicted to score better."


@pytest.mark.parametrize("is_refined", [False, True])
def test_an_order_by_what_was_measured_is_told(is_refined: bool) -> None:
    first, *others = scored(0.8, 0.9, 0.85)
    measured = recommend(replace(first, reasons=("measured on this very table",)), *others)
    words = "by roc_auc, but first those" if is_refined else "the best of those that were measured on this table, then"
    assert order_of(measured, is_refined=is_refined).startswith(f"Order: {words} ")


def test_scores_have_digits_whatever_their_size() -> None:
    numbers = (0.97342, 0.00123, 0.0000123, -0.0004567, 0.0, 12.3456, 54321.0, float("nan"))
    told = ["0.9734", "0.0012", "1.23e-05", "-0.000457", "0.0000", "12.35", "5.432e+04", "?"]
    assert [short(number) for number in numbers] == told
