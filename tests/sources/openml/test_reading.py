"""Data sets and tasks of OpenML: columns are of the kinds that it says, whatever their values look like."""

from pathlib import Path

import numpy as np
import openml
import pytest

import autometa
from autometa.errors import DataError, NotOfferedError, OptionError, SourceError
from autometa.sources.openml.connection import Connection
from autometa.sources.openml.fetching import fetch_qualities, fetch_splits, fetch_task
from autometa.sources.openml.reading import Reference, fetch, from_openml
from autometa.sources.tables import as_task
from autometa.task import ColumnKind
from autometa.task_kind import TaskKind
from tests.openml_http import malformed, refusal, silent, status
from tests.openml_server import OpenMLServer
from tests.sources.openml.made_up import flowers

QUICK = Connection(seconds=20, n_attempts=1)


@pytest.fixture
def server(openml_here: OpenMLServer) -> OpenMLServer:
    openml_here.add_table(31, flowers(), target="kind", name="Wild-Flowers", row_id="number", ignore=["secret"])
    openml_here.add_task(7, 31)
    return openml_here


def test_columns_are_of_the_kinds_that_openml_says(server: OpenMLServer) -> None:
    task = autometa.from_openml("openml:31")
    assert task.column_kinds == {
        "width": ColumnKind.NUMERIC,
        "few": ColumnKind.NUMERIC,
        "petals": ColumnKind.CATEGORICAL,
        "is wild": ColumnKind.CATEGORICAL,
        "colour": ColumnKind.CATEGORICAL,
        "remark": ColumnKind.CATEGORICAL,  # a string by OpenML, of few distinct ones
    }
    assert task.X["petals"].cat.categories.tolist() == ["1", "2", "10"]
    assert task.X["is wild"].cat.categories.tolist() == ["FALSE", "TRUE"]
    assert (task.X["width"].isna().sum(), task.X["petals"].isna().sum()) == (1, 1)
    assert task.kind is TaskKind.BINARY
    assert task.classes == ("1", "2")
    assert (task.n_rows, task.target) == (60, "kind")


def test_a_label_that_looks_like_a_missing_value_is_none_where_openml_declares_it(server: OpenMLServer) -> None:
    task = from_openml(31)
    expected = flowers()["colour"].astype("str").replace("NA", "'NA'")
    assert task.X["colour"].astype("str").tolist() == expected.tolist()
    assert any("stand in quotes: 'colour'" in note for note in task.notes)


def test_where_a_table_comes_from_is_told(server: OpenMLServer) -> None:
    task = from_openml("task/7")
    assert task.name == "Wild-Flowers (openml:task/7)"
    assert task.licence == "CC BY 4.0"
    assert task.family == "wild_flowers"
    assert task.notes[0] == ("data set 31 of OpenML: 'Wild-Flowers', version 1, as task 7 has it; licence: CC BY 4.0")
    assert any("left out, as OpenML says" in note and "'number', 'secret'" in note for note in task.notes)


def test_versions_of_a_data_set_are_of_one_family(server: OpenMLServer) -> None:
    server.add_table(32, flowers(seed=1), target="kind", name="wild_flowers", version=2, licence=None)
    first, second = from_openml(31), from_openml(32)
    assert first.family == second.family
    assert first.fingerprint != second.fingerprint
    assert second.licence == "not stated"


def test_parquet_and_arff_give_the_same_task(server: OpenMLServer) -> None:
    server.add_table(33, flowers(), target="kind", row_id="number", ignore=["secret"], is_parquet=True)
    task = from_openml(33)
    assert server.n_asked("GET /datasets/0000/0033/dataset_33.pq") == 1
    assert server.n_asked("GET /data/v1/download/33") == 0
    assert task.fingerprint == from_openml(31).fingerprint
    assert task.column_kinds == from_openml(31).column_kinds
    assert task.X["petals"].cat.categories.tolist() == ["1", "2", "10"]


def test_nominal_columns_of_a_parquet_file_with_other_types_are_categories_of_the_declared_labels(
    server: OpenMLServer,
) -> None:
    frame = flowers()
    stored = frame.assign(
        petals=frame["petals"].astype("float64"), **{"is wild": frame["is wild"] == "TRUE", "kind": frame["kind"]}
    )
    server.add_table(34, frame, target="kind", row_id="number", ignore=["secret"], is_parquet=True)
    path = Path(Connection().cache) / "datasets" / "34" / "dataset_34.pq"
    path.parent.mkdir(parents=True)
    stored.to_parquet(path)
    assert from_openml(34).fingerprint == from_openml(31).fingerprint


def test_a_parquet_file_that_does_not_come_is_no_loss(server: OpenMLServer) -> None:
    server.add_table(33, flowers(), target="kind", row_id="number", ignore=["secret"], is_parquet=True)
    server.fail("(GET|HEAD) /datasets/", status(404))
    assert from_openml(33).fingerprint == from_openml(31).fingerprint


def test_the_type_of_the_target_or_of_the_task_decides_the_kind(server: OpenMLServer) -> None:
    assert from_openml(31, target="few").kind is TaskKind.REGRESSION
    assert from_openml(31, target="petals").kind is TaskKind.MULTICLASS
    assert from_openml(31, target="few", kind="classification").kind is TaskKind.MULTICLASS
    server.add_task(8, 31, target="few", type_id=1)
    server.add_task(9, 31, target="few", type_id=2)
    assert from_openml("openml:task/8").kind is TaskKind.MULTICLASS
    assert from_openml("openml:task/9").kind is TaskKind.REGRESSION


def test_a_task_has_its_own_target_and_kind(server: OpenMLServer) -> None:
    with pytest.raises(OptionError, match=r"openml:task/7 says itself what is to be predicted; .*: openml:31"):
        from_openml("task/7", target="petals")
    with pytest.raises(OptionError, match="says itself"):
        from_openml("task/7", kind="regression")


def test_a_task_of_another_type_is_refused(server: OpenMLServer) -> None:
    server.add_task(10, 31, type_id=5)
    with pytest.raises(DataError, match="openml:task/10 is neither a classification nor a regression"):
        from_openml("task/10")
    server.add_task(12, 31, type_id=7)
    with pytest.raises(DataError, match="task 12 of OpenML is of a form that cannot be used here"):
        from_openml("task/12")


def test_a_data_set_without_a_target_asks_for_one(server: OpenMLServer) -> None:
    server.add_table(40, flowers(), target=None, name="nameless")
    with pytest.raises(OptionError, match=r"'nameless'.* has no default target; name one with --target: 'number'"):
        from_openml(40)
    assert from_openml(40, target="kind").target == "kind"


def test_other_targets_are_left_out(server: OpenMLServer) -> None:
    server.add_table(41, flowers(), target="few,kind", name="many")
    with pytest.raises(OptionError, match="has several targets; name one with --target: 'few', 'kind'"):
        from_openml(41)
    assert "few" not in from_openml(41, target="kind").X.columns


def test_rows_without_a_target_are_left_out_and_known(server: OpenMLServer) -> None:
    frame = flowers()
    frame.loc[[0, 5], "kind"] = np.nan
    server.add_table(42, frame, target="kind")
    server.add_task(11, 42, n_folds=4)
    fetched = fetch(QUICK, Reference(number=11, is_task=True))
    assert fetched.task.n_rows == 58
    assert fetched.rows.tolist() == [row for row in range(60) if row not in (0, 5)]
    splits = fetch_splits(QUICK, fetch_task(QUICK, 11))
    given = openml.tasks.get_task(11, download_splits=True)
    for number, (train, test) in enumerate(splits.for_rows(fetched.rows, fetched.n_file_rows)):
        theirs = given.get_train_test_split_indices(fold=number)
        assert set(fetched.rows[train]) == set(theirs[0].tolist()) - {0, 5}
        assert set(fetched.rows[test]) == set(theirs[1].tolist()) - {0, 5}


def test_a_data_set_without_a_description_of_its_columns_is_read_by_its_file(server: OpenMLServer) -> None:
    server.fail("GET /api/v1/xml/data/features/31", refusal(271, "Unknown dataset"))
    task = from_openml(31)
    assert task.column_kinds["petals"] is ColumnKind.CATEGORICAL
    assert any("OpenML says nothing of its columns" in note for note in task.notes)
    assert from_openml(31, offline=True).fingerprint == task.fingerprint


@pytest.mark.parametrize("words", ["", "anneal", "openml:", "task/x", "run/3", "openml:3.5", "openml:task/3/4"])
def test_what_is_no_reference_is_refused(words: str) -> None:
    with pytest.raises(OptionError, match="not a data set or task of OpenML"):
        Reference.parse(words)


def test_an_unknown_id_is_told(server: OpenMLServer) -> None:
    with pytest.raises(NotOfferedError, match="OpenML has no data set 999"):
        from_openml(999)
    with pytest.raises(NotOfferedError, match="OpenML has no task 999"):
        from_openml("task/999")


def test_offline_the_cache_must_do(server: OpenMLServer) -> None:
    with pytest.raises(SourceError, match=r"offline, and task 7 is not in the cache of openml \(.*task\.xml\)"):
        from_openml("task/7", offline=True)
    online = from_openml("task/7")
    n_asked = len(server.asked)
    assert from_openml("task/7", offline=True).fingerprint == online.fingerprint
    assert from_openml(31, offline=True).fingerprint == online.fingerprint
    assert from_openml("task/7").fingerprint == online.fingerprint
    assert len(server.asked) == n_asked, "what is in the cache is not asked for again"


@pytest.mark.parametrize("name", ["description.xml", "features.xml", "dataset.arff"])
def test_half_a_file_of_a_killed_process_is_fetched_again(server: OpenMLServer, name: str) -> None:
    whole = from_openml(31)
    path = Connection().cache / "datasets" / "31" / name
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(SourceError, match="is broken in the cache"):
        from_openml(31, offline=True)
    assert from_openml(31).fingerprint == whole.fingerprint
    assert path.read_bytes() == content


def test_what_is_in_the_cache_outlives_an_answer_that_does_not_come(server: OpenMLServer) -> None:
    table = from_openml(31)
    server.fail("GET /api/v1/xml/data/qualities/31", status(504))
    with pytest.raises(SourceError, match="the qualities of data set 31"):
        fetch_qualities(QUICK, 31)
    server.mend()
    server.fail("GET /api/v1/xml/data/qualities/31", silent(0.6))
    with pytest.raises(SourceError, match=r"no answer within 0\.3 s"):
        fetch_qualities(Connection(seconds=0.3, n_attempts=1), 31)
    server.mend()
    server.fail("GET /api/v1/xml/data/qualities/31", refusal(362, "No qualities found"))
    assert fetch_qualities(QUICK, 31) == {}
    assert from_openml(31, offline=True).fingerprint == table.fingerprint
    assert sorted(path.name for path in Connection().cache.iterdir()) == ["datasets"]


def test_an_answer_about_something_else_is_not_taken(server: OpenMLServer) -> None:
    server.add_table(32, flowers(seed=1), target="kind", name="another")
    about_another = openml.config.server + "/data/32"
    server.route(
        "GET", "data/31$", lambda request: server.answer("GET", about_another.removeprefix(server.root), {}, {})
    )
    with pytest.raises(SourceError, match=r"data set 31 in a form that cannot be read \(description.xml is about 32"):
        from_openml(31)


def test_half_a_file_of_splits_is_fetched_again(server: OpenMLServer) -> None:
    info = fetch_task(QUICK, 7)
    whole = fetch_splits(QUICK, info)
    for name in ("datasplits.arff", "task.xml"):
        path = Connection().cache / "tasks" / "7" / name
        content = path.read_bytes()
        lines = content[: len(content) // 2].splitlines(keepends=True)
        path.write_bytes(b"".join(lines[:-1]))  # whole lines, so that only their number tells
        info = fetch_task(QUICK, 7)
        again = fetch_splits(QUICK, info)
        assert path.read_bytes() == content
        assert [test.tolist() for _, test in again.folds] == [test.tolist() for _, test in whole.folds]


def test_a_file_that_never_comes_whole_is_told(server: OpenMLServer) -> None:
    server.add("/data/v1/download/31/table.arff", "@relation half\n@attribute a nu")
    with pytest.raises(SourceError, match=r"the data of data set 31.*not what its checksum says"):
        fetch(QUICK, Reference(number=31))
    server.add_table(32, flowers(), target="kind")
    server.fail("GET /api/v1/xml/data/features/32", malformed())
    with pytest.raises(SourceError, match=r"the columns of data set 32.*cannot be read"):
        fetch(QUICK, Reference(number=32))


def test_splits_that_do_not_fit_the_table_are_told(server: OpenMLServer) -> None:
    fetched = fetch(QUICK, Reference(number=7, is_task=True))
    splits = fetch_splits(QUICK, fetch_task(QUICK, 7))
    with pytest.raises(DataError, match="the splits of OpenML have row 59, the table has 50"):
        splits.for_rows(np.arange(50), 50)
    assert len(splits.for_rows(fetched.rows, 60)) == 3


def test_whatever_takes_a_table_takes_a_reference(server: OpenMLServer) -> None:
    assert autometa.describe("openml:31")["nr_inst"] == pytest.approx(60)
    assert as_task("openml:task/7").fingerprint == from_openml(31).fingerprint
    with pytest.raises(OptionError, match="openml:31 has its target in it"):
        autometa.recommend("openml:31", [1, 2])
    with pytest.raises(OptionError, match="--offline is for tables of OpenML"):
        as_task(flowers(), target="kind", offline=True)


def test_the_real_anneal_is_read_as_it_is_described(openml_here: OpenMLServer, openml_shared: Path) -> None:
    openml_here.add_shared(openml_shared)
    task = from_openml(2)
    assert (task.n_rows, task.kind, len(task.classes)) == (898, TaskKind.MULTICLASS, 5)
    assert task.column_kinds["formability"] is ColumnKind.CATEGORICAL  # 1 to 5
    assert task.column_kinds["bore"] is ColumnKind.CATEGORICAL
    assert task.column_kinds["thick"] is ColumnKind.NUMERIC
    described = openml.datasets.get_dataset(2).features
    for column in described.values():
        if column.name in task.X:
            assert int(task.X[column.name].isna().sum()) == column.number_missing_values, column.name
    assert task.licence == "Public"


def test_the_real_splits_are_those_of_the_library(openml_here: OpenMLServer, openml_shared: Path) -> None:
    openml_here.add_shared(openml_shared)
    table = flowers(3196).rename(columns={"kind": "class"})  # its data set is not among the files
    openml_here.add_table(3, table, target="class", name="kr-vs-kp")
    info = fetch_task(QUICK, 3)
    assert (info.protocol, info.n_folds, info.target) == ("openml-1", 10, "class")
    splits = fetch_splits(QUICK, info)
    theirs = openml.tasks.get_task(3, download_splits=True)
    assert len(splits.folds) == 10
    for number, (train, test) in enumerate(splits.folds):
        expected = theirs.get_train_test_split_indices(fold=number)
        assert np.array_equal(train, np.sort(expected[0]))
        assert np.array_equal(test, np.sort(expected[1]))
