"""`autometa benchmark`: is a recommender any good?"""

import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from autometa.cli.drawing import draw_rows
from autometa.cli.options import AlgorithmsOption, DatabaseOption, FormatOption, MetricOption, SeedOption, opened, split
from autometa.cli.output import Format, counting, print_content, print_renderables, say
from autometa.errors import OptionError
from autometa.recommender_names import DEFAULT_RECOMMENDER, RECOMMENDER_NAMES, RECOMMENDERS, recommender_named
from autometa.wish import Wish

if TYPE_CHECKING:
    from autometa.benchmark.judging import FoldLosses, Share, Verdict
    from autometa.benchmark.replay import Method
    from autometa.cli.replaying import Part
    from autometa.knowledge.base import KnowledgeBase
    from autometa.knowledge.frames import Experience
    from autometa.recommenders.base import Recommender

app = typer.Typer(name="benchmark", help="Compare ways to recommend.", no_args_is_help=True)

_REFERENCE = "portfolio"
_RANDOM = "random"
_METHODS = (*RECOMMENDER_NAMES, _RANDOM)
_QUICK = (*RECOMMENDERS, _RANDOM)  # those that train nets are compared where they are asked for
_KINDS = ("binary", "multiclass", "regression")
_ALL = "all"
_MIN_SHARE = 0.5


class Families(StrEnum):
    """Which families are hidden."""

    JUDGEMENT = "judgement"
    OTHERS = "others"
    ALL = "all"


class Pipelines(StrEnum):
    """Whose runs under a protocol are looked at."""

    OURS = "ours"
    OPENML = "openml"


@app.command("import")
def import_(
    source: Annotated[str, typer.Argument(metavar="NAME", help="Whose runs: oboe.")],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where its files lie.")],
    db: DatabaseOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Add the runs of a published database; they stand apart from ours, under a protocol of their own.

    \b
    Example:
      autometa benchmark import oboe oboe
    """
    from autometa.sources.public import PUBLIC_RUNS

    if source not in PUBLIC_RUNS:
        raise OptionError(f"no source '{source}'; choose one of: {', '.join(PUBLIC_RUNS)}")
    with opened(db) as base:
        added = PUBLIC_RUNS[source].add(base, folder)
    content = {"new": added.n_new, "known": added.n_same, "differing": added.n_differing}
    if form is Format.TABLE:
        print_renderables(draw_rows([content]))
    else:
        print_content(content, form)


@app.command("replay")
def replay(  # noqa: PLR0913 - an argument for each option
    kind: Annotated[
        str,
        typer.Option("--kind", help="binary, multiclass, regression, or all three; of a published database: its own."),
    ] = "binary",
    protocol: Annotated[
        str, typer.Option("--protocol", help="cv-v1 or holdout-v1, or the name of a published database.")
    ] = "cv-v1",
    metric: MetricOption = "auto",
    pipelines: Annotated[
        Pipelines,
        typer.Option("--pipelines", help="Whose: ours, or openml for runs of kb import-openml, with their protocol."),
    ] = Pipelines.OURS,
    recommenders: Annotated[
        str, typer.Option("--recommender", metavar="A,B,...", help="Which are compared.")
    ] = ",".join(_QUICK),
    families: Annotated[
        Families,
        typer.Option("--families", help="Which are hidden; published figures are on judgement families."),
    ] = Families.JUDGEMENT,
    at_once: Annotated[
        bool, typer.Option("--at-once", help="Hide all of them at once: every method is fitted once, on the others.")
    ] = False,
    min_share: Annotated[
        float,
        typer.Option("--min-share", metavar="SHARE", help="Only what was tried on so large a share of the tasks."),
    ] = _MIN_SHARE,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", metavar="FILE", help="Draw the regrets, as .png or .svg.", show_default=False),
    ] = None,
    cache: Annotated[
        bool, typer.Option("--cache/--no-cache", help="Keep proposals on disk, and use kept ones.")
    ] = True,
    seed: SeedOption = 0,
    db: DatabaseOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Let recommenders propose for tasks that were hidden from them, and measure their regret.

    Normalised regret after k proposals: (best found - best) / (median - best) of the task, 0 to 1; its mean over the
    tasks, with standard errors over families. Random order and the oracle, which knows the best, stand beside them.
    With --kind all, the tasks of the three kinds are scored together as well.

    \b
    Example:
      autometa benchmark replay --kind regression --families all
    """
    from autometa.cli.replaying import print_replays
    from autometa.sources.public import PUBLIC_RUNS

    start = time.perf_counter()
    if plot is not None:
        from autometa.reporting.regret_plot import check_plot, save_regret_plot

        check_plot(plot)
    methods = _methods(recommenders)
    if at_once:
        methods = [replace(method, n_folds=1) for method in methods]
    with opened(db) as base:
        kinds = _KINDS if kind == _ALL and protocol not in PUBLIC_RUNS else (kind,)
        experiences = [_experience(base, each, metric, protocol, pipelines).of_share(min_share) for each in kinds]
    parts = _replayed(experiences, methods, families, seed=seed, cache=cache)
    whole = parts[-1]
    kept = ", ".join(whole.replay.kept) or "nothing"
    say(f"replayed in {time.perf_counter() - start:.1f} s; kept from before: {kept}")
    if plot is not None:
        save_regret_plot(whole.replay, plot, title=f"{whole.title}, families: {families}")
    print_replays(parts, form, reference=_REFERENCE)


@app.command("judge")
def judge(  # noqa: PLR0913 - an argument for each option
    kinds: Annotated[str, typer.Option("--kind", metavar="A,B,...", help="Kinds of tasks.")] = ",".join(_KINDS),
    metric: MetricOption = "auto",
    recommender: Annotated[
        str, typer.Option("--recommender", help=f"One of: {', '.join(_METHODS)}.")
    ] = DEFAULT_RECOMMENDER,
    families: Annotated[
        Families,
        typer.Option("--families", help="Which are hidden; published figures are on judgement families."),
    ] = Families.JUDGEMENT,
    algorithms: AlgorithmsOption = None,
    seed: SeedOption = 0,
    db: DatabaseOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Judge the first advice on tasks that were hidden: does it beat the defaults, and do its intervals hold?

    A tie: within one standard error of the differences of the folds. Each share with its 95 % interval.

    \b
    Example:
      autometa benchmark judge --kind binary --families all
    """
    from autometa.benchmark.judging import judge as run
    from autometa.evaluation.protocol import CV_V1

    (method,) = _methods(recommender, with_reference=False)
    allowed = Wish(algorithms=split(algorithms)).allowed
    verdicts: dict[str, list[Verdict]] = {}
    with opened(db) as base, counting() as report:
        for kind in split(kinds) or []:
            experience = _experience(base, kind, metric, CV_V1.name).of_share(_MIN_SHARE)
            hidden = _hidden(experience, families)
            folds = _folds(base, experience, hidden)
            verdicts[kind] = run(
                experience,
                folds,
                method,
                families=hidden,
                algorithms=allowed,
                seed=seed,
                report=partial(report, kind),
            )
    if len(verdicts) > 1:
        verdicts["all"] = [verdict for own in verdicts.values() for verdict in own]
    rows = {kind: _judgement(own) for kind, own in verdicts.items()}
    if form is Format.TABLE:
        names = next(iter(rows.values()))
        print_renderables(
            draw_rows([{"": name, **{kind: _said(row[name]) for kind, row in rows.items()}} for name in names])
        )
    else:
        content = {
            kind: {
                name: asdict(value) | {"share": value.value, "interval": value.interval} for name, value in row.items()
            }
            for kind, row in rows.items()
        }
        print_content({"recommender": method.name, "families": str(families), "kinds": content}, form)


def _folds(base: "KnowledgeBase", experience: "Experience", hidden: set[str]) -> "FoldLosses":
    """Return the losses of the folds of all that was measured on the tasks of some families."""
    from autometa.evaluation.protocol import CV_V1
    from autometa.pipelines.building import PIPELINES_VERSION

    folds = {}
    for known in experience.descriptions:
        if known.family in hidden:
            for each in base.evaluations_of(
                known.fingerprint, protocol=CV_V1.name, pipelines_version=PIPELINES_VERSION
            ):
                scores = each.fold_scores.get(experience.metric.name, ())
                if each.seed == 0 and scores:
                    folds[known.fingerprint, each.configuration.key] = np.array(
                        [experience.metric.loss(score) for score in scores]
                    )
    return folds


def _judgement(verdicts: "list[Verdict]") -> "dict[str, Share]":
    """Return the shares of one kind."""
    from autometa.benchmark.judging import Outcome, coverage_of, flattered_of, share_of
    from autometa.probing import DEFAULTS

    return {
        "score in its interval": coverage_of(verdicts),
        "gain in its interval": coverage_of(verdicts, of_gains=True),
        "score worse than predicted": flattered_of(verdicts),
        **{
            f"{each} than {default}{', probed' * with_probe}": share_of(each, default, verdicts, with_probe=with_probe)
            for with_probe in (False, True)
            for default in DEFAULTS
            for each in (Outcome.BETTER, Outcome.WORSE)
        },
    }


def _said(share: "Share") -> str:
    """Return a share as people read it."""
    low, high = share.interval
    return f"{share.value:.0%} of {share.n_of} ({low:.0%} to {high:.0%})"


def _replayed(
    experiences: "Sequence[Experience]", methods: "Sequence[Method]", families: Families, *, seed: int, cache: bool
) -> "list[Part]":
    """Return the replay of each experience and, as the last of several, all of them together."""
    from autometa.benchmark.keeping import replay_folder
    from autometa.benchmark.pooling import pooled
    from autometa.benchmark.replay import replay as run
    from autometa.cli.replaying import Part

    folder = replay_folder() if cache else None
    with counting() as report:
        replays = [
            run(each, methods, families=_hidden(each, families), seed=seed, report=report, folder=folder)
            for each in experiences
        ]
    parts = [Part.of(experience, own) for experience, own in zip(experiences, replays, strict=True)]
    return parts if len(parts) == 1 else [*parts, Part.of_all(parts, pooled(replays))]


def _methods(names: str, *, with_reference: bool = True) -> "list[Method]":
    """Return the methods that an option names, the reference before and random order after them if asked for."""
    from autometa.benchmark.replay import Method
    from autometa.recommenders.random_order import RandomOrder

    wanted = split(names) or []
    for name in wanted:
        if name not in _METHODS:
            raise OptionError(f"no recommender '{name}'; choose from: {', '.join(_METHODS)}")
    named = dict.fromkeys((_REFERENCE, *wanted, _RANDOM) if with_reference else wanted)
    makers: dict[str, type[Recommender]] = {
        name: RandomOrder if name == _RANDOM else recommender_named(name) for name in named
    }
    return [Method(name=name, make=make, n_folds=make.n_folds) for name, make in makers.items()]


def _experience(
    base: "KnowledgeBase", kind: str, metric: str, protocol: str, pipelines: Pipelines = Pipelines.OURS
) -> "Experience":
    """Return what is stored of one kind under one protocol, ours or another's."""
    from autometa.evaluation.protocol import PROTOCOLS
    from autometa.metafeatures import EXTRACTION_VERSION
    from autometa.metric import get_metric
    from autometa.pipelines.building import PIPELINES_VERSION
    from autometa.sources.public import PUBLIC_RUNS
    from autometa.task_kind import TaskKind

    if pipelines is Pipelines.OPENML:
        return _of_openml(base, kind, metric, protocol)
    if protocol in PUBLIC_RUNS:
        runs = PUBLIC_RUNS[protocol]
        of_kind, name, version, features = runs.kind, runs.metric, runs.version, runs.version
    elif protocol in PROTOCOLS:
        if kind not in list(TaskKind):
            raise OptionError(f"no kind '{kind}'; choose one of: {', '.join(TaskKind)}; replay has {_ALL} too")
        of_kind, name, version, features = TaskKind(kind), metric, PIPELINES_VERSION, EXTRACTION_VERSION
    else:
        raise OptionError(f"no protocol '{protocol}'; choose one of: {', '.join((*PROTOCOLS, *PUBLIC_RUNS))}")
    return base.experience(
        of_kind,
        get_metric(name, of_kind),
        protocol=protocol,
        pipelines_version=version,
        metafeatures_version=features,
    )


def _of_openml(base: "KnowledgeBase", kind: str, metric: str, protocol: str) -> "Experience":
    """Return the runs of one kind that were imported from OpenML under one protocol."""
    from autometa.metric import get_metric
    from autometa.sources.openml.stored import METAFEATURES_VERSION, PIPELINES_VERSION, protocols_of
    from autometa.task_kind import TaskKind

    if kind not in list(TaskKind):
        raise OptionError(f"no kind '{kind}'; choose one of: {', '.join(TaskKind)}; replay has {_ALL} too")
    known = protocols_of(base)
    if protocol not in known:
        found = f"there are: {', '.join(known)}" if known else "import some with: autometa kb import-openml"
        raise OptionError(f"no runs of OpenML under the protocol '{protocol}'; {found}")
    return base.experience(
        TaskKind(kind),
        get_metric(metric, TaskKind(kind)),
        protocol=protocol,
        pipelines_version=PIPELINES_VERSION,
        metafeatures_version=METAFEATURES_VERSION,
    )


def _hidden(experience: "Experience", families: Families) -> set[str]:
    """Return the families that are hidden."""
    from autometa.benchmark.replay import is_judgement

    if families is Families.ALL:
        return set(experience.families)
    wanted = families is Families.JUDGEMENT
    return {family for family in experience.families if is_judgement(family) is wanted}
