"""When the hybrid leaves its portfolio for what the results say: `python -m benchmarks.gate --db FILE`.

Replays it with other numbers of results up to which the portfolio, and from which on the Gaussian ranks alone, on all
families that are not of judgement. A gate (2, 3) switches at three results. Prints, for each kind, the mean normalised
regret after some proposals and over all 25, and its difference from the first gate's with the standard error over
families.
"""

import argparse
from functools import partial
from pathlib import Path

import pandas as pd

from autometa.benchmark.replay import Method, Replay, is_judgement, replay
from autometa.benchmark.scores import clustered_error
from autometa.evaluation.protocol import CV_V1
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.frames import COMMON_SHARE
from autometa.metric import default_metric
from autometa.pipelines.building import PIPELINES_VERSION
from autometa.recommenders.hybrid import Hybrid
from autometa.task_kind import TaskKind

GATES = ((2, 3), (4, 5), (6, 7), (9, 10), (2, 6), (2, 8), (1, 12), (3, 18), (1, 25))
STEPS = (4, 5, 7, 10, 15, 25)


def main() -> None:
    """Print a table for each kind."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--db", type=Path, required=True, help="knowledge base, made by autometa kb create")
    arguments = parser.parse_args()
    methods = [Method(name=str(gate), make=partial(Hybrid, gate), n_folds=Hybrid.n_folds) for gate in GATES]
    with KnowledgeBase(arguments.db) as base:
        for kind in TaskKind:
            metric = default_metric(kind)
            whole = base.experience(kind, metric, protocol=CV_V1.name, pipelines_version=PIPELINES_VERSION)
            experience = whole.of_share(COMMON_SHARE)
            families = {family for family in experience.families if not is_judgement(family)}
            found = replay(experience, methods, families=families)
            print(f"\n{kind}: {len(found.tasks)} tasks\n{_table(found).to_string(index=False)}")


def _table(found: Replay) -> pd.DataFrame:
    """Return a row for each gate."""
    first = found.regrets(str(GATES[0])).mean(axis=1)
    rows = []
    for gate in GATES:
        regrets = found.regrets(str(gate))
        means, difference = regrets.mean(axis=0), regrets.mean(axis=1) - first
        error = clustered_error(difference, found.families)
        steps = {f"k = {step}": f"{means[step - 1]:.3f}" for step in STEPS}
        less = f"{difference.mean():+.4f} ± {error:.4f}"
        rows.append({"gate": str(gate), **steps, "mean": f"{regrets.mean():.4f}", "less the first": less})
    return pd.DataFrame(rows)


if __name__ == "__main__":
    main()
