"""`recommend --refine`: its options, its progress, and its JSON."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autometa.cli.output import counting
from autometa.errors import OptionError
from autometa.evaluation.limits import Limits, n_cores
from autometa.evaluation.record import LOCAL
from autometa.knowledge.base import KnowledgeBase
from autometa.recommenders.advising import Grounds
from autometa.recommenders.recommendation import Recommendation
from autometa.task import Task
from autometa.wish import Wish

if TYPE_CHECKING:  # Optuna is slow to import, and most commands do without
    from autometa.refinement.planning import Plan, Progress
    from autometa.refinement.refining import Refinement

RefineOption = Annotated[
    float | None,
    typer.Option(
        "--refine",
        metavar="SECONDS",
        help="Try the pipelines on the table, and go on searching with Optuna, for so long.",
        show_default=False,
    ),
]
TrialsOption = Annotated[
    int | None,
    typer.Option(
        "--trials",
        metavar="N",
        help="Refine by at most so many pipelines; without --refine, the same seed gives the same result.",
        show_default=False,
    ),
]
StorageOption = Annotated[
    str | None,
    typer.Option(
        "--storage",
        metavar="URL",
        help="Optuna storage of the refinement, as sqlite:///study.db: one that was killed goes on from there.",
        show_default=False,
    ),
]
RecordOption = Annotated[
    bool,
    typer.Option("--record", help="Keep what is measured on all folds, and failures, in the base.", show_default=False),
]
JobsOption = Annotated[int, typer.Option("--jobs", help="Cores that are used in all; -1: all there are.")]


def refining_plan(
    wish: Wish, *, seconds: float | None, n_trials: int | None, storage: str | None, is_recorded: bool, n_jobs: int
) -> "Plan | None":
    """Return the plan of a refinement, whose time runs from now on; None where none is asked for.

    Raises
    ------
    OptionError
        If the options contradict one another or others; with what to leave out.
    """
    if seconds is None and n_trials is None:
        if storage is not None or is_recorded:
            what = "--record" if is_recorded else "--storage"
            raise OptionError(
                f"{what} keeps what a refinement measures; ask for one with --refine SECONDS or --trials N"
            )
        return None
    if wish.probe_seconds is not None or wish.trade_off is not None:
        raise OptionError(
            "a refinement measures more than a probe, and ranks by score alone; leave the other option out"
        )
    from autometa.refinement.planning import Budget, Plan

    return Plan(
        budget=Budget(seconds=seconds, n_trials=n_trials),
        n_workers=n_cores(n_jobs),
        memory_bytes=Limits().memory_bytes if wish.max_memory_bytes is None else int(wish.max_memory_bytes),
        seed=wish.seed,
        storage=storage,
    )


def refined_recommendation(
    task: Task, drawn: tuple[Recommendation, Grounds], plan: "Plan", k: int, record_in: KnowledgeBase | None
) -> "tuple[Recommendation, Refinement]":
    """Return the recommendation after its refinement, with progress on stderr, and the refinement."""
    from autometa.refinement.keeping import Keeper
    from autometa.refinement.objective import Objective
    from autometa.refinement.outcome import refined
    from autometa.refinement.refining import refine

    recommendation, grounds = drawn
    objective = Objective.of(recommendation.metric.name, task)
    keep = None
    if record_in is not None:
        keep = Keeper(record_in, task, LOCAL, memory_bytes=plan.memory_bytes).keep
    with refining_progress(plan.budget.seconds, plan.budget.n_trials, objective.name) as report:
        refinement = refine(grounds, recommendation, objective, plan, report=report, keep=keep)
    return refined(recommendation, grounds, refinement, k), refinement


@contextmanager
def refining_progress(
    seconds: float | None, n_trials: int | None, metric: str
) -> "Iterator[Callable[[Progress], None]]":
    """Give what a refinement tells its progress to: best score so far, and time or trials of all."""
    with counting() as report:

        def tell(progress: "Progress") -> None:
            best = progress.best
            words = "measuring" if best is None else f"{metric} {best.score:.4g} {best.configuration.algorithm}"
            if seconds is not None and math.isfinite(progress.seconds_left):
                spent = seconds - max(progress.seconds_left, 0.0)
                report(f"{words}, {progress.n_attempts} tried, s", int(spent), int(seconds))
            else:
                report(words, progress.n_attempts, n_trials or 0)

        yield tell


def refinement_content(refinement: "Refinement") -> dict[str, Any]:  # Any: JSON
    """Return the documented JSON of a refinement (docs/output.md)."""
    return {
        "seconds": round(refinement.seconds, 3),
        "metric": refinement.objective.name,
        "study": refinement.study.study_name,
        "was_interrupted": refinement.was_interrupted,
        "attempts": [
            {
                "number": each.number,
                "source": str(each.source),
                "algorithm": each.configuration.algorithm,
                "hyperparameters": dict(each.configuration.values),
                "key": each.configuration.key,
                "rungs": len(each.losses),
                "is_whole": each.is_whole,
                "score": each.score,
                "status": str(each.last.status),
                "error": each.last.error,
            }
            for each in refinement.attempts
        ],
    }
