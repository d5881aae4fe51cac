"""The kinds of task: binary, multiclass, regression."""

from enum import StrEnum


class TaskKind(StrEnum):
    """What is predicted: one of two classes, one of more classes, or a number."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"

    @property
    def is_classification(self) -> bool:
        """Whether the target is a class."""
        return self is not TaskKind.REGRESSION


CLASSIFICATION = frozenset({TaskKind.BINARY, TaskKind.MULTICLASS})
