"""Tables of several kinds, and copies that are planted."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine, make_classification

from autometa.task import Task
from autometa.task_kind import TaskKind


def make_task(X: pd.DataFrame, y: pd.Series, kind: TaskKind) -> Task:
    """Return a task."""
    return Task(name="t", X=X, y=y, kind=kind, target="y", family="f")


def cancer() -> Task:
    """Return 569 rows of 30 numbers, two classes."""
    X, y = load_breast_cancer(as_frame=True, return_X_y=True)
    return make_task(X, y, TaskKind.BINARY)


def wine() -> Task:
    """Return 178 rows of 13 numbers, three classes."""
    X, y = load_wine(as_frame=True, return_X_y=True)
    return make_task(X, y, TaskKind.MULTICLASS)


def diabetes() -> Task:
    """Return 442 rows of 10 numbers, a number to predict."""
    X, y = load_diabetes(as_frame=True, return_X_y=True, scaled=False)
    return make_task(X, y, TaskKind.REGRESSION)


def customers(seed: int = 0, n_rows: int = 1000) -> Task:
    """Return a table of numbers, categories, dates, flags and missing values; a seed draws it anew."""
    rng = np.random.default_rng(seed)
    income = np.round(rng.lognormal(8, 0.5, n_rows), 2)
    X = pd.DataFrame(
        {
            "age": rng.integers(18, 90, n_rows).astype(float),
            "income": np.where(rng.random(n_rows) < 0.1, np.nan, income),
            "spent": np.round(income * rng.random(n_rows), 2),
            "city": pd.Categorical(rng.choice(["Rome", "Oslo", "Bern", "Kyiv"], n_rows, p=[0.4, 0.3, 0.2, 0.1])),
            "stars": rng.choice([1, 2, 3, 4, 5], n_rows, p=[0.05, 0.1, 0.2, 0.3, 0.35]),
            "is_new": rng.random(n_rows) < 0.3,
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 1500, n_rows), unit="D"),
        }
    )
    bought = pd.Series(np.where(rng.random(n_rows) < 0.2 + 0.1 * (X["stars"] > 3) + 0.2 * X["is_new"], "yes", "no"))
    return make_task(X, bought, TaskKind.BINARY)


def categories(seed: int = 0, n_rows: int = 1000, n_columns: int = 12) -> Task:
    """Return a table of categories alone; a seed draws it anew."""
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.full(6, 1.0), n_columns)
    words = np.array(["a", "b", "c", "d", "e", "f"])
    X = pd.DataFrame({f"c{i}": pd.Categorical(words[rng.choice(6, n_rows, p=shares[i])]) for i in range(n_columns)})
    return make_task(X, pd.Series(rng.choice(["p", "q", "r"], n_rows, p=[0.5, 0.3, 0.2])), TaskKind.MULTICLASS)


def survey(seed: int = 0, n_rows: int = 1000, n_columns: int = 8) -> Task:
    """Return answers from 1 to 5 that go together, as in a questionnaire; a seed asks other people."""
    rng = np.random.default_rng(seed)
    mood = rng.normal(size=(n_rows, 1))
    answers = 0.7 * mood + 0.7 * rng.normal(size=(n_rows, n_columns)) + rng.normal(size=n_columns) / 2
    X = pd.DataFrame(np.clip(np.rint(answers * 1.2 + 3), 1, 5), columns=[f"q{i}" for i in range(n_columns)])
    return make_task(X, pd.Series((mood[:, 0] + rng.normal(size=n_rows) > 0).astype(int)), TaskKind.BINARY)


def generated(seed: int = 0) -> Task:
    """Return what a generator draws."""
    X, y = make_classification(n_samples=600, n_features=8, random_state=seed)
    return make_task(pd.DataFrame(X, columns=[f"x{i}" for i in range(8)]), pd.Series(y), TaskKind.BINARY)


def take(task: Task, rows: slice | np.ndarray = slice(None), columns: slice | np.ndarray = slice(None)) -> Task:
    """Return some rows and columns of a task, by position, with new row labels."""
    kept_rows, kept_columns = np.arange(task.n_rows)[rows], np.arange(task.n_columns)[columns]
    X = task.X.iloc[kept_rows, kept_columns].reset_index(drop=True)
    return make_task(X, task.y.iloc[kept_rows].reset_index(drop=True), task.kind)


def shuffled(task: Task) -> Task:
    """Return the rows and the columns in another order."""
    rng = np.random.default_rng(1)
    return take(task, rng.permutation(task.n_rows), rng.permutation(task.n_columns))


def half_of_rows(task: Task) -> Task:
    """Return half of the rows, drawn at random."""
    return take(task, np.random.default_rng(2).permutation(task.n_rows)[: task.n_rows // 2])


def half_of_columns(task: Task) -> Task:
    """Return half of the columns, drawn at random."""
    return take(task, columns=np.random.default_rng(4).permutation(task.n_columns)[: task.n_columns // 2 + 1])


def renamed(task: Task) -> Task:
    """Return other names."""
    return make_task(task.X.set_axis([f"v{9 - i}" for i in range(task.n_columns)], axis=1), task.y, task.kind)


def recoded(task: Task) -> Task:
    """Return numbers for categories, words for few-valued numbers and flags, and other classes."""
    X = task.X.copy()
    for name in X.columns:
        if isinstance(X[name].dtype, pd.CategoricalDtype):
            X[name] = (7 - X[name].cat.codes).astype(float)
        elif X[name].nunique() <= 5:
            X[name] = ("level " + X[name].astype(str)).astype("category")
    classes, _ = pd.factorize(task.y)
    y = pd.Series(classes.max() - classes) if task.kind.is_classification else task.y
    return make_task(X, y, task.kind)


def in_float32(task: Task) -> Task:
    """Return numbers of 32 bits."""
    return make_task(task.X.astype(dict.fromkeys(task.X.select_dtypes("float").columns, "float32")), task.y, task.kind)


def in_six_digits(task: Task) -> Task:
    """Return numbers of six significant digits."""
    numbers = task.X.select_dtypes("float").columns
    return make_task(task.X.assign(**{n: [float(f"{v:.6g}") for v in task.X[n]] for n in numbers}), task.y, task.kind)


Copy = Callable[[Task], Task]
