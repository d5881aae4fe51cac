"""Results on stdout, as a table for people or as JSON or YAML for programs; all else on stderr."""

import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from autometa._characters import escape_controls, first_control

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.progress import Progress as Bar

    from autometa.knowledge.shipped import Progress  # and SQLAlchemy, which not every command needs

Content = Mapping[str, object] | Sequence[Mapping[str, object]]
_PLAIN_WIDTH = 1000  # where stdout is no terminal: a line for each row, for grep and the like


class Format(StrEnum):
    """How a result is printed."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


FormatOption = Annotated[Format, typer.Option("--format", "-f", help="How the result is printed.")]


def print_content(content: Content, form: Format) -> None:
    """Print a result as JSON or YAML; numbers that are not finite become null."""
    plain = _plain(content)

    def dump(is_ascii: bool) -> str:
        if form is Format.JSON:
            return json.dumps(plain, indent=2, ensure_ascii=is_ascii, allow_nan=False) + "\n"
        import yaml  # needed for this form alone

        return yaml.safe_dump(plain, sort_keys=False, allow_unicode=not is_ascii, width=120)

    text = dump(False)
    sys.stdout.write(text if first_control(text, but="\n") is None else dump(True))


def print_renderables(*parts: "RenderableType") -> None:
    """Print what rich can draw, on stdout."""
    out = console()
    for part in parts:
        out.print(part)


def print_rows(rows: Sequence[Mapping[str, object]], form: Format) -> None:
    """Print rows as a table, JSON or YAML."""
    if form is not Format.TABLE:
        print_content(rows, form)
        return
    from autometa.cli.drawing import draw_rows  # rich, again

    print_renderables(draw_rows(rows) if rows else "nothing")


def console(*, is_for_results: bool = True) -> "Console":
    """Return a console on stdout (results) or stderr (all else)."""
    from autometa.cli.terminal import ShowingConsole  # rich is slow to import, and not needed for JSON

    stream = sys.stdout if is_for_results else sys.stderr
    width = None if stream.isatty() else _PLAIN_WIDTH
    return ShowingConsole(file=stream, width=width, highlight=False, soft_wrap=False)


def say(message: str) -> None:
    """Print a line on stderr."""
    sys.stderr.write(escape_controls(message) + "\n")


@contextmanager
def bar() -> Iterator["Bar | None"]:
    """Show a progress bar on stderr from its first task on, where that is a terminal; without one, give None."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    drawn = Bar(*columns, console=console(is_for_results=False), transient=True)
    try:
        yield drawn
    finally:
        drawn.stop()


@contextmanager
def clock(seconds: float | None) -> Iterator[Callable[[float, str], None]]:
    """Give a function of (seconds so far, what) that draws them out of all on stderr, where that is a terminal."""
    with counting() as report:
        yield lambda spent, what: report(what, int(spent), int(seconds or 0))


@contextmanager
def counting() -> Iterator[Callable[[str, int, int], None]]:
    """Give a function of (what, done, of how many) that draws a progress bar on stderr, where that is a terminal."""
    with bar() as drawn:

        def report(what: str, n_done: int, n_in_all: int) -> None:
            if drawn is None:
                return
            if not drawn.task_ids:
                drawn.start()
                drawn.add_task("")
            drawn.update(drawn.task_ids[0], completed=n_done, total=n_in_all, description=what.ljust(18))

        yield report


@contextmanager
def shard_progress() -> "Iterator[Progress]":
    """Give what `open_knowledge` tells its progress to; says on stderr what is read, and what that joined."""
    with bar() as drawn:

        def report(n_done: int, n_shards: int, n_joined: int) -> None:
            if n_done == n_shards:
                say_joined(n_joined)
            if drawn is None:
                if n_done == 0:
                    say(f"reading {n_shards} shipped shard{'s' * (n_shards != 1)} of past runs (once)")
                return
            if not drawn.task_ids:
                drawn.start()
                drawn.add_task("reading the shipped runs (once)")
            drawn.update(drawn.task_ids[0], completed=n_done, total=n_shards)

        yield report


def say_joined(n_families: int) -> None:
    """Say on stderr how many families became one with others, if any did."""
    if n_families:
        what = "1 family was" if n_families == 1 else f"{n_families} families were"
        say(f"{what} joined with others, since their tables are nearly the same")


def say_withdrawn(n_results: int) -> None:
    """Say on stderr how many results those who measured them take back, if any."""
    if n_results:
        what = "1 result is" if n_results == 1 else f"{n_results} results are"
        say(f"{what} withdrawn by their origin, and not kept; autometa kb doctor lists the reasons")


def _plain(value: object) -> object:
    """Return dicts, lists and plain values, None for numbers that are not finite."""
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, str):
        return str(value)  # an enumeration's value too
    if isinstance(value, Sequence):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value
