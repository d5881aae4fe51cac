"""How true trade-offs are on tasks that were hidden: ``python benchmarks/trade_offs.py --db FILE``

Each family is hidden in one of ten folds. On each of its tasks the set is drawn from what was tried there, and held
against what was measured: how often the score was in its 80 % interval, at the cheap end, in between and at the best
end; and how often of two neighbours in the set the dearer one had the better score, and the higher measured cost.
"""

import argparse
from collections.abc import Iterator

import numpy as np
import pandas as pd

from autometa.benchmark.replay import is_judgement, splits
from autometa.evaluation.protocol import CV_V1
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.frames import Experience
from autometa.metric import get_metric
from autometa.pipelines.building import PIPELINES_VERSION
from autometa.recommenders.calibration import calibrate
from autometa.recommenders.candidates import Candidates
from autometa.recommenders.cost import FitTime, PeakMemory, PredictTime
from autometa.recommenders.expecting import expected_losses, score_intervals
from autometa.recommenders.hybrid import Hybrid
from autometa.recommenders.trading import COSTS, trade
from autometa.task_kind import TaskKind

N_FOLDS = 10
LAWS: dict[str, type[FitTime] | type[PeakMemory] | type[PredictTime]] = {
    "fit_seconds": FitTime,
    "memory_bytes": PeakMemory,
    "predict_seconds": PredictTime,
}


def main() -> None:
    """Print a row for each kind and cost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--db", required=True, help="knowledge base")
    parser.add_argument("--families", choices=("judgement", "others"), default="judgement")
    arguments = parser.parse_args()
    found: list[dict[str, object]] = []
    with KnowledgeBase(arguments.db) as base:
        for kind in TaskKind:
            metric = get_metric("auto", kind)
            experience = base.experience(kind, metric, protocol=CV_V1.name, pipelines_version=PIPELINES_VERSION)
            found.extend(_judged(experience, arguments.families == "judgement"))
    for columns in (["cost"], ["kind"], ["kind", "cost"]):
        print(pd.DataFrame(found).groupby(columns).mean(numeric_only=True).round(2).to_string())


def _judged(experience: Experience, is_for_judgement: bool) -> Iterator[dict[str, object]]:
    """Return how each trade-off did on each hidden task."""
    own = [row for row, family in enumerate(experience.families) if is_judgement(family) is is_for_judgement]
    for hidden, rows in splits(experience, own, N_FOLDS):
        known = experience.without(hidden)
        ranker, calibration = Hybrid().fit(known), calibrate(Hybrid, known)
        laws = {key: make().fit({CV_V1: known}) for key, make in LAWS.items()}
        for row in rows:
            description = experience.descriptions[row]
            columns = np.flatnonzero(np.isfinite(experience.losses[row]) & known.is_tried.any(axis=0))
            tried = [experience.configurations[column] for column in columns]
            priced = Candidates(configurations=tried, **{k: law.predict(description, tried) for k, law in laws.items()})
            losses = expected_losses(ranker, description, tried, (), calibration)
            for name, axis in COSTS.items():
                order = trade(name, len(tried), priced, losses, (), experience.metric)[1]
                chosen = [tried[position] for position in order]
                expected = zip(chosen, losses[order], strict=True)
                told = score_intervals(experience.metric, description, expected, (), calibration, is_ranked=False)
                actual = experience.losses[row, columns[order]]
                flattered = actual > losses[order]
                scores = [experience.metric.score(float(loss)) for loss in actual]
                held = [low <= score <= high for score, (_, (low, high)) in zip(scores, told, strict=True)]
                costs = getattr(experience, axis.key)[row, columns[order]]
                yield {
                    "kind": str(experience.kind),
                    "cost": name,
                    "pipelines": len(order),
                    "cheapest held": held[0],
                    "between held": np.mean(held[1:-1]) if len(held) > 2 else np.nan,
                    "best held": held[-1],
                    "cheapest worse than predicted": flattered[0],
                    "best worse than predicted": flattered[-1],
                    "dearer is better": np.mean(np.diff(actual) <= 0) if len(order) > 1 else np.nan,
                    "dearer costs more": np.mean(np.diff(costs) >= 0) if len(order) > 1 else np.nan,
                }


if __name__ == "__main__":
    main()
