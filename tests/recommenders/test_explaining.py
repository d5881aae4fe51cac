"""An explanation says in words what the figures say."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

from autometa.advisor import Advisor
from autometa.knowledge.shipped import open_knowledge
from autometa.reading import read_task
from autometa.recommenders.attribution import MIN_TASKS
from autometa.recommenders.explaining import N_ATTRIBUTED, N_MOVES, Explanation, Move, explain, standing_words
from autometa.recommenders.standing import Standing, Versus
from autometa.wish import Wish
from tests.recommenders.experiences import make_description, make_experience
from tests.recommenders.test_recommendation import advise, recommend


def make_move(
    value: float = 569.0, share_below: float = 0.2, contribution: float = -0.041, *, share_equal: float = 0.0
) -> Move:
    return Move(
        name="nr_inst",
        meaning="number of rows",
        value=value,
        share_below=share_below,
        share_equal=share_equal,
        n_tasks=120,
        contribution=contribution,
    )


def make_standing(**options: object) -> Standing:
    fields: dict[str, object] = {
        "regret_before": 0.5,
        "regret_after": 0.25,
        "n_tried": 40,
        "n_close": 10,
        "n_similar": 10,
        "n_similar_close": 4,
        "similar_share": 0.55,
        "versus_default": None,
    }
    return Standing(**{**fields, **options})  # type: ignore[arg-type] # fields of any type


@pytest.mark.parametrize(
    ("move", "words"),
    [
        (make_move(), "569 (low, below 80% of the 120 known tasks that have it) speaks for it (-0.04)"),
        (make_move(1e6, 0.9, 0.1), "1,000,000 (high, above 90% of the 120 known tasks that have it) speaks against"),
        (make_move(0.12345, 0.5), "0.123 (as on many known tasks) speaks for it"),
        (make_move(1.0, 0.0), "(low, below all of the 120 known tasks that have it)"),
        (make_move(1.0, 0.0, share_equal=0.008), "(low, below 99% of the 120 known tasks that have it)"),
        (make_move(1.0, 1.0), "(high, above all of the 120 known tasks that have it)"),
        (make_move(1.0, 0.0, share_equal=0.6), "(as on 60% of the 120 known tasks that have it)"),
        (make_move(1.0, 0.3, share_equal=0.4), "(as on many known tasks)"),
        (make_move(math.nan, math.nan, 0.2, share_equal=math.nan), "undefined, speaks against it (+0.20)"),
    ],
)
def test_a_move_is_a_sentence(move: Move, words: str) -> None:
    assert move.words.startswith("number of rows: ")
    assert words in move.words


def test_equal_values_are_not_lower_and_tasks_without_one_do_not_count() -> None:
    third = float(f"{1 / 3:.9g}")  # as a base keeps it
    sizes = [third] * 20 + [1.0] * 9 + [math.nan]
    experience = make_experience(
        [[0.1, 0.2, 0.3] if size == third else [0.3, 0.2, 0.1] for size in sizes],
        metafeatures=[{"size": size} for size in sizes],
    )
    task = make_description("new", metafeatures={"size": 1 / 3})
    recommendation = replace(recommend(advise(experience.configurations[0])), task=task)
    (move,) = explain(experience, recommendation).moves[0]
    assert (move.share_below, move.share_equal, move.n_tasks) == (0.0, 20 / 29, 29)
    assert "(as on 68% of the 29 known tasks that have it) speaks for it" in move.words


def test_a_standing_is_sentences() -> None:
    assert standing_words(make_standing()) == (
        "within 1 % of the best on 4 of the 10 most similar known tasks where it was tried: "
        "55% by likeness, against 25% of all",
    )
    lower = Versus(n_tasks=40, n_better=30, n_worse=9, median_reduction=0.034)
    higher = Versus(n_tasks=40, n_better=9, n_worse=30, median_reduction=-0.034)
    assert standing_words(make_standing(versus_default=lower))[1] == (
        "better than LightGBM's default on 30, worse on 9 of 40 known tasks; its loss lower by 3.4% in the median"
    )
    assert standing_words(make_standing(versus_default=higher))[1].endswith("its loss higher by 3.4% in the median")
    assert (
        "lowers the mean regret of the advice so far by 0.003" in standing_words(make_standing(regret_after=0.497))[1]
    )
    assert standing_words(make_standing(n_similar=0, n_tried=0)) == ()


@pytest.mark.parametrize(
    ("skill", "words"),
    [
        (0.2, "for the pipelines listed here they tell 20% of what varies"),
        (-0.1, "they tell nothing"),
        (math.nan, "too few tasks"),
    ],
)
def test_how_far_the_moves_can_be_trusted_is_said(skill: float, words: str) -> None:
    assert words in Explanation(standings=(), moves=(), skill=skill, n_tasks=50).trust


def test_how_far_the_moves_can_be_trusted_is_said_of_the_pipelines_that_have_moves() -> None:
    explanation = Explanation(standings=(), moves=((),) * (N_ATTRIBUTED + 1), skill=0.2, n_tasks=50)
    assert f"for the first {N_ATTRIBUTED} pipelines listed here they tell 20%" in explanation.trust


@pytest.mark.parametrize("name", ["breast_cancer", "wine", "diabetes"])
def test_every_kind_is_explained_from_the_shipped_runs(shipped_base: Path, examples: Path, name: str) -> None:
    wish = Wish(k=N_ATTRIBUTED + 2)
    with open_knowledge(shipped_base) as base:
        advisor = Advisor(base)
        recommendation = advisor.recommend(read_task(examples / f"{name}.csv"), wish)
        experience = advisor.experience(recommendation, wish)
    explanation = explain(experience, recommendation)
    assert len(explanation.standings) == len(explanation.moves) == len(recommendation)
    assert MIN_TASKS <= explanation.n_tasks <= experience.n_tasks
    assert explanation.moves[N_ATTRIBUTED:] == ((), ())
    before = 1.0
    for advice, standing in zip(recommendation, explanation.standings, strict=True):
        assert standing.regret_before == before
        assert standing.regret_after <= before
        before = standing.regret_after
        assert f"on {standing.n_close} of {standing.n_tried} known" in " ".join(advice.reasons)
    for moves in explanation.moves[:3]:
        assert 0 < len(moves) <= N_MOVES
        for move in moves:
            assert move.value == pytest.approx(recommendation.task.metafeatures[move.name], nan_ok=True)
            shares = move.share_below, move.share_equal
            assert all(map(math.isnan, shares)) if math.isnan(move.value) else 0 <= min(shares) <= sum(shares) <= 1
            assert 0 < move.n_tasks <= experience.n_tasks
    assert repr(explain(experience, recommendation)) == repr(explanation), "the same again"
