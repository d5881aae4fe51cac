"""Makes the shipped calibrations: `python -m benchmarks.calibrations` writes data/calibrations/.

To be run whenever a shard is added, or a recommender predicts something else: a test compares them with the shards.
"""

import json
import tempfile
from pathlib import Path

from autometa._paths import data_path
from autometa.evaluation.protocol import CV_V1
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.shipped import create_filled
from autometa.metric import metrics_of
from autometa.pipelines.building import PIPELINES_VERSION
from autometa.recommender_names import DEFAULT_RECOMMENDER, RECOMMENDERS
from autometa.recommenders.calibrated import FORMAT, table_of
from autometa.task_kind import TaskKind

SHIPPED = tuple(dict.fromkeys((DEFAULT_RECOMMENDER, "portfolio")))


def main() -> None:
    """Write a file for each kind, with a table for each metric and shipped recommender."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shipped.db"
        create_filled(path)
        with KnowledgeBase(path) as base:
            for kind in TaskKind:
                tables = []
                for metric in metrics_of(kind):
                    experience = base.experience(kind, metric, protocol=CV_V1.name, pipelines_version=PIPELINES_VERSION)
                    tables += [table_of(RECOMMENDERS[name], experience) for name in SHIPPED]
                    print(f"{kind}, {metric.name}: {tables[-1]['n_tasks']} tasks, {tables[-1]['n_runs']} runs")
                target = data_path("calibrations", f"{kind}.json")
                target.parent.mkdir(exist_ok=True)
                lines = ",\n".join(json.dumps(table, separators=(",", ":")) for table in tables)
                target.write_text(f'{{"format": {FORMAT}, "tables": [\n{lines}\n]}}\n', encoding="utf-8")


if __name__ == "__main__":
    main()
