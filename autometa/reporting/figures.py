"""Figures of a report, as SVG that stands inside the page."""

import html
import math
from collections.abc import Sequence

import numpy as np

from autometa.reporting.expecting import Expected
from autometa.reporting.landscape import Landscape

_WIDTH = 640.0
_MARGIN = 16.0


def escaped(text: object) -> str:
    """Return a text that is safe between tags and inside quotes; what XML does not allow becomes a question mark."""
    allowed = "".join(
        character if character in "\t\n" or (character >= " " and not "\ud800" <= character <= "\udfff"
        and character not in "\ufffe\uffff" and not "\x7f" <= character <= "\x9f") else "\ufffd"
        for character in str(text)
    )  # fmt: skip
    return html.escape(allowed, quote=True)


def draw_landscape(landscape: Landscape, name: str) -> str:
    """Return the map of tasks: a point for each known one, the nearest numbered, a diamond for the new one."""
    height = 420.0
    everything = np.vstack([landscape.points, landscape.own])
    low, high = everything.min(axis=0), everything.max(axis=0)
    # One scale for both axes, as distances are to be compared.
    scale = min(
        (_WIDTH - 4 * _MARGIN) / max(high[0] - low[0], 1e-9), (height - 4 * _MARGIN) / max(high[1] - low[1], 1e-9)
    )
    middle = (low + high) / 2
    places = [(_WIDTH / 2 + (x - middle[0]) * scale, height / 2 - (y - middle[1]) * scale) for x, y in everything]
    number_of = {place: number for number, place in enumerate(landscape.nearest, start=1)}
    parts = []
    for place in sorted(range(len(landscape.names)), key=lambda each: each in number_of):  # the nearest on top
        x, y = places[place]
        known, size = ("near", 6) if place in number_of else ("known", 4.5)
        title = f"{escaped(landscape.names[place])} (distance {landscape.distances[place]:.2f})"
        parts.append(f'<circle class="{known}" cx="{x:.1f}" cy="{y:.1f}" r="{size}"><title>{title}</title></circle>')
    for place, number in number_of.items():
        x, y = places[place]
        parts.append(f'<text class="label" x="{x + 8:.1f}" y="{y - 6:.1f}">{number}</text>')
    x, y = places[-1]
    diamond = f"M{x:.1f} {y - 10:.1f} l10 10 l-10 10 l-10 -10 z"
    parts.append(f'<path class="own" d="{diamond}"><title>{escaped(name)}</title></path>')
    return _svg(height, f"Map of {len(landscape.names)} known tasks and {escaped(name)}", parts)


def draw_expected(expected: Expected) -> str:
    """Return the curves of regret after 1, 2, ... pipelines, with bands of one standard error."""
    height, left, bottom, top = 330.0, 56.0, 270.0, 14.0
    n_steps = len(expected.advice)
    highest = float(
        max((expected.chance + expected.chance_error).max(), (expected.advice + expected.advice_error).max())
    )
    spacing = 0.2 if highest > 0.5 else 0.1 if highest > 0.2 else 0.05
    n_levels = max(math.ceil(highest / spacing), 1)
    ceiling = n_levels * spacing

    def at(step: float, regret: float) -> tuple[float, float]:
        across = left + (_WIDTH - left - _MARGIN) * (step - 1) / max(n_steps - 1, 1)
        return across, bottom - (bottom - top) * min(max(regret, 0.0), ceiling) / ceiling

    parts = []
    for level in np.linspace(0, ceiling, n_levels + 1):
        y = at(1, float(level))[1]
        parts.append(f'<line class="grid" x1="{left}" x2="{_WIDTH - _MARGIN}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{level:.2f}</text>')
    for step in range(1, n_steps + 1):
        parts.append(f'<text x="{at(step, 0)[0]:.1f}" y="{bottom + 22}" text-anchor="middle">{step}</text>')
    parts.append(f'<text x="{_WIDTH / 2}" y="{height - 8}" text-anchor="middle">pipelines tried</text>')
    curves = {
        "chance": ("random order", expected.chance, expected.chance_error),
        "advice": ("following the advice", expected.advice, expected.advice_error),
    }
    for name, (words, means, errors) in curves.items():
        steps = range(1, n_steps + 1)
        line = [at(step, means[step - 1]) for step in steps]
        band = [at(step, means[step - 1] + errors[step - 1]) for step in steps]
        band += [at(step, means[step - 1] - errors[step - 1]) for step in reversed(steps)]
        parts.append(f'<polygon class="{name}-band" points="{_points(band)}"/>')
        parts.append(f'<polyline class="{name}" points="{_points(line)}"/>')
        parts += [
            f'<circle class="{name}-point" cx="{x:.1f}" cy="{y:.1f}" r="3.5"><title>{words}, {step}: '
            f"{means[step - 1]:.3f} ± {errors[step - 1]:.3f}</title></circle>"
            for step, (x, y) in zip(steps, line, strict=True)
        ]
    return _svg(height, "Mean regret after 1 to 10 pipelines: of the advice, and in random order", parts)


def draw_interval(score: float, interval: tuple[float, float], low: float, high: float, words: str) -> str:
    """Return an interval as a bar with a dot at the score, on a scale from ``low`` to ``high``.

    An end that is not known runs to the edge.
    """
    width, height = 200.0, 20.0
    span = (high - low) or 1.0

    def at(value: float, otherwise: float) -> float:
        return 6 + (width - 12) * min(max((value - low) / span, 0.0), 1.0) if math.isfinite(value) else otherwise

    start, end = at(interval[0], 0.0), at(interval[1], width)
    parts = [
        f'<line class="range" x1="{start:.1f}" x2="{end:.1f}" y1="10" y2="10"/>',
        f'<circle class="middle" cx="{at(score, width / 2):.1f}" cy="10" r="4.5"/>',
    ]
    return _svg(height, escaped(words), parts, width=width)


def finite_range(values: Sequence[float]) -> tuple[float, float]:
    """Return the least and the greatest finite value; (0, 1) without any."""
    finite = [value for value in values if math.isfinite(value)]
    return (min(finite), max(finite)) if finite else (0.0, 1.0)


def _points(places: Sequence[tuple[float, float]]) -> str:
    """Return places as SVG writes them."""
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)


def _svg(height: float, label: str, parts: Sequence[str], *, width: float = _WIDTH) -> str:
    """Return an SVG of these parts; the label, escaped already, is what a screen reader says."""
    head = f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{label}">'
    return head + "".join(parts) + "</svg>"
