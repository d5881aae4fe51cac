"""The doctor: what is broken in a knowledge base, what is thin, and which runs would help most."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from sqlalchemy import Connection, func, select

from autometa.errors import ExchangeError, KnowledgeError
from autometa.evaluation.protocol import CV_V1
from autometa.knowledge import tables
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.frames import Experience
from autometa.knowledge.merging import checked_parts
from autometa.knowledge.withdrawing import withdrawn_runs
from autometa.metafeatures import EXTRACTION_VERSION
from autometa.metric import default_metric
from autometa.pipelines.building import PIPELINES_VERSION
from autometa.sketches import SKETCH_VERSION, Lineup, Sketch
from autometa.task_kind import TaskKind

FEW_TASKS = 30  # below it, advice says that knowledge is thin
FULL_COVERAGE = 0.5
_N_NAMED = 5
_GROW_ONE = "autometa kb grow --from FOLDER --candidates 1"  # brings meta-features and a sketch, too
_N_BEST = 10  # the configurations that are most likely to be advised


class Level(StrEnum):
    """How bad a finding is."""

    FINE = "fine"
    NOTICE = "notice"  # advice would gain from a remedy
    BROKEN = "broken"  # the base holds what it must not hold


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one look at a base found.

    Parameters
    ----------
    check : str
        What was looked at.
    level : Level
        How bad it is.
    message : str
        What was found, with figures.
    command : str, optional
        What to run next.
    """

    check: str
    level: Level
    message: str
    command: str | None = None


def examine(base: KnowledgeBase) -> tuple[Finding, ...]:
    """Return the findings of all checks, or of the first two where the rows are broken; nothing is changed."""
    findings = [_integrity(base), _rows(base)]
    if any(finding.level is Level.BROKEN for finding in findings):
        return tuple(findings)
    with base.reading() as connection:
        findings += [
            _features(connection),
            _sketches(connection),
            _near_duplicates(connection),
            _repeats(connection),
        ]
    findings.append(_withdrawn(base))
    for kind in TaskKind:
        experience = base.experience(
            kind, default_metric(kind), protocol=CV_V1.name, pipelines_version=PIPELINES_VERSION
        )
        findings += [_coverage(experience), *_helpful(experience)]
    return tuple(findings)


def _integrity(base: KnowledgeBase) -> Finding:
    """Look at the file and its references; a server keeps its own."""
    try:
        with base.reading() as connection:
            if connection.dialect.name != "sqlite":
                return Finding(check="integrity", level=Level.FINE, message="the server keeps pages and references")
            pages = connection.exec_driver_sql("PRAGMA integrity_check(5)").scalars().all()
            n_dangling = len(connection.exec_driver_sql("PRAGMA foreign_key_check").all())
    except KnowledgeError as error:
        pages, n_dangling = [str(error)], 0
    if list(pages) != ["ok"] or n_dangling:
        words = "; ".join(" ".join(str(page).split()) for page in pages if page != "ok")[:300]
        message = f"{words or 'pages are sound'}; {n_dangling} rows refer to nothing: restore a backup"
        return Finding(check="integrity", level=Level.BROKEN, message=message)
    return Finding(check="integrity", level=Level.FINE, message="pages and references are sound")


def _rows(base: KnowledgeBase) -> Finding:
    """Look at every row as if it came from outside."""
    n_rows = Counter[str]()
    try:
        for parts in checked_parts(base):
            record = "evaluation" if len(parts["evaluation"]) else "task" if len(parts["task"]) else "configuration"
            n_rows[record] += len(parts[record])
    except (ExchangeError, KnowledgeError) as error:
        message = " ".join(str(error).replace("; the file is refused", "").split())
        command = "autometa kb list tasks"
        return Finding(check="rows", level=Level.BROKEN, message=f"a row breaks a rule: {message}", command=command)
    counted = ", ".join(f"{n_rows[record]} {record}s" for record in ("task", "configuration", "evaluation"))
    return Finding(check="rows", level=Level.FINE, message=f"{counted} obey the rules")


def _features(connection: Connection) -> Finding:
    """Look for tasks whose meta-features are of another version, which are read as missing."""
    t, m = tables.tasks, tables.metafeatures
    current = select(m.c.task_id).where(m.c.version == EXTRACTION_VERSION)
    lacking = select(t.c.name).where(t.c.id.not_in(current)).order_by(t.c.name)
    names = list(connection.execute(lacking).scalars())
    versions = connection.execute(select(m.c.version, func.count()).group_by(m.c.version).order_by(m.c.version)).all()
    spread = ", ".join(f"{n} of version {version}" for version, n in versions) or "none"
    if not names:
        return Finding(
            check="meta-features", level=Level.FINE, message=f"every task has those of this release ({spread})"
        )
    missing = f"{_some(names)} without those of version {EXTRACTION_VERSION} ({spread})"
    message = f"{missing}: read as missing; add the tables again"
    command = _GROW_ONE
    return Finding(check="meta-features", level=Level.NOTICE, message=message, command=command)


def _sketches(connection: Connection) -> Finding:
    """Look for tasks without a sketch, of which copies are not recognised."""
    t, s = tables.tasks, tables.sketches
    query = select(t.c.name, s.c.content).outerjoin(s, (s.c.task_id == t.c.id) & (s.c.version == SKETCH_VERSION))
    rows = connection.execute(query.order_by(t.c.name)).all()
    names = [name for name, content in rows if content is None]
    if not names:
        return Finding(check="sketches", level=Level.FINE, message="every task has one of this release")
    message = f"{_some(names)} without one of this release: copies of them are not recognised; add the tables again"
    command = _GROW_ONE
    return Finding(check="sketches", level=Level.NOTICE, message=message, command=command)


def _near_duplicates(connection: Connection) -> Finding:
    """Look for tasks that are nearly the same; they should be of one family."""
    t, s = tables.tasks, tables.sketches
    query = select(t.c.name, t.c.family, s.c.content).join(s, s.c.task_id == t.c.id)
    query = query.where(s.c.version == SKETCH_VERSION).order_by(t.c.id)
    rows = connection.execute(query).all()
    sketches = [Sketch.from_bytes(row[2]) for row in rows]
    lineup = Lineup(sketches)
    near: set[int] = set()
    apart: list[str] = []
    for position, sketch in enumerate(sketches):
        others = [other for other in lineup.find(sketch) if other != position]
        near.update([position, *others] if others else [])
        apart += [
            f"{rows[position][0]} and {rows[o][0]}" for o in others if o > position and rows[o][1] != rows[position][1]
        ]
    if apart:
        message = f"nearly the same, but of two families, so that benchmarks leak: {_some(apart, 'pair')}"
        return Finding(check="near duplicates", level=Level.BROKEN, message=message)
    n_families = len({rows[position][1] for position in near})
    message = f"{len(near)} tasks are nearly the same as others, in {n_families} families" if near else "none"
    return Finding(check="near duplicates", level=Level.FINE, message=message)


def _repeats(connection: Connection) -> Finding:
    """Look for results that differ from the one stored first."""
    r, e, t, c = tables.repeats, tables.evaluations, tables.tasks, tables.configurations
    query = select(t.c.name, t.c.fingerprint, c.c.algorithm).select_from(r).join(e, e.c.id == r.c.evaluation_id)
    query = query.join(t, t.c.id == e.c.task_id).join(c, c.c.id == e.c.configuration_id)
    rows = connection.execute(query.order_by(t.c.name, c.c.algorithm)).all()
    if not rows:
        return Finding(check="differing repeats", level=Level.FINE, message="none")
    counted = Counter(f"{name} {algorithm}" for name, _, algorithm in rows)
    listed = [f"{words} ({n})" for words, n in counted.most_common(_N_NAMED)]
    more = f" and {len(counted) - _N_NAMED} more" * (len(counted) > _N_NAMED)
    message = f"{len(rows)} results differ from the one stored first: {', '.join(listed)}{more}"
    command = f"autometa kb show {rows[0][1][:12]}"
    return Finding(check="differing repeats", level=Level.NOTICE, message=message, command=command)


def _withdrawn(base: KnowledgeBase) -> Finding:
    """Look at the runs that were taken back, and by whom."""
    counted = withdrawn_runs(base)
    listed = [f"{n} of {origin} ({reason})" for (origin, reason), n in counted.most_common(_N_NAMED)]
    more = f" and {len(counted) - _N_NAMED} more reasons" * (len(counted) > _N_NAMED)
    n_runs = counted.total()
    what = "1 run is kept out, taken back by its" if n_runs == 1 else f"{n_runs} runs are kept out, taken back by their"
    message = f"{what} origin: {'; '.join(listed)}{more}"
    return Finding(check="withdrawn runs", level=Level.FINE, message=message if counted else "none")


def _coverage(experience: Experience) -> Finding:
    """Look at how many tasks of a kind are known, and how much of tasks x configurations is filled."""
    check = f"coverage of {experience.kind}"
    n_tasks, n_configurations = experience.losses.shape
    share = float(experience.is_tried.mean()) if experience.losses.size else 0.0
    message = f"{n_tasks} tasks, {n_configurations} configurations, {share:.0%} of the cells filled"
    if n_tasks >= FEW_TASKS and share >= FULL_COVERAGE:
        return Finding(check=check, level=Level.FINE, message=message)
    thin = "few tasks: intervals are wide" if n_tasks < FEW_TASKS else "many cells are empty"
    command = "autometa kb grow --from FOLDER"
    return Finding(check=check, level=Level.NOTICE, message=f"{message}; {thin}", command=command)


def _helpful(experience: Experience) -> list[Finding]:
    """Look for the configurations most likely to be advised, and the tasks on which most of them were not tried."""
    if not experience.losses.size:
        return []
    losses = experience.normalised_losses
    n_tried = experience.is_tried.sum(axis=0)
    mean = (np.nansum(losses, axis=0) + 1.0) / (n_tried + 1.0)  # as if a median result was known of each
    best = np.lexsort((np.arange(len(mean)), mean))[:_N_BEST]
    n_missing = (~experience.is_tried[:, best]).sum(axis=1)
    if not n_missing.any():
        return []
    order = [row for row in np.argsort(-n_missing, kind="stable") if n_missing[row]]
    listed = [f"{experience.descriptions[row].name} ({n_missing[row]})" for row in order[:_N_NAMED]]
    message = (
        f"{int(n_missing.sum())} runs of the {len(best)} best {experience.kind} configurations are missing, most on: "
        f"{', '.join(listed)}; grow from the tables of these"
    )
    command = f"autometa kb show {experience.descriptions[order[0]].fingerprint[:12]}"
    return [Finding(check=f"helpful {experience.kind} runs", level=Level.NOTICE, message=message, command=command)]


def _some(names: Sequence[str], noun: str = "task") -> str:
    """Return how many there are, and the first of them."""
    more = ", ..." * (len(names) > _N_NAMED)
    return f"{len(names)} {noun}{'s' * (len(names) != 1)} ({', '.join(names[:_N_NAMED])}{more})"
