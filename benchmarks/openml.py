"""How long an import of OpenML's runs takes, and how much memory: pages of a loopback server, each run with its setup.

python -m benchmarks.openml --runs 10000 --setups 5000
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.openml_server import OpenMLServer
from tests.sources.openml_runs import Runs, add_runs, add_tasks

_IMPORT = """
import resource, sys, time
began = time.monotonic()
from pathlib import Path
from autometa.knowledge.base import KnowledgeBase
from autometa.sources.openml.connection import Connection
from autometa.sources.openml.importing import Wanted, import_runs
tasks = tuple(map(int, sys.argv[2].split(",")))
with KnowledgeBase.create(sys.argv[1]) as base:
    imported = import_runs(base, Wanted(tasks=tasks, measures=("area_under_roc_curve",)), Connection())
    print(imported.added.n_new, imported.n_ours, end=" ")
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(f"new runs and of ours; {time.monotonic() - began:.1f} s in all, {peak:.0f} MiB at most")
"""


def main() -> None:
    """Serve runs, import them in a process of its own, twice, and print what that took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--setups", type=int, default=5_000)
    parser.add_argument("--tasks", type=int, default=72)
    given = parser.parse_args()
    numbers = list(range(1, given.tasks + 1))
    with tempfile.TemporaryDirectory() as name, OpenMLServer() as server:
        add_tasks(server, numbers)
        add_runs(server, Runs(tasks=numbers, n_runs=given.runs, n_setups=given.setups))
        folder = Path(name)
        (folder / "openml").mkdir()
        (folder / "openml" / "config").write_text(f"server = {server.url}\n")
        environment = {"XDG_CONFIG_HOME": name, "OPENML_CACHE_DIR": f"{name}/cache", "no_proxy": "127.0.0.1"}
        for place in ("first.db", "second.db"):  # the second finds tasks and data sets in the cache of openml
            command = [sys.executable, "-c", _IMPORT, str(folder / place), ",".join(map(str, numbers))]
            subprocess.run(command, check=True, env=os.environ | environment)


if __name__ == "__main__":
    main()
