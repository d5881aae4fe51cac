"""The encoder that comes with autometa, and what it is used for."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from autometa._paths import data_path
from autometa.advisor import describe_task
from autometa.benchmark.replay import is_judgement
from autometa.embedding import EMBEDDING_SIZE, EMBEDDING_VERSION, embedding_json, embedding_of
from autometa.fewshot.encoder.inference import shipped_encoder
from autometa.fewshot.encoder.storing import remember
from autometa.knowledge.base import KnowledgeBase
from autometa.reading import read_task


def test_its_card_says_what_it_has_not_seen() -> None:
    encoder = shipped_encoder()
    assert encoder is not None
    assert (encoder.version, encoder.has_table) == (EMBEDDING_VERSION, True)
    left_out = encoder.card["families left out"]
    assert len(left_out) > 40
    assert all(map(is_judgement, left_out))
    figures = encoder.card["figures"]
    assert figures["encoder"]["all"] > figures["meta-features"]["all"] + 2 * figures["encoder"]["all, error"]
    assert data_path("fewshot", "encoder.safetensors").stat().st_size < 5_000_000


def test_every_task_of_the_shipped_base_has_an_embedding(shipped_base: Path) -> None:
    with KnowledgeBase(shipped_base) as base:
        status = base.status()
        assert status.embedded == status.tasks["total"]
        left_out = {family for family in base.tasks()["family"] if is_judgement(family)}
    encoder = shipped_encoder()
    assert encoder is not None
    assert left_out == set(encoder.card["families left out"])


def test_a_table_is_described_with_its_embedding(examples: Path) -> None:
    task = read_task(examples / "wine.csv")
    found = describe_task(task)[0].embedding
    assert found is not None
    assert found == describe_task(read_task(examples / "wine.csv"))[0].embedding
    assert len(found) == EMBEDDING_SIZE
    assert np.square(found).sum() == pytest.approx(EMBEDDING_SIZE, rel=1e-4)


def test_what_is_added_to_a_base_is_embedded_once(examples: Path, tmp_path: Path) -> None:
    task = read_task(examples / "wine.csv")
    with KnowledgeBase.create(tmp_path / "own.db") as base:
        remember(base, task, origin="me")
        here = describe_task(task)[0].embedding  # stored meta-features have fewer digits
        stored = base.describe(task.fingerprint)
        assert stored.embedding == pytest.approx(here, abs=1e-5)
        encoder = shipped_encoder()
        assert encoder is not None
        again = encoder.embed(replace(stored, embedding=None), task)
        assert stored.embedding == embedding_of(embedding_json(again))
        revision = base.revision
        remember(base, task, origin="me")
        assert base.revision == revision
