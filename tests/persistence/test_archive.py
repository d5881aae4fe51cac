"""Model files: what comes out is what went in, and what was tampered with or is foreign stays out."""

import functools
import hashlib
import json
import operator
import os
import resource
import shutil
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from autometa.errors import AutometaWarning, OptionError, PersistenceError
from autometa.persistence import Model, archive, load, read_card, save
from autometa.persistence.signing import sign
from tests.persistence.conftest import small_table


def repacked(path: Path, **changed: bytes) -> Path:
    """Return a copy of a model file with some parts exchanged; the manifest and the signature stay as they are."""
    with zipfile.ZipFile(path) as source:
        parts = {name: source.read(name) for name in source.namelist()}
    other = path.with_name("other.skops")
    with zipfile.ZipFile(other, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in parts.items():
            target.writestr(name, changed.get(name.replace(".", "_"), content))
    return other


def remade(path: Path, **changed: bytes) -> Path:
    """Return a copy with parts exchanged and a manifest that says so, signed by this user: only content is wrong."""
    other = repacked(path, **changed)
    with zipfile.ZipFile(other) as source:
        hashes = {name: hashlib.sha256(source.read(name)).hexdigest() for name in archive._PARTS}
    manifest = json.dumps({"format": archive.FORMAT, "sha256": hashes}).encode()
    return repacked(path, **changed, manifest=manifest, signature=(sign(manifest) or "").encode())


@pytest.fixture
def saved(model: Model, tmp_path: Path) -> Path:
    save(model, tmp_path / "model.skops")
    return tmp_path / "model.skops"


def test_a_model_comes_back_as_it_was(model: Model, saved: Path) -> None:
    loaded = load(saved)
    table = small_table()
    np.testing.assert_array_equal(loaded.predict(table), model.predict(table))
    np.testing.assert_array_equal(loaded.predict_proba(table), model.predict_proba(table))
    assert loaded.reader == model.reader
    assert (loaded.kind, loaded.target, loaded.metric, loaded.classes) == (model.kind, "y", "roc_auc", ("no", "yes"))
    assert loaded.card == model.card
    assert read_card(saved) == (model.card, True)
    assert [path.name for path in saved.parent.iterdir() if path.name != "data"] == ["model.skops"]


def test_what_is_loaded_is_a_plain_pipeline_that_can_be_saved_again(saved: Path, tmp_path: Path) -> None:
    loaded = load(saved)
    steps = loaded.predictor["prepare"].transformers_[0][1]
    assert isinstance(steps["parse"].func, operator.methodcaller)
    save(loaded, tmp_path / "again.skops")
    np.testing.assert_array_equal(load(tmp_path / "again.skops").predict(small_table()), loaded.predict(small_table()))


def test_saving_changes_nothing_in_the_model(model: Model, tmp_path: Path) -> None:
    before = repr(model.predictor.get_params())
    save(model, tmp_path / "model.skops")
    assert repr(model.predictor.get_params()) == before
    assert isinstance(model.predictor["prepare"].transformers_[0][1]["parse"].func, operator.methodcaller)


def test_a_file_is_replaced_only_if_asked_for(model: Model, saved: Path, tmp_path: Path) -> None:
    before = saved.read_bytes()
    with pytest.raises(OptionError, match="exists; give another name, or --force to replace it"):
        save(model, saved)
    assert saved.read_bytes() == before
    save(model, saved, force=True)
    with pytest.raises(OptionError, match="there is no folder"):
        save(model, tmp_path / "no" / "model.skops")
    with pytest.raises(OptionError, match="is a folder; name a file in it"):
        save(model, tmp_path)


def test_a_full_disk_leaves_nothing_half_and_the_old_file(model: Model, saved: Path) -> None:
    before = saved.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))  # as a full disk: writing more fails
    try:
        with pytest.raises(OptionError, match=r"cannot write .*model\.skops: File too large; give another place"):
            save(model, saved, force=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert saved.read_bytes() == before
    assert [path.name for path in saved.parent.iterdir() if path.name != "data"] == ["model.skops"]


@pytest.mark.parametrize("part", ["model.skops", "model.json", "card.json", "manifest", "signature"])
def test_a_change_of_any_part_is_refused(part: str, saved: Path) -> None:
    with zipfile.ZipFile(saved) as source:
        content = source.read(part)
    for at in (0, len(content) // 2, len(content) - 1):
        changed = bytearray(content)
        changed[at] ^= 1
        with pytest.raises(PersistenceError) as caught:
            load(repacked(saved, **{part.replace(".", "_"): bytes(changed)}))
        assert "\n" not in str(caught.value)
        if part in archive._PARTS:
            assert f"is damaged or was changed: {part} is not what was saved" in str(caught.value)


def test_any_byte_of_the_file_changed_is_refused_or_without_effect(model: Model, saved: Path) -> None:
    content = saved.read_bytes()
    expected = model.predict(small_table())
    rng = np.random.default_rng(0)
    n_refused = 0
    for at in rng.choice(len(content), size=60, replace=False):
        changed = bytearray(content)
        changed[at] ^= 1 << int(rng.integers(8))
        saved.write_bytes(changed)
        try:
            np.testing.assert_array_equal(load(saved).predict(small_table()), expected)  # a time stamp in the zip
        except PersistenceError:
            n_refused += 1
    assert n_refused > 40
    for size in (0, 10, len(content) // 2, len(content) - 5):
        saved.write_bytes(content[:size])
        with pytest.raises(PersistenceError, match="is no readable model file"):
            load(saved)


def test_a_file_made_by_another_is_refused_unless_it_is_trusted(saved: Path, own_key: Path, model: Model) -> None:
    key = own_key.read_bytes()
    own_key.write_bytes(bytes(32))
    with pytest.raises(PersistenceError, match="was not made by you on this machine, and a crafted model can do harm"):
        load(saved)
    np.testing.assert_array_equal(load(saved, trust=True).predict(small_table()), model.predict(small_table()))
    assert read_card(saved)[1] is False
    own_key.unlink()
    with pytest.raises(PersistenceError, match="was not made by you"):
        load(saved)
    own_key.write_bytes(key)
    assert load(saved).target == "y"


def test_trust_does_not_excuse_what_was_changed(saved: Path) -> None:
    with pytest.raises(PersistenceError, match="is damaged or was changed"):
        load(repacked(saved, card_json=b"{}"), trust=True)


def test_the_key_is_for_this_user_alone_and_made_once(saved: Path, own_key: Path, model: Model, tmp_path: Path) -> None:
    assert stat.S_IMODE(own_key.stat().st_mode) == 0o600
    key = own_key.read_bytes()
    assert len(key) == 32
    save(model, tmp_path / "b.skops")
    assert own_key.read_bytes() == key
    assert list(own_key.parent.iterdir()) == [own_key]


def test_without_a_place_for_the_key_a_model_is_saved_unsigned(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "file"))
    with pytest.warns(AutometaWarning, match="the model is not signed, since no key can be kept in"):
        save(model, tmp_path / "model.skops")
    with pytest.raises(PersistenceError, match="was not made by you"):
        load(tmp_path / "model.skops")
    assert load(tmp_path / "model.skops", trust=True).target == "y"


def _calls(*arguments: Any, **named: Any) -> Any:
    return Pipeline([("step", FunctionTransformer(operator.methodcaller(*arguments, **named)))])


FOREIGN: Mapping[str, Callable[[], Any]] = {
    "posix.system": lambda: {"run": os.system},
    "functools.partial of it": lambda: functools.partial(os.system, "true"),
    "subprocess.Popen": lambda: Pipeline([("step", FunctionTransformer(subprocess.Popen))]),
    "builtins.eval": lambda: Pipeline([("step", FunctionTransformer(eval))]),
    "operator.methodcaller": lambda: _calls("to_csv", "stolen.csv"),
    "shutil.rmtree": lambda: FunctionTransformer(shutil.rmtree),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_types_are_refused_even_in_files_that_are_trusted(name: str, saved: Path) -> None:
    crafted = remade(saved, model_skops=skops.io.dumps(FOREIGN[name]()))
    for trust in (False, True):
        with pytest.raises(PersistenceError, match="holds what no model of autometa does: ") as caught:
            load(crafted, trust=trust)
        named = {"functools.partial of it": "posix.system", "subprocess.Popen": "subprocess.Popen"}.get(name, name)
        assert named in str(caught.value)


@pytest.mark.parametrize(
    ("name", "arguments", "named"),
    [
        ("to_csv", ["stolen.csv"], {}),
        ("eval", ["1"], {}),
        ("apply", ["system"], {}),
        ("apply", [], {}),
        ("astype", [{"a": "b"}], {}),
    ],
)
def test_crafted_calls_are_refused(name: str, arguments: list[Any], named: dict[str, Any], saved: Path) -> None:
    from autometa.persistence.calls import Call

    crafted = skops.io.dumps(Pipeline([("step", FunctionTransformer(Call(name, arguments, named)))]))
    with pytest.raises(
        PersistenceError, match=f"is refused: a pipeline that calls '{name}' of a table is none of auto"
    ):
        load(remade(saved, model_skops=crafted))


def test_a_model_of_foreign_parts_is_not_saved(model: Model, tmp_path: Path) -> None:
    for predictor, message in (
        (FunctionTransformer(os.getcwd), "it holds posix.getcwd"),
        (_calls("to_csv", "x"), "a pipeline that calls 'to_csv' of a table is none of autometa's"),
        (_calls("apply", os.system), "a pipeline that calls 'apply' of a table is none of autometa's"),
    ):
        with pytest.raises(PersistenceError, match=message):
            save(replace(model, predictor=predictor), tmp_path / "model.skops")
        assert not (tmp_path / "model.skops").exists()


@pytest.mark.parametrize(
    ("part", "content", "message"),
    [
        ("model_skops", b"PK", "cannot be restored here"),
        ("model_json", b"{}", "does not describe a model"),
        ("model_json", b"[1]", "is no JSON object"),
        ("model_json", b"[" * 100_000, "is no JSON"),
        ("card_json", b"\xff", "is no JSON"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(part: str, content: bytes, message: str, saved: Path) -> None:
    with pytest.raises(PersistenceError, match=message) as caught:
        load(remade(saved, **{part: content}))
    assert "\n" not in str(caught.value)


def test_a_description_that_does_not_fit_is_refused(saved: Path) -> None:
    with zipfile.ZipFile(saved) as source:
        good = json.loads(source.read("model.json"))
    wrongs: list[dict[str, Any]] = [
        {"kind": "cluster"},
        {"metric": "rmse"},
        {"classes": ["one"]},
        {"columns": []},
        {"columns": [{**good["columns"][0], "kind": "picture"}]},
        {"target": 3},
        {"target_style": "dear"},
    ]
    for wrong in wrongs:
        with pytest.raises(PersistenceError, match="does not describe a model"):
            load(remade(saved, model_json=json.dumps({**good, **wrong}).encode()))


def test_styles_of_numbers_are_kept_and_older_files_have_none(model: Model, tmp_path: Path) -> None:
    styled = {name: replace(rule, number_style="1.000,5€") for name, rule in model.reader.rules.items()}
    reader = replace(model.reader, rules=styled, target_style="1000.5%")
    saved = tmp_path / "model.skops"
    save(replace(model, reader=reader), saved)
    assert load(saved).reader == reader
    with zipfile.ZipFile(saved) as source:
        described = json.loads(source.read("model.json"))
    del described["target_style"]
    for column in described["columns"]:
        del column["number_style"]
    assert load(remade(saved, model_json=json.dumps(described).encode())).reader == model.reader


def test_bombs_are_refused_by_what_they_say_of_their_size(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "_LIMITS", {**archive._LIMITS, "model.skops": 1000})
    with pytest.raises(PersistenceError, match=r"model\.skops would take [\d,]+ bytes, more than 1,000"):
        load(saved)


def test_a_bomb_inside_of_what_skops_wrote_is_refused(saved: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("schema.json", b" " * 10_000_000)
    with pytest.raises(PersistenceError, match="is packed as no model of autometa is"):
        load(remade(saved, model_skops=(tmp_path / "bomb.zip").read_bytes()))


def test_files_that_are_none_of_ours_are_refused(saved: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as other:
        other.writestr("hello", b"")
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    with pytest.raises(PersistenceError, match=r"'a\.zip' is no model file of autometa"):
        load(tmp_path / "a.zip")
    with pytest.raises(PersistenceError, match=r"'a\.csv' is no readable model file"):
        load(tmp_path / "a.csv")
    with pytest.raises(PersistenceError, match="no such file: "):
        load(tmp_path / "none.skops")
    with pytest.raises(PersistenceError, match="is no readable model file"):
        load(tmp_path)
    with zipfile.ZipFile(saved, "a") as doubled, pytest.warns(UserWarning, match="Duplicate name"):
        doubled.writestr("card.json", b"{}")
    with pytest.raises(PersistenceError, match="is no model file of autometa"):
        load(saved)


def test_other_versions_of_libraries_are_told_in_one_line(model: Model, tmp_path: Path) -> None:
    libraries = {**model.card["libraries"], "scikit-learn": "1.2.3", "numpy": "0.1"}
    save(replace(model, card={**model.card, "libraries": libraries}), tmp_path / "model.skops")
    with pytest.warns(
        AutometaWarning, match=r"was made with scikit-learn 1\.2\.3, here [\d.]+: predictions may differ"
    ):
        load(tmp_path / "model.skops")


def test_a_format_of_the_future_is_told(saved: Path) -> None:
    with pytest.raises(PersistenceError, match="has format 2 of model files, this autometa reads 1"):
        load(repacked(saved, manifest=b'{"format": 2}'))


def test_a_model_is_read_in_another_process(saved: Path, model: Model, tmp_path: Path) -> None:
    table = small_table()
    table.to_csv(tmp_path / "new.csv", index=False)
    code = (
        "import sys, pandas, autometa.persistence as p\n"
        "print(','.join(p.load(sys.argv[1]).predict(pandas.read_csv(sys.argv[2]))))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(saved), str(tmp_path / "new.csv")], capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip().split(",") == model.predict(pd.read_csv(tmp_path / "new.csv")).tolist()


def test_reading_and_writing_a_model_does_not_import_torch(model: Model, tmp_path: Path) -> None:
    """Where torch is installed, scikit-learn brings a module that imports it, which takes seconds."""
    path = tmp_path / "model.skops"
    save(model, path)
    code = (
        "import sys; from autometa.persistence import load, save; "
        f"save(load({str(path)!r}), {str(tmp_path / 'again.skops')!r}); print('torch' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"
