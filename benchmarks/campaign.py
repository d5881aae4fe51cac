"""Which tables the campaign measures first: ``python -m benchmarks.campaign INDEX FOLDER``

More tables at a time: ``--binary 100 --multiclass 60 --regression 100``; those of fewer are always among them.

Writes an ``index.csv`` into FOLDER with the tables of the pilot and, by an order that depends on their names alone,
others of families that are not there yet, until `N_TABLES` of each kind; judgement families among them, for no choice
is made from these runs. Left out are synthetic tables, flagged ones, and those of more than 200 columns, which take a
multiple of the time of all others: they come with the whole corpus. Then

    autometa kb grow --from FOLDER --db campaign.db

runs the candidates, each on all tables before the next one, and goes on where it was stopped.

After those come the cheapest of all: ``python -m benchmarks.campaign INDEX FOLDER --cheapest 436`` writes so many
tables of at most 200 columns, by the numbers that an evaluation looks at; what is wide is left for last.
"""

import argparse
import hashlib
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from autometa.benchmark.replay import is_judgement
from autometa.evaluation.protocol import CV_V1
from autometa.task_kind import TaskKind
from benchmarks.pilot.draw import MAX_COLUMNS, choose_tables

N_TABLES = {TaskKind.BINARY: 60, TaskKind.MULTICLASS: 40, TaskKind.REGRESSION: 50}


def main() -> None:
    """Write the index of the first tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", type=Path)
    parser.add_argument("folder", type=Path)
    for kind, n in N_TABLES.items():
        parser.add_argument(f"--{kind}", type=int, default=n, metavar="N", help="tables of this kind")
    parser.add_argument("--cheapest", type=int, metavar="N", help="so many in all instead, the cheapest first")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    n_tables = {kind: getattr(arguments, str(kind)) for kind in N_TABLES}
    index = pd.read_csv(arguments.index)
    tables = first_tables(index, n_tables) if arguments.cheapest is None else cheapest_tables(index, arguments.cheapest)
    for name, own in tables.groupby("task"):
        print(f"{name}: {len(own)} tables, {own['family'].map(is_judgement).sum()} of judgement families")
    write_index(tables, arguments.index, arguments.folder)


def write_index(tables: pd.DataFrame, index: Path, folder: Path) -> None:
    """Write some rows of an index into a folder, with the places of their files."""
    files = [str((index.parent / file).resolve()) for file in tables["file"]]
    tables.assign(file=files).to_csv(folder / "index.csv", index=False)


def first_tables(index: pd.DataFrame, n_tables: Mapping[TaskKind, int]) -> pd.DataFrame:
    """Return the tables of the pilot, then one of each further family, so many of each kind."""
    pilot = choose_tables(index)
    rest = index[~index["synthetic"] & index["flag"].isna() & (index["n_features"] <= MAX_COLUMNS)]
    rest = rest[~rest["family"].isin(pilot["family"])]
    order = rest["name"].map(lambda name: hashlib.sha256(f"campaign {name}".encode()).hexdigest())
    rest = rest.loc[order.sort_values().index].drop_duplicates("family")
    tables = pd.concat([pilot, rest])
    return pd.concat([tables[tables["task"] == kind].head(n) for kind, n in n_tables.items()])


def cheapest_tables(index: pd.DataFrame, n: int) -> pd.DataFrame:
    """Return the ``n`` tables on which an evaluation looks at the fewest numbers, for each class anew."""
    tables = index[(index["split"] == "dev") & (index["n_features"] <= MAX_COLUMNS)]
    rows = tables["n_rows"].clip(upper=CV_V1.row_limit)
    cost = (rows * tables["n_features"] * tables["n_classes"].clip(lower=1)).rename("cost")
    return tables.join(cost).sort_values(["cost", "name"]).drop(columns="cost").head(n)


if __name__ == "__main__":
    main()
