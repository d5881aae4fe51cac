"""What meta-features tell the encoder of a task, as numbers of about one.

Shapes: T tasks, C numbers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import numpy.typing as npt

from autometa.recommenders.landmarks import log_ratios
from autometa.task import TaskDescription
from autometa.task_kind import TaskKind

CLIP = 3.0  # robust standard deviations: one odd meta-feature must not decide alone
MIN_SHARE = 0.1  # of the tasks that have a meta-feature, below which it is left out: some are of one kind alone

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TaskNumbers:
    """Scales by which meta-features, and ratios of quick learners' losses, become comparable; then the kind of task.

    Parameters
    ----------
    names : tuple of str
        The meta-features, first those and then the pairs of learners.
    is_compared : ndarray of bool, shape (n_pairs,)
        Pairs of quick learners whose ratio is used, see `autometa.recommenders.landmarks.log_ratios`.
    centre, scale : ndarray of shape (C - 3,)
        Median, and interquartile range over 1.349, of each over the known tasks that have it.

    Examples
    --------
    >>> known = [
    ...     TaskDescription(
    ...         name=str(n), fingerprint=str(n), family="", kind=TaskKind.BINARY, n_rows=9, n_columns=9,
    ...         metafeatures={"nr_inst": float(n)},
    ...     )
    ...     for n in range(5)
    ... ]
    >>> TaskNumbers.of(known).transform(known[:1]).round(2).tolist()
    [[-1.35, 1.0, 0.0, 0.0]]
    """

    names: tuple[str, ...]
    is_compared: npt.NDArray[np.bool_] = field(repr=False)
    centre: Floats = field(repr=False)
    scale: Floats = field(repr=False)

    @classmethod
    def of(cls, descriptions: Sequence[TaskDescription]) -> Self:
        """Return the scales of known tasks; what does not vary, or few have, is left out."""
        names = sorted({name for each in descriptions for name in each.metafeatures})
        values = _table(descriptions, names)
        ratios = log_ratios(descriptions)
        both = np.hstack([values, ratios])
        finite = np.where(np.isfinite(both), both, np.nan)
        is_used = np.zeros(both.shape[1], dtype=bool)
        centre, scale = np.zeros(both.shape[1]), np.ones(both.shape[1])
        for column in np.flatnonzero(np.isfinite(both).mean(axis=0) >= MIN_SHARE):
            there = finite[~np.isnan(finite[:, column]), column]
            low, centre[column], high = np.quantile(there, [0.25, 0.5, 0.75])
            scale[column] = (high - low) / 1.349 or there.std()
            is_used[column] = there.min() < there.max() and scale[column] > 0
        is_named = is_used[: len(names)]
        return cls(
            names=tuple(name for name, kept in zip(names, is_named, strict=True) if kept),
            is_compared=is_used[len(names) :],
            centre=centre[is_used],
            scale=scale[is_used],
        )

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[np.generic]], names: Sequence[str]) -> Self:
        """Return what `arrays` gave, for the names of the meta-features."""
        return cls(
            names=tuple(names),
            is_compared=np.asarray(arrays["numbers.is_compared"], dtype=bool),
            centre=np.asarray(arrays["numbers.centre"], dtype=np.float64),
            scale=np.asarray(arrays["numbers.scale"], dtype=np.float64),
        )

    @property
    def n_numbers(self) -> int:
        """C."""
        return len(self.centre) + len(TaskKind)

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return all but the names."""
        return {
            "numbers.is_compared": self.is_compared,
            "numbers.centre": self.centre,
            "numbers.scale": self.scale,
        }

    def transform(self, descriptions: Sequence[TaskDescription]) -> Floats:
        """Return an ndarray of shape (T, C) without NaN; what is missing counts as the median."""
        values = np.hstack([_table(descriptions, self.names), log_ratios(descriptions)[:, self.is_compared]])
        with np.errstate(invalid="ignore", over="ignore"):
            scaled = (values - self.centre) / self.scale
        scaled = np.clip(np.nan_to_num(scaled, nan=0.0, posinf=CLIP, neginf=-CLIP), -CLIP, CLIP)
        kinds = np.array([[each.kind is kind for kind in TaskKind] for each in descriptions], dtype=float)
        return np.hstack([scaled, kinds.reshape(len(descriptions), len(TaskKind))])


def _table(descriptions: Sequence[TaskDescription], names: Sequence[str]) -> Floats:
    """Return the named meta-features, (T, n_names), NaN = missing."""
    rows = [[each.metafeatures.get(name, np.nan) for name in names] for each in descriptions]
    return np.array(rows, dtype=float).reshape(len(descriptions), len(names))
