"""The user's own runs in the base: kept at once, exactly as ours where they are ours, and of use to advice."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import optuna
import pandas as pd
import pytest
from optuna.trial import Trial
from sklearn.ensemble import AdaBoostClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import RobustScaler, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from typer.testing import CliRunner

import autometa
from autometa._random import spawn
from autometa.cli.main import app
from autometa.errors import DataError, KnowledgeError, OptionError
from autometa.evaluation.protocol import CV_V1
from autometa.evaluation.record import Status
from autometa.evaluation.running import Limits
from autometa.knowledge.base import KnowledgeBase
from autometa.pipelines.building import PIPELINES_VERSION, build
from autometa.reading import read_task
from autometa.recorder import Recording
from autometa.refinement.studies import STUDY_VERSION, add_study
from autometa.space import Configuration

ALONE = {**os.environ, "OMP_NUM_THREADS": "1"}


@pytest.fixture(autouse=True)
def _quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """Return an empty base."""
    path = tmp_path / "own.db"
    KnowledgeBase.create(path).close()
    return path


@pytest.fixture
def filled(one_shard_base: Path, tmp_path: Path) -> Path:
    """Return a base with shipped runs, to be written to."""
    return Path(shutil.copy(one_shard_base, tmp_path / "filled.db"))


def table(n_rows: int = 240) -> tuple[pd.DataFrame, pd.Series]:
    """Return a table of two classes that is hard for a linear model."""
    rng = np.random.default_rng(1)
    X = pd.DataFrame(rng.normal(size=(n_rows, 5)), columns=list("abcde"))
    noise = 0.5 * rng.normal(size=n_rows)
    return X, pd.Series(np.where(X["a"] * X["b"] + X["c"] + noise > 0, 1, 0), name="answer")


def n_runs(place: Path) -> int:
    with KnowledgeBase(place) as opened:
        return len(opened.evaluations())


def test_what_is_ours_is_kept_as_the_run_that_growing_would_make(base: Path) -> None:
    X, y = table()
    task = read_task(X, y)
    tree = Configuration(algorithm="decision_tree", values={"min_samples_leaf": 5})
    with autometa.recording(X, y, knowledge=base, name="mine", origin="me") as record:
        run = record.cross_validate(DecisionTreeClassifier(min_samples_leaf=5, random_state=99))
        again = record.cross_validate(DecisionTreeClassifier(min_samples_leaf=5))
    assert (run.configuration, run.origin, run.status) == (tree, "me", Status.OK)
    assert record.evaluations == [run, again]
    prepared = CV_V1.prepare(task, seed=0)
    by_hand = []
    for train, test in prepared.folds:
        seed = spawn(0, "evaluation", tree.key) % 2**31
        pipeline = build(tree, kind=task.kind, column_kinds=task.column_kinds, seed=seed)
        fitted = pipeline.fit(prepared.X.iloc[train], prepared.y.iloc[train])
        by_hand.append(float(np.mean(fitted.predict(prepared.X.iloc[test]) == prepared.y.iloc[test])))
    assert run.fold_scores["accuracy"] == again.fold_scores["accuracy"] == tuple(by_hand)
    with KnowledgeBase(base) as opened:
        (kept,) = opened.evaluations_of(task.fingerprint, protocol="cv-v1", pipelines_version=PIPELINES_VERSION)
        assert (kept.seed, kept.fold_scores) == (0, run.fold_scores)
        assert opened.describe(task.fingerprint).name == "mine"


def test_what_is_foreign_runs_as_it_is_on_the_same_folds_and_is_listed_and_shown(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    X, y = table()
    with autometa.recording(X, y, knowledge=base, name="first table") as record:
        bare = record.cross_validate(GaussianNB())
        ours = record.cross_validate(make_pipeline(StandardScaler(), GaussianNB(var_smoothing=1e-8)))
        moved = record.cross_validate(make_pipeline(StandardScaler(with_std=False), GaussianNB()))
        machine = record.cross_validate(make_pipeline(RobustScaler(), SVC(C=3)))
        failed = record.cross_validate(RandomForestClassifier(max_depth="deep"))
        _refuses_what_no_other_process_knows(record, monkeypatch)
    assert bare.configuration == Configuration(algorithm="sklearn.naive_bayes.GaussianNB")  # ours is scaled
    assert ours.configuration == Configuration(algorithm="naive_bayes", values={"var_smoothing": 1e-8})
    assert moved.fold_scores["accuracy"] == pytest.approx(bare.fold_scores["accuracy"])  # of the same folds
    assert (machine.configuration.algorithm, machine.status) == ("Pipeline(RobustScaler, SVC)", Status.OK)
    assert "roc_auc" in machine.absent
    assert failed.status is Status.FAILED
    assert "'max_depth' parameter of RandomForestClassifier" in failed.error
    assert n_runs(base) == len(record.evaluations) == 5

    def shown(*arguments: str) -> str:
        return CliRunner().invoke(app, ["kb", *arguments, "--db", str(base), "-f", "json"]).stdout

    assert "Pipeline(RobustScaler, SVC)" in shown("list", "configurations")
    assert "first table" in shown("show", machine.configuration.key)


def _refuses_what_no_other_process_knows(record: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    """Check that classes which cannot be sent to another process, or not be found there, are refused."""

    class Local(DecisionTreeClassifier):  # type: ignore[misc] # scikit-learn has no types
        """Cannot be pickled, since it is inside a function."""

    module = ModuleType("of_this_process_alone")
    known_here = type("Known", (DecisionTreeClassifier,), {"__module__": module.__name__})
    module.Known = known_here  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    with pytest.raises(OptionError, match="a Local cannot be sent to another process"):
        record.cross_validate(Local())
    with pytest.raises(OptionError, match=r"^Known: the estimator's class cannot be imported in another process"):
        record.cross_validate(known_here())


def test_cross_validations_and_trials_are_kept_one_by_one_and_an_interrupt_loses_none(base: Path) -> None:
    X, y = table()
    seen = []

    def measure(trial: Trial) -> float:
        seen.append(n_runs(base))
        if trial.number == 2:
            raise KeyboardInterrupt
        depth = trial.suggest_int("max_depth", 1, 6)
        return record.cross_validate(DecisionTreeClassifier(max_depth=depth)).score("accuracy")

    study = random_study()
    recording = autometa.recording(
        X, y, knowledge=base, algorithm="tree", metric="accuracy", limits=Limits(cpu_seconds=30)
    )
    with pytest.raises(KeyboardInterrupt), recording as record:
        study.optimize(measure, n_trials=5, callbacks=[record.optuna_callback])
    assert seen == [0, 2, 4]
    assert n_runs(base) == 4
    assert [run.protocol for run in record.evaluations] == ["cv-v1", "study:accuracy"] * 2
    assert [run.score("accuracy") for run in record.evaluations[::2]] == [study.trials[0].value, study.trials[1].value]


RECORDER = """
import os, sys
import pandas as pd
from sklearn.tree import DecisionTreeClassifier
import autometa
place, data, who, depths = sys.argv[1:]
table = pd.read_csv(data)
with autometa.recording(table, target="answer", knowledge=place, origin=who) as record:
    print("ready", flush=True)
    sys.stdin.readline()
    for depth in depths.split(","):
        record.cross_validate(DecisionTreeClassifier(max_depth=int(depth)))
    os.kill(os.getpid(), 9)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="kills a process by a signal")
def test_two_processes_record_into_one_base_at_once_and_are_killed_without_a_loss(base: Path, tmp_path: Path) -> None:
    X, y = table()
    X.assign(answer=y).to_csv(tmp_path / "table.csv", index=False)
    recorders = [
        subprocess.Popen(
            [sys.executable, "-c", RECORDER, str(base), str(tmp_path / "table.csv"), who, depths],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=ALONE,
        )
        for who, depths in {"ann": "1,2,3", "bob": "3,2,4"}.items()
    ]
    for recorder in recorders:
        assert recorder.stdout is not None
        assert recorder.stdout.readline() == "ready\n"
    for recorder in recorders:
        _, errors = recorder.communicate("go\n", timeout=120)
        assert (recorder.returncode, errors) == (-9, "")
    with KnowledgeBase(base) as opened:
        found = opened.evaluations()
        assert len(opened.tasks()) == 1
    assert len(found) == found["key"].nunique() == 4
    assert set(found["origin"]) == {"ann", "bob"}
    assert set(found["status"]) == {"ok"}


AS_A_READER = """
import ctypes, os, sys
if os.geteuid() == 0:  # for whom the modes of files do not hold, unless
    for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        assert ctypes.CDLL(None).prctl(24, capability, 0, 0, 0) == 0  # PR_CAPBSET_DROP
os.execv(sys.executable, [sys.executable, "-c", *sys.argv[1:]])
"""

READER = """
import sys
import pandas as pd
import autometa
try:
    with autometa.recording(pd.read_csv(sys.argv[2]), target="answer", knowledge=sys.argv[1]):
        print("opened")
except autometa.errors.KnowledgeError as error:
    print(error)
print("sklearn.tree" in sys.modules)  # of which meta-features are made
"""


@pytest.mark.skipif(sys.platform != "linux", reason="drops the capabilities of root")
def test_a_base_that_may_only_be_read_is_refused_before_anything_is_computed(base: Path, tmp_path: Path) -> None:
    X, y = table()
    X.assign(answer=y).to_csv(tmp_path / "table.csv", index=False)
    base.chmod(0o444)
    result = subprocess.run(
        [sys.executable, "-c", AS_A_READER, READER, str(base), str(tmp_path / "table.csv")],
        capture_output=True,
        text=True,
        env=ALONE,
        check=True,
    )
    message, has_computed = result.stdout.splitlines()
    assert message == f"the knowledge base {base} failed: attempt to write a readonly database"
    assert has_computed == "False"


def test_what_cannot_be_used_is_refused_before_anything_is_run(base: Path, tmp_path: Path) -> None:
    X, y = table()
    with pytest.raises(KnowledgeError, match=r"no knowledge base .*none\.db"):
        autometa.recording(X, y, knowledge=tmp_path / "none.db").__enter__()
    with pytest.raises(OptionError, match="no metric 'acuracy'"):
        autometa.recording(X, y, knowledge=base, metric="acuracy").__enter__()
    with autometa.recording(X, y, knowledge=base):
        pass
    with pytest.raises(DataError, match="is a sample of a table"):  # whose full table is known
        autometa.recording(read_task(X, y, max_rows=100), knowledge=base).__enter__()
    with pytest.raises(OptionError, match="origins has 0 characters"):
        autometa.recording(X, y, knowledge=base, origin="").__enter__()
    assert n_runs(base) == 0


# Studies ------------------------------------------------------------------------------------------------------


def objective(trial: Trial) -> float:
    """Like a rate of 0.1; fail first, before there is a rate, then with one."""
    if trial.number == 0:
        raise ZeroDivisionError
    rate = trial.suggest_float("rate", 1e-3, 1.0, log=True)
    if trial.number in (1, 4):
        raise ZeroDivisionError
    return 0.9 - 0.1 * abs(float(np.log10(rate)) + 1.0)


def random_study() -> optuna.Study:
    return optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=0))


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_every_trial_of_a_study_is_kept_as_it_ends_and_as_add_study_keeps_it(
    base: Path, tmp_path: Path, n_jobs: int
) -> None:
    X, y = table()
    seen = []
    study = random_study()
    with autometa.recording(X, y, knowledge=base, algorithm="my model", origin="me") as record:
        study.optimize(
            objective,
            n_trials=8,
            n_jobs=n_jobs,
            catch=(ZeroDivisionError,),
            callbacks=[record.optuna_callback, lambda study, trial: seen.append(n_runs(base))],
        )
    if n_jobs == 1:
        assert seen == [0, 0, 2, 3, 4, 5, 6, 7]  # the second, a failure, comes with the first success
    other = tmp_path / "other.db"
    KnowledgeBase.create(other).close()
    assert add_study(other, study, X, y, algorithm="my model", origin="me").n_new == 7
    kept = []
    for place in (base, other):
        with KnowledgeBase(place) as opened:
            runs = opened.evaluations_of(
                record.task.fingerprint, protocol="study:roc_auc", pipelines_version=STUDY_VERSION
            )
            kept.append({run.configuration.key: (run.status, run.fold_scores, run.origin) for run in runs})
    assert kept[0] == kept[1]
    assert len(kept[0]) == 7
    sampler = autometa.KnowledgeSampler(base, algorithm="my model", kind="binary")
    follower = optuna.create_study(direction="maximize", sampler=sampler)
    follower.optimize(lambda trial: trial.suggest_float("rate", 1e-3, 1.0, log=True), n_trials=1)


def test_a_callback_without_a_name_or_in_the_wrong_direction_is_refused(base: Path) -> None:
    X, y = table()
    with autometa.recording(X, y, knowledge=base) as record, pytest.raises(OptionError, match="what does the study"):
        _ = record.optuna_callback
    with autometa.recording(X, y, knowledge=base, algorithm="mine", metric="log_loss") as record:
        study = random_study()
        with pytest.raises(OptionError, match="is to maximize, but log_loss is to be minimized"):
            study.optimize(lambda trial: trial.suggest_float("a", 0, 1), n_trials=5, callbacks=[record.optuna_callback])
    assert len(study.trials) == 1
    assert n_runs(base) == 0


# Advice -------------------------------------------------------------------------------------------------------


def test_advice_tells_what_was_recorded_and_takes_it_as_evidence_on_a_similar_table(filled: Path) -> None:
    X, y = table()
    linear = make_pipeline(StandardScaler(), LogisticRegression())
    foreign = AdaBoostClassifier(n_estimators=10)
    with autometa.recording(X, y, knowledge=filled, name="first table", origin="me") as record:
        runs = [record.cross_validate(each) for each in (lightgbm(), linear, foreign)]
    algorithms = [run.configuration.algorithm for run in runs]
    assert algorithms == ["lightgbm", "logistic_regression", "sklearn.ensemble.AdaBoostClassifier"]

    advice = autometa.recommend(X, y, knowledge=filled, k=40)
    measured = {each.configuration: each for each in advice if "measured on this very table" in each.reasons}
    assert set(measured) == {run.configuration for run in runs[:2]}
    for run in runs[:2]:
        assert measured[run.configuration].predicted_score == pytest.approx(run.score("roc_auc"))
    assert runs[2].configuration not in [each.configuration for each in advice]

    rows = X.sample(frac=0.8, random_state=0).index
    similar = X.loc[rows].rename(columns={"a": "alpha", "b": "beta"}), y.loc[rows]
    advice = autometa.recommend(*similar, knowledge=filled, k=40)
    assert any("nearly the same as the known table first table" in note for note in advice.notes)
    speaking = {each.configuration.algorithm for each in advice if "first table" in [run.task for run in each.evidence]}
    assert "lightgbm" in speaking
    assert runs[2].configuration not in [each.configuration for each in advice]


def lightgbm() -> Any:
    """Return LightGBM's classifier."""
    from lightgbm import LGBMClassifier

    return LGBMClassifier(verbosity=-1)
