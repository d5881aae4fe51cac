"""Imports of a command leave garbage collection as it was, and what they made out of it."""

import gc
import subprocess
import sys
from pathlib import Path

import pytest

from autometa.cli.importing import load

_IN_A_PROCESS = """
import gc
from autometa.cli.importing import load
{before}
wave, = load("wave")
frozen = gc.get_freeze_count()
assert load("wave") == [wave]
print(wave.__name__, gc.isenabled(), frozen > 1000, gc.get_freeze_count() == frozen)
"""


@pytest.mark.parametrize(("before", "is_enabled"), [("", True), ("gc.disable()", False)])
def test_what_imports_make_is_exempt_once(before: str, is_enabled: bool) -> None:
    code = _IN_A_PROCESS.format(before=before)
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["wave", str(is_enabled), "True", "True"]


def test_a_module_that_is_missing_leaves_the_collection_of_garbage_on() -> None:
    with pytest.raises(ImportError, match="no_such_module"):
        load("no_such_module")
    assert gc.isenabled()


def test_a_recommendation_loads_nothing_later_that_is_large(shipped_base: Path, examples: Path) -> None:
    code = (
        "import sys; from autometa.cli.importing import MEASURING, load; "
        "load('autometa.cli.recommend', *MEASURING); before = set(sys.modules); import autometa; "
        f"autometa.recommend({str(examples / 'wine.csv')!r}, knowledge={str(shipped_base)!r}); "
        "print(*{name.split('.')[0] for name in set(sys.modules) - before})"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"lightgbm", "pandas", "scipy", "sklearn", "sqlalchemy"} & set(result.stdout.split())
