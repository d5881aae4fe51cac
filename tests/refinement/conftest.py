"""What the tests of refinement share: small tables, advice of cheap algorithms, and a process that measures."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from autometa.advisor import Advisor
from autometa.evaluation.running import Evaluator
from autometa.evaluation.warm import kept_warm
from autometa.knowledge.base import KnowledgeBase
from autometa.recommenders.advising import Grounds
from autometa.recommenders.recommendation import Recommendation
from autometa.refinement.attempts import Attempt, Rung, Source
from autometa.refinement.climbing import Allowance, climb
from autometa.refinement.objective import Objective
from autometa.refinement.planning import Budget, Plan
from autometa.refinement.refining import Refinement, refine
from autometa.space import Configuration, Value
from autometa.task import Task
from autometa.task_kind import TaskKind
from autometa.wish import Wish

CHEAP = ("decision_tree", "k_nearest_neighbors", "lda", "naive_bayes", "qda")

Advised = tuple[Recommendation, Grounds]


def two_classes(n_rows: int, name: str = "made") -> Task:
    """Return a table of two classes, of which a curve tells them apart but for some noise."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(n_rows, 4)), columns=list("abcd"))
    is_yes = X["a"] + X["b"] ** 2 + 0.5 * rng.normal(size=n_rows) > 0.8
    y = pd.Series(np.where(is_yes, "yes", "no"), name="answer")
    return Task(name=name, X=X, y=y, kind=TaskKind.BINARY, target="answer")


def numbers(n_rows: int, noise: float = 1.0) -> Task:
    """Return a regression on a line."""
    rng = np.random.default_rng(1)
    X = pd.DataFrame(rng.normal(size=(n_rows, 3)), columns=list("abc"))
    y = 3 * X["a"] + noise * rng.normal(size=n_rows)
    return Task(name="line", X=X, y=y.rename("price"), kind=TaskKind.REGRESSION, target="price")


def advised(base: Path, task: Task, algorithms: tuple[str, ...], k: int = 3) -> Advised:
    """Return advice on a table, and what it was drawn from."""
    with KnowledgeBase(base) as opened:
        return Advisor(opened).recommend_with_grounds(task, Wish(k=k, algorithms=algorithms))


def refined_by(
    drawn: Advised, task: Task, n_trials: int, *, n_workers: int = 1, seed: int = 0, storage: str | None = None
) -> Refinement:
    """Return a refinement by a number of trials."""
    recommendation, grounds = drawn
    plan = Plan(budget=Budget(n_trials=n_trials), n_workers=n_workers, seed=seed, storage=storage)
    return refine(grounds, recommendation, Objective.of("auto", task), plan)


def climbed(evaluator: Evaluator, rungs: Sequence[Rung], objective: Objective, attempt: Attempt) -> Attempt:
    """Return an attempt after all of its rungs, or its failure."""
    while not attempt.is_whole and not (attempt.evaluations and attempt.has_failed):
        attempt = climb(evaluator, rungs, objective, attempt, Allowance())
    return attempt


def lightgbm(**values: Value) -> Configuration:
    """Return a configuration of small trees."""
    return Configuration(algorithm="lightgbm", values={"num_leaves": 4, "min_child_samples": 5, **values})


def begun(configuration: Configuration, source: Source = Source.STOPPED) -> Attempt:
    """Return an attempt that has not begun."""
    return Attempt(number=0, configuration=configuration, source=source, is_whole=False, evaluations=())


@pytest.fixture(scope="module")
def warm() -> Iterator[None]:
    """Let the refinements of a module share processes, which take longer to start than to measure."""
    with kept_warm():
        yield


@pytest.fixture(scope="session")
def small() -> Task:
    """A table of 100 rows, with one rung."""
    return two_classes(100)


@pytest.fixture(scope="session")
def middle() -> Task:
    """A table of 600 rows, with two rungs."""
    return two_classes(600)


@pytest.fixture(scope="session")
def small_advice(one_shard_base: Path, small: Task) -> Advised:
    """Advice on the small table."""
    return advised(one_shard_base, small, CHEAP)


@pytest.fixture(scope="session")
def middle_advice(one_shard_base: Path, middle: Task) -> Advised:
    """Advice on the other table."""
    return advised(one_shard_base, middle, CHEAP)


@pytest.fixture(scope="session")
def middle_refinement(middle: Task, middle_advice: Advised) -> Refinement:
    """A refinement of ten trials, on two rungs."""
    return refined_by(middle_advice, middle, 10)


@pytest.fixture(scope="session")
def evaluator() -> Iterator[Evaluator]:
    """A process that measures."""
    with Evaluator() as evaluator:
        yield evaluator
