"""Small tables, and tasks on which the same configurations are good where meta-features say so."""

import numpy as np
import pandas as pd

from autometa.fewshot.encoder.learning import EncoderTasks
from autometa.fewshot.encoder.tables import read_table
from autometa.knowledge.frames import Experience
from autometa.task import Task
from autometa.task_kind import TaskKind
from tests.recommenders.experiences import make_experience


def mixed(number: int = 0, *, kind: TaskKind = TaskKind.MULTICLASS, n_rows: int = 120) -> Task:
    """Return a table with numbers, categories, dates, truths and gaps; its number makes it another one."""
    rng = np.random.default_rng(number)
    width = rng.normal(size=n_rows)
    colour = pd.Categorical(rng.choice(["red", "blue", "green"], size=n_rows))
    X = pd.DataFrame(
        {
            "width": np.where(rng.uniform(size=n_rows) < 0.1, np.nan, width),
            "colour": colour,
            "day": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, size=n_rows), unit="D"),
            "is_new": rng.uniform(size=n_rows) < 0.5,
        }
    )
    level = width + (colour == "red")
    edges = np.quantile(level, [0.5] if kind is TaskKind.BINARY else [1 / 3, 2 / 3])
    labels = pd.Series(np.searchsorted(edges, level)).astype(str)
    y: pd.Series = pd.Series(level) if kind is TaskKind.REGRESSION else labels
    return Task(name=f"mixed {number}", X=X, y=y, kind=kind, target="y")


def two_worlds(n_tasks: int = 40) -> Experience:
    """Return an experience in which a meta-feature says which half of the configurations is good."""
    rng = np.random.default_rng(0)
    is_first = np.arange(n_tasks) % 2 == 0
    good = is_first[:, None] == (np.arange(20) < 10)
    losses = np.where(good, 0.1, 0.5) + rng.uniform(0, 0.05, size=(n_tasks, 20))
    noise = rng.normal(size=(n_tasks, 2))
    features = [
        {"a": float(first) + 0.1 * float(a), "b": float(b)} for first, (a, b) in zip(is_first, noise, strict=True)
    ]
    return make_experience(losses.tolist(), metafeatures=features)


def with_tables(experience: Experience) -> EncoderTasks:
    """Return its tasks, each with some small table."""
    known = {
        each.fingerprint: read_table(mixed(number, kind=each.kind, n_rows=40))
        for number, each in enumerate(experience.descriptions)
    }
    return EncoderTasks.of([experience], known)
