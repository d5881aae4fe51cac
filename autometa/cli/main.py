"""The entry point: `autometa COMMAND ...`; exit 0, user error 2, our bug 1."""

import errno
import io
import os
import sys
from typing import Annotated

import typer

from autometa import __version__
from autometa.cli.describe import describe
from autometa.cli.kb import app as kb
from autometa.cli.output import say
from autometa.cli.recommend import recommend
from autometa.errors import UserError

app = typer.Typer(
    name="autometa",
    help="Recommends machine-learning pipelines for a table of data, from what was learned on past ones.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(recommend)
app.command()(describe)
app.add_typer(kb)


@app.callback(invoke_without_command=True)
def about(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Recommends machine-learning pipelines for a table of data, from what was learned on past ones."""
    if version:
        sys.stdout.write(f"autometa {__version__}\n")
        raise typer.Exit
    if context.invoked_subcommand is None:
        sys.stdout.write(context.get_help() + "\n")


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def _drop_stdout() -> None:
    """Forget what could not be written, so that the interpreter does not try again on its way out."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def main() -> None:
    """Run the command line; an error that the user can fix is one line on stderr and exit code 2."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started us
            setattr(sys, name, io.TextIOWrapper(io.FileIO(os.devnull, "w")))
    try:
        app()
        sys.stdout.flush()
    except UserError as error:
        say("error: " + " ".join(str(error).split()))
        sys.exit(2)
    except OSError as error:
        if error.errno not in _FULL:
            raise
        say(f"error: cannot write the result: {error.strerror}")
        _drop_stdout()
        sys.exit(2)
    except KeyboardInterrupt:
        say("stopped")
        sys.exit(130)
