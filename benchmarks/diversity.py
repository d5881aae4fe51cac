"""What it costs, or brings, to advise no shades of one configuration, by how much two may differ.

    python benchmarks/diversity.py --db FILE

Judgement families are not looked at: the threshold is chosen by this.
"""

import argparse

import numpy as np

from autometa.benchmark.replay import MIN_OK, is_judgement
from autometa.benchmark.scores import clustered_error
from autometa.knowledge.frames import Experience
from autometa.knowledge.shipped import open_knowledge
from autometa.metric import default_metric
from autometa.pipelines.building import PIPELINES_VERSION
from autometa.recommender_names import RECOMMENDERS
from autometa.recommenders.diversity import N_BEHIND, defer_shades
from autometa.task_kind import TaskKind

K = 10
SHADES = (-1.0, 0.03, 0.05, 0.08, 0.12)  # the first defers nothing


def regrets(experience: Experience, name: str) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return regrets after 1..K and how many of the first K are others, a row for each hidden task and shade."""
    found, changed, families = [], [], []
    for family in sorted(set(experience.families)):
        rows = [r for r, own in enumerate(experience.families) if own == family]
        rows = [r for r in rows if np.isfinite(experience.losses[r]).sum() >= MIN_OK]
        if not rows:
            continue
        recommender = RECOMMENDERS[name]().fit(experience.without([family]), 0)
        for row in rows:
            tried = np.flatnonzero(experience.is_tried[row])
            candidates = [experience.configurations[column] for column in tried]
            order = list(recommender.rank(experience.descriptions[row], candidates, (), N_BEHIND * K))
            lists = [defer_shades(recommender.experience_, candidates, order, K, shade=shade)[:K] for shade in SHADES]
            losses = experience.normalised_losses[row, tried]
            found.append([np.minimum.accumulate(losses[first]) for first in lists])
            changed.append([len(set(first) - set(order[:K])) for first in lists])
            families.append(family)
    return np.array(found), np.array(changed), families


def main() -> None:
    """Print a row for each kind, recommender and shade."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--db", required=True, help="knowledge base")
    with open_knowledge(parser.parse_args().db) as base:
        for kind in TaskKind:
            experience = base.experience(
                kind, default_metric(kind), protocol="cv-v1", pipelines_version=PIPELINES_VERSION
            )
            experience = experience.of_tasks(np.array([not is_judgement(family) for family in experience.families]))
            for name in ("portfolio", "average", "nearest", "hybrid"):
                found, changed, families = regrets(experience, name)
                for number, shade in enumerate(SHADES):
                    less = found[:, number] - found[:, 0]
                    figures = "  ".join(
                        f"k={k}: {found[:, number, k - 1].mean():.3f} "
                        f"({less[:, k - 1].mean():+.3f} ± {clustered_error(less[:, k - 1], families):.3f})"
                        for k in (3, 5, 10)
                    )
                    others = changed[:, number].mean()
                    print(f"{kind} {name} ({len(families)} tasks) {shade:5.2f}: {others:.2f} others  {figures}")


if __name__ == "__main__":
    main()
