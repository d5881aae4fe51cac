"""Where the platform has no hard limits, soft ones stand in, and say so."""

import sys
import warnings

import pytest

from autometa.errors import AutometaWarning, EvaluationError, OptionError
from autometa.evaluation import running
from autometa.evaluation.record import Status
from autometa.evaluation.running import Evaluator, Limits
from autometa.space import Configuration
from autometa.task import Task
from tests.evaluation.allowances import CPU_SECONDS
from tests.evaluation.hostile_learners import Learner

HOSTILE = Configuration(algorithm="hostile")


def test_a_platform_without_hard_limits_gets_soft_ones_and_a_warning(
    line: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "has_hard_limits", lambda: False)  # as it answers outside Linux
    with pytest.warns(AutometaWarning, match="limits on evaluations are soft here") as caught:
        evaluator = Evaluator(Limits(cpu_seconds=CPU_SECONDS))
    assert caught[0].filename == __file__
    with evaluator:
        evaluation = evaluator.evaluate_estimator(line, Learner("prints"), HOSTILE)
    assert evaluation.status is Status.OK, evaluation.error
    with pytest.raises(OptionError, match="hard limits need Linux"):
        Evaluator(hard=True)


def test_soft_limits_that_are_asked_for_do_not_warn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "has_hard_limits", lambda: False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Evaluator(hard=False)


def test_a_learner_that_loops_meets_the_soft_limit_of_cpu_time(line: Task) -> None:
    with Evaluator(Limits(cpu_seconds=0.3), hard=False) as evaluator:
        evaluation = evaluator.evaluate_estimator(line, Learner("loops"), HOSTILE)
    assert evaluation.status is Status.TIMED_OUT
    assert "over the limit of 0.3 s" in evaluation.error or "over the limit of 0.9 s" in evaluation.error


def test_a_process_that_does_not_come_to_its_work_is_an_error(line: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with Evaluator(hard=False) as evaluator, pytest.raises(EvaluationError, match="ended with exit code 1"):
        evaluator.evaluate_estimator(line, Learner(), HOSTILE)
