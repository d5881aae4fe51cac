import ast
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from autometa.evaluation.scoring import align_probabilities, class_positions, score_fold
from autometa.metric import default_metric, get_metric
from autometa.pipelines.building import build
from autometa.pipelines.exporting import MAX_LINES, NO_BREAK, Validation, export_script
from autometa.pipelines.learners import LEARNERS
from autometa.pipelines.rereading import Rereading, reread
from autometa.reading import read_task
from autometa.space import Configuration
from autometa.task import Task
from autometa.task_kind import TaskKind
from tests.pipelines.quick import PAIRS

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:An ill-conditioned matrix:scipy.linalg.LinAlgWarning"),
    pytest.mark.filterwarnings("ignore:Bins whose width are too small:UserWarning"),
]

N_ROWS = 115
WORDS = ("late", "early", "broken", "sound", "cheap", "dear", "small", "large", "blue", "green")
REMARKS = (
    "Expected roc_auc in cross-validation: 0.9123, 80 % interval 0.8512 to 0.9535; predicted fit: 1.3 s.",
    "Why: within 1 % of the best on 21 of 110 known tasks; lowers the mean regret of the advice from 1.00 to 0.55",
    "Made by: autometa export mixed.csv --target y --categorical grade --rank 2 --max-fit-time 10 --metric roc_auc",
)
_ROUNDS = ("n_estimators", "max_iter", "iterations")


def write_mixed(path: Path, y: Any) -> None:
    """Write a table with every kind of column, missing values, an identifier, and names that are no Python."""
    rng = np.random.default_rng(0)
    hours = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(10_000, size=N_ROWS), unit="h")
    widths = [repr(float(value)) for value in rng.normal(size=N_ROWS)]
    colours = rng.choice(["red", "blue", "green"], size=N_ROWS)
    frame = pd.DataFrame(
        {
            "row id": [f"r{row:05d}" for row in range(N_ROWS)],
            'it\'s "width" [µm], {a:1}': [value if row % 11 else "?" for row, value in enumerate(widths)],
            "count": rng.integers(50, size=N_ROWS),
            "always": "same",
            "is_new": rng.choice(["true", "false"], size=N_ROWS),
            "was_sold": rng.choice(["True", "False", ""], size=N_ROWS),
            "colour": [value if row % 9 else " ?" for row, value in enumerate(colours)],
            "grade": rng.integers(1, 4, size=N_ROWS),
            "seen": [hour.isoformat() if row % 7 else "" for row, hour in enumerate(hours)],
            "remark": [" ".join(rng.choice(WORDS, size=4)) for _ in range(N_ROWS)],
            "y": y,
        }
    )
    frame.loc[5, "count"] = None
    frame.to_csv(path, index=False)


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[TaskKind, tuple[Task, Rereading]]:
    """A mixed table of each kind of task, as it is read, and as a script reads it."""
    rng = np.random.default_rng(1)
    targets = {
        TaskKind.BINARY: rng.choice(["yes", "no", ""], p=[0.5, 0.45, 0.05], size=N_ROWS),
        TaskKind.MULTICLASS: rng.choice(["low", "middle", "high"], size=N_ROWS),
        TaskKind.REGRESSION: rng.normal(size=N_ROWS) * 100,
    }
    read = {}
    for kind, y in targets.items():
        path = tmp_path_factory.mktemp("mixed") / "mixed.csv"
        write_mixed(path, y)
        task = read_task(path, categorical=["grade"])
        read[kind] = (task, reread(str(path), task))
    return read


def configurations(algorithm: str, kind: TaskKind) -> list[Configuration]:
    """Return the defaults and what is drawn, with few rounds."""
    space = LEARNERS[algorithm].space(kind)
    rounds = {parameter.name: 50 for parameter in space.parameters if parameter.name in _ROUNDS}
    rng = np.random.default_rng(len(algorithm))
    drawn = {**dict(space.sample(rng).values), **rounds}
    return [Configuration(algorithm=algorithm, values=values) for values in (rounds, drawn)]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Run a script, and give its variables."""

    def execute(script: str, *arguments: str) -> dict[str, Any]:
        monkeypatch.setattr(sys, "argv", ["train.py", *arguments])
        namespace: dict[str, Any] = {"__name__": "__main__"}
        exec(compile(script, "train.py", "exec"), namespace)
        return namespace

    return execute


@pytest.mark.parametrize(("algorithm", "kind"), PAIRS)
def test_a_script_predicts_what_the_pipeline_predicts(
    algorithm: str,
    kind: TaskKind,
    tables: dict[TaskKind, tuple[Task, Rereading]],
    run: Callable[..., dict[str, Any]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    task, rereading = tables[kind]
    assert task.kind is kind
    for configuration in configurations(algorithm, kind):
        arguments: dict[str, Any] = {"kind": kind, "column_kinds": task.column_kinds, "seed": 3}
        script = export_script(configuration, rereading=rereading, **arguments)
        found = run(script)
        pipeline = build(configuration, **arguments).fit(task.X, task.y)
        method = "predict_proba" if kind.is_classification else "predict"
        columns = found["predicted"].columns[1 if kind.is_classification else 0 :]
        predicted = found["predicted"][columns].to_numpy().reshape(task.n_rows, -1)
        expected = getattr(pipeline, method)(task.X).reshape(task.n_rows, -1)
        np.testing.assert_allclose(predicted, expected, rtol=1e-9, atol=1e-9)
        printed = capsys.readouterr().out.splitlines()
        assert len(printed) == task.n_rows + 1
        assert printed[0].startswith("prediction")


@pytest.mark.parametrize(("algorithm", "kind"), PAIRS)
def test_a_script_has_eighty_lines_at_most_and_imports_no_autometa(
    algorithm: str, kind: TaskKind, tables: dict[TaskKind, tuple[Task, Rereading]]
) -> None:
    task, rereading = tables[kind]
    space = LEARNERS[algorithm].space(kind)
    rng = np.random.default_rng(0)
    for configuration in (space.default(), *(space.sample(rng) for _ in range(3))):
        script = export_script(
            configuration,
            kind=kind,
            column_kinds=task.column_kinds,
            rereading=rereading,
            validation=Validation(metric=default_metric(kind), n_folds=5),
            remarks=REMARKS,
        )
        assert len(script.splitlines()) <= MAX_LINES == 80
        assert max(map(len, script.splitlines())) <= 120
        imported = {
            name.split(".")[0]
            for node in ast.walk(ast.parse(script))
            for name in (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
        }
        assert imported <= {"sys", "operator", "numpy", "pandas", "sklearn", "skrub", LEARNERS[algorithm].module}


def small_script(task: Task, rereading: Rereading, **arguments: Any) -> str:
    configuration = Configuration(algorithm="decision_tree", values={"max_depth": 3})
    return export_script(
        configuration, kind=task.kind, column_kinds=task.column_kinds, rereading=rereading, **arguments
    )


def numbers_task(tmp_path: Path, n_columns: int = 3, n_rows: int = 80) -> tuple[Task, Rereading]:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({f"a column with number {i}": rng.normal(size=n_rows) for i in range(n_columns)})
    frame["y"] = rng.choice(["a", "b"], size=n_rows)
    frame.to_csv(tmp_path / "numbers.csv", index=False)
    task = read_task(tmp_path / "numbers.csv")
    return task, reread(str(tmp_path / "numbers.csv"), task)


def test_a_small_script_is_laid_out_readably(tmp_path: Path) -> None:
    task, rereading = numbers_task(tmp_path)
    validation = Validation(metric=default_metric(task.kind), n_folds=5)
    script = small_script(task, rereading, remarks=REMARKS, validation=validation)
    lines = script.splitlines()
    assert max(map(len, lines)) <= 100
    assert '    ("learner", DecisionTreeClassifier(max_depth=3, random_state=0)),' in lines
    assert 'scores = cross_val_score(pipeline, X, y, cv=folds, scoring="roc_auc")' in lines
    assert "\n\n\ndef read(path):" in script
    words = " ".join(line.removeprefix("# ") for line in lines)
    assert all(remark in words for remark in REMARKS)
    assert "skrub" not in script


def test_the_score_that_a_script_prints_is_that_of_its_folds(
    tmp_path: Path, run: Callable[..., dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    task, rereading = numbers_task(tmp_path)
    for name in ("accuracy", "log_loss"):
        found = run(small_script(task, rereading, validation=Validation(metric=get_metric(name), n_folds=4), seed=7))
        assert len(found["scores"]) == 4
        shown = capsys.readouterr().err
        mean = found["scores"].mean()
        assert shown == f"{name} of 4 folds: {mean if name == 'accuracy' else -mean:.4g}\n"
        assert mean < 0 or name == "accuracy"


@pytest.mark.parametrize("metric", ["log_loss", "roc_auc", "balanced_accuracy", "f1_macro", "accuracy"])
@pytest.mark.parametrize("algorithm", ["decision_tree", "xgboost"])
def test_where_folds_lack_a_class_the_score_is_that_of_our_own_protocol(
    tmp_path: Path, run: Callable[..., dict[str, Any]], capsys: pytest.CaptureFixture[str], metric: str, algorithm: str
) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"size": rng.normal(size=83), "y": [*"ab" * 40, "rare", "two", "two"]})
    frame.to_csv(tmp_path / "rare.csv", index=False)
    task = read_task(tmp_path / "rare.csv")
    script = export_script(
        Configuration(algorithm=algorithm, values={"max_depth": 3}),
        kind=task.kind,
        column_kinds=task.column_kinds,
        rereading=reread(str(tmp_path / "rare.csv"), task),
        validation=Validation(metric=get_metric(metric), n_folds=5, is_lacking=True),
        remarks=REMARKS,
    )
    assert len(script.splitlines()) <= MAX_LINES
    found = run(script)
    X, y, classes = found["X"], found["y"], list(task.classes)
    scores = []
    for train, test in found["folds"].split(X, y):
        assert y[test].value_counts().reindex(["a", "b"]).tolist() == [8, 8]
        pipeline = found["pipeline"].fit(X.iloc[train], y[train])
        learned = class_positions(pipeline.classes_, classes)
        given = align_probabilities(pipeline.predict_proba(X.iloc[test]).astype(float), learned, len(classes))
        predicted = class_positions(pipeline.predict(X.iloc[test]), classes)
        scores.append(score_fold(task.kind, class_positions(y[test].to_numpy(), classes), predicted, given))
    assert len(scores) == 5
    mean = np.mean([each.scores[metric] for each in scores])
    assert capsys.readouterr().err == f"{metric} of 5 folds: {mean:.4g}\n"


def test_no_line_ends_at_a_blank_that_is_not_to_be_broken(tmp_path: Path) -> None:
    remarks = [f"{'x' * n} predicted fit: 0.033{NO_BREAK}s" for n in range(60, 90)]
    script = small_script(*numbers_task(tmp_path), remarks=remarks)
    assert script.count("0.033 s") == len(remarks)


def test_hundreds_of_columns_of_one_kind_are_told_by_the_others(
    tmp_path: Path, run: Callable[..., dict[str, Any]]
) -> None:
    task, rereading = numbers_task(tmp_path, n_columns=400)
    script = small_script(task, rereading)
    assert len(script.splitlines()) <= MAX_LINES
    found = run(script)
    assert found["numeric_columns"] == list(task.X.columns)
    pipeline = build(
        Configuration(algorithm="decision_tree", values={"max_depth": 3}),
        kind=task.kind,
        column_kinds=task.column_kinds,
    ).fit(task.X, task.y)
    np.testing.assert_array_equal(found["pipeline"].predict_proba(found["X"]), pipeline.predict_proba(task.X))


def test_a_script_predicts_for_further_rows(
    tmp_path: Path, run: Callable[..., dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    task, rereading = numbers_task(tmp_path)
    further = task.X.iloc[:7].assign(other="x")
    further.to_csv(tmp_path / "further.csv", index=False)
    found = run(small_script(task, rereading), str(tmp_path / "further.csv"))
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "prediction,p(a),p(b)"
    assert [line.split(",")[0] for line in printed[1:]] == found["pipeline"].predict(task.X.iloc[:7]).tolist()


def test_hundreds_of_classes_are_predicted_without_a_warning(
    tmp_path: Path, run: Callable[..., dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    frame = pd.DataFrame({"size": np.arange(600.0), "y": [f"c{row % 300}" for row in range(600)]})
    frame.to_csv(tmp_path / "many.csv", index=False)
    task = read_task(tmp_path / "many.csv")
    run(small_script(task, reread(str(tmp_path / "many.csv"), task)))
    assert len(capsys.readouterr().out.splitlines()[0].split(",")) == 301


def test_texts_of_others_stay_comments_and_strings(tmp_path: Path, run: Callable[..., dict[str, Any]]) -> None:
    name = "a\nimport os; os.abort()  # '\"\\ .csv"
    rng = np.random.default_rng(0)
    column = "x'\"\\\n\u202eimport os"
    frame = pd.DataFrame({column: rng.normal(size=40), "y": rng.choice(["a", "b"], size=40)})
    frame.to_csv(tmp_path / name, index=False)
    task = read_task(tmp_path / name)
    script = small_script(task, reread(str(tmp_path / name), task), remarks=["one\nimport os\rimport sys\u202e"])
    assert "\u202e" not in script
    assert run(script)["numeric_columns"] == [column]


def test_a_script_is_the_same_in_another_process(tmp_path: Path) -> None:
    task, rereading = numbers_task(tmp_path)
    code = (
        "import sys; from tests.pipelines.test_exporting import small_script; from autometa.reading import read_task\n"
        "from autometa.pipelines.rereading import reread\n"
        "task = read_task(sys.argv[1]); sys.stdout.write(small_script(task, reread(sys.argv[1], task)))"
    )
    other = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "numbers.csv")],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONHASHSEED": "5"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert other.stdout == small_script(task, rereading)
