"""Which known tasks are most like a new one, and what was best there; without torch."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autometa.errors import OptionError
from autometa.knowledge.frames import Experience
from autometa.recommenders.similarity import Similarity
from autometa.space import Configuration
from autometa.task import TaskDescription

WAYS = ("embedding", "metafeatures", "both")

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class SimilarTask:
    """A known task that is like another one.

    Parameters
    ----------
    description : TaskDescription
        The known task.
    similarity : float
        See `SimilarTasks`.
    best : Configuration, optional
        What won there; None where nothing succeeded.
    score : float
        Its score, in the metric's own direction; NaN where nothing succeeded.
    n_tried : int
        Configurations that were tried there.
    """

    description: TaskDescription
    similarity: float
    best: Configuration | None
    score: float
    n_tried: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SimilarTasks:
    """The known tasks that are most like another one, the most alike first.

    Parameters
    ----------
    by : str
        "embedding": similarity is the cosine of embeddings, -1 to 1. "metafeatures": 1 / (1 + distance), 0 to 1.
        "both": the share of known tasks that are less alike, mean over the two, 0 to 1.
    tasks : tuple of SimilarTask
        At most as many as were asked for.
    notes : tuple of str
        What to know of the list.
    """

    by: str
    tasks: tuple[SimilarTask, ...]
    notes: tuple[str, ...] = ()


def similar_tasks(
    experience: Experience, description: TaskDescription, *, by: str | None = None, k: int = 10
) -> SimilarTasks:
    """Return the known tasks that are most like another one.

    Parameters
    ----------
    experience : Experience
        The known tasks, of one kind.
    description : TaskDescription
        The other one.
    by : str, optional
        A name in `WAYS`; default: the embedding where it and those of known tasks are there, or else meta-features.
    k : int
        How many.

    Raises
    ------
    OptionError
        If there is no such way, ``k`` is not positive, or embeddings are asked for and not there.
    """
    if by is not None and by not in WAYS:
        raise OptionError(f"no way '{by}' to compare tasks; choose one of: {', '.join(WAYS)}")
    if k < 1:
        raise OptionError(f"-k is the number of tasks, 1 or more; got {k}")
    n_embedded = sum(each.embedding is not None for each in experience.descriptions)
    is_possible = description.embedding is not None and n_embedded > 0
    if by in ("embedding", "both") and not is_possible:
        lacking = "the known tasks have none" if description.embedding is not None else "there are no encoder's weights"
        raise OptionError(f"cannot compare by embedding: {lacking}; take --by metafeatures")
    chosen = by or ("embedding" if is_possible else "metafeatures")
    similarity = _similarity(experience, description, chosen)
    notes = [] if by or is_possible else ["compared by meta-features: there are no embeddings to compare by"]
    n_left_out = int(np.isnan(similarity).sum())
    if n_left_out:
        notes.append(f"{n_left_out} of {experience.n_tasks} known tasks have no embedding, and are left out")
    names = [each.fingerprint for each in experience.descriptions]
    rows = [row for row in range(len(names)) if np.isfinite(similarity[row])]
    rows.sort(key=lambda row: (-round(float(similarity[row]), 12), names[row]))
    tasks = tuple(_similar(experience, row, float(similarity[row])) for row in rows[:k])
    return SimilarTasks(by=chosen, tasks=tasks, notes=tuple(notes))


def cosines(experience: Experience, description: TaskDescription) -> Floats:
    """Return the cosine of a task's embedding and that of each known task, (n_tasks,); NaN where one has none."""
    own = np.array(description.embedding or (), dtype=float)
    found = np.full(experience.n_tasks, np.nan)
    for row, known in enumerate(experience.descriptions):
        if known.embedding is not None and len(known.embedding) == len(own):
            other = np.array(known.embedding)
            size = np.sqrt((own**2).sum() * (other**2).sum())
            found[row] = (own * other).sum() / size if size > 0 else 0.0
    return found


def _similarity(experience: Experience, description: TaskDescription, by: str) -> Floats:
    """Return the similarity to each known task, (n_tasks,), NaN = not known."""
    if by == "embedding":
        return cosines(experience, description)
    distances = Similarity().fit(experience.descriptions).distances(description)
    near = np.asarray(1.0 / (1.0 + distances))
    if by == "metafeatures":
        return near
    alike = cosines(experience, description)
    return np.where(np.isnan(alike), np.nan, 0.5 * (_shares_below(near) + _shares_below(alike)))


def _shares_below(values: Floats) -> Floats:
    """Return the share of the others that are less, (n,), NaN left out."""
    known = values[np.isfinite(values)]
    return np.asarray([(known < value).sum() / max(len(known) - 1, 1) for value in values])


def _similar(experience: Experience, row: int, similarity: float) -> SimilarTask:
    """Return what is told of a known task."""
    losses = np.where(np.isfinite(experience.losses[row]), experience.losses[row], np.inf)
    best = int(losses.argmin()) if len(losses) else 0
    has_any = len(losses) > 0 and bool(np.isfinite(losses[best]))
    return SimilarTask(
        description=experience.descriptions[row],
        similarity=similarity,
        best=experience.configurations[best] if has_any else None,
        score=experience.metric.score(float(losses[best])) if has_any else float("nan"),
        n_tried=int(experience.is_tried[row].sum()),
    )
