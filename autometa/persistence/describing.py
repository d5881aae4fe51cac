"""What a model file says of a model beside its predictor, as JSON: how tables are read, and what is predicted."""

from collections.abc import Mapping
from typing import Any  # JSON

from autometa.errors import PersistenceError
from autometa.metric import METRICS
from autometa.persistence.model import Model
from autometa.reading.conforming import ColumnRule, Spelling, TableReader
from autometa.reading.number_styles import NumberStyle
from autometa.task import ColumnKind
from autometa.task_kind import TaskKind


def description_of(model: Model) -> dict[str, Any]:
    """Return the description of a model, in plain values."""
    return {
        "kind": str(model.kind),
        "target": model.target,
        "metric": model.metric,
        "classes": list(model.classes),
        "target_style": model.reader.target_style,
        "columns": [
            {
                "name": name,
                "kind": str(rule.kind),
                "spelling": str(rule.spelling),
                "is_whole": rule.is_whole,
                "date_order": rule.date_order,
                "zone": rule.zone,
                "number_style": rule.number_style,
            }
            for name, rule in model.reader.rules.items()
        ],
    }


def from_description(description: Mapping[str, Any], *, predictor: Any, card: Mapping[str, Any], label: str) -> Model:
    """Return the model that a description, a predictor and a card make.

    Raises
    ------
    PersistenceError
        If something in the description is missing, or makes no sense; ``label`` says of what file.
    """
    try:
        kind, metric = TaskKind(description["kind"]), description["metric"]
        classes = tuple(description["classes"])
        rules = {column["name"]: _rule_of(column) for column in description["columns"]}
        target, target_style = description["target"], _style_of(description, "target_style")
        names = [target, *rules]
        if not rules or not all(isinstance(name, str) for name in (*names, metric)):
            raise ValueError("no columns, or no names")
        if metric in METRICS and kind not in METRICS[metric].kinds:  # else it is a scorer's name, or the user's own
            raise ValueError("no metric of that kind")
        if len(classes) < 2 * kind.is_classification or not all(isinstance(label, str | int) for label in classes):
            raise ValueError("no classes")
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"[:100]
        raise PersistenceError(f"{label} does not describe a model ({reason}); make it anew") from error
    reader = TableReader(rules=rules, target=target, classes=classes, target_style=target_style)
    return Model(predictor=predictor, reader=reader, kind=kind, target=target, metric=metric, card=dict(card))


def _style_of(described: Mapping[str, Any], name: str) -> str:
    """Return a style of numbers; files that are older than styles have none."""
    style = str(described.get(name, ""))
    return str(NumberStyle.parse(style)) if style else ""


def _rule_of(column: Mapping[str, Any]) -> ColumnRule:
    """Return how a column is read."""
    return ColumnRule(
        kind=ColumnKind(column["kind"]),
        spelling=Spelling(column["spelling"]),
        is_whole=bool(column["is_whole"]),
        date_order=str(column["date_order"]),
        zone=str(column["zone"]),
        number_style=_style_of(column, "number_style"),
    )
