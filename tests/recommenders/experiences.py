"""Small experiences made by hand or drawn, for the tests of recommenders."""

from collections.abc import Mapping, Sequence

import numpy as np

from autometa.evaluation.record import Evaluation, Status
from autometa.knowledge.frames import Experience
from autometa.metric import default_metric, get_metric
from autometa.space import Configuration
from autometa.task import TaskDescription
from autometa.task_kind import TaskKind

NAN = float("nan")
INF = float("inf")


def make_configurations(n: int) -> tuple[Configuration, ...]:
    """Return n configurations, sorted by key."""
    made = (Configuration(algorithm="abc"[i % 3], values={"x": i}) for i in range(n))
    return tuple(sorted(made, key=lambda configuration: configuration.key))


def make_description(name: str, family: str = "", **options: object) -> TaskDescription:
    """Return a description of 100 x 5, binary and without meta-features unless ``options`` say otherwise."""
    fields = {"kind": TaskKind.BINARY, "n_rows": 100, "n_columns": 5, "metafeatures": {}, **options}
    return TaskDescription(name=name, fingerprint=f"fingerprint of {name}", family=family or name, **fields)  # type: ignore[arg-type] # fields of any type


def make_experience(
    losses: Sequence[Sequence[float]],
    *,
    metafeatures: Sequence[Mapping[str, float]] | None = None,
    families: Sequence[str] | None = None,
    fit_seconds: np.ndarray | None = None,
    metric: str = "auto",
    kind: TaskKind = TaskKind.BINARY,
) -> Experience:
    """Return an experience of tasks named 0, 1, ... (see `make_configurations` for the columns).

    ``losses`` (n_tasks, n_configurations): inf = failed, NaN = not tried. Arrays cannot be written to.
    """
    array = np.array(losses, dtype=float)
    n_tasks, n_configurations = array.shape
    features = metafeatures if metafeatures is not None else [{"size": float(row)} for row in range(n_tasks)]
    seconds = np.where(np.isnan(array), np.nan, 1.0) if fit_seconds is None else fit_seconds
    memory = np.full(array.shape, np.nan)
    for read_only in (array, seconds, memory):
        read_only.setflags(write=False)
    return Experience(
        kind=kind,
        metric=get_metric(metric, kind) if metric != "auto" else default_metric(kind),
        revision=1,
        descriptions=tuple(
            make_description(str(row), families[row] if families else "", kind=kind, metafeatures=features[row])
            for row in range(n_tasks)
        ),
        configurations=make_configurations(n_configurations),
        losses=array,
        fit_seconds=seconds,
        memory_bytes=memory,
    )


def draw_experience(seed: int, n_tasks: int = 12, n_configurations: int = 8, *, coarse: bool = False) -> Experience:
    """Return a drawn experience with gaps and failures; ``coarse``: with many equal losses and twin tasks."""
    rng = np.random.default_rng(seed)
    losses = rng.uniform(0.05, 0.5, size=(n_tasks, n_configurations))
    features = rng.normal(size=(n_tasks, 3))
    if coarse:
        losses, features = np.round(losses, 1), np.round(features)
    losses = np.where(rng.uniform(size=losses.shape) < 0.15, np.nan, losses)
    losses = np.where(rng.uniform(size=losses.shape) < 0.05, np.inf, losses)
    names = ("size", "shape", "noise")
    return make_experience(
        losses.tolist(), metafeatures=[dict(zip(names, row, strict=True)) for row in features.tolist()]
    )


def reordered(experience: Experience, rows: Sequence[int], columns: Sequence[int]) -> Experience:
    """Return the experience with its tasks and configurations in another order."""
    chosen = np.ix_(rows, columns)
    return Experience(
        kind=experience.kind,
        metric=experience.metric,
        revision=experience.revision,
        descriptions=tuple(experience.descriptions[row] for row in rows),
        configurations=tuple(experience.configurations[column] for column in columns),
        losses=experience.losses[chosen],
        fit_seconds=experience.fit_seconds[chosen],
        memory_bytes=experience.memory_bytes[chosen],
    )


def make_evaluation(
    configuration: Configuration, score: float | None = 0.8, *, fingerprint: str = "new", metric: str = "roc_auc"
) -> Evaluation:
    """Return an evaluation with this score in each of three folds; without one, a failed evaluation."""
    return Evaluation(
        fingerprint=fingerprint,
        configuration=configuration,
        protocol="cv-v1",
        pipelines_version="1",
        seed=0,
        status=Status.OK if score is not None else Status.FAILED,
        fold_scores={metric: (score,) * 3} if score is not None else {},
        fit_seconds=1.0,
        predict_seconds=0.1,
        peak_memory_bytes=0,
        error="" if score is not None else "ValueError: no",
        absent={},
        versions={},
    )
