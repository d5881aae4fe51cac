"""`ReadOptions`: what a user says of a table beside the table itself."""

from collections.abc import Sequence
from dataclasses import dataclass

from autometa.errors import DataError, OptionError
from autometa.reading.target import find_target, offer_names, parse_kind
from autometa.reading.wording import quote
from autometa.task_kind import TaskKind


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """What a user says of a table; the meaning of each is that of `read_task`.

    Raises
    ------
    OptionError
        If the kind is none, or the number of rows is too small.
    """

    target: str | int | None = None
    kind: TaskKind | str | None = None
    ignore_columns: Sequence[str] = ()
    categorical: Sequence[str] = ()
    positive_class: str | None = None
    max_rows: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", parse_kind(self.kind))
        for name in ("ignore_columns", "categorical"):
            given = getattr(self, name)
            object.__setattr__(self, name, (given,) if isinstance(given, str) else tuple(given))
        if self.max_rows is not None and self.max_rows < 2:
            raise OptionError(f"a sample of {self.max_rows} rows teaches nothing; ask for 2 rows or more")

    @property
    def asks_for_classes(self) -> bool:
        """Whether a classification is wanted, of whatever number of classes."""
        return self.kind not in (None, TaskKind.REGRESSION)

    def pick_target(self, names: Sequence[str]) -> int:
        """Return the position of the target among the columns: by default the last that is not ignored."""
        if self.target is not None:
            return find_target(names, self.target)
        kept = [position for position, name in enumerate(names) if name not in self.ignore_columns]
        return kept[-1] if kept else len(names) - 1

    def check_names(self, names: Sequence[str], target: str) -> None:
        """Raise unless the columns named are there, and the target is not among them.

        Raises
        ------
        DataError
            If there is no such column; the closest names are offered.
        OptionError
            If the target is to be ignored, or to be a category.
        """
        for name in (*self.ignore_columns, *self.categorical):
            if name == target and name in self.ignore_columns:
                raise OptionError(f"the target {quote(name)} cannot be ignored; name another target")
            if name == target:
                raise OptionError(f"the target {quote(name)} is made classes by its kind; ask for classification")
            if name not in names:
                raise DataError(f"there is no column {quote(name)}; {offer_names(names, name)}")
