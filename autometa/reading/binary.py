"""Parquet, Feather and Arrow files: tables that carry their own types."""

from collections.abc import Iterator

import pyarrow as pa

from autometa.errors import DataError
from autometa.reading.content import Content
from autometa.reading.loaded import Loaded, check_names, to_frame

# beside Arrow's own: what a damaged header of pandas, or a damaged schema, inside a sound file leads to
_DAMAGE = (pa.ArrowException, OSError, ValueError, TypeError, LookupError, NotImplementedError, MemoryError)


def load_parquet(content: Content) -> Loaded:
    """Return the table of a Parquet file.

    Raises
    ------
    DataError
        If it cannot be read, or has no sound columns and rows.
    """
    import pyarrow.parquet as pq

    try:
        # not read_table: it would take "key=value" folders in the path for columns
        with content.open_arrow() as file, pq.ParquetFile(file) as parquet:
            check_names(parquet.schema_arrow.names, content.label)
            frame = to_frame(parquet.read(), is_ours=True)
    except DataError:
        raise
    except _DAMAGE as error:
        raise _unreadable(content, "Parquet", error) from error
    return Loaded(frame=frame, name=content.name, label=content.label, is_typed=True)


def stream_parquet(content: Content, n_rows: int) -> "Iterator[pa.Table]":
    """Yield the table of a Parquet file in blocks of at most ``n_rows`` rows, the first of which has none.

    Raises
    ------
    DataError
        As `load_parquet`; for a damaged part only when it is reached.
    """
    import pyarrow.parquet as pq

    try:
        with content.open_arrow() as file, pq.ParquetFile(file) as parquet:
            check_names(parquet.schema_arrow.names, content.label)
            yield parquet.schema_arrow.empty_table()
            for batch in parquet.iter_batches(batch_size=n_rows):
                yield pa.Table.from_batches([batch])
    except DataError:
        raise
    except _DAMAGE as error:
        raise _unreadable(content, "Parquet", error) from error


def load_arrow(content: Content) -> Loaded:
    """Return the table of a Feather file, which is an Arrow file, or of an Arrow stream.

    Raises
    ------
    DataError
        If it cannot be read, or has no sound columns and rows.
    """
    import pyarrow.ipc as ipc

    try:
        with content.open_arrow() as file:
            opened = ipc.open_file(file) if content.head.startswith(b"ARROW1") else ipc.open_stream(file)
            with opened as reader:
                check_names(reader.schema.names, content.label)
                table = reader.read_all()
        frame = to_frame(table, is_ours=True)
    except DataError:
        raise
    except _DAMAGE as error:
        raise _unreadable(content, "Feather or Arrow", error) from error
    return Loaded(frame=frame, name=content.name, label=content.label, is_typed=True)


def _unreadable(content: Content, what: str, error: BaseException) -> DataError:
    """Return the error that says what Arrow found, in one line."""
    reason = str(error).splitlines()[0][:100] if str(error) else type(error).__name__
    return DataError(f"{content.label} is no readable {what} file ({reason}); write it anew")
