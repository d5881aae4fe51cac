"""Recommendations: never empty, never twice the same, and each item builds its pipeline."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.utils.validation import check_is_fitted

from autometa.metric import get_metric
from autometa.recommenders.recommendation import Advice, KnownTask, Recommendation, Run
from autometa.space import Configuration
from autometa.task import ColumnKind
from autometa.task_kind import TaskKind
from tests.recommenders.experiences import make_description

FOREST = Configuration(algorithm="random_forest", values={"min_samples_leaf": 3})


def advise(configuration: Configuration = FOREST, rank: int = 1) -> Advice:
    """Return advice for a binary task with a number and a category."""
    return Advice(
        rank=rank,
        configuration=configuration,
        predicted_score=0.9,
        interval=(0.8, 0.95),
        fit_seconds=1.0,
        reasons=("a reason",),
        evidence=(Run(task="known", fingerprint="f", score=0.9, rank=1, n_tried=20),),
        kind=TaskKind.BINARY,
        column_kinds={"width": ColumnKind.NUMERIC, "colour": ColumnKind.CATEGORICAL},
    )


def recommend(*advice: Advice) -> Recommendation:
    """Return a recommendation of these items."""
    return Recommendation(
        task=make_description("new"),
        target="y",
        metric=get_metric("roc_auc"),
        known_tasks=(KnownTask(name="known", distance=0.5, fingerprint="f"),),
        novelty=0.1,
        advice=advice,
    )


def test_a_recommendation_is_a_sequence_of_its_items() -> None:
    items = (advise(), advise(Configuration(algorithm="ridge"), rank=2))
    recommendation = recommend(*items)
    assert len(recommendation) == 2
    assert tuple(recommendation) == items
    assert recommendation[1] is items[1]
    assert recommendation[-1] is items[1]


def test_its_representation_is_a_line_with_the_first_pipelines() -> None:
    items = [advise(Configuration(algorithm="ridge", values={"x": rank}), rank) for rank in range(1, 11)]
    recommendation = recommend(*items)
    assert repr(recommendation) == str(recommendation)
    assert repr(recommendation) == (
        "<Recommendation for 'new' (binary) by roc_auc: 1. ridge 0.9, 2. ridge 0.9, 3. ridge 0.9, 7 more>"
    )
    assert repr(recommend(items[0])) == "<Recommendation for 'new' (binary) by roc_auc: 1. ridge 0.9>"
    assert recommendation == recommend(*items)
    assert recommendation != recommend(*items[1:])


@pytest.mark.parametrize("items", [(), (advise(), advise(rank=2))], ids=["empty", "twice the same"])
def test_an_empty_recommendation_or_one_that_repeats_itself_is_refused(items: Any) -> None:
    with pytest.raises(ValueError, match="at least one configuration, and none twice"):
        recommend(*items)


def test_an_item_builds_an_unfitted_pipeline_that_takes_the_table() -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"width": rng.normal(size=60), "colour": pd.Categorical(rng.choice(["red", "blue"], size=60))})
    pipeline = advise().build(seed=3)
    with pytest.raises(Exception, match="not fitted"):
        check_is_fitted(pipeline)
    assert pipeline.fit(X, rng.integers(2, size=60)).predict(X).shape == (60,)
    assert any(value == 3 for name, value in pipeline.get_params().items() if name.endswith("min_samples_leaf"))


def test_the_seed_enters_the_pipeline() -> None:
    states = [
        {value for name, value in advise().build(seed=seed).get_params().items() if name.endswith("random_state")}
        for seed in (0, 0, 1)
    ]
    assert states[0] == states[1] != states[2]
