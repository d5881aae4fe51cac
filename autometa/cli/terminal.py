"""The console on which results are drawn: texts from elsewhere are shown on it, never obeyed."""

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from autometa._characters import escape_controls

_KEPT = "\t\n"  # which rich lays out itself


def shown(words: str) -> str:
    """Return a text as the console shows it: what a terminal would obey as backslash escapes."""
    return escape_controls(words, but=_KEPT)


class ShowingConsole(Console):
    """A console that shows what a terminal would obey: all text, in whatever it is, is rendered here."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Return what is to be written; colours and the like are rich's own."""
        if isinstance(renderable, str):
            renderable = shown(renderable)
        elif isinstance(renderable, Text) and shown(renderable.plain) != renderable.plain:
            renderable = renderable.copy()
            renderable.plain = shown(renderable.plain)
        return super().render(renderable, options)
