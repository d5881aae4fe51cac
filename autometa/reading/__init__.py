"""Reading: a file, standard input or a table in memory becomes a `Task`, or is refused in one line.

::

    path, "-"  -> content (unpacked) -> binary: Parquet, Feather, Arrow
                                     -> text (encoding) -> delimited (dialect), arff, json_lines
    table      -> frames                                               each gives a `Loaded`

    Loaded     -> read: options, target, columns, cautions, sampling -> Task
"""

from autometa.reading.read import read_task

__all__ = ["read_task"]
