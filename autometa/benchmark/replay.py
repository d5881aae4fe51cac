"""Replay: a recommender proposes configurations for tasks that were hidden from it, and is told the stored results.

Tasks are hidden by family. A method that is fitted in no time leaves out one family after the other; one that takes
longer leaves out a fold of families at once, or all that are replayed. What was not tried on a task cannot be proposed
there.
"""

import hashlib
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from autometa.benchmark.keeping import identity_of, keep, load
from autometa.benchmark.seconds import Seconds
from autometa.errors import DataError
from autometa.evaluation.record import Evaluation
from autometa.knowledge.frames import Experience
from autometa.recommenders.base import Recommender, stored_evaluation
from autometa.task import TaskDescription

N_STEPS = 25
ORACLE = "oracle"  # proposes the best of each task: what no method can be better than
MIN_OK = 20  # a row with fewer successful runs has no median worth the name
_JUDGES = 5

# Told how many tasks a method has been through, and of how many.
Report = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A recommender in the comparison.

    Parameters
    ----------
    name : str
        How it is called in tables.
    make : callable
        Returns an unfitted one.
    n_folds : int, optional
        Folds of families that are hidden at once; 1: all that are replayed; default: every family alone.
    """

    name: str
    make: Callable[[], Recommender]
    n_folds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Replay:
    """What methods found on hidden tasks.

    Parameters
    ----------
    tasks : tuple of TaskDescription, n_tasks of them
        The hidden tasks.
    best, median, worst : ndarray of shape (n_tasks,)
        Losses of the successful runs that are stored of each.
    found : dict of str to ndarray of shape (n_tasks, n_steps)
        Of each method, and of the oracle, the best loss after so many proposals; a failure counts as the worst loss of
        its task.
    fit_seconds : dict of str to ndarray of shape (n_tasks, n_steps)
        CPU seconds that the proposals so far took to fit, one fit each. A fit of unknown length, one that did not end,
        counts as the longest that is stored of its task; NaN in tasks of which none is.
    seconds : dict of str to Seconds
        What each method took when it was run.
    n_left_out : int
        Tasks with fewer than `MIN_OK` successful runs.
    kept : tuple of str
        Methods whose proposals were on disk already.
    """

    tasks: tuple[TaskDescription, ...]
    best: np.ndarray = field(repr=False)
    median: np.ndarray = field(repr=False)
    worst: np.ndarray = field(repr=False)
    found: dict[str, np.ndarray] = field(repr=False)
    fit_seconds: dict[str, np.ndarray] = field(repr=False)
    seconds: dict[str, Seconds]
    n_left_out: int
    kept: tuple[str, ...] = ()

    @property
    def families(self) -> tuple[str, ...]:
        """Family of each task."""
        return tuple(task.family for task in self.tasks)

    def regrets(self, method: str, *, to_worst: bool = False) -> np.ndarray:
        """Return the normalised regret of a method: ndarray of shape (n_tasks, n_steps), in [0, 1].

        (loss found - best) / (median - best) of the task, or by the worst in place of the median, as in the
        literature; clipped, and 0 in a task where all results are equal.
        """
        top = self.worst if to_worst else self.median
        width = (top - self.best)[:, None]
        above = self.found[method] - self.best[:, None]
        scaled = np.divide(above, width, out=np.where(above > 0, 1.0, 0.0), where=width > 0)
        scaled = np.clip(scaled, 0.0, 1.0)
        return np.where((self.worst == self.best)[:, None], 0.0, scaled)


def is_judgement(family: str) -> bool:
    """Return whether published figures come from a family, so that no choice may look at it."""
    return _number(family) % _JUDGES == 0


def replay(  # noqa: PLR0913 - what is compared, on what, and what goes on meanwhile
    experience: Experience,
    methods: Sequence[Method],
    *,
    families: Collection[str] | None = None,
    n_steps: int = N_STEPS,
    seed: int = 0,
    report: Report | None = None,
    folder: Path | None = None,
    allowed: Collection[str] | None = None,
) -> Replay:
    """Return what each method, and the oracle, finds on tasks that are hidden from it.

    Parameters
    ----------
    experience : Experience
        All that is stored.
    methods : sequence of Method
        What is compared.
    families : collection of str, optional
        Only tasks of these families are replayed; the others are learned from. Default: all.
    n_steps : int
        Proposals for each task.
    seed : int
        Of all that is drawn.
    report : callable, optional
        Called with (method, tasks done, of how many).
    folder : Path, optional
        Where proposals are kept for the next time, see `autometa.benchmark.keeping`; default: nowhere.
    allowed : collection of str, optional
        Keys of the configurations that may be proposed; regret is that against all. Default: all.

    Raises
    ------
    DataError
        If there is no task to hide, or nothing is left to learn from.
    """
    rows = hidden_rows(experience, families)
    n_left_out = sum(families is None or family in families for family in experience.families) - len(rows)
    picks, seconds, kept = {}, {}, []
    is_allowed = np.array([allowed is None or each.key in allowed for each in experience.configurations], dtype=bool)
    for method in methods:
        identity = {
            **identity_of(experience, method.make, rows, n_folds=method.n_folds, n_steps=n_steps, seed=seed),
            "allowed": None if allowed is None else sorted(allowed),
        }
        stored = load(folder, identity, (len(rows), n_steps)) if folder is not None else None
        if stored is not None:
            kept.append(method.name)
        made = stored or _run(experience, method, rows, is_allowed, n_steps, seed, report)
        picks[method.name], seconds[method.name] = made
        if stored is None and folder is not None:
            keep(folder, identity, *made)
    picks[ORACLE], seconds[ORACLE] = _best_picks(experience, rows, n_steps), Seconds()
    ok = np.where(np.isfinite(experience.losses[rows]), experience.losses[rows], np.nan)
    results = {name: _results(experience, rows, proposed) for name, proposed in picks.items()}
    return Replay(
        tasks=tuple(experience.descriptions[row] for row in rows),
        best=np.nanmin(ok, axis=1),
        median=np.nanmedian(ok, axis=1),
        worst=np.nanmax(ok, axis=1),
        found={name: found for name, (found, _) in results.items()},
        fit_seconds={name: spent for name, (_, spent) in results.items()},
        seconds=seconds,
        n_left_out=n_left_out,
        kept=tuple(kept),
    )


def hidden_rows(experience: Experience, families: Collection[str] | None) -> np.ndarray:
    """Return the rows of the tasks to hide, those of some families or all: with enough successful runs.

    Raises
    ------
    DataError
        If there is none, or nothing is left to learn from.
    """
    is_hidden = np.array([families is None or family in families for family in experience.families], dtype=bool)
    rows = np.flatnonzero(is_hidden & (np.isfinite(experience.losses).sum(axis=1) >= MIN_OK))
    if not is_hidden.any():
        raise DataError("nothing to replay: no task of those families is stored; hide others by --families, or all")
    if len(rows) == 0:
        raise DataError(f"nothing to replay: all {is_hidden.sum()} tasks have fewer than {MIN_OK} successful runs")
    if len(set(experience.families)) < 2:
        raise DataError("nothing to learn from: all tasks are of one family")
    return rows


def _run(  # noqa: PLR0913 - what `replay` was given
    experience: Experience,
    method: Method,
    rows: np.ndarray,
    is_allowed: np.ndarray,
    n_steps: int,
    seed: int,
    report: Report | None,
) -> tuple[np.ndarray, Seconds]:
    """Return the columns that one method proposes, (n_rows, n_steps), -1 where all was tried, and its seconds."""
    place = {row: number for number, row in enumerate(rows.tolist())}
    picks = np.full((len(rows), n_steps), -1)
    n_done = 0
    seconds = Seconds()
    for hidden, own in splits(experience, place, method.n_folds):
        start = time.perf_counter()
        recommender = method.make().fit_anew(experience.without(hidden), seed)
        fitted = time.perf_counter()
        for row in own:
            proposed = _trace(recommender, experience, row, is_allowed, n_steps)
            picks[place[row], : len(proposed)] = proposed
            n_done += 1
            if report is not None:
                report(method.name, n_done, len(rows))
        seconds += Seconds(fit=fitted - start, propose=time.perf_counter() - fitted)
    return picks, seconds


def _best_picks(experience: Experience, rows: np.ndarray, n_steps: int) -> np.ndarray:
    """Return the column of the best result of each task as its only proposal, (n_rows, n_steps)."""
    losses = np.where(np.isfinite(experience.losses[rows]), experience.losses[rows], np.inf)
    picks = np.full((len(rows), n_steps), -1)
    picks[:, 0] = losses.argmin(axis=1)
    return picks


def _results(experience: Experience, rows: np.ndarray, picks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the best losses and the fit seconds after each proposal, both (n_rows, n_steps)."""
    losses, seconds = experience.losses[rows], experience.fit_seconds[rows]
    worst = np.where(np.isfinite(losses), losses, -np.inf).max(axis=1, keepdims=True)
    known = np.where(np.isfinite(seconds), seconds, -np.inf).max(axis=1, keepdims=True)
    longest = np.where(np.isfinite(known), known, np.nan)
    at = np.maximum(picks, 0)  # after the last proposal nothing changes any more
    found = np.where(picks < 0, np.inf, np.minimum(np.take_along_axis(losses, at, axis=1), worst))
    taken = np.take_along_axis(np.where(np.isfinite(seconds), seconds, longest), at, axis=1)
    return np.minimum.accumulate(found, axis=1), np.cumsum(np.where(picks < 0, 0.0, taken), axis=1)


def splits(
    experience: Experience, rows: Collection[int], n_folds: int | None
) -> Iterator[tuple[tuple[str, ...], list[int]]]:
    """Iterate over (families to hide, rows to replay)."""
    families = experience.families
    replayed = {families[row] for row in rows}
    parts: dict[str | int, set[str]] = {}
    for family in families if n_folds != 1 else replayed:
        parts.setdefault(family if n_folds is None else _number(f"fold {family}") % n_folds, set()).add(family)
    for hidden in parts.values():
        own = [row for row in rows if families[row] in hidden]
        if own and len(hidden) < len(set(families)):
            yield tuple(sorted(hidden)), own
        elif own:
            raise DataError("nothing to learn from: all families are hidden at once; hide some of them")


def _trace(
    recommender: Recommender, experience: Experience, row: int, is_allowed: np.ndarray, n_steps: int
) -> list[int]:
    """Return the columns proposed for one task, of those that were tried on it and are allowed."""
    columns = np.flatnonzero(experience.is_tried[row] & is_allowed)
    candidates = [experience.configurations[column] for column in columns]
    observed: list[Evaluation] = []
    taken: list[int] = []
    while len(taken) < min(n_steps, len(candidates)):
        position = recommender.propose(experience.descriptions[row], candidates, observed)
        taken.append(int(columns[position]))
        observed.append(stored_evaluation(experience, row, taken[-1]))
    return taken


def _number(text: str) -> int:
    """Return a number that depends on a text alone."""
    return int(hashlib.sha256(text.encode("utf-8")).hexdigest()[:8], 16)
