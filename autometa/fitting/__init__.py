"""Fitting: from a table to a fitted model, within a budget.

::

    options       what is asked for
    fitting       advice, refinement, ensemble and fit on all rows: the whole way
    finishing     what was attempted -> which models, with what weights, fitted on all rows in the time that is left
    timing        what that takes, and how much of a budget is left for it
    leaderboard   what was attempted, as a table
    storing       the fitted model and its card, as they go into a file
"""

from autometa.fitting.fitting import Fitted, fit_task
from autometa.fitting.options import FitOptions

__all__ = ["FitOptions", "Fitted", "fit_task"]
