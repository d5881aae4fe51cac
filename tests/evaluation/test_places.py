"""Evaluations work wherever a user may stand, and give the same scores there."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from autometa.evaluation.running import evaluate
from autometa.space import Configuration

ROOT = Path(__file__).parents[2]

# What all places do: a module of the user's own, beside the script.
WAVES = """
import os
import numpy as np
import pandas as pd
from autometa.evaluation.running import evaluate
from autometa.space import Configuration
from autometa.task import Task
x = np.arange(90.0)
X = pd.DataFrame({"x": np.cos(x), "z": np.sin(x)})
TASK = Task(name="waves", X=X, y=pd.Series(x % 3 + (x % 5 == 0)), kind="multiclass", target="y")
def work(_=None):
    return dict(evaluate(TASK, Configuration(algorithm="k_nearest_neighbors")).fold_scores)
"""

POOLS = """
import json, multiprocessing, os, sys
import psutil
from joblib import Parallel, delayed
import waves
context = multiprocessing.get_context("fork")
def work_in_a_daemon(_):
    assert multiprocessing.current_process().daemon
    return waves.work()
found = {}
with context.Pool(1) as pool:
    found["a daemonic worker of multiprocessing"] = pool.map(work_in_a_daemon, [0])[0]
for backend in ("threading", "multiprocessing", "loky"):
    found[f"joblib, {backend}"] = Parallel(n_jobs=2, backend=backend)(delayed(waves.work)(i) for i in range(2))[1]
found["this process"] = waves.work()
servers = [p for p in psutil.Process().children(recursive=True) if "autometa.evaluation.server" in p.cmdline()]
print(json.dumps({"found": found, "left": len(servers)}))
"""

DASK = """
import json, sys
import psutil
from distributed import Client, LocalCluster
import waves
if __name__ == "__main__":
    found = {}
    for place, options in (("nannied processes", {"host": "127.0.0.1"}), ("threads", {"processes": False})):
        with LocalCluster(
            n_workers=1, threads_per_worker=2, dashboard_address=None, **options
        ) as cluster, Client(cluster) as client:
            futures = client.map(waves.work, range(2), pure=False)
            found[f"Dask, {place}"] = client.gather(futures)[1]
    servers = [p for p in psutil.Process().children(recursive=True) if "autometa.evaluation.server" in p.cmdline()]
    print(json.dumps({"found": found, "left": len(servers)}))
"""


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The scores that `WAVES` has in this process, by metric."""
    namespace: dict[str, Any] = {}
    exec(WAVES, namespace)
    evaluation = evaluate(namespace["TASK"], Configuration(algorithm="k_nearest_neighbors"))
    return {name: pytest.approx(scores, abs=1e-9) for name, scores in evaluation.fold_scores.items()}


def _run(folder: Path, script: str) -> Any:
    """Return what a script without a main guard prints as JSON; `waves` lies beside it."""
    (folder / "waves.py").write_text(WAVES)
    (folder / "script.py").write_text(script)
    done = subprocess.run(
        [sys.executable, str(folder / "script.py")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(folder)])},
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
def test_it_works_in_daemonic_workers_and_in_every_backend_of_joblib(tmp_path: Path, expected: Any) -> None:
    result = _run(tmp_path, POOLS)
    assert len(result["found"]) == 5
    assert result["found"] == dict.fromkeys(result["found"], expected)
    assert result["left"] == 0


def test_it_works_in_dask_workers(tmp_path: Path, expected: Any) -> None:
    pytest.importorskip("distributed", reason="needs autometa-ml[distributed]")
    result = _run(tmp_path, DASK)
    assert set(result["found"]) == {"Dask, nannied processes", "Dask, threads"}
    assert result["found"] == dict.fromkeys(result["found"], expected)
    assert result["left"] == 0


NOTEBOOK = """
import json
from jupyter_client.manager import start_new_kernel
import waves
manager, client = start_new_kernel()
said = []
def hear(message):
    if message["msg_type"] in ("stream", "error"):
        said.append(message["content"].get("text") or "\\n".join(message["content"]["traceback"]))
for cell in (open(waves.__file__).read(), "import json; print(json.dumps(work()))"):
    client.execute_interactive(cell, output_hook=hear)
client.stop_channels()
manager.shutdown_kernel(now=True)
print(json.dumps({"found": json.loads(said[-1]), "said": said[:-1]}))
"""


def test_it_works_in_a_notebook(tmp_path: Path, expected: Any) -> None:
    pytest.importorskip("ipykernel", reason="needs autometa-ml[dev]")
    result = _run(tmp_path, NOTEBOOK)
    assert result == {"found": expected, "said": []}
