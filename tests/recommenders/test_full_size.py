"""Large tables are ordered by what was best on many rows, where enough is known of them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.testing import assert_array_equal

from autometa.knowledge.frames import Experience
from autometa.recommenders.full_size import (
    LARGE_WEIGHT,
    MIN_LARGE,
    at_full_size,
    is_enough,
    order_at_full_size,
)
from autometa.recommenders.hybrid import Hybrid
from tests.recommenders.experiences import INF, NAN, make_description, make_evaluation, make_experience

LIMIT = 3000
FEW = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]  # on few rows the first is best
MANY = [0.3, 0.2, 0.1, 0.4, 0.5, NAN, NAN]  # on many the third, of those that were tried
NEW = make_description("new", n_rows=10_000, metafeatures={"size": 3.0})


def _sized(experience: Experience, rows: Sequence[int]) -> Experience:
    pairs = zip(experience.descriptions, rows, strict=True)
    return replace(experience, descriptions=tuple(replace(each, n_rows=n_rows) for each, n_rows in pairs))


def _experiences(n_large: int = MIN_LARGE, n_small: int = 4) -> tuple[Experience, Experience]:
    """Return runs on few rows of all tasks, the large ones first, and on many rows of these alone."""
    few = _sized(make_experience([FEW] * (n_large + n_small)), [LIMIT + 1] * n_large + [LIMIT] * n_small)
    return few, _sized(make_experience([MANY] * n_large), [LIMIT + 1] * n_large)


def test_small_tasks_have_what_they_have_and_large_ones_what_they_have_on_many_rows() -> None:
    few, many = _experiences()
    known = at_full_size(few, many, LIMIT)
    assert known is not None
    assert [each.n_rows for each in known.descriptions] == [LIMIT] * 4 + [LIMIT + 1] * MIN_LARGE
    assert known.configurations == few.configurations[:5], "the others were not tried on many rows"
    assert_array_equal(known.losses, [FEW[:5]] * 4 + [MANY[:5]] * MIN_LARGE)
    assert_array_equal(known.weights, [1.0] * 4 + [LARGE_WEIGHT] * MIN_LARGE)


def test_weights_of_origins_stay() -> None:
    few, many = _experiences()
    few, many = (replace(each, weights=np.full(each.n_tasks, 0.5)) for each in (few, many))
    known = at_full_size(few, many, LIMIT)
    assert known is not None
    assert_array_equal(known.weights, [0.5] * 4 + [0.5 * LARGE_WEIGHT] * MIN_LARGE)


def test_of_few_large_tasks_or_few_candidates_nothing_is_learned() -> None:
    few, many = _experiences()
    assert at_full_size(*_experiences(MIN_LARGE - 1), LIMIT) is None
    assert at_full_size(few, many, LIMIT + 1) is None, "then none is large"
    assert at_full_size(few, many.of_configurations([c.key for c in many.configurations[:4]]), LIMIT) is None
    nothing = replace(many, losses=np.where(np.arange(many.n_tasks)[:, None] == 0, INF, many.losses))
    assert at_full_size(few, nothing, LIMIT) is None, "all failed on one of those that were just enough"


def test_what_else_was_measured_on_many_rows_changes_nothing() -> None:
    few, many = _experiences()
    known = at_full_size(few, many, LIMIT)
    assert known is not None
    own = _sized(
        make_experience([[NAN] * 3 + [0.2, 0.3, 0.1, 0.2]] * 100), [10 * LIMIT] * 100
    )  # four on many more tasks
    found = at_full_size(few, many.beside(own), LIMIT)
    assert found is not None
    assert (found.descriptions, found.configurations) == (known.descriptions, known.configurations)
    assert_array_equal(found.losses, known.losses)


def test_of_a_small_task_without_any_of_the_candidates_nothing_is_kept() -> None:
    few, many = _experiences()
    known = at_full_size(
        replace(few, losses=np.where(np.arange(few.n_tasks)[:, None] == MIN_LARGE, NAN, few.losses)), many, LIMIT
    )
    assert known is not None
    assert known.n_tasks == 3 + MIN_LARGE


def test_half_of_what_is_known_at_full_size_is_enough() -> None:
    few, many = _experiences()
    known = at_full_size(few, many, LIMIT)
    assert known is not None
    for n_known, enough in ((2, False), (3, True), (5, True)):
        candidates = [*few.configurations[5:], *few.configurations[:n_known]]
        assert is_enough(known, candidates) is enough


def test_what_is_known_at_full_size_is_first_by_that_and_then_come_the_others() -> None:
    few, many = _experiences()
    known = at_full_size(few, many, LIMIT)
    assert known is not None
    at_full, others = Hybrid().fit(known), Hybrid().fit(few)
    candidates = few.configurations[::-1]
    best = [candidates[p] for p in order_at_full_size(at_full, others, NEW, candidates, (), 7)]
    assert best[0] == few.configurations[2]
    assert set(best[:5]) == set(few.configurations[:5])
    assert best[5:] == list(few.configurations[5:])
    assert [candidates[p] for p in others.rank(NEW, candidates, (), 1)] == [few.configurations[0]]
    for n in (1, 5, 6, 100):
        assert [candidates[p] for p in order_at_full_size(at_full, others, NEW, candidates, (), n)] == best[:n]
    failed = [make_evaluation(configuration, None) for configuration in (few.configurations[2], few.configurations[5])]
    order = order_at_full_size(at_full, others, NEW, candidates, failed, 7)
    assert [candidates[p] for p in order] == [
        c for c in best if c not in {few.configurations[2], few.configurations[5]}
    ]
