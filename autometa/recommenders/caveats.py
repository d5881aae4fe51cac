"""Caveats: what to know before trusting the advice."""

from collections.abc import Sequence

from autometa.evaluation.record import Evaluation
from autometa.knowledge.frames import Experience
from autometa.pipelines.learners import LEARNERS
from autometa.recommenders.base import Recommender
from autometa.recommenders.lacking import expected_gain
from autometa.recommenders.similarity import NOVEL
from autometa.space import Configuration
from autometa.task import TaskDescription
from autometa.wish import Wish


def missing_libraries(
    ranker: Recommender,
    description: TaskDescription,
    here: Sequence[Configuration],
    others: Sequence[Configuration],
    observed: Sequence[Evaluation],
    k: int,
) -> list[str]:
    """Return what is not installed, and what it would bring to the best of ``k``."""
    if not others:
        return []
    names = sorted({other.algorithm for other in others})
    remedy = " ".join(f"'{wanted}'" for wanted in sorted({LEARNERS[name].requirement for name in names}))
    missing = f"not installed: {', '.join(names)} (pip install {remedy})"
    gain = expected_gain(ranker, description, here, others, observed, k)
    if gain is None or gain.share_better <= gain.share_worse:
        return [missing]
    return [
        f"{missing}; with them the best of {k} would be better on {gain.share_better:.0%} and worse on "
        f"{gain.share_worse:.0%} of {gain.n_tasks} known tasks, "
        f"its loss lower by {gain.median_reduction:.1%} in the median"
    ]


def caveats(
    experience: Experience, observed: Sequence[Evaluation], novelty: float, n_advised: int, wish: Wish
) -> list[str]:
    """Return what to know before trusting the advice."""
    notes = list(wish.trust.words)
    if observed:
        notes.append(f"known table: {len(observed)} of its runs are stored; their scores are measured, not predicted")
    elif novelty > NOVEL:
        notes.append(
            "unlike all known tasks: the order is one that is good everywhere, and predicted scores are guesses"
        )
    if experience.n_tasks < 30:
        notes.append(f"thin knowledge: {experience.n_tasks} {experience.kind} tasks are known, so intervals are wide")
    if n_advised < wish.k:
        notes.append(f"{wish.k} pipelines were asked for, {n_advised} candidates are known")
    return notes
