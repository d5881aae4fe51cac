"""The entry point: `autometa COMMAND ...`; exit 0, user error 2, our bug 1."""

import errno
import io
import os
import re
import sys
from typing import Annotated, Any, NoReturn

import typer

from autometa import __version__
from autometa.cli.commands import CommandsByPlace
from autometa.cli.output import say
from autometa.errors import OptionError, UserError

app = typer.Typer(
    name="autometa",
    cls=CommandsByPlace,
    help="Recommends machine-learning pipelines for a table of data, from what was learned on past ones.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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


_OPTION_OF = {  # what messages of the library name as arguments of Python
    "take time_budget=None": "leave out --time",  # before its beginning
    "time_budget": "--time",
    "max_fit_seconds": "--max-fit-time",
    "max_memory": "--max-memory",
    "probe_seconds": "--probe",
    "n_trials": "--trials",
}
_ARGUMENT = re.compile(rf"\b(?:{'|'.join(_OPTION_OF)})\b")
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_WrongUsageError: type[Exception] = typer.BadParameter.__mro__[1]  # click's, or that of the copy inside of typer
_OF_PYDANTIC = "Value error, "  # before what typer says of a choice


def _drop_stdout() -> None:
    """Forget what could not be written, so that the interpreter does not try again on its way out."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run() -> Any:  # Any: whatever a command returns
    """Run the command and return its exit code; 0 where whoever reads its result, as `head`, wants no more of it."""
    try:
        exit_code = app(prog_name="autometa", standalone_mode=False)
        sys.stdout.flush()
    except SystemExit as ended:  # with 1, as which typer and rich end on a closed pipe
        if not isinstance(ended.__context__, BrokenPipeError):
            raise
    except BrokenPipeError:
        pass
    else:
        return exit_code
    _drop_stdout()
    return 0


def _with_options(message: str) -> str:
    """Return a message with options of the command line in place of arguments of Python."""
    return _ARGUMENT.sub(lambda found: _OPTION_OF[found[0]], re.sub(r"^k must\b", "-k must", message))


def _refuse_usage(error: Any) -> NoReturn:  # Any: of click, or of its copy
    """Say in one line what is wrong with the command, and where its help is; exit 2."""
    message = " ".join(error.format_message().replace(_OF_PYDANTIC, "").split())
    if message:  # else the help was asked for, by no arguments, and is printed
        command = error.ctx.command_path if error.ctx else "autometa"
        say(f"error: {message.rstrip('.')}; see: {command} --help")
    sys.exit(2)


def main() -> None:
    """Run the command line; an error that the user can fix is one line on stderr and exit code 2."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started us
            setattr(sys, name, io.TextIOWrapper(io.FileIO(os.devnull, "w")))
    try:
        sys.exit(_run())
    except UserError as error:
        message = _with_options(str(error)) if isinstance(error, OptionError) else str(error)
        say("error: " + " ".join(message.split()))
        sys.exit(2)
    except OSError as error:
        if error.errno not in _FULL:
            raise
        say(f"error: cannot write the result: {error.strerror}")
        _drop_stdout()
        sys.exit(2)
    except _WrongUsageError as error:
        _refuse_usage(error)
    except KeyboardInterrupt:
        say("stopped")
        sys.exit(130)
