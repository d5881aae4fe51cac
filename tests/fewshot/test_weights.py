"""Weights come back from a file as they were saved; what was changed, or is none of ours, is refused in one line."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from autometa.errors import OptionError, PersistenceError
from autometa.fewshot.weights import load_arrays, save_arrays

ARRAYS = {
    "weight": np.arange(6.0, dtype=np.float32).reshape(2, 3).T,
    "count": np.array(7, dtype=np.int64),
    "is_on": np.array([True, False]),
    "empty": np.zeros((0, 4)),
}
CARD = {"learner": "example", "loss": 0.25, "families": ["a", "b"], "lost": float("nan")}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "net.safetensors"
    save_arrays(path, ARRAYS, CARD)
    return path


def test_arrays_and_card_come_back_as_they_were(file: Path) -> None:
    arrays, card = load_arrays(file)
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert arrays[name].shape == array.shape
        assert arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(arrays[name], array)
    assert card == {**CARD, "lost": None}


def test_any_byte_that_is_changed_is_seen(file: Path) -> None:
    content = file.read_bytes()
    for position in np.linspace(0, len(content) - 1, 40).astype(int):
        changed = bytearray(content)
        changed[position] ^= 0b100
        file.write_bytes(bytes(changed))
        with pytest.raises(PersistenceError) as refused:
            load_arrays(file)
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"short",
        pickle.dumps({"weight": [1.0]}),
        save({"weight": np.ones(2)}),
        save({"weight": np.ones(2)}, {"format": "pt"}),
        b"\xff" * 64,
        (2).to_bytes(8, "little") + b"[]",
    ],
    ids=["nothing", "a few bytes", "a pickle", "without a card", "of others", "a huge header", "no object"],
)
def test_a_foreign_file_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "foreign.safetensors"
    path.write_bytes(content)
    with pytest.raises(PersistenceError, match="holds no weights of autometa") as refused:
        load_arrays(path)
    assert "\n" not in str(refused.value)


def test_a_card_that_was_exchanged_is_seen(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content.replace(b"example", b"exemple"))
    with pytest.raises(PersistenceError, match="was changed"):
        load_arrays(file)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(PersistenceError, match="no such file"):
        load_arrays(tmp_path / "none.safetensors")


def test_what_is_there_is_kept_unless_it_may_be_replaced(file: Path) -> None:
    with pytest.raises(OptionError, match="exists"):
        save_arrays(file, {}, {}, force=False)
    assert load_arrays(file)[1]["learner"] == "example"


def test_arrays_of_objects_and_cards_that_are_no_json_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    with pytest.raises(OptionError, match="weights are numbers"):
        save_arrays(path, {"names": np.array(["a"])}, {})
    with pytest.raises(OptionError, match="no JSON"):
        save_arrays(path, {}, {"what": object()})
    assert not path.exists()


def test_a_card_is_plain_text_inside_of_the_file(file: Path) -> None:
    content = file.read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    assert json.loads(header["__metadata__"]["card"])["learner"] == "example"
