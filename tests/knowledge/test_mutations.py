"""Hundreds of damaged copies of a real shard: imported whole or refused whole, never a crash."""

import json
import random
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from autometa.cli.main import main
from autometa.errors import ExchangeError
from autometa.knowledge.base import KnowledgeBase
from autometa.knowledge.doctor import Level, examine
from autometa.knowledge.exchange import export_shard, import_shard
from autometa.knowledge.shards import SCHEMA
from tests.knowledge.conftest import Records

N_BYTES, N_CELLS = 120, 240

# What a cell may become, by the type of its column; the file stays well-formed Parquet.
VALUES: dict[pa.DataType, list[Any]] = {
    pa.string(): [
        None,
        "",
        "x",
        "\x00",
        "ü" * 300,
        "x" * 100_001,
        "{",
        "[]",
        '{"a":1e999}',
        '{"a":"b"}',
        "0" * 64,
        "ok",
    ],
    pa.int64(): [None, -1, 0, 1, 2**31, 2**63 - 1, -(2**63)],
    pa.float64(): [None, -1.0, 0.0, 0.5, 1.0, float("inf"), float("nan"), 1e308],
    pa.binary(): [None, b"", b"\x00", b"\xff" * 44, b"\x05" + b"\x00" * 200, b"x" * 10_001],
}


@pytest.fixture(scope="module")
def real(one_shard_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shard of the shipped runs with sketches, small enough to be read hundreds of times."""
    folder = tmp_path_factory.mktemp("real")
    with KnowledgeBase(one_shard_base) as base:
        export_shard(base, folder / "all.parquet", with_sketches=True)
    rows: Records = pq.read_table(folder / "all.parquet").to_pylist()
    evaluations = [row for row in rows if row["record"] == "evaluation"][::80]
    kept = {row["fingerprint"] for row in evaluations} | {row["key"] for row in evaluations}
    rest = [row for row in rows if row["record"] != "evaluation" and kept & {row["fingerprint"], row["key"]}]
    pq.write_table(pa.Table.from_pylist([*evaluations, *rest], schema=SCHEMA), folder / "real.parquet")
    return folder / "real.parquet"


@pytest.fixture
def own(base: KnowledgeBase, real: Path) -> KnowledgeBase:
    """A base that holds something already."""
    assert import_shard(base, real).n_new > 20
    return base


def with_other_bytes(content: bytes, rng: random.Random) -> bytes:
    """Return the bytes of a file with some changed, lost, doubled or swapped."""
    changed = bytearray(content)
    at, size = rng.randrange(len(content)), rng.randrange(1, 200)
    match rng.randrange(5):
        case 0:
            for _ in range(rng.randrange(1, 6)):
                changed[rng.randrange(len(content))] = rng.randrange(256)
        case 1:
            del changed[at : at + size]
        case 2:
            changed[at:at] = changed[at : at + size]
        case 3:
            changed[at : at + size] = bytes(min(size, len(content) - at))
        case _:
            del changed[at:]
    return bytes(changed)


def with_other_cells(rows: Records, rng: random.Random) -> Records:
    """Return rows with a few cells of one column changed, moved to other rows, or with rows lost or doubled."""
    changed = [dict(row) for row in rows]
    column = rng.choice(SCHEMA.names)
    match rng.randrange(4):
        case 0:
            del changed[rng.randrange(len(changed))]
        case 1:
            changed.append(dict(rng.choice(changed)))
        case 2:
            one, other = rng.sample(changed, 2)
            one[column], other[column] = other[column], one[column]
        case _:
            for row in rng.sample(changed, rng.randrange(1, 4)):
                row[column] = rng.choice(VALUES[SCHEMA.field(column).type])
    return changed


def dump(path: str | Path) -> list[str]:
    """Return all that a base holds, as SQL."""
    driver = sqlite3.connect(path)
    lines = list(driver.iterdump())
    driver.close()
    return lines


def check(own: KnowledgeBase, path: Path, before: list[str]) -> tuple[bool, list[str]]:
    """Import a file; return whether it was taken, and all that is held then.

    Fails if it was refused in other words, or not wholly.
    """
    message = ""
    try:
        import_shard(own, path)
    except ExchangeError as error:
        message = str(error)
        assert "\n" not in message
        assert path.name in message
    after = dump(own.place)
    assert not message or after == before
    return not message, after


def test_a_file_with_other_bytes_is_taken_or_refused(own: KnowledgeBase, real: Path, tmp_path: Path) -> None:
    rng, content = random.Random(0), real.read_bytes()
    path = tmp_path / "changed.parquet"
    taken, held = [], dump(own.place)
    for _ in range(N_BYTES):
        path.write_bytes(with_other_bytes(content, rng))
        is_taken, held = check(own, path, held)
        taken.append(is_taken)
    assert 0 < sum(taken) < N_BYTES / 2


def test_a_file_with_other_cells_is_taken_or_refused(own: KnowledgeBase, real: Path, tmp_path: Path) -> None:
    rng, rows = random.Random(0), pq.read_table(real).to_pylist()
    path = tmp_path / "changed.parquet"
    taken, held = [], dump(own.place)
    for _ in range(N_CELLS):
        pq.write_table(pa.Table.from_pylist(with_other_cells(rows, rng), schema=SCHEMA), path)
        is_taken, held = check(own, path, held)
        taken.append(is_taken)
    assert N_CELLS / 5 < sum(taken) < N_CELLS * 4 / 5
    assert not [finding for finding in examine(own)[:2] if finding.level is Level.BROKEN]


def test_the_command_line_refuses_in_one_line(
    own: KnowledgeBase,
    real: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    rng, content, rows = random.Random(1), real.read_bytes(), pq.read_table(real).to_pylist()
    path = tmp_path / "changed.parquet"
    arguments = ["autometa", "kb", "import", str(path), "--db", own.place, "-f", "json"]
    monkeypatch.setattr(sys, "argv", arguments)
    codes = []
    for number in range(60):
        if number % 2:
            path.write_bytes(with_other_bytes(content, rng))
        else:
            pq.write_table(pa.Table.from_pylist(with_other_cells(rows, rng), schema=SCHEMA), path)
        before = dump(own.place)
        with pytest.raises(SystemExit) as caught:
            main()
        out, err = capsys.readouterr()
        codes.append(caught.value.code or 0)
        if codes[-1]:
            assert (codes[-1], out, err.count("\n"), err[:7]) == (2, "", 1, "error: ")
            assert dump(own.place) == before
        else:
            assert json.loads(out)[0]["file"] == str(path)
    assert {0, 2} == set(codes)
