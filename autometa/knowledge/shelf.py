"""The shelf: a folder of shards, and what a new one that joins them leaves out or takes back."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc

from autometa.errors import ExchangeError, OptionError
from autometa.knowledge.checking import rows_of
from autometa.knowledge.origins import ANYBODYS
from autometa.knowledge.rows import Row
from autometa.knowledge.shards import MAX_WITHDRAWALS, read_columns
from autometa.knowledge.withdrawing import IDENTITY, RUN, Run, result_hash_of
from autometa.metric import METRICS

LISTED = (*IDENTITY, "origin", "reason")  # the columns of a list of runs to be withdrawn

_MAX_REASON = 500  # characters: what its column holds


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """What the shards of a folder hold.

    Parameters
    ----------
    cells : frozenset of tuple
        Task, configuration, protocol, version of the pipelines and seed of what stands there and is not withdrawn.
    withdrawn : frozenset of tuple
        Runs that a shard there withdraws, or the new one.
    withdrawals : tuple of dict
        What the new one withdraws, as rows of a shard.
    """

    cells: frozenset[Run] = frozenset()
    withdrawn: frozenset[Run] = frozenset()
    withdrawals: tuple[Row, ...] = ()

    @classmethod
    def read(cls, folder: str | Path, *, withdraw: str | Path | None = None) -> Self:
        """Return what the shards of a folder hold.

        Parameters
        ----------
        folder : str or Path
            The folder.
        withdraw : str or Path, optional
            A CSV file of runs in it that the new shard withdraws: see `LISTED` for its columns; others are ignored.

        Raises
        ------
        ExchangeError
            If there is no such folder, a shard in it cannot be read, or the list cannot.
        OptionError
            If the list asks for what no shard there holds, for runs that are anybody's, or gives no reason.
        """
        folder = Path(folder)
        if not folder.is_dir():
            raise ExchangeError(f"no such folder: {folder}")
        shards = sorted(folder.glob("*.parquet"))
        runs: set[Run] = set()
        withdrawn: set[Run] = set()
        for path in shards:
            table = read_columns(path, ["record", *RUN])
            runs.update(map(_run, rows_of(_of(table, "evaluation"))))
            withdrawn.update(map(_run, rows_of(_of(table, "withdrawal"))))
        reasons = {} if withdraw is None else _reasons(Path(withdraw), runs - withdrawn, folder)
        withdrawals = tuple(_withdrawals(shards, reasons))
        withdrawn.update(reasons)
        cells = frozenset(run[: len(IDENTITY)] for run in runs - withdrawn)
        return cls(cells=cells, withdrawn=frozenset(withdrawn), withdrawals=withdrawals)

    def holds(self, row: Row) -> bool:
        """Return whether an evaluation stands there already, or is withdrawn."""
        return tuple(row[name] for name in IDENTITY) in self.cells or _run(row) in self.withdrawn


EMPTY = Shelf()


def _run(row: Row) -> Run:
    """Return what tells a run apart from all others."""
    return tuple(row[name] for name in RUN)


def _of(table: pa.Table, record: str) -> pa.Table:
    """Return the rows of one kind."""
    return table.filter(pc.field("record") == record)


def _withdrawals(shards: Sequence[Path], reasons: Mapping[Run, str]) -> Iterator[Row]:
    """Iterate over the withdrawals of runs that stand in shards, each once."""
    fingerprints = pa.array(sorted({run[0] for run in reasons}), pa.string())
    done: set[Run] = set()
    for path in shards if reasons else ():
        table = _of(read_columns(path, ["record", *RUN, "status", *METRICS]), "evaluation")
        for row in rows_of(table.filter(pc.field("fingerprint").isin(fingerprints))):
            run = _run(row)
            if run in reasons:
                result = result_hash_of(row)
                if (*run, result) not in done:
                    done.add((*run, result))
                    yield {**{name: row[name] for name in RUN}, "result": result, "reason": reasons[run]}


def _reasons(path: Path, runs: Iterable[Run], folder: Path) -> dict[Run, str]:
    """Return the runs that a list asks for -> the reason."""
    asked = {listed[:-1]: (number, listed[-1]) for number, listed in _listed(path)}
    found: dict[Run, str] = {}
    missing = dict(asked)
    for run in runs:
        if run[:-1] in asked:
            found[run] = asked[run[:-1]][1]
            missing.pop(run[:-1], None)
    for number, _ in missing.values():
        raise OptionError(
            f"{path.name}, row {number}: no shard in {folder} holds such a run, or it is withdrawn already"
        )
    if len(found) > MAX_WITHDRAWALS:
        raise OptionError(f"{path.name} lists {len(found)} runs; a shard withdraws at most {MAX_WITHDRAWALS}")
    return found


def _listed(path: Path) -> Iterator[tuple[int, Run]]:
    """Iterate over (number, checked row) of a list of runs to be withdrawn, in the order of `LISTED`."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            absent = [name for name in LISTED if name not in (reader.fieldnames or ())]
            if absent:
                raise OptionError(f"{path.name} lacks the columns {', '.join(absent)}; it needs {', '.join(LISTED)}")
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ExchangeError(f"cannot read {path} as a CSV file: {reason}") from error
    if not rows:
        raise OptionError(f"{path.name} lists no runs; leave the option out")
    seen: set[Run] = set()
    for number, row in enumerate(rows, start=1):
        try:
            listed = _checked({name: (row[name] or "").strip() for name in LISTED})
        except ValueError as error:
            raise OptionError(f"{path.name}, row {number}: {error}") from error
        if listed[:-1] in seen:
            raise OptionError(f"{path.name}, row {number}: the run is listed twice; leave one out")
        seen.add(listed[:-1])
        yield number, listed


def _checked(row: Mapping[str, str]) -> Run:
    """Return a row of a list; raise ValueError where it makes no sense."""
    if row["origin"] in ANYBODYS:
        raise ValueError(f"runs of '{row['origin']}' are anybody's and cannot be withdrawn")
    if not (0 < len(row["reason"]) <= _MAX_REASON and row["reason"].isprintable()):
        raise ValueError(f"say the reason in one line of 1 to {_MAX_REASON} characters")
    try:
        seed = int(row["seed"])
    except ValueError as error:
        raise ValueError(f"the seed is a whole number, not '{row['seed'][:40]}'") from error
    return (*(row[name] for name in IDENTITY[:-1]), seed, row["origin"], row["reason"])
