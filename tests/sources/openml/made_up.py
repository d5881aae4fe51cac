"""Small tables as OpenML would have them."""

import numpy as np
import pandas as pd


def flowers(n_rows: int = 60, seed: int = 0) -> pd.DataFrame:
    """Return a table with a column of each type, whose nominal target "kind" depends on the numbers."""
    rng = np.random.default_rng(seed)
    width = rng.normal(size=n_rows).round(3)
    petals = pd.Categorical(rng.choice(["1", "2", "10"], n_rows), categories=["1", "2", "10"])
    frame = pd.DataFrame(
        {
            "number": np.arange(n_rows),
            "width": width,
            "few": rng.integers(0, 3, n_rows),
            "petals": petals,
            "is wild": pd.Categorical(rng.choice(["FALSE", "TRUE"], n_rows), categories=["FALSE", "TRUE"]),
            "colour": pd.Categorical(rng.choice(["red", "it's blue", "NA"], n_rows)),
            "remark": pd.Series([f"seen by {name}" for name in rng.choice(list("abcdefgh"), n_rows)], dtype="str"),
            "secret": rng.normal(size=n_rows),
            "kind": pd.Categorical(np.where(width + 0.3 * rng.normal(size=n_rows) > 0, "2", "1")),
        }
    )
    frame.loc[3, "width"] = np.nan
    frame.loc[4, "petals"] = np.nan
    return frame
