"""How good the order of large tables is at full size: ``python benchmarks/full_size.py --db FILE``

Each family is hidden in one of ten folds. On each of its tasks of more than 3,000 rows the candidates that were
measured on up to 20,000 of them are ordered, as the runs on at most 3,000 rows have it, and `at_full_size`. Prints the
mean normalised regret after k of them by the losses on up to 20,000 rows, and in brackets the difference from the
first of these orders with its standard error over families; the same by the losses on at most 3,000 rows, of all
candidates that were tried on so many; and how often the 80 % intervals of the first held, on at most 3,000 rows.
"""

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TypeAlias

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
from autometa.recommenders.calibration import REFERENCE, Calibration, calibrate
from autometa.recommenders.expecting import expected_losses, predicted_gain, score_intervals
from autometa.recommenders.full_size import at_full_size, order_at_full_size
from autometa.recommenders.hybrid import Hybrid
from autometa.recommenders.portfolio import GreedyPortfolio
from autometa.space import Configuration
from autometa.task import TaskDescription
from autometa.task_kind import TaskKind

N_FOLDS = 10
KS = (1, 3, 5, 10)

Order: TypeAlias = Callable[[TaskDescription, list[Configuration]], list[Configuration]]


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
    """Return what became of each order on each hidden task."""
    few_rows = {known.fingerprint: row for row, known in enumerate(few.descriptions)}
    own = [
        row
        for row, known in enumerate(many.descriptions)
        if is_judgement(known.family) is is_for_judgement
        and known.n_rows > CV_V1.row_limit
        and np.isfinite(many.losses[row]).sum() >= max(KS)
        and known.fingerprint in few_rows
    ]
    for hidden, rows in splits(many, own, N_FOLDS):
        known = few.without(hidden)
        full_size = at_full_size(known, many.without(hidden), CV_V1.row_limit)
        if full_size is None:
            raise SystemExit(f"too few large {few.kind} tasks are known")
        by_few = Hybrid().fit(known)
        orders: dict[str, Order] = {
            "full size": partial(_at_full_size, Hybrid().fit(full_size), by_few),
            "few rows": partial(_usual, by_few),
            "portfolio, full size": partial(_usual, GreedyPortfolio().fit(full_size)),
            "portfolio, few rows": partial(_usual, GreedyPortfolio().fit(known)),
        }
        calibration = calibrate(Hybrid, known)
        for row in rows:
            description = many.descriptions[row]
            losses = {"": _losses(many, row), "few ": _losses(few, few_rows[description.fingerprint])}
            for name, order in orders.items():
                chosen = {size: order(description, list(tried)) for size, tried in losses.items()}
                regrets = {size: _regrets(losses[size], chosen[size]) for size in losses}
                yield {
                    "kind": str(few.kind),
                    "family": description.family,
                    "task": description.fingerprint,
                    "order": name,
                    **{f"{size}k = {k}": regrets[size][k - 1] for size in losses for k in KS},
                    **_held(by_few, calibration, description, chosen[""][0], losses["few "]),
                }


def _usual(ranker: Recommender, description: TaskDescription, candidates: list[Configuration]) -> list[Configuration]:
    """Return the first candidates as a recommender has them."""
    return [candidates[position] for position in ranker.rank(description, candidates, (), max(KS))]


def _at_full_size(
    ranker: Recommender, others: Recommender, description: TaskDescription, candidates: list[Configuration]
) -> list[Configuration]:
    """Return the first candidates as `recommend` has them."""
    return [candidates[p] for p in order_at_full_size(ranker, others, description, candidates, (), max(KS))]


def _losses(experience: Experience, row: int) -> dict[Configuration, float]:
    """Return what was tried on a task, and what it lost; inf = failed."""
    tried = np.flatnonzero(experience.is_tried[row])
    return {experience.configurations[column]: float(experience.losses[row, column]) for column in tried}


def _held(
    ranker: Recommender,
    calibration: Calibration,
    description: TaskDescription,
    first: Configuration,
    losses: Mapping[Configuration, float],
) -> dict[str, float]:
    """Return whether the intervals of the first held by its losses on few rows: of the score, and of the gain."""
    loss, of_reference = losses.get(first, np.inf), losses.get(REFERENCE, np.inf)
    if not np.isfinite(loss):
        return {"held": np.nan, "gain held": np.nan}
    metric = ranker.experience_.metric
    expected = expected_losses(ranker, description, [first, REFERENCE], (), calibration).tolist()
    told = score_intervals(metric, description, [(first, expected[0])], (), calibration, is_ranked=True)[0][1]
    gain = predicted_gain(ranker, description, (first, expected[0]), expected[1], (), calibration)
    is_gain_known = gain is not None and np.isfinite(of_reference)
    return {
        "held": float(told[0] <= metric.score(loss) <= told[1]),
        "gain held": float(gain.interval[0] <= of_reference - loss <= gain.interval[1])
        if gain is not None and is_gain_known
        else np.nan,
    }


def _regrets(losses: Mapping[Configuration, float], order: Sequence[Configuration]) -> np.ndarray:
    """Return the least normalised loss after each in the order: 0 the best of all, 1 the median or worse."""
    known = np.array(list(losses.values()))
    ok = known[np.isfinite(known)]
    best, width = ok.min(), max(float(np.median(ok) - ok.min()), np.finfo(float).tiny)
    scaled = np.clip((np.array([losses[each] for each in order]) - best) / width, 0.0, 1.0)
    return np.asarray(np.minimum.accumulate(scaled))


def _report(found: pd.DataFrame) -> None:
    """Print means, and differences from the order on few rows."""
    for kind, own in [("all", found), *found.groupby("kind")]:
        base = own[own["order"] == "few rows"].set_index("task")
        print(f"\n{kind}: {len(base)} tasks of {base['family'].nunique()} families")
        for size, words in (("", "up to 20,000 rows"), ("few ", "few rows, all candidates")):
            print(f" regret on {words}")
            for name, rows in own.groupby("order", sort=False):
                each = rows.set_index("task").loc[base.index]
                cells = [_cell(each[f"{size}k = {k}"], base[f"{size}k = {k}"], base["family"]) for k in KS]
                print(f"  {name:22}", "  ".join(cells))
        for name in ("full size", "few rows"):
            rows = own[own["order"] == name]
            held = {what: f"{rows[what].mean():.0%} of {rows[what].count()}" for what in ("held", "gain held")}
            print(f" the first by {name}: its score {held['held']}, its gain {held['gain held']}")


def _cell(regrets: pd.Series, others: pd.Series, families: pd.Series) -> str:
    """Return the mean, and the mean difference with its standard error."""
    difference = (regrets - others).to_numpy()
    return f"{regrets.mean():.3f} ({difference.mean():+.3f} ± {clustered_error(difference, tuple(families)):.3f})"


if __name__ == "__main__":
    main()
