"""`autometa kb`: make, fill, inspect and exchange knowledge bases."""

import json
import re
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Any

import pandas as pd
import typer
from rich.markup import escape

from autometa.cli.drawing import draw_notes, draw_rows
from autometa.cli.grow import grow
from autometa.cli.openml_runs import import_openml, publish_openml
from autometa.cli.options import DatabaseOption, FormatOption, opened
from autometa.cli.output import Format, print_content, print_renderables, print_rows, say, shard_progress
from autometa.cli.sharing import export, import_, merge
from autometa.cli.upkeep import doctor, remove
from autometa.errors import NotKnownError, OptionError
from autometa.knowledge import schema, shipped
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.status import FULL_SHARE, KnowledgeStatus

app = typer.Typer(name="kb", help="The knowledge base: make, fill, inspect and exchange it.", no_args_is_help=True)

# Columns that only JSON and YAML show.
_DETAILS = ["absent", "versions", "origin", "origin_licence", "seed", "added_at", "protocol", "pipelines_version"]
_DETAILS += ["predict_seconds", "peak_memory_bytes", "family", "balanced_accuracy", "f1_macro"]
_DETAILS_BUT_PROTOCOL = [name for name in _DETAILS if name != "protocol"]  # scores of several do not compare


class Listed(StrEnum):
    """What `kb list` lists."""

    TASKS = "tasks"
    CONFIGURATIONS = "configurations"
    EVALUATIONS = "evaluations"


@app.command()
def create(
    db: DatabaseOption = None,
    empty: Annotated[bool, typer.Option("--empty", help="Without the shipped runs.")] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Make a knowledge base that holds the shipped runs.

    \b
    Example:
      autometa kb create --db runs.db
    """
    place = shipped.chosen_place(db)
    if empty:
        KnowledgeBase.create(place).close()
    else:
        with shard_progress() as progress:
            shipped.create_filled(place, progress=progress)
    with KnowledgeBase(place) as base:
        _print_status(base, form)


@app.command()
def status(db: DatabaseOption = None, form: FormatOption = Format.TABLE) -> None:
    """Show how much a knowledge base holds.

    \b
    Example:
      autometa kb status --format json
    """
    with opened(db) as base:
        _print_status(base, form)


app.command()(grow)
app.command()(export)
app.command(name="import")(import_)
app.command()(merge)
app.command(name="import-openml")(import_openml)
app.command(name="publish-openml")(publish_openml)
app.command()(remove)
app.command()(doctor)


@app.command(name="list")
def list_(
    what: Annotated[Listed, typer.Argument(help="What to list.")],
    limit: Annotated[int, typer.Option("--limit", min=1, help="Most rows that are printed.")] = 1000,
    db: DatabaseOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """List tasks, configurations or evaluations.

    \b
    Example:
      autometa kb list tasks
    """
    with opened(db) as base:
        if what is Listed.TASKS:
            frame = base.tasks()
        elif what is Listed.CONFIGURATIONS:
            frame = base.configurations()
        else:
            frame = base.evaluations(limit=limit)
    if len(frame) > limit:
        say(f"the first {limit} of {len(frame)}; more with --limit")
    if form is Format.TABLE:
        frame = _in_short(frame)
    print_rows(_records(frame.head(limit)), form)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A task's name or fingerprint, or a configuration's key, or its start.")],
    db: DatabaseOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Show all runs of one task or of one configuration.

    \b
    Example:
      autometa kb show sonar
    """
    with opened(db) as base:
        tasks, configurations = base.tasks(), base.configurations()
        is_start = re.fullmatch("[0-9a-f]{6,64}", name) is not None
        is_task = tasks["name"] == name
        is_configuration = configurations["key"] == ""
        if is_start:
            is_task |= tasks["fingerprint"].str.startswith(name)
            is_configuration = configurations["key"].str.startswith(name)
        found = [*_records(tasks[is_task]), *_records(configurations[is_configuration])]
        if not found:
            raise NotKnownError(f"no task or configuration '{name}'; see: autometa kb list tasks")
        if len(found) > 1:
            names = ", ".join(str(f.get("fingerprint", f.get("key")))[:12] for f in found)
            raise OptionError(f"'{name}' means {len(found)} things; give one of: {names}")
        runs = base.evaluations(fingerprint=found[0].get("fingerprint"), key=found[0].get("key"))
        near = base.near_tasks(found[0]["fingerprint"]) if "fingerprint" in found[0] else ()
    one = ["fingerprint", "task"] if "fingerprint" in found[0] else ["key", "content", "algorithm"]
    about = dict(found[0])
    if "content" in about:
        about["hyperparameters"] = json.loads(about.pop("content"))["values"]
    if form is not Format.TABLE:
        if "fingerprint" in about:
            about["near"] = [
                {"name": task.name, "fingerprint": task.fingerprint, "shared": task.likeness.words} for task in near
            ]
        print_content({**about, "evaluations": _records(runs)}, form)
        return
    print_renderables(
        draw_rows([{"": n, " ": v} for n, v in about.items()]),
        *draw_notes([f"nearly the same: {task.words}" for task in near]),
        "",
        draw_rows(_records(_in_short(runs.drop(columns=one)))),
    )


@app.command()
def upgrade(db: DatabaseOption = None, form: FormatOption = Format.TABLE) -> None:
    """Bring the schema of a knowledge base to this release; every row is kept.

    \b
    Example:
      autometa kb upgrade --db runs.db
    """
    place = shipped.chosen_place(db)
    url = schema.to_url(place)
    engine = schema.connect(url)
    before = schema.version(engine)
    if before is None:
        raise OptionError(schema.missing(url))
    schema.upgrade(engine)
    engine.dispose()
    print_rows([{"from": before, "to": schema.HEAD}], form)


def _print_status(base: KnowledgeBase, form: Format) -> None:
    """Print how much a base holds."""
    found: KnowledgeStatus = base.status()
    content = {
        "tasks": found.tasks,
        "configurations": found.configurations,
        "evaluations": found.evaluations,
        "coverage": round(found.coverage, 4),
        "filled": [{**asdict(each), "share": round(each.share, 4)} for each in found.filled],
        "differing_repeats": found.differing_repeats,
        "withdrawn": found.withdrawn,
        "embedded": found.embedded,
        "revision": found.revision,
        "schema": found.schema,
    }
    if form is not Format.TABLE:
        print_content(content, form)
        return
    rows = []
    for name, counts in (
        ("tasks", found.tasks),
        ("configurations", found.configurations),
        ("evaluations", found.evaluations),
    ):
        parts = ", ".join(f"{count} {part}" for part, count in counts.items() if part != "total")
        rows.append({"": name, "total": counts["total"], "of which": parts})
    embedded = f"{found.embedded} tasks with an embedding; " if found.embedded else ""
    withdrawn = f"; {found.withdrawn} withdrawn runs are kept out" if found.withdrawn else ""
    print_renderables(
        f"[bold]{escape(base.place)}[/]",
        draw_rows(rows),
        *(
            f"{each.kind}, {each.protocol}: {each.tasks} tasks x {each.configurations} configurations that most of "
            f"them have, {each.share:.1%} filled; {each.full_tasks} tasks have {FULL_SHARE:.0%} of them or more"
            for each in found.filled
        ),
        f"{found.coverage:.1%} of all tasks x configurations filled{withdrawn}; {embedded}"
        f"revision {found.revision}, schema {found.schema}",
    )


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a DataFrame as dicts, NaN as None."""
    return [
        {str(name): None if pd.isna(value) else value for name, value in row.items()}
        for row in frame.to_dict("records")
    ]


def _in_short(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a DataFrame that fits on a screen: what identifies a row, its scores and its cost, in few digits."""
    details = _DETAILS if "protocol" not in frame or frame["protocol"].nunique() < 2 else _DETAILS_BUT_PROTOCOL
    frame = frame.drop(columns=details, errors="ignore").dropna(axis="columns", how="all")
    for name in ("fingerprint", "key"):
        if name in frame:
            frame[name] = frame[name].str.slice(0, 12)
    if "content" in frame:
        values = [json.loads(text)["values"] for text in frame.pop("content")]
        frame["hyperparameters"] = [", ".join(f"{n}={v}" for n, v in given.items()) or "defaults" for given in values]
    if "licence" in frame:
        frame["licence"] = [text if len(text) <= 24 else f"{text[:23]}…" for text in frame["licence"]]
    floats = frame.select_dtypes("float").columns
    frame[floats] = frame[floats].map(lambda value: "" if pd.isna(value) else f"{value:.4g}")
    first = [name for name in ("name", "task", "protocol", "algorithm", "status") if name in frame]
    return frame[[*first, *(name for name in frame.columns if name not in first)]]
