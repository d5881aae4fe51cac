from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from autometa._paths import data_path
from autometa.errors import ConfigurationError
from autometa.pipelines.building import build
from autometa.pipelines.candidates import (
    CANDIDATES_SEED,
    N_CANDIDATES,
    draw_candidates,
    read_candidates,
    write_candidates,
)
from autometa.pipelines.learners import learners_of, space_of
from autometa.space import Configuration
from autometa.task import ColumnKind
from autometa.task_kind import TaskKind


@pytest.mark.parametrize("kind", TaskKind)
def test_the_shipped_list_is_what_is_drawn(kind: TaskKind) -> None:
    assert read_candidates(kind) == draw_candidates(kind, N_CANDIDATES, CANDIDATES_SEED)


@pytest.mark.parametrize("kind", TaskKind)
def test_the_shipped_file_is_what_is_written(kind: TaskKind, tmp_path: Path) -> None:
    write_candidates(tmp_path)
    assert (tmp_path / f"{kind}.json").read_bytes() == data_path("candidates", f"{kind}.json").read_bytes()


@pytest.mark.parametrize("kind", TaskKind)
def test_the_defaults_of_all_learners_come_first(kind: TaskKind) -> None:
    learners = learners_of(kind, installed_only=False)
    defaults = [Configuration(algorithm=learner.algorithm) for learner in learners]
    assert list(read_candidates(kind)[: len(defaults)]) == defaults


@pytest.mark.parametrize("kind", TaskKind)
def test_candidates_are_distinct_and_lie_in_their_spaces(kind: TaskKind) -> None:
    candidates = read_candidates(kind)
    assert len({candidate.key for candidate in candidates}) == N_CANDIDATES
    for candidate in candidates:
        space_of(candidate.algorithm, kind).check(candidate)


def test_boosted_trees_get_the_most_turns() -> None:
    counts = Counter(candidate.algorithm for candidate in read_candidates(TaskKind.BINARY))
    assert counts.most_common(1)[0][0] == "lightgbm"
    assert counts["random_forest"] > counts["k_nearest_neighbors"] > 1


def test_a_longer_list_begins_with_the_shorter_one() -> None:
    assert draw_candidates(TaskKind.BINARY, 60, 3)[:25] == draw_candidates(TaskKind.BINARY, 25, 3)


def test_another_seed_draws_other_candidates() -> None:
    assert draw_candidates(TaskKind.BINARY, 40, 1)[7:] != draw_candidates(TaskKind.BINARY, 40, 2)[7:]


def test_an_empty_list_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="n=0"):
        draw_candidates(TaskKind.BINARY, 0, 0)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore:n_quantiles:UserWarning")  # 60 rows
@pytest.mark.parametrize("kind", TaskKind)
def test_every_candidate_builds_fits_and_predicts(kind: TaskKind) -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=60), "b": rng.normal(size=60), "c": list("xyz") * 20})
    y = X["a"] if kind is TaskKind.REGRESSION else pd.qcut(X["a"], 2 if kind is TaskKind.BINARY else 3, labels=False)
    column_kinds = {"a": ColumnKind.NUMERIC, "b": ColumnKind.NUMERIC, "c": ColumnKind.CATEGORICAL}
    for candidate in read_candidates(kind):
        pipeline = build(candidate, kind=kind, column_kinds=column_kinds)
        _shorten(pipeline)
        assert pipeline.fit(X, y).predict(X).shape == (60,), candidate


def _shorten(pipeline: Any) -> None:
    """Leave three trees or epochs, for the time of the test alone."""
    names = ("learner__n_estimators", "learner__max_iter", "learner__regressor__max_iter")
    present = pipeline.get_params()
    pipeline.set_params(**{name: 3 for name in names if present.get(name, 0) and present[name] > 3})
