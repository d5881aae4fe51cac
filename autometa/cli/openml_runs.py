"""`autometa kb import-openml`, `publish-openml`: past runs from OpenML, and ours to it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from autometa.cli.options import DatabaseOption, FormatOption, SeedOption, opened, split
from autometa.cli.output import Format, counting, print_content, print_renderables, say
from autometa.errors import OptionError
from autometa.space import Configuration

if TYPE_CHECKING:
    from autometa.sources.openml.importing import Imported

_PAGE_SIZE = 1000


def import_openml(  # noqa: PLR0913 - an argument for each option
    suite: Annotated[
        str | None, typer.Option("--suite", metavar="ID", help="All tasks of a suite, as 99.", show_default=False)
    ] = None,
    tasks: Annotated[
        str | None, typer.Option("--tasks", metavar="A,B,...", help="Numbers of tasks, as 3,31.", show_default=False)
    ] = None,
    measure: Annotated[
        str,
        typer.Option(
            "--measure", metavar="A,B,...", help="OpenML's evaluation measures; runs that have the first are looked at."
        ),
    ] = "predictive_accuracy",
    flows: Annotated[
        str | None,
        typer.Option("--flows", metavar="A,B,...", help="Only runs of flows with these numbers.", show_default=False),
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="Look at so many runs at most.", show_default=False)
    ] = None,
    page_size: Annotated[
        int, typer.Option("--page-size", min=1, max=10_000, help="Runs in one question.")
    ] = _PAGE_SIZE,
    db: DatabaseOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Add past runs of OpenML's users; they stand apart from ours, under protocols of their own.

    Stopped at any time, what has come is kept; the same command goes on.

    \b
    Example:
      autometa kb import-openml --tasks 3,31 --measure area_under_roc_curve --limit 5000
    """
    from autometa.sources.openml.connection import Connection  # and the openml library, which no other command needs
    from autometa.sources.openml.fetching import fetch_suite
    from autometa.sources.openml.importing import Wanted, import_runs
    from autometa.sources.openml.measures import checked_measures

    if (suite is None) == (tasks is None):
        raise OptionError("give --suite, or --tasks")
    measures = checked_measures(split(measure) or [])
    numbers = _numbers("--tasks", tasks)
    only = _numbers("--flows", flows)
    connection = Connection(advice="try again later")  # what is kept, the import itself tells
    with opened(db) as base, counting() as draw:
        if suite is not None:
            numbers = fetch_suite(connection, suite)
        wanted = Wanted(tasks=numbers, measures=measures, flows=only, limit=limit, page_size=page_size)
        imported = import_runs(
            base, wanted, connection, report=lambda n_runs: draw("runs of OpenML", n_runs, limit or n_runs)
        )
    if limit is None:
        _tell_empty(sorted(set(numbers) - imported.tasks))
    _print(imported, form)


def publish_openml(  # noqa: PLR0913 - an argument for each option
    task: Annotated[int, typer.Option("--task", metavar="ID", help="Number of OpenML's task.")],
    rank: Annotated[
        int | None,
        typer.Option("--rank", min=1, help="The best, second, ... of those measured on it.", show_default=False),
    ] = None,
    configuration: Annotated[
        str | None,
        typer.Option(
            "--configuration", metavar="JSON|FILE", help="As kb list prints them in JSON.", show_default=False
        ),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--folder", help="A new folder for what is sent; default: openml-run-ID.", show_default=False),
    ] = None,
    sends: Annotated[
        bool, typer.Option("--send", help="Send it, with the key in the configuration of openml.")
    ] = False,
    seed: SeedOption = 0,
    db: DatabaseOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Run a configuration on OpenML's splits, and write what a run there is made of; --send uploads it as well.

    \b
    Example:
      autometa kb publish-openml --task 31 --configuration '{"algorithm": "naive_bayes", "values": {}}'
    """
    from autometa.sources.openml.choosing import measured_best
    from autometa.sources.openml.connection import Connection
    from autometa.sources.openml.publishing import check_folder, check_key, prepare, send, write

    if (rank is None) == (configuration is None):
        raise OptionError("give --rank, or --configuration")
    connection = Connection()
    place = folder or Path(f"openml-run-{task}")
    check_folder(place)
    if sends:
        check_key()
    if configuration is not None:
        chosen = _configuration(configuration)
    else:
        with opened(db) as base:
            chosen = measured_best(base, task, connection, rank=rank or 1)
    publication = prepare(chosen, task, connection, seed=seed)
    places = write(publication, place)
    content: dict[str, object] = {
        "task": task,
        "configuration": json.loads(chosen.to_json()),
        "flow": publication.flow.name,
        "files": {name: str(place) for name, place in places.items()},
        "run": send(publication, connection) if sends else None,
    }
    if form is not Format.TABLE:
        print_content(content, form)
        return
    sent = f"sent: run {content['run']} of OpenML" if sends else "nothing is sent; look at it, then add --send"
    print_renderables(
        escape(f"{chosen.to_json()} on task {task}, as flow {publication.flow.name}"),
        *(escape(f"  {place}") for place in places.values()),
        sent,
    )


def _configuration(words: str) -> Configuration:
    """Return the configuration of JSON, or of a file with it."""
    if words.lstrip().startswith("{"):
        return Configuration.from_json(words)
    try:
        return Configuration.from_json(Path(words).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise OptionError(f"cannot read the configuration in {words}: {error}") from error


def _tell_empty(tasks: list[int]) -> None:
    """Say of which tasks nothing came, a wrong number among them perhaps."""
    if tasks:
        named = ", ".join(map(str, tasks[:10])) + ", ..." * (len(tasks) > 10)
        say(f"no runs came of {len(tasks)} tasks: {named}")


def _print(imported: "Imported", form: Format) -> None:
    """Print what an import came to; why runs were left out goes to stderr too."""
    for reason, n_runs in sorted(imported.left_out.items()):
        say(f"left out: {n_runs} runs, {reason}")
    if imported.of_other_kinds:
        names = ", ".join(sorted(imported.of_other_kinds)[:5])
        say(f"known here as tasks of another kind, under which their runs are read: {names}")
    content = {
        "tasks": len(imported.tasks),
        "runs": imported.n_runs,
        "new": imported.added.n_new,
        "known": imported.added.n_same,
        "differing": imported.added.n_differing,
        "ours": imported.n_ours,
        "left_out": sum(imported.left_out.values()),
        "protocols": sorted(imported.protocols),
    }
    if form is not Format.TABLE:
        print_content(content, form)
        return
    print_renderables(
        f"{content['runs']} runs on {content['tasks']} tasks: {content['new']} new, {content['known']} known before, "
        f"{content['differing']} with another result than one known before, {content['left_out']} left out; "
        f"{content['ours']} are of configurations of autometa's",
        *(f"protocol {name}; compare: autometa benchmark replay --pipelines openml --protocol {name}"
          for name in sorted(imported.protocols)),
    )  # fmt: skip


def _numbers(option: str, words: str | None) -> tuple[int, ...]:
    """Return the numbers that an option lists, each once."""
    found = split(words) or []
    if not all(word.isascii() and word.isdigit() for word in found):
        raise OptionError(f"{option} takes numbers of OpenML's, as 3,31; got '{words}'")
    return tuple(dict.fromkeys(int(word) for word in found))
