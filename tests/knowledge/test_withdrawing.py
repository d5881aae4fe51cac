"""Runs that those who measured them take back: gone for good, in whichever order shards are read, and nothing else."""

import csv
import itertools
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import update

from autometa.errors import ExchangeError, OptionError
from autometa.evaluation.record import Evaluation, Status
from autometa.knowledge import shards, shipped, tables, withdrawing
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.doctor import Level, examine
from autometa.knowledge.exchange import Exported, export_shard, import_shard
from autometa.knowledge.merging import merge_base
from autometa.knowledge.privacy import Privacy
from autometa.knowledge.shards import SCHEMA, WITHDRAWING_SCHEMA, read_shard
from autometa.knowledge.shelf import LISTED, Shelf
from autometa.knowledge.withdrawing import withdrawn_runs
from autometa.knowledge.writing import Added
from tests.knowledge.conftest import MakeEvaluation, MakeMetaFeatures, MakeTask, Records, WriteShard
from tests.knowledge.test_exchange import content_of
from tests.knowledge.test_mutations import VALUES
from tests.knowledge.test_removing import counts

pytestmark = pytest.mark.both_backends

REASON = "the clock of node 3 was wrong"
OLD_SCORES, NEW_SCORES, MY_SCORES = (0.25, 0.5), (0.5, 0.75), (0.75, 1.0)


@dataclass(frozen=True, kw_only=True)
class Issuer:
    """Who gives out shards.

    Parameters
    ----------
    folder : Path
        Holds ``old.parquet`` with runs of two tasks.
    bare, replacing : Path
        Withdraw a run of it; the latter brings a new result in its place.
    remeasured : Path
        The new result alone.
    listed : Path
        The list of what is withdrawn.
    """

    folder: Path
    bare: Path
    replacing: Path
    remeasured: Path
    listed: Path

    @property
    def old(self) -> Path:
        return self.folder / "old.parquet"


def write_list(path: Path, rows: Sequence[dict[str, object]]) -> Path:
    """Write a list of runs to be withdrawn."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*LISTED, "task"])
        writer.writeheader()
        writer.writerows(rows)
    return path


def row_of(evaluation: Evaluation) -> dict[str, object]:
    """Return the row of a run in such a list."""
    names = ("fingerprint", "protocol", "pipelines_version", "seed", "origin")
    return {name: getattr(evaluation, name) for name in names} | {
        "key": evaluation.configuration.key,
        "reason": REASON,
        "task": "ignored",
    }


@pytest.fixture
def run(make_task: MakeTask, make_evaluation: MakeEvaluation) -> Callable[..., Evaluation]:
    """A function that makes a run of the configuration in question on task 0."""

    def make(**changes: object) -> Evaluation:
        return make_evaluation(make_task(0), "bad", **{"origin": "pilot", "scores": OLD_SCORES, **changes})

    return make


@pytest.fixture
def add(make_task: MakeTask, make_metafeatures: MakeMetaFeatures) -> Callable[..., None]:
    """A function that adds runs at a time, their tasks before."""

    def add_at(base: KnowledgeBase, added_at: int, *evaluations: Evaluation) -> None:
        for number in range(2):
            base.add_task(make_task(number), make_metafeatures(), origin="pilot")
        base.add_evaluations(evaluations)
        with base.writing() as writer:
            e = tables.evaluations
            writer.connection.execute(update(e).where(e.c.added_at > 1_000_000).values(added_at=added_at))

    return add_at


@pytest.fixture
def issuer(
    add: Callable[..., None],
    run: Callable[..., Evaluation],
    make_task: MakeTask,
    make_evaluation: MakeEvaluation,
    tmp_path: Path,
) -> Issuer:
    """The origin "pilot", which measured "bad" on task 0 once more, later and elsewhere."""
    folder, made = tmp_path / "shelf", tmp_path / "made"
    others = [make_evaluation(make_task(number), "good", origin="pilot") for number in range(2)]
    others.append(make_evaluation(make_task(1), "bad", origin="pilot"))
    listed = write_list(tmp_path / "list.csv", [row_of(run())])
    with KnowledgeBase.create(tmp_path / "first.db") as base:
        add(base, 1000, run(versions={"python": "3.9"}), *others)
        export_shard(base, folder / "old.parquet")
        exported = export_shard(base, made / "bare.parquet", beside=Shelf.read(folder, withdraw=listed))
    assert exported == Exported(n_evaluations=0, n_withheld=0, n_withdrawn=1)
    with KnowledgeBase.create(tmp_path / "second.db") as base:
        add(base, 2000, run(scores=NEW_SCORES))
        exported = export_shard(base, made / "replacing.parquet", beside=Shelf.read(folder, withdraw=listed))
        assert exported == Exported(n_evaluations=1, n_withheld=0, n_withdrawn=1)
        export_shard(base, made / "remeasured.parquet")
    paths = {name: made / f"{name}.parquet" for name in ("bare", "replacing", "remeasured")}
    return Issuer(folder=folder, listed=listed, **paths)


def found(base: KnowledgeBase, algorithm: str = "bad", task: str = "binary-0") -> list[tuple[str, float]]:
    """Return (origin, accuracy) of the runs of an algorithm on a task."""
    runs = base.evaluations()
    runs = runs[(runs["algorithm"] == algorithm) & (runs["task"] == task)]
    return list(zip(runs["origin"], runs["accuracy"], strict=True))


def all_of(base: KnowledgeBase) -> dict[str, object]:
    """Return all that a base holds, in an order that does not depend on how it came in."""
    content = content_of(base)
    fingerprints = base.tasks()["fingerprint"]
    of = {f: base.evaluations_of(f, protocol="cv-v1", pipelines_version="1") for f in fingerprints}
    content["nouns"] = {f: sorted(map(str, evaluations)) for f, evaluations in of.items()}
    return {**content, "counts": counts(base), "withdrawn": withdrawn_runs(base)}


def check_sound(base: KnowledgeBase) -> None:
    """Fail if the doctor finds something broken."""
    assert [finding for finding in examine(base) if finding.level is Level.BROKEN] == []


def test_a_run_that_is_withdrawn_goes_and_nothing_else_does(base: KnowledgeBase, issuer: Issuer) -> None:
    assert import_shard(base, issuer.old) == Added(n_new=4)
    before, revision = counts(base), base.revision
    assert import_shard(base, issuer.bare) == Added(n_withdrawn=1)
    assert found(base) == []
    assert len(found(base, task="binary-1")) == len(found(base, "good")) == 1
    expected = before | {"evaluations": 3, "environments": before["environments"] - 1, "withdrawals": 1}
    assert counts(base) == expected
    assert withdrawn_runs(base) == {("pilot", REASON): 1}
    assert base.revision == revision + 1
    check_sound(base)


@pytest.mark.parametrize("name", ["bare", "replacing"])
def test_what_is_withdrawn_before_it_comes_does_not_come(base: KnowledgeBase, issuer: Issuer, name: str) -> None:
    withdrawing = getattr(issuer, name)
    expected = [("pilot", 0.625)] if name == "replacing" else []
    assert import_shard(base, withdrawing) == Added(n_new=len(expected))
    assert import_shard(base, issuer.old) == Added(n_new=3, n_withdrawn=1)
    assert found(base) == expected
    assert base.status().differing_repeats == 0
    check_sound(base)


@pytest.mark.parametrize("name", ["bare", "replacing"])
def test_what_is_read_again_changes_nothing(base: KnowledgeBase, issuer: Issuer, name: str) -> None:
    withdrawing = getattr(issuer, name)
    for path in (issuer.old, withdrawing):
        import_shard(base, path)
    before = (base.status(), content_of(base), counts(base))
    assert import_shard(base, issuer.old) == Added(n_same=3, n_withdrawn=1)
    assert import_shard(base, withdrawing) == Added(n_same=int(name == "replacing"))
    assert (base.status(), content_of(base), counts(base)) == before


@pytest.mark.sqlite_only
def test_every_order_of_shards_gives_the_same_base(issuer: Issuer, tmp_path: Path) -> None:
    contents = []
    for number, order in enumerate(itertools.permutations([issuer.old, issuer.replacing, issuer.bare])):
        with KnowledgeBase.create(tmp_path / f"{number}.db") as base:
            for path in order:
                import_shard(base, path)
            assert found(base) == [("pilot", 0.625)]
            contents.append(all_of(base))
    for content in contents[1:]:
        assert content == contents[0]


@pytest.fixture
def two_issuers(add: Callable[..., None], run: Callable[..., Evaluation], tmp_path: Path) -> dict[str, Path]:
    """Two origins that measured the same cell, with other results, each of which takes its run back."""
    paths: dict[str, Path] = {}
    for name, added_at, scores in (("alice", 1000, OLD_SCORES), ("bob", 1500, NEW_SCORES)):
        folder, mine = tmp_path / name, run(origin=name, scores=scores)
        listed = write_list(tmp_path / f"{name}.csv", [row_of(mine)])
        paths |= {name: folder / "run.parquet", f"not {name}": tmp_path / f"not-{name}.parquet"}
        with KnowledgeBase.create(tmp_path / f"{name}.db") as base:
            add(base, added_at, mine)
            export_shard(base, paths[name])
            export_shard(base, paths[f"not {name}"], beside=Shelf.read(folder, withdraw=listed))
    return paths


@pytest.mark.sqlite_only
@pytest.mark.parametrize("withdrawn", [("alice",), ("bob",), ("alice", "bob")])
def test_in_every_order_what_two_origins_found_on_one_cell_goes_as_they_take_it_back(
    two_issuers: dict[str, Path], withdrawn: tuple[str, ...], tmp_path: Path
) -> None:
    names = ["alice", "bob", *(f"not {name}" for name in withdrawn)]
    expected = {"alice": 0.375, "bob": 0.625}
    left = [(name, score) for name, score in expected.items() if name not in withdrawn]
    for number, order in enumerate(itertools.permutations(names)):
        with KnowledgeBase.create(tmp_path / f"{number}.db") as base:
            for name in order:
                import_shard(base, two_issuers[name])
            assert found(base) == left, order
            assert base.status().differing_repeats == 0
            assert set(base.evaluations()["added_at"]) <= {1000, 1500}
            check_sound(base)


def test_a_result_kept_aside_goes_though_its_withdrawal_is_read_later_than_that_of_its_run(
    base: KnowledgeBase,
    two_issuers: dict[str, Path],
    write_shard: WriteShard,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Withdrawals of one shard, of which so many are looked at that the two fall into different statements."""
    monkeypatch.setattr(withdrawing, "_CHUNK", 1)
    for name in ("alice", "bob"):
        import_shard(base, two_issuers[name])
    rows = [row for name in ("alice", "bob") for row in pq.read_table(two_issuers[f"not {name}"]).to_pylist()]
    assert import_shard(base, write_shard(rows, schema=WITHDRAWING_SCHEMA)) == Added(n_withdrawn=2)
    assert found(base) == []


@pytest.mark.parametrize("withdraws_first", [False, True])
def test_a_new_result_with_the_same_scores_replaces_the_old_one(
    base: KnowledgeBase,
    issuer: Issuer,
    add: Callable[..., None],
    run: Callable[..., Evaluation],
    tmp_path: Path,
    withdraws_first: bool,
) -> None:
    """Its seconds were wrong, not its scores."""
    with KnowledgeBase.create(tmp_path / "third.db") as third:
        add(third, 2000, run(fit_seconds=7.0))
        export_shard(third, tmp_path / "new.parquet", beside=Shelf.read(issuer.folder, withdraw=issuer.listed))
    for path in sorted([issuer.old, tmp_path / "new.parquet"], reverse=withdraws_first, key=lambda p: p.stem == "new"):
        import_shard(base, path)
    runs = base.evaluations()
    assert runs[(runs["algorithm"] == "bad") & (runs["task"] == "binary-0")]["fit_seconds"].tolist() == [7.0]


@pytest.mark.parametrize("name", ["bare", "replacing"])
def test_the_users_own_run_on_the_same_cell_stays(
    base: KnowledgeBase, issuer: Issuer, add: Callable[..., None], run: Callable[..., Evaluation], name: str
) -> None:
    mine = run(origin="local", scores=MY_SCORES)
    add(base, 1000, mine)  # in the very same second
    assert import_shard(base, issuer.old) == Added(n_new=3, n_differing=1)
    is_replacing = name == "replacing"
    assert import_shard(base, getattr(issuer, name)) == Added(n_withdrawn=1, n_differing=int(is_replacing))
    assert mine in base.evaluations_of(mine.fingerprint, protocol="cv-v1", pipelines_version="1")
    assert base.status().differing_repeats == int(is_replacing)
    check_sound(base)


def test_the_users_own_result_that_was_kept_aside_takes_the_place(
    base: KnowledgeBase, issuer: Issuer, run: Callable[..., Evaluation]
) -> None:
    import_shard(base, issuer.old)
    failed = run(origin="me too", status=Status.FAILED)
    assert base.add_evaluations([run(origin="local", scores=MY_SCORES), failed]) == Added(n_differing=2)
    assert import_shard(base, issuer.bare) == Added(n_withdrawn=1)
    assert found(base) == [("local", 0.875)]
    (kept,) = (
        e
        for e in base.evaluations_of(failed.fingerprint, protocol="cv-v1", pipelines_version="1")
        if e.configuration == failed.configuration
    )
    assert set(kept.fold_scores["accuracy"]) == {0.875}
    assert (len(kept.fold_scores["accuracy"]), dict(kept.versions)) == (1, {})
    assert base.status().differing_repeats == 1
    check_sound(base)


def test_a_failure_that_was_kept_aside_takes_the_place_too(
    base: KnowledgeBase, issuer: Issuer, run: Callable[..., Evaluation]
) -> None:
    import_shard(base, issuer.old)
    base.add_evaluations([run(origin="local", status=Status.TIMED_OUT)])
    import_shard(base, issuer.bare)
    assert base.status().evaluations["timed_out"] == 1
    check_sound(base)


def test_beside_a_new_result_what_was_kept_aside_stays_there(
    base: KnowledgeBase, issuer: Issuer, run: Callable[..., Evaluation]
) -> None:
    import_shard(base, issuer.old)
    base.add_evaluations([run(origin="local", scores=MY_SCORES), run(origin="bob", scores=NEW_SCORES)])
    assert base.status().differing_repeats == 2
    assert import_shard(base, issuer.replacing) == Added(n_new=1, n_withdrawn=1)
    assert found(base) == [("pilot", 0.625)]
    assert base.status().differing_repeats == 1  # what bob found is now the same
    check_sound(base)


def test_the_same_run_of_another_origin_stays(
    base: KnowledgeBase, issuer: Issuer, add: Callable[..., None], run: Callable[..., Evaluation]
) -> None:
    add(base, 1000, run(origin="bob"))
    assert import_shard(base, issuer.bare) == Added()
    assert found(base) == [("bob", 0.375)]
    assert import_shard(base, issuer.old) == Added(n_new=3, n_withdrawn=1)


@pytest.mark.parametrize("change", [{"added_at": 999}, {"result": "0" * 64}, {"seed": 1}, {"protocol": "cv-v2"}])
def test_a_run_must_be_named_in_full(
    base: KnowledgeBase, issuer: Issuer, write_shard: WriteShard, change: dict[str, object]
) -> None:
    """One who has not seen a run cannot have it removed."""
    import_shard(base, issuer.old)
    rows = [row | change for row in pq.read_table(issuer.bare).to_pylist()]
    assert import_shard(base, write_shard(rows, schema=WITHDRAWING_SCHEMA)) == Added()
    assert found(base) == [("pilot", 0.375)]


def test_a_result_of_the_issuer_that_was_kept_aside_goes_too(
    base: KnowledgeBase, issuer: Issuer, add: Callable[..., None], run: Callable[..., Evaluation]
) -> None:
    add(base, 5, run(origin="local", scores=MY_SCORES))
    for path in (issuer.old, issuer.remeasured):
        import_shard(base, path)
    assert base.status().differing_repeats == 2
    assert import_shard(base, issuer.bare) == Added(n_withdrawn=1)
    assert base.status().differing_repeats == 1  # the new result


def test_a_base_hands_on_what_it_knows_to_be_withdrawn(base: KnowledgeBase, issuer: Issuer, tmp_path: Path) -> None:
    import_shard(base, issuer.old)
    with KnowledgeBase.create(tmp_path / "other.db") as other:
        import_shard(other, issuer.replacing)
    assert merge_base(base, tmp_path / "other.db") == Added(n_new=1, n_withdrawn=1)
    assert found(base) == [("pilot", 0.625)]
    before = (base.status(), counts(base))
    assert merge_base(base, tmp_path / "other.db") == Added(n_same=1)
    assert (base.status(), counts(base)) == before
    with KnowledgeBase.create(tmp_path / "late.db") as late:
        import_shard(late, issuer.old)
    assert merge_base(base, tmp_path / "late.db") == Added(n_same=3, n_withdrawn=1)
    assert found(base) == [("pilot", 0.625)]


def test_a_base_with_a_wrong_withdrawal_is_not_merged(base: KnowledgeBase, issuer: Issuer, tmp_path: Path) -> None:
    with KnowledgeBase.create(tmp_path / "other.db") as other:
        import_shard(other, issuer.bare)
        with other.writing() as writer:
            writer.connection.execute(update(tables.withdrawals).values(origin="local"))
    import_shard(base, issuer.old)
    with pytest.raises(ExchangeError, match="withdrawal 1: it withdraws a run of 'local', which is anybody's"):
        merge_base(base, tmp_path / "other.db")
    assert withdrawn_runs(base) == {}


def test_many_runs_are_withdrawn_at_once(
    base: KnowledgeBase,
    make_task: MakeTask,
    make_evaluation: MakeEvaluation,
    add: Callable[..., None],
    tmp_path: Path,
) -> None:
    """More than stand in one statement."""
    runs = [make_evaluation(make_task(i % 2), "bad", seed=i // 2, origin="pilot") for i in range(1203)]
    with KnowledgeBase.create(tmp_path / "many.db") as many:
        add(many, 1000, *runs)
        export_shard(many, tmp_path / "shelf" / "old.parquet")
        listed = write_list(tmp_path / "list.csv", [row_of(run) for run in runs[:1201]])
        exported = export_shard(many, tmp_path / "new.parquet", beside=Shelf.read(tmp_path / "shelf", withdraw=listed))
    assert exported.n_withdrawn == 1201
    import_shard(base, tmp_path / "shelf" / "old.parquet")
    assert import_shard(base, tmp_path / "new.parquet") == Added(n_withdrawn=1201)
    assert base.status().evaluations["total"] == 2


# First use and later releases ------------------------------------------------------------------------------------


@pytest.mark.sqlite_only
@pytest.mark.parametrize("names", [("1-old", "2-withdrawn", "3-new"), ("3-old", "1-withdrawn", "2-new")])
def test_first_use_and_top_up_end_with_the_new_result(issuer: Issuer, names: Sequence[str], tmp_path: Path) -> None:
    folder = tmp_path / "shipped"
    folder.mkdir()
    old, withdrawing, new = (folder / f"{name}.parquet" for name in names)
    for source, target in ((issuer.old, old), (issuer.bare, withdrawing), (issuer.remeasured, new)):
        shutil.copy(source, target)
    with KnowledgeBase.create(tmp_path / "first.use.db") as first:
        shipped.add_shards(first, sorted(folder.iterdir()))
    with KnowledgeBase.create(tmp_path / "older.db") as older:
        shipped.add_shards(older, [old])
        shipped.add_shards(older, sorted({new, withdrawing}))
        assert found(older) == [("pilot", 0.625)]
        with KnowledgeBase(tmp_path / "first.use.db") as first:
            assert all_of(older) == all_of(first)
            assert first.status().differing_repeats == 0


@pytest.mark.sqlite_only
def test_a_shard_that_cannot_be_read_is_refused_as_ever(base: KnowledgeBase, issuer: Issuer, tmp_path: Path) -> None:
    (tmp_path / "broken.parquet").write_bytes(b"broken")
    with pytest.raises(ExchangeError, match=r"broken\.parquet is not a readable Parquet file"):
        shipped.add_shards(base, [issuer.old, tmp_path / "broken.parquet"])


# How such a shard is made ----------------------------------------------------------------------------------------


@pytest.mark.sqlite_only
def test_only_a_shard_that_withdraws_has_the_version_that_older_releases_refuse(issuer: Issuer) -> None:
    assert pq.read_schema(issuer.bare).equals(WITHDRAWING_SCHEMA, check_metadata=True)
    assert pq.read_schema(issuer.remeasured).equals(SCHEMA, check_metadata=True)
    versions = [schema.metadata[b"autometa_shard"] for schema in (SCHEMA, WITHDRAWING_SCHEMA)]
    assert versions == [b"4", b"5"]


@pytest.mark.sqlite_only
def test_beside_a_shard_that_withdraws_the_old_result_is_not_written_and_the_new_one_is_once(
    issuer: Issuer, tmp_path: Path
) -> None:
    shutil.copy(issuer.bare, issuer.folder)
    with KnowledgeBase(tmp_path / "first.db") as first, KnowledgeBase(tmp_path / "second.db") as second:
        assert export_shard(first, tmp_path / "a.parquet", beside=issuer.folder).n_evaluations == 0
        assert export_shard(second, issuer.folder / "new.parquet", beside=issuer.folder).n_evaluations == 1
        assert export_shard(second, tmp_path / "b.parquet", beside=issuer.folder).n_evaluations == 0


@pytest.mark.sqlite_only
def test_a_result_that_replaced_another_can_be_withdrawn_in_its_turn(
    base: KnowledgeBase, issuer: Issuer, tmp_path: Path
) -> None:
    shutil.copy(issuer.replacing, issuer.folder)
    with KnowledgeBase(tmp_path / "second.db") as second:
        path = tmp_path / "again.parquet"
        assert export_shard(second, path, beside=Shelf.read(issuer.folder, withdraw=issuer.listed)).n_withdrawn == 1
    assert read_shard(path)["withdrawal"]["added_at"].to_pylist() == [2000]
    for order in itertools.permutations([issuer.old, issuer.replacing, path]):
        for shard in order:
            import_shard(base, shard)
        assert found(base) == []
    assert withdrawn_runs(base).total() == 2


@pytest.mark.sqlite_only
def test_withdrawals_do_not_go_with_privacy(issuer: Issuer, base: KnowledgeBase, tmp_path: Path) -> None:
    shelf = Shelf.read(issuer.folder, withdraw=issuer.listed)
    with pytest.raises(OptionError, match="which privacy 'no-names' keeps back; leave it out"):
        export_shard(base, tmp_path / "a.parquet", beside=shelf, privacy=Privacy.NO_NAMES)


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"reason": ""}, "row 1: say the reason in one line of 1 to 500 characters"),
        ({"reason": "x" * 501}, "row 1: say the reason in one line"),
        ({"reason": "two\nlines"}, "row 1: say the reason in one line"),
        ({"seed": "one"}, "row 1: the seed is a whole number, not 'one'"),
        ({"seed": ""}, "row 1: the seed is a whole number, not ''"),
        ({"seed": 1}, "row 1: no shard in .*shelf holds such a run, or it is withdrawn already"),
        ({"fingerprint": "abc"}, "row 1: no shard in"),
        ({"origin": "bob"}, "row 1: no shard in"),
        ({"origin": "local"}, "row 1: runs of 'local' are anybody's and cannot be withdrawn"),
        ({"origin": "undisclosed"}, "row 1: runs of 'undisclosed' are anybody's"),
    ],
)
def test_a_list_that_makes_no_sense_is_refused(
    issuer: Issuer, run: Callable[..., Evaluation], change: dict[str, object], words: str
) -> None:
    write_list(issuer.listed, [row_of(run()) | change])
    with pytest.raises(OptionError, match=rf"^list\.csv, {words}") as caught:
        Shelf.read(issuer.folder, withdraw=issuer.listed)
    assert "\n" not in str(caught.value)


@pytest.mark.sqlite_only
def test_a_file_that_is_no_list_is_refused(issuer: Issuer, run: Callable[..., Evaluation], tmp_path: Path) -> None:
    write_list(issuer.listed, [row_of(run()), row_of(run()) | {"reason": "another"}])
    with pytest.raises(OptionError, match="row 2: the run is listed twice; leave one out"):
        Shelf.read(issuer.folder, withdraw=issuer.listed)
    write_list(issuer.listed, [])
    with pytest.raises(OptionError, match=r"list\.csv lists no runs"):
        Shelf.read(issuer.folder, withdraw=issuer.listed)
    issuer.listed.write_text("fingerprint,seed\na,0\n")
    with pytest.raises(OptionError, match="lacks the columns key, protocol, pipelines_version, origin, reason; it"):
        Shelf.read(issuer.folder, withdraw=issuer.listed)
    for content in (b"\xff\xfe\x00", b'"a\n'):
        issuer.listed.write_bytes(content)
        with pytest.raises((ExchangeError, OptionError), match=r"list\.csv"):
            Shelf.read(issuer.folder, withdraw=issuer.listed)
    with pytest.raises(ExchangeError, match=r"cannot read .*none\.csv as a CSV file: No such file"):
        Shelf.read(issuer.folder, withdraw=tmp_path / "none.csv")


@pytest.mark.sqlite_only
def test_what_is_withdrawn_already_is_not_withdrawn_again(issuer: Issuer) -> None:
    shutil.copy(issuer.bare, issuer.folder)
    with pytest.raises(OptionError, match="or it is withdrawn already"):
        Shelf.read(issuer.folder, withdraw=issuer.listed)


# What comes in is believed in nothing -----------------------------------------------------------------------------


@pytest.fixture
def rows(issuer: Issuer) -> Records:
    """The rows of a shard that withdraws a run and brings another."""
    found_rows: Records = pq.read_table(issuer.replacing).to_pylist()
    return found_rows


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"origin": "local"}, "it withdraws a run of 'local', which is anybody's"),
        ({"origin": "undisclosed"}, "it withdraws a run of 'undisclosed', which is anybody's"),
        ({"origin": None}, "origin must be a text of 1 to 200 characters"),
        ({"origin": "o" * 201}, "origin must be a text"),
        ({"reason": None}, "reason must be a text of 1 to 500 characters"),
        ({"reason": "r" * 501}, "reason must be a text"),
        ({"reason": "r" * 100_001}, "reason is longer than 100000"),
        ({"reason": "\x1b[2J"}, r"reason holds the control character U\+001B"),
        ({"reason": "a\nb"}, r"reason holds the control character U\+000A"),
        ({"reason": "a\u2028b"}, "the reason is not one line of text"),
        ({"protocol": "p" * 101}, "protocol must be a text"),
        ({"pipelines_version": ""}, "pipelines_version must be a text"),
        ({"fingerprint": "F" * 64}, "not a sha-256"),
        ({"key": None}, "not a sha-256"),
        ({"result": "0" * 63}, "not a sha-256"),
        ({"seed": None}, "a seed of None"),
        ({"added_at": -1}, "added at -1"),
        ({"added_at": None}, "not supported between"),
    ],
)
def test_a_withdrawal_that_breaks_a_rule_refuses_the_file(
    base: KnowledgeBase, issuer: Issuer, rows: Records, write_shard: WriteShard, change: dict[str, object], words: str
) -> None:
    import_shard(base, issuer.old)
    before = (content_of(base), counts(base), base.revision)
    changed = [row | change if row["record"] == "withdrawal" else row for row in rows]
    with pytest.raises(ExchangeError, match=words) as caught:
        import_shard(base, write_shard(changed, schema=WITHDRAWING_SCHEMA))
    assert str(caught.value).startswith("made.parquet, withdrawal 1: ")
    assert str(caught.value).count("\n") == 0
    assert (content_of(base), counts(base), base.revision) == before


@pytest.mark.sqlite_only
def test_every_odd_cell_of_a_withdrawal_is_taken_or_refused(
    base: KnowledgeBase, issuer: Issuer, rows: Records, write_shard: WriteShard
) -> None:
    import_shard(base, issuer.old)
    before = (content_of(base), counts(base))
    n_refused = 0
    for field in WITHDRAWING_SCHEMA:
        for value in VALUES[field.type]:
            changed = [row | {field.name: value} if row["record"] == "withdrawal" else row for row in rows]
            path = write_shard(changed, schema=WITHDRAWING_SCHEMA)
            try:
                read_shard(path)
            except ExchangeError:
                n_refused += 1
                with pytest.raises(ExchangeError, match=r"\Amade\.parquet.*\Z"):
                    import_shard(base, path)
                assert (content_of(base), counts(base)) == before
    assert n_refused > 90


@pytest.mark.sqlite_only
def test_a_shard_withdraws_no_more_than_it_may(
    base: KnowledgeBase, rows: Records, write_shard: WriteShard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "MAX_WITHDRAWALS", 2)
    more = [row | {"seed": seed} for row in rows for seed in range(3) if row["record"] == "withdrawal"]
    with pytest.raises(ExchangeError, match="withdraws 3 runs; a shard withdraws at most 2, the file is refused"):
        import_shard(base, write_shard(more, schema=WITHDRAWING_SCHEMA))
    assert import_shard(base, write_shard(more[:2], schema=WITHDRAWING_SCHEMA)) == Added()


@pytest.mark.sqlite_only
def test_a_shard_of_an_earlier_version_withdraws_nothing(
    base: KnowledgeBase, rows: Records, write_shard: WriteShard
) -> None:
    with pytest.raises(ExchangeError, match="withdrawal 1: not a sha-256"):
        import_shard(base, write_shard(rows, schema=SCHEMA))
    schema = pa.schema(list(WITHDRAWING_SCHEMA), metadata=SCHEMA.metadata)
    with pytest.raises(ExchangeError, match="missing, unknown or mistyped columns: reason, result"):
        import_shard(base, write_shard(rows, schema=schema))


# What the base tells ----------------------------------------------------------------------------------------------


def test_the_doctor_says_what_is_withdrawn_and_why(base: KnowledgeBase, issuer: Issuer) -> None:
    def message() -> str:
        return next(finding.message for finding in examine(base) if finding.check == "withdrawn runs")

    assert message() == "none"
    import_shard(base, issuer.bare)
    assert message() == f"1 run is kept out, taken back by its origin: 1 of pilot ({REASON})"
