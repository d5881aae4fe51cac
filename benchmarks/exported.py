"""Do exported scripts and stored pipelines predict the same where autometa is not installed?

    python -m venv /tmp/plain
    /tmp/plain/bin/pip install scikit-learn pandas skrub lightgbm catboost joblib
    python benchmarks/exported.py --python /tmp/plain/bin/python

For each example table and each of six algorithms, the first advised pipeline is exported as a script and stored by
joblib, unfitted and fitted. All three are run by the other interpreter, and what they predict is compared with what the
pipeline predicts here. The same versions of the libraries must be installed there.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import joblib
import numpy as np
from sklearn.base import clone

import autometa
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.shipped import create_filled, open_knowledge
from autometa.pipelines.exporting import export_script
from autometa.pipelines.rereading import reread
from autometa.task import Task

EXAMPLES = Path(__file__).parents[1] / "data" / "examples"
TARGETS = {"breast_cancer.csv": "diagnosis", "wine.csv": "cultivar", "diabetes.csv": "progression"}
ALGORITHMS = ("lightgbm", "catboost", "random_forest", "svm_rbf", "mlp")
LIMIT = 1e-9
FORMS = ("script", "unfitted", "fitted")

RUN = """
import contextlib, importlib.util, io, runpy, sys, warnings
warnings.simplefilter("ignore")
if importlib.util.find_spec("autometa") is not None:
    sys.exit("autometa is installed here")
script, stored, place = sys.argv[1:]
sys.argv = [script]
with contextlib.redirect_stdout(io.StringIO()):
    found = runpy.run_path(script, run_name="__main__")
import joblib
content = joblib.load(stored)
pipelines = {"script": found["pipeline"], "unfitted": content["unfitted"].fit(content["X"], content["y"])}
pipelines["fitted"] = content["fitted"]
tables = {"script": found["X"]}
joblib.dump({name: getattr(pipeline, content["method"])(tables.get(name, content["X"]))
             for name, pipeline in pipelines.items()}, place)
"""


def main() -> None:
    """Print the table; exit 1 if anything differs by more than the limit."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--python", required=True, help="interpreter of an environment without autometa")
    options = parser.parse_args()
    worst = 0.0
    print(f"{'table':<20} {'algorithm':<20} lines  " + "  ".join(f"{form:>9}" for form in FORMS))
    with tempfile.TemporaryDirectory() as folder:
        create_filled(Path(folder) / "knowledge.db")
        with open_knowledge(Path(folder) / "knowledge.db") as base:
            for name, target in TARGETS.items():
                task = autometa.read_task(EXAMPLES / name, target=target)
                linear = "logistic_regression" if task.kind.is_classification else "ridge"
                for algorithm in (*ALGORITHMS, linear):
                    n_lines, differences = compare(task, EXAMPLES / name, algorithm, base, options.python)
                    worst = max(worst, *differences)
                    figures = "  ".join(f"{difference:9.1e}" for difference in differences)
                    print(f"{name:<20} {algorithm:<20} {n_lines:>5}  {figures}", flush=True)
    print(f"largest difference: {worst:.1e}")
    sys.exit(0 if worst <= LIMIT else 1)


def compare(task: Task, path: Path, algorithm: str, base: KnowledgeBase, python: str) -> tuple[int, tuple[float, ...]]:
    """Return the lines of a script, and by how much predictions elsewhere differ, for each of `FORMS`."""
    advice = autometa.recommend(task, k=1, algorithms=[algorithm], knowledge=base)[0]
    script = export_script(
        advice.configuration, kind=advice.kind, column_kinds=advice.column_kinds, rereading=reread(str(path), task)
    )
    unfitted = advice.build()
    fitted = clone(unfitted).fit(task.X, task.y)
    method = "predict_proba" if task.kind.is_classification else "predict"
    expected = getattr(fitted, method)(task.X)
    content = {"unfitted": unfitted, "fitted": fitted, "X": task.X, "y": task.y, "method": method}
    with tempfile.TemporaryDirectory() as folder:
        places = [Path(folder) / name for name in ("train.py", "stored", "predicted")]
        places[0].write_text(script, encoding="utf-8")
        joblib.dump(content, places[1])
        subprocess.run([python, "-I", "-c", RUN, *map(str, places)], check=True, cwd=folder)
        predicted = joblib.load(places[2])
    return len(script.splitlines()), tuple(float(np.abs(predicted[form] - expected).max()) for form in FORMS)


if __name__ == "__main__":
    main()
