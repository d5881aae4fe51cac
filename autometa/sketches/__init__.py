"""Sketches: what is remembered of a table so that a copy of it is recognised, without its data."""

from autometa.sketches.drawing import draw_sketch
from autometa.sketches.likeness import Likeness, Lineup, likeness
from autometa.sketches.sketch import SKETCH_VERSION, Sketch

__all__ = ["SKETCH_VERSION", "Likeness", "Lineup", "Sketch", "draw_sketch", "likeness"]
