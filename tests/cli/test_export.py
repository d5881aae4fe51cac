"""`autometa export`, run as a user runs it, and its scripts where autometa cannot be imported."""

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from autometa import read_task, recommend
from autometa.cli.drawing import short
from autometa.metric import default_metric
from tests.conftest import Command

WITHOUT_AUTOMETA = """
import runpy, sys, warnings

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "autometa":
            raise ImportError(name)

sys.meta_path.insert(0, Refuse())
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def run_script(path: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a script in its folder, where autometa cannot be imported."""
    return subprocess.run(
        [sys.executable, "-I", "-W", "error", "-c", WITHOUT_AUTOMETA, path.name, *arguments],
        cwd=path.parent,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(
    ("name", "target", "algorithm", "rank"),
    [
        ("wine.csv", "cultivar", "lightgbm", 2),
        ("diabetes.csv", "progression", "ridge", 1),
    ],
)
def test_a_script_predicts_what_the_advice_predicts(
    autometa: Command,
    one_shard_base: Path,
    examples: Path,
    tmp_path: Path,
    name: str,
    target: str,
    algorithm: str,
    rank: int,
) -> None:
    data = str(examples / name)
    arguments = ("export", data, "-t", target, "--algorithms", algorithm, "--db", str(one_shard_base))
    result = autometa(*arguments, "--rank", str(rank), "-o", "train.py")
    assert (result.returncode, result.stderr) == (0, "")
    script = (tmp_path / "train.py").read_text(encoding="utf-8")
    assert result.stdout == f"wrote {len(script.splitlines())} lines; run them with: python train.py\n"

    task = read_task(data, target=target)
    advice = recommend(task, k=10, algorithms=[algorithm], knowledge=one_shard_base)[rank - 1]
    ran = run_script(tmp_path / "train.py")
    assert ran.returncode == 0, ran.stderr
    metric = default_metric(task.kind).name
    assert ran.stderr.startswith(f"{metric} of 5 folds: ")
    assert f"# Expected {metric} in cross-validation: {short(advice.predicted_score)}, 80 % interval " in script
    predicted = pd.read_csv(io.StringIO(ran.stdout))
    pipeline = advice.build().fit(task.X, task.y)
    if not task.kind.is_classification:
        np.testing.assert_allclose(predicted["prediction"], pipeline.predict(task.X), rtol=1e-9, atol=1e-9)
    else:
        assert predicted["prediction"].tolist() == pipeline.predict(task.X).tolist()
        probabilities = predicted.drop(columns="prediction").to_numpy()
        np.testing.assert_allclose(probabilities, pipeline.predict_proba(task.X), rtol=1e-9, atol=1e-9)
    assert [path.name for path in tmp_path.iterdir()] == ["train.py"]


@pytest.mark.parametrize("n_rare", [4, 5])
def test_a_score_that_folds_do_not_define_is_left_out_with_the_reason(
    autometa: Command, one_shard_base: Path, tmp_path: Path, n_rare: int
) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"size": rng.normal(size=90), "y": ["common"] * (90 - n_rare) + ["rare"] * n_rare})
    frame.to_csv(tmp_path / "rare.csv", index=False)
    arguments = ("export", "rare.csv", "--algorithms", "ridge,lda", "--db", str(one_shard_base))
    script = autometa(*arguments).stdout
    assert ("cross_val_score" in script) is (n_rare == 5)
    reason = "# Prints no score: roc_auc is undefined where one of 5 folds lacks the rarer class."
    assert (reason in script) is (n_rare == 4)
    if n_rare == 4:
        assert "cross_val_score" in autometa(*arguments, "--metric", "log_loss").stdout


def test_a_file_is_replaced_only_by_force(
    autometa: Command, one_shard_base: Path, examples: Path, tmp_path: Path
) -> None:
    (tmp_path / "train.py").write_text("mine")
    arguments = ("export", str(examples / "wine.csv"), "--db", str(one_shard_base), "-o", "train.py")
    refused = autometa(*arguments)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == "error: train.py exists; give another name, or --force to replace it\n"
    assert (tmp_path / "train.py").read_text() == "mine"
    assert autometa(*arguments, "--force").returncode == 0
    script = (tmp_path / "train.py").read_text(encoding="utf-8")
    assert "import pandas as pd" in script


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--rank", "0"), "a rank is 1 or more, got 0"),
        (("--rank", "100000"), "there is no pipeline of rank 100000; "),
        (("-o", "."), "is a folder"),
        (("-o", "nowhere/train.py"), "there is no folder nowhere; make it first"),
        (("-o", "/proc/train.py"), "cannot write"),
        (("--max-rows", "1"), "a sample of 1 rows teaches nothing"),
    ],
    ids=repr,
)
def test_what_cannot_be_done_is_one_line_and_leaves_nothing(
    autometa: Command, one_shard_base: Path, examples: Path, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    result = autometa("export", str(examples / "wine.csv"), "--db", str(one_shard_base), *arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert len(result.stderr.splitlines()) == 1
    assert words in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_standard_input_is_refused(autometa: Command, examples: Path) -> None:
    result = autometa("export", "-", stdin=(examples / "wine.csv").read_text())
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (
        "error: a script cannot read standard input once more; write the table to a file and give that\n"
    )


def hostile_table() -> pd.DataFrame:
    """Return a table whose names and values are no harmless text."""
    rng = np.random.default_rng(0)
    n_rows = 90
    return pd.DataFrame(
        {
            'it\'s a "width" [µm], {a:1} \\': rng.normal(size=n_rows),
            "löschen; import os\n# größe": rng.normal(size=n_rows),
            "colour\u202e": rng.choice(["'", '"', "\\", "{x}"], size=n_rows),
            "zip code": rng.choice([12345, 54321, 11111], size=n_rows),
            "kept out": rng.normal(size=n_rows),
            "y'\"": rng.choice(["it's", 'a "b"', "{c}"], size=n_rows),
        }
    )


def test_names_with_quotes_and_brackets_stay_names(autometa: Command, one_shard_base: Path, tmp_path: Path) -> None:
    name = 'it\'s "my" {table} [ü].csv'
    hostile_table().to_csv(tmp_path / name, index=False)
    options: dict[str, Any] = {"categorical": ["zip code"], "ignore_columns": ["kept out"]}
    given = ("--categorical", "zip code", "--ignore-columns", "kept out", "--db", str(one_shard_base), "--seed", "5")
    result = autometa("export", name, *given, "-o", 'it\'s "it".py')
    assert (result.returncode, result.stderr) == (0, "")
    script = tmp_path / 'it\'s "it".py'
    assert "\u202e" not in script.read_text(encoding="utf-8")
    ran = run_script(script)
    assert ran.returncode == 0, ran.stderr
    task = read_task(tmp_path / name, **options)
    pipeline = recommend(task, knowledge=one_shard_base, seed=5)[0].build(seed=5).fit(task.X, task.y)
    predicted = pd.read_csv(io.StringIO(ran.stdout))
    assert predicted.columns.tolist() == ["prediction", *(f"p({label})" for label in pipeline.classes_)]
    probabilities = predicted.drop(columns="prediction").to_numpy()
    np.testing.assert_allclose(probabilities, pipeline.predict_proba(task.X), rtol=1e-6)  # may print float32
    hostile_table().iloc[:5].to_csv(tmp_path / "new.csv", index=False)
    new = run_script(script, "new.csv")
    assert new.stdout.splitlines() == ran.stdout.splitlines()[:6]


def test_the_command_that_is_told_makes_the_script_again_and_holds_no_url(
    autometa: Command, one_shard_base: Path, examples: Path
) -> None:
    script = autometa(
        "export", str(examples / "diabetes.csv"), "--max-rows", "300", "--db", f"sqlite:///{one_shard_base}"
    ).stdout
    comments = " ".join(line.removeprefix("# ") for line in script.splitlines() if line.startswith("#"))
    assert f"Made by: autometa export {examples / 'diabetes.csv'} --max-rows 300 --rank 1 " in comments
    assert "sqlite" not in script
    assert ".sample(frac=300 / len(table), random_state=0)" in script
