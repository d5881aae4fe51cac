"""Write the example tables from the data sets that come with scikit-learn: ``python data/examples/make.py``.

The tables are in the repository; this is where they come from, and a test compares the two.
"""

import sys
from pathlib import Path

import pandas as pd
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

DIABETES_NAMES = {
    "bmi": "body_mass_index",
    "bp": "blood_pressure",
    "s1": "total_cholesterol",
    "s2": "ldl",
    "s3": "hdl",
    "s4": "cholesterol_to_hdl",
    "s5": "log_triglycerides",
    "s6": "blood_sugar",
}


def breast_cancer() -> pd.DataFrame:
    """Return 569 tumours: 30 measurements of cell nuclei, and the diagnosis."""
    data = load_breast_cancer(as_frame=True)
    X: pd.DataFrame = data.data
    return X.assign(diagnosis=data.target.map(dict(enumerate(data.target_names))))


def wine() -> pd.DataFrame:
    """Return 178 wines: 13 chemical measurements, and the cultivar."""
    data = load_wine(as_frame=True)
    X: pd.DataFrame = data.data.rename(columns={"od280/od315_of_diluted_wines": "od280_od315_of_diluted_wines"})
    return X.assign(cultivar=(data.target + 1).map("cultivar_{}".format))


def diabetes() -> pd.DataFrame:
    """Return 442 patients: 10 measurements, and the progression of the disease one year later."""
    data = load_diabetes(as_frame=True, scaled=False)
    table: pd.DataFrame = data.data.rename(columns=DIABETES_NAMES).assign(progression=data.target)
    whole = [name for name in table if (table[name] % 1 == 0).all()]
    return table.astype(dict.fromkeys(whole, "int64"))


TABLES = {"breast_cancer": breast_cancer, "wine": wine, "diabetes": diabetes}


def main(folder: Path) -> None:
    """Write all tables as CSV files into a folder."""
    for name, table in TABLES.items():
        table().to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
