"""Refinements in a storage: they go on after a kill, and are not mixed up."""

import json
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from autometa.errors import OptionError
from autometa.refinement.attempts import Attempt, Source
from autometa.refinement.objective import Objective
from autometa.refinement.outcome import refined
from autometa.refinement.planning import Budget, Plan, Progress
from autometa.refinement.refining import Refinement, refine
from autometa.refinement.storing import evaluation_content, evaluation_of
from autometa.task import Task
from tests.refinement.conftest import Advised, advised, numbers, refined_by, two_classes

pytestmark = pytest.mark.usefixtures("warm")


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory, middle: Task, middle_advice: Advised) -> str:
    """A storage that holds four attempts, and what a killed run leaves beside them."""
    url = f"sqlite:///{tmp_path_factory.mktemp('storage')}/study.db"
    refinement = refined_by(middle_advice, middle, 4, storage=url)
    study = optuna.load_study(study_name=refinement.study.study_name, storage=url)
    study.ask()  # was being measured
    study.enqueue_trial({"algorithm": "lda"})  # was about to be begun
    return url


def test_a_killed_refinement_goes_on_where_it_was(storage: str, middle: Task, middle_advice: Advised) -> None:
    refinement = refined_by(middle_advice, middle, 7, storage=storage)
    assert [each.number for each in refinement.attempts] == list(range(7))
    assert [each.source for each in refinement.attempts[:3]] == [Source.ADVISED] * 3
    advice = [each.configuration for each in middle_advice[0]]
    assert [each.configuration for each in refinement.attempts[:3]] == advice
    assert all(each.measurement is None for each in refinement.attempts[:4]), "they are not measured again"
    trials = refinement.study.get_trials()
    assert len(trials) == 4 + 2 + 3, "no trial but those of the killed run and three new ones"
    assert [trial.number for trial in trials if trial.state is TrialState.FAIL] == [4, 5]
    for trial in trials:
        if trial.number not in (4, 5):
            own = trial.params["algorithm"]
            assert f'"algorithm":"{own}"' in trial.user_attrs["configuration"], "params are those of the attempt"


def test_an_earlier_refinement_is_read_as_it_was(tmp_path: Path, middle: Task, middle_advice: Advised) -> None:
    url = f"sqlite:///{tmp_path}/study.db"
    before = refined_by(middle_advice, middle, 8, storage=url)
    again = refined_by(middle_advice, middle, 8, storage=url)
    assert [a.number for a in again.attempts] == [a.number for a in before.attempts]
    for old, new in zip(before.attempts, again.attempts, strict=True):
        assert (new.configuration, new.source, new.is_whole) == (old.configuration, old.source, old.is_whole)
        assert (new.losses, new.score, new.standard_error) == (old.losses, old.score, old.standard_error)
        assert [e.fold_scores for e in new.evaluations] == [e.fold_scores for e in old.evaluations]
    assert any(not each.is_whole for each in again.attempts)
    one, two = refined(*middle_advice, before, k=8), refined(*middle_advice, again, k=8)
    for x, y in zip(one, two, strict=True):
        assert x.predicted_score == y.predicted_score
        assert x.interval == y.interval


def test_attempts_that_are_missing_take_the_numbers_of_the_gap(
    tmp_path: Path, middle: Task, middle_advice: Advised
) -> None:
    url = f"sqlite:///{tmp_path}/study.db"
    refined_by(middle_advice, middle, 1, storage=url)
    study = optuna.load_study(study_name=None, storage=url)
    trial = study.get_trials()[0]
    result = {**trial.user_attrs["result"], "number": 1}
    second = middle_advice[0][1].configuration.to_json()
    another = optuna.create_study(
        storage=f"sqlite:///{tmp_path}/gap.db", study_name=study.study_name, direction="maximize"
    )
    another.set_user_attr("autometa", study.user_attrs["autometa"])
    another.add_trial(
        optuna.trial.create_trial(
            value=trial.value, user_attrs={**trial.user_attrs, "result": result, "configuration": second}
        )
    )
    refinement = refined_by(middle_advice, middle, 3, storage=f"sqlite:///{tmp_path}/gap.db")
    advice = [each.configuration for each in middle_advice[0]]
    assert [each.configuration for each in refinement.attempts] == advice, "the second was done, the first was not"


def test_what_was_ended_but_not_told_counts(tmp_path: Path, middle: Task, middle_advice: Advised) -> None:
    url = f"sqlite:///{tmp_path}/study.db"
    refinement = refined_by(middle_advice, middle, 2, storage=url)
    study = refinement.study
    ended = study.get_trials()[1]
    open_trial = study.ask()
    for name, value in ended.user_attrs.items():
        open_trial.set_user_attr(name, value)
    third = middle_advice[0][2].configuration.to_json()
    open_trial.set_user_attr("configuration", third)
    open_trial.set_user_attr("result", {**ended.user_attrs["result"], "number": 2})
    again = refined_by(middle_advice, middle, 3, storage=url)
    assert [each.number for each in again.attempts] == [0, 1, 2]
    assert len(again.study.get_trials()) == 3
    assert again.study.get_trials()[2].state is TrialState.COMPLETE


def test_a_storage_of_something_else_is_refused(storage: str, middle: Task, middle_advice: Advised) -> None:
    recommendation, grounds = middle_advice
    name = optuna.get_all_study_names(storage)[0]

    def begin(task: Task, metric: str, study_name: str) -> None:
        plan = Plan(budget=Budget(n_trials=1), storage=storage, study_name=study_name)
        refine(grounds, recommendation, Objective.of(metric, task), plan)

    with pytest.raises(
        OptionError, match="refines something else: another table; give another name, or another storage"
    ):
        begin(two_classes(80), "auto", name)
    with pytest.raises(
        OptionError, match="refines something else: another metric; give another name, or another storage"
    ):
        begin(middle, "accuracy", name)
    optuna.create_study(storage=storage, study_name="downwards", direction="minimize")
    with pytest.raises(OptionError, match="study 'downwards' was not begun by a refinement"):
        begin(middle, "auto", "downwards")
    own = optuna.create_study(storage=storage, study_name="own", direction="maximize")
    own.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    with pytest.raises(
        OptionError, match="study 'own' was not begun by a refinement; give the refinement another name"
    ):
        begin(middle, "auto", "own")


def test_other_algorithms_are_another_refinement(storage: str, one_shard_base: Path, middle: Task) -> None:
    with pytest.raises(OptionError, match="another choice of algorithms"):
        refined_by(advised(one_shard_base, middle, ("lda",)), middle, 5, storage=storage)


def test_a_refinement_whose_rungs_are_not_those_of_recording_is_another(tmp_path: Path, one_shard_base: Path) -> None:
    large, url = numbers(3001), f"sqlite:///{tmp_path}/study.db"
    recommendation, grounds = advised(one_shard_base, large, ("ridge",), k=1)
    plan = Plan(budget=Budget(n_trials=1), storage=url)
    kept: list[Attempt] = []
    refine(grounds, recommendation, Objective.of("auto", large), plan, keep=kept.append)
    assert [len(each.losses) for each in kept] == [4]
    with pytest.raises(OptionError, match="refines something else: another choice to record; give another name"):
        refine(grounds, recommendation, Objective.of("auto", large), plan)


@pytest.mark.parametrize("url", ["study.db", "sqlite:////nowhere/at/all.db", "mongodb://me:secret@host/studies"])
def test_a_storage_that_cannot_be_opened_is_one_line(url: str, small: Task, small_advice: Advised) -> None:
    with pytest.raises(OptionError, match=r"^cannot open the storage '") as caught:
        refined_by(small_advice, small, 1, storage=url)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_two_refinements_of_one_study_at_once_are_told_so(tmp_path: Path, small: Task, small_advice: Advised) -> None:
    url = f"sqlite:///{tmp_path}/study.db"
    recommendation, grounds = small_advice

    def take_over(_: object) -> None:
        study = optuna.load_study(study_name=None, storage=url)
        for trial in study.get_trials(states=(TrialState.RUNNING,)):
            study.tell(trial.number, state=TrialState.FAIL)

    plan = Plan(budget=Budget(n_trials=4), storage=url)
    with pytest.raises(OptionError, match="is refined by another process as well"):
        refine(grounds, recommendation, Objective.of("auto", small), plan, keep=take_over)


def test_an_evaluation_survives_json(middle_refinement: Refinement) -> None:
    evaluation = middle_refinement.attempts[0].last
    assert evaluation_of(json.loads(json.dumps(evaluation_content(evaluation)))) == evaluation


def test_what_waited_when_a_run_ended_goes_on_in_the_next(tmp_path: Path, middle: Task, middle_advice: Advised) -> None:
    recommendation, grounds = middle_advice
    url = f"sqlite:///{tmp_path}/study.db"

    def go_on(report: Callable[[Progress], None] | None = None) -> Refinement:
        plan = Plan(budget=Budget(n_trials=4), storage=url)
        return refine(grounds, recommendation, Objective.of("auto", middle), plan, report=report)

    def stop(progress: Progress) -> None:
        if progress.n_attempts == 4 and progress.best is None:
            raise KeyboardInterrupt

    first = go_on(stop)
    assert first.was_interrupted
    assert [len(each.losses) for each in first.attempts] == [1, 1, 1, 1], "all wait after a fold"
    assert {trial.state for trial in first.study.get_trials()} == {TrialState.PRUNED}
    again, at_once = go_on(), refined_by(middle_advice, middle, 4)
    assert [(a.number, a.losses) for a in again.attempts] == [(a.number, a.losses) for a in at_once.attempts]
    whole = [each for each in again.attempts if each.is_whole]
    assert whole
    trials = again.study.get_trials()
    assert [trial.user_attrs["source"] for trial in trials[:4]] == [str(each.source) for each in again.attempts]
    assert len(trials) == 4 + len(whole), "those that went on have another trial"
    assert {trial.state for trial in trials[4:]} == {TrialState.COMPLETE}
    assert {trial.user_attrs["configuration"] for trial in trials[4:]} == {a.configuration.to_json() for a in whole}
    assert [a.losses for a in go_on().attempts] == [a.losses for a in again.attempts], "nothing is left to do"
