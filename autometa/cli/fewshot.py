"""`autometa fewshot`: meta-learners, trained and kept."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from autometa._optional import require
from autometa.cli.options import DatabaseOption, FormatOption, MetricOption, SeedOption, opened
from autometa.cli.output import Format, counting, print_content, print_rows, say
from autometa.errors import OptionError
from autometa.fewshot.catalogue import LEARNERS, load
from autometa.task_kind import TaskKind

if TYPE_CHECKING:
    from autometa.fewshot.assessing import Assessment
    from autometa.fewshot.recommender import MetaLearner
    from autometa.knowledge.base import KnowledgeBase
    from autometa.knowledge.frames import Experience

app = typer.Typer(
    name="fewshot", help="Train meta-learners, which learn to learn from a few results.", no_args_is_help=True
)

_NONE, _JUDGEMENT = "none", "judgement"

LearnerOption = Annotated[str, typer.Option("--learner", help=f"One of: {', '.join(LEARNERS)}.")]
KindOption = Annotated[TaskKind, typer.Option("--kind", help="Kind of the tasks.")]
LeaveOutOption = Annotated[
    str,
    typer.Option("--leave-out", metavar="FAMILIES", help="none, or judgement: those that published figures are from."),
]
RoundsOption = Annotated[
    int | None, typer.Option("--rounds", help="Most rounds of training; it ends before if nothing is gained.")
]
DeviceOption = Annotated[str, typer.Option("--device", help="cpu, cuda or mps.")]


@app.command("train")
def train(  # noqa: PLR0913 - an argument for each option
    learner: LearnerOption = "deep_kernel",
    kind: KindOption = TaskKind.BINARY,
    metric: MetricOption = "auto",
    leave_out: LeaveOutOption = _NONE,
    rounds: RoundsOption = None,
    device: DeviceOption = "cpu",
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Where weights go; default: your own folder.", show_default=False),
    ] = None,
    seed: SeedOption = 0,
    db: DatabaseOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Train a meta-learner on past runs and keep its weights; recommend uses them while these runs are the same.

    \b
    Example:
      autometa fewshot train --learner deep_kernel --kind multiclass --rounds 1
    """
    made = _made(learner, rounds, device)
    with opened(db) as base:
        experience, families = _parts(_experience(base, kind, metric), leave_out)
        place = base.place
    with counting() as report:
        made.report = _reporter(report, made.effort.n_rounds)
        made.fit_anew(experience, seed)
    _check_trained(made, experience)
    from autometa.evaluation.record import library_versions
    from autometa.fewshot.keeping import keep

    trained = getattr(made, "trained_", None)
    figures = {"loss": trained.loss, "rounds": trained.n_rounds, "seconds": trained.seconds} if trained else {}
    card = {
        "learner": made.name,
        "version": made.version,
        "kind": str(kind),
        "metric": experience.metric.name,
        "base": str(place),
        "revision": experience.revision,
        "digest": made.digest_,
        "n_tasks": experience.n_tasks,
        "left_out": sorted(families),
        "seed": seed,
        "figures": figures,
        "versions": library_versions(),
    }
    file = keep(made.state(), card, out)
    content = {
        "learner": learner,
        "tasks": experience.n_tasks,
        "families left out": len(families),
        **figures,
        "file": str(file),
    }
    _print_one(content, form)


@app.command("train-encoder")
def train_own_encoder(  # noqa: PLR0913 - an argument for each option
    place: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="PLACE",
            help="An index.csv, a folder of tables, or one table: those that the base knows are learned from.",
            show_default=False,
        ),
    ] = None,
    leave_out: LeaveOutOption = _NONE,
    rounds: RoundsOption = None,
    device: DeviceOption = "cpu",
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Write weights there, and go on with the encoder in force."),
    ] = None,
    seed: SeedOption = 0,
    db: DatabaseOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Train a task encoder of your own on past runs, by which tasks are then compared in place of the shipped one.

    The known tasks get their embeddings in the base. Without --from the branch that reads tables is not trained, and
    meta-features speak alone. To go back to the shipped encoder, remove the file.

    \b
    Example:
      autometa fewshot train-encoder --rounds 1 --out encoder.safetensors
    """
    from autometa.benchmark.replay import is_judgement
    from autometa.evaluation.record import library_versions
    from autometa.fewshot.catalogue import EXTRA

    require("torch", extra=EXTRA)
    from autometa.fewshot.encoder.learning import EFFORT, train_encoder
    from autometa.fewshot.encoder.own import N_ROWS, encoder_tasks, put_in_force, version_of
    from autometa.fewshot.encoder.tables import read_table
    from autometa.growing.tables import known_tasks

    _check_leave_out(leave_out)
    effort = replace(EFFORT, device=device, n_rounds=EFFORT.n_rounds if rounds is None else rounds)
    with opened(db) as base:
        known = {} if place is None else known_tasks(place, base)
        tasks = encoder_tasks(base, {name: read_table(task, n_rows=N_ROWS) for name, task in known.items()})
        left_out = sorted({each for each in tasks.families if leave_out == _JUDGEMENT and is_judgement(each)})
        rows = np.flatnonzero([family not in left_out for family in tasks.families])
        with counting() as report:
            trained = train_encoder(
                tasks.of_rows(rows),
                seed=seed,
                effort=effort,
                report=lambda number, loss, _: report(f"loss {loss:.4f}", number, effort.n_rounds),
            )
        n_tables = sum(tasks.tables[row] is not None for row in rows)
        about = {
            "n_tasks": len(rows),
            "n_tables": n_tables,
            "base": str(base.place),
            "left_out": left_out,
            "seed": seed,
            "versions": library_versions(),
        }
        if out is None:
            file, n_embedded = put_in_force(trained, base, tasks, known, about)
        else:
            trained.save(out, version=version_of(trained), about=about)
            file, n_embedded = out, 0
    for note in trained.notes:
        say(note)
    content = {
        "tasks": len(rows),
        "families left out": len(left_out),
        "tables": n_tables,
        "embeddings stored": n_embedded,
        "file": str(file),
    }
    _print_one(content, form)


@app.command("status")
def status(form: FormatOption = Format.TABLE) -> None:
    """Show the weights that are kept in your own folder, and what they were learned from.

    \b
    Example:
      autometa fewshot status
    """
    from autometa.fewshot.keeping import kept_files

    rows = [
        {
            "learner": str(each.card.get("learner", "")),
            "kind": str(each.card.get("kind", "")),
            "metric": str(each.card.get("metric", "")),
            "tasks": each.card.get("n_tasks"),
            "left out": len(each.card.get("left_out") or []),
            "revision": each.card.get("revision"),
            "loss": (each.card.get("figures") or {}).get("loss"),
            "file": str(each.path),
            "refused": each.refusal,
        }
        for each in kept_files()
    ]
    if not rows:
        say("no weights are kept; train a meta-learner with: autometa fewshot train")
    print_rows(rows, form)


@app.command("evaluate")
def evaluate(  # noqa: PLR0913 - an argument for each option
    learner: LearnerOption = "deep_kernel",
    kind: KindOption = TaskKind.BINARY,
    metric: MetricOption = "auto",
    rounds: RoundsOption = None,
    device: DeviceOption = "cpu",
    seed: SeedOption = 0,
    db: DatabaseOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Measure how well a meta-learner expects costs on judgement families, which are hidden from it.

    Each task after several drawn sets of 0 to 8 results: the mean negative log density of the other costs, their root
    mean squared error, and how many lie in the middle nine tenths of what is expected. The average over tasks, which
    learns from no result, stands beside it. Weights that were trained with --leave-out judgement on the same runs are
    taken up, unless --rounds is given; without them it is trained first.

    \b
    Example:
      autometa fewshot evaluate --learner deep_kernel --kind multiclass --rounds 1
    """
    from autometa.fewshot.assessing import assess
    from autometa.recommenders.average import BestOnAverage

    made = _made(learner, rounds, device)
    with opened(db) as base:
        whole = _experience(base, kind, metric)
    experience, families = _parts(whole, _JUDGEMENT)
    hidden = whole.without(sorted(set(whole.families) - families))
    if hidden.n_tasks == 0 or experience.n_tasks == 0:
        raise OptionError(f"no {kind} task is left to judge by, or to learn from; add runs with: autometa kb grow")
    with counting() as report:
        made.report = _reporter(report, made.effort.n_rounds)
        (made.fit if rounds is None else made.fit_anew)(experience, seed)
    _check_trained(made, experience)
    say("trained anew" if hasattr(made, "trained_") else "weights that were kept are taken up")
    average = BestOnAverage().fit(experience, seed)
    rows = [_row(name, assess(each, hidden, seed)) for name, each in ((learner, made), (average.name, average))]
    print_rows(rows, form)


def _row(name: str, found: "Assessment") -> dict[str, object]:
    """Return a row of figures."""
    return {
        "learner": name,
        "tasks": len(found.families),
        "loss": round(float(found.losses.mean()), 4),
        "error": round(float(found.errors.mean()), 4),
        "inside": round(float(found.inside.mean()), 3),
    }


def _print_one(content: dict[str, object], form: Format) -> None:
    """Print what one training came to: a row of a table, or an object."""
    if form is Format.TABLE:
        print_rows([content], form)
    else:
        print_content(content, form)


def _made(name: str, rounds: int | None, device: str) -> "MetaLearner":
    """Return an unfitted meta-learner."""
    made = load(name)()
    from autometa.fewshot.devices import device_of

    device_of(device)
    made.effort = replace(made.effort, device=device, n_rounds=made.effort.n_rounds if rounds is None else rounds)
    return made


def _check_trained(made: "MetaLearner", experience: "Experience") -> None:
    """Raise unless there was enough to learn from."""
    if not made.is_trained_:
        raise OptionError(
            f"{len(set(experience.families))} families and {experience.n_configurations} configurations of "
            f"{experience.kind} tasks are too few to learn to learn from; add runs with: autometa kb grow"
        )


def _experience(base: "KnowledgeBase", kind: TaskKind, metric: str) -> "Experience":
    """Return what recommend learns from."""
    from autometa.evaluation.protocol import CV_V1
    from autometa.fewshot.encoder.inference import version_in_force
    from autometa.metric import get_metric
    from autometa.pipelines.building import PIPELINES_VERSION

    return base.experience(
        kind,
        get_metric(metric, kind),
        protocol=CV_V1.name,
        pipelines_version=PIPELINES_VERSION,
        embedding_version=version_in_force(),
    )


def _parts(experience: "Experience", leave_out: str) -> "tuple[Experience, set[str]]":
    """Return what is learned from, and the families that are left out."""
    from autometa.benchmark.replay import is_judgement

    _check_leave_out(leave_out)
    families = {family for family in experience.families if leave_out == _JUDGEMENT and is_judgement(family)}
    left = experience.without(sorted(families))
    if left.n_tasks == 0:
        raise OptionError("no task is left to learn from; add runs with: autometa kb grow")
    return left, families


def _check_leave_out(leave_out: str) -> None:
    """Raise unless these are families that can be left out."""
    if leave_out not in (_NONE, _JUDGEMENT):
        raise OptionError(f"no families '{leave_out}' to leave out; choose one of: {_NONE}, {_JUDGEMENT}")


def _reporter(report: Callable[[str, int, int], None], n_rounds: int) -> Callable[[int, float, float], None]:
    """Return what tells a training's rounds to a progress bar."""
    return lambda number, _, kept: report(f"loss {kept:.4f}", number, n_rounds)
