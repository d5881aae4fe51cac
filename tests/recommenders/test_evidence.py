"""Evidence and reasons name the right runs."""

import numpy as np
import pytest

from autometa.recommenders.average import BestOnAverage
from autometa.recommenders.evidence import evidence_for, reasons_for
from autometa.recommenders.nearest import NearestTasks
from autometa.recommenders.portfolio import GreedyPortfolio
from autometa.space import Configuration
from autometa.task_kind import TaskKind
from tests.recommenders.experiences import (
    INF,
    NAN,
    make_configurations,
    make_description,
    make_evaluation,
    make_experience,
    reordered,
)

NEW = make_description("new", metafeatures={"size": 0.0})
STRANGER = Configuration(algorithm="stranger")
EXPERIENCE = make_experience(
    [
        [0.10, 0.20, 0.30, 0.30, 0.30],
        [0.20, 0.10, 0.30, 0.30, INF],
        [0.30, 0.20, 0.10, 0.30, NAN],
        [0.25, 0.20, 0.30, 0.10, 0.30],
    ]
)
CONFIGURATIONS = EXPERIENCE.configurations


# --- evidence ---------------------------------------------------------------------------------------------------------


def test_a_run_names_its_task_score_and_place() -> None:
    recommender = NearestTasks(n_neighbours=1).fit(EXPERIENCE)
    (run,) = evidence_for(recommender, make_description("new", metafeatures={"size": 1.0}), CONFIGURATIONS)[0]
    assert (run.task, run.fingerprint) == ("1", "fingerprint of 1")
    assert run.score == pytest.approx(0.8)
    assert (run.rank, run.n_tried) == (2, 5)


def test_the_strongest_votes_come_first_and_there_are_three() -> None:
    losses = [[0.0, 1.0, 1.0], [0.2, 0.0, 1.0], [0.4, 0.0, 0.8], [0.1, 0.0, 0.9]]
    evidence = evidence_for(BestOnAverage().fit(make_experience(losses)), NEW, make_configurations(3))
    # Normalised losses of the first: 0, 1, 0.5 / 0.5..., so of four tasks those where it was best speak.
    assert [run.task for run in evidence[0]] == ["0"]
    assert [run.task for run in evidence[1]] == ["1", "2", "3"]


def test_equal_votes_go_by_rank() -> None:
    # Half way from best to median on both, but third on the first task and second on the second.
    experience = make_experience([[0.3, 0.0, 0.1, 0.6, 0.6, 0.6, 0.6], [0.3, 0.0, 0.6, 0.6, 0.6, 0.6, 0.6]])
    runs = evidence_for(BestOnAverage().fit(experience), NEW, experience.configurations)[0]
    assert [(run.task, run.rank) for run in runs] == [("1", 2), ("0", 3)]


def test_equal_ranks_go_by_fingerprint_whatever_the_order_of_tasks() -> None:
    losses = [[0.1, 0.5, 0.5]] * 5
    experience = make_experience(losses)
    for order in ([0, 1, 2, 3, 4], [4, 2, 0, 1, 3]):
        recommender = BestOnAverage().fit(reordered(experience, order, range(3)))
        evidence = evidence_for(recommender, NEW, experience.configurations)
        assert [run.task for run in evidence[0]] == ["0", "1", "2"]


def test_ties_share_a_rank_and_failures_count_as_tried() -> None:
    experience = make_experience([[0.2, 0.1, 0.2, INF, NAN, 0.9, 0.9, 0.9]])
    evidence = evidence_for(BestOnAverage().fit(experience), NEW, experience.configurations)
    assert [[(run.rank, run.n_tried) for run in runs] for runs in evidence[:3]] == [[(2, 7)], [(1, 7)], [(2, 7)]]


def test_failures_and_gaps_are_no_evidence() -> None:
    experience = make_experience([[0.1, INF, NAN]] * 3)
    for recommender in (BestOnAverage(), GreedyPortfolio(), NearestTasks()):
        evidence = evidence_for(recommender.fit(experience), NEW, [*experience.configurations, STRANGER])
        assert [len(runs) for runs in evidence] == [3, 0, 0, 0]


def test_scores_have_the_direction_of_the_metric() -> None:
    experience = make_experience([[2.5, 5.0, 5.0]], kind=TaskKind.REGRESSION)
    assert evidence_for(BestOnAverage().fit(experience), NEW, experience.configurations)[0][0].score == 2.5


def test_the_portfolio_names_the_tasks_that_a_pick_makes_up_for() -> None:
    recommender = GreedyPortfolio().fit(EXPERIENCE)
    order = recommender.rank(NEW, CONFIGURATIONS)
    evidence = evidence_for(recommender, NEW, [CONFIGURATIONS[position] for position in order])
    best_on = {str(column): str(column) for column in range(4)}
    for position, runs in list(zip(order, evidence, strict=True))[1:4]:
        assert runs[0].task == best_on[str(position)]
        assert runs[0].rank == 1


# --- reasons ----------------------------------------------------------------------------------------------------------


def test_reasons_count_the_tasks_where_it_was_among_the_best() -> None:
    # Scores of 1 % below the best (0.990 of 1.0 is 0.99 x the best) are as good as the best; 1.5 % below are not.
    experience = make_experience([[0.0, 0.010, 0.015], [0.1, 0.108, 0.2], [0.1, NAN, INF], [INF, NAN, NAN]])
    reasons = reasons_for(BestOnAverage().fit(experience), NEW, experience.configurations)
    assert reasons[0][0] == "within 1 % of the best on 3 of 4 known binary tasks"
    assert reasons[1][0] == "within 1 % of the best on 2 of 2 known binary tasks"
    assert reasons[2][0] == "within 1 % of the best on 0 of 3 known binary tasks"


def test_for_losses_within_one_percent_is_meant_of_the_loss() -> None:
    experience = make_experience([[100.0, 100.9, 101.5], [0.0, 0.0, 1.0]], kind=TaskKind.REGRESSION)
    reasons = reasons_for(BestOnAverage().fit(experience), NEW, experience.configurations)
    assert [reason[0].split(" known")[0][-6:] for reason in reasons] == ["2 of 2", "2 of 2", "0 of 2"]


def test_what_one_adds_to_those_before_it_is_said_of_a_portfolio_alone() -> None:
    experience = make_experience([[0.0, 0.5, 1.0], [1.0, 0.5, 0.0]])
    recommender = BestOnAverage().fit(experience)
    adds = "lowers the mean regret of the advice so far from 1.00 to 0.50"
    reasons = reasons_for(recommender, NEW, experience.configurations, order_by=experience)
    assert adds in reasons[0]
    others = make_experience([[0.0, 0.5, 1.0], [0.0, 0.5, 1.0], [1.0, 0.5, 0.0]])
    reasons = reasons_for(recommender, NEW, experience.configurations, order_by=others)
    assert adds.replace("0.50", "0.33") in reasons[0]
    reasons = reasons_for(recommender, NEW, experience.configurations)
    assert not any("regret" in text for text in reasons[0])


def test_the_default_and_what_was_measured_here_are_said() -> None:
    recommender = BestOnAverage().fit(EXPERIENCE)
    default = Configuration(algorithm="a")
    observed = [make_evaluation(default), make_evaluation(CONFIGURATIONS[0], None), make_evaluation(CONFIGURATIONS[1])]
    reasons = reasons_for(recommender, NEW, [default, *CONFIGURATIONS[:2]], observed)
    assert reasons[0] == ("measured on this very table", "the library's default")
    assert "measured on this very table" not in reasons[1], "it failed here"
    assert "measured on this very table" in reasons[2]


def test_unknown_configurations_have_no_reasons() -> None:
    other = Configuration(algorithm="stranger", values={"x": 1})
    assert reasons_for(BestOnAverage().fit(EXPERIENCE), NEW, [other]) == [()]


def test_what_each_pick_adds_is_said_of_any_recommender_if_it_adds_anything() -> None:
    experience = make_experience(
        [
            [0.0, 0.9, 0.4, 1.0, 1.0, 1.0, 1.0],
            [0.9, 0.0, 0.4, 1.0, 1.0, 1.0, 1.0],
        ]
    )
    chosen = [experience.configurations[column] for column in (2, 0, 1, 3)]
    steps = ["1.00 to 0.40", "0.40 to 0.20", "0.20 to 0.00"]
    for recommender in (GreedyPortfolio(), BestOnAverage(), NearestTasks()):
        reasons = reasons_for(recommender.fit(experience), NEW, chosen, order_by=experience)
        expected = [f"lowers the mean regret of the advice so far from {step}" for step in steps]
        assert [r[-1] for r in reasons[:3]] == expected
        assert not any("regret" in text for text in reasons[3])


def test_the_counts_agree_with_the_experience() -> None:
    rng = np.random.default_rng(0)
    losses = rng.uniform(0.1, 0.2, size=(30, 5))
    reasons = reasons_for(BestOnAverage().fit(make_experience(losses.tolist())), NEW, make_configurations(5))
    scores = 1 - losses
    expected = (scores >= 0.99 * scores.max(axis=1, keepdims=True)).sum(axis=0)
    assert [f"on {count} of 30" in reason[0] for count, reason in zip(expected, reasons, strict=True)] == [True] * 5
