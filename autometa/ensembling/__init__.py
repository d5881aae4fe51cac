"""Ensembling: averages of fitted pipelines.

::

    selection     out-of-fold predictions of many models -> weights
    temperature   out-of-fold probabilities of the average -> how much surer, or less sure, they should be
    estimators    fitted pipelines, weights and temperature -> one scikit-learn estimator
"""

from autometa.ensembling.selection import average, select_weights
from autometa.ensembling.temperature import apply_temperature, temperature_of

__all__ = ["apply_temperature", "average", "select_weights", "temperature_of"]
