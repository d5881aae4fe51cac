"""What OpenML's files look like: descriptions in XML, tables and splits in ARFF; for `tests.openml_server`."""

import re
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

import numpy as np
import pandas as pd

XMLNS = 'xmlns:oml="http://openml.org/openml"'


def xml(name: str, content: str) -> str:
    """Return an answer of OpenML's: an element with its namespace."""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<oml:{name} {XMLNS}>\n{content}\n</oml:{name}>'


def element(name: str, value: object) -> str:
    """Return an element inside of an answer, nothing for None."""
    return "" if value is None else f"<oml:{name}>{escape(str(value))}</oml:{name}>"


def readdressed(described: str, name: str, address: str) -> str:
    """Return a description whose element has another address, without those of files that are not here."""
    described = re.sub(r"<oml:(parquet_url|minio_url)>.*?</oml:\1>", "", described)
    return re.sub(rf"<oml:{name}>.*?</oml:{name}>", element(name, address), described)


def feature(place: int, column: pd.Series, flags: Mapping[str, Sequence[str | None]]) -> str:
    """Return how OpenML describes a column."""
    kind, labels = _type_of(column)
    words = {name: str(column.name in listed).lower() for name, listed in flags.items()}
    described = [
        element("index", place),
        element("name", column.name),
        element("data_type", kind),
        *(element("nominal_value", label) for label in labels),
        *(element(name, word) for name, word in words.items()),
        element("number_of_missing_values", int(column.isna().sum())),
    ]
    return "<oml:feature>" + "".join(described) + "</oml:feature>"


def _type_of(column: pd.Series) -> tuple[str, tuple[str, ...]]:
    """Return OpenML's type of a column, and its nominal values."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return "nominal", tuple(str(label) for label in column.cat.categories)
    return ("numeric", ()) if column.dtype.kind in "iuf" else ("string", ())


def _quoted(value: object) -> str:
    """Return a value as an ARFF file has it."""
    if pd.isna(value):  # type: ignore[call-overload]
        return "?"
    words = str(value)
    return words if re.fullmatch(r"[\w.+-]+", words) else "'" + words.replace("\\", "\\\\").replace("'", "\\'") + "'"


def to_arff(frame: pd.DataFrame, name: str) -> str:
    """Return a table as the text of an ARFF file."""
    lines = [f"@RELATION {_quoted(name)}", ""]
    for place in range(frame.shape[1]):
        column = frame.iloc[:, place]
        kind, labels = _type_of(column)
        words = "{" + ",".join(map(_quoted, labels)) + "}" if kind == "nominal" else kind.upper()
        lines.append(f"@ATTRIBUTE {_quoted(column.name)} {words}")
    lines += ["", "@DATA"]
    lines += [",".join(map(_quoted, row)) for row in frame.astype(object).itertuples(index=False)]
    return "\n".join(lines) + "\n"


def to_splits(n_rows: int, n_folds: int, n_repeats: int, seed: int) -> bytes:
    """Return the splits of cross-validation as OpenML gives them."""
    rng = np.random.default_rng(seed)
    lines = ["@RELATION splits", "", "@ATTRIBUTE type {TRAIN,TEST}", "@ATTRIBUTE rowid NUMERIC"]
    lines += ["@ATTRIBUTE repeat NUMERIC", "@ATTRIBUTE fold NUMERIC", "", "@DATA"]
    for repeat in range(n_repeats):
        dealt = rng.permutation(n_rows) % n_folds
        for fold in range(n_folds):
            for row in rng.permutation(n_rows):
                lines.append(f"{'TEST' if dealt[row] == fold else 'TRAIN'},{row},{repeat},{fold}")
    return ("\n".join(lines) + "\n").encode()
