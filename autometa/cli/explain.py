"""`autometa explain`."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autometa.advisor import Advisor
from autometa.cli.drawing import draw_recommendation, draw_rows
from autometa.cli.importing import MEASURING, load
from autometa.cli.options import (
    AlgorithmsOption,
    CategoricalOption,
    DataArgument,
    DatabaseOption,
    FormatOption,
    IgnoreOption,
    KindOption,
    MaxFitTimeOption,
    MaxMemoryOption,
    MaxRowsOption,
    MetricOption,
    NumberOption,
    OfflineOption,
    PositiveOption,
    RecommenderOption,
    SeedOption,
    TargetOption,
    given,
    opened,
    split,
)
from autometa.cli.output import Format, print_content, print_renderables
from autometa.cli.recommend import recommendation_content
from autometa.evaluation.protocol import CV_V1
from autometa.recommender_names import DEFAULT_RECOMMENDER, recommender_named
from autometa.recommenders.explaining import explain as explained
from autometa.sources.tables import as_task
from autometa.task import Task
from autometa.wish import Wish

if TYPE_CHECKING:
    from autometa.reporting.expecting import Expected
    from autometa.reporting.page import Report


def explain(  # noqa: PLR0913 - an argument for each option
    data: DataArgument,
    target: TargetOption = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write a page that needs nothing else.", show_default=False),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace that file.", show_default=False)] = False,
    k: NumberOption = 10,
    metric: MetricOption = "auto",
    task: KindOption = None,
    ignore_columns: IgnoreOption = None,
    categorical: CategoricalOption = None,
    positive_class: PositiveOption = None,
    max_rows: MaxRowsOption = None,
    offline: OfflineOption = False,
    max_fit_time: MaxFitTimeOption = None,
    max_memory: MaxMemoryOption = None,
    algorithms: AlgorithmsOption = None,
    recommender: RecommenderOption = DEFAULT_RECOMMENDER,
    db: DatabaseOption = None,
    seed: SeedOption = 0,
    form: FormatOption = Format.TABLE,
) -> None:
    """Explain a recommendation: why these pipelines, what to expect of them, where the table lies among known ones.

    \b
    Example:
      autometa explain data/examples/diabetes.csv --target progression -k 5 --html report.html
    """
    from autometa.reporting.saving import check_place

    if html is not None:
        check_place(html, force=force)
    table = as_task(data, **given(target, task, ignore_columns, categorical, positive_class, max_rows, offline))
    load(*MEASURING)
    wish = Wish(
        metric=metric,
        k=k,
        max_fit_seconds=max_fit_time,
        max_memory=max_memory,
        algorithms=split(algorithms),
        seed=seed,
    )
    report = _report(table, wish, db, recommender)
    if html is None:
        _print(table, report, form)
    else:
        _write(report, html, force, form)


def _write(report: "Report", html: Path, force: bool, form: Format) -> None:
    """Write the page, and print where it is."""
    from autometa.reporting.page import render
    from autometa.reporting.saving import save

    save(render(report), html, force=force)
    content = {"file": str(html), "pipelines": len(report.recommendation)}
    if form is Format.TABLE:
        print_renderables(draw_rows([content]))
    else:
        print_content(content, form)


def _report(table: Task, wish: Wish, db: str | None, recommender: str) -> "Report":
    """Return all that is to be said about a table."""
    from autometa.benchmark.keeping import replay_folder
    from autometa.reporting.expecting import expect
    from autometa.reporting.landscape import survey
    from autometa.reporting.page import Report

    with opened(db) as base:
        advisor = Advisor(base, recommender=recommender)
        recommendation, grounds = advisor.recommend_with_grounds(table, wish)
        experience = advisor.experience(recommendation, wish)
    return Report(
        heading=(
            f"{table.n_rows:,} rows x {table.n_columns:,} columns",
            f"{table.kind}: predict {table.target}; metric {recommendation.metric.name}",
        ),
        recommendation=recommendation,
        explanation=explained(experience, recommendation, wish.seed),
        landscape=survey(experience, recommendation),
        expected=expect(
            experience,
            recommender_named(recommender),
            wish.seed,
            folder=replay_folder(),
            allowed={each.key for each in grounds.candidates} if grounds.is_restricted else None,
        ),
        recommender=recommender,
    )


def _print(table: Task, report: "Report", form: Format) -> None:
    """Print a report."""
    if form is not Format.TABLE:
        content = recommendation_content(table, report.recommendation, report.explanation)
        print_content({**content, "expected": _expected_content(report.expected)}, form)
        return
    drawn = draw_recommendation(table, report.recommendation, explanation=report.explanation)
    print_renderables(*drawn, "", "[bold]what to expect of following it[/]")
    if isinstance(report.expected, str):
        print_renderables(f"not known: {report.expected}")
        return
    expected = report.expected
    print_renderables(
        f"mean regret on {expected.n_tasks} known tasks of {expected.n_families} families, each hidden in turn while "
        f"the list was made, all by runs on at most {CV_V1.row_limit} rows, ± one standard error",
        draw_rows(
            [
                {
                    "tried": step + 1,
                    "the advice": f"{expected.advice[step]:.3f} ± {expected.advice_error[step]:.3f}",
                    "random order": f"{expected.chance[step]:.3f} ± {expected.chance_error[step]:.3f}",
                }
                for step in range(len(expected.advice))
            ]
        ),
    )


def _expected_content(expected: "Expected | str") -> dict[str, Any]:  # Any: JSON
    """Return the JSON of what to expect."""
    if isinstance(expected, str):
        return {"reason": expected}
    return {
        name: value if isinstance(value, int) else [float(f"{each:.6g}") for each in value]
        for name, value in asdict(expected).items()
    }
