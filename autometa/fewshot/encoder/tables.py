"""Tables as the encoder reads them: a bounded sample, and channels for each pair of a column and a class.

Shapes: n rows, d columns, k classes (1 for a regression), P pairs of a column and a class, F channels.
"""

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from autometa._random import generator
from autometa.metafeatures.columns import without_unit
from autometa.task import ColumnKind, Task
from autometa.task_kind import TaskKind

N_ROWS = 256
N_COLUMNS = 64
N_CLASSES = 10
N_PAIRS = 128  # of a column and a class, drawn where there are more
N_CHANNELS = 10
_PRIOR_ROWS = 1.0  # rows of usual targets that a category's mean target is shrunk by
_NUMBERS = frozenset({ColumnKind.NUMERIC, ColumnKind.DATETIME})

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Table:
    """Some rows and columns of a task as numbers; names, order of columns and labels are gone.

    Parameters
    ----------
    kind : TaskKind
        binary, multiclass or regression.
    family : str
        Of the task; of whatever is made from it, too.
    values : ndarray of shape (n, d)
        Numbers, or codes of categories; NaN = missing.
    is_nominal : ndarray of bool, shape (d,)
        Whether a column is of categories.
    target : ndarray of shape (n,)
        Numbers, or classes from 0, the most frequent one first.

    Raises
    ------
    ValueError
        If the shapes do not agree.

    Examples
    --------
    >>> X = pd.DataFrame({"width": [1.0, 2.0, 4.0], "colour": pd.Categorical(["red", "blue", "red"])})
    >>> task = Task(name="t", X=X, y=pd.Series(["a", "b", "b"]), kind="binary", target="sold")
    >>> table = read_table(task)
    >>> table.values.tolist(), table.is_nominal.tolist(), table.target.tolist()
    ([[1.0, 1.0], [0.0, 2.0], [1.0, 4.0]], [True, False], [1.0, 0.0, 0.0])
    """

    kind: TaskKind
    family: str
    values: Floats = field(repr=False)
    is_nominal: npt.NDArray[np.bool_] = field(repr=False)
    target: Floats = field(repr=False)

    def __post_init__(self) -> None:
        shape = (len(self.target), len(self.is_nominal))
        if self.values.shape != shape:
            raise ValueError(f"values of shape {self.values.shape} in a table of {shape}")

    @property
    def n_rows(self) -> int:
        """n."""
        return len(self.target)

    @property
    def n_columns(self) -> int:
        """d."""
        return len(self.is_nominal)

    @property
    def n_classes(self) -> int:
        """k: classes that are told apart; 1 for a regression."""
        return min(int(self.target.max()) + 1, N_CLASSES) if self.kind.is_classification else 1

    def taken(self, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]) -> "Table":
        """Return some rows and columns; classes are counted anew."""
        target = self.target[rows]
        return replace(
            self,
            values=self.values[np.ix_(rows, columns)],
            is_nominal=self.is_nominal[columns],
            target=by_frequency(target) if self.kind.is_classification else target,
        )


def read_table(task: Task, seed: int = 0, *, n_rows: int = N_ROWS) -> Table:
    """Return at most ``n_rows`` rows and 64 columns of a task, drawn by its fingerprint and the seed alone.

    Identifiers are left out; columns stand in the order of their names.
    """
    rng = generator(seed, "encoder", task.fingerprint)
    rows = _drawn(rng, task.n_rows, n_rows)
    names = sorted(task.used_columns)
    chosen = [names[number] for number in _drawn(rng, len(names), N_COLUMNS)]
    columns = [_read_column(task.X[name].take(rows), task.column_kinds[name]) for name in chosen]
    y = task.y.take(rows)
    if task.kind.is_classification:
        target = by_frequency(pd.factorize(y, sort=True)[0].astype(float))
    else:
        target = y.to_numpy(dtype=np.float64)
    return Table(
        kind=task.kind,
        family=task.family,
        values=np.column_stack(columns),
        is_nominal=np.array([task.column_kinds[name] not in _NUMBERS for name in chosen], dtype=bool),
        target=target,
    )


def channels_of(table: Table, rng: np.random.Generator, *, n_pairs: int = N_PAIRS) -> npt.NDArray[np.float32]:
    """Return what the encoder reads, an ndarray of shape (n, P, F): pairs of a column and a class, drawn if too many.

    Of the column: rank and robust value of a number; frequency of a category, and the mean target of the other rows
    with it; whether it is missing, whether it is nominal. Of the class: whether the row is of it, and its share. Of a
    regression, in its place, rank and robust value of the target. No channel depends on the order of categories or on
    what they are called.
    """
    n_classes = table.n_classes
    pairs = _drawn(rng, table.n_columns * n_classes, n_pairs)
    target_ranks, target_values, shares = _targets(table)
    channels = np.zeros((table.n_rows, len(pairs), N_CHANNELS), dtype=np.float32)
    column_of, class_of = np.divmod(pairs, n_classes)
    for column in np.unique(column_of):
        at = np.flatnonzero(column_of == column)
        classes = class_of[at]
        values = table.values[:, column]
        if table.is_nominal[column]:
            frequency, means = _category_channels(values, target_values[:, classes])
            channels[:, at, 2], channels[:, at, 3] = frequency[:, None], means
        else:
            ranks, robust = scaled_number(values)
            channels[:, at, 0], channels[:, at, 1] = ranks[:, None], robust[:, None]
        channels[:, at, 4] = np.isnan(values)[:, None]
    channels[:, :, 5] = table.is_nominal[column_of]
    channels[:, :, 6], channels[:, :, 7] = target_ranks[:, class_of], target_values[:, class_of]
    channels[:, :, 8] = shares[class_of]
    channels[:, :, 9] = not table.kind.is_classification
    return channels


def scaled_number(values: Floats) -> tuple[Floats, Floats]:
    """Return the ranks of numbers, and the numbers over their spread, both (n,), from -1 to 1; missing counts 0."""
    is_there = np.isfinite(values)
    ranks, robust = np.zeros(len(values)), np.zeros(len(values))
    if not is_there.any():
        return ranks, robust
    there = without_unit(values[is_there])[0]
    ordered = np.sort(there)
    below, upto = np.searchsorted(ordered, there, side="left"), np.searchsorted(ordered, there, side="right")
    ranks[is_there] = (below + upto) / len(there) - 1.0
    low, middle, high = np.quantile(ordered, [0.25, 0.5, 0.75])
    spread = (high - low) / 1.349 or there.std()
    if spread > 0:
        with np.errstate(over="ignore"):
            robust[is_there] = np.tanh((there - middle) / (2.0 * spread))
    return ranks, robust


def by_frequency(classes: Floats) -> Floats:
    """Return classes (n,) as numbers from 0, the most frequent one first, equally frequent ones in their order."""
    _, codes, counts = np.unique(classes, return_inverse=True, return_counts=True)
    place = np.empty(len(counts))
    place[np.argsort(-counts, kind="stable")] = np.arange(len(counts))
    return np.asarray(place[codes])


def _targets(table: Table) -> tuple[Floats, Floats, Floats]:
    """Return two channels of the target, (n, k) each, and the shares of the classes, (k,); 0 for a regression."""
    if not table.kind.is_classification:
        ranks, robust = scaled_number(table.target)
        return ranks[:, None], robust[:, None], np.zeros(1)
    is_of = table.target[:, None] == np.arange(table.n_classes)
    signs = np.where(is_of, 1.0, -1.0)
    return signs, signs, np.asarray(is_of.mean(axis=0))


def _category_channels(codes: Floats, targets: Floats) -> tuple[Floats, Floats]:
    """Return the share of rows with the same category, (n,), and the mean target of the others of them, (n, pairs).

    Missing is a category. The mean is told as its distance from that of all rows, and shrunk to it.
    """
    _, groups, counts = np.unique(np.nan_to_num(codes, nan=-1.0), return_inverse=True, return_counts=True)
    usual = targets.mean(axis=0)
    sums = np.zeros((len(counts), targets.shape[1]))
    np.add.at(sums, groups, targets)
    others = sums[groups] - targets + _PRIOR_ROWS * usual
    means = others / (counts[groups] - 1.0 + _PRIOR_ROWS)[:, None]
    return counts[groups] / len(codes), np.asarray(means - usual)


def _read_column(values: pd.Series, kind: ColumnKind) -> Floats:
    """Return a column as numbers (n,), or as codes of its categories; NaN = missing or infinite."""
    if kind is ColumnKind.NUMERIC:
        numbers = np.array(values.to_numpy(), dtype=np.float64)
        numbers[~np.isfinite(numbers)] = np.nan
        return numbers
    if kind is ColumnKind.DATETIME:
        moments = pd.DatetimeIndex(values)
        return np.where(np.asarray(moments.isna()), np.nan, moments.asi8.astype(np.float64))
    codes = pd.factorize(values, sort=True)[0].astype(np.float64)
    return np.where(codes < 0, np.nan, codes)


def _drawn(rng: np.random.Generator, n: int, at_most: int) -> npt.NDArray[np.intp]:
    """Return all of 0 to n - 1, or ``at_most`` of them drawn without replacement, rising."""
    if n <= at_most:
        return np.arange(n)
    return np.sort(rng.choice(n, size=at_most, replace=False, shuffle=False))
