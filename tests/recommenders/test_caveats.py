"""What is said of scores on large tables, against experiences made by hand."""

from collections.abc import Sequence
from dataclasses import replace

from autometa.evaluation.protocol import CV_V1, HOLDOUT_V1
from autometa.knowledge.frames import Experience
from autometa.recommenders.caveats import on_more_rows
from tests.recommenders.experiences import INF, NAN, make_description, make_experience

GAINS = [0.5] * 2 + [0.25] * 9 + [0.1] * 2  # of 13 tasks


def _with_rows(losses: Sequence[Sequence[float]], n_rows: int = 8000) -> Experience:
    experience = make_experience(losses)
    tasks = tuple(replace(each, n_rows=n_rows) for each in experience.descriptions)
    return replace(experience, descriptions=tasks)


def _said(many: Sequence[Sequence[float]], n_rows: int, n_known_rows: int = 8000) -> list[str]:
    few = _with_rows([[0.2, 0.4, NAN, 0.3]] * len(many), n_known_rows)
    return on_more_rows(
        make_description("new", n_rows=n_rows), CV_V1, {HOLDOUT_V1: _with_rows(many, n_known_rows), CV_V1: few}
    )


def _losses(gains: Sequence[float]) -> list[list[float]]:
    """Return what fits on more rows lost; one of them failed, and one has nothing to be compared with."""
    return [[0.2 * (1 - gain), 0.4 * (1 - gain), 0.01, INF] for gain in gains]


def test_what_more_rows_were_worth_is_told_of_tables_of_about_the_size() -> None:
    (note,) = _said(_losses(GAINS), 10_000)
    assert note == (
        "scores are for 3000 of the rows; on 13 known tables of about this size the same pipelines, measured on up to "
        "20000, had a loss 25% lower in the median (80 %: 13% to 45% lower)"
    )
    assert _said(_losses(GAINS), 4000) == [note]
    assert _said(_losses(GAINS), 16_000) == [note]
    assert _said(_losses(GAINS), 10**7, 20_000) == [note], "of which no more than 20,000 rows are looked at"
    assert _said(_losses(GAINS), 10**7, 10**5) == [note]


def test_nothing_is_told_where_nothing_is_known_or_all_rows_count() -> None:
    assert _said(_losses(GAINS), 3000, 4000) == []
    assert _said(_losses(GAINS[:9]), 10_000) == []
    assert _said(_losses(GAINS), 17_000) == []
    assert _said(_losses(GAINS), 20_000, 9000) == []
    few = _with_rows([[0.0, 0.0]] * 12)
    assert on_more_rows(make_description("new", n_rows=9000), CV_V1, {CV_V1: few, HOLDOUT_V1: few}) == []
    unknown = replace(few, descriptions=tuple(replace(each, fingerprint="?") for each in few.descriptions))
    assert on_more_rows(make_description("new", n_rows=9000), CV_V1, {CV_V1: few, HOLDOUT_V1: unknown}) == []


def test_more_rows_that_did_not_help_are_told_as_well() -> None:
    (note,) = _said(_losses([-0.02] * 6 + [0.1] * 7), 8000)
    assert note.endswith("had a loss 10% lower in the median (80 %: 2% higher to 10% lower)")
    (note,) = _said(_losses([-0.02] * 9 + [0.0] * 4), 8000)
    assert note.endswith("had a loss 2% higher in the median (80 %: 2% higher to 0% lower)")
