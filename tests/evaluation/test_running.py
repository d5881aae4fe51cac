import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
from sklearn.datasets import load_iris
from sklearn.dummy import DummyClassifier
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from autometa.errors import ConfigurationError, EvaluationError, OptionError
from autometa.evaluation.protocol import CV_V1
from autometa.evaluation.record import Status
from autometa.evaluation.running import Evaluator, Limits, evaluate
from autometa.evaluation.scoring import NO_PROBABILITIES
from autometa.metric import metrics_of
from autometa.pipelines.building import PIPELINES_VERSION
from autometa.space import Configuration
from autometa.task import Task
from autometa.task_kind import TaskKind
from tests.evaluation.hostile_learners import Learner, LearnerOfOne

ROOT = Path(__file__).parents[2]
FOREST = Configuration(algorithm="random_forest", values={"n_estimators": 50})
NEIGHBORS = Configuration(algorithm="k_nearest_neighbors")
TREE = Configuration(algorithm="my_tree")

SCRIPT = """
import json
import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from autometa.evaluation.running import evaluate
from autometa.space import Configuration
from autometa.task import Task
from autometa.task_kind import TaskKind
x = np.arange(90.0)
X = pd.DataFrame({"x": np.cos(x), "z": np.sin(x)})
task = Task(name="waves", X=X, y=pd.Series(x % 3 + (x % 5 == 0)), kind=TaskKind.MULTICLASS, target="y")
neighbors, forest = Configuration(algorithm="k_nearest_neighbors"), Configuration(algorithm="random_forest")
"""
SERIAL = "evaluations = [evaluate(task, neighbors)]\n"
PARALLEL = "evaluations = Parallel(n_jobs=2)(delayed(evaluate)(task, c) for c in (forest, neighbors))\n"
PRINT = "print(json.dumps({e.configuration.algorithm: e.fold_scores for e in evaluations}))\n"


@pytest.fixture(scope="module")
def evaluator() -> Iterator[Evaluator]:
    """The usual limits: what they do is tested in test_server.py."""
    with Evaluator() as evaluator:
        yield evaluator


@pytest.fixture(scope="module")
def iris() -> Task:
    data = load_iris(as_frame=True)
    return Task(name="iris", X=data.data, y=data.target, kind=TaskKind.MULTICLASS, target="target")


def _python(arguments: list[str], code: str | None = None) -> dict[str, dict[str, list[float]]]:
    """Return what another Python prints as JSON."""
    done = subprocess.run(
        [sys.executable, *arguments],
        input=code,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return dict(json.loads(done.stdout))


def test_an_evaluation_says_what_came_out_and_what_it_cost(evaluator: Evaluator, iris: Task) -> None:
    evaluation = evaluator.evaluate(iris, FOREST, seed=3)
    assert evaluation.status is Status.OK, evaluation.error
    assert list(evaluation.fold_scores) == [metric.name for metric in metrics_of(iris.kind)]
    assert {len(scores) for scores in evaluation.fold_scores.values()} == {5}
    assert evaluation.score("accuracy") > 0.9
    assert 0 < evaluation.predict_seconds < evaluation.fit_seconds < 0.2
    assert (evaluation.fingerprint, evaluation.configuration) == (iris.fingerprint, FOREST)
    assert (evaluation.protocol, evaluation.seed) == ("cv-v1", 3)
    assert (evaluation.pipelines_version, evaluation.origin) == (PIPELINES_VERSION, "local")
    assert evaluation.absent == {}
    assert evaluation.error == ""


def test_scores_are_those_of_the_protocols_folds(evaluator: Evaluator, iris: Task) -> None:
    evaluation = evaluator.evaluate_estimator(iris, DecisionTreeClassifier(random_state=0), TREE, seed=1)
    prepared = CV_V1.prepare(iris, seed=1)
    expected = []
    for train, test in prepared.folds:
        tree = DecisionTreeClassifier(random_state=0).fit(prepared.X.iloc[train], prepared.y.iloc[train])
        expected.append(tree.score(prepared.X.iloc[test], prepared.y.iloc[test]))
    assert evaluation.fold_scores["accuracy"] == pytest.approx(expected, abs=1e-12)


def test_scores_do_not_depend_on_process_and_order(evaluator: Evaluator, iris: Task) -> None:
    configurations = [FOREST, NEIGHBORS]
    here = {c.algorithm: evaluator.evaluate(iris, c).fold_scores["log_loss"] for c in configurations}
    with Evaluator() as another:
        for configuration in reversed(configurations):
            scores = another.evaluate(iris, configuration).fold_scores["log_loss"]
            assert scores == pytest.approx(here[configuration.algorithm], abs=1e-9)


def test_the_seed_changes_the_scores(evaluator: Evaluator, iris: Task) -> None:
    scores = {evaluator.evaluate(iris, FOREST, seed=seed).fold_scores["log_loss"] for seed in range(2)}
    assert len(scores) == 2


def test_it_runs_from_standard_input_and_in_joblib_workers_of_a_script_without_a_main_guard(
    tmp_path: Path,
) -> None:
    (tmp_path / "script.py").write_text(SCRIPT + PARALLEL + PRINT)
    from_script = _python([str(tmp_path / "script.py")])
    from_stdin = _python(["-"], SCRIPT + SERIAL + PRINT)
    assert set(from_script) == {"k_nearest_neighbors", "random_forest"}
    for metric, scores in from_stdin["k_nearest_neighbors"].items():
        assert from_script["k_nearest_neighbors"][metric] == pytest.approx(scores, abs=1e-9)


def test_modules_in_the_current_folder_do_not_hide_libraries(
    line: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('hidden')")
    monkeypatch.chdir(tmp_path)
    assert evaluate(line, Configuration(algorithm="ridge")).status is Status.OK


def test_every_thread_may_have_an_evaluator(evaluator: Evaluator, iris: Task) -> None:
    with ThreadPoolExecutor(1) as pool:
        elsewhere = pool.submit(evaluate, iris, NEIGHBORS)
        scores = [evaluator.evaluate(iris, NEIGHBORS).fold_scores for _ in range(10)]
    assert all(each == elsewhere.result().fold_scores for each in scores)


def test_an_evaluator_leaves_no_process_when_it_is_closed_or_forgotten(line: Task) -> None:
    before = set(psutil.Process().children(recursive=True))
    evaluator = Evaluator()
    evaluator.evaluate_estimator(line, Learner(), TREE)
    assert len(set(psutil.Process().children(recursive=True)) - before) == 1
    evaluator.close()
    assert set(psutil.Process().children(recursive=True)) == before
    assert evaluator.evaluate_estimator(line, Learner(), TREE).status is Status.OK
    del evaluator
    assert set(psutil.Process().children(recursive=True)) == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
def test_a_forked_copy_leaves_the_server_to_its_owner(evaluator: Evaluator, line: Task) -> None:
    evaluator.evaluate_estimator(line, Learner(), TREE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking with threads; Python >= 3.12
        child = os.fork()
    if child == 0:
        try:
            os._exit(evaluator.evaluate_estimator(line, Learner(), TREE).status is not Status.OK)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert evaluator.evaluate_estimator(line, Learner(), TREE).status is Status.OK


def test_a_configuration_that_cannot_be_built_is_the_callers_error(evaluator: Evaluator, line: Task) -> None:
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="no algorithm 'oracle'"):
            evaluator.evaluate(line, Configuration(algorithm="oracle"))
    assert evaluator.evaluate(line, Configuration(algorithm="ridge")).status is Status.OK


def test_a_learner_without_probabilities_has_its_other_metrics(evaluator: Evaluator, iris: Task) -> None:
    evaluation = evaluator.evaluate_estimator(iris, LinearSVC(), Configuration(algorithm="my_svm"))
    assert evaluation.status is Status.OK, evaluation.error
    assert evaluation.absent == {"roc_auc": NO_PROBABILITIES, "log_loss": NO_PROBABILITIES}
    assert set(evaluation.fold_scores) == {"accuracy", "balanced_accuracy", "f1_macro"}


def test_a_class_missing_from_a_training_fold_has_probability_zero(evaluator: Evaluator) -> None:
    X = pd.DataFrame({"a": np.arange(31.0)})
    y = pd.Series(["b", "c"] * 15 + ["a"])
    task = Task(name="rare", X=X, y=y, kind=TaskKind.MULTICLASS, target="y")
    evaluation = evaluator.evaluate_estimator(task, DummyClassifier(strategy="prior"), TREE)
    assert evaluation.status is Status.OK, evaluation.error
    fold = next(i for i, (_, test) in enumerate(CV_V1.prepare(task, 0).folds) if 30 in test)
    n_test = len(CV_V1.prepare(task, 0).folds[fold][1])
    least = -np.log(np.finfo(float).eps) / n_test
    losses = evaluation.fold_scores["log_loss"]
    assert losses[fold] > least > max(losses[:fold] + losses[fold + 1 :])


@pytest.mark.parametrize(("probability", "error"), [(np.nan, "not finite"), (0.5, "do not sum to 1")])
def test_probabilities_that_are_none_fail(evaluator: Evaluator, probability: float, error: str) -> None:
    X = pd.DataFrame({"a": np.arange(20.0)})
    task = Task(name="t", X=X, y=pd.Series([0, 1] * 10), kind=TaskKind.BINARY, target="y")
    evaluation = evaluator.evaluate_estimator(task, LearnerOfOne(probability), TREE)
    assert evaluation.status is Status.FAILED
    assert error in evaluation.error


def test_times_of_a_learner_that_never_finished_a_fit_are_nan(evaluator: Evaluator, line: Task) -> None:
    evaluation = evaluator.evaluate_estimator(line, Learner("raises"), TREE)
    assert np.isnan([evaluation.fit_seconds, evaluation.predict_seconds]).all()


def test_fit_seconds_count_processes_of_the_learner(evaluator: Evaluator, line: Task) -> None:
    evaluation = evaluator.evaluate_estimator(line, Learner("computes_in_a_process"), TREE)
    assert 0.05 <= evaluation.fit_seconds < 0.1, evaluation.error


@pytest.mark.parametrize(("act", "status"), [("sleeps", Status.TIMED_OUT), ("exits_at_once", Status.FAILED)])
def test_soft_limits_do_what_they_can(line: Task, act: str, status: Status) -> None:
    with Evaluator(Limits(cpu_seconds=0.5, memory_bytes=2**28), hard=False) as evaluator:
        evaluation = evaluator.evaluate_estimator(line, Learner(act), TREE)
    assert evaluation.status is status, evaluation.error


def test_soft_limits_end_a_learner_that_takes_too_much_memory(line: Task) -> None:
    with Evaluator(Limits(cpu_seconds=5, memory_bytes=2**27), hard=False) as evaluator:
        evaluation = evaluator.evaluate_estimator(line, Learner("allocates"), TREE)
    assert evaluation.status is Status.OUT_OF_MEMORY


def test_scores_under_soft_limits_are_the_same(evaluator: Evaluator, iris: Task) -> None:
    with Evaluator(hard=False) as soft:
        first, second = soft.evaluate(iris, NEIGHBORS), evaluator.evaluate(iris, NEIGHBORS)
        with pytest.raises(ConfigurationError, match="no algorithm 'oracle'"):
            soft.evaluate(iris, Configuration(algorithm="oracle"))
    assert first.fold_scores["log_loss"] == pytest.approx(second.fold_scores["log_loss"], abs=1e-9)


@pytest.mark.parametrize("limits", [{"cpu_seconds": 0.0}, {"memory_bytes": -1}, {"cpu_seconds": np.nan}])
def test_limits_are_positive(limits: dict[str, float]) -> None:
    with pytest.raises(OptionError, match="must be positive"):
        Limits(**limits)  # type: ignore[arg-type]  # one dictionary for an int and a float


@pytest.mark.parametrize("hard", [True, False])
def test_closing_ends_what_another_thread_evaluates(hard: bool, line: Task, tmp_path: Path) -> None:
    file = tmp_path / "pid"
    evaluator = Evaluator(Limits(cpu_seconds=60), hard=hard)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(evaluator.evaluate_estimator, line, Learner("sleeps", str(file)), TREE)
        while not file.exists() or not file.read_text():
            assert not running.done()
            time.sleep(0.05)
        evaluator.close()
        if hard:
            with pytest.raises(EvaluationError):
                running.result(timeout=30)
        else:
            assert running.result(timeout=30).status is Status.FAILED
    assert not psutil.pid_exists(int(file.read_text()))
