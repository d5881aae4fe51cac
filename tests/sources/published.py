"""Small files in the form of published run databases."""

from pathlib import Path

import numpy as np
import pandas as pd

CONFIGURATIONS = (
    {"algorithm": "RF", "hyperparameters": {"min_samples_split": 2, "criterion": "gini"}},
    {"algorithm": "RF", "hyperparameters": {"min_samples_split": 1e-05, "criterion": "entropy"}},
    {"algorithm": "GBT", "hyperparameters": {"max_depth": 3, "max_features": None}},
)


def write_oboe(folder: Path, n_tasks: int = 4) -> Path:
    """Write drawn files of Oboe's form: data sets 10, 11, ..., of which the last has no qualities."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    columns = [str(content) for content in CONFIGURATIONS]
    numbers = [10 + number for number in range(n_tasks + 1)]
    pd.DataFrame(rng.uniform(0, 0.5, (len(numbers), 3)), numbers, columns).to_csv(folder / "error_matrix.csv")
    pd.DataFrame(rng.uniform(1, 9, (len(numbers), 3)), numbers, columns).to_csv(folder / "runtime_matrix.csv")
    pd.DataFrame([[100, 7]] * len(numbers), numbers).to_csv(folder / "dataset_sizes.csv")
    qualities = pd.DataFrame(
        {
            "Name": [f"table ({number})" for number in numbers[:-1]],
            "family": [f"table {number // 2}" for number in numbers[:-1]],
            "Runs": 1,
            "NumberOfClasses": [0.0, *[2.0] * (n_tasks - 1)],
            "ClassEntropy": [np.nan, *[1.0] * (n_tasks - 1)],
        },
        numbers[:-1],
    )
    qualities.to_csv(folder / "openml_qualities.csv")
    return folder
