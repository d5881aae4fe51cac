"""How good the order of large tables is at full size: ``python benchmarks/full_size.py --db FILE``

Each family is hidden in one of ten folds. On each of its tasks of more than 3,000 rows the candidates that were
measured on up to 20,000 of them are ordered, as predicted scores have it (on at most 3,000 rows), and `at_full_size`.
Prints the mean normalised regret of both after k candidates, by the losses on up to 20,000 rows; the difference of
the two with its standard error over families; and how often the 80 % interval of the first held, on 3,000 rows.
"""

import argparse
from collections.abc import Iterator

import numpy as np
import pandas as pd

from autometa.benchmark.replay import is_judgement, splits
from autometa.benchmark.scores import clustered_error
from autometa.evaluation.protocol import CV_V1, HOLDOUT_V1
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.frames import Experience
from autometa.metric import get_metric
from autometa.pipelines.building import PIPELINES_VERSION
from autometa.recommenders.base import Recommender
from autometa.recommenders.calibration import calibrate
from autometa.recommenders.expecting import expected_losses, score_intervals
from autometa.recommenders.full_size import at_full_size, order_at_full_size
from autometa.recommenders.hybrid import Hybrid
from autometa.recommenders.portfolio import GreedyPortfolio
from autometa.task_kind import TaskKind

N_FOLDS = 10
KS = (1, 3, 5, 10)


def main() -> None:
    """Print a row for each kind and order."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--db", required=True, help="knowledge base")
    parser.add_argument("--families", choices=("judgement", "others"), default="judgement")
    arguments = parser.parse_args()
    found: list[dict[str, object]] = []
    with KnowledgeBase(arguments.db) as base:
        for kind in TaskKind:
            metric = get_metric("auto", kind)
            few, many = (
                base.experience(kind, metric, protocol=protocol.name, pipelines_version=PIPELINES_VERSION)
                for protocol in (CV_V1, HOLDOUT_V1)
            )
            found.extend(_judged(few, many, arguments.families == "judgement"))
    _report(pd.DataFrame(found))


def _judged(few: Experience, many: Experience, is_for_judgement: bool) -> Iterator[dict[str, object]]:
    """Return regrets of each order on each hidden task."""
    row_of = {known.fingerprint: row for row, known in enumerate(few.descriptions)}
    own = [
        row
        for row, known in enumerate(many.descriptions)
        if is_judgement(known.family) is is_for_judgement
        and known.n_rows > CV_V1.row_limit
        and np.isfinite(many.losses[row]).sum() >= max(KS)
        and known.fingerprint in row_of
    ]
    for hidden, rows in splits(many, own, N_FOLDS):
        known, known_many = few.without(hidden), many.without(hidden)
        full_size = at_full_size(known, known_many, CV_V1.row_limit)
        if full_size is None:
            raise SystemExit(f"too few large {few.kind} tasks are known")
        rankers: dict[str, Recommender] = {
            "full size": Hybrid().fit(full_size),
            "few rows": Hybrid().fit(known),
            "portfolio, full size": GreedyPortfolio().fit(full_size),
            "portfolio, few rows": GreedyPortfolio().fit(known),
        }
        calibration = calibrate(Hybrid, known)
        for row in rows:
            description = many.descriptions[row]
            columns = np.flatnonzero(many.is_tried[row])
            candidates = [many.configurations[column] for column in columns]
            for name, ranker in rankers.items():
                if name == "full size":
                    order = order_at_full_size(ranker, rankers["few rows"], description, candidates, max(KS))
                else:
                    order = list(ranker.rank(description, candidates, (), max(KS)))
                first = candidates[order[0]]
                is_held = np.nan
                if first.key in few.position_of and name in ("full size", "few rows"):
                    loss = few.losses[row_of[description.fingerprint], few.position_of[first.key]]
                    expected = float(expected_losses(rankers["few rows"], description, [first], (), calibration)[0])
                    told = score_intervals(
                        few.metric, description, [(first, expected)], (), calibration, is_ranked=True
                    )
                    low, high = told[0][1]
                    is_held = float(low <= few.metric.score(float(loss)) <= high) if np.isfinite(loss) else np.nan
                regrets = _regrets(many.losses[row, columns], order)
                yield {
                    "kind": str(few.kind),
                    "family": description.family,
                    "task": description.fingerprint,
                    "order": name,
                    **{f"k = {k}": regrets[k - 1] for k in KS},
                    "held": is_held,
                }


def _regrets(losses: np.ndarray, order: list[int]) -> np.ndarray:
    """Return the least normalised loss after each candidate in the order: 0 the best of all, 1 the median or worse."""
    ok = losses[np.isfinite(losses)]
    best, width = ok.min(), np.median(ok) - ok.min()
    scaled = np.where(losses <= best, 0.0, 1.0) if width == 0 else np.clip((losses - best) / width, 0.0, 1.0)
    return np.asarray(np.minimum.accumulate(np.where(np.isfinite(losses), scaled, 1.0)[order]))


def _report(found: pd.DataFrame) -> None:
    """Print means, and differences from the order on few rows."""
    steps = [f"k = {k}" for k in KS]
    for kind, own in [("all", found), *found.groupby("kind")]:
        base = own[own["order"] == "few rows"].set_index("task")
        print(f"\n{kind}: {len(base)} tasks of {base['family'].nunique()} families")
        for name, rows in own.groupby("order", sort=False):
            each = rows.set_index("task").loc[base.index]
            words = []
            for step in steps:
                difference = (each[step] - base[step]).to_numpy()
                error = clustered_error(difference, tuple(base["family"]))
                words.append(f"{each[step].mean():.3f} ({difference.mean():+.3f} ± {error:.3f})")
            print(f"  {name:22}", "  ".join(words), f" held {each['held'].mean():.0%}" if each["held"].any() else "")


if __name__ == "__main__":
    main()
