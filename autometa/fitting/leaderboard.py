"""The leaderboard: what was attempted, as a table."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from autometa.recommenders.recommendation import Recommendation
from autometa.refinement.attempts import Attempt

if TYPE_CHECKING:  # Optuna, which a fit without a search needs not
    from autometa.refinement.refining import Refinement

COLUMNS = (
    "rank",
    "algorithm",
    "score",
    "standard_error",
    "rung",
    "weight",
    "source",
    "fit_seconds",
    "predict_seconds",
    "status",
    "hyperparameters",
    "key",
    "error",
)


def of_refinement(refinement: "Refinement", weights: Mapping[str, float]) -> pd.DataFrame:
    """Return a row per attempt: those that came furthest first, best first; failures last.

    The column ``rung`` says how far an attempt came: scores on different rungs are of different rows. ``weight`` is
    that in the model, by key of the configuration.
    """
    left = dict(weights)  # of a configuration that was attempted twice, the better one is in the model
    good = refinement.ranked
    failed = [each for each in refinement.attempts if each.has_failed]
    rows = [
        {
            "rank": place + 1 if not each.has_failed else None,
            "algorithm": each.configuration.algorithm,
            "score": each.score,
            "standard_error": each.standard_error,
            "rung": len(each.losses),
            "weight": left.pop(each.configuration.key, 0.0),
            "source": str(each.source),
            "fit_seconds": each.last.fit_seconds,
            "predict_seconds": each.last.predict_seconds,
            "status": _status(each),
            "hyperparameters": dict(each.configuration.values),
            "key": each.configuration.key,
            "error": each.last.error,
        }
        for place, each in enumerate((*good, *failed))
    ]
    return _frame(rows)


def of_recommendation(recommendation: Recommendation, fitted: str) -> pd.DataFrame:
    """Return a row per advised pipeline, of which that with the key ``fitted`` is the model.

    Nothing is measured, so scores are those that are predicted.
    """
    rows = [
        {
            "rank": each.rank,
            "algorithm": each.configuration.algorithm,
            "score": each.predicted_score,
            "standard_error": math.nan,
            "rung": 0,
            "weight": 1.0 if each.configuration.key == fitted else 0.0,
            "source": "advised",
            "fit_seconds": each.fit_seconds,
            "predict_seconds": each.predict_seconds,
            "status": "predicted",
            "hyperparameters": dict(each.configuration.values),
            "key": each.configuration.key,
            "error": "",
        }
        for each in recommendation
    ]
    return _frame(rows)


def plain_rows(leaderboard: pd.DataFrame) -> list[dict[str, Any]]:  # Any: JSON
    """Return the rows in plain values, as JSON has them: None for what is missing."""
    return [{str(name): _plain(value) for name, value in row.items()} for row in leaderboard.to_dict("records")]


def _plain(value: Any) -> Any:  # Any: as above
    """Return a value that JSON has."""
    if value is pd.NA or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return value.item() if isinstance(value, np.generic) else value


def _status(attempt: Attempt) -> str:
    """Return how an attempt ended."""
    if attempt.has_failed and not attempt.last.error:
        return "failed"
    return str(attempt.last.status) if attempt.has_failed or attempt.is_whole else "pruned"


def _frame(rows: Sequence[Mapping[str, object]]) -> pd.DataFrame:
    """Return the table."""
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"rank": "Int64"})
