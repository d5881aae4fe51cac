"""`autometa leaderboard`."""

from typing import Any

from autometa.cli.models import ModelArgument, leaderboard_notes, leaderboard_rows
from autometa.cli.output import Format, FormatOption, print_content, print_renderables
from autometa.errors import PersistenceError
from autometa.persistence import read_card
from autometa.reading.wording import count
from autometa.task import ColumnKind

_MOST_IMPORTANCES = 10


def leaderboard(model: ModelArgument, form: FormatOption = Format.TABLE) -> None:
    """Show what was tried for a model file, how well the model does, and which columns it rests on.

    Nothing in the file is restored, so it may be anybody's.

    \b
    Example:
      autometa leaderboard model.skops
    """
    card, is_ours = read_card(model)
    if form is not Format.TABLE:
        print_content({**card, "made_here": is_ours}, form)
        return
    try:
        drawn = _drawn(card, is_ours=is_ours)
    except (TypeError, ValueError, AttributeError, LookupError) as error:  # anybody can write a card
        raise PersistenceError(f"the card of {model} is not as autometa writes them: {error}") from error
    print_renderables(*drawn)


def _drawn(card: dict[str, Any], *, is_ours: bool) -> list[Any]:  # Any: of rich
    """Return what is shown of a card."""
    from autometa.cli.drawing import draw_notes, draw_rows

    drawn: list[Any] = [*draw_notes([line for line in _lines(card) if line])]
    if not is_ours:
        drawn += draw_notes(["not made by you on this machine, so all of this is what its maker says"])
    leaderboard = card.get("leaderboard") or []
    tried = leaderboard_rows(leaderboard, str(card.get("metric", "score")))
    for rows in (tried, _importances(card)):
        if rows:
            drawn += ["", draw_rows(rows)]
    notes = [*leaderboard_notes(leaderboard)]
    if card.get("importances") == []:
        notes.append("which columns it rests on was not measured: there was no time, or its rows define no score")
    return [*drawn, "", *draw_notes(notes)] if notes else drawn


def _lines(card: dict[str, Any]) -> list[str]:
    """Return the main lines of a card, empty where it does not say."""
    columns = card.get("columns") or []
    n_identifiers = sum(column.get("kind") == ColumnKind.IDENTIFIER for column in columns)
    left_out = f", {n_identifiers} left out as identifier" if n_identifiers else ""
    configurations = [item.get("algorithm", "?") for item in card.get("configurations") or []]
    return [
        f"{card.get('kind', '?')}: predicts {card.get('target', '?')} of "
        f"{count(len(columns) - n_identifiers, 'column')}{left_out}",
        f"trained on {card['n_rows']:,} rows of {card.get('task', '?')} [{card.get('fingerprint', '')[:12]}]"
        if "n_rows" in card
        else "",
        _score(card),
        f"made of: {', '.join(configurations)}" if configurations else "",
        f"by autometa {card.get('autometa', '?')} at {card.get('created_at', '?')}: {card.get('command', '')}",
    ]


def _score(card: dict[str, Any]) -> str:
    """Return the cross-validated score with its deviation over the folds, or that on rows held out once."""
    from autometa.cli.drawing import short

    if card.get("score") is None:
        return ""
    metric, score = card.get("metric", "score"), short(card["score"])
    if card.get("score_std") is None:
        return f"{metric} on rows held out: {score}"
    return f"cross-validated {metric}: {score} (+- {short(card['score_std'])} over the folds)"


def _importances(card: dict[str, Any]) -> list[dict[str, str]]:
    """Return the columns that the score depends on most, for people."""
    from autometa.cli.drawing import short

    name = card.get("importances_metric", card.get("metric", "score"))
    return [
        {
            "column": str(row["column"]),
            f"{name} lost if shuffled": short(row["importance"]),
        }
        for row in (card.get("importances") or [])[:_MOST_IMPORTANCES]
    ]
