"""`autometa recommend`."""

import json
from dataclasses import asdict
from typing import Annotated, Any

import typer

from autometa._passwords import hide_passwords
from autometa.advisor import Advisor
from autometa.cli.drawing import draw_recommendation
from autometa.cli.importing import MEASURING, load
from autometa.cli.options import (
    AlgorithmsOption,
    CategoricalOption,
    DataArgument,
    DatabaseOption,
    ExcludeOriginOption,
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
    ProbeOption,
    RecommenderOption,
    SeedOption,
    TargetOption,
    TradeOffOption,
    WeightOriginOption,
    given,
    opened,
    split,
    task_content,
    weights_of,
)
from autometa.cli.output import Format, clock, print_content, print_renderables
from autometa.cli.refining import (
    JobsOption,
    RecordOption,
    RefineOption,
    StorageOption,
    TrialsOption,
    refined_recommendation,
    refinement_content,
    refining_plan,
)
from autometa.evaluation.record import Status
from autometa.recommender_names import DEFAULT_RECOMMENDER
from autometa.recommenders.explaining import Explanation
from autometa.recommenders.explaining import explain as explained
from autometa.recommenders.recommendation import Advice, PredictedGain, Probe, Recommendation
from autometa.recommenders.trading import TradeOff
from autometa.sources.openml.reading import Reference, is_at_openml
from autometa.sources.tables import as_task
from autometa.task import Task
from autometa.wish import Wish


def recommend(  # noqa: PLR0913 - an argument for each option
    data: DataArgument,
    target: TargetOption = None,
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
    exclude_origin: ExcludeOriginOption = None,
    weight_origin: WeightOriginOption = None,
    probe: ProbeOption = None,
    trade_off: TradeOffOption = None,
    refine: RefineOption = None,
    trials: TrialsOption = None,
    storage: StorageOption = None,
    record: RecordOption = False,
    jobs: JobsOption = 1,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say more of why each pipeline is advised.", show_default=False)
    ] = False,
    db: DatabaseOption = None,
    seed: SeedOption = 0,
    form: FormatOption = Format.TABLE,
) -> None:
    """Recommend pipelines for a table of data, from what was learned on past ones.

    \b
    Example:
      autometa recommend data/examples/breast_cancer.csv --target diagnosis -k 5
    """
    arguments = given(target, task, ignore_columns, categorical, positive_class, max_rows, offline)
    table = as_task(data, **arguments)
    load(*MEASURING)
    wish = Wish(
        metric=metric,
        k=k,
        max_fit_seconds=max_fit_time,
        max_memory=max_memory,
        algorithms=split(algorithms),
        seed=seed,
        exclude_origins=exclude_origin or (),
        origin_weights=weights_of(weight_origin or ()),
        probe_seconds=probe,
        trade_off=trade_off,
    )
    plan = refining_plan(wish, seconds=refine, n_trials=trials, storage=storage, is_recorded=record, n_jobs=jobs)
    refinement = None
    with opened(db) as base:
        advisor = Advisor(base, recommender=recommender)
        with clock(probe) as report:
            recommendation, grounds = advisor.recommend_with_grounds(table, wish, report)
        if plan is not None:
            recommendation, refinement = refined_recommendation(
                table, (recommendation, grounds), plan, k, base if record else None
            )
        explanation = explained(advisor.experience(recommendation, wish), recommendation, seed) if explain else None
    if form is Format.TABLE:
        print_renderables(
            *draw_recommendation(
                table,
                recommendation,
                _usage(data, table, wish, arguments, {"knowledge": db, "recommender": recommender})
                if refinement is None
                else _usage_of_found(data, table, arguments, recommendation[0]),
                explanation,
                is_refined=refinement is not None and bool(refinement.ranked),
            )
        )
    else:
        content = recommendation_content(table, recommendation, explanation)
        if refinement is not None:
            content["refinement"] = refinement_content(refinement)
        print_content(content, form)


def _usage(
    data: str, task: Task, wish: Wish, reading: dict[str, Any], advising: dict[str, str | None]
) -> str:  # Any: arguments of several types
    """Return Python code that builds and fits the first advice: what was asked for, but for the defaults."""
    asked = {
        "metric": wish.metric if wish.metric != "auto" else None,
        "max_fit_seconds": wish.max_fit_seconds,
        "max_memory": wish.max_memory,
        "algorithms": wish.algorithms,
        "knowledge": hide_passwords(advising["knowledge"] or "") or None,
        "recommender": advising["recommender"] if advising["recommender"] != DEFAULT_RECOMMENDER else None,
        "seed": wish.seed or None,
        "exclude_origins": list(wish.exclude_origins) or None,
        "origin_weights": dict(wish.origin_weights) or None,
        "probe_seconds": wish.probe_seconds,
        "trade_off": wish.trade_off,
        "k": 1 if wish.trade_off is not None and wish.k == 1 else None,  # then the best end of the trade-off is first
    }
    wished = {name: value for name, value in asked.items() if value is not None}
    return (
        f"import autometa\n"
        f"task = {_reading(data, task, reading)}\n"
        f"pipeline = autometa.recommend(task{_words(wished)})[0].build()\n"
        f"pipeline.fit(task.X, task.y)"
    )


def _usage_of_found(
    data: str, task: Task, reading: dict[str, Any], first: Advice
) -> str:  # Any: arguments of several types
    """Return Python code that builds and fits a pipeline that a refinement found: no other call would find the same."""
    configuration = first.configuration
    return (
        f"import autometa\n"
        f"from autometa.pipelines.building import build\n"
        f"from autometa.space import Configuration\n"
        f"task = {_reading(data, task, reading)}\n"
        f"found = Configuration(algorithm={configuration.algorithm!r}, values={dict(configuration.values)!r})\n"
        f"pipeline = build(found, kind=task.kind, column_kinds=task.column_kinds)\n"
        f"pipeline.fit(task.X, task.y)"
    )


def _reading(data: str, task: Task, reading: dict[str, Any]) -> str:
    """Return the call that reads the table as it was read."""
    if is_at_openml(data):
        has_target = Reference.parse(data).is_task  # of its own
        return f"autometa.from_openml({data!r}{_words(reading if has_target else {**reading, 'target': task.target})})"
    source = "frame" if data == "-" else repr(data)  # what came from standard input, the user reads again
    return f"autometa.read_task({source}{_words({**reading, 'target': task.target})})"


def _words(arguments: dict[str, Any]) -> str:
    """Return keyword arguments as they stand in a call, after a first argument."""
    return "".join(f", {name}={value!r}" for name, value in arguments.items())


def recommendation_content(
    task: Task, recommendation: Recommendation, explanation: Explanation | None = None
) -> dict[str, Any]:  # Any: JSON
    """Return the documented JSON of a recommendation (docs/output.md), with its explanation if there is one."""
    items = [_advice_content(advice) for advice in recommendation]
    content = {
        "task": task_content(task, recommendation.metric.name),
        "known_tasks": [
            {"name": known.name, "distance": round(known.distance, 4)} for known in recommendation.known_tasks
        ],
        "novelty": round(recommendation.novelty, 4),
        "recommendations": items,
        "notes": list(recommendation.notes),
        "probe": _probe_content(recommendation.probe, recommendation.metric.name),
    }
    if recommendation.trade_off is not None:
        for advice, item in zip(recommendation, items, strict=True):
            item["predict_seconds"] = _rounded(advice.predict_seconds)
        content["trade_off"] = _trade_off_content(recommendation.trade_off)
    if explanation is not None:
        for place, item in enumerate(items):
            item["explanation"] = _explanation_content(explanation, place)
        content["attribution"] = {"skill": _rounded(explanation.skill), "n_tasks": explanation.n_tasks}
    return content


def _probe_content(probe: Probe | None, metric: str) -> dict[str, Any] | None:  # Any: JSON
    """Return the JSON of what was measured before the advice."""
    if probe is None:
        return None
    return {
        "seconds": _rounded(probe.seconds),
        "n_rows": probe.n_rows,
        "first": probe.first.key,
        "runs": [
            {
                "algorithm": run.configuration.algorithm,
                "hyperparameters": dict(run.configuration.values),
                "key": run.configuration.key,
                "status": str(run.status),
                "score": _rounded(run.score(metric)) if run.status is Status.OK else None,
                "error": run.error,
            }
            for run in probe.runs
        ],
    }


def _trade_off_content(trade_off: TradeOff) -> dict[str, Any]:  # Any: JSON
    """Return the JSON of what a list of pipelines is a trade-off between."""
    return {
        "axes": [{**asdict(axis), "unit": axis.unit or None} for axis in (trade_off.cost, trade_off.score)],
        "n_unbeaten": trade_off.n_unbeaten,
        "n_left_out": trade_off.n_left_out,
    }


def _explanation_content(explanation: Explanation, place: int) -> dict[str, Any]:
    """Return the JSON of what stands behind one advised pipeline."""
    standing = explanation.standings[place]
    versus = standing.versus_default
    return {
        "regret_before": _rounded(standing.regret_before),
        "regret_after": _rounded(standing.regret_after),
        "n_tried": standing.n_tried,
        "n_close": standing.n_close,
        "n_similar": standing.n_similar,
        "n_similar_close": standing.n_similar_close,
        "similar_share": _rounded(standing.similar_share),
        "versus_default": None if versus is None else _rounded_values(asdict(versus)),
        "metafeatures": [_rounded_values(asdict(move)) for move in explanation.moves[place]],
    }


def _rounded_values(content: dict[str, Any]) -> dict[str, Any]:
    """Return the same with numbers of 6 significant digits."""
    return {name: _rounded(value) if isinstance(value, float) else value for name, value in content.items()}


def _advice_content(advice: Advice) -> dict[str, Any]:
    """Return the JSON of one advised pipeline."""
    return {
        "rank": advice.rank,
        "algorithm": advice.configuration.algorithm,
        "hyperparameters": dict(advice.configuration.values),
        "key": advice.configuration.key,
        "predicted_score": _rounded(advice.predicted_score),
        "interval": [_rounded(bound) for bound in advice.interval],
        "gain": _gain_content(advice.gain),
        "fit_seconds": _rounded(advice.fit_seconds),
        "memory_bytes": _rounded(advice.memory_bytes),
        "reasons": list(advice.reasons),
        "evidence": [
            {
                "task": run.task,
                "fingerprint": run.fingerprint,
                "score": _rounded(run.score),
                "rank": run.rank,
                "n_tried": run.n_tried,
            }
            for run in advice.evidence
        ],
    }


def _gain_content(gain: PredictedGain | None) -> dict[str, Any] | None:  # Any: JSON
    """Return the JSON of a predicted gain."""
    if gain is None:
        return None
    return {
        "over": "lightgbm",
        "score": _rounded(gain.score),
        "interval": [_rounded(bound) for bound in gain.interval],
    }


def _rounded(number: float) -> float:
    """Return a number with 6 significant digits."""
    return float(json.loads(f"{number:.6g}")) if abs(number) < float("inf") else number
