"""Optional libraries are found without importing them, and missing ones are named with their extra."""

import json
import subprocess
import sys

import pytest

from autometa._optional import is_installed, require
from autometa.errors import MissingDependencyError, UserError


def test_an_installed_library_is_found_and_given() -> None:
    assert is_installed("json")
    assert require("json", extra="anything") is json


@pytest.mark.parametrize("name", ["no_such_library", "no_such_library.part", "json.no_such_part"])
def test_a_missing_library_is_told_with_the_command_that_brings_it(name: str) -> None:
    assert not is_installed(name)
    with pytest.raises(MissingDependencyError, match=r"pip install 'autometa-ml\[boosters\]'") as caught:
        require(name, extra="boosters")
    assert name in str(caught.value)
    assert isinstance(caught.value, UserError)


def test_asking_does_not_import() -> None:
    script = (
        "import sys; from autometa._optional import is_installed; print(is_installed('wave'), 'wave' in sys.modules)"
    )
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert output.stdout.split() == ["True", "False"]
