"""The regrets of a replay as a figure: after so many proposals, and after so much time."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from autometa._optional import require
from autometa.benchmark.replay import ORACLE, Replay
from autometa.benchmark.scores import clustered_error, regret_by_time
from autometa.errors import OptionError
from autometa.reporting.saving import check_place

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SUFFIXES = (".png", ".svg")
_N_TIMES = 200
# Told apart by people who do not see all colours alike: Okabe, M., Ito, K. (2008), https://jfly.uni-koeln.de/color/
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
_DASHES = ("-", "--", "-.", ":")  # past the last colour


def check_plot(path: Path) -> None:
    """Raise unless a figure can be drawn and saved there, before the work is done.

    Raises
    ------
    OptionError
        If the name ends in neither .png nor .svg, or there is no such folder.
    MissingDependencyError
        If matplotlib is not installed.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise OptionError(f"cannot draw a figure as '{path.name}'; give a name that ends in {' or '.join(SUFFIXES)}")
    check_place(path, force=True)
    require("matplotlib", extra="plots")


def save_regret_plot(replay: Replay, path: Path, *, title: str) -> None:
    """Draw the regrets of all methods into a PNG or SVG file, in place of what is there.

    On the left the mean normalised regret against the number of proposals, on the right against the CPU seconds that
    they took to fit; bands of one standard error over families. The same replay gives the same bytes.

    Raises
    ------
    OptionError, MissingDependencyError
        As `check_plot`, or if the file cannot be written.
    """
    check_plot(path)
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"svg.hashsalt": "autometa", "svg.fonttype": "none"}):
        figure = Figure(figsize=(11.0, 4.6), layout="constrained")
        by_number, by_time = figure.subplots(1, 2, sharey=True)
        _draw_by_number(by_number, replay)
        _draw_by_time(by_time, replay)
        by_number.set_ylabel("mean normalised regret")
        by_number.set_ylim(0.0, 1.02)  # of both
        figure.suptitle(title)
        handles, labels = max(
            (axes.get_legend_handles_labels() for axes in (by_time, by_number)), key=lambda h: len(h[0])
        )
        figure.legend(handles, labels, loc="outside right upper", frameon=False)
        drawn = io.BytesIO()
        form = path.suffix.lower().removeprefix(".")
        # Without the date, so that the same figure is the same file.
        figure.savefig(drawn, format=form, dpi=150, metadata={"Date": None} if form == "svg" else None)
    try:
        path.write_bytes(drawn.getvalue())
    except OSError as error:
        raise OptionError(f"cannot write {path}: {error.strerror or error}; give another place") from error


def _draw_by_number(axes: "Axes", replay: Replay) -> None:
    """Draw regret against the number of proposals; the oracle is zero everywhere."""
    for place, name in enumerate(_methods(replay)):
        regrets = replay.regrets(name)
        errors = np.array([clustered_error(column, replay.families) for column in regrets.T])
        _draw(axes, place, name, np.arange(1, regrets.shape[1] + 1), (regrets.mean(axis=0), errors))
    axes.set_xlabel("proposals tried")
    axes.set_xlim(left=1)
    axes.grid(alpha=0.3)


def _draw_by_time(axes: "Axes", replay: Replay) -> None:
    """Draw regret against CPU seconds, the oracle too: the best configuration takes its time."""
    everything = np.concatenate([replay.fit_seconds[name].ravel() for name in replay.found])
    known = everything[np.isfinite(everything) & (everything > 0)]
    axes.set_xlabel("CPU seconds of their fits, one after the other")
    axes.grid(alpha=0.3)
    if len(known) == 0:
        axes.text(0.5, 0.5, "no fit times are stored", transform=axes.transAxes, ha="center")
        return
    times = np.geomspace(known.min(), known.max(), _N_TIMES)
    for place, name in enumerate((*_methods(replay), ORACLE)):
        _draw(axes, place, name, times, regret_by_time(replay, name, times))
    axes.set_xscale("log")


def _draw(axes: "Axes", place: int, name: str, x: np.ndarray, curve: tuple[np.ndarray, np.ndarray]) -> None:
    """Draw one line with its band."""
    mean, error = curve
    colour = "black" if name == ORACLE else _COLOURS[place % len(_COLOURS)]
    dash = ":" if name == ORACLE else _DASHES[place // len(_COLOURS) % len(_DASHES)]
    axes.plot(x, mean, dash, color=colour, label=name, linewidth=1.6)
    axes.fill_between(x, mean - error, mean + error, color=colour, alpha=0.15, linewidth=0)


def _methods(replay: Replay) -> Sequence[str]:
    """Return all methods but the oracle."""
    return [name for name in replay.found if name != ORACLE]
