"""`autometa kb remove`, `doctor`: upkeep of a knowledge base."""

import sys
from typing import Annotated

import typer
from rich.markup import escape

from autometa.cli.options import DatabaseOption, FormatOption, opened
from autometa.cli.output import Format, print_content, print_renderables, print_rows, say
from autometa.errors import OptionError
from autometa.knowledge import removing, schema
from autometa.knowledge.doctor import Level, examine


def remove(
    task: Annotated[
        str | None,
        typer.Option("--task", metavar="NAME", help="A task, by name, fingerprint or its start.", show_default=False),
    ] = None,
    origin: Annotated[
        str | None,
        typer.Option("--origin", metavar="NAME", help="All runs of an origin, and its tasks.", show_default=False),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    db: DatabaseOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Remove a task, or what came from an origin; runs that come with autometa do not come back by themselves.

    \b
    Example:
      autometa kb remove --task sonar --yes
    """
    doomed = removing.Doomed(task=task, origin=origin)
    with opened(db) as base:
        if not yes:
            say(f"this removes {removing.foresee(base, doomed).words} from {base.place}; go on? [y/N]")
            if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
                raise OptionError("nothing was removed; answer y, or give --yes")
        removal = removing.remove(base, doomed)
    if form is Format.TABLE:
        print_renderables(escape(f"removed: {removal.words}"))
        return
    content = {"tasks": removal.tasks, "evaluations": removal.n_evaluations, "differing_repeats": removal.n_repeats}
    print_content(content, form)


def doctor(db: DatabaseOption = None, form: FormatOption = Format.TABLE) -> None:
    """Look for what is broken or thin, and for the runs that would help most; exit 0, or 1 if something is broken.

    \b
    Example:
      autometa kb doctor
    """
    with opened(db) as base:
        findings = examine(base)
    option = "" if db is None else f" --db {schema.in_command(schema.to_url(db))}"
    rows = [
        {
            "check": finding.check,
            "level": str(finding.level),
            "message": finding.message,
            "command": None if finding.command is None else finding.command + option,
        }
        for finding in findings
    ]
    print_rows(rows, form)
    if any(finding.level is Level.BROKEN for finding in findings):
        raise typer.Exit(1)
