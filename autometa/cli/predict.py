"""`autometa predict`."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from autometa._writing import check_place, written_whole
from autometa.cli.models import CHUNK_ROWS, ModelArgument, TableArgument, TrustOption, warnings_said
from autometa.cli.output import counting, say
from autometa.errors import OptionError
from autometa.persistence import Model, load
from autometa.reading.loading import read_chunks
from autometa.reading.wording import count

_STDOUT = "-"
_WHAT = "the predictions"

Write = Callable[[pd.DataFrame], None]


def predict(
    model: ModelArgument,
    data: TableArgument,
    output: Annotated[
        str,
        typer.Option("--output", "-o", metavar="FILE", help="Where to: .csv or .parquet; - for stdout, as CSV."),
    ] = _STDOUT,
    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="Also the probability of each class.", show_default=False)
    ] = False,
    trust: TrustOption = False,
    force: Annotated[bool, typer.Option("--force", help="Replace that file.", show_default=False)] = False,
) -> None:
    """Predict the rows of a new table with a model file; the table is read piece by piece.

    \b
    Example:
      autometa predict model.skops data/examples/wine.csv --probabilities
    """
    if output != _STDOUT:
        _ending_of(Path(output))
        check_place(Path(output), force=force, what=_WHAT)
    with warnings_said():
        fitted = load(model, trust=trust)
    if probabilities:
        fitted.check_probabilities()
    with warnings_said(), _opened(output, force=force) as write, counting() as report:
        n_rows = 0
        for table in fitted.reader.read_all(read_chunks(data, CHUNK_ROWS)):
            write(_predictions(fitted, table, with_probabilities=probabilities))
            n_rows += len(table)
            report("rows", n_rows, n_rows)
    if output != _STDOUT:
        say(f"{count(n_rows, 'row')} predicted: {output}")


def _predictions(model: Model, table: pd.DataFrame, *, with_probabilities: bool) -> pd.DataFrame:
    """Return what is predicted for a table: a column named as the target, and one for the probability of each class."""
    predicted = pd.DataFrame({model.target: model.predict_read(table)})
    if not with_probabilities:
        return predicted
    names = [f"probability_{label}" for label in model.classes]
    return predicted.join(pd.DataFrame(model.probabilities_read(table), columns=names))


@contextmanager
def _opened(output: str, *, force: bool) -> Iterator[Write]:
    """Give a function that writes one piece after another; a file is there only when all are written."""
    if output == _STDOUT:
        yield _csv_writer(sys.stdout)
        return
    path = Path(output)
    with written_whole(path, force=force, what=_WHAT) as unfinished:
        if _ending_of(path) == ".csv":
            with unfinished.open("w", encoding="utf-8", newline="") as file:
                yield _csv_writer(file)
            return
        with _parquet_writer(unfinished) as write:
            yield write


def _csv_writer(file: "pd._typing.WriteBuffer[str]") -> Write:
    """Return a function that writes pieces as CSV, the first with a header."""
    is_first = True

    def write(piece: pd.DataFrame) -> None:
        nonlocal is_first
        piece.to_csv(file, index=False, header=is_first, lineterminator="\n")
        is_first = False

    return write


@contextmanager
def _parquet_writer(path: Path) -> Iterator[Write]:
    """Give a function that writes pieces as Parquet."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer: pq.ParquetWriter | None = None

    def write(piece: pd.DataFrame) -> None:
        nonlocal writer
        table = pa.Table.from_pandas(piece, preserve_index=False)
        if writer is None:
            writer = pq.ParquetWriter(path, table.schema)
        writer.write_table(table.cast(writer.schema))

    try:
        yield write
    finally:
        if writer is not None:
            writer.close()


def _ending_of(path: Path) -> str:
    """Return the ending of a file, of those that can be written."""
    ending = {".pq": ".parquet"}.get(path.suffix.lower(), path.suffix.lower())
    if ending not in (".csv", ".parquet"):
        raise OptionError(f"cannot write predictions as {path.suffix or path.name!r}; name a file .csv or .parquet")
    return ending
