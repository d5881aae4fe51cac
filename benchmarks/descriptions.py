"""Extracts the meta-features of the shipped tasks anew: ``python -m benchmarks.descriptions INDEX SHARD``

INDEX is an ``index.csv`` as `autometa kb grow --from` takes it. Of its tables those are read that the shipped base
knows without meta-features of this release; SHARD, a new file, holds the tasks alone.
"""

import argparse
import tempfile
import time
from pathlib import Path

from autometa.growing.tables import known_tasks
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.described import export_metafeatures
from autometa.knowledge.shipped import create_filled
from autometa.metafeatures import EXTRACTION_VERSION, extract


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", type=Path)
    parser.add_argument("shard", type=Path)
    options = parser.parse_args()
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shipped.db"
        create_filled(path)
        with KnowledgeBase(path) as base:
            n_failed = 0
            known = known_tasks(options.index, base)
            for fingerprint, task in known.items():
                if not base.has_task(fingerprint, metafeatures_version=EXTRACTION_VERSION):
                    described = extract(task)
                    n_failed += len(described.failures)
                    base.add_task(task, described)
            n_tasks = export_metafeatures(base, options.shard)
    seconds = time.perf_counter() - began
    print(f"{n_tasks} of {len(known)} tasks in {options.shard}, {n_failed} failures, {seconds:.0f} s")


if __name__ == "__main__":
    main()
