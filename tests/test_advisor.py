"""The advisor: the whole flow in one object."""

import re
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_wine
from sqlalchemy import update

import autometa
from autometa.advisor import Advisor, describe_task, recommend
from autometa.errors import NotKnownError, OptionError
from autometa.evaluation.machine_speed import keep_speed
from autometa.evaluation.protocol import CV_V1, HOLDOUT_V1
from autometa.evaluation.record import Evaluation, Status
from autometa.knowledge import tables
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.removing import Doomed, remove
from autometa.metric import get_metric
from autometa.pipelines.building import PIPELINES_VERSION
from autometa.pipelines.learners import ALGORITHM_SETS, LEARNERS
from autometa.recommender_names import RECOMMENDERS
from autometa.recommenders.calibrated import calibration_for
from autometa.recommenders.evidence import regrets_on_the_way
from autometa.recommenders.hybrid import Hybrid
from autometa.recommenders.location import unit
from autometa.recommenders.recommendation import Recommendation
from autometa.space import Configuration
from autometa.task import Task
from autometa.task_kind import TaskKind
from autometa.wish import Wish
from tests.recommenders.experiences import make_evaluation

# Boosted trees take half a minute to calibrate on the shipped base; the contract covers them.
QUICK = [name for name in RECOMMENDERS if name not in {"boosted", "lambdarank"}]


@pytest.fixture(scope="module")
def base(shipped_base: Path) -> KnowledgeBase:
    return KnowledgeBase(shipped_base)


@pytest.fixture
def own(shipped_base: Path, tmp_path: Path) -> Iterator[KnowledgeBase]:
    """Give the shipped runs in a base that may be written to."""
    shutil.copy(shipped_base, tmp_path / "own.db")
    with KnowledgeBase(tmp_path / "own.db") as base:
        yield base


def _keys(recommendation: Recommendation) -> list[str]:
    return [advice.configuration.key for advice in recommendation]


def test_a_path_a_frame_arrays_and_a_task_give_the_same_advice(base: KnowledgeBase, examples: Path) -> None:
    path = examples / "wine.csv"
    frame = pd.read_csv(path)
    X, y = frame.drop(columns="cultivar"), frame["cultivar"]
    asked = [
        autometa.recommend(path, target="cultivar", knowledge=base),
        autometa.recommend(str(path), knowledge=str(base.place)),
        autometa.recommend(frame, target=-1, knowledge=base),
        autometa.recommend(X, y, knowledge=base),
        autometa.recommend(autometa.read_task(path), knowledge=base),
    ]
    assert all(_keys(recommendation) == _keys(asked[0]) for recommendation in asked)
    assert len({recommendation.task.fingerprint for recommendation in asked}) == 1


def test_arrays_are_taken_and_the_pipeline_fits_them_by_name(base: KnowledgeBase) -> None:
    X, y = load_wine(return_X_y=True)
    recommendation = autometa.recommend(X, y, k=1, knowledge=base)
    frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])])
    pipeline = recommendation[0].build(seed=3)
    assert pipeline.fit(frame, y).score(frame, y) > 0.9


def test_an_identifier_is_left_out_inside_of_the_pipeline(base: KnowledgeBase, examples: Path) -> None:
    wine = pd.read_csv(examples / "wine.csv")
    frame = wine.assign(bottle=[f"no. {i}" for i in range(len(wine))])
    plain, with_identifier = (
        autometa.recommend(table, target="cultivar", k=3, knowledge=base) for table in (wine, frame)
    )
    assert with_identifier.task.metafeatures == plain.task.metafeatures
    assert with_identifier.task.n_columns == 13
    assert _keys(with_identifier) == _keys(plain)
    pipeline = with_identifier[0].build().fit(frame, frame["cultivar"])  # the raw table, its target included
    expected = plain[0].build().fit(wine, wine["cultivar"]).predict(wine)
    for new in (frame, frame.assign(bottle=None), wine):
        np.testing.assert_array_equal(pipeline.predict(new), expected)


@pytest.mark.parametrize("name", QUICK)
def test_every_recommender_gives_complete_advice(base: KnowledgeBase, examples: Path, name: str) -> None:
    task = autometa.read_task(examples / "diabetes.csv")
    recommendation = Advisor(base, recommender=name).recommend(task, Wish(k=40))
    assert len(set(_keys(recommendation))) == len(recommendation) == 40
    for advice in recommendation:
        assert np.isfinite([advice.predicted_score, advice.fit_seconds, *advice.interval]).all()
        assert advice.interval[0] <= advice.predicted_score <= advice.interval[1]
        assert advice.reasons


def test_recommenders_differ(base: KnowledgeBase, examples: Path) -> None:
    task = autometa.read_task(examples / "wine.csv")
    lists = {name: tuple(_keys(Advisor(base, recommender=name).recommend(task))) for name in QUICK}
    assert lists.pop("hybrid") == lists["proximity"]  # until there are results on the table
    assert lists.pop("gaussian") == lists.pop("copula") == lists["average"]
    assert len(set(lists.values())) == len(lists)


def test_more_than_there_is_gives_what_there_is_and_says_so(base: KnowledgeBase, examples: Path) -> None:
    recommendation = autometa.recommend(examples / "wine.csv", k=10_000, knowledge=base)
    assert len(recommendation) >= 20
    assert any("10000 pipelines were asked for" in note for note in recommendation.notes)


def test_a_library_that_is_not_here_is_named_with_what_it_would_bring(
    base: KnowledgeBase, examples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LEARNERS, "catboost", replace(LEARNERS["catboost"], module="no_such_library"))
    recommendation = autometa.recommend(examples / "wine.csv", k=10, knowledge=base)
    assert "catboost" not in {advice.configuration.algorithm for advice in recommendation}
    [note] = [note for note in recommendation.notes if "not installed" in note]
    assert re.match(
        r"not installed: catboost \(pip install 'autometa-ml\[boosters\]'\); with them the best of 10 would be "
        r"better on \d+% and worse on \d+% of \d+ known tasks, its loss lower by -?\d+\.\d% in the median$",
        note,
    )
    forests = autometa.recommend(examples / "wine.csv", k=3, algorithms=["random_forest"], knowledge=base)
    assert not any("not installed" in note for note in forests.notes)


def test_what_is_missing_is_held_to_the_same_time_limit(
    base: KnowledgeBase, examples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LEARNERS, "gaussian_process", replace(LEARNERS["gaussian_process"], module="no_such_library"))
    for limit, is_named in ((None, True), (0.02, False)):  # linear models take less, Gaussian processes more
        recommendation = autometa.recommend(examples / "wine.csv", k=3, max_fit_seconds=limit, knowledge=base)
        assert any("not installed: gaussian_process" in note for note in recommendation.notes) is is_named


def test_a_sample_of_a_long_table_is_told_by_its_full_size(base: KnowledgeBase, examples: Path) -> None:
    path = examples / "breast_cancer.csv"
    full = autometa.read_task(path)
    sample = autometa.read_task(path, max_rows=200)
    of_full = autometa.recommend(full, k=1, algorithms=["random_forest"], knowledge=base)
    of_sample = autometa.recommend(sample, k=1, algorithms=["random_forest"], knowledge=base)
    assert of_sample.task.n_rows == 569
    assert of_sample.task.fingerprint == of_full.task.fingerprint
    assert of_sample[0].fit_seconds == pytest.approx(of_full[0].fit_seconds)
    assert not any("extrapolated" in note for note in of_full.notes)


def test_costs_of_a_table_far_above_what_was_measured_are_said_to_be_extrapolated(one_shard_base: Path) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=30_001), "y": rng.normal(size=30_001)})
    words = "fit time and memory are extrapolated from 3000 rows to 30001"
    for n_rows, is_said in ((30_000, False), (30_001, True)):
        notes = autometa.recommend(frame.head(n_rows), target="y", k=1, knowledge=one_shard_base).notes
        assert any(note.startswith(words) for note in notes) is is_said


def test_costs_are_learned_from_runs_on_more_rows_as_well(one_shard_base: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=30_001), "y": rng.normal(size=30_001)})
    before = autometa.recommend(frame, target="y", k=3, knowledge=one_shard_base)
    path = tmp_path / "more.db"
    shutil.copy(one_shard_base, path)
    with KnowledgeBase(path) as base:
        large = (
            base.tasks().query("kind == 'regression' and n_rows > 3000 and n_evaluations > 0")["fingerprint"].head(12)
        )
        assert len(large) == 12
        for fingerprint in large:
            runs = base.evaluations_of(fingerprint, protocol=CV_V1.name, pipelines_version=PIPELINES_VERSION)
            slow = [replace(run, protocol=HOLDOUT_V1.name, fit_seconds=100 * run.fit_seconds) for run in runs]
            base.add_evaluations(slow)
        after = autometa.recommend(frame, target="y", k=3, knowledge=base)
    assert _keys(after) == _keys(before)
    for known, new in zip(before, after, strict=True):
        assert new.predicted_score == known.predicted_score
        assert new.fit_seconds > 2 * known.fit_seconds
    assert any("extrapolated" in note for note in before.notes)
    assert not any("extrapolated" in note for note in after.notes)


AT_FULL_SIZE = "until any is measured on this table, the order of pipelines is by what was best on more than 3000 rows"


@pytest.fixture(scope="module")
def large() -> Task:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(3001, 4)), columns=list("abcd"))
    frame["y"] = frame["a"] * frame["b"] + rng.normal(size=len(frame))
    return autometa.read_task(frame, target="y")


def _is_at_full_size(recommendation: Recommendation) -> bool:
    return any(note.startswith(AT_FULL_SIZE) for note in recommendation.notes)


def test_a_large_table_is_ordered_by_runs_on_many_rows(base: KnowledgeBase, large: Task) -> None:
    found, grounds = Advisor(base).recommend_with_grounds(large, Wish(k=10))
    assert f"{AT_FULL_SIZE} of 90 known tables, and on all rows of smaller ones" in found.notes
    assert grounds.full_size is not None
    runs = grounds.full_size.experience_
    assert all(advice.configuration in runs.configurations for advice in found)
    assert [advice.configuration for advice in found] != [
        advice.configuration for advice in Advisor(base, recommender="proximity").recommend(large, Wish(k=10))
    ]
    names = {known.fingerprint: known for known in runs.descriptions}
    assert all(run.n_tried <= runs.n_configurations for run in found[0].evidence)
    assert all(run.fingerprint in names for run in found[0].evidence)
    steps = [reason for advice in found for reason in advice.reasons if reason.startswith("lowers the mean regret")]
    before, after = regrets_on_the_way(runs, [advice.configuration for advice in found])[0]
    assert steps[0].endswith(f"from {before:.2f} to {after:.2f}")
    many = Advisor(base).recommend(large, Wish(k=40))
    assert len(_keys(many)) == len(set(_keys(many))) == 40, "the others follow"


def test_where_large_tables_tell_nothing_of_the_candidates_the_order_is_as_ever(
    base: KnowledgeBase, large: Task
) -> None:
    small = replace(large, X=large.X.iloc[:-1], y=large.y.iloc[:-1])
    for task, recommender, wish in (
        (small, "hybrid", Wish()),
        (large, "portfolio", Wish()),
        (large, "hybrid", Wish(trade_off="time")),
        (large, "hybrid", Wish(algorithms=["interpretable"])),
        (large, "hybrid", Wish(algorithms=["decision_tree"])),
    ):
        found, grounds = Advisor(base, recommender=recommender).recommend_with_grounds(task, wish)
        assert grounds.full_size is None
        assert not _is_at_full_size(found)
    assert _is_at_full_size(autometa.recommend(large, knowledge=base))


def test_a_large_table_of_which_runs_are_known_is_ordered_by_these(own: KnowledgeBase, large: Task) -> None:
    before = autometa.recommend(large, knowledge=own)
    first, third = before[0].configuration, before[2].configuration
    own.add_task(large, describe_task(large)[1])
    own.add_evaluations([make_evaluation(first, None, fingerprint=large.fingerprint)])
    failed = autometa.recommend(large, knowledge=own)
    assert _is_at_full_size(failed), "a failure tells nothing of the others"
    assert failed[0].configuration == before[1].configuration
    own.add_evaluations([make_evaluation(third, 1e-6, fingerprint=large.fingerprint, metric="rmse")])
    found = autometa.recommend(large, knowledge=own)
    assert found[0].configuration == third
    assert not _is_at_full_size(found)


def test_a_table_that_is_nearly_a_known_one_is_told_so(own: KnowledgeBase, examples: Path) -> None:
    known = replace(autometa.read_task(examples / "wine.csv"), name="my wine")
    rows = known.X.sample(n=90, random_state=0).index
    part = known.X.loc[rows].rename(columns=str.upper).iloc[:, ::-1]
    own.add_task(known, describe_task(known)[1])
    of_part = autometa.recommend(part, "class " + known.y.loc[rows].astype(str), k=1, knowledge=own)
    of_known = autometa.recommend(known, k=1, knowledge=own)
    of_other = autometa.recommend(examples / "diabetes.csv", k=1, knowledge=own)
    expected = "nearly the same as the known table my wine (178 rows x 13 columns), which shares 100 % of rows"
    assert [note for note in of_part.notes if note.startswith(expected)]
    assert not [note for note in (*of_known.notes, *of_other.notes) if "my wine" in note]


def test_many_tables_that_are_nearly_the_same_are_counted(examples: Path, tmp_path: Path) -> None:
    task = autometa.read_task(examples / "wine.csv")
    features = describe_task(task)[1]
    with KnowledgeBase.create(tmp_path / "own.db") as own:
        for number in range(5):
            own.add_task(replace(task, X=task.X.iloc[:, number:], name=f"wine {number}", family=""), features)
        notes = Advisor(own).near_notes(replace(task, X=task.X.iloc[:, ::2], family=""))
    assert len(notes) == 4
    assert notes[-1] == "nearly the same as 2 more known tables"


def test_an_empty_base_says_what_to_do(tmp_path: Path, examples: Path) -> None:
    empty = KnowledgeBase.create(tmp_path / "empty.db")
    with empty, pytest.raises(NotKnownError, match="autometa kb grow"):
        autometa.recommend(examples / "wine.csv", knowledge=empty)


def test_memory_is_predicted_and_a_limit_on_it_holds(base: KnowledgeBase, examples: Path) -> None:
    path = examples / "wine.csv"
    free = autometa.recommend(path, k=10, knowledge=base)
    limit = float(np.median([advice.memory_bytes for advice in free]))
    held = autometa.recommend(path, k=10, max_memory=limit, knowledge=base)
    assert max(advice.memory_bytes for advice in held) <= limit < max(advice.memory_bytes for advice in free)
    with pytest.raises(OptionError, match=r"predicted to fit within 1 kB; the smallest needs about [0-9.]+ MB"):
        autometa.recommend(path, max_memory="1kB", knowledge=base)
    fastest = min(advice.fit_seconds for advice in held)
    with pytest.raises(OptionError, match="predicted to fit within"):
        autometa.recommend(path, max_memory=limit, max_fit_seconds=fastest / 1e3, knowledge=base)


def test_a_limit_where_no_cost_is_known_is_refused_in_words(
    one_shard_base: Path, tmp_path: Path, examples: Path
) -> None:
    path = tmp_path / "untimed.db"
    shutil.copy(one_shard_base, path)
    with KnowledgeBase(path) as untimed:
        with untimed.writing() as writer:
            writer.connection.execute(update(tables.evaluations).values(fit_seconds=None, peak_memory_bytes=None))
            writer.raise_revision()
        for limit in ({"max_fit_seconds": 10}, {"max_memory": "1GB"}):
            with pytest.raises(OptionError, match="what they take is not known"):
                autometa.recommend(examples / "wine.csv", knowledge=untimed, **limit)


def test_a_set_of_algorithms_is_taken_apart_and_may_stand_beside_others(base: KnowledgeBase, examples: Path) -> None:
    for name, kind in (("wine.csv", TaskKind.MULTICLASS), ("diabetes.csv", TaskKind.REGRESSION)):
        advised = autometa.recommend(examples / name, k=30, algorithms=["interpretable"], knowledge=base)
        algorithms = {advice.configuration.algorithm for advice in advised}
        possible = {each for each in ALGORITHM_SETS["interpretable"] if kind in LEARNERS[each].kinds}
        assert len(algorithms) >= 3
        assert algorithms <= possible
    assert Wish(algorithms=["interpretable", "mlp"]).allowed == frozenset((*ALGORITHM_SETS["interpretable"], "mlp"))
    assert set(ALGORITHM_SETS["interpretable"]) <= set(LEARNERS)


def test_wishes_are_checked_before_anything_is_read() -> None:
    for wish in ({"k": 0}, {"max_fit_seconds": 0.0}, {"algorithms": ["magic"]}):
        with pytest.raises(OptionError):
            autometa.recommend("no such file", **wish)


def _shared(shipped_base: Path, path: Path) -> KnowledgeBase:
    """Return a base in which every third task was measured by someone else."""
    shutil.copy(shipped_base, path)
    driver = sqlite3.connect(path)
    driver.execute("INSERT INTO origins (id, name, licence) VALUES (99, 'colleague', 'CC0')")
    driver.execute("UPDATE evaluations SET origin_id = 99 WHERE task_id % 3 = 0")
    driver.commit()
    driver.close()
    return KnowledgeBase(path)


def test_advice_without_an_origin_is_that_of_a_base_without_its_runs(
    shipped_base: Path, examples: Path, tmp_path: Path
) -> None:
    task = autometa.read_task(examples / "wine.csv")
    with _shared(shipped_base, tmp_path / "own.db") as own:
        before = autometa.recommend(task, knowledge=own)
        without = autometa.recommend(task, knowledge=own, exclude_origins=["colleague"])
        same = autometa.recommend(task, knowledge=own, origin_weights={"colleague": 1.0})
        light = autometa.recommend(task, knowledge=own, recommender="portfolio", origin_weights={"colleague": 1e-9})
        remove(own, Doomed(origin="colleague"))
        after = autometa.recommend(task, knowledge=own)
        plain = autometa.recommend(task, knowledge=own, recommender="portfolio")
    assert "without the runs of: colleague" in without.notes
    assert "runs weighted: colleague x 1e-09" in light.notes
    assert without.advice == after.advice != before.advice == same.advice
    assert _keys(light)[:5] == _keys(plain)[:5]
    with KnowledgeBase(shipped_base) as shipped:
        assert {run.task for advice in without for run in advice.evidence} <= set(shipped.tasks()["name"])


def test_measured_scores_of_an_excluded_origin_are_not_shown(
    shipped_base: Path, examples: Path, tmp_path: Path
) -> None:
    task = autometa.read_task(examples / "wine.csv")
    with _shared(shipped_base, tmp_path / "own.db") as own:
        own.add_task(task, describe_task(task)[1])
        known = own.experience(task.kind, get_metric("auto", task.kind), protocol="cv-v1", pipelines_version="1")
        own.add_evaluations(
            [
                Evaluation(
                    fingerprint=task.fingerprint,
                    configuration=known.configurations[0],
                    protocol="cv-v1",
                    pipelines_version=PIPELINES_VERSION,
                    seed=0,
                    status=Status.FAILED,
                    fold_scores={},
                    fit_seconds=1.0,
                    predict_seconds=1.0,
                    peak_memory_bytes=1,
                    error="ValueError: no",
                    absent={},
                    versions={},
                    origin="colleague",
                )
            ]
        )
        with_it = autometa.recommend(task, knowledge=own)
        without = autometa.recommend(task, knowledge=own, exclude_origins=["colleague"])
    assert any(note.startswith("known table: 1 of its runs") for note in with_it.notes)
    assert not any(note.startswith("known table") for note in without.notes)


def test_a_trade_off_takes_what_was_measured_on_the_table_and_leaves_out_what_failed_there(
    own: KnowledgeBase, examples: Path
) -> None:
    task = autometa.read_task(examples / "wine.csv")
    before = autometa.recommend(task, knowledge=own, k=1000, trade_off="time")
    assert before.trade_off is not None
    assert before.trade_off.n_unbeaten == len(before)
    cheapest, second = before[0].configuration, before[1].configuration
    own.add_task(task, describe_task(task)[1])
    own.add_evaluations(
        [
            make_evaluation(cheapest, None, fingerprint=task.fingerprint),
            make_evaluation(second, 1e-6, fingerprint=task.fingerprint, metric="log_loss"),
        ]
    )
    after = autometa.recommend(task, knowledge=own, k=1000, trade_off="time")
    alone = autometa.recommend(task, knowledge=own, k=1, trade_off="time")
    assert cheapest.key not in _keys(after)
    assert after[-1].configuration == alone[0].configuration == second, "nothing is better, and dearer ones are beaten"
    assert after[-1].predicted_score == pytest.approx(1e-6)
    assert "measured on this very table" in after[-1].reasons


def test_candidates_that_all_failed_on_the_table_are_no_advice(own: KnowledgeBase, examples: Path) -> None:
    task = autometa.read_task(examples / "wine.csv")
    known = own.experience(task.kind, get_metric("auto", task.kind), protocol="cv-v1", pipelines_version="1")
    processes = [each for each in known.configurations if each.algorithm == "gaussian_process"]
    own.add_task(task, describe_task(task)[1])
    own.add_evaluations([make_evaluation(each, None, fingerprint=task.fingerprint) for each in processes])
    for trade_off in (None, "time"):
        with pytest.raises(OptionError, match=f"all candidates that meet the wish, {len(processes)}, failed on"):
            autometa.recommend(task, knowledge=own, algorithms=["gaussian_process"], trade_off=trade_off)
    assert len(autometa.recommend(task, knowledge=own, algorithms=["gaussian_process", "lda"])) > 0


def test_the_gain_over_the_default_is_that_of_the_list_whatever_was_measured(
    own: KnowledgeBase, examples: Path
) -> None:
    task = autometa.read_task(examples / "breast_cancer.csv", target="diagnosis")
    before = autometa.recommend(task, knowledge=own, k=2000)
    measured = [each for each in before if each.configuration.algorithm == "svm_rbf"][-2:]
    own.add_task(task, describe_task(task)[1])
    own.add_evaluations(
        [
            make_evaluation(each.configuration, 1 - 3 * (1 - each.predicted_score), fingerprint=task.fingerprint)
            for each in measured
        ]
    )
    after = autometa.recommend(task, knowledge=own, k=2000)
    (default,) = (each for each in after if each.configuration == Configuration(algorithm="lightgbm"))
    gain = after[0].gain
    assert gain is not None
    assert gain.score == pytest.approx(after[0].predicted_score - default.predicted_score)


def test_what_is_first_of_a_weak_algorithm_has_the_interval_of_that_algorithm(
    base: KnowledgeBase, examples: Path
) -> None:
    task = autometa.read_task(examples / "diabetes.csv")
    metric = get_metric("auto", task.kind)
    known = base.experience(task.kind, metric, protocol="cv-v1", pipelines_version="1")
    first, second = autometa.recommend(task, knowledge=base, k=2, algorithms=["decision_tree"])
    calibration = calibration_for(Hybrid, known)
    size = unit(metric, describe_task(task)[0])
    own = calibration.of_algorithm("decision_tree").interval(first.predicted_score, size, is_first=True)
    of_all = calibration.interval(second.predicted_score, size)
    low, high = min(own[0], first.predicted_score), max(own[1], first.predicted_score)
    assert first.interval == pytest.approx((low, high))
    assert second.interval == pytest.approx(of_all)
    free = autometa.recommend(task, knowledge=base, k=1)[0]
    assert free.interval == pytest.approx(calibration.interval(free.predicted_score, size, is_first=True))


def test_nothing_is_left_where_all_origins_are_excluded(base: KnowledgeBase, examples: Path) -> None:
    origins = sorted(set(base.evaluations()["origin"]))
    words = rf"no multiclass task in .* is left without the runs of: {', '.join(origins)}; exclude fewer"
    with pytest.raises(NotKnownError, match=words):
        autometa.recommend(examples / "wine.csv", knowledge=base, exclude_origins=origins)


def test_times_are_those_of_this_machine(
    shipped_base: Path, examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = recommend(examples / "wine.csv", knowledge=shipped_base, k=3)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    keep_speed(0.5)
    slow = recommend(examples / "wine.csv", knowledge=shipped_base, k=3)
    assert [each.configuration for each in slow] == [each.configuration for each in usual]
    assert [each.fit_seconds for each in slow] == pytest.approx([2 * each.fit_seconds for each in usual])
    assert [each.memory_bytes for each in slow] == [each.memory_bytes for each in usual]
    note = "this machine is about 0.5 times as fast as the one that measured: predicted times are scaled"
    assert note in slow.notes
    assert set(slow.notes) - {note} == set(usual.notes)
