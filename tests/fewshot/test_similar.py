"""Similar tasks, by embedding, by meta-features, and by both."""

from dataclasses import replace

import numpy as np
import pytest

from autometa.errors import OptionError
from autometa.fewshot.similar import cosines, similar_tasks
from autometa.knowledge.frames import Experience
from tests.recommenders.experiences import INF, NAN, make_description, make_experience

AXES = np.eye(32)


def experience(*, embedded: int = 4) -> Experience:
    """Four tasks: by embedding the first is nearest to the first axis, by meta-features the last to size 3."""
    made = make_experience([[0.3, 0.2, NAN], [0.1, INF, 0.4], [INF, INF, INF], [0.2, 0.2, 0.1]])
    angles = np.linspace(0.0, 1.5, 4)
    vectors = [tuple((np.cos(angle) * AXES[0] + np.sin(angle) * AXES[1]).tolist()) for angle in angles]
    known = tuple(
        replace(each, embedding=vector if row < embedded else None)
        for row, (each, vector) in enumerate(zip(made.descriptions, vectors, strict=True))
    )
    fields = {name: getattr(made, name) for name in Experience.__dataclass_fields__}
    return Experience(**{**fields, "descriptions": known})


NEW = make_description("new", metafeatures={"size": 3.0}, embedding=tuple((2.0 * AXES[0]).tolist()))


def test_embeddings_are_compared_by_their_cosine() -> None:
    found = similar_tasks(experience(), NEW, by="embedding", k=3)
    assert [each.description.name for each in found.tasks] == ["0", "1", "2"]
    assert [each.similarity for each in found.tasks] == pytest.approx(np.cos([0.0, 0.5, 1.0]))
    assert found.notes == ()


def test_meta_features_are_compared_by_their_distance() -> None:
    found = similar_tasks(experience(), NEW, by="metafeatures")
    assert [each.description.name for each in found.tasks] == ["3", "2", "1", "0"]
    assert found.tasks[0].similarity == 1.0


def test_both_is_the_mean_share_of_tasks_that_are_less_alike() -> None:
    found = similar_tasks(experience(), NEW, by="both")
    assert [each.similarity for each in found.tasks] == pytest.approx([0.5] * 4)
    assert len({each.description.name for each in found.tasks}) == 4


def test_what_won_is_told_with_its_score() -> None:
    made = experience()
    found = {each.description.name: each for each in similar_tasks(made, NEW).tasks}
    assert found["0"].best == made.configurations[1]
    assert found["0"].score == pytest.approx(made.metric.score(0.2))
    assert [found[name].n_tried for name in "0123"] == [2, 3, 3, 3]
    assert found["2"].best is None
    assert np.isnan(found["2"].score)


def test_without_embeddings_meta_features_are_compared_and_that_is_said() -> None:
    bare = replace(NEW, embedding=None)
    for known, new in ((experience(embedded=0), NEW), (experience(), bare)):
        found = similar_tasks(known, new)
        assert found.by == "metafeatures"
        assert found.notes == ("compared by meta-features: there are no embeddings to compare by",)
    with pytest.raises(OptionError, match="the known tasks have none; take --by metafeatures"):
        similar_tasks(experience(embedded=0), NEW, by="embedding")
    with pytest.raises(OptionError, match="there are no encoder's weights; take --by metafeatures"):
        similar_tasks(experience(), bare, by="both")


def test_tasks_without_an_embedding_are_left_out_and_counted() -> None:
    found = similar_tasks(experience(embedded=2), NEW)
    assert [each.description.name for each in found.tasks] == ["0", "1"]
    assert found.notes == ("2 of 4 known tasks have no embedding, and are left out",)
    assert np.isnan(cosines(experience(embedded=2), NEW)).tolist() == [False, False, True, True]


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(OptionError, match="no way 'name' to compare tasks; choose one of: embedding, metafeatures, bo"):
        similar_tasks(experience(), NEW, by="name")
    with pytest.raises(OptionError, match="got 0"):
        similar_tasks(experience(), NEW, k=0)
