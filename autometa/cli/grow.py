"""`autometa kb grow`."""

import re
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autometa.cli.grow_places import (
    DatasetsOption,
    FromOption,
    MaxColumnsOption,
    MaxRowsToGrowOption,
    Place,
    SuiteOption,
    TasksOption,
)
from autometa.cli.options import DatabaseOption, FormatOption, OfflineOption, opened
from autometa.cli.output import Format, bar, print_content, print_renderables, say
from autometa.errors import OptionError, SourceError
from autometa.evaluation.record import LOCAL

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

    from autometa.growing.openml_tables import Found
    from autometa.growing.plan import Grown, Plan, Progress
    from autometa.knowledge.base import KnowledgeBase
    from autometa.space import Configuration
    from autometa.task_kind import TaskKind

_N_CANDIDATES = 20
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def grow(  # noqa: PLR0913 - an argument for each option
    place: FromOption = None,
    openml_suite: SuiteOption = None,
    openml_tasks: TasksOption = None,
    openml_datasets: DatasetsOption = None,
    split: Annotated[
        str | None, typer.Option("--split", help="Only this split of the index.", show_default=False)
    ] = None,
    target: Annotated[
        str | None, typer.Option("--target", "-t", help="Target column of the tables.", show_default=False)
    ] = None,
    candidates: Annotated[
        int | None, typer.Option("--candidates", min=1, help="Candidates for each task; default: 20, or the file's.")
    ] = None,
    configurations: Annotated[
        Path | None,
        typer.Option(
            "--configurations",
            metavar="FILE|FOLDER",
            help="Your candidates: JSON, or binary.json etc.",
            show_default=False,
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="Only the first so many tables.", show_default=False)
    ] = None,
    max_rows: MaxRowsToGrowOption = None,
    max_columns: MaxColumnsOption = None,
    offline: OfflineOption = False,
    protocol: Annotated[
        str | None,
        typer.Option(
            "--protocol",
            help="cv-v1, or holdout-v1 for large tables; default: cv-v1, or the splits of tasks of OpenML.",
            show_default=False,
        ),
    ] = None,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Evaluations at a time, on this machine.")] = 1,
    dask: Annotated[
        str | None,
        typer.Option(
            "--dask",
            metavar="ADDRESS",
            help="Run on the Dask cluster with this scheduler, like tcp://scheduler:8786, on all its threads.",
            show_default=False,
        ),
    ] = None,
    seconds: Annotated[
        str | None, typer.Option("--time", help="Begin nothing after 90s, 30m, 2h.", show_default=False)
    ] = None,
    cpu_limit: Annotated[float, typer.Option("--cpu-limit", help="CPU seconds of an evaluation.")] = 60.0,
    memory_limit: Annotated[float, typer.Option("--memory-limit", help="GiB of an evaluation.")] = 4.0,
    origin: Annotated[str, typer.Option("--origin", help="Kept with every run.")] = LOCAL,
    licence: Annotated[str, typer.Option("--licence", help="Licence of the runs.")] = "not stated",
    db: DatabaseOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Run candidates on tables and remember the results; goes on where it was stopped.

    \b
    Example:
      autometa kb grow --from data/examples --candidates 2 --time 20s
      autometa kb grow --openml-suite 99 --max-rows 10000 --time 2h
    """
    from autometa.evaluation.limits import Limits  # growing is not needed by the other commands
    from autometa.evaluation.protocol import CV_V1, PROTOCOLS
    from autometa.growing.plan import Plan

    where = Place(
        path=place,
        suite=openml_suite,
        tasks=openml_tasks,
        datasets=openml_datasets,
        split=split,
        target=target,
        limit=limit,
        max_rows=max_rows,
        max_columns=max_columns,
        is_offline=offline,
    )
    if protocol is not None and where.has_own_splits:
        raise OptionError("tasks of OpenML bring splits of their own; leave out --protocol, or give their data sets")
    if protocol is not None and protocol not in PROTOCOLS:
        raise OptionError(f"no protocol '{protocol}'; choose one of: {', '.join(PROTOCOLS)}")
    plan = Plan(
        sources=(),
        candidates=_candidates(configurations, candidates),
        protocol=PROTOCOLS[protocol or CV_V1.name],
        limits=Limits(cpu_seconds=cpu_limit, memory_bytes=int(memory_limit * 2**30)),
        n_workers=workers,
        max_seconds=_seconds(seconds) if seconds is not None else float("inf"),
        origin=origin,
        licence=licence,
    )
    if dask is not None and workers != 1:
        raise OptionError("--workers is for this machine, --dask for a cluster, which has its own; give one of them")
    found = where.find()
    with opened(db) as base, bar() as drawn:
        grown = _grown(base, plan, found, dask, _reporter(drawn))
    _print(grown, form)
    if grown.unreached:
        raise SourceError(
            f"{len(grown.unreached)} tables did not come; what was run is stored: run the same again, to go on"
        )


def _grown(
    base: "KnowledgeBase", plan: "Plan", found: "Found", dask: str | None, report: Callable[["Progress"], None]
) -> "Grown":
    """Return what was done on all tables: those of one protocol after those of another."""
    from autometa.growing.plan import Grown
    from autometa.growing.running import grow as run

    grown = Grown(n_new=0, n_known=0, n_left=0, skipped=found.skipped, unreached=found.unreached)
    deadline = time.monotonic() + plan.max_seconds
    for name, sources in found.sources.items():
        part = replace(plan, sources=sources, own_protocol=name, max_seconds=deadline - time.monotonic())
        runner = None
        if dask is not None:
            from autometa.growing.cluster import DaskRunner

            runner = DaskRunner(part, dask)
        grown += run(base, part, runner=runner, report=report, on_wait=_waiting())
    return grown


def _candidates(path: Path | None, n: int | None) -> "dict[TaskKind, tuple[Configuration, ...]]":
    """Return the first candidates for each kind, of a file or of ours, and say what cannot be run here."""
    from autometa.pipelines.candidates import read_candidates
    from autometa.pipelines.learners import learner_of
    from autometa.task_kind import TaskKind

    n = _N_CANDIDATES if n is None and path is None else n
    candidates = {kind: read_candidates(kind, path)[:n] for kind in TaskKind}
    if not any(candidates.values()):
        raise OptionError(f"no candidates in {path}; give a JSON list of objects with 'algorithm' and 'values'")
    learners = {learner_of(each.algorithm, kind) for kind, listed in candidates.items() for each in listed}
    for learner in sorted(learners, key=lambda learner: learner.algorithm):
        if not learner.is_installed:
            say(f"{learner.algorithm} is left out: it needs '{learner.module}'; pip install '{learner.requirement}'")
    return candidates


def _reporter(drawn: "Bar | None") -> Callable[["Progress"], None]:
    """Return what draws progress: a bar on a terminal, else a line every hundred evaluations."""

    def report(progress: "Progress") -> None:
        last = f"{progress.task_name}: {progress.last.configuration.algorithm} {progress.last.status}"
        if drawn is None:
            if progress.n_filled % 100 == 0:
                say(f"{progress.n_filled} of {progress.n_cells} evaluations; last {last}")
            return
        if not drawn.task_ids:
            drawn.start()
            drawn.add_task("")
        about = last[:40].ljust(40)
        drawn.update(drawn.task_ids[0], completed=progress.n_filled, total=progress.n_cells, description=about)

    return report


def _waiting() -> Callable[[int], None]:
    """Return what says once that others run all that is left."""
    said: list[str] = []

    def on_wait(n_awaited: int) -> None:
        if not said:
            said.append(f"waiting for {n_awaited} evaluations that others are running")
            say(said[0])

    return on_wait


def _print(grown: "Grown", form: Format) -> None:
    """Print what was done; the reasons why tables were skipped go to stderr too."""
    for name, reason in grown.skipped.items():
        say(f"skipped {name}: {reason}")
    for name, reason in grown.unreached.items():
        say(f"did not come: {name}: {reason}")
    if form is Format.TABLE:
        print_renderables(
            f"{grown.n_new} evaluations run and stored, {grown.n_known} known before, {grown.n_left} left, "
            f"{len(grown.skipped)} tables skipped"
            + (f", {len(grown.unreached)} did not come" if grown.unreached else "")
        )
        return
    content = {
        "new": grown.n_new,
        "known": grown.n_known,
        "left": grown.n_left,
        "skipped": [{"table": name, "reason": reason} for name, reason in grown.skipped.items()],
        "unreached": [{"table": name, "reason": reason} for name, reason in grown.unreached.items()],
    }
    print_content(content, form)


def _seconds(words: str) -> float:
    """Return seconds for 90, 90s, 30m, 2h, 1d."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd]?)", words.strip())
    if found is None:
        raise OptionError(f"not a time: '{words}'; write 90s, 30m or 2h")
    return float(found[1]) * _UNITS[found[2] or "s"]
