"""`autometa predict`."""

import io
import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from autometa.cli import models as shared
from autometa.persistence import Model
from tests.cli.model_files import Ran, ran, save_model

__all__ = ["ran"]
N_ROWS = 120


def table() -> pd.DataFrame:
    """Return rows whose beginning looks other than the whole: first whole numbers and codes, then fractions, words."""
    rng = np.random.default_rng(0)
    size = np.where(np.arange(N_ROWS) < 60, rng.integers(0, 9, N_ROWS), rng.normal(4, 2, N_ROWS).round(3))
    code = [str(i % 4) for i in range(60)] + [["0", "1", "2", "x"][i % 4] for i in range(60)]
    frame = pd.DataFrame({"size": [f"{value:g}" for value in size], "code": code})
    wanted = (frame["size"].astype(float) > 4).astype(int) + (frame["code"] == "1")
    return frame.assign(y=wanted.map({0: "low", 1: "mid", 2: "top"}))


@pytest.fixture
def model(tmp_path: Path) -> Model:
    table().to_csv(tmp_path / "train.csv", index=False)
    return save_model(tmp_path / "train.csv", tmp_path / "model.skops")


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autometa.cli.predict.CHUNK_ROWS", 25)


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("name", ["out.csv", "out.parquet", "-"])
def test_a_table_is_predicted_in_pieces_as_a_whole(name: str, model: Model, ran: Ran) -> None:
    code, out, err = ran("predict", "model.skops", "train.csv", "-o", name, "--probabilities")
    assert code == 0, err
    if name == "-":
        read = pd.read_csv(io.StringIO(out))
        assert err == ""
    else:
        read = pd.read_csv(name) if name.endswith("csv") else pd.read_parquet(name)
        assert (out, err) == ("", f"120 rows predicted: {name}\n")
    assert list(read.columns) == ["y", "probability_low", "probability_mid", "probability_top"]
    assert read["y"].tolist() == model.predict(table()).tolist() == table()["y"].tolist()
    np.testing.assert_allclose(read.iloc[:, 1:], model.predict_proba(table()), rtol=1e-15)
    assert not [path for path in Path().iterdir() if path.name.startswith(".")]


def test_other_columns_and_another_order_change_nothing(model: Model, ran: Ran) -> None:
    table()[["code", "size"]].assign(note="x").to_csv("new.csv", index=False)
    code, out, _ = ran("predict", "model.skops", "new.csv")
    assert code == 0
    assert out == "y\n" + "".join(f"{label}\n" for label in table()["y"])


def test_numbers_are_predicted_in_full(tmp_path: Path, ran: Ran) -> None:
    frame = pd.DataFrame({"size": np.sin(np.arange(60)), "price [EUR]": np.cos(np.arange(60))})
    model = save_model(frame, tmp_path / "model.skops", "ridge", target="price [EUR]")
    frame[["size"]].assign(note="a, b").to_csv("new.csv", index=False, sep=";", decimal=",")
    code, out, err = ran("predict", "model.skops", "new.csv")
    assert code == 0, err
    assert pd.read_csv(io.StringIO(out))["price [EUR]"].tolist() == model.predict(frame).tolist()
    code, out, err = ran("predict", "model.skops", "new.csv", "--probabilities")
    assert (code, out) == (2, "")
    assert err == "error: this model predicts numbers, so there are no probabilities of 'price [EUR]'\n"


@pytest.mark.usefixtures("model")
def test_a_file_is_replaced_only_by_force(ran: Ran) -> None:
    Path("out.csv").write_text("mine")
    code, out, err = ran("predict", "model.skops", "train.csv", "-o", "out.csv")
    assert (code, out) == (2, "")
    assert "out.csv exists; give another name, or --force to replace it" in err
    assert Path("out.csv").read_text() == "mine"
    assert ran("predict", "model.skops", "train.csv", "-o", "out.csv", "--force")[0] == 0
    assert Path("out.csv").read_text().startswith("y\n")


@pytest.mark.usefixtures("small_chunks", "model")
@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_nothing_half_is_left_where_a_later_line_is_broken(name: str, ran: Ran) -> None:
    with Path("train.csv").open("a") as file:
        file.write("1,2\n")
    code, _, err = ran("predict", "model.skops", "train.csv", "-o", name)
    assert code == 2
    assert "'train.csv': line 122 has 2 fields, the header 3; mend it" in err
    assert sorted(path.name for path in Path().iterdir()) == ["model.skops", "train.csv"]


@pytest.mark.usefixtures("model")
def test_a_full_disk_is_one_line_and_leaves_nothing(ran: Ran) -> None:
    pd.concat([table()] * 20).to_csv("long.csv", index=False)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))  # as a full disk: writing more fails
    try:
        code, _, err = ran("predict", "model.skops", "long.csv", "-o", "out.csv")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (code, err) == (2, "error: cannot write out.csv: File too large; give another place\n")
    assert not Path("out.csv").exists()
    assert not list(Path().glob(".out*"))


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize(
    ("content", "arguments", "message"),
    [
        (
            "Size,code\n1,2\n",
            (),
            "'new.csv' lacks the column 'size' that the model was trained on (did you mean 'Size'?)",
        ),
        ("size,code\nx,2\ny,3\n", (), "column 'size' was numeric in training, but 2 of 2 values cannot be read so"),
        ("size,code\n", (), "'new.csv' has a header of 2 columns but no rows; give a table with rows"),
        ("size,code\n1,2\n", ("-o", "out.xlsx"), "cannot write predictions as '.xlsx'; name a file .csv or .parquet"),
        ("size,code\n1,2\n", ("-o", "no/out.csv"), "cannot write the predictions: there is no folder no"),
    ],
)
def test_what_cannot_be_predicted_is_refused_in_one_line(
    content: str, arguments: tuple[str, ...], message: str, ran: Ran
) -> None:
    Path("new.csv").write_text(content)
    before = sorted(Path().iterdir())
    code, out, err = ran("predict", "model.skops", "new.csv", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert message in err
    assert err.count("\n") == 1
    assert sorted(Path().iterdir()) == before


@pytest.mark.usefixtures("model")
def test_values_that_cannot_be_read_are_told_on_stderr(ran: Ran) -> None:
    Path("new.csv").write_text("size,code\n1,2\nbroken,3\n2,x\n")
    code, out, err = ran("predict", "model.skops", "new.csv")
    assert (code, out.count("\n")) == (0, 4)
    assert err.startswith("warning: column 'size': 1 value of 3 cannot be read as in training and counts as missing")


@pytest.mark.usefixtures("model")
def test_a_model_of_another_is_read_only_with_trust(
    ran: Ran, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("other")))
    code, out, err = ran("predict", "model.skops", "train.csv")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "'model.skops' was not made by you on this machine, and a crafted model can do harm; trust (--trust)" in err
    assert ran("predict", "model.skops", "train.csv", "--trust")[0] == 0


@pytest.mark.usefixtures("model")
def test_predicting_needs_neither_the_database_nor_optuna(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from autometa.cli.main import main\n"
        "sys.argv = ['autometa', 'predict', 'model.skops', '-', '--probabilities']\n"
        "try:\n    main()\n"
        "finally:\n"
        "    found = {'optuna', 'sqlalchemy', 'alembic', 'openml'} & set(sys.modules)\n"
        "    sys.stderr.write(f'imported: {sorted(found)}\\n')\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        input=(tmp_path / "train.csv").read_text(),
        capture_output=True,
        text=True,
        env=dict(os.environ),
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("y,probability_low")
    assert result.stderr == "imported: []\n"


def test_pieces_are_of_a_size_that_memory_holds() -> None:
    assert shared.CHUNK_ROWS == 50_000
