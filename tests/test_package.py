"""The package as a whole: its public names, its import, its wheel."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import autometa

ROOT = Path(__file__).parents[1]


def test_the_public_names_are_these() -> None:
    assert sorted(autometa.__all__) == [
        "AutoMetaClassifier",
        "AutoMetaRegressor",
        "KnowledgeBase",
        "KnowledgeSampler",
        "add_study",
        "describe",
        "errors",
        "from_openml",
        "read_task",
        "recommend",
        "recording",
        "warm_start",
    ]
    for name in autometa.__all__:
        assert getattr(autometa, name) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'guess'"):
        _ = autometa.guess


def test_importing_autometa_imports_nothing_heavy() -> None:
    code = (
        "import sys, autometa; print(sorted({m.split('.')[0] for m in sys.modules} & {'numpy', 'pandas', 'sklearn'}))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_recommending_imports_nothing_that_it_does_not_need(shipped_base: Path, examples: Path) -> None:
    code = (
        "import sys, autometa; "
        f"autometa.recommend({str(examples / 'diabetes.csv')!r}, knowledge={str(shipped_base)!r}); "
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'catboost', 'optuna', 'openml', 'torch', 'alembic'}))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_the_wheel_recommends_outside_the_checkout(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("autometa_ml-*.whl")
    site = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--target", str(site), str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    environment = {**os.environ, "PYTHONPATH": str(site), "XDG_DATA_HOME": str(tmp_path / "home")}
    environment.pop("AUTOMETA_DATABASE_URL", None)
    data = ROOT / "data" / "examples" / "wine.csv"
    where = "import autometa; print(autometa.__file__)"
    found = subprocess.run(
        [sys.executable, "-c", where], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert found.stdout.startswith(str(site))
    result = subprocess.run(
        [sys.executable, "-m", "autometa", "recommend", str(data), "-k", "3", "--format", "json"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert len(json.loads(result.stdout)["recommendations"]) == 3
    assert (tmp_path / "home" / "autometa" / "knowledge.db").is_file()
