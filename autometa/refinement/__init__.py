"""Going on from what is known: transfer from past studies, inside Optuna."""
