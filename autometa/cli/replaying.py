"""What `autometa benchmark replay` prints."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Self

from autometa.benchmark.replay import ORACLE, Replay
from autometa.benchmark.scores import scores_of
from autometa.cli.drawing import draw_rows
from autometa.cli.output import Format, print_content, print_renderables, say
from autometa.knowledge.frames import Experience

_K_OF_RANKS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A replay and what it was made from.

    Parameters
    ----------
    kind : str
        Kind of its tasks, or "all".
    metric : str or None
        Metric of the losses; None where the kinds have different ones.
    n_configurations : int or None
        Configurations that were looked at; None where the kinds have different ones.
    replay : Replay
        What was found.
    """

    kind: str
    metric: str | None
    n_configurations: int | None
    replay: Replay = field(repr=False)

    @classmethod
    def of(cls, experience: Experience, replay: Replay) -> Self:
        """Return the part of one kind."""
        return cls(
            kind=str(experience.kind),
            metric=experience.metric.name,
            n_configurations=experience.n_configurations,
            replay=replay,
        )

    @classmethod
    def of_all(cls, parts: Sequence["Part"], replay: Replay) -> Self:
        """Return the part of all kinds together."""
        (metric, *others) = {part.metric for part in parts}
        return cls(kind="all", metric=None if others else metric, n_configurations=None, replay=replay)

    @property
    def title(self) -> str:
        """The part in a line."""
        metric = f", {self.metric}" if self.metric else ""
        return (
            f"{self.kind}{metric}: {len(self.replay.tasks)} hidden tasks of {len(set(self.replay.families))} families"
        )


def print_replays(parts: Sequence[Part], form: Format, *, reference: str) -> None:
    """Print the scores of one kind, or of each and, as the last, of all."""
    if form is not Format.TABLE:
        contents = [_content(part, reference) for part in parts]
        print_content(contents[0] if len(parts) == 1 else {"kinds": contents[:-1], "pooled": contents[-1]}, form)
        return
    for part in parts:
        of = f" {part.n_configurations} configurations are looked at" if part.n_configurations is not None else ""
        say(f"{part.title}, {part.replay.n_left_out} left out;{of}".rstrip(";"))
    rows = [row for part in parts for row in _rows(part, reference, with_kind=len(parts) > 1)]
    print_renderables(draw_rows(rows))


def _content(part: Part, reference: str) -> dict[str, object]:
    """Return a part for programs."""
    return {
        "kind": part.kind,
        "metric": part.metric,
        "n_tasks": len(part.replay.tasks),
        "n_families": len(set(part.replay.families)),
        "n_left_out": part.replay.n_left_out,
        "n_configurations": part.n_configurations,
        "reference": reference,
        "seconds": {name: asdict(seconds) for name, seconds in part.replay.seconds.items()},
        "kept": part.replay.kept,
        "scores": [asdict(score) for score in scores_of(part.replay, reference=reference)],
    }


def _rows(part: Part, reference: str, *, with_kind: bool) -> list[dict[str, object]]:
    """Return a row for each method."""
    scores = scores_of(part.replay, reference=reference)
    rows: dict[str, dict[str, object]] = {}
    for score in scores:
        start: dict[str, object] = {"kind": part.kind} if with_kind else {}
        row = rows.setdefault(score.method, {**start, "method": score.method})
        row[f"k = {score.k}"] = f"{score.regret:.3f} ± {score.regret_error:.3f}"
    for score in scores:
        if score.k in (1, _K_OF_RANKS):
            rows[score.method][f"less {reference}, k = {score.k}"] = (
                "" if score.method == reference else f"{score.difference:+.3f} ± {score.difference_error:.3f}"
            )
    for score in scores:
        if score.k == _K_OF_RANKS:
            is_ranked = score.method != ORACLE
            rows[score.method][f"rank, k = {score.k}"] = f"{score.rank:.2f}" if is_ranked else ""
            rows[score.method][f"wins, k = {score.k}"] = f"{score.wins:.0%}" if is_ranked else ""
    for name, row in rows.items():
        seconds = part.replay.seconds[name]
        row |= {"fit s": round(seconds.fit, 1), "propose s": round(seconds.propose, 1)}
    return list(rows.values())
