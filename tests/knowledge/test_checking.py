"""Shards that are broken, or that mean harm: refused whole, the base left as it was."""

import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import select

from autometa._characters import LAYOUT
from autometa.embedding import EMBEDDING_VERSION
from autometa.errors import ExchangeError
from autometa.knowledge import shards, tables
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.exchange import export_shard, import_shard
from autometa.knowledge.rows import pack_folds
from autometa.knowledge.shards import SCHEMA, read_shard
from autometa.metafeatures import MetaFeatures
from autometa.metric import METRICS, metrics_of
from autometa.sketches import SKETCH_VERSION, Sketch
from autometa.sketches.sketch import COMPLETE, EMPTY, Sample
from autometa.space import Configuration
from autometa.task_kind import TaskKind
from tests.knowledge.conftest import MakeEvaluation, MakeMetaFeatures, MakeTask, Records, WriteShard

CROWDED = Sketch(  # one hash more than is ever kept
    rows=Sample(hashes=np.arange(129, dtype=np.uint32), limit=COMPLETE), numbers=EMPTY, pairs=EMPTY, columns=EMPTY
).to_bytes()
DEEP = "[" * 50_000
HUGE = "9" * 4000
OK = {"record": "evaluation", "status": "ok", "rmse": None}  # of a binary or multiclass task
FAILED = {"record": "evaluation", "status": "failed"}
TASK = {"record": "task", "kind": "binary"}
LINE = {"record": "task", "kind": "regression"}
CONFIGURATION = {"record": "configuration"}
BINARY = [metric.name for metric in metrics_of(TaskKind.BINARY)]
NAN_FOLD = struct.pack("<B", 3) + np.array([[np.nan, 0.5, 0.5]] + [[0.25, 0.5, 0.75]] * 4, dtype="<f8").tobytes()
WILD_FOLDS = pack_folds(dict.fromkeys(BINARY, (-1.0, 0.5, 2.0)), TaskKind.BINARY)
OTHER_FOLDS = pack_folds(dict.fromkeys(BINARY, (0.25, 0.5, 0.9)), TaskKind.BINARY)
PART_OF_FOLDS = pack_folds({"accuracy": (0.25, 0.5, 0.75)}, TaskKind.BINARY)


def _embedding(first: str) -> str:
    """Return an embedding of which the first number is another text."""
    return f"[{','.join([first] + ['0.5'] * 31)}]"


# Of the first row that is like the first dict, the cells of the second are changed.
CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "an unknown record": (OK, {"record": "secret"}),
    "no record": (OK, {"record": None}),
    "a task without fingerprint": (TASK, {"fingerprint": None}),
    "a fingerprint that is no hash": (TASK, {"fingerprint": "../../etc/passwd"}),
    "an unknown kind": (TASK, {"kind": "clustering"}),
    "no kind": (TASK, {"kind": None}),
    "no rows": (TASK, {"n_rows": 0}),
    "rows not said": (TASK, {"n_rows": None}),
    "columns below zero": (TASK, {"n_columns": -1}),
    "more columns than the table takes": (TASK, {"n_columns": 2**31}),
    "a binary task of three classes": (TASK, {"n_classes": 3}),
    "classes not said": ({"record": "task", "kind": "multiclass"}, {"n_classes": None}),
    "a regression with classes": (LINE, {"n_classes": 2}),
    "no name": (TASK, {"task_name": None}),
    "an empty name": (TASK, {"task_name": ""}),
    "a huge name": (TASK, {"task_name": "x" * 501}),
    "no licence": (TASK, {"task_licence": None}),
    "no origin of a task": (TASK, {"origin": None}),
    "a NUL in a name": (TASK, {"task_name": "a\x00b"}),
    "meta-features that are no JSON": (TASK, {"metafeatures": "{"}),
    "meta-features that are a list": (TASK, {"metafeatures": "[1]"}),
    "meta-features that are not there": (TASK, {"metafeatures": None}),
    "meta-features without version": (TASK, {"metafeatures_version": None}),
    "meta-features of a huge version": (TASK, {"metafeatures_version": "1" * 33}),
    "a text as meta-feature": (TASK, {"metafeatures": '{"a":"1"}'}),
    "a truth as meta-feature": (TASK, {"metafeatures": '{"a":true}'}),
    "an infinite meta-feature": (TASK, {"metafeatures": '{"a":Infinity}'}),
    "a meta-feature beyond floats": (TASK, {"metafeatures": '{"a":1e999}'}),
    "a meta-feature of 4000 digits": (TASK, {"metafeatures": f'{{"a":{HUGE}}}'}),
    "meta-features 50,000 deep": (TASK, {"metafeatures": DEEP}),
    "failures that are a list": (TASK, {"metafeatures_failures": "[]"}),
    "a failure that is no text": (TASK, {"metafeatures_failures": '{"a":1}'}),
    "a sketch without version": (TASK, {"sketch_version": None}),
    "a version without sketch": (TASK, {"sketch": None}),
    "a sketch of a huge version": (TASK, {"sketch_version": "1" * 33}),
    "a sketch that is none": (TASK, {"sketch": b"\x01\x00abc"}),
    "a sketch with too many hashes": (TASK, {"sketch": CROWDED}),
    "a huge sketch": (TASK, {"sketch_version": "later", "sketch": b"x" * 10_001}),
    "an embedding without version": (TASK, {"embedding_version": None}),
    "a version without embedding": (TASK, {"embedding": None}),
    "an embedding of a huge version": (TASK, {"embedding_version": "1" * 33}),
    "an embedding that is no JSON": (TASK, {"embedding": "1, 2"}),
    "an embedding that is a number": (TASK, {"embedding": "1"}),
    "an embedding of a wrong length": (TASK, {"embedding": "[1,2,3]"}),
    "an embedding with a NaN": (TASK, {"embedding": _embedding("NaN")}),
    "an infinite embedding": (TASK, {"embedding": _embedding("1e999")}),
    "an embedding with a huge number": (TASK, {"embedding": _embedding("1e300")}),
    "an embedding with a number of 4000 digits": (TASK, {"embedding": _embedding(HUGE)}),
    "an embedding with a truth": (TASK, {"embedding": _embedding("true")}),
    "an embedding with a text": (TASK, {"embedding": _embedding('"1"')}),
    "an embedding 5,000 deep": (TASK, {"embedding": "[" * 5_000}),
    "a huge embedding": (TASK, {"embedding_version": "later", "embedding": "x" * 10_001}),
    "a key that is not the hash": (CONFIGURATION, {"key": "0" * 64}),
    "a configuration that is not there": (CONFIGURATION, {"configuration": None}),
    "a configuration that is no JSON": (CONFIGURATION, {"configuration": "ridge"}),
    "a configuration 50,000 deep": (CONFIGURATION, {"configuration": DEEP}),
    "a configuration with a list": (CONFIGURATION, {"configuration": '{"algorithm":"a","values":{"b":[1]}}'}),
    "half a pair of a character": (CONFIGURATION, {"configuration": r'{"algorithm":"\ud800","values":{}}'}),
    "a task that is not in the file": (OK, {"fingerprint": "0" * 64}),
    "an evaluation of no task": (OK, {"fingerprint": None}),
    "a configuration that is not in the file": (OK, {"key": "0" * 64}),
    "an unknown status": (OK, {"status": "maybe"}),
    "no status": (OK, {"status": None}),
    "no seed": (OK, {"seed": None}),
    "no time": (OK, {"added_at": None}),
    "a time before 1970": (OK, {"added_at": -1}),
    "no protocol": (OK, {"protocol": None}),
    "a huge protocol": (OK, {"protocol": "x" * 101}),
    "no pipelines version": (OK, {"pipelines_version": None}),
    "a huge pipelines version": (OK, {"pipelines_version": "x" * 33}),
    "an empty origin": (OK, {"origin": ""}),
    "a score out of range": (OK, {"accuracy": 1.5}),
    "an infinite score": (OK, {"accuracy": float("inf")}),
    "an infinite loss": (OK, {"log_loss": float("inf")}),
    "a score of another kind": (OK, {"r2": 0.5}),
    "no scores": (OK, dict.fromkeys(METRICS)),
    "a score that its folds do not have": (OK, {"folds": PART_OF_FOLDS}),
    "folds without their score": (OK, {"accuracy": None}),
    "no folds": (OK, {"folds": None}),
    "empty folds": (OK, {"folds": b""}),
    "folds of an odd length": (OK, {"folds": b"\x03abc"}),
    "huge folds": (OK, {"folds": b"\x01" + b"\x00" * 8 * 100}),
    "folds that average to another score": (OK, {"folds": OTHER_FOLDS}),
    "folds out of range with an average within": (OK, {"folds": WILD_FOLDS}),
    "a fold that is missing": (OK, {"folds": NAN_FOLD}),
    "an ok with an error": (OK, {"error": "ValueError: no"}),
    "a failure without an error": (FAILED, {"error": None}),
    "a failure with scores": (FAILED, {"accuracy": 0.5}),
    "a failure with folds": (FAILED, {"folds": PART_OF_FOLDS}),
    "an error of two lines": (FAILED, {"error": "one\ntwo"}),
    "an error of a million characters": (FAILED, {"error": "x" * 1_000_000}),
    "seconds below zero": (OK, {"fit_seconds": -1.0}),
    "infinite seconds": (OK, {"predict_seconds": float("inf")}),
    "memory below zero": (OK, {"peak_memory_bytes": -1}),
    "no versions": (OK, {"versions": None}),
    "versions that are a list": (OK, {"versions": "[]"}),
    "a version that is a number": (OK, {"versions": '{"python":3}'}),
    "absent that is a text": (OK, {"absent": '"roc_auc"'}),
    "a reason that is no text": (OK, {"absent": '{"roc_auc":[]}'}),
}


def _changed(rows: Records, like: dict[str, Any], cells: dict[str, Any]) -> Records:
    """Return the rows with cells of the first row that is like a dict changed."""
    number = next(n for n, row in enumerate(rows) if like.items() <= row.items())
    return [row | cells if n == number else row for n, row in enumerate(rows)]


@pytest.fixture
def refuse(empty_file: Path, make_task: MakeTask, make_metafeatures: MakeMetaFeatures, tmp_path: Path) -> Any:
    """A function that imports a file into another base, and fails unless that is refused and nothing changed."""
    shutil.copy(empty_file, tmp_path / "other.db")
    other = KnowledgeBase(tmp_path / "other.db")
    other.add_task(make_task(7), make_metafeatures())

    def check(path: Path) -> str:
        before = (other.status(), other.tasks().to_csv(), other.configurations().to_csv())
        with pytest.raises(ExchangeError) as caught:
            import_shard(other, path)
        assert (other.status(), other.tasks().to_csv(), other.configurations().to_csv()) == before
        message = str(caught.value)
        assert path.name in message
        assert "\n" not in message
        assert len(message) < 400
        return message

    yield check
    other.close()


Refuse = Callable[[Path], str]

# What a terminal would obey: an escape sequence in both forms, a line that is written over, one turned around, ...
OBEYED = ("\x1b[31m", "\x9b31m", "\r", "\x7f", "\x08", "\u202e", "\u2066")


@pytest.mark.parametrize(
    ("like", "column"),
    [
        *((TASK, name) for name in ("task_name", "family", "task_licence", "origin", "origin_licence")),
        *((TASK, name) for name in ("metafeatures_version", "sketch_version", "embedding_version")),
        *((OK, name) for name in ("protocol", "pipelines_version", "origin", "origin_licence")),
    ],
    ids=lambda value: value if isinstance(value, str) else value["record"],
)
def test_a_name_that_a_terminal_would_obey_is_refused(
    like: dict[str, Any], column: str, records: Records, write_shard: WriteShard, refuse: Refuse
) -> None:
    for obeyed in (*OBEYED, "\n", "\t"):
        message = refuse(write_shard(_changed(records, like, {column: f"a{obeyed}b"})))
        assert message.endswith(f": {column} holds the control character U+{ord(obeyed[0]):04X}; the file is refused")


@pytest.mark.parametrize(
    ("where", "like", "column", "content"),
    [
        ("the name of a meta-feature", TASK, "metafeatures", {"{}": 1}),
        ("a name in failures of meta-features", TASK, "metafeatures_failures", {"{}": "no"}),
        ("a text in failures of meta-features", TASK, "metafeatures_failures", {"a": "no {}"}),
        ("a name in versions", OK, "versions", {"{}": "1"}),
        ("a text in versions", OK, "versions", {"python": "3{}"}),
        ("a name in absent metrics", OK, "absent", {"{}": "no"}),
        ("a text in absent metrics", OK, "absent", {"roc_auc": "no {}"}),
        ("the error", FAILED, "error", None),
    ],
    ids=lambda value: value if isinstance(value, str) and " " in value else "",
)
def test_a_text_that_a_terminal_would_obey_is_refused(
    where: str,
    like: dict[str, Any],
    column: str,
    content: dict[str, Any] | None,
    records: Records,
    write_shard: WriteShard,
    refuse: Refuse,
) -> None:
    for obeyed in OBEYED:
        if obeyed in LAYOUT and "name" not in where:
            continue
        changed = {
            name.replace("{}", obeyed): value.replace("{}", obeyed) if isinstance(value, str) else value
            for name, value in (content or {}).items()
        }
        plain, escaped = json.dumps(changed, ensure_ascii=False), json.dumps(changed)
        for text in (f"no {obeyed}",) if content is None else (plain, escaped):
            message = refuse(write_shard(_changed(records, like, {column: text})))
            assert f": {where} holds the control character U+{ord(obeyed[0]):04X}; the file" in message


@pytest.mark.parametrize("obeyed", OBEYED[:2])
def test_a_configuration_that_a_terminal_would_obey_is_refused(
    obeyed: str, records: Records, write_shard: WriteShard, refuse: Refuse
) -> None:
    for what, configuration in (
        ("algorithm", Configuration(algorithm=f"a{obeyed}")),
        ("the name of a hyperparameter", Configuration(algorithm="a", values={f"b{obeyed}": 1})),
        ("the hyperparameter b", Configuration(algorithm="a", values={"b": f"c{obeyed}"})),
    ):
        cells = {"key": configuration.key, "configuration": configuration.to_json()}
        message = refuse(write_shard(_changed(records, CONFIGURATION, cells)))
        assert f": {what} holds the control character U+{ord(obeyed[0]):04X}; the file" in message


def test_texts_of_several_lines_and_tabs_are_taken(records: Records, write_shard: WriteShard, tmp_path: Path) -> None:
    changed = _changed(records, TASK, {"metafeatures_failures": json.dumps({"tree": "no\r\n\ttree"})})
    changed = _changed(changed, FAILED, {"error": "a\tb"})
    separator = Configuration(algorithm="mine", values={"separator": "\t", "end": "\n"})
    cells = {"record": "configuration", "key": separator.key, "configuration": separator.to_json()}
    changed.append(dict.fromkeys(records[0]) | cells)
    with KnowledgeBase.create(tmp_path / "other.db") as other:
        assert import_shard(other, write_shard(changed)).n_new == 12
        assert separator.to_json() in set(other.configurations()["content"])


@pytest.mark.parametrize("name", CHANGES)
def test_one_wrong_cell_refuses_the_whole_shard(
    name: str, records: Records, write_shard: WriteShard, refuse: Refuse
) -> None:
    refuse(write_shard(_changed(records, *CHANGES[name])))


def test_what_a_base_holds_of_odd_names_and_texts_is_a_shard_that_others_take(
    base: KnowledgeBase, make_task: MakeTask, make_evaluation: MakeEvaluation, tmp_path: Path
) -> None:
    odd = "a\x1b[31m\x9b\u202e\r\nb"
    task = make_task(0, name=odd, family=odd, licence=odd)
    metafeatures = MetaFeatures(values={"a": np.nan}, failures={"a": odd}, seconds={}, version="1")
    base.add_task(task, metafeatures, origin=odd)
    error = odd.replace("\n", "")
    failed = make_evaluation(task, status="failed", error=error, versions={odd: odd}, origin=odd)
    absent = make_evaluation(task, "partial", fold_scores={"accuracy": (1.0,)}, absent={"roc_auc": odd})
    base.add_evaluations([failed, absent], licence=odd)
    export_shard(base, tmp_path / "odd.parquet", with_sketches=True)
    with KnowledgeBase.create(tmp_path / "other.db") as other:
        assert import_shard(other, tmp_path / "odd.parquet").n_new == 2
        assert other.tasks()["name"].tolist() == [r"a\x1b[31m\x9b\u202e\r\nb"]
        found = other.evaluations_of(task.fingerprint, protocol="cv-v1", pipelines_version="1")
    assert found[0].error == "a\\x1b[31m\\x9b\\u202e\rb"
    assert found[1].absent == {"roc_auc": "a\\x1b[31m\\x9b\\u202e\r\nb"}


def test_a_shard_with_no_wrong_cell_is_taken(records: Records, write_shard: WriteShard, tmp_path: Path) -> None:
    for like, _ in CHANGES.values():
        assert any(like.items() <= row.items() for row in records)
    with KnowledgeBase.create(tmp_path / "other.db") as other:
        assert import_shard(other, write_shard(records)).n_new == 12


def test_the_message_names_file_row_and_reason(records: Records, write_shard: WriteShard, refuse: Refuse) -> None:
    message = refuse(write_shard(_changed(records, FAILED, {"fit_seconds": -1.5}), "colleague.parquet"))
    assert message == "colleague.parquet, evaluation 2: fit_seconds = -1.5; the file is refused"


@pytest.mark.parametrize("record", ["task", "configuration"])
def test_a_task_or_configuration_that_stands_twice_is_refused(
    record: str, records: Records, write_shard: WriteShard, refuse: Refuse
) -> None:
    twice = next(row for row in records if row["record"] == record)
    assert "stands twice" in refuse(write_shard([*records, twice]))


def test_a_known_task_of_another_kind_is_refused(
    filled: KnowledgeBase, records: Records, write_shard: WriteShard
) -> None:
    """Its scores would be read as those of other metrics."""
    binary = next(row for row in records if row["record"] == "task" and row["kind"] == "binary")
    line = next(row for row in records if row["record"] == "task" and row["kind"] == "regression")
    wrong = [
        row | {"fingerprint": binary["fingerprint"]}
        for row in records
        if row["fingerprint"] == line["fingerprint"] or row["record"] == "configuration"
    ]
    before = filled.status()
    with pytest.raises(ExchangeError, match=f"{binary['fingerprint'][:12]} is a regression task.*known as binary"):
        import_shard(filled, write_shard(wrong))
    assert filled.status() == before


def test_a_missing_file_is_refused(tmp_path: Path, refuse: Refuse) -> None:
    assert refuse(tmp_path / "nowhere.parquet") == f"no such file: {tmp_path}/nowhere.parquet"


def test_a_folder_is_refused(tmp_path: Path, refuse: Refuse) -> None:
    refuse(tmp_path)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1PAR1", b"not Parquet at all", bytes(range(256)) * 10])
def test_a_file_that_is_not_parquet_is_refused(content: bytes, tmp_path: Path, refuse: Refuse) -> None:
    (tmp_path / "junk.parquet").write_bytes(content)
    assert "is not a readable Parquet file" in refuse(tmp_path / "junk.parquet")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_truncated_file_is_refused(share: float, records: Records, write_shard: WriteShard, refuse: Refuse) -> None:
    path = write_shard(records)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    assert "is not a readable Parquet file" in refuse(path)


def test_files_with_changed_bytes_are_refused_or_read_never_a_crash(
    records: Records, write_shard: WriteShard, tmp_path: Path
) -> None:
    content = write_shard(records).read_bytes()
    rng = np.random.default_rng(0)
    n_refused = 0
    for _ in range(200):
        changed = bytearray(content)
        for position in rng.integers(len(content), size=int(rng.integers(1, 4))):
            changed[position] = int(rng.integers(256))
        path = tmp_path / "changed.parquet"
        path.write_bytes(changed)
        try:
            read_shard(path)
        except ExchangeError:
            n_refused += 1
    assert n_refused > 100


def test_a_missing_column_is_refused(records: Records, write_shard: WriteShard, refuse: Refuse) -> None:
    schema = SCHEMA.remove(SCHEMA.get_field_index("seed"))
    assert refuse(write_shard(records, schema=schema)).endswith("columns: seed")


def test_an_unknown_column_is_refused(records: Records, write_shard: WriteShard, refuse: Refuse) -> None:
    assert refuse(write_shard(records, schema=SCHEMA.append(pa.field("raw_data", pa.string())))).endswith("raw_data")


def test_a_column_of_another_type_is_refused(records: Records, write_shard: WriteShard, refuse: Refuse) -> None:
    schema = SCHEMA.set(SCHEMA.get_field_index("seed"), pa.field("seed", pa.float64()))
    assert refuse(write_shard(records, schema=schema)).endswith("columns: seed")


@pytest.mark.parametrize("version", [b"6", b"", b"\xff"])
def test_another_version_is_refused(version: bytes, records: Records, write_shard: WriteShard, refuse: Refuse) -> None:
    schema = SCHEMA.with_metadata({b"autometa_shard": version})
    assert "is not a shard of version 1 or 2" in refuse(write_shard(records, schema=schema))


def test_a_parquet_file_of_something_else_is_refused(tmp_path: Path, refuse: Refuse) -> None:
    pq.write_table(pa.table({"a": [1]}), tmp_path / "other.parquet")
    assert "is not a shard of version 1 or 2" in refuse(tmp_path / "other.parquet")


def test_text_that_is_not_utf8_is_refused(records: Records, write_shard: WriteShard, refuse: Refuse) -> None:
    as_bytes = pa.schema(
        [pa.field(f.name, pa.binary() if f.name == "error" else f.type) for f in SCHEMA], metadata=SCHEMA.metadata
    )
    rows = [row | {"error": row["error"] and row["error"].encode() + b"\xe9\xff"} for row in records]
    table = pa.Table.from_pylist(rows, schema=as_bytes)
    column = table.column("error").combine_chunks()
    text = pa.Array.from_buffers(pa.string(), len(column), column.buffers())
    table = table.set_column(SCHEMA.get_field_index("error"), SCHEMA.field("error"), text)
    path = write_shard(records)
    pq.write_table(table.cast(SCHEMA, safe=False), path)
    refuse(path)


def test_a_file_that_grows_beyond_its_bounds_is_refused(
    records: Records, write_shard: WriteShard, refuse: Refuse, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_shard([*records, *([records[-1]] * 5000)])
    monkeypatch.setattr(shards, "MAX_ROWS", 1000)
    assert "too large" in refuse(path)
    monkeypatch.undo()
    monkeypatch.setattr(shards, "MAX_FILE_BYTES", 1000)
    assert "at most 1000" in refuse(path)


def test_a_small_file_that_unpacks_into_a_huge_one_is_refused(
    records: Records, write_shard: WriteShard, refuse: Refuse, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = next(row for row in records if row["status"] == "failed")
    path = write_shard([*records, *([failed | {"error": "x" * 90_000}] * 300)])
    assert path.stat().st_size < 300_000  # one text, referred to 300 times
    monkeypatch.setattr(shards, "MAX_CONTENT_BYTES", 10_000_000)
    assert "too large" in refuse(path)


def test_a_shard_of_the_first_version_is_taken_its_tasks_without_sketches(
    records: Records, write_shard: WriteShard, tmp_path: Path
) -> None:
    new = ("sketch", "sketch_version", "embedding", "embedding_version")
    first = pa.schema([field for field in SCHEMA if field.name not in new], metadata={"autometa_shard": "1"})
    rows = [{name: value for name, value in row.items() if name in first.names} for row in records]
    with KnowledgeBase.create(tmp_path / "other.db") as other:
        path = write_shard(rows, "first.parquet", first)
        assert import_shard(other, path).n_new == 12
        assert export_shard(other, tmp_path / "new.parquet", beside=path.parent).n_evaluations == 0
        assert export_shard(other, tmp_path / "new.parquet", with_sketches=True).n_evaluations == 12
        (sketches,) = {tuple(read_shard(tmp_path / "new.parquet")["task"]["sketch"].to_pylist())}
        assert sketches == (None, None, None)


def test_a_shard_of_the_first_version_with_columns_of_the_second_is_refused(
    records: Records, write_shard: WriteShard, refuse: Refuse
) -> None:
    schema = SCHEMA.with_metadata({b"autometa_shard": b"1"})
    expected = "columns: embedding, embedding_version, sketch, sketch_version"
    assert refuse(write_shard(records, schema=schema)).endswith(expected)


def test_a_shard_of_the_second_version_is_taken_its_tasks_without_embeddings(
    records: Records, write_shard: WriteShard, tmp_path: Path
) -> None:
    kept = [field for field in SCHEMA if not field.name.startswith("embedding")]
    second = pa.schema(kept, metadata={"autometa_shard": "2"})
    rows = [{name: value for name, value in row.items() if name in second.names} for row in records]
    with KnowledgeBase.create(tmp_path / "other.db") as other:
        assert import_shard(other, write_shard(rows, "second.parquet", second)).n_new == 12
        assert other.status().embedded == 0
        assert len({row["sketch"] for row in rows if row["record"] == "task"} - {None}) == 3
        assert import_shard(other, write_shard(records)).n_new == 0  # the same tasks, with embeddings
        assert other.status().embedded == 3


def test_a_sketch_of_a_later_version_cannot_be_checked_and_is_read_as_none(
    records: Records, write_shard: WriteShard, tmp_path: Path
) -> None:
    changed = _changed(records, TASK, {"sketch_version": "later", "sketch": b"not for us"})
    with KnowledgeBase.create(tmp_path / "other.db") as other:
        assert import_shard(other, write_shard(changed)).n_new == 12
        fingerprint = next(row["fingerprint"] for row in changed if row["sketch_version"] == "later")
        assert other.near_tasks(fingerprint) == ()
        with other.reading() as connection:  # an upgrade would find it, and believe it
            versions = connection.execute(select(tables.sketches.c.version)).scalars().all()
        assert versions == [SKETCH_VERSION, SKETCH_VERSION]


def test_an_embedding_of_a_later_version_cannot_be_checked_and_is_read_as_none(
    records: Records, write_shard: WriteShard, tmp_path: Path
) -> None:
    changed = _changed(records, TASK, {"embedding_version": "later", "embedding": "not for us"})
    with KnowledgeBase.create(tmp_path / "other.db") as other:
        assert import_shard(other, write_shard(changed)).n_new == 12
        assert other.status().embedded == 2
        with other.reading() as connection:
            versions = connection.execute(select(tables.embeddings.c.version)).scalars().all()
        assert set(versions) == {EMBEDDING_VERSION}


def test_the_rows_may_stand_in_any_order(records: Records, write_shard: WriteShard, tmp_path: Path) -> None:
    with KnowledgeBase.create(tmp_path / "other.db") as other:
        assert import_shard(other, write_shard(records[::-1])).n_new == 12


def test_configurations_of_unknown_algorithms_are_taken(
    records: Records, write_shard: WriteShard, tmp_path: Path
) -> None:
    new = Configuration(algorithm="their own", values={"any": "thing", "n": 10**30, "on": False})
    row = next(row for row in records if row["record"] == "configuration")
    more = [*records, row | {"key": new.key, "configuration": new.to_json()}]
    with KnowledgeBase.create(tmp_path / "other.db") as other:
        import_shard(other, write_shard(more))
        found = other.configurations()
    assert json.loads(found.loc[found["algorithm"] == "their own", "content"].item())["values"]["n"] == 10**30
