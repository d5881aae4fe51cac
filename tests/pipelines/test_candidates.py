import hashlib
import inspect
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from autometa._paths import data_path
from autometa.errors import ConfigurationError
from autometa.pipelines.building import PIPELINES_VERSION, build
from autometa.pipelines.candidates import read_candidates
from autometa.pipelines.learners import learners_of, space_of
from autometa.space import Configuration
from autometa.task import ColumnKind
from autometa.task_kind import TaskKind
from tests.pipelines.quick import shorten

SHIPPED = {
    TaskKind.BINARY: "ac8a4be6618fa10508097ad7d58cd3e137d73c6d6de9d63971241514e2a09e10",
    TaskKind.MULTICLASS: "d8e9f4dfc7610a603531e4d53413fd9f704680319df7d4f52429d4f4ef0d61fa",
    TaskKind.REGRESSION: "9c85bb699de7d01ad84bb09b1710908b2a5a0bce2198aa77ba4b5d7384248206",
}
BUILT = {
    TaskKind.BINARY: "0afbe057bc74fb2e2d8a82ac9308a4672093540ae706197aae9b196c4adc35b3",
    TaskKind.MULTICLASS: "659575fe0fa1f474f3404050b34cd826a2267f9c0450e6f1e6cb622bcca29a99",
    TaskKind.REGRESSION: "0032903d32bcc12801a4c0ad8ceab26a8ba17da557d26078bea3475992f8c37c",
}


@pytest.mark.parametrize("kind", TaskKind)
def test_the_shipped_list_is_the_one_that_was_measured(kind: TaskKind) -> None:
    content = data_path("candidates", f"{kind}.json").read_bytes()
    assert hashlib.sha256(content).hexdigest() == SHIPPED[kind]


@pytest.mark.parametrize("kind", TaskKind)
def test_the_defaults_of_all_algorithms_are_among_the_first_of_the_shipped_list(kind: TaskKind) -> None:
    algorithms = [learner.algorithm for learner in learners_of(kind, installed_only=False)]
    first = read_candidates(kind)[: 2 * len(algorithms)]  # every second place is a default's
    assert {candidate.algorithm for candidate in first if not candidate.values} == set(algorithms)


@pytest.mark.parametrize("kind", TaskKind)
def test_shipped_candidates_are_distinct_and_lie_in_their_spaces(kind: TaskKind) -> None:
    candidates = read_candidates(kind)
    assert len({candidate.key for candidate in candidates}) == len(candidates) >= 40
    for candidate in candidates:
        space_of(candidate.algorithm, kind).check(candidate)


@pytest.mark.parametrize("kind", TaskKind)
def test_what_is_built_of_shipped_candidates_changes_with_the_version_alone(kind: TaskKind) -> None:
    column_kinds = {str(column_kind): column_kind for column_kind in ColumnKind}
    built = [described(build(candidate, kind=kind, column_kinds=column_kinds)) for candidate in read_candidates(kind)]
    digest = hashlib.sha256("\n".join(built).encode()).hexdigest()
    assert (PIPELINES_VERSION, digest) == ("1", BUILT[kind])


def described(content: Any) -> str:
    """Return an estimator, or what is inside one, with all parameters that differ from its class's defaults."""
    if hasattr(content, "get_params"):
        values = content.get_params(deep=False)
        parameters = inspect.signature(type(content)).parameters
        defaults = {name: parameter.default for name, parameter in parameters.items()}
        differing = {name: value for name, value in values.items() if not _is_same(value, defaults.get(name, ...))}
        return f"{type(content).__name__}{described(differing)}"
    if isinstance(content, dict):
        return f"({', '.join(f'{name}={described(content[name])}' for name in sorted(content))})"
    if isinstance(content, list | tuple):
        return f"[{', '.join(map(described, content))}]"
    if hasattr(content, "n_repeats"):  # a splitter
        return f"{type(content).__name__}{described(vars(content))}"
    return getattr(content, "__name__", None) or re.sub(r" at 0x[0-9a-f]+", "", repr(content))


def _is_same(value: object, default: object) -> bool:
    """Return whether a parameter has its default; NaN is NaN."""
    return value is default or (type(value) is type(default) and value == default)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore:n_quantiles:UserWarning")  # 60 rows
@pytest.mark.parametrize("kind", TaskKind)
def test_every_shipped_candidate_builds_fits_and_predicts(kind: TaskKind) -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=60), "b": rng.normal(size=60), "c": list("xyz") * 20})
    y = X["a"] if kind is TaskKind.REGRESSION else pd.qcut(X["a"], 2 if kind is TaskKind.BINARY else 3, labels=False)
    column_kinds = {"a": ColumnKind.NUMERIC, "b": ColumnKind.NUMERIC, "c": ColumnKind.CATEGORICAL}
    for candidate in read_candidates(kind):
        pipeline = shorten(build(candidate, kind=kind, column_kinds=column_kinds))
        assert pipeline.fit(X, y).predict(X).shape == (60,), candidate


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    """A file of candidates for several kinds, one of them named twice in other words."""
    path = tmp_path / "mine.json"
    ridge, bayes = {"algorithm": "ridge", "values": {"alpha": 3}}, {"algorithm": "naive_bayes", "values": {}}
    path.write_text(json.dumps([ridge, bayes, {"algorithm": "ridge", "values": {"alpha": 3.0}}]))
    return path


def test_a_file_of_candidates_gives_each_kind_what_its_algorithms_do(listed: Path) -> None:
    ridge = Configuration(algorithm="ridge", values={"alpha": 3.0})
    assert read_candidates(TaskKind.REGRESSION, listed) == (ridge,)
    assert read_candidates(TaskKind.BINARY, listed) == (Configuration(algorithm="naive_bayes"),)


def test_a_folder_of_candidates_has_a_file_for_each_kind_that_it_is_for(listed: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"binary\.json"):
        read_candidates(TaskKind.BINARY, listed.parent)
    listed.rename(listed.with_name("regression.json"))
    assert [each.algorithm for each in read_candidates(TaskKind.REGRESSION, listed.parent)] == ["ridge"]
    assert read_candidates(TaskKind.BINARY, listed.parent) == ()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"algorithm": "ridge"}', "cannot be read"),
        ('[{"algorithm": "ridge"}]', "cannot be read"),
        ("[1]", "cannot be read"),
        ("{}", "it is no list"),
        ("[" * 100_000, r"mine\.json cannot be read"),
        ("not JSON", "cannot be read"),
        ('[{"algorithm": "oracle", "values": {}}]', "no algorithm 'oracle'"),
        ('[{"algorithm": "ridge", "values": {"alpha": -1.0}}]', "outside"),
    ],
)
def test_a_damaged_file_of_candidates_is_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "mine.json").write_text(content)
    with pytest.raises(ConfigurationError, match=message):
        read_candidates(TaskKind.REGRESSION, tmp_path / "mine.json")
