"""`autometa kb export`, `import`, `merge`: past runs from one knowledge base to another."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from autometa.cli.options import DatabaseOption, FormatOption, opened
from autometa.cli.output import Format, print_content, print_renderables, print_rows, say, say_joined, say_withdrawn
from autometa.errors import OptionError
from autometa.knowledge import schema
from autometa.knowledge.exchange import export_shard, import_shard
from autometa.knowledge.merging import merge_base
from autometa.knowledge.privacy import Privacy
from autometa.knowledge.selection import Selection, moment
from autometa.knowledge.shelf import Shelf
from autometa.knowledge.writing import Added
from autometa.task_kind import TaskKind


def export(  # noqa: PLR0913 - an argument for each option
    file: Annotated[Path, typer.Argument(help="The new Parquet file.")],
    beside: Annotated[
        Path | None,
        typer.Option("--beside", help="Leave out what the shards in this folder hold.", show_default=False),
    ] = None,
    withdraw: Annotated[
        Path | None,
        typer.Option(
            "--withdraw",
            metavar="LIST",
            help="Take back the runs of this CSV file, which shards in the folder of --beside hold.",
            show_default=False,
        ),
    ] = None,
    origin: Annotated[
        str | None, typer.Option("--origin", help="Only runs of this origin.", show_default=False)
    ] = None,
    kind: Annotated[
        TaskKind | None, typer.Option("--kind", help="Only runs on tasks of this kind.", show_default=False)
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="DATE|TIME",
            help="Only runs added since, as in 2026-11-24 or 2026-11-24T18:30 (UTC).",
            show_default=False,
        ),
    ] = None,
    privacy: Annotated[
        Privacy, typer.Option("--privacy", help="What leaves: all, no names, or neither names nor exact numbers.")
    ] = Privacy.FULL,
    with_sketches: Annotated[
        bool,
        typer.Option(
            "--with-sketches", help="With sketches of the tables, by which rows can be guessed: for public ones."
        ),
    ] = False,
    db: DatabaseOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Write runs to a new shard, a Parquet file that others can import; it never holds the data.

    \b
    Example:
      autometa kb export my-runs.parquet
    """
    selection = Selection(origin=origin, kind=kind, since=None if since is None else moment(since))
    if withdraw is not None and beside is None:
        raise OptionError("--withdraw takes back runs that shards hold; name their folder with --beside")
    shelf = None if beside is None else Shelf.read(beside, withdraw=withdraw)
    with opened(db) as base:
        exported = export_shard(
            base, file, beside=shelf, selection=selection, privacy=privacy, with_sketches=with_sketches
        )
    counts = {
        "evaluations": exported.n_evaluations,
        "withheld": exported.n_withheld,
        "withdrawn": exported.n_withdrawn,
    }
    if exported.n_withheld:
        say(f"{exported.n_withheld} evaluations withheld: algorithms or hyperparameters that are not autometa's own")
    if form is not Format.TABLE:
        print_content({"file": str(file) if exported.is_written else None, **counts}, form)
        return
    withdrawn = f", {exported.n_withdrawn} runs withdrawn" if exported.n_withdrawn else ""
    written = f"{exported.n_evaluations} evaluations written to {file}{withdrawn}"
    print_renderables(escape(written) if exported.is_written else "nothing new to write")


def import_(
    files: Annotated[list[Path], typer.Argument(help="Parquet files that `kb export` wrote.")],
    db: DatabaseOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Read shards of past runs; what is there already is left as it is, but for runs that their owner takes back.

    \b
    Example:
      autometa kb import my-runs.parquet
    """
    contents: list[dict[str, Any]] = []  # Any: JSON
    with opened(db) as base:
        for file in files:
            added = import_shard(base, file)
            contents.append({"file": str(file), **_counts(added)})
            say_joined(added.n_joined)
            say_withdrawn(added.n_withdrawn)
    print_rows(contents, form)


def merge(
    place: Annotated[str, typer.Argument(metavar="FILE|URL", help="The other base; it is only read.")],
    db: DatabaseOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Copy the tasks and runs of another knowledge base; what is there already is left as it is.

    \b
    Example:
      autometa kb merge runs.db
    """
    with opened(db) as base:
        added = merge_base(base, place)
    say_joined(added.n_joined)
    say_withdrawn(added.n_withdrawn)
    print_rows([{"from": schema.shown(schema.to_url(place)), **_counts(added)}], form)


def _counts(added: Added) -> dict[str, int]:
    """Return what became of evaluations."""
    return {
        "new": added.n_new,
        "known": added.n_same,
        "differing": added.n_differing,
        "joined": added.n_joined,
        "withdrawn": added.n_withdrawn,
    }
