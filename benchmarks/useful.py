"""Which candidates are worth measuring at full size: ``python -m benchmarks.useful --db FILE INDEX FOLDER --n 20``

For each kind the first of a greedy portfolio of what most tasks have, over the tasks that are not of judgement
families, so that every next one adds most to those before it; what is not offered on large tables is left out, and the
defaults of LightGBM and of the random forest, which the advice is compared with, are always among them. Writes lists
into FOLDER, and an ``index.csv`` of the tables of INDEX that have more than 3,000 rows, on which the holdout differs
from cv-v1. Then

    autometa kb grow --from FOLDER --configurations FOLDER --protocol holdout-v1 --db campaign.db
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from autometa.benchmark.replay import is_judgement
from autometa.evaluation.protocol import CV_V1
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.frames import COMMON_SHARE, Experience
from autometa.metric import default_metric
from autometa.pipelines.building import PIPELINES_VERSION
from autometa.pipelines.learners import LEARNERS
from autometa.probing import DEFAULTS
from autometa.recommenders.portfolio import GreedyPortfolio
from autometa.space import Configuration
from autometa.task_kind import TaskKind
from benchmarks.campaign import write_index
from benchmarks.pilot.choose import write


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", type=Path, help="an index.csv, beside its tables")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--db", type=Path, required=True)
    parser.add_argument("--n", type=int, default=20, help="configurations of each kind")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    tables = pd.read_csv(options.index)
    tables = tables[tables["n_rows"] > CV_V1.row_limit]
    write_index(tables, options.index, options.folder)
    with KnowledgeBase(options.db) as base:
        for kind in TaskKind:
            metric = default_metric(kind)
            whole = base.experience(kind, metric, protocol=CV_V1.name, pipelines_version=PIPELINES_VERSION)
            chosen = useful(whole, options.n)
            write(options.folder / f"{kind}.json", chosen)
            counts = pd.Series([c.algorithm for c in chosen]).value_counts()
            print(f"{kind}: {', '.join(f'{name} {n}' for name, n in counts.items())}")
    print(f"{len(tables)} tables")


def useful(whole: Experience, n: int) -> list[Configuration]:
    """Return ``n`` configurations: the defaults that advice is compared with, and the first of a portfolio."""
    is_other = np.array([not is_judgement(family) for family in whole.families])
    large = [c.key for c in whole.configurations if LEARNERS[c.algorithm].max_rows is None]
    common = whole.of_tasks(is_other).of_share(COMMON_SHARE).of_configurations(large)
    order = GreedyPortfolio().fit(common).rank(common.descriptions[0], common.configurations, n=n)
    defaults = [default for default in DEFAULTS.values() if default.key in common.position_of]
    picked = [common.configurations[place] for place in order]
    return [*defaults, *(configuration for configuration in picked if configuration not in defaults)][:n]


if __name__ == "__main__":
    main()
