from collections.abc import Sequence

import numpy as np
import pytest

from autometa.benchmark.replay import MIN_OK, ORACLE, Method, Replay, is_judgement, replay
from autometa.errors import DataError
from autometa.evaluation.record import Evaluation
from autometa.knowledge.frames import Experience
from autometa.recommenders.average import BestOnAverage
from autometa.recommenders.portfolio import GreedyPortfolio
from autometa.recommenders.random_order import RandomOrder
from autometa.space import Configuration
from autometa.task import TaskDescription
from tests.recommenders.experiences import INF, NAN, make_description, make_experience


def drawn(n_tasks: int, families: Sequence[str] | None = None, n_configurations: int = 30) -> Experience:
    """Return an experience in which all tasks have drawn losses between 0.1 and 0.5."""
    losses = np.random.default_rng(n_tasks).uniform(0.1, 0.5, (n_tasks, n_configurations))
    return make_experience(losses.tolist(), families=families)


class Spy(BestOnAverage):
    """Keeps what it was shown; tries in the order of the columns."""

    seen: list[tuple[set[str], TaskDescription, tuple[Evaluation, ...]]] = []  # noqa: RUF012 - shared on purpose

    def propose(
        self,
        description: TaskDescription,
        configurations: Sequence[Configuration],
        observed: Sequence[Evaluation] = (),
    ) -> int:
        self.seen.append((set(self.experience_.families), description, tuple(observed)))
        return len(observed)


@pytest.fixture
def spy() -> Method:
    Spy.seen.clear()
    return Method(name="spy", make=Spy)


@pytest.mark.parametrize("n_folds", [None, 3])
def test_no_task_of_a_hidden_family_is_learned_from(spy: Method, n_folds: int | None) -> None:
    experience = drawn(8, families=["a", "a", "b", "c", "c", "d", "e", "f"])
    found = replay(experience, [Method(name="spy", make=Spy, n_folds=n_folds)], n_steps=2).found["spy"]
    assert found.shape == (8, 2)
    assert np.isfinite(found).all()
    assert len(Spy.seen) == 8 * 2
    assert all(description.family not in known for known, description, _ in Spy.seen)
    sizes = {len(known) for known, *_ in Spy.seen}
    assert sizes == {5} if n_folds is None else max(sizes) < 6


def test_what_is_found_is_what_was_stored(spy: Method) -> None:
    experience = drawn(3)
    found = replay(experience, [spy], n_steps=4).found["spy"]
    assert found == pytest.approx(np.minimum.accumulate(experience.losses[:, :4], axis=1))
    told = [observed for _, description, observed in Spy.seen if description.name == "1"][-1]
    assert [e.configuration for e in told] == list(experience.configurations[:3])
    assert [experience.metric.loss(e.score("roc_auc")) for e in told] == pytest.approx(experience.losses[1, :3])


def test_a_failed_proposal_costs_one_evaluation_and_counts_as_the_worst(spy: Method) -> None:
    row = [INF, 0.3, *np.linspace(0.1, 0.5, MIN_OK).tolist()]
    experience = make_experience([row, row])
    replayed = replay(experience, [spy], n_steps=2)
    assert replayed.found["spy"][0].tolist() == [0.5, 0.3]
    assert replayed.regrets("spy", to_worst=True)[0] == pytest.approx([1.0, 0.5])
    assert [str(e.status) for e in Spy.seen[1][2]] == ["failed"]


def test_the_oracle_proposes_the_best_and_takes_its_time(spy: Method) -> None:
    row = [INF, 0.3, *np.linspace(0.1, 0.5, MIN_OK).tolist()]
    seconds = np.tile(np.arange(1.0, len(row) + 1), (2, 1))
    replayed = replay(make_experience([row, row], fit_seconds=seconds), [spy], n_steps=3)
    assert replayed.found[ORACLE].tolist() == [[0.1] * 3] * 2
    assert replayed.fit_seconds[ORACLE].tolist() == [[3.0] * 3] * 2
    assert (replayed.regrets(ORACLE) == 0).all()


def test_a_fit_of_unknown_length_counts_as_the_longest_of_its_task(spy: Method) -> None:
    losses = [[INF, *np.linspace(0.1, 0.5, MIN_OK).tolist()]] * 3
    seconds = np.tile(np.arange(1.0, MIN_OK + 2), (3, 1))
    seconds[0, 0] = NAN
    seconds[1] = NAN
    spent = replay(make_experience(losses, fit_seconds=seconds), [spy], n_steps=2).fit_seconds["spy"]
    assert spent[[0, 2]].tolist() == [[21.0, 23.0], [1.0, 3.0]]
    assert np.isnan(spent[1]).all()


def test_what_was_not_tried_on_a_task_is_not_proposed_there(spy: Method) -> None:
    row = [NAN, NAN, *np.linspace(0.1, 0.5, MIN_OK).tolist()]
    experience = make_experience([row, [0.2] * len(row)])
    replayed = replay(experience, [spy], n_steps=MIN_OK + 5)
    assert replayed.found["spy"][0, 0] == 0.1
    assert replayed.found["spy"].shape == (2, MIN_OK + 5)  # all was tried long before
    assert np.isfinite(replayed.found["spy"]).all()
    assert replayed.fit_seconds["spy"][0, -1] == MIN_OK


def test_thin_tasks_are_left_out_and_counted_but_learned_from(spy: Method) -> None:
    full = np.linspace(0.1, 0.5, MIN_OK).tolist()
    thin = [INF, *full[1:]]
    replayed = replay(make_experience([full, thin, full]), [spy], n_steps=1)
    assert [task.name for task in replayed.tasks] == ["0", "2"]
    assert replayed.n_left_out == 1
    assert {"1"} <= Spy.seen[0][0]


def test_only_the_families_asked_for_are_hidden(spy: Method) -> None:
    replayed = replay(drawn(4, families=["a", "b", "b", "c"]), [spy], families={"b"}, n_steps=1)
    assert [task.name for task in replayed.tasks] == ["1", "2"]
    assert all(known == {"a", "c"} for known, *_ in Spy.seen)


def test_families_that_are_hidden_at_once_are_hidden_from_a_single_fit(spy: Method) -> None:
    experience = drawn(6, families=["a", "a", "b", "c", "d", "d"])
    at_once = [Method(name="spy", make=Spy, n_folds=1)]
    replayed = replay(experience, at_once, families={"a", "b"}, n_steps=1)
    assert [task.name for task in replayed.tasks] == ["0", "1", "2"]
    assert all(known == {"c", "d"} for known, *_ in Spy.seen)
    with pytest.raises(DataError, match="all families are hidden at once"):
        replay(experience, at_once)


@pytest.mark.parametrize(
    ("experience", "families", "words"),
    [
        (drawn(3), {"x"}, "no task of those families is stored"),
        (drawn(2, n_configurations=MIN_OK - 1), None, "all 2 tasks have fewer than 20 successful runs"),
        (drawn(3, families=["a", "a", "a"]), None, "nothing to learn from"),
    ],
)
def test_what_cannot_be_replayed_is_refused(
    spy: Method, experience: Experience, families: set[str] | None, words: str
) -> None:
    with pytest.raises(DataError, match=words):
        replay(experience, [spy], families=families)


def test_regrets_are_those_computed_by_hand() -> None:
    replayed = Replay(
        tasks=(make_description("0"), make_description("1")),
        best=np.array([0.1, 0.2]),
        median=np.array([0.3, 0.2]),
        worst=np.array([0.5, 0.2]),
        found={"m": np.array([[0.5, 0.2, 0.1], [0.2, 0.2, 0.2]])},
        fit_seconds={},
        seconds={},
        n_left_out=0,
    )
    assert replayed.regrets("m") == pytest.approx(np.array([[1.0, 0.5, 0.0], [0.0, 0.0, 0.0]]))
    assert replayed.regrets("m", to_worst=True)[0] == pytest.approx([1.0, 0.25, 0.0])


def test_where_half_of_the_results_are_the_best_all_others_count_fully() -> None:
    replayed = Replay(
        tasks=(make_description("0"),),
        best=np.array([0.1]),
        median=np.array([0.1]),
        worst=np.array([0.5]),
        found={"m": np.array([[0.11, 0.1]])},
        fit_seconds={},
        seconds={},
        n_left_out=0,
    )
    assert replayed.regrets("m").tolist() == [[1.0, 0.0]]


def test_a_planted_copy_in_the_same_family_is_hidden() -> None:
    losses = np.random.default_rng(0).uniform(0.1, 0.5, (6, 40))
    losses[1] = losses[0]  # the copy
    methods = [Method(name="average", make=BestOnAverage)]
    reached = {
        words: replay(make_experience(losses.tolist(), families=families), methods, n_steps=1).regrets("average")[0, 0]
        for words, families in (("hidden", list("aabcde")), ("leaked", list("abcdef")))
    }
    alone = replay(make_experience(losses[[0, 2, 3, 4, 5]].tolist(), families=list("abcde")), methods, n_steps=1)
    assert reached["hidden"] == alone.regrets("average")[0, 0] > reached["leaked"]


def test_the_same_seed_gives_the_same_and_tasks_have_orders_of_their_own() -> None:
    experience = drawn(5)
    methods = [Method(name="random", make=RandomOrder)]
    one, same, other = (replay(experience, methods, seed=seed).found["random"] for seed in (0, 0, 1))
    assert one.tolist() == same.tolist() != other.tolist()
    flat = make_experience([np.arange(30.0).tolist()] * 4)
    assert len(np.unique(replay(flat, methods, n_steps=1).found["random"])) > 1


def test_progress_tells_every_task_of_every_method() -> None:
    told: list[tuple[str, int, int]] = []
    methods = [Method(name="a", make=BestOnAverage), Method(name="p", make=GreedyPortfolio)]
    replay(drawn(3), methods, n_steps=1, report=lambda *words: told.append(words))
    assert told == [("a", 1, 3), ("a", 2, 3), ("a", 3, 3), ("p", 1, 3), ("p", 2, 3), ("p", 3, 3)]


def test_judgement_families_are_a_fifth_told_by_their_names_alone() -> None:
    assert [name for name in "abcdefghij" if is_judgement(name)] == ["a", "f", "j"]
    assert 0.17 < np.mean([is_judgement(str(number)) for number in range(5_000)]) < 0.23
