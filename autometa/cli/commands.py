"""The commands and where they are: each is imported when it is used, since some need libraries that others do not."""

from typing import Any  # of click, or of the copy of it inside of typer

import typer
from typer.core import TyperGroup
from typer.main import get_command_from_info, get_group
from typer.models import CommandInfo

from autometa.cli.importing import load

PLACES = {
    "recommend": "autometa.cli.recommend:recommend",
    "explain": "autometa.cli.explain:explain",
    "describe": "autometa.cli.describe:describe",
    "similar": "autometa.cli.similar:similar",
    "fit": "autometa.cli.fit:fit",
    "export": "autometa.cli.export:export",
    "predict": "autometa.cli.predict:predict",
    "evaluate": "autometa.cli.evaluate:evaluate",
    "leaderboard": "autometa.cli.leaderboard:leaderboard",
    "kb": "autometa.cli.kb:app",
    "benchmark": "autometa.cli.benchmark:app",
    "fewshot": "autometa.cli.fewshot:app",
}
"""Name of each command, or group of commands, in the order of the help, and its module and function."""


class CommandsByPlace(TyperGroup):
    """A group whose commands are those of `PLACES`."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all commands."""
        return list(PLACES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command by its name, or None."""
        if cmd_name not in PLACES:
            return None
        if cmd_name not in self.commands:
            module, _, name = PLACES[cmd_name].partition(":")
            found = getattr(load(module)[0], name)
            if isinstance(found, typer.Typer):
                self.commands[cmd_name] = get_group(found)
            else:
                info = CommandInfo(name=cmd_name, callback=found)
                self.commands[cmd_name] = get_command_from_info(
                    info, pretty_exceptions_short=True, rich_markup_mode=self.rich_markup_mode
                )
        return self.commands[cmd_name]
