"""Persistence: a fitted model goes into one file, and comes back out of it, without pickle.

::

    Model (predictor, reader, card) -> save -> zip: skops, JSON, sha-256 of each, signature -> load -> Model
"""

from autometa.persistence.archive import load, read_card, save
from autometa.persistence.card import MOST_SECONDS, Training, importances, make_card, score_rows
from autometa.persistence.model import Model

__all__ = ["MOST_SECONDS", "Model", "Training", "importances", "load", "make_card", "read_card", "save", "score_rows"]
