"""Training the encoder, and reading it without torch."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from autometa.errors import DataError, OptionError, PersistenceError
from autometa.fewshot.encoder.inference import TaskEncoder
from autometa.fewshot.encoder.learning import EncoderTasks, TrainedEncoder, Weighing, embeddings, train_encoder
from autometa.fewshot.encoder.tables import channels_of, read_table
from autometa.fewshot.training import Effort
from autometa.reading import read_task
from autometa.task_kind import TaskKind
from tests.fewshot.encoder.tables import mixed, two_worlds, with_tables
from tests.recommenders.experiences import make_description

QUICK = Effort(n_rounds=3, n_steps=20, patience=3, learning_rate=5e-3, n_episodes=16)


@pytest.fixture(scope="module")
def tasks() -> EncoderTasks:
    return with_tables(two_worlds())


@pytest.fixture(scope="module")
def trained(tasks: EncoderTasks) -> TrainedEncoder:
    return train_encoder(tasks.of_rows(np.arange(30)), seed=1, effort=QUICK)


def test_tasks_on_which_the_same_is_good_become_similar(tasks: EncoderTasks, trained: TrainedEncoder) -> None:
    z = embeddings(trained, tasks)
    assert np.sqrt((z**2).sum(axis=1)) == pytest.approx(np.sqrt(32.0) * np.ones(40))
    cosines = (z @ z.T / 32)[30:, 30:]  # of tasks that it has not seen
    is_same = np.equal.outer(np.arange(10) % 2, np.arange(10) % 2) & ~np.eye(10, dtype=bool)
    is_other = ~np.equal.outer(np.arange(10) % 2, np.arange(10) % 2)
    assert cosines[is_same].mean() > cosines[is_other].mean() + 0.5


@pytest.mark.parametrize("kind", TaskKind)
def test_without_torch_the_embedding_is_the_same_to_five_decimals(trained: TrainedEncoder, kind: TaskKind) -> None:
    table = read_table(mixed(7, kind=kind, n_rows=400))
    description = make_description("new", kind=kind, metafeatures={"a": 0.3, "b": -2.0})
    encoder = TaskEncoder(trained.arrays(), trained.card("1", {}))
    numbers = torch.as_tensor(encoder.numbers.transform([description]), dtype=torch.float32)
    channels = torch.as_tensor(channels_of(table, np.random.default_rng(0)))[None]  # all pairs
    there = [torch.ones((1, size), dtype=torch.bool) for size in channels.shape[1:3]]
    assert trained.net.table is not None
    with torch.no_grad():
        expected = trained.net(numbers, trained.net.table(channels, *there))[0].numpy()
    assert encoder.embed_table(description, table) == pytest.approx(expected, abs=1e-5)
    with torch.no_grad():
        alone = trained.net(numbers)[0].numpy()
    assert encoder.embed_table(description, None) == pytest.approx(alone, abs=1e-5)


def test_the_same_seed_gives_the_same_weights(tasks: EncoderTasks) -> None:
    effort = Effort(n_rounds=1, n_steps=3, patience=1, n_episodes=8)
    one, other = (train_encoder(tasks, seed=3, effort=effort).arrays() for _ in range(2))
    assert all(np.array_equal(one[name], other[name]) for name in one)
    different = train_encoder(tasks, seed=4, effort=effort).arrays()
    assert not np.array_equal(one["numbers.0.weight"], different["numbers.0.weight"])


def test_without_tables_only_meta_features_speak_and_that_is_said(tasks: EncoderTasks) -> None:
    bare = replace(tasks, tables=(None,) * tasks.n_tasks)
    trained = train_encoder(bare, kept=bare.of_rows(np.arange(12)), effort=QUICK)
    assert trained.net.table is None
    assert any("no tables were given: the branch that reads tables is not trained" in note for note in trained.notes)
    encoder = TaskEncoder(trained.arrays(), trained.card("own", {}))
    assert not encoder.has_table
    description = tasks.descriptions[0]
    assert encoder.embed(description, mixed()) == encoder.embed(description)


def test_a_file_is_read_without_torch(trained: TrainedEncoder, tmp_path: Path) -> None:
    trained.save(tmp_path / "own.safetensors", version="own", about={"data": "two worlds"})
    encoder = TaskEncoder.load(tmp_path / "own.safetensors")
    assert (encoder.version, encoder.card["data"]) == ("own", "two worlds")
    examples = Path(__file__).parents[3] / "data" / "examples"
    task = read_task(examples / "wine.csv")
    expected = encoder.embed(make_description("new", kind=task.kind, metafeatures={"a": 0.5}), task)
    code = (
        "import sys\n"
        "from autometa.fewshot.encoder.inference import TaskEncoder\n"
        "from autometa.reading import read_task\n"
        "from tests.recommenders.experiences import make_description\n"
        f"encoder = TaskEncoder.load({str(tmp_path / 'own.safetensors')!r})\n"
        f"task = read_task({str(examples / 'wine.csv')!r})\n"
        "print(encoder.embed(make_description('new', kind=task.kind, metafeatures={'a': 0.5}), task))\n"
        "print('torch' in sys.modules)\n"
    )
    root = str(Path(__file__).parents[3])
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert ran.stdout.splitlines() == [str(expected), "False"]


def test_weights_that_do_not_fit_are_refused(trained: TrainedEncoder) -> None:
    card = trained.card("1", {})
    with pytest.raises(PersistenceError, match="weights of 'maml', not of an encoder"):
        TaskEncoder(trained.arrays(), {**card, "learner": "maml"})
    with pytest.raises(PersistenceError, match="meta-features of version 1, this release has"):
        TaskEncoder(trained.arrays(), {**card, "metafeatures_version": "1"})
    lacking = {name: array for name, array in trained.arrays().items() if name != "numbers.0.weight"}
    with pytest.raises(PersistenceError, match="not complete"):
        TaskEncoder(lacking, card)
    longer = {**trained.arrays(), "numbers.centre": np.zeros(99)}
    with pytest.raises(PersistenceError, match="takes 5 numbers"):
        TaskEncoder(longer, card)


def test_too_little_to_learn_from_is_said(tasks: EncoderTasks) -> None:
    with pytest.raises(DataError, match="needs 20 tasks with runs in common, there are 10; grow more"):
        train_encoder(tasks.of_rows(np.arange(10)), effort=QUICK)
    with pytest.raises(OptionError, match="no weighing"):
        Weighing(decay=-1.0)
