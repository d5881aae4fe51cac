"""What a refinement measures becomes knowledge, as far as others would have measured it so."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from autometa.advisor import Advisor
from autometa.evaluation.limits import Limits
from autometa.evaluation.record import Status
from autometa.knowledge.base import KnowledgeBase
from autometa.pipelines.building import PIPELINES_VERSION
from autometa.refinement.attempts import Attempt, Source
from autometa.refinement.keeping import Keeper
from autometa.refinement.objective import Objective
from autometa.refinement.planning import Budget, Plan
from autometa.refinement.refining import Refinement, refine
from autometa.task import Task
from autometa.wish import Wish
from tests.refinement.conftest import CHEAP, Advised


@pytest.fixture
def own_base(one_shard_base: Path, tmp_path: Path) -> Path:
    """A base that may be written to."""
    return Path(shutil.copy(one_shard_base, tmp_path / "own.db"))


def kept(base: KnowledgeBase, task: Task) -> dict[str, Status]:
    """Return the status of what is stored of a task, by key of the configuration."""
    runs = base.evaluations_of(task.fingerprint, protocol="cv-v1", pipelines_version=PIPELINES_VERSION)
    return {run.configuration.key: run.status for run in runs}


def test_what_is_kept_is_advised_by_its_score(own_base: Path, middle: Task, middle_advice: Advised) -> None:
    recommendation, grounds = middle_advice
    with KnowledgeBase(own_base) as base:
        keeper = Keeper(base, middle, "mine")
        plan = Plan(budget=Budget(n_trials=8))
        refinement = refine(grounds, recommendation, Objective.of("auto", middle), plan, keep=keeper.keep)
        whole = {each.configuration.key: each.score for each in refinement.attempts if each.is_whole}
        assert set(kept(base, middle)) == set(whole), "and not what was given up after a fold"
        assert len(whole) < len(refinement.attempts)
        runs = base.evaluations_of(middle.fingerprint, protocol="cv-v1", pipelines_version=PIPELINES_VERSION)
        assert {run.origin for run in runs} == {"mine"}
        assert {len(run.fold_scores["roc_auc"]) for run in runs} == {3}

        after = Advisor(base).recommend(middle, Wish(k=50, algorithms=CHEAP))
        measured = {a.configuration.key: a.predicted_score for a in after if "measured on this very table" in a.reasons}
        assert measured == pytest.approx(whole)

        similar = replace(middle, X=middle.X + 1e-3, name="similar", full_fingerprint="")
        advice = Advisor(base).recommend(similar, Wish(k=50, algorithms=CHEAP))
        assert middle.name in {run.task for each in advice for run in each.evidence}


def test_failures_are_kept_and_what_a_budget_cut_short_is_not(
    own_base: Path, middle: Task, middle_refinement: Refinement
) -> None:
    attempt = next(each for each in middle_refinement.attempts if each.is_whole)

    def ended(status: Status) -> Attempt:
        failed = replace(attempt.last, status=status, fold_scores={}, error="it did")
        return replace(attempt, evaluations=(failed,), is_whole=False, losses=())

    with KnowledgeBase(own_base) as base:
        keeper = Keeper(base, middle, "mine")
        keeper.keep(ended(Status.TIMED_OUT))
        keeper.keep(replace(attempt, source=Source.STOPPED))
        assert kept(base, middle) == {}
        tight = Keeper(base, middle, "mine", memory_bytes=10**8)
        tight.keep(ended(Status.OUT_OF_MEMORY))
        assert kept(base, middle) == {}, "with more memory it might have been good"
        roomy = Keeper(base, middle, "mine", memory_bytes=Limits().memory_bytes)
        roomy.keep(ended(Status.OUT_OF_MEMORY))
        assert kept(base, middle) == {attempt.configuration.key: Status.OUT_OF_MEMORY}
    with KnowledgeBase(own_base) as base:
        Keeper(base, middle, "mine").keep(ended(Status.FAILED))
        assert kept(base, middle) == {attempt.configuration.key: Status.OUT_OF_MEMORY}, "the first stays"
