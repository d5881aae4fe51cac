"""The floors of the house: a module imports from lower floors only, and every library has one home."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "autometa"

# A module, or a folder with all that is in it, and its floor; doors do not import one another.
FLOORS = {
    "errors": -1,  # below all, so that every module may raise
    "_optional": 0,
    "_random": 0,
    "_paths": 0,
    "_array_cache": 0,
    "_characters": 0,
    "_passwords": 0,
    "_sizes": 0,
    "_writing": 0,
    "task_kind": 0,
    "embedding": 0,
    "metric": 1,
    "task": 2,
    "space": 2,
    "reading": 3,
    "sketches": 3,
    "metafeatures": 4,
    "pipelines": 5,
    "evaluation": 6,
    "ensembling": 7,
    "persistence": 7,
    "knowledge": 7,
    "sources": 8,
    "wish": 8,
    "recommenders": 9,
    "probing": 10,
    "fewshot": 10,
    "growing": 11,
    "recommender_names": 11,
    "advisor": 12,
    "refinement": 13,  # goes on from advice
    "benchmark": 13,
    "recorder": 14,
    "reporting": 14,
    "fitting": 15,
    "estimators": 16,
    "cli": 17,
}

# Where a library may be imported, beside tests, benchmarks and migrations.
HOMES = {
    "sqlalchemy": {"knowledge"},
    "alembic": {"knowledge"},
    "openml": {"sources"},
    "optuna": {"refinement"},
    "torch": {"fewshot"},
    "safetensors": {"fewshot"},
    "dask": {"growing"},
    "distributed": {"growing"},
    "typer": {"cli"},
    "click": {"cli"},
    "rich": {"cli"},
    "fastapi": {"service"},
    "uvicorn": {"service"},
    "xgboost": {"pipelines"},
    "catboost": {"pipelines"},
    "lightgbm": {"pipelines", "recommenders", "metafeatures"},
    "skops": {"persistence"},
    "matplotlib": {"reporting"},
}


def _place(path: Path) -> str:
    """Return the first part of a module's name below autometa, without the ending."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def _imported(path: Path) -> set[str]:
    """Return the full names of all modules that a file imports, inside functions too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return names


def _imported_modules(path: Path, modules: set[str]) -> set[str]:
    """Return the modules of autometa that a file imports: `from a import b` is a.b where that is a module."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= names if names <= modules else (names & modules) | {node.module}
    return found & modules


def _modules() -> list[Path]:
    """Return every module but the front door, whose names are looked up on use."""
    return sorted(
        path for path in PACKAGE.rglob("*.py") if path.name != "__main__.py" and path != PACKAGE / "__init__.py"
    )


@pytest.mark.parametrize("path", _modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_from_lower_floors_only(path: Path) -> None:
    place = _place(path)
    assert place in FLOORS, f"{place} has no floor: add it to FLOORS"
    for name in _imported(path):
        if not name.startswith("autometa."):
            continue
        other = name.split(".")[1]
        if other in {place, "__version__"}:
            continue
        assert FLOORS.get(other, 99) < FLOORS[place], f"{path.name} of {place} imports {name}, which is not below it"


@pytest.mark.parametrize("path", _modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_library_is_imported_in_its_home_only(path: Path) -> None:
    for name in _imported(path):
        home = HOMES.get(name.split(".")[0])
        assert home is None or _place(path) in home, f"{path.name} imports {name}; its home is {home}"


def test_modules_inside_a_folder_do_not_import_in_circles() -> None:
    paths = {_dotted(path): path for path in _modules()}
    graph = {name: _imported_modules(path, set(paths)) for name, path in paths.items()}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, f"circle: {' -> '.join((*trail, name))}"
        if name in done or name not in graph:
            return
        for other in graph[name]:
            visit(other, (*trail, name))
        done.add(name)

    for name in graph:
        visit(name, ())


def _dotted(path: Path) -> str:
    """Return the dotted name of a module."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
